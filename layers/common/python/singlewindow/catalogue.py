"""The catalogue at run time: documents, their elements, code lists and agencies, as data under `catalogue/`.

Read when first used, once a process.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from functools import cache, cached_property
from itertools import chain, islice
from pathlib import Path
from typing import Any

from singlewindow import settings
from singlewindow.document import Document, Element, Section, WireNames

__all__ = [
    "CodeList",
    "Document",
    "Element",
    "Section",
    "agencies",
    "capacity",
    "codelist",
    "document",
    "elements",
    "in_force",
    "load",
    "names",
]

_REPOSITORY = Path(__file__).resolve().parents[4]
# What a code of another set may be found by, in this order: customs' numeric codes before the inspection service's.
_OTHER_SETS = ("numeric", "legacy", "ciq")


@cache
def load(path: str) -> Any:
    """A file of the catalogue, by its path under `catalogue/`; read once a process."""
    return json.loads((_root() / path).read_bytes())


def _root() -> Path:
    return Path(settings.get("CATALOGUE", str(_REPOSITORY / "catalogue")))


def in_force(entry: Mapping[str, Any], as_at: date) -> bool:
    """Whether `effective_from` ≤ date ≤ `effective_to`; a missing bound is open."""
    day = as_at.isoformat()
    return (entry.get("effective_from") or "") <= day <= (entry.get("effective_to") or "9999")


def agencies(as_at: date) -> list[dict[str, Any]]:
    """The agencies that have a part at the date, each with the capacity that is in force, customs first."""
    found = [capacity(path.stem, as_at) for path in _agency_files()]
    return sorted((one for one in found if one), key=lambda one: not one["releases"])


@cache
def _agency_files() -> tuple[Path, ...]:
    return tuple(sorted((_root() / "agencies").glob("*.json")))


def capacity(agency: str, as_at: date) -> dict[str, Any]:
    """One agency with the capacity in force at the date; empty where it has no part then."""
    entry = load(f"agencies/{agency}.json")
    for one in entry["capacities"]:
        if in_force(one, as_at):
            return {name: value for name, value in entry.items() if name != "capacities"} | one
    return {}


@dataclass(frozen=True)
class CodeList:
    """A code list: rows by code, each as long as its last value; dated where a row has `effective_from` or `_to`.

    `verified` speaks of the list as a whole; a row may say otherwise of itself.
    """

    id: str
    name_zh: str
    name_en: str
    source: str
    source_date: str | None
    verified: bool
    columns: tuple[str, ...]
    rows: Mapping[str, list[Any]]

    def get(self, code: str, as_at: date) -> dict[str, Any] | None:
        """The row of a code that is in force at the date."""
        if code not in self.rows:
            return None
        entry = self.row(code)
        return entry if code not in self.dated or in_force(entry, as_at) else None

    def row(self, code: str) -> dict[str, Any]:
        """The row of a code whatever the date, by column. Raises `KeyError`."""
        return dict(zip(self.columns, self.rows[code], strict=False))

    def label(self, code: str, language: str) -> str:
        """What a code stands for; in Chinese where the list has no English."""
        row = self.row(code) if code in self.rows else {}
        return str(row.get(language) or row.get("zh") or "")

    def successor(self, code: str) -> str | None:
        """What took a retired code's place, where the list says."""
        return self.row(code).get("successor") if code in self.rows else None

    def crosswalk(self, column: str, value: str) -> list[str]:
        """The codes whose `column` (numeric, legacy, ciq) has this value."""
        if column not in self.columns:
            return []
        return self._by_column(self.columns.index(column)).get(value, [])

    def on_wire(self, code: str, column: str) -> str | None:
        """What a message that uses the codes of `column` writes for a code; None where it would read as another."""
        at = self.columns.index(column)
        row = self.rows.get(code, ())
        written = row[at] if at < len(row) else None
        return written if written and self.crosswalk(column, written)[0] == code else None

    def instead(self, code: str) -> list[str]:
        """The right codes for one of another set (142 for CHN), for a retired one, or for one in small letters.

        Several where a code stood for several, the likeliest first. Customs' sets come before the inspection
        service's: bonded and e-commerce messages still use them, so it is theirs that get mixed in.
        """
        if successor := self.successor(code):
            return [successor]
        found = (self.crosswalk(column, code) for column in _OTHER_SETS)
        capitals = [code.upper()] if code.upper() != code and code.upper() in self.rows else []
        return next((codes for codes in found if codes), capitals)

    def nearest(self, code: str) -> list[str]:
        """Up to three codes that are one slip of the keyboard away: swapped, left out, too many, or another key."""
        if code not in self._slips:
            if len(self._slips) > 1000:
                self._slips.clear()
            self._slips[code] = self._one_slip_away(code)
        return self._slips[code]

    def _one_slip_away(self, code: str) -> list[str]:
        text = code[:20].upper()
        if len(text) < 3:
            return []  # everything resembles everything
        halves = [(text[:at], text[at:]) for at in range(len(text) + 1)]
        slips = chain(
            (head + tail[1] + tail[0] + tail[2:] for head, tail in halves[:-2]),
            (head + tail[1:] for head, tail in halves[:-1]),
            (head + key + tail for head, tail in halves for key in self._keys),
            (head + key + tail[1:] for head, tail in halves[:-1] for key in self._keys),
        )
        return list(islice(dict.fromkeys(slip for slip in slips if slip in self.rows), 3))

    @cached_property
    def _slips(self) -> dict[str, list[str]]:
        return {}

    @cached_property
    def _keys(self) -> str:
        return "".join(sorted({key for code in self.rows for key in code}))

    @cached_property
    def dated(self) -> frozenset[str]:
        """The codes that are not in force always."""
        bounds = [at for at, name in enumerate(self.columns) if name in ("effective_from", "effective_to")]
        if not bounds:
            return frozenset()
        return frozenset(
            code for code, row in self.rows.items() if any(at < len(row) and row[at] for at in bounds)
        )

    def _by_column(self, position: int) -> dict[str, list[str]]:
        if position not in self._crosswalks:
            found: dict[str, list[str]] = {}
            for code, row in self.rows.items():
                if position < len(row) and row[position]:
                    found.setdefault(row[position], []).append(code)
            self._crosswalks[position] = found
        return self._crosswalks[position]

    @cached_property
    def _crosswalks(self) -> dict[int, dict[str, list[str]]]:
        return {}


@cache
def codelist(id: str) -> CodeList:
    """A code list by its id. Raises `FileNotFoundError` for one that the catalogue does not have."""
    raw = load(f"codelists/{id}.json")
    return CodeList(
        id=id,
        name_zh=raw["name_zh"],
        name_en=raw["name_en"],
        source=raw["source"],
        source_date=raw["source_date"],
        verified=raw["verified"],
        columns=tuple(raw["columns"]),
        rows={row[0]: row for row in raw["rows"]},
    )


@cache
def document(name: str = "declaration", version: int = 1) -> Document:
    """A document type. Raises `FileNotFoundError` for one that the catalogue does not have."""
    raw = load(f"documents/{name}.v{version}.json")
    known = {one["id"]: one for subject in raw["elements_from"] for one in elements(subject)}
    return Document(
        name=raw["name"],
        version=raw["version"],
        name_zh=raw["name_zh"],
        name_en=raw["name_en"],
        sections=tuple(_section(one, known) for one in raw["sections"]),
        codelist=codelist,
        wire=cache(lambda: _wire_names(raw.get("message"), known)),
    )


@cache
def elements(subject: str) -> tuple[dict[str, Any], ...]:
    """All that the catalogue says of the data elements of a subject (a file of `elements/`)."""
    raw = load(f"elements/{subject}.json")
    common = raw["defaults"]
    return tuple(
        {**common, **one, "evidence": common.get("evidence", {}) | one.get("evidence", {})}
        for one in raw["elements"]
    )


def names(kind: str) -> tuple[str, ...]:
    """What there is of a kind: `elements`, `documents`, `codelists`, `messages`, `agencies`, `rules`, by file name."""
    return tuple(sorted(path.name.removesuffix(".json") for path in (_root() / kind).glob("*.json")))


_JUDGED = tuple(one.name for one in fields(Element))


def _wire_names(message: str | None, known: Mapping[str, Mapping[str, Any]]) -> WireNames:
    if message is None:
        return WireNames()
    raw = load(f"messages/{message}.json")
    tags: dict[tuple[str | int, ...], tuple[str, ...]] = {}
    names: dict[tuple[str | int, ...], dict[str, str]] = {}

    def visit(nodes: list[dict[str, Any]], place: tuple[str, ...], above: tuple[str, ...]) -> None:
        for node in nodes:
            if id := node.get("element"):
                names.setdefault(place, {})[known[id]["name"]] = node["tag"]
            elif "content" in node:
                below, path = place, (*above, node["tag"])
                if section := node.get("section"):
                    below = (*place, section)
                    names.setdefault(place, {})[section] = "/".join(path[len(tags.get(place, ())) :])
                    tags[below] = path
                visit(node["content"], below, path)

    visit(raw["content"], (), ())
    carried = {tag: (zh, en) for tag, (zh, en) in raw.get("not_carried", {}).items()}
    return WireNames(raw["root"], tags, names, carried)


_JUDGED = tuple(one.name for one in fields(Element))


def _element(raw: Mapping[str, Any]) -> Element:
    members: dict[str, Any] = {
        name: tuple(raw[name]) if isinstance(raw[name], list) else raw[name]
        for name in _JUDGED
        if name in raw
    }
    return Element(**members)


def _section(raw: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> Section:
    ours = [(_element(known[id]), obligation) for id, obligation, *_ in raw["fields"]]
    return Section(
        name=raw["name"],
        name_zh=raw["name_zh"],
        name_en=raw["name_en"],
        elements={one.name: one for one, _ in ours},
        mandatory=tuple(one.name for one, obligation in ours if obligation == "M"),
        sections=tuple(_section(one, known) for one in raw.get("sections", ())),
        occurs=tuple(raw["occurs"]) if "occurs" in raw else None,
        required=raw.get("required", False),
    )
