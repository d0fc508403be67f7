"""An example of a document, made of the examples of its elements: complete, the same at every call, and valid."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from singlewindow import catalogue
from standards import codes, contents
from standards.contents import Json

# Where an element has no example of its own.
_CHECKED = {"uscc": "91510100569680768F", "container": "CSQU3054383"}
_DAY, _INSTANT = "2026-11-20", "2026-11-20T02:30:00Z"
_TRIED = "1A0E9IXBN2"


def example(name: str, version: int, as_at: date) -> Json:
    """Every field of every section; one entry of each list, or as many as it must have.

    Where rules join fields (sums, limits), what `catalogue/examples` says of them stands in their place.
    """
    sections = contents.documents()[name, version]["sections"]
    made = {one["name"]: _section(one, as_at) for one in sections}
    if f"{name}.v{version}" not in catalogue.names("examples"):
        return made
    written: Json = _over(made, catalogue.load(f"examples/{name}.v{version}.json"))
    return written


def _over(made: Any, written: Any) -> Any:
    """What was written, and what was made of the rest; each entry of a list over the one that was made."""
    if isinstance(written, dict):
        return made | {name: _over(made.get(name), one) for name, one in written.items()}
    if isinstance(written, list) and made:
        return [_over(made[0], one) for one in written]
    return written


def value(element: Json, as_at: date) -> str:
    """A text that is valid for an element at the date."""
    listed = element.get("code_list")
    for text in element.get("examples", ()):
        if listed is None or codes.is_in_force(listed, text, as_at):
            return str(text)
    if listed:
        return codes.first_in_force(listed, as_at) or ""
    if check := element.get("check"):
        return _CHECKED[check]
    if pattern := element.get("pattern"):
        return next(filter(re.compile(pattern).fullmatch, _candidates(element["representation"])), "")
    return _plain(element)


def _section(raw: Json, as_at: date) -> Any:
    entry: Json = {}
    for id, *_ in raw["fields"]:
        element = contents.elements()[id]
        entry[element["name"]] = value(element, as_at)
    for below in raw.get("sections", ()):
        entry[below["name"]] = _section(below, as_at)
    return [entry] * max(1, raw["occurs"][0]) if "occurs" in raw else entry


def _plain(element: Json) -> str:
    representation = element["representation"]
    if representation == "date":
        return _DAY
    if representation == "datetime":
        return _INSTANT
    if representation[0] in "Nn":
        return "1"
    most = int(re.sub(r"\D", "", representation))
    if ".." in representation:
        return str(element["name_en"])[:most].strip()
    return "1" * most


def _candidates(representation: str) -> Iterator[str]:
    """Texts of the lengths that a representation has, of one sign or beginning with another."""
    most = min(int(re.sub(r"\D", "", representation)), 40)
    for length in range(most, 0, -1):
        for first in _TRIED:
            for rest in _TRIED:
                yield first + rest * (length - 1)
    yield from ("22-AA-123456", "TWFueSBoYW5kcw==")
