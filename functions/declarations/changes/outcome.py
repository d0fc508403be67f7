"""What asking, taking back and agreeing add to a declaration. Pure; the fold itself is `singlewindow.consent`."""

from dataclasses import replace
from typing import Any

from declarations.changes import permission
from singlewindow.consent import AMENDMENT, WITHDRAWAL, open_request, requests
from singlewindow.consignment import Change, Consignment
from singlewindow.events import Actor


def next_number(consignment: Consignment) -> int:
    return 1 + len(requests(consignment))


def cancelled(consignment: Consignment, number: int) -> Change | None:
    """What taking a request back adds; None where it is not open (any more)."""
    asked = open_request(consignment)
    if asked is None or asked.number != number or asked.status != "open":
        return None
    type = "AmendmentDecided" if asked.kind == AMENDMENT else "WithdrawalDecided"
    data = {"request": number, "outcome": "cancel", "effect": "applied", "findings": []}
    return Change(type, data, of_version=asked.version)


def next_change(consignment: Consignment) -> Change | None:
    """The amended version or the withdrawal once all have agreed who must; None where nothing follows.

    It goes before anything that follows from the clearance: of a consent and a release, whichever stands first in
    the ledger wins.
    """
    asked = open_request(consignment)
    if asked is None or asked.status != "agreed":
        return None
    data = asked.event.data
    if asked.kind == WITHDRAWAL:
        return withdrawn(data["reason"], asked.number)
    amended = {
        name: data[name] for name in ("request", "sha256", "identifiers", "agencies", "added", "tells")
    }
    return Change("DeclarationAmended", amended, parties=frozenset(data["parties"]))


def withdrawal(consignment: Consignment, reason: str, actor: Actor) -> Change:
    """What a trader's wish to withdraw adds: the end, or a question to customs. Raises 409 where it is barred."""
    ground = permission.to_withdraw(consignment)
    if isinstance(ground, permission.Barred):
        raise ground.error(consignment)
    if permission.is_withdrawn_at_once(consignment):
        return replace(withdrawn(reason), actor=actor)
    customs = [one["agency"] for one in consignment.assignments() if one["releases"]]
    data = {"request": next_number(consignment), "reason": reason, "basis": ground, "asks": customs}
    return Change("WithdrawalRequested", data, actor)


def withdrawn(reason: str, number: int | None = None) -> Change:
    """The end of a declaration; it and its customs number are never used again (`domain.md` A.6)."""
    data: dict[str, Any] = {"reason": reason}
    if number is not None:
        data["request"] = number
    return Change("DeclarationWithdrawn", data, state="WITHDRAWN")


def standing(consignment: Consignment) -> dict[str, Any]:
    """What `GET /declarations/{window_no}` says of it."""
    asked = open_request(consignment)
    facts = consignment.snapshot.facts
    return {
        "amendment": consignment.amendment() or None,
        "request": asked.as_json() if asked else None,
        "replaces": facts.get("replaces"),
        "replaced_by": facts.get("replaced_by"),
    }
