"""One strict way to read JSON and one canonical way to write it, so that a hash means something.

Numbers with a fraction are `Decimal` from the first byte (orjson and pydantic's JSON parser would go through floats).
"""

import json
import zlib
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256 as _sha256
from typing import Any, NoReturn

from singlewindow.errors import WindowError

MAX_DEPTH = 32
MAX_DIGITS = 64
_NESTING = (dict, list)


def parse_json(raw: bytes) -> Any:
    """JSON (RFC 8259, UTF-8) to Python values; fractions as Decimal.

    400 for what is not JSON: also NaN, duplicate keys, lone surrogates and nesting deeper than 32.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _bad("json-encoding", f"not UTF-8 at byte {error.start}", "不是 UTF-8 编码") from None
    if "\ufffd" in text:
        # The gateway passes JSON on as text and puts this sign wherever the bytes were not UTF-8.
        raise _bad(
            "json-encoding", "not UTF-8 (or holds U+FFFD, the sign for what was lost)", "不是 UTF-8 编码"
        )
    if not text.strip():
        raise _bad("json-empty", "the body is empty", "报文体为空")
    try:
        value = _decoder.decode(text)
    except json.JSONDecodeError as error:
        raise _bad(
            "json-syntax", f"{error.msg} at line {error.lineno} column {error.colno}", "不是合法的 JSON"
        ) from None
    except RecursionError:
        raise _too_deep() from None
    if _depth(value) > MAX_DEPTH:
        raise _too_deep()
    if "\\u" in text:
        _refuse_lone_surrogates(value)
    return value


def load(text: str | bytes) -> Any:
    """What `dumps` wrote. No limits but JSON's own: what the window stored it must be able to read."""
    return json.loads(text, parse_float=Decimal)


def dumps(value: Any) -> bytes:
    """Canonical JSON: sorted keys, no white space, UTF-8, Decimals as plain strings, dates in ISO 8601."""
    return _encoder.encode(value).encode()


def sha256(data: bytes) -> str:
    return _sha256(data).hexdigest()


def pack(data: bytes, known: bytes = b"") -> bytes:
    """Compressed for storage: a 20-line declaration takes 4 KB instead of 15, and what it was read from, of which its
    canonical form is `known`, 2 KB more.
    """
    compressor = zlib.compressobj(6, zdict=known)
    return compressor.compress(data) + compressor.flush()


def unpack(data: bytes, known: bytes = b"") -> bytes:
    return zlib.decompressobj(zdict=known).decompress(data)


def plain(number: Decimal) -> str:
    """A Decimal as its shortest plain notation: `2.0000` and `2` are one value, hence one text."""
    text = format(number, "f")
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _bad(
            "json-duplicate-key",
            f"the key {twice[:80]!r} stands twice in one object",
            f"键 {twice[:80]} 重复",
        )
    return found


def _fraction(text: str) -> Decimal:
    """A number with a fraction or exponent. `1e999999999` is short to write and a gigabyte to spell out."""
    number = Decimal(text)
    if len(text) > MAX_DIGITS or abs(number.adjusted()) > MAX_DIGITS:
        raise _bad("json-number", f"a number of more than {MAX_DIGITS} digits", "数字过长")
    return number


def _whole(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise _bad("json-number", f"a number of more than {MAX_DIGITS} digits", "数字过长")
    return int(text)


def _no_constant(name: str) -> NoReturn:
    raise _bad("json-number", f"{name} is not a JSON number", f"{name} 不是合法的数字")


def _default(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"no canonical JSON for {type(value).__name__}")


def _depth(value: Any) -> int:
    """Nesting depth, level by level rather than by recursion: what it measures may be hostile."""
    level, depth = [value], 0
    while level:
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner += [value for value in item.values() if isinstance(value, _NESTING)]
            elif isinstance(item, list):
                inner += [value for value in item if isinstance(value, _NESTING)]
        level = inner
        depth += 1
        if depth > MAX_DEPTH:
            break
    return depth


def _refuse_lone_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        raise _bad(
            "json-surrogate", "a lone surrogate (\\ud800 to \\udfff) is no character", "含有孤立代理字符"
        ) from None


def _bad(code: str, detail: str, detail_zh: str) -> WindowError:
    return WindowError(400, code, detail, detail_zh=detail_zh)


def _too_deep() -> WindowError:
    return _bad("json-depth", f"nested deeper than {MAX_DEPTH}", f"嵌套超过 {MAX_DEPTH} 层")


_decoder = json.JSONDecoder(
    parse_float=_fraction, parse_int=_whole, parse_constant=_no_constant, object_pairs_hook=_unique
)
_encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_default)
