"""Search over the elements: by Chinese and English names, definitions, ids, tags of messages and pinyin initials.

The index is a few texts an element, made once a process; a search is one pass over them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from singlewindow import catalogue
from standards import asking, contents, usage
from standards.contents import Json

# How well an element is met, best first.
_EXACT, _BEGINS, _BEGINS_INITIALS, _WORD, _WITHIN, _WITHIN_INITIALS, _DEFINED = range(7)
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
# Fewer initials than this stand within most names.
_LEAST_INITIALS = 3


@dataclass(frozen=True, slots=True)
class _Entry:
    """`names` are all names and tags, each between line ends, so that `in` finds beginnings as well; `initials` too."""

    id: str
    exact: frozenset[str]
    words: frozenset[str]
    names: str
    initials: str
    definitions: str


@dataclass(frozen=True, slots=True)
class Filters:
    """What an element must be beside found; None for whatever it is."""

    document: str | None = None
    agency: str | None = None
    sensitivity: str | None = None
    status: str | None = None

    def passes(self, element: Json, as_at: date) -> bool:
        return (
            self.sensitivity in (None, element.get("sensitivity"))
            and self.status in (None, element.get("status"))
            and (self.document is None or self.document in usage.documents_of(element["id"]))
            and (self.agency is None or element["id"] in _taken_by(self.agency, as_at))
        )


def filters(query: Mapping[str, str], as_at: date) -> Filters:
    """400 names the value that nothing has."""
    every = contents.elements().values()
    agencies = {
        agency for name, version in contents.documents() for agency in contents.takers(name, version, as_at)
    }
    return Filters(
        document=asking.choice(query, "document", contents.document_names()),
        agency=asking.choice(query, "agency", agencies),
        sensitivity=asking.choice(query, "sensitivity", (one.get("sensitivity", "") for one in every)),
        status=asking.choice(query, "status", (one.get("status", "") for one in every)),
    )


def find(words: str, wanted: Filters, as_at: date) -> list[Json]:
    """Elements, best first; all that pass the filters where there is nothing to search for."""
    elements = contents.elements()
    ranked = [(rank, entry.id) for entry in _index() if (rank := _rank(entry, words)) is not None]
    return [elements[id] for _, id in sorted(ranked) if wanted.passes(elements[id], as_at)]


def nearest(given: str) -> list[str]:
    """Ids of the elements that may be meant by a wrong id, a name or a tag."""
    words = asking.folded(given[: asking.LONGEST])
    found = [one["id"] for one in find(words, Filters(), date.min)[:3]] if words else []
    return found or asking.nearest(given, contents.elements())


def brief(element: Json) -> dict[str, Any]:
    """An element in a list."""
    return {
        "id": element["id"],
        "name": element["name"],
        "name_zh": element["name_zh"],
        "name_en": element["name_en"],
        "representation": element["representation"],
        "code_list": element.get("code_list"),
        "sensitivity": element.get("sensitivity"),
        "owner": element.get("owner"),
        "status": element.get("status"),
        "documents": usage.documents_of(element["id"]),
    }


def whole(element: Json, as_at: date) -> dict[str, Any]:
    """Everything that is known of an element."""
    blank = dict.fromkeys(
        (
            "definition_zh", "code_list", "pattern", "form_zh", "form_en", "check", "unit", "owner", "untded",
            "wco", "status", "effective_from", "effective_to", "successor", "help_zh", "help_en",
        )
    )  # fmt: skip
    return (
        blank
        | {"signed": False, "check_except": [], "examples": [], "evidence": {}}
        | element
        | {
            "pinyin": _initials().get(element["id"], ""),
            "used_in": usage.used_in(element["id"], as_at),
            "paths": usage.paths().get(element["id"], []),
            "edifact": usage.edifact(element.get("untded")),
        }
    )


def _rank(entry: _Entry, words: str) -> int | None:
    """The words together, or else each of them somewhere: then as badly as the worst of them is met."""
    rank = _rank_of(entry, words)
    if rank is not None or " " not in words:
        return rank
    worst = _EXACT
    for word in words.split():
        rank = _rank_of(entry, word)
        if rank is None:
            return None
        worst = max(worst, rank)
    return max(worst, _WORD)


def _rank_of(entry: _Entry, text: str) -> int | None:
    if text in entry.exact:
        return _EXACT
    if f"\n{text}" in entry.names:
        return _BEGINS
    if f"\n{text}" in entry.initials:
        return _BEGINS_INITIALS
    if text in entry.words:
        return _WORD
    if text in entry.names:
        return _WITHIN
    if len(text) >= _LEAST_INITIALS and text in entry.initials:
        return _WITHIN_INITIALS
    return _DEFINED if text in entry.definitions else None


@cache
def _index() -> tuple[_Entry, ...]:
    initials = _initials()
    return tuple(_entry(one, initials.get(one["id"], "")) for one in contents.elements().values())


@cache
def _initials() -> Mapping[str, str]:
    """Pinyin initials by element, which `python -m infra.pinyin` writes."""
    found: Mapping[str, str] = catalogue.load("pinyin.json")["initials"]
    return found


def _entry(element: Json, initials: str) -> _Entry:
    id, name, tags = element["id"], element["name"], usage.tags(element["id"])
    names = [asking.folded(one) for one in (element["name_zh"], element["name_en"], name, *tags)]
    parts = [part.casefold() for tag in tags for part in _CAMEL.findall(tag)]
    short = id.rpartition("-")[2]
    return _Entry(
        id=id,
        exact=frozenset((id.casefold(), short, *names, *filter(None, (element.get("untded"),)))),
        words=frozenset((*re.findall(r"\w+", names[1]), *name.split("_"), *parts)),
        names="\n" + "\n".join((id.casefold(), *names)),
        initials=f"\n{initials}",
        definitions=asking.folded(f"{element['definition']} {element.get('definition_zh', '')}"),
    )


@cache
def _taken_by(agency: str, as_at: date) -> frozenset[str]:
    return frozenset(
        place.element
        for place in contents.all_places()
        if place.pointer in contents.takers(place.document, place.version, as_at).get(agency, ())
    )
