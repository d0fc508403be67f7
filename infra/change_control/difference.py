"""How two states of a contract differ, and whether what was built on the older one still works."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.change_control.contract import Contract, Row

_TEXT = re.compile(r"C(?:(\d*)\.\.)?(\d+)").fullmatch
_DECIMAL = re.compile(r"N(\d+),(\d+)").fullmatch
_INTEGER = re.compile(r"n(\d*)\.\.(\d+)").fullmatch
_OBLIGATIONS = "OCM"


@dataclass(frozen=True, slots=True)
class Difference:
    """`is_breaking`: what was sound by the older contract may be refused now, or mean something else."""

    place: str
    what: str
    is_breaking: bool

    def __str__(self) -> str:
        return f"{'breaking  ' if self.is_breaking else 'compatible'} {self.place}: {self.what}"


def differences(old: Contract, new: Contract) -> list[Difference]:
    """All of them, in the order of the older contract; of a part that came or went, its top alone."""
    found: list[Difference] = []
    for place, row in old.rows.items():
        if place not in new.rows:
            if _parent(place) in new.rows or _parent(place) not in old.rows:
                found.append(Difference(place, "removed", True))
        else:
            found += _of_row(place, row, new.rows[place], new)
    for place, row in new.rows.items():
        if place not in old.rows and (_parent(place) in old.rows or _parent(place) not in new.rows):
            mandatory = _is_mandatory(row)
            found.append(Difference(place, f"new and {'mandatory' if mandatory else 'optional'}", mandatory))
    if old.is_ordered:
        found += _moved(old, new)
    return found


def _parent(place: str) -> str:
    """The row above: of an entry of a list, the list."""
    above = place.rpartition("/")[0].removesuffix("/*")
    return above or "/"


def _is_mandatory(row: Row) -> bool:
    return row.get("is") == "M" or row.get("use") == "required" or not row.get("occurs", "0").startswith("0")


def _moved(old: Contract, new: Contract) -> Iterator[Difference]:
    """Tags that stay, in another order."""
    before = [place for place in old.rows if place in new.rows]
    after = [place for place in new.rows if place in old.rows]
    if before != after:
        first = next(place for place, other in zip(before, after, strict=True) if place != other)
        yield Difference(first, "stands elsewhere in the order", True)


def _of_row(place: str, old: Row, new: Row, contract: Contract) -> Iterator[Difference]:
    for name in dict.fromkeys((*old, *new)):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if name == "not_carried":  # a part that is carried now was taken before as well
            before = [tag for tag in before or () if f"/{tag}" not in contract.rows]
        breaking = _BREAKS.get(name, _other)(before, after)
        yield Difference(place, f"{name} {_shown(before)} → {_shown(after)}", breaking)


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


# ---------------------------------------------------------- whether a change breaks, by the member that changed


def _other(before: Any, after: Any) -> bool:
    return True


def _restricts(before: Any, after: Any) -> bool:
    """A pattern, a list, a check: breaking unless it went."""
    return after is not None


def _frees(before: Any, after: Any) -> bool:
    return not after


def _closed_set(before: list[str] | None, after: list[str] | None) -> bool:
    """All that may stand there: no set at all is the widest."""
    return after is not None and (before is None or not set(before) <= set(after))


def _accepted_too(before: list[str] | None, after: list[str] | None) -> bool:
    return not set(before or ()) <= set(after or ())


def _narrower_count(before: str, after: str) -> bool:
    (least, most), (new_least, new_most) = _bounds(before), _bounds(after)
    return new_least > least or new_most < most


def _bounds(occurs: str) -> tuple[float, float]:
    least, most = occurs.split("..")
    return float(least), float("inf") if most == "*" else float(most)


def _more_demanding(before: str, after: str) -> bool:
    return _OBLIGATIONS.index(after) > _OBLIGATIONS.index(before)


def _condition(before: str | None, after: str | None) -> bool:
    """Another condition asks it of others; that none is left shows in the obligation."""
    return before is not None and after is not None


def _use(before: str, after: str) -> bool:
    return after == "required"


def _narrower_form(before: str | None, after: str | None) -> bool:
    """Of another type, or with less room."""
    if after == "T":
        return False
    old, new = _room(before or ""), _room(after or "")
    return old[0] != new[0] or any(one > other for one, other in zip(old[1:], new[1:], strict=True))


def _room(form: str) -> tuple[Any, ...]:
    """The type, and measures of which more is wider."""
    if text := _TEXT(form):
        least = text[2] if text[1] is None else text[1] or 0
        return "text", int(text[2]), -int(least)
    if decimal := _DECIMAL(form):
        return "number", int(decimal[1]) - int(decimal[2]), int(decimal[2])
    if integer := _INTEGER(form):
        return "whole", int(integer[2]), -int(integer[1] or 1)
    return form, 0, 0


def _ended(before: str | None, after: str | None) -> bool:
    """An edition without an end may get one: that is how its successor begins."""
    return before is not None


_BREAKS: Mapping[str, Callable[[Any, Any], bool]] = {
    "occurs": _narrower_count,
    "is": _more_demanding,
    "when": _condition,
    "use": _use,
    "form": _narrower_form,
    "codes": _restricts,
    "pattern": _restricts,
    "check": _restricts,
    "values": _closed_set,
    "except": _accepted_too,
    "also": _accepted_too,
    "namespaces_also": _accepted_too,
    "not_carried": _accepted_too,
    "blanks": _frees,
    "blank": _frees,
    "open": _frees,
    "signed": _frees,
    "effective_to": _ended,
}
