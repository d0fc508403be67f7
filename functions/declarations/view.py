"""A declaration as its trader sees it: where it stands, who holds it, since when and why."""

from typing import Any

from declarations import lifecycle
from declarations.changes import outcome, permission
from declarations.positions import Position, positions
from singlewindow.consignment import Consignment

# Whose move it is, by the state of an agency's position.
_WAITS_ON_AGENCY = ("to-ask", "pending", "held", "in-review", "examining", "silent")


def etag(consignment: Consignment) -> str:
    """What `If-Match` guards: the version and the state, not the agencies' side notes."""
    return f'"{consignment.version}.{consignment.state}"'


def brief(window_no: str, version: int, state: str) -> dict[str, Any]:
    return {"window_no": window_no, "version": version, "state": state}


def detail(consignment: Consignment) -> dict[str, Any]:
    """The answer of `GET /declarations/{window_no}`."""
    found = positions(consignment)
    return {
        **brief(consignment.window_no, consignment.version, consignment.state),
        "entry_id": consignment.snapshot.facts.get("entry_id"),
        "since": consignment.snapshot.changed_at,
        "opened_at": consignment.snapshot.opened_at,
        "agencies": [_agency(position) for position in found.values()],
        "allowed": [
            *lifecycle.allowed_to_trader(consignment.state),
            *permission.allowed(consignment),
        ],
        **outcome.standing(consignment),
        "head_hash": consignment.snapshot.head,
    }


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
