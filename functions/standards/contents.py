"""What the catalogue holds, by kind: every element, document, message and code list, and who takes what of a document.

Raw entries as the files have them, read when first used, once a process; nothing here changes one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from typing import Any

from singlewindow import catalogue

Json = dict[str, Any]
# The agencies' projections are parts of this document; of other documents, the document itself says who takes what.
_PROJECTED = "declaration"


@dataclass(frozen=True, slots=True)
class Place:
    """One field of one document: `pointer` is `/lines/*/hs_code`; `condition` when it is asked, where that varies."""

    document: str
    version: int
    pointer: str
    element: str
    obligation: str
    condition: str | None


@cache
def elements() -> Mapping[str, Json]:
    """Every element by its id, in the order of ids; `subject` is the file that it stands in."""
    found = {
        one["id"]: one | {"subject": subject}
        for subject in catalogue.names("elements")
        for one in catalogue.elements(subject)
    }
    return dict(sorted(found.items()))


@cache
def documents() -> Mapping[tuple[str, int], Json]:
    """Every document type by its name and version."""
    raw = (catalogue.load(f"documents/{name}.json") for name in catalogue.names("documents"))
    return {(one["name"], one["version"]): one for one in raw}


@cache
def document_names() -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name, _ in documents()))


@cache
def messages() -> Mapping[str, Json]:
    """Every message in XML by its id."""
    return {id: catalogue.load(f"messages/{id}.json") for id in catalogue.names("messages")}


@cache
def interchanges() -> Mapping[str, Json]:
    """Every EDIFACT message by its id."""
    raw = {id: catalogue.load(f"edifact/{id}.json") for id in catalogue.names("edifact")}
    return {id: one for id, one in raw.items() if one.get("kind") == "message"}


@cache
def directories() -> Mapping[str, Json]:
    """The EDIFACT directories that those messages are made of."""
    raw = {id: catalogue.load(f"edifact/{id}.json") for id in catalogue.names("edifact")}
    return {id: one for id, one in raw.items() if one.get("kind") == "directory"}


@cache
def codelists() -> Mapping[str, Json]:
    """Every code list by its id, as its file has it."""
    return {id: catalogue.load(f"codelists/{id}.json") for id in catalogue.names("codelists")}


@cache
def agencies() -> Mapping[str, Json]:
    """Every agency that the catalogue knows, whatever its capacity."""
    return {id: catalogue.load(f"agencies/{id}.json") for id in catalogue.names("agencies")}


def agency_name(id: str) -> Json:
    """An agency with its names; by its kind where it only owns or takes, and has no part of its own yet."""
    known = agencies().get(id)
    if known:
        return {"id": id, "name_zh": known["name_zh"], "name_en": known["name_en"]}
    kinds = catalogue.codelist("authority")
    return {"id": id, "name_zh": kinds.label(id, "zh"), "name_en": kinds.label(id, "en")}


@cache
def places(name: str, version: int) -> tuple[Place, ...]:
    """Every field of a document, in its order."""
    return tuple(_places(name, version, documents()[name, version]["sections"], ""))


def all_places() -> Iterator[Place]:
    for name, version in documents():
        yield from places(name, version)


@lru_cache(maxsize=64)
def takers(name: str, version: int, as_at: date) -> Mapping[str, frozenset[str]]:
    """The places of a document that each agency takes at the date; agencies that take none are left out."""
    said: dict[str, list[str]] = dict(documents()[name, version].get("takers", {}))
    if name == _PROJECTED:
        said |= {one["id"]: one["projection"] for one in catalogue.agencies(as_at)}
    every = [place.pointer for place in places(name, version)]
    found = {
        agency: frozenset(place for place in every if any(_within(place, part) for part in parts))
        for agency, parts in said.items()
    }
    return {agency: taken for agency, taken in found.items() if taken}


def obligation(place: Place, agency: str, taken: Mapping[str, frozenset[str]]) -> str:
    """M, C, O for an agency, or – where it does not take the field. A condition that another agency sets does not bind
    this one: it takes the field where it is there."""
    if place.pointer not in taken.get(agency, ()):
        return "–"
    if place.obligation == "C" and place.condition:
        by = documents()[place.document, place.version].get("conditions", {}).get(place.condition, {})
        return "C" if by.get("agency", agency) == agency else "O"
    return place.obligation


def condition(place: Place) -> Json | None:
    """When the field is asked, in words; None where it is always or never."""
    if place.condition is None:
        return None
    said = documents()[place.document, place.version].get("conditions", {}).get(place.condition, {})
    return {"key": place.condition, "zh": "", "en": "", "agency": None, "rule": None} | said


def _places(name: str, version: int, sections: list[Json], above: str) -> Iterator[Place]:
    for section in sections:
        here = f"{above}/{section['name']}" + ("/*" if "occurs" in section else "")
        for id, obligation, *condition in section["fields"]:
            field = elements()[id]["name"]
            yield Place(name, version, f"{here}/{field}", id, obligation, condition[0] if condition else None)
        yield from _places(name, version, section.get("sections", []), here)


def _within(place: str, part: str) -> bool:
    """Whether a place is a part, or below it; a part may leave out that a section is a list."""
    bare, above = place.replace("/*", ""), part.replace("/*", "")
    return bare == above or bare.startswith(f"{above}/")
