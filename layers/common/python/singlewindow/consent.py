"""Requests to change (修改) or withdraw (撤销) a declaration that agencies must agree to, folded from its events.

A request is open until one who must agree refuses it, its trader takes it back, all agree, or the declaration ends in
another way. The declarations ask and conclude, the exchange carries the questions and judges the answers.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

from singlewindow.consignment import Consignment
from singlewindow.events import Event

AMENDMENT, WITHDRAWAL = "amendment", "withdrawal"
_REQUESTED = {"AmendmentRequested": AMENDMENT, "WithdrawalRequested": WITHDRAWAL}
ANSWERED = ("AmendmentDecided", "WithdrawalDecided")
_DONE = ("DeclarationAmended", "DeclarationWithdrawn")
# Nothing of the version is changed any more; a release bars withdrawal alone.
_ENDED = ("DeclarationRejected", "DeclarationReturned", "DeclarationCleared", "DeclarationWithdrawn")

Status = Literal["open", "agreed", "refused", "cancelled", "overtaken", "done"]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. `agreed`: agencies that did; `overtaken`: the declaration was released or ended before it."""

    number: int
    kind: str
    version: int
    event: Event
    status: Status = "open"
    agreed: frozenset[str] = frozenset()
    refused_by: str | None = None
    findings: tuple[dict[str, Any], ...] = ()

    @property
    def asks(self) -> tuple[str, ...]:
        """The agencies that must agree."""
        return tuple(self.event.data["asks"])

    def as_json(self) -> dict[str, Any]:
        data = self.event.data
        answers = [
            {
                "agency": agency,
                "outcome": "accept"
                if agency in self.agreed
                else "reject"
                if agency == self.refused_by
                else None,
            }
            for agency in self.asks
        ]
        return {
            "request": self.number,
            "kind": self.kind,
            "declaration_version": self.version,
            "status": self.status,
            "reason": data["reason"],
            "basis": data["basis"],
            "requested_at": self.event.at,
            "answers": answers,
            "findings": list(self.findings),
        }


def requests(consignment: Consignment) -> list[Asked]:
    """All requests of a consignment, oldest first."""
    found: dict[int, Asked] = {}
    for event in consignment.events:
        if event.type in _REQUESTED:
            number = event.data["request"]
            found[number] = Asked(number, _REQUESTED[event.type], event.declaration_version, event)
        elif event.type in ANSWERED:
            if event.data["effect"] == "applied":
                number = event.data["request"]
                found[number] = _after_answer(found[number], event)
        elif event.type in _DONE and event.data.get("request"):
            found[event.data["request"]] = replace(found[event.data["request"]], status="done")
        if event.type in _ENDED or event.type == "DeclarationReleased":
            found = {number: _overtaken(one, event) for number, one in found.items()}
    return list(found.values())


def open_request(consignment: Consignment) -> Asked | None:
    """The one that is neither refused nor done; there is never a second."""
    return next((one for one in requests(consignment) if one.status in ("open", "agreed")), None)


def _after_answer(asked: Asked, event: Event) -> Asked:
    if asked.status != "open":
        return asked
    data = event.data
    if data["outcome"] == "cancel":
        return replace(asked, status="cancelled")
    findings = (*asked.findings, *data["findings"])
    if data["outcome"] == "reject":
        return replace(asked, status="refused", refused_by=data["agency"], findings=findings)
    agreed = asked.agreed | {data["agency"]}
    return replace(
        asked, status="agreed" if agreed >= set(asked.asks) else "open", agreed=agreed, findings=findings
    )


def _overtaken(asked: Asked, event: Event) -> Asked:
    """A release ends a withdrawal, and an amendment that would bring in an agency to decide after it; whatever ends
    the version ends both."""
    if event.declaration_version != asked.version or asked.status not in ("open", "agreed"):
        return asked
    if event.type == "DeclarationReleased" and not bars_release(asked):
        return asked
    return replace(asked, status="overtaken")


def bars_release(asked: Asked) -> bool:
    """Whether what is asked for makes no sense beside a release."""
    data = asked.event.data
    return asked.kind == WITHDRAWAL or any(
        one["part"] == "decides" and one["agency"] in data["added"] for one in data["agencies"]
    )
