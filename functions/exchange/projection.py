"""What an agency receives of a document: only the places that its catalogue entry names."""

from collections.abc import Iterable, Mapping
from typing import Any


def project(document: Mapping[str, Any], places: Iterable[str]) -> dict[str, Any]:
    """The part of `document` at the given JSON Pointers, in the document's own shape (`*`: every item of an array).

    An array keeps its length and order, so that a pointer into the projection is a pointer into the document.
    Of two places, one within the other, the wider counts.
    """
    wanted: dict[str, Any] = {}
    for place in sorted(places):  # a wider place stands before those within it
        branch: dict[str, Any] | None = wanted
        *path, leaf = place.split("/")[1:]
        for part in path:
            branch = branch.setdefault(part, {}) if branch is not None else None
        if branch is not None:
            branch[leaf] = None
    return _pick(document, wanted)


def _pick(value: Any, wanted: Mapping[str, Any] | None) -> Any:
    if wanted is None:
        return value
    if isinstance(value, list):
        return [_pick(item, wanted.get("*", {})) for item in value]
    return {name: _pick(value[name], inner) for name, inner in wanted.items() if name in value}
