"""What a finding about a document's shape, codes and check digits says, in words that a broker understands."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from singlewindow import ids
from singlewindow.findings import Finding

if TYPE_CHECKING:
    from singlewindow.catalogue import CodeList
    from singlewindow.document import Element, Path, Section

_THOUSANDS = re.compile(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?").fullmatch
_OTHER_DAY = re.compile(r"([0-9]{4})([/.年])([0-9]{1,2})[/.月]([0-9]{1,2})日?").fullmatch
_DECIMAL = re.compile(r"N(\d+),(\d+)").fullmatch
_STRUCTURE = "catalogue/documents"
# A country's old number stood for all its ports.
_MOST_NAMED = 3
# Wider than any number here; Python refuses to write out much wider ones.
_WIDE = 10**30


@dataclass(frozen=True, slots=True)
class Check:
    """A kind of check digit; `computed` is the check character that the rest of a text of the right form demands."""

    name_zh: str
    name_en: str
    passes: Callable[[str], bool]
    computed: Callable[[str], str | None]


def _uscc_digit(text: str) -> str | None:
    from stdnum.cn import uscc

    return str(uscc.calc_check_digit(text[:-1])) if re.fullmatch(r"[0-9A-HJ-NPQRTUWXY]{18}", text) else None


def _container_digit(text: str) -> str | None:
    from stdnum import iso6346

    return str(iso6346.calc_check_digit(text[:-1])) if re.fullmatch(r"[A-Z]{3}[UJZ][0-9]{7}", text) else None


CHECKS = {
    "uscc": Check("统一社会信用代码", "unified social credit code", ids.is_uscc, _uscc_digit),
    "container": Check("集装箱号", "container number", ids.is_container_no, _container_digit),
}


def guesses(element: "Element", given: Any) -> Iterator[str]:
    """Other spellings of the same value: half-width, capitals, a number without separators, a day in ISO 8601."""
    if (
        isinstance(given, int)
        and not isinstance(given, bool)
        and 0 <= given < _WIDE
        and not element.is_numeric
    ):
        yield str(given)
    if not isinstance(given, str) or len(given) > 100:
        return
    text = unicodedata.normalize("NFKC", given).strip()
    yield text
    yield text.upper()
    yield text.upper().replace(" ", "").replace("-", "") if element.check or element.pattern else text
    if element.is_numeric and _THOUSANDS(text):
        yield text.replace(",", "")
    if element.is_date and (day := _OTHER_DAY(text)):
        yield f"{day[1]}-{day[3]:0>2}-{day[4]:0>2}"


def missing(path: "Path", element: "Element | None") -> Finding:
    return finding(path, element, "SHAPE-REQUIRED", None, "a value", "缺少必填项", "is missing")


def unknown(
    path: "Path",
    name: str,
    parent: Mapping[str, Any],
    known: Mapping[str, str],
    tags: tuple[str, ...],
    *,
    guess: bool,
) -> Finding:
    """A member that the document does not have. `known`: names that stand here, with their tags in DecMessage."""
    given, here = parent[name], (*path, name)
    tag = re.sub(r"\[\d+\]$", "", name)
    is_xml = name[:1].isupper() or name[:1] in "@#"
    where_zh, where_en = (f"（XML：{'/'.join((*tags, name))}）",) * 2 if is_xml else ("", "")
    meant = _meant(tag, known) if guess else None
    if is_xml and meant and known[meant] == tag and meant in parent:
        zh, en = f"{tag} 在同一处重复出现{where_zh}", f"{tag} stands twice in one place{where_en}"
        return finding(here, None, "SHAPE-UNKNOWN", given, "once", zh, en)
    hint_zh, hint_en = (f"，是否为 {meant}？", f"; did you mean {meant}?") if meant else ("", "")
    # Where the place is taken a move would overwrite: a person must choose.
    free = meant is not None and meant not in parent
    fix = ({"op": "move", "from": pointer(here), "path": pointer((*path, meant))},) if meant and free else ()
    zh = f"未知字段 {name[:80]}{where_zh}{hint_zh}"
    en = f"{name[:80]} is not a field of this document{where_en}{hint_en}"
    return finding(here, None, "SHAPE-UNKNOWN", given, meant or "a known field", zh, en, fix=fix)


def not_carried(tag: str, part: tuple[str, str], given: Any) -> Finding:
    """A part of the message that is known and has no place here yet: it must not be taken for filed."""
    zh = f"{part[0]}（{tag}）：本版本尚不承载，请仍按原渠道申报"
    en = f"{tag} ({part[1]}) is not carried in this version"
    return finding(
        (tag,), None, "SHAPE-NOT-CARRIED", given, "nothing", zh, f"{en}: file it where you did until now"
    )


def odd_section(path: "Path", keyword: str, given: Any, section: "Section | None") -> Finding:
    """A section of another JSON type, or with too few or too many entries."""
    if keyword in ("minItems", "maxItems") and section and section.occurs:
        least, most = section.occurs
        limit, word_zh, word_en = (
            (least, "至少", "at least") if keyword == "minItems" else (most, "最多", "at most")
        )
        zh, en = (
            f"{section.name_zh}{word_zh} {limit} 项",
            f"There must be {word_en} {limit} {section.name_en}",
        )
        return finding(
            path, None, "SHAPE-COUNT", len(given), f"{word_en} {limit}", f"{zh}（现 {len(given)} 项）", en
        )
    is_list = section is not None and section.occurs is not None
    name_zh, name_en = (section.name_zh, section.name_en) if section else ("此处", "This place")
    kind_zh, kind_en = ("列表", "a list") if is_list else ("对象", "an object")
    zh, en = f"{name_zh}应为{kind_zh}", f"{name_en[:1].upper()}{name_en[1:]} must be {kind_en}"
    # One object of texts where a list of them belongs: whoever sends it means a list of one.
    single = is_list and isinstance(given, dict) and all(isinstance(value, str) for value in given.values())
    fix = ({"op": "replace", "path": pointer(path), "value": [given]},) if single else ()
    return finding(path, None, "SHAPE-TYPE", given, kind_en, zh, en, fix=fix)


def odd_value(path: "Path", keyword: str, given: Any, element: "Element", mended: str | None) -> Finding:
    """A value of another type, length or form."""
    fix = ({"op": "replace", "path": pointer(path), "value": mended},) if mended is not None else ()
    zh, en = form(element)
    if keyword == "type":
        rule, said_zh, said_en = "SHAPE-TYPE", f"应为{zh}", f"must be {en}"
    elif keyword in ("maxLength", "minLength"):
        rule, said_zh = "SHAPE-LENGTH", f"应为{zh}，现有 {len(given)} 个字符"
        said_en = f"must be {en}, not {len(given)} characters"
    elif _has_control(given):
        rule, zh, en = "SHAPE-FORMAT", "不含控制字符的文本", "text without control characters"
        said_zh, said_en = "含有控制字符", "has control characters"
    else:
        rule, said_zh, said_en = "SHAPE-FORMAT", f"应为{zh}", f"must be {en}"
    return finding(path, element, rule, given, en, said_zh, said_en, fix=fix)


def form(element: "Element") -> tuple[str, str]:
    """What an element looks like, in Chinese and English."""
    if element.form_zh:
        return element.form_zh, element.form_en
    if decimal := _DECIMAL(element.representation):
        whole, scale = int(decimal[1]) - int(decimal[2]), int(decimal[2])
        sign_zh, sign_en = ("", "a number") if element.signed else ("非负", "a number, not negative")
        return (
            f"{sign_zh}数字，整数最多 {whole} 位，小数最多 {scale} 位",
            f"{sign_en}, up to {whole} digits and {scale} decimals",
        )
    if element.is_numeric:
        most = element.representation.removeprefix("n..")
        return f"最多 {most} 位的整数", f"a whole number of up to {most} digits"
    if element.is_date:
        return "日期 YYYY-MM-DD（或 yyyyMMdd）", "a date YYYY-MM-DD (or yyyyMMdd)"
    exact, most = not element.representation.startswith("C.."), element.representation.lstrip("C.")
    if exact:
        return f"{most} 个字符", f"{most} characters"
    return f"不超过 {most} 个字符的文本", f"a text of up to {most} characters"


def wrong_code(
    at: str, element: "Element", codes: "CodeList", given: str, as_at: date, mended: str | None
) -> Finding:
    """A code of another set is told from one of no set: mixing is refused with the right code named."""
    right = (codes.instead(given) or ([mended] if mended else []))[:_MOST_NAMED]
    near: list[str] = []
    named = [f"{code}（{codes.label(code, 'zh')}）" for code in right]
    named_en = [f"{code} ({codes.label(code, 'en')})" for code in right]
    if given in codes.rows:
        zh, en = _out_of_force(codes.row(given), as_at)
        zh, en = (
            (f"{zh}，应填 {'或'.join(named)}", f"{en}; write {' or '.join(named_en)}") if right else (zh, en)
        )
    elif right:
        zh = f"“{given}”不是本代码表的代码，应填 {'或'.join(named)}"
        en = f"“{given}” belongs to another code set; write {' or '.join(named_en)}"
    else:
        near = codes.nearest(given)
        edition = f"（{codes.source_date}）" if codes.source_date else ""
        zh = f"“{given[:40]}”不在《{codes.name_zh}》代码表{edition}中"
        en = f"“{given[:40]}” is not in the list of {codes.name_en}"
        if near:
            zh += "，相近：" + "、".join(f"{code}（{codes.label(code, 'zh')}）" for code in near)
            en += "; near: " + ", ".join(f"{code} ({codes.label(code, 'en')})" for code in near)
    fix = ({"op": "replace", "path": at, "value": right[0]},) if len(right) == 1 else ()
    expected = right[0] if len(right) == 1 else (right or near) or f"a code of {codes.id}"
    return finding(
        at, element, f"CODE-{codes.id.upper()}", given, expected, zh, en,
        fix=fix, source=codes.source, verified=codes.verified,
    )  # fmt: skip


def wrong_check(at: str, element: "Element", given: str) -> Finding:
    assert element.check is not None
    check = CHECKS[element.check]
    zh, en, expected = f"不是有效的{check.name_zh}", f"is no {check.name_en}", f"a {check.name_en}"
    if (right := check.computed(given)) is not None:
        zh += f"：按前面各位计算，校验位应为 {right}"
        en += f": by the characters before it the check character is {right}"
        expected = f"{given[:-1]}{right}, or other characters before it"
    fixed = next((text for text in guesses(element, given) if text != given and check.passes(text)), None)
    fix = ({"op": "replace", "path": at, "value": fixed},) if fixed else ()
    return finding(at, element, f"CHECK-{element.check.upper()}", given, expected, zh, en, fix=fix)


def no_day(at: str, element: "Element", given: str) -> Finding:
    return finding(
        at, element, "CHECK-DATE", given, "a day of the calendar", "日期不存在", "is no day of the calendar"
    )


def more(shown: int) -> Finding:
    zh, en = f"问题过多，仅列出前 {shown} 项，其余未检查", f"Too much is wrong: the first {shown} are shown"
    return finding(
        (), None, "SHAPE-MORE", None, "fewer faults or entries", zh, f"{en}, the rest was not judged"
    )


def finding(
    place: "Path | str",
    element: "Element | None",
    rule: str,
    given: Any,
    expected: Any,
    zh: str,
    en: str,
    *,
    fix: tuple[dict[str, Any], ...] = (),
    source: str | None = None,
    verified: bool | None = None,
) -> Finding:
    if element:
        zh, en = f"{element.name_zh}：{zh}", f"{element.name_en} {en}"
        source = source or element.source
        verified = element.verified if verified is None else verified
    return Finding(
        code=rule,
        severity="error",
        pointer=place if isinstance(place, str) else pointer(place),
        rule=rule,
        element=element.id if element else None,
        source=source or _STRUCTURE,
        verified=verified is not False,
        given=_shown(given),
        expected=expected,
        fix=fix,
        message_zh=zh,
        message_en=en,
    )


def pointer(path: "Path") -> str:
    """RFC 6901."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _meant(name: str, known: Mapping[str, str]) -> str | None:
    """The known name that is written so in its message or in another style (`grossWeight`), or that it resembles."""
    key = re.sub(r"[^a-z0-9]", "", name[:80].lower())
    squeezed = {known_name.replace("_", ""): known_name for known_name in known}
    tags = {tag.split("/")[-1].lower(): known_name for known_name, tag in known.items() if tag}
    if not key or (exact := squeezed.get(key) or tags.get(key)):
        return exact if key else None
    near = _resembling(key, tuple(squeezed))
    return squeezed[near] if near else None


# Who misspells a name does so in every document: to compare it with a hundred others takes a third of a millisecond.
@lru_cache(maxsize=1024)
def _resembling(key: str, names: tuple[str, ...]) -> str | None:
    from difflib import get_close_matches

    return next(iter(get_close_matches(key, names, n=1, cutoff=0.7)), None)


def _out_of_force(row: Mapping[str, Any], as_at: date) -> tuple[str, str]:
    begun, ended = row.get("effective_from"), row.get("effective_to")
    if begun and as_at.isoformat() < begun:
        return f"代码“{row['code']}”自 {begun} 起才启用", f"“{row['code']}” is in force from {begun} only"
    return f"代码“{row['code']}”已于 {ended} 后停用", f"“{row['code']}” was in force until {ended}"


def _has_control(given: Any) -> bool:
    return isinstance(given, str) and bool(re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", given))


def _shown(given: Any) -> Any:
    """As an answer may repeat it: short, and nothing but JSON."""
    if given is None or isinstance(given, bool):
        return given
    if isinstance(given, str):
        return given if len(given) <= 200 else f"{given[:200]}…"
    if isinstance(given, int):
        return given if abs(given) < _WIDE else f"{Decimal(given):.3E}"
    if isinstance(given, dict | list):
        return f"{type(given).__name__} of {len(given)}"
    return str(given)[:200]
