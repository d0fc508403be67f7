"""EDIFACT as data (`catalogue/edifact`): messages by version, segments by directory, codes, and date formats."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from singlewindow import catalogue

_TYPE = re.compile(r"[A-Z]{6}")
_RELEASE = re.compile(r"D:(\d\d)([A-Z])")
_FORM = re.compile(r"(an|a|n)(\.\.)?(\d+)")
_PART = re.compile(r"CCYY|YY|MM|DD|HH|mm|SS|ZZZ|ZHHMM|-")
_WIDTH = {"CCYY": 4, "YY": 2, "MM": 2, "DD": 2, "HH": 2, "mm": 2, "SS": 2, "ZZZ": 3, "ZHHMM": 5, "-": 1}
SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Form:
    """A representation: `an..35`, `n..15`, `a4`."""

    kind: str
    least: int
    most: int
    text: str


@dataclass(frozen=True, slots=True)
class Data:
    """A position in a segment or composite: an element with its form, or a composite with its components."""

    id: str
    required: bool
    zh: str
    en: str
    form: Form | None = None
    components: tuple["Data", ...] = ()
    occurrence: int = 1

    @property
    def place(self) -> str:
        return self.id if self.occurrence == 1 else f"{self.id}[{self.occurrence}]"


@dataclass(frozen=True, slots=True)
class Node:
    """A place in a message: a segment, or a group of segments that begins with the segment `tag`."""

    name: str
    tag: str
    least: int
    most: int
    children: tuple["Node", ...] = ()


@dataclass(frozen=True, slots=True)
class Authority:
    """Tables that a finding rests on. Not `exact`: they are another version's, the nearest to the message's own."""

    version: str
    source: str
    verified: bool
    exact: bool

    @property
    def is_sure(self) -> bool:
        return self.verified and self.exact


@dataclass(frozen=True, slots=True)
class Definition:
    """A message type in a version: its structure, and the directory that its segments are in."""

    type: str
    root: Node
    tags: frozenset[str]
    directory: str
    structure: Authority
    content: Authority


@cache
def known() -> Mapping[str, Mapping[str, Any]]:
    """The message types that the catalogue has, each as its file says."""
    every = (catalogue.load(f"edifact/{name}.json") for name in catalogue.names("edifact"))
    return {one["id"]: one for one in every if one["kind"] == "message"}


@lru_cache(maxsize=256)
def definition(type: str, version: str) -> Definition | None:
    """By the version (`D:95B`), or the nearest; None where the catalogue does not know the type."""
    if not _TYPE.fullmatch(type):
        return None  # it becomes a file name
    try:
        raw = catalogue.load(f"edifact/{type}.json")
    except FileNotFoundError:
        return None
    versions = raw["versions"]
    nearest = (
        version if version in versions else min(versions, key=lambda one: (_distance(one, version), one))
    )
    entry, exact = versions[nearest], nearest == version
    directory = catalogue.load(f"edifact/{entry['directory']}.json")
    root = Node(type, "UNH", 1, 1, tuple(_node(one) for one in entry["structure"]))
    return Definition(
        type=type,
        root=root,
        tags=frozenset(_tags(root)),
        directory=directory["id"],
        structure=Authority(nearest, entry["source"], entry["verified"], exact),
        content=Authority(
            nearest,
            directory["source"],
            directory["verified"] and directory["id"] in (nearest.replace(":", ""), SERVICE),
            exact,
        ),
    )


def _distance(one: str, other: str) -> int:
    """How many releases lie between two versions; a version that is no release is as far as can be."""
    here, there = _RELEASE.fullmatch(one), _RELEASE.fullmatch(other)
    if not here or not there:
        return 1_000
    return abs(_half_year(here) - _half_year(there))


def _half_year(release: re.Match[str]) -> int:
    year = int(release[1])
    return 2 * (year + 100 if year < 80 else year) + (release[2] != "A")


def _node(raw: str | list[Any]) -> Node:
    head, rest = (raw, []) if isinstance(raw, str) else (raw[0], raw[1:])
    name, _, often = head.partition(" ")
    children = tuple(_node(one) for one in rest)
    return Node(name, children[0].tag if children else name, int(often[0] == "M"), int(often[1:]), children)


def _tags(node: Node) -> Iterator[str]:
    if not node.children:
        yield node.tag
    for child in node.children:
        yield from _tags(child)


@cache
def content(directory: str, tag: str) -> tuple[Data, ...]:
    """What a segment holds; service segments are in a directory of their own.

    Raises `KeyError` for a segment that is in neither: ask only for what a message has.
    """
    tables = _holding(directory, tag)
    return tuple(_data(tables["segments"][tag]["content"], tables))


def segment_name(directory: str, tag: str) -> tuple[str, str]:
    """What a segment is called, in Chinese and in English."""
    entry = _holding(directory, tag)["segments"][tag]
    return entry["zh"], entry["en"].lower()


def _holding(directory: str, tag: str) -> Mapping[str, Any]:
    tables: Mapping[str, Any] = catalogue.load(f"edifact/{directory}.json")
    return tables if tag in tables["segments"] else catalogue.load(f"edifact/{SERVICE}.json")


def _data(content: Iterable[str], tables: Mapping[str, Any]) -> Iterator[Data]:
    seen: dict[str, int] = {}
    for entry in content:
        id, _, often = entry.partition(" ")
        composite = tables["composites"].get(id)
        named = composite or tables["elements"][id]
        for _ in range(int(often[1:] or 1)):
            seen[id] = seen.get(id, 0) + 1
            yield Data(
                id=id,
                required=often[0] == "M",
                zh=named.get("zh", named["en"]),
                en=named["en"].lower(),
                form=None if composite else form(named["form"]),
                components=tuple(_data(composite["content"], tables)) if composite else (),
                occurrence=seen[id],
            )


@cache
def form(text: str) -> Form:
    match = _FORM.fullmatch(text)
    assert match, text
    most = int(match[3])
    return Form(match[1], 1 if match[2] else most, most, text)


def codes(element: str) -> Mapping[str, list[str]]:
    """The codes of an element that are named here, each with its Chinese and English name."""
    named: Mapping[str, list[str]] = catalogue.load("edifact/codes.json")["lists"][element]["codes"]
    return named


def wording(id: str) -> Mapping[str, str]:
    """What a finding says (`zh`, `en`, with places to fill) and its severity."""
    said: Mapping[str, str] = catalogue.load("edifact/findings.json")["findings"][id]
    return said


# --- dates and times, by element 2379


def date_format(code: str) -> str:
    return codes("2379")[code][0]


@cache
def _layout(code: str) -> tuple[tuple[str, int, int], ...]:
    """The parts of a format with where each begins and ends."""
    parts, at = [], 0
    # MM behind HH is minutes.
    for part in _PART.findall(date_format(code).replace("HHMM", "HHmm").replace("ZHHmm", "ZHHMM")):
        parts.append((part, at, at + _WIDTH[part]))
        at += _WIDTH[part]
    return tuple(parts)


def is_moment(text: str, code: str) -> bool:
    """Whether the text has the format and there are such a day and time; so too where the format is not known here."""
    if code not in codes("2379"):
        return True
    layout = _layout(code)
    length = layout[-1][2]
    if len(text) == length - 1 and any(part == "-" for part, _, _ in layout):
        text = (
            f"{text[: len(text) // 2]}-{text[len(text) // 2 :]}"  # a period is written without its hyphen too
        )
    if len(text) != length or not text.isascii():
        return False
    moments: list[dict[str, int]] = [{}]
    for part, start, end in layout:
        piece = text[start:end]
        if part == "-" and piece == "-":
            moments.append({})
        elif part.isalpha() and part[0] != "Z" and piece.isdigit():
            moments[-1][part] = int(piece)
        elif not (
            (part == "ZZZ" and piece.isalpha())
            or (part == "ZHHMM" and piece[0] in "+-" and piece[1:].isdigit())
        ):
            return False
    return all(_exists(one) for one in moments)


def _exists(parts: Mapping[str, int]) -> bool:
    year = parts.get("CCYY", 2000 + parts.get("YY", 0))
    try:
        datetime(  # noqa: DTZ001  # only asked whether there is such a moment
            year,
            parts.get("MM", 1),
            parts.get("DD", 1),
            parts.get("HH", 0),
            parts.get("mm", 0),
            parts.get("SS", 0),
        )
    except ValueError:
        return False
    return True
