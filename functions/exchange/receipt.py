"""A message that a party sent: what is known of it, and the one way that its state goes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

EXPECTED, RECEIVED, VALIDATED, INVALID, QUARANTINED = (
    "EXPECTED", "RECEIVED", "VALIDATED", "INVALID", "QUARANTINED",
)  # fmt: skip

# A state goes forward alone; of two ends the first that was reached stands.
_RANK = {EXPECTED: 0, RECEIVED: 1, VALIDATED: 2, INVALID: 2, QUARANTINED: 2}

# Findings that an answer carries; the report has all.
MOST_SHOWN = 100

_FILING = {
    "call": "POST /declarations",
    "zh": "本报文只留存和校验，不作申报：请用 POST /declarations 申报",
    "en": "it is kept and judged, and not filed: POST /declarations files it",
}
_MEND = {
    "call": "POST /exchange/messages",
    "zh": "报文有错，未投递给任何一方：请按 findings 修改，以新的幂等键重新发送",
    "en": "it has faults and was passed on to nobody: mend it by its findings, and send it under another key",
}
_NOTHING = {
    "call": None,
    "zh": "本报文经留存和校验后，按内容和发送方指定的接收方投递；窗口不据此办理业务",
    "en": "it is kept, judged, and passed on to whom its content or its sender names; the window files nothing from it",
}


@dataclass(frozen=True, slots=True)
class Received:
    """`type`: by a glance at its first bytes, until the judge says. `outcome`: what the judge said, once.

    `receivers`: whom its sender or its envelope names, beside those whom its content names. `envelope`: what that said.
    `signature`: who signed it and how that was proved, or why it was not. `file`: its name in the drop folder;
    `file_at`: when that version came there.
    """

    receipt_id: str
    sender: str
    sha256: str
    size: int
    syntax: str
    type: str
    raw_key: str
    correlation_id: str
    state: str
    timeline: tuple[tuple[str, str], ...]
    outcome: dict[str, Any] = field(default_factory=dict)
    receivers: tuple[str, ...] = ()
    envelope: dict[str, Any] = field(default_factory=dict)
    signature: dict[str, Any] = field(default_factory=dict)
    file: str = ""
    file_at: str = ""


@dataclass(frozen=True, slots=True)
class Upload:
    """An address that was given out: what is to come there, from whom, under which idempotency key."""

    receipt_id: str
    sender: str
    key: str
    sha256: str
    size: int
    correlation_id: str
    at: str


@dataclass(frozen=True, slots=True)
class Business:
    """Where a document of a message stands with those who answer it; `seq` counts what was recorded."""

    subject: str
    seq: int = 0
    state: str = ""
    rank: int = -1
    at: str = ""
    end: bool = False
    by: str = ""
    answers: tuple[Mapping[str, Any], ...] = field(default=())


def moved(received: Received, state: str, at: str, outcome: dict[str, Any]) -> Received | None:
    """The message in its next state; None where it is there already, or further: a repetition changes nothing."""
    if _RANK[state] <= _RANK[received.state]:
        return None
    return replace(received, state=state, timeline=(*received.timeline, (state, at)), outcome=outcome)


def state_of(readable: bool, errors: int) -> str:
    """Where a report leads. What is only partly judged is no worse for that: `verdict` and `not_judged` say so."""
    if not readable:
        return QUARANTINED
    return INVALID if errors else VALIDATED


def receipt(received: Received, carries: str | None) -> dict[str, Any]:
    """What the sender gets at once, and again for every repetition: it never changes.

    `carries`: the document of its type.
    """
    return {
        "receipt_id": received.receipt_id,
        "state": RECEIVED,
        "sha256": received.sha256,
        "bytes": received.size,
        "type": received.type,
        "syntax": received.syntax,
        "received_at": received.timeline[-1 if received.state == RECEIVED else -2][1],
        "status": f"/exchange/messages/{received.receipt_id}",
        "next": _next(carries, RECEIVED),
    }


def expected(upload: Upload) -> dict[str, Any]:
    """What is known before the bytes have come."""
    return {
        "receipt_id": upload.receipt_id,
        "state": EXPECTED,
        "sender": upload.sender,
        "sha256": upload.sha256,
        "bytes": upload.size,
        "correlation_id": upload.correlation_id,
        "timeline": [{"state": EXPECTED, "at": upload.at}],
    }


def shown(
    received: Received,
    report: dict[str, Any],
    carries: str | None,
    destinations: list[dict[str, Any]] | None = None,
    business: Iterable[Business] = (),
) -> dict[str, Any]:
    """What its sender sees. `report`: the judge's, {} before there is one; `carries`: the document of its type;
    `destinations`: where it went, None before it is routed; `business`: where its documents stand with those who
    answer them."""
    outcome = received.outcome
    home = f"/exchange/messages/{received.receipt_id}/views"
    findings = report.get("findings", [])
    hashes = {"raw": received.sha256}
    hashes |= {name: outcome[name]["sha256"] for name in ("canonical", "report") if name in outcome}
    glanced = [{"type": received.type, "syntax": received.syntax, "certain": False}]
    return {
        "receipt_id": received.receipt_id,
        "state": received.state,
        "sender": received.sender,
        "sha256": received.sha256,
        "bytes": received.size,
        "correlation_id": received.correlation_id,
        "timeline": [{"state": state, "at": at} for state, at in received.timeline],
        "recognised": report.get("recognised", glanced),
        "verdict": report.get("verdict"),
        "as_at": report.get("as_at"),
        "counts": report.get("counts"),
        "findings": findings[:MOST_SHOWN],
        "findings_left": max(0, len(findings) - MOST_SHOWN),
        "not_judged": report.get("not_judged", []),
        "receivers": list(received.receivers),
        "destinations": destinations,
        "envelope": received.envelope or None,
        "signature": received.signature or None,
        "answered": [
            {name: getattr(one, name) for name in ("subject", "state", "at", "by", "end")}
            | {"answers": list(one.answers)}
            for one in business
        ],
        "answers": outcome.get("answers", []),
        "crowded": outcome.get("crowded", []),
        "hashes": hashes,
        "views": {name: f"{home}/{name}" for name in hashes},
        "next": _next(carries, received.state),
    }


def _next(carries: str | None, state: str) -> dict[str, Any]:
    if state in (INVALID, QUARANTINED):
        return _MEND
    return _FILING if carries == "declaration" else _NOTHING
