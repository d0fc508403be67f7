"""Sample declarations, and ways to change them by JSON Pointer."""

import copy
import json
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "infra" / "samples"
TODAY = date(2026, 11, 23)


class Gone:
    """What an edit says of a member that is to be removed."""


GONE = Gone()


@cache
def _text(path: Path) -> str:
    return path.read_text("utf-8")


def sample(name: str) -> dict[str, Any]:
    """`import-chengdu` or `export-chengdu`: a fresh copy."""
    found: dict[str, Any] = json.loads(_text(SAMPLES / f"{name}.json"))
    return found


def edited(document: Mapping[str, Any], edits: Mapping[str, Any]) -> dict[str, Any]:
    """A copy with each pointer set to its value, or removed by GONE; `/x/-` appends."""
    found = copy.deepcopy(dict(document))
    for pointer, value in edits.items():
        *way, last = _parts(pointer)
        place: Any = found
        for part in way:
            place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
        if isinstance(place, list) and last == "-":
            place.append(value)
        elif value is GONE:
            del place[int(last) if isinstance(place, list) else last]
        else:
            place[int(last) if isinstance(place, list) else last] = value
    return found


def patched(document: Mapping[str, Any], patches: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """A copy with RFC 6902 operations applied (add, replace, remove, move)."""
    found = copy.deepcopy(dict(document))
    for patch in patches:
        value = patch.get("value")
        if patch["op"] == "move":
            value = _at(found, patch["from"])
            found = edited(found, {patch["from"]: GONE})
        found = edited(found, {patch["path"]: GONE if patch["op"] == "remove" else value})
    return found


def _at(document: Any, pointer: str) -> Any:
    for part in _parts(pointer):
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def _parts(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
