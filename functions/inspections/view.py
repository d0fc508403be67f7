"""An inspection as its callers see it. Who looked at the goods is for agencies and staff to know."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from inspections import clocks, lifecycle, slots
from inspections.order import Order, asked, left_open
from inspections.store import Evidence
from singlewindow import clock
from singlewindow.consignment import Consignment
from singlewindow.parties import TRADERS, Caller

Sheets = Mapping[str, tuple[dict[str, Any], str]]


def whole(
    caller: Caller, consignment: Consignment, order: Order, sheets: Sheets, files: list[Evidence]
) -> Any:
    """The answer of `GET /inspections/{id}`: what was asked and by whom, where it stands, the sheet, the clocks."""
    official = caller.role not in TRADERS
    left = {hold.key for hold in left_open(consignment, order.version)}
    return {
        **standing(order),
        "window_no": order.window_no,
        "journey": f"/panorama/{order.window_no}",
        "declaration_version": order.version,
        "revision": order.revision,
        "place": order.place,
        "containers": list(order.containers),
        "qualifications": list(order.qualifications),
        "instructions": list(order.instructions),
        "holds": [
            {**one, "cleared_by": _cleared_by(order, one["agency"], one["hold_id"], left)}
            for one in order.holds
        ],
        "asked": _asked(consignment, order),
        "seals": {"before": list(order.seals_before), "after": list(order.seals_after)},
        "sheet": [_result(order, one, sheets, official) for one in order.results],
        "follow_ups": [
            {name: one[name] for name in ("agency", "follow_up", "hold_ids", "at")}
            for one in order.follow_ups
        ],
        "evidence": [_file(order, one) for one in files] if official else [],
        "allowed": allowed(caller, order),
        "reason": order.reason,
        "clocks": clocks.shown(order),
    }


def standing(order: Order) -> dict[str, Any]:
    """Where it stands, in short: what every act is answered with."""
    return {"inspection_id": order.id, "state": order.state, "slot": order.slot}


def allowed(caller: Caller, order: Order) -> list[str]:
    """What this caller may do next, by name."""
    if caller.role in TRADERS:
        return lifecycle.allowed(order.state, lifecycle.TRADER)
    return lifecycle.allowed(order.state, lifecycle.AGENCY) if order.of(caller.party) else []


def free(order: Order, day: date, taken: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """The slots of a day that fit the order, with the places left; `taken` by place and slot id."""
    now = clock.now()
    known = slots.places(day)
    fitting = [
        slot for slot in slots.fitting(order.place, order.qualifications, day) if slots.is_open(slot, now)
    ]
    items = [
        {
            **slot.as_json(),
            "place_zh": known[slot.place].name_zh,
            "place_en": known[slot.place].name_en,
            "verified": known[slot.place].verified,
            "qualifications": sorted(slot.qualifications),
            "left": left,
        }
        for slot in fitting
        if (left := slot.capacity - taken.get(slot.place, {}).get(slot.slot_id, 0)) > 0
    ]
    offered = {each for one in known.values() for bay in one.values["bays"] for each in bay["qualifications"]}
    return {
        "items": items,
        # Why a day may have none: the window keeps no slots there, or no bay can do it.
        "unknown_place": order.place if order.place not in (None, *known) else None,
        "unknown_qualifications": sorted(set(order.qualifications) - offered),
    }


def _cleared_by(order: Order, agency: str, hold_id: str, left: set[tuple[str, str]]) -> str | None:
    """What cleared a hold: something on the sheet, or the agency's own `clear`; None where it is open."""
    return order.cleared_by(agency, hold_id) or (None if (agency, hold_id) in left else "clear")


def _asked(consignment: Consignment, order: Order) -> list[dict[str, Any]]:
    """Who asked for what, in the order in which the order was joined."""
    ever = order.ever
    holds = [hold for key, hold in asked(consignment, order.version).items() if key in ever]
    return [
        {
            "agency": one.agency,
            "hold_id": one.hold_id,
            "gate": one.gate,
            "at": one.at,
            "place": one.place,
            "containers": list(one.containers),
            "qualifications": list(one.qualifications),
            "instructions": list(one.instructions),
        }
        for one in sorted(holds, key=lambda hold: hold.joins_first)
    ]


def _result(order: Order, one: Any, sheets: Sheets, official: bool) -> dict[str, Any]:
    written, inspector = sheets.get(one.sha256, ({}, ""))
    shown = {
        "agency": one.agency,
        "result": one.result,
        "hold_ids": list(one.hold_ids),
        "at": one.at,
        "follow_up": one.follow_up,
        "checklist": written.get("checklist", []),
        "samples": written.get("samples", []),
        "note": written.get("note"),
        "sheet_sha256": one.sha256,
    }
    return shown | ({"inspector": inspector, "evidence": written.get("evidence", [])} if official else {})


def _file(order: Order, one: Evidence) -> dict[str, Any]:
    return {
        "evidence_id": one.id,
        "agency": one.agency,
        "kind": one.kind,
        "media_type": one.media_type,
        "bytes": one.bytes,
        "sha256": one.sha256,
        "container_no": one.container_no,
        "arrived": one.key is not None,
        "path": f"/inspections/{order.id}/evidence/{one.id}",
    }
