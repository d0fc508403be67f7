"""Requests to change or withdraw as customs' own message ModImport (报关单修撤单), in and out.

The message is `catalogue/messages/ModImport.json`; which field code is which element of a declaration stands in
`catalogue/rules/mod-import-fields.json`. Values are written as DecMessage writes them.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import cache
from typing import Any, Final

from lxml import etree

from singlewindow import catalogue, clock
from singlewindow.catalogue import in_force
from singlewindow.consent import AMENDMENT, Asked
from singlewindow.consignment import Consignment
from singlewindow.difference import Difference
from singlewindow.errors import WindowError, conflict
from singlewindow.findings import Finding
from singlewindow.messages.definition import Field, Group, message
from singlewindow.messages.judge import judge
from singlewindow.messages.xml import local, parse

_ID: Final = "ModImport"
_KIND: Final = {"amendment": "1", "withdrawal": "2"}
_STORED: Final = "G"
_ROOT: Final = "/DecModMessage"
_CHINA: Final = timezone(timedelta(hours=8))
# By what the message names an item of a list; licence documents go by their position.
_KEY: Final = {"lines": "line_no", "containers": "container_no"}


@dataclass(frozen=True, slots=True)
class Part:
    """What one field code stands for: an element of a section, or digits `first` to `last` of it."""

    code: str
    section: str
    element: str
    first: int = 0
    last: int | None = None

    def of(self, text: str | None) -> str | None:
        return text if text is None or self.last is None else text[self.first : self.last]


def amended(
    raw: bytes, consignment: Consignment, before: Mapping[str, Any], *, sending: bool
) -> tuple[str, dict[str, Any]]:
    """The reason and the amended document. Raises 400 for what is not this message, 422 with all findings for what
    does not fit the declaration: another number, a field that is unknown, a value before that is not what stands."""
    root = _read(raw, consignment, before, "amendment", sending)
    document: dict[str, Any] = deepcopy(dict(before))
    found: list[Finding] = []
    for number, item in enumerate(root.iterfind("{*}Items/{*}Item"), 1):
        at = f"{_ROOT}/Items/Item[{number}]"
        part, holder = _place(item, before, document, at, found)
        if part is None or holder is None:
            continue
        was, old = part.of(holder[0].get(part.element)), _value(part, item, "OldValue")
        if (was or None) != old:
            found.append(
                _finding(
                    f"{at}/OldValue", "MOD-STALE", old, was, "与现申报值不一致", "not what is declared now"
                )
            )
            continue
        _set(part, holder[1], _value(part, item, "NewValue"))
    if found:
        raise _unfit(found)
    return _text(root, "DecModNote") or "", document


def withdrawn(raw: bytes, consignment: Consignment, before: Mapping[str, Any]) -> str:
    """The reason of a request to withdraw; raises as `amended` does."""
    return _text(_read(raw, consignment, before, "withdrawal", True), "DecModNote") or ""


def written(
    consignment: Consignment,
    asked: Asked,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    found: list[Difference],
) -> bytes:
    """The message, unsigned: who sends it signs it. Raises 409 while customs has given no number, 422 with the place
    of what the message has no room for (a line that comes in, a field without a code)."""
    entry_id = consignment.snapshot.facts.get("entry_id")
    if entry_id is None:
        raise conflict("no-entry-id", "customs has given no number yet", "尚无报关单号")
    head, sign = before["head"], before.get("sign", {})
    values: dict[str, Any] = {
        "DecModType": _KIND[asked.kind],
        "EntryId": entry_id,
        "CustomsCode": head.get("customs_master"),
        "TradeCode": head.get("trade_code"),
        "TradeName": head.get("trade_name"),
        "AgentCode": head.get("agent_code"),
        "AgentName": head.get("agent_name"),
        "DecModNote": asked.event.data["reason"],
        "CheckMark": "1",
        "DecSeqNo": consignment.window_no,
        "SignTime": datetime.fromisoformat(asked.event.at).astimezone(_CHINA).strftime("%Y%m%d%H%M%S"),
        "IeFlag": head["ie_flag"],
        "OperType": "C",
        "IcCode": sign.get("ic_card_no"),
    }
    if asked.kind == AMENDMENT:
        items = [item for one in found for item in _items(one, before, after)]
        values["Items"] = {
            "Item": [{"No": str(number), **item} for number, item in enumerate(items, 1)],
        }
    definition = message(_ID)
    root = etree.Element(
        f"{{{definition.namespace}}}{definition.root.tag}", nsmap={None: definition.namespace}
    )
    _fill(root, definition.root, values, "")
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


@cache
def _table(day: date) -> tuple[Mapping[str, str], Mapping[tuple[str, str], Part]]:
    """(kind of list by section, field by section and code) in force on a day."""
    (rule,) = (one for one in catalogue.load("rules/mod-import-fields.json")["rules"] if in_force(one, day))
    (values,) = (one["values"] for one in rule["params"] if in_force(one, day))
    parts = {}
    for section, fields in values["fields"].items():
        for code, named in fields.items():
            part = Part(code, section, *([named] if isinstance(named, str) else named))
            parts[section, code] = part
    return values["lists"], parts


def _fields() -> tuple[Mapping[str, str], Mapping[tuple[str, str], Part]]:
    return _table(clock.business_date())


@cache
def _written_as() -> Mapping[tuple[str, str], Field]:
    """How DecMessage writes an element of a section."""
    found: dict[tuple[str, str], Field] = {}

    def visit(group: Group, section: str) -> None:
        for node in group.content:
            if isinstance(node, Group):
                visit(node, node.section.name if node.section else section)
            elif node.element:
                found.setdefault((section, node.element.name), node)

    visit(message("DecMessage").root, "")
    return found


# ------------------------------------------------------------------------------------------------ reading


def _read(raw: bytes, consignment: Consignment, before: Mapping[str, Any], kind: str, sending: bool) -> Any:
    definition, root = message(_ID), parse(raw)
    if local(root.tag) != definition.root.tag:
        raise WindowError(
            400, "xml-other-message", f"the root is {root.tag}, not {definition.root.tag}", detail_zh="不是修撤单报文"
        )  # fmt: skip
    faults = [one for one in judge(root, definition, clock.business_date()) if one.severity == "error"]
    if faults:
        raise _unfit(faults)
    entry_id = consignment.snapshot.facts.get("entry_id")
    numbers = [consignment.window_no, *([before["head"]["seq_no"]] if "seq_no" in before["head"] else [])]
    wanted = {
        "DecModType": [_KIND[kind]],
        "EntryId": [entry_id] if entry_id else [],
        "DecSeqNo": numbers,
        "IeFlag": [consignment.window_no[0]],
    }
    found = [
        _finding(
            f"{_ROOT}/{tag}",
            "MOD-OTHER",
            _text(root, tag),
            "/".join(right),
            "与该报关单不符",
            "of another one",
        )
        for tag, right in wanted.items()
        if _text(root, tag) not in right
    ]
    if sending and _text(root, "OperType") == _STORED:
        zh, en = "暂存不提交：请用 C", "G stores and sends nothing: C sends"
        found.append(_finding(f"{_ROOT}/OperType", "MOD-STORED", _STORED, "C", zh, en))
    if found:
        raise _unfit(found)
    return root


def _place(
    item: Any, before: Mapping[str, Any], after: dict[str, Any], at: str, found: list[Finding]
) -> tuple[Part | None, tuple[Mapping[str, Any], dict[str, Any]] | None]:
    """The field that an item names, and what holds it before and after; a finding where there is none."""
    lists, parts = _fields()
    kind, code = _text(item, "List/ListType"), _text(item, "FieldCode") or ""
    section = next((name for name, one in lists.items() if one == kind), "head")
    part = parts.get((section, code))
    if part is None:
        known = " / ".join(code for name, code in parts if name == section)
        found.append(
            _finding(
                f"{at}/FieldCode", "MOD-FIELD", code, known, "未知的字段代码", "no field of a declaration"
            )
        )
        return None, None
    if section == "head":
        return part, (before["head"], after["head"])
    named = _text(item, "List/GNo") or ""
    index = _position(before.get(section, []), section, named)
    if index is None:
        found.append(
            _finding(f"{at}/List/GNo", "MOD-ITEM", named, None, "无此表体项", "there is no such item")
        )
        return part, None
    return part, (before[section][index], after[section][index])


def _position(items: list[Mapping[str, Any]], section: str, named: str) -> int | None:
    key = _KEY.get(section)
    for index, item in enumerate(items):
        if (item.get(key) if key else str(index + 1)) == named:
            return index
    return None


def _value(part: Part, item: Any, tag: str) -> str | None:
    """The canonical text of a value; None where the field is empty."""
    text = _text(item, tag)
    if not text or part.last is not None:
        return text or None
    field = _written_as()[part.section, part.element]
    normal = field.element.normal(field.canonical(text)) if field.element else text
    return str(normal)


def _set(part: Part, holder: dict[str, Any], value: str | None) -> None:
    if part.last is not None:
        whole = holder.get(part.element, "").ljust(part.first)
        value = (whole[: part.first] + (value or "") + whole[part.last :]).strip() or None
    if value is None:
        holder.pop(part.element, None)
    else:
        holder[part.element] = value


def _text(element: Any, path: str) -> str | None:
    found = element.find("/".join(f"{{*}}{tag}" for tag in path.split("/")))
    return None if found is None else (found.text or "").strip()


# ------------------------------------------------------------------------------------------------ writing


def _items(one: Difference, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The entries that a changed field makes: one, or one for each part of an HS code that is another."""
    lists, parts = _fields()
    _, section, *path = one.pointer.split("/")
    place: dict[str, Any] = {}
    if section in lists and len(path) == 2:
        name = _name(section, int(path[0]), one, before, after)
        place = {"List": {"GNo": name, "ListType": lists[section]}}
    elif section != "head":
        raise _no_room(one, "no part of this message")
    codes = [part for part in parts.values() if (part.section, part.element) == (section, path[-1])]
    if not codes:
        raise _no_room(one, "no field code")
    for part in codes:
        was, now = part.of(one.before), part.of(one.after)
        if was == now:
            continue
        values = {
            tag: _carried(part, text, one) for tag, text in (("OldValue", was), ("NewValue", now)) if text
        }
        yield {"FieldCode": part.code, "FieldName": one.name_zh, **values, **place}


def _name(
    section: str, index: int, one: Difference, before: Mapping[str, Any], after: Mapping[str, Any]
) -> str:
    key = _KEY.get(section)
    if key is None:
        return str(index + 1)
    name: str | None = after[section][index].get(key)
    if name is None or name not in {item.get(key) for item in before.get(section, [])}:
        raise _no_room(one, "an item of another number")
    return name


def _carried(part: Part, text: str, one: Difference) -> str:
    if part.last is not None:
        return text
    try:
        return _written_as()[part.section, part.element].carried(text)
    except ValueError as error:
        raise _no_room(one, str(error)) from None


def _fill(element: Any, group: Group, values: Mapping[str, Any], at: str) -> None:
    """Tags in their order; one that must stand and has no value stands empty."""
    namespace = etree.QName(element).namespace
    for node in group.content:
        value = values.get(node.tag)
        for one in value if isinstance(value, list) else [value]:
            if one is None and (not node.least or isinstance(node, Group)):
                continue
            below = etree.SubElement(element, f"{{{namespace}}}{node.tag}")
            if isinstance(node, Group):
                _fill(below, node, one or {}, f"{at}/{node.tag}")
                continue
            try:
                below.text = node.carried(one) if one else ""
            except ValueError as error:
                raise _no_room_at(f"{at}/{node.tag}", str(error)) from None


def _no_room(one: Difference, why: str) -> WindowError:
    return _no_room_at(one.pointer, why)


def _no_room_at(pointer: str, why: str) -> WindowError:
    finding = Finding(
        code="UNTRANSFERABLE", severity="error", pointer=pointer, rule="UNTRANSFERABLE",
        message_zh="ModImport 无法承载该变更", message_en=f"ModImport: {why}", source="catalogue/messages",
    )  # fmt: skip
    return WindowError(
        422, "untransferable", f"ModImport cannot carry {pointer}: {why}",
        detail_zh=f"修撤单报文无法承载 {pointer}", findings=[finding],
    )  # fmt: skip


def _finding(pointer: str, rule: str, given: Any, expected: Any, zh: str, en: str) -> Finding:
    return Finding(
        code="MOD-IMPORT", severity="error", pointer=pointer, rule=rule, given=given, expected=expected,
        message_zh=zh, message_en=en, source="catalogue/messages/ModImport.json",
    )  # fmt: skip


def _unfit(found: list[Finding]) -> WindowError:
    number = len(found)
    return WindowError(
        422, "invalid-message", f"{number} error(s)", detail_zh=f"{number} 处错误", findings=found
    )
