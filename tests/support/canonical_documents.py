"""Generated declarations (hypothesis): sound in shape and codes, whatever else they say; and spoilt ones."""

import copy
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from singlewindow import catalogue
from singlewindow.canonical import plain
from singlewindow.catalogue import Document, Element, Section
from singlewindow.messages.definition import Field, Group, Message
from tests.support import decmessage

TODAY = date(2026, 11, 23)
USCC = ("91510100569680768F", "91310107132231740K", "913302017532977856", "91110000600037341L")
CONTAINERS = ("CSQU3054383", "CBHU3202732", "MSKU7654328", "TCLU9012340")

# What XML and JSON can carry: no surrogates, no control characters but tab and line ends.
_CHARACTERS = st.characters(
    exclude_categories=("Cs", "Cc"), include_characters="\t\n\r", exclude_characters="\ufffe\uffff"
)
_TEXTS = st.one_of(
    st.text(_CHARACTERS, max_size=12),
    st.sampled_from(
        ["<14>I2017-0166475", "]]>", "a & b", "成都市", "𠮷野家", "&amp;", "<!-- x -->", "4|3|用于|||"]
    ),
)


def declarations(*, narrow: bool = False) -> st.SearchStrategy[dict[str, Any]]:
    """Canonical declarations without a finding in shape or codes; `narrow`: nothing wider than DecMessage carries."""
    return documents(catalogue.document("declaration"), decmessage.DEFINITION if narrow else None)


def documents(kind: Document, within: Message | None = None) -> st.SearchStrategy[dict[str, Any]]:
    """Canonical documents of a kind without a finding in shape or codes; `within`: only what that message carries."""
    return _object(kind.sections, wire_fields(within.root) if within else None)


def wire_fields(group: Group) -> dict[str, Field]:
    """Element → how a message has it, for all below a group."""
    found: dict[str, Field] = {}
    for node in group.content:
        if isinstance(node, Group):
            found |= wire_fields(node)
        elif node.element:
            found[node.element.id] = node
    return found


Wire = Mapping[str, Field] | None


def _object(sections: tuple[Section, ...], wire: Wire) -> st.SearchStrategy[dict[str, Any]]:
    required: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for section in sections:
        target = required if section.required or (section.occurs and section.occurs[0]) else optional
        target[section.name] = _section(section, wire)
    return st.fixed_dictionaries(required, optional=optional)


def _section(section: Section, wire: Wire) -> st.SearchStrategy[Any]:
    names = {
        name: _value(element, wire[element.id] if wire else None)
        for name, element in section.elements.items()
        if wire is None or element.id in wire
    }
    required = {name: names.pop(name) for name in section.mandatory}
    inner = {one.name: _section(one, wire) for one in section.sections}
    # One field at least: an empty object says nothing, and is absent.
    one = st.fixed_dictionaries(required, optional=names | inner).filter(bool)
    if section.occurs is None:
        return one
    least, most = section.occurs
    return st.lists(one, min_size=max(least, 1), max_size=min(most, 3))


def _value(element: Element, field: Field | None) -> st.SearchStrategy[str]:
    if field is None:
        return _any_value(element)
    narrow: st.SearchStrategy[str] = _any_value(element)
    if field.values:
        narrow = st.sampled_from([field.canonical(text) for text in field.values])
    elif field.pattern and not element.check:
        narrow = st.from_regex(field.pattern, fullmatch=True).map(field.canonical)
    return narrow.filter(lambda text: _carries(field, text) and _sound(element, text))


def _carries(field: Field, text: str) -> bool:
    try:
        field.carried(text)
    except ValueError:
        return False
    return True


def _sound(element: Element, text: str) -> bool:
    schema = element.schema()
    return text == text.strip() and len(text) <= schema.get("maxLength", len(text)) and bool(text)


def _any_value(element: Element) -> st.SearchStrategy[str]:
    if element.code_list:
        codes = catalogue.codelist(element.code_list)
        some = [code for code in list(codes.rows)[:40] if codes.get(code, TODAY)]
        return st.sampled_from(some)
    if element.check:
        return st.sampled_from(USCC if element.check == "uscc" else CONTAINERS)
    if element.is_date:
        return st.dates(date(1000, 1, 1)).map(date.isoformat)
    if element.is_instant:
        return st.datetimes(datetime(1992, 1, 1), datetime(9999, 1, 1)).map(  # noqa: DTZ001
            lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S}Z"
        )
    if element.is_numeric:
        return _number(element)
    most = int(re.sub(r"\D", "", element.representation))
    if element.pattern:
        return st.from_regex(element.pattern, fullmatch=True).filter(
            lambda text: bool(text) and text == text.strip() and len(text) <= most
        )
    exact = not element.representation.startswith("C..")
    texts = st.text(_CHARACTERS, min_size=most, max_size=most) if exact else _TEXTS
    return texts.map(str.strip).filter(
        lambda text: 0 < len(text) <= most and (not exact or len(text) == most)
    )


def _number(element: Element) -> st.SearchStrategy[str]:
    digits, _, scale = re.sub("[Nn.]", "", element.representation).partition(",")
    places = int(scale or 0)
    most = 10 ** (int(digits) - places) - 1
    least = -most if element.signed else 0
    numbers = st.decimals(Decimal(least), Decimal(most), places=places, allow_nan=False, allow_infinity=False)
    return numbers.map(lambda number: plain(number) if number else "0")


_NAMES = st.text(max_size=6) | st.sampled_from(["GrossWet", "grossWeight", "#text", "x/y~z"])
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.decimals(allow_nan=False, allow_infinity=False, places=6)
    | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def spoilt(draw: st.DrawFn, *, times: int = 3) -> dict[str, Any]:
    """A declaration with up to `times` nodes replaced by any JSON, removed, or joined by strangers."""
    document = copy.deepcopy(draw(declarations()))
    for _ in range(draw(st.integers(1, times))):
        holder, key = draw(st.sampled_from(list(_nodes(document))))
        match draw(st.sampled_from(["replace", "remove", "add"])):
            case "replace":
                holder[key] = draw(JSON_VALUES)
            case "remove":
                del holder[key]
            case "add" if isinstance(holder, dict):
                holder[draw(_NAMES)] = draw(JSON_VALUES)
        if not document:
            break
    return document


def _nodes(value: Any) -> list[tuple[Any, Any]]:
    found = []
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            found += [(value, key), *_nodes(value[key])]
    return found
