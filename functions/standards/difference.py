"""What changed between two dates, by effective dates alone: codes, rules, parameters, elements, documents, agencies.

A change has the day on which it is first felt: the first day of what began, the day after the last of what ended.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from standards import contents, registry
from standards.contents import Json

KINDS = ("agency", "code", "document", "element", "parameters", "rule", "table")


@dataclass(frozen=True, slots=True)
class Change:
    """`what`: began, ended or changed. `within`: the code list, pack or document that it belongs to."""

    day: str
    kind: str
    within: str | None
    id: str
    what: str
    name_zh: str
    name_en: str
    before: Any = None
    after: Any = None
    successor: str | None = None

    def as_json(self) -> Json:
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "day"} | {
            "date": self.day
        }


def between(since: date, until: date, kind: str | None = None) -> list[Change]:
    """Changes after `since` up to `until`, by day: what differs between the catalogue as at the one and the other."""
    first, last = since.isoformat(), until.isoformat()
    found = (one for one in _all() if first < one.day <= last and kind in (None, one.kind))
    return sorted(_joined(found), key=lambda one: (one.day, one.kind, one.within or "", one.id, one.what))


def counts(changes: Iterable[Change]) -> Json:
    """Kind to began, ended, changed: how many."""
    counted = Counter((one.kind, one.what) for one in changes)
    found: dict[str, dict[str, int]] = {}
    for (kind, what), number in sorted(counted.items()):
        found.setdefault(kind, {})[what] = number
    return found


def _all() -> Iterator[Change]:
    yield from _codes()
    yield from _rules()
    yield from _tables()
    yield from _elements()
    yield from _documents()
    yield from _agencies()


def _codes() -> Iterator[Change]:
    for id, raw in contents.codelists().items():
        columns = raw["columns"]
        if not {"effective_from", "effective_to"} & set(columns):
            continue
        for values in raw["rows"]:
            row = dict(zip(columns, values, strict=False))
            yield from _bounds(
                row, "code", id, row["code"], row["zh"], row.get("en") or row["zh"], row.get("successor")
            )


def _rules() -> Iterator[Change]:
    for one in registry.editions():
        kind = "parameters" if one.kind == "parameters" else "rule"
        names = (one.pack_id, one.id, one.name_zh, one.name_en)
        version = {"version": one.raw["version"]}
        for change in _bounds(one.raw, kind, *names):
            shown = version | {"values": _at(one, change)}
            yield _with(change, shown)
        for span in one.spans:
            for change in _bounds(span, "parameters", *names):
                if _inside(one.raw, change.day):
                    yield _with(change, {"values": span["values"]})


def _tables() -> Iterator[Change]:
    """Dated entries of the tables that rules share, such as agreements and their members."""
    for id, pack in registry.packs().items():
        for name, table in pack.get("tables", {}).items():
            yield from _dated(table, id, name)


def _dated(node: Any, pack: str, path: str) -> Iterator[Change]:
    if isinstance(node, list):
        for at, value in enumerate(node):
            yield from _dated(value, pack, f"{path}/{at}")
    if not isinstance(node, dict):
        return
    name_zh, name_en = str(node.get("zh") or path), str(node.get("en") or path)
    yield from _bounds(node, "table", pack, path, name_zh, name_en)
    for key, value in node.items():
        if key in ("effective_from", "effective_to"):
            continue
        if key == "members" and isinstance(value, dict):
            for member, since in value.items():
                if isinstance(since, str) and since != node.get("effective_from"):
                    joined = f"{path}/{member}"
                    yield from _bounds({"effective_from": since}, "table", pack, joined, joined, joined)
        else:
            yield from _dated(value, pack, f"{path}/{key}")


def _elements() -> Iterator[Change]:
    for id, one in contents.elements().items():
        yield from _bounds(
            one, "element", one["subject"], id, one["name_zh"], one["name_en"], one.get("successor")
        )


def _documents() -> Iterator[Change]:
    for (name, version), one in contents.documents().items():
        yield from _bounds(one, "document", name, f"{name}/{version}", one["name_zh"], one["name_en"])


def _agencies() -> Iterator[Change]:
    for id, one in contents.agencies().items():
        for capacity in one["capacities"]:
            told = {"part": capacity.get("part"), "source": capacity.get("source")}
            for change in _bounds(capacity, "agency", None, id, one["name_zh"], one["name_en"]):
                yield _with(change, told)


def _bounds(
    entry: Mapping[str, Any],
    kind: str,
    within: str | None,
    id: str,
    name_zh: str,
    name_en: str,
    successor: str | None = None,
) -> Iterator[Change]:
    if begun := entry.get("effective_from"):
        yield Change(begun, kind, within, id, "began", name_zh, name_en)
    if ended := entry.get("effective_to"):
        after = (date.fromisoformat(ended) + timedelta(days=1)).isoformat()
        yield Change(after, kind, within, id, "ended", name_zh, name_en, successor=successor)


def _at(edition: registry.Edition, change: Change) -> Json:
    """The parameters with which an edition begins, or ends."""
    day = date.fromisoformat(change.day)
    return edition.params_at(day if change.what == "began" else day - timedelta(days=1))


def _inside(entry: Mapping[str, Any], day: str) -> bool:
    """Whether a day is past the first of an entry and not past its last: otherwise the entry itself begins or ends."""
    return (entry.get("effective_from") or "") < day <= (entry.get("effective_to") or "9999")


def _with(change: Change, told: Json) -> Change:
    from dataclasses import replace

    return replace(change, after=told) if change.what == "began" else replace(change, before=told)


def _joined(changes: Iterable[Change]) -> Iterator[Change]:
    """One that ended and one of the same id that began that day are one change."""
    from dataclasses import replace

    by_place: dict[tuple[str, str, str | None, str], list[Change]] = {}
    for one in changes:
        by_place.setdefault((one.day, one.kind, one.within, one.id), []).append(one)
    for group in by_place.values():
        ended = [one for one in group if one.what == "ended"]
        began = [one for one in group if one.what == "began"]
        if len(ended) == len(began) == 1:
            yield replace(began[0], what="changed", before=ended[0].before)
        else:
            yield from group
