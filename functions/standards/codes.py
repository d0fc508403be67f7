"""Code lists as at a date: their heads, their rows, and what became of a code that somebody still uses."""

from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any

from singlewindow import catalogue
from singlewindow.catalogue import CodeList
from standards import asking, contents
from standards.contents import Json

_PLAIN = ("code", "zh", "en", "effective_from", "effective_to", "successor", "verified")
_MOST_RETIRED = 20


def heads(as_at: date) -> list[Json]:
    """Every list without its rows."""
    return [head(id, as_at) for id in contents.codelists()]


def head(id: str, as_at: date) -> Json:
    """Where a list is from, what it has, and which columns lead to another code set."""
    raw, listed = contents.codelists()[id], catalogue.codelist(id)
    told = ("added", "corrected", "left_out", "no_successor")
    return {
        "id": id,
        "name_zh": raw["name_zh"],
        "name_en": raw["name_en"],
        "source": raw["source"],
        "source_date": raw["source_date"],
        "verified": raw["verified"],
        "columns": raw["columns"],
        "crosswalks": crosswalks(raw),
        "size": len(raw["rows"]),
        "in_force": in_force(listed, as_at),
        "used_by": _used_by().get(id, 0),
        "names_en": raw.get("names_en"),
        "note": raw.get("note"),
    } | {name: raw.get(name, {}) for name in told}


def rows(id: str, words: str, as_at: date) -> tuple[list[Json], list[Json]]:
    """The rows in force at the date that the words are found in, best first; and those not in force, each with what
    took its place and when."""
    listed = catalogue.codelist(id)
    found = _ranked(listed, words) if words else list(listed.rows)
    standing = [code for code in found if listed.get(code, as_at)]
    retired = [code for code in found if not listed.get(code, as_at)] if words else []
    return [listed.row(code) for code in standing], [
        _retired(listed, code) for code in retired[:_MOST_RETIRED]
    ]


def nearest(id: str, words: str) -> list[Json]:
    """Codes one slip of the keyboard away from what was not found."""
    listed = catalogue.codelist(id)
    return [listed.row(code) for code in listed.nearest(words)]


def in_force(listed: CodeList, as_at: date) -> int:
    """How many rows are."""
    ended = sum(1 for code in listed.dated if listed.get(code, as_at) is None)
    return len(listed.rows) - ended


def crosswalks(raw: Json) -> Json:
    """Columns that hold codes of another set, with where they are from where the source itself lacks them."""
    said = raw.get("crosswalks", {})
    own = {"source": raw["source"], "how": "the source has it", "verified": raw["verified"]}
    return {name: said.get(name, own) for name in raw["columns"] if name not in _PLAIN}


def first_in_force(id: str, as_at: date) -> str | None:
    """A code that is good at the date, one that always was where there is one."""
    listed = catalogue.codelist(id)
    always = (code for code in listed.rows if code not in listed.dated)
    return next(always, None) or next((code for code in listed.rows if listed.get(code, as_at)), None)


def _retired(listed: CodeList, code: str) -> Json:
    row = listed.row(code)
    successor = listed.successor(code)
    after = listed.row(successor) if successor in listed.rows and successor else None
    why = contents.codelists()[listed.id].get("no_successor", {}).get(code)
    return row | {"successor": after, "no_successor": why}


def _ranked(listed: CodeList, words: str) -> list[str]:
    """Codes that the words are found in: in the code itself, as a code of another set, in the names."""
    places = _crosswalk_places(listed.columns)
    found = []
    for code, folded, names in _folded(listed.id):
        row = listed.rows[code]
        if folded == words:
            rank = 0
        elif any(at < len(row) and row[at] and str(row[at]).casefold() == words for at in places):
            rank = 1
        elif folded.startswith(words):
            rank = 2
        elif f"\n{words}" in names:
            rank = 3
        elif words in names:
            rank = 4
        else:
            continue
        found.append((rank, code))
    return [code for _, code in sorted(found, key=lambda one: one[0])]


def _crosswalk_places(columns: tuple[str, ...]) -> list[int]:
    return [at for at, name in enumerate(columns) if name not in _PLAIN]


@cache
def _folded(id: str) -> list[tuple[str, str, str]]:
    """(code, code and names as searches compare) of each row."""
    listed = catalogue.codelist(id)
    found = []
    for code in listed.rows:
        row: Mapping[str, Any] = listed.row(code)
        names = [asking.folded(row[name]) for name in ("zh", "en") if row.get(name)]
        found.append((code, asking.folded(code), "\n" + "\n".join(names)))
    return found


@cache
def _used_by() -> Mapping[str, int]:
    """How many elements each list judges."""
    found: dict[str, int] = {}
    for one in contents.elements().values():
        if id := one.get("code_list"):
            found[id] = found.get(id, 0) + 1
    return found


def is_in_force(id: str, code: str, as_at: date) -> bool:
    return catalogue.codelist(id).get(code, as_at) is not None
