"""What a journey keeps of an event: small, the same however often the event comes."""

from dataclasses import asdict, dataclass
from typing import Any, Final

from singlewindow.events import Event

# An agency may send hundreds of findings; a journey tells the first, the ledger keeps all.
_MOST_FINDINGS: Final = 5
_LONGEST_TEXT: Final = 200
_OF_AGENCIES: Final = (
    "AgencyReplied",
    "CargoReported",
    "DeclarationAccepted",
    "ReleaseRevoked",
    "GateOut",
    "InspectionResult",
    "InspectionFollowedUp",
    "AmendmentDecided",
    "WithdrawalDecided",
)
# Of an agency's answer: what others show whole, a bill and a signed release.
_IN_THE_LEDGER: Final = ("tax", "release")
_ASSIGNED: Final = ("agency", "part", "because", "releases")
_SAYS: Final = ("code", "pointer", "message", "message_zh", "message_en")


@dataclass(frozen=True, slots=True)
class Record:
    """One event of a journey. `source` is the system that supplied it, `hash` its evidence in the ledger."""

    seq: int
    type: str
    at: str
    declaration_version: int
    source: str
    hash: str
    data: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def record_of(event: Event) -> Record:
    """The record of an event of any type, also of one that this version does not know."""
    return Record(
        seq=event.seq,
        type=event.type,
        at=event.at,
        declaration_version=event.declaration_version,
        source=_source(event),
        hash=event.hash,
        data=_kept(event),
    )


def _source(event: Event) -> str:
    """An agency's word is the agency's; questions are the exchange's; all else its capability's own."""
    if event.type in _OF_AGENCIES:
        agency: str = event.data.get("agency", "declarations")
        return agency
    if event.type.startswith("Inspection"):
        return "inspections"
    if event.type.startswith(("Tax", "Treasury")) and event.type != "TaxDue":
        return "payments"
    return "exchange" if event.type == "AgencyAsked" else "declarations"


def _kept(event: Event) -> dict[str, Any]:
    data = event.data
    if event.type == "DeclarationSubmitted":
        agencies = [{name: one[name] for name in _ASSIGNED} for one in data["agencies"]]
        return {name: data[name] for name in ("ie_flag", "lines", "identifiers")} | {"agencies": agencies}
    if event.type == "AgencyAsked":
        return {name: data[name] for name in ("agency", "message_id", "type")}
    if event.type == "DeclarationAmended":
        agencies = [{name: one[name] for name in _ASSIGNED} for one in data["agencies"]]
        return {name: data[name] for name in ("request", "identifiers", "added")} | {"agencies": agencies}
    if event.type == "AmendmentRequested":
        return {name: data[name] for name in ("request", "reason", "basis", "asks", "pointers", "changed")}
    if event.type in ("AgencyReplied", "AmendmentDecided", "WithdrawalDecided"):
        findings = [_brief(finding) for finding in data["findings"][:_MOST_FINDINGS]]
        told = {name: value for name, value in data.items() if name not in _IN_THE_LEDGER}
        if "tax" in data:
            told["bill_id"] = data["tax"]["bill_id"]
        return told | {"findings": findings, "findings_in_all": len(data["findings"])}
    return data


def _brief(finding: dict[str, Any]) -> dict[str, str]:
    return {name: str(finding[name])[:_LONGEST_TEXT] for name in _SAYS if finding.get(name)}
