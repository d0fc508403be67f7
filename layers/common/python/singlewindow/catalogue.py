"""The catalogue at run time: documents, their elements, code lists and agencies, as data under `catalogue/`.

Read when first used, once a process.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from itertools import chain, islice
from pathlib import Path
from typing import Any

from singlewindow import settings
from singlewindow.document import Document, Element, Section

__all__ = [
    "CodeList",
    "Document",
    "Element",
    "Section",
    "agencies",
    "capacity",
    "codelist",
    "document",
    "in_force",
    "load",
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
    elements = {one["id"]: _element(one) for one in load(f"elements/{name}.json")}
    return Document(
        name=raw["name"],
        version=raw["version"],
        name_zh=raw["name_zh"],
        name_en=raw["name_en"],
        dec_namespace=raw["dec_namespace"],
        dec_root=raw["dec_root"],
        dec_not_carried={tag: (zh, en) for tag, (zh, en) in raw["dec_not_carried"].items()},
        sections=tuple(_section(one, elements) for one in raw["sections"]),
        codelist=codelist,
    )


def _element(raw: Mapping[str, Any]) -> Element:
    members: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in raw.items()
    }
    return Element(**members)


def _section(raw: Mapping[str, Any], elements: Mapping[str, Element]) -> Section:
    return Section(
        name=raw["name"],
        name_zh=raw["name_zh"],
        name_en=raw["name_en"],
        dec=raw["dec"],
        elements={elements[id].name: elements[id] for id, _ in raw["fields"]},
        mandatory=tuple(elements[id].name for id, obligation in raw["fields"] if obligation == "M"),
        sections=tuple(_section(one, elements) for one in raw.get("sections", ())),
        occurs=tuple(raw["occurs"]) if "occurs" in raw else None,
        required=raw.get("required", False),
        dec_before=raw.get("dec_before"),
    )
