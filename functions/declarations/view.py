"""A declaration as its trader sees it: where it stands, who holds it, since when and why."""

from typing import Any

from declarations import tax, two_step
from declarations.changes import outcome, permission
from declarations.explanation import explain, use_holds
from declarations.holds import PORT, Hold, Holds
from declarations.positions import Position, positions
from singlewindow.consignment import Consignment

# Whose move it is, by the state of an agency's position.
_WAITS_ON_AGENCY = ("to-ask", "pending", "held", "in-review", "examining", "silent")


def etag(consignment: Consignment) -> str:
    """What `If-Match` guards: the version and the state, not the agencies' side notes."""
    return f'"{consignment.version}.{consignment.state}"'


def brief(window_no: str, version: int, state: str) -> dict[str, Any]:
    return {"window_no": window_no, "version": version, "state": state}


def detail(consignment: Consignment, full_declaration: dict[str, Any] | None = None) -> dict[str, Any]:
    """The answer of `GET /declarations/{window_no}`; `full_declaration`: when that of a summary is due."""
    found = positions(consignment)
    holds, bills = Holds.of(consignment.of_version()), tax.of(consignment.of_version())
    return {
        **brief(consignment.window_no, consignment.version, consignment.state),
        "entry_id": consignment.snapshot.facts.get("entry_id"),
        "since": consignment.snapshot.changed_at,
        "opened_at": consignment.snapshot.opened_at,
        "agencies": [_agency(position) for position in found.values()],
        "holds": [_hold(hold) for hold in holds.all() if hold.gate == PORT],
        "use_holds": [_hold(hold) | {"bars": ["sale", "use"]} for hold in use_holds(holds)],
        "bills": [_bill(bill) for bill in bills.current()],
        "explanation": explain(consignment, found.values(), holds, bills).as_json(),
        "journey": f"/panorama/{consignment.window_no}",
        "full_declaration": full_declaration,
        "allowed": [*two_step.allowed(consignment), *permission.allowed(consignment)],
        **outcome.standing(consignment),
        "head_hash": consignment.snapshot.head,
    }


def _hold(hold: Hold) -> dict[str, Any]:
    named = ("agency", "hold_id", "gate", "kind", "held_at", "cleared_at")
    return {name: getattr(hold, name) for name in named} | {"findings": list(hold.findings)}


def _bill(bill: tax.Bill) -> dict[str, Any]:
    return {name: getattr(bill, name) for name in ("bill_id", "agency", "amount", "state", "due_on", "since")}


def _agency(position: Position) -> dict[str, Any]:
    return {
        "agency": position.agency,
        "part": position.part,
        "state": position.state,
        "since": position.since,
        "holder": position.agency
        if position.state in _WAITS_ON_AGENCY and position.part != "informed"
        else None,
        "because": list(position.because),
        "findings": list(position.findings),
    }
