"""Where an element is used: in which documents, asked by whom, and under which tags of which messages.

Derived: documents and messages are the only home of it.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from typing import Any

from standards import contents
from standards.contents import Json, Place


def used_in(id: str, as_at: date) -> list[Json]:
    """Every field that an element is, with who asks for it."""
    return [
        {
            "document": place.document,
            "version": place.version,
            "place": place.pointer,
            "obligation": place.obligation,
            "condition": contents.condition(place),
            "agencies": asked_by(place, as_at),
        }
        for place in _by_element().get(id, ())
    ]


def asked_by(place: Place, as_at: date) -> dict[str, str]:
    """Agency to M, C, O or –, of all the agencies that take anything of that document."""
    taken = contents.takers(place.document, place.version, as_at)
    return {agency: contents.obligation(place, agency, taken) for agency in taken}


def documents_of(id: str) -> list[str]:
    return list(dict.fromkeys(place.document for place in _by_element().get(id, ())))


@cache
def paths() -> Mapping[str, list[Json]]:
    """Element to the places in messages that carry it: `DecMessage/DecHead/GrossWet`."""
    found: dict[str, list[Json]] = {}
    for id, raw in contents.messages().items():
        for element, path, node in _carriers(raw, raw["root"]):
            listed = contents.elements()[element]
            found.setdefault(element, []).append(
                {
                    "message": id,
                    "version": raw["version"],
                    "path": path,
                    "also": node.get("also", []),
                    "form": node.get("form") or listed["representation"],
                    "codes": node.get("codes"),
                }
            )
    return found


def tags(id: str) -> list[str]:
    """What messages call an element, other names that they accept among them."""
    found = []
    for one in paths().get(id, ()):
        found += [one["path"].rpartition("/")[2].removeprefix("@"), *one["also"]]
    return list(dict.fromkeys(found))


def edifact(untded: str | None) -> list[Json]:
    """The EDIFACT segments that have the data element, in each directory that we judge by."""
    if not untded:
        return []
    found = []
    for id, directory in contents.directories().items():
        composites = {
            name
            for name, one in directory.get("composites", {}).items()
            if any(part.split()[0] == untded for part in one["content"])
        }
        segments = [
            name
            for name, one in directory.get("segments", {}).items()
            if any(part.split()[0] in (untded, *composites) for part in one["content"])
        ]
        if segments:
            said = directory.get("elements", {}).get(untded, {})
            found.append(
                {
                    "directory": id,
                    "data_element": untded,
                    "name_zh": said.get("zh", ""),
                    "name_en": said.get("en", ""),
                    "form": said.get("form"),
                    "composites": sorted(composites),
                    "segments": segments,
                }
            )
    return found


@cache
def _by_element() -> Mapping[str, list[Place]]:
    found: dict[str, list[Place]] = {}
    for place in contents.all_places():
        found.setdefault(place.element, []).append(place)
    return found


def _carriers(node: Mapping[str, Any], path: str) -> Iterator[tuple[str, str, Json]]:
    for name, attribute in node.get("attributes", {}).items():
        if "element" in attribute:
            yield attribute["element"], f"{path}/@{name}", attribute
    for child in node.get("content", ()):
        below = f"{path}/{child['tag']}"
        if "element" in child:
            yield child["element"], below, child
        yield from _carriers(child, below)
