"""The rules registry: every edition of every rule, parameter set and decision table, as at a date.

The packs are the files of `catalogue/rules`; whoever judges by one binds it to functions, here it is only told of.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from singlewindow import catalogue, tariff
from standards import asking
from standards.contents import Json


@dataclass(frozen=True)
class Edition:
    """One version of one entry of a pack, as the file has it; `pack` is the file's header."""

    pack_id: str
    pack: Json
    raw: Json
    kind: str

    @property
    def id(self) -> str:
        return str(self.raw["id"])

    @property
    def name_zh(self) -> str:
        return str(self.raw.get("name_zh") or self.raw.get("message_zh") or self.id)

    @property
    def name_en(self) -> str:
        return str(self.raw.get("name_en") or self.raw.get("message_en") or self.id)

    @property
    def spans(self) -> list[Json]:
        """Its parameters over time, tables in their place."""
        return [dict(one) | {"values": self._filled(one["values"])} for one in self.raw.get("params", ())]

    def params_at(self, as_at: date) -> Json:
        return next((one["values"] for one in self.spans if catalogue.in_force(one, as_at)), {})

    def _filled(self, values: Json) -> Json:
        tables = self.pack.get("tables", {})
        return {
            name: tables[one["table"]] if isinstance(one, dict) and one.keys() == {"table"} else one
            for name, one in values.items()
        }


@cache
def packs() -> Mapping[str, Json]:
    return {id: catalogue.load(f"rules/{id}.json") for id in catalogue.names("rules")}


@cache
def editions() -> tuple[Edition, ...]:
    return tuple(edition for id, pack in packs().items() for edition in _editions(id, pack))


def heads() -> list[Json]:
    """The packs, each with what it is about."""
    return [
        {
            "id": id,
            "document": pack.get("document"),
            "jurisdiction": pack.get("jurisdiction"),
            "name_zh": pack.get("name_zh", id),
            "name_en": pack.get("name_en", id),
        }
        for id, pack in packs().items()
    ]


def find(query: Mapping[str, str], as_at: date) -> list[Edition]:
    """The editions in force at the date, by pack, document and words; 400 names a pack or document that none is of."""
    pack = asking.choice(query, "pack", packs())
    documents = (str(one.pack.get("document")) for one in editions())
    document = asking.choice(query, "document", {*documents} - {"None"})
    words = asking.words(query)
    return [
        one
        for one in editions()
        if catalogue.in_force(one.raw, as_at)
        and pack in (None, one.pack_id)
        and document in (None, one.pack.get("document"))
        and words in _text(one)
    ]


def _editions(id: str, pack: Json) -> Iterator[Edition]:
    for raw in pack.get("rules", ()):
        yield Edition(id, pack, raw, raw.get("kind", "rule"))
    for raw in pack.get("versions", ()):
        table = {"effective_from": None, "effective_to": None, "values": {"rows": raw.get("rows", [])}}
        named = {name: pack.get(name) for name in ("id", "name_zh", "name_en")}
        yield Edition(id, pack, {**named, **raw, "params": [table]}, "decision-table")


def shown(edition: Edition, as_at: date) -> Json:
    """An edition with its parameters at the date and over time, its other versions, and why it sleeps if it does."""
    raw, pack = edition.raw, edition.pack
    needs = raw.get("needs", ())
    at_hand = _at_hand(as_at) if needs else ()
    missing = [name for name in needs if name not in at_hand]
    return {
        "id": edition.id,
        "pack": edition.pack_id,
        "kind": edition.kind,
        "document": pack.get("document"),
        "version": raw["version"],
        "effective_from": raw.get("effective_from"),
        "effective_to": raw.get("effective_to"),
        "severity": raw.get("severity"),
        "jurisdiction": raw.get("jurisdiction") or pack.get("jurisdiction"),
        "scope": raw.get("scope", {}),
        "agency": raw.get("agency"),
        "name_zh": edition.name_zh,
        "name_en": edition.name_en,
        "message_zh": raw.get("message_zh"),
        "message_en": raw.get("message_en"),
        "params": edition.params_at(as_at),
        "dated_params": edition.spans,
        "editions": [
            {name: one.raw.get(name) for name in ("version", "effective_from", "effective_to")}
            for one in _versions()[edition.pack_id, edition.id]
        ],
        "needs": list(raw.get("needs", ())),
        "asleep": _asleep(pack, missing) if missing else None,
        "source": raw.get("source"),
        "legal_basis": raw.get("legal_basis"),
        "verified": raw.get("verified", False),
        "note": raw.get("note"),
    }


@cache
def _versions() -> Mapping[tuple[str, str], list[Edition]]:
    found: dict[tuple[str, str], list[Edition]] = {}
    for one in editions():
        found.setdefault((one.pack_id, one.id), []).append(one)
    return found


def _asleep(pack: Json, missing: list[str]) -> Json:
    reasons = [pack.get("data_sets", {}).get(name, {"zh": name, "en": name}) for name in missing]
    return {
        "needs": missing,
        "reason_zh": "；".join(one["zh"] for one in reasons),
        "reason_en": "; ".join(one["en"] for one in reasons),
    }


def _at_hand(as_at: date) -> frozenset[str]:
    """Data sets that rules may need and that the window has at the date."""
    edition = tariff.edition(as_at)
    return frozenset(edition.data_sets()) if edition else frozenset()


def _text(edition: Edition) -> str:
    raw: Mapping[str, Any] = edition.raw
    parts = (edition.id, edition.name_zh, edition.name_en, raw.get("message_zh"), raw.get("message_en"))
    return asking.folded(
        " ".join(str(part or "") for part in (*parts, raw.get("legal_basis"), raw.get("source")))
    )
