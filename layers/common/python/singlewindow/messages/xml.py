"""XML from outside, parsed without trust: encodings, bombs, depth and size are judged before it is read."""

import codecs
import re
from functools import lru_cache
from typing import Any

from lxml import etree

from singlewindow.canonical import MAX_DEPTH
from singlewindow.errors import WindowError

# GB 18030 contains GBK and GB 2312, and is what their names mean in practice.
_ENCODINGS = {"utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "utf-8", "ascii": "utf-8"} | dict.fromkeys(
    ("gb18030", "gbk", "gb2312", "cp936", "x-gbk"), "gb18030"
)
_DECLARATION = re.compile(rb"\s*<\?xml\s[^>]{0,200}?\?>")
_ENCODING = re.compile(rb"""encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
# What may stand before the root, and before a document type definition.
_PROLOG = re.compile(r"\s*(?:(?:<\?.*?\?>|<!--.*?-->)\s*)*", re.DOTALL)
# Far more than a document of 1 MB can need.
_MOST_ELEMENTS, _MOST_ATTRIBUTES = 50_000, 2_000
_SCHEMA_INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}"
_XML = "{http://www.w3.org/XML/1998/namespace}"


def parse(
    raw: bytes,
    *,
    most_elements: int = _MOST_ELEMENTS,
    most_attributes: int = _MOST_ATTRIBUTES,
    keep_pis: bool = False,
) -> Any:
    """The root element; comments and processing instructions are gone (C14N, and so a signature, needs the latter).

    Raises 400 for what is not XML, has a DTD, is nested deeper than 32 or has too many elements.
    """
    # Counted before parsing: the tree of a hostile body would take fifty times its bytes.
    if len(raw) > 2_000_000 and raw.count(b"<") > 3 * most_elements:
        raise _too_many(most_elements, most_attributes)
    text = _decoded(raw)
    # Refused before parsing: a bomb costs nothing then.
    if text.startswith("<!DOCTYPE", _PROLOG.match(text).end()):  # type: ignore[union-attr]
        raise _bad("xml-dtd", "a document type definition is not accepted", "不接受 DTD")
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False,
        huge_tree=False, remove_comments=True, remove_pis=not keep_pis,
    )  # fmt: skip
    try:
        root = etree.fromstring(text.encode("utf-8", "surrogatepass"), parser)
    except etree.XMLSyntaxError as error:
        if "depth" in str(error):
            raise _too_deep() from None
        raise _bad("xml-syntax", _one_line(error), f"不是合法的 XML（第 {error.lineno} 行）") from None
    # Counted by libxml2: a Python object per element would cost more than the limit of 50 ms on a hostile body.
    if root.xpath(_TOO_DEEP):
        raise _too_deep()
    if root.xpath("count(//*)") > most_elements or root.xpath("count(//@*)") > most_attributes:
        raise _too_many(most_elements, most_attributes)
    return root


@lru_cache(maxsize=2048)
def local(tag: str) -> str:
    """A name without its namespace; a message has thousands, and few different ones."""
    return tag.rpartition("}")[2]


@lru_cache(maxsize=2048)
def space(tag: str) -> str:
    """The namespace of a name; empty where it has none."""
    return tag.rpartition("}")[0][1:]


def is_plumbing(key: str) -> bool:
    """Attributes of XML itself, such as `xsi:schemaLocation`: they say nothing of goods."""
    return key.startswith((_SCHEMA_INSTANCE, _XML))


_TOO_DEEP = "boolean(" + "/*" * (MAX_DEPTH + 1) + ")"


def _decoded(raw: bytes) -> str:
    """The text without its XML declaration. Encodings: UTF-8, the GB family, and UTF-16 where a mark says so."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and not raw.startswith(codecs.BOM_UTF32_LE):
        raw = codecs.BOM_UTF8 + _text(raw, "utf-16").encode()
    if b"\x00" in raw[:4]:
        raise _other_encoding("UTF-32, or UTF-16 without a mark,")
    has_mark = raw.startswith(codecs.BOM_UTF8)
    body = raw.removeprefix(codecs.BOM_UTF8)
    declaration = _DECLARATION.match(body)
    if not declaration and (before := body.find(b"<?xml", 0, 1000)) > 0 and body[:before].strip():
        raise _bad(
            "xml-stray-bytes",
            f"{before} byte(s) stand before <?xml: {body[: min(before, 20)]!r}; remove them",
            f"<?xml 之前有 {before} 个多余字节，请删除",
        )
    named = _ENCODING.search(declaration[0]) if declaration else None
    encoding = named[1].decode().lower() if named and not has_mark else "utf-8"
    if encoding not in _ENCODINGS:
        raise _other_encoding(encoding)
    text = _text(body[declaration.end() if declaration else 0 :], _ENCODINGS[encoding])
    if not text.strip():
        raise _bad("xml-empty", "the body is empty", "报文体为空")
    return text.lstrip()


def _text(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        told, told_zh = (
            f"not {encoding} at byte {error.start}",
            f"不是 {encoding} 编码（第 {error.start} 字节）",
        )
        if encoding == "utf-8" and _reads_as_gb18030(raw):
            told += '; it reads as GB18030: declare encoding="GB18030", or send UTF-8'
            told_zh += "，内容疑为 GB18030：请声明 encoding=“GB18030” 或改用 UTF-8"
        raise _bad("xml-encoding", told, told_zh) from None


def _one_line(error: Exception) -> str:
    return re.sub(r"\s+", " ", str(error)).removesuffix(" (<string>, line 1)")


def _reads_as_gb18030(raw: bytes) -> bool:
    try:
        return any("一" <= character <= "鿿" for character in raw.decode("gb18030"))
    except UnicodeDecodeError:
        return False


def _too_many(elements: int, attributes: int) -> WindowError:
    many = f"more than {elements} elements or {attributes} attributes"
    return _bad("xml-too-many", many, "元素或属性过多")


def _too_deep() -> WindowError:
    return _bad("xml-depth", f"nested deeper than {MAX_DEPTH}", f"嵌套超过 {MAX_DEPTH} 层")


def _other_encoding(name: str) -> WindowError:
    return _bad(
        "xml-encoding", f"{name} is not accepted; send UTF-8 or GB18030", "仅接受 UTF-8 或 GB18030 编码"
    )


def _bad(code: str, detail: str, detail_zh: str) -> WindowError:
    return WindowError(400, code, detail, detail_zh=detail_zh)
