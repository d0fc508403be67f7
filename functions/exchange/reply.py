"""An agency's reply, and what it does to the consignment that it answers."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    field_validator,
)

from singlewindow import canonical, clock
from singlewindow.consignment import Change, Consignment
from singlewindow.events import Actor, Event
from singlewindow.ids import parse_entry_id

# hold is interim and leaves the question open; clear lifts it; the others are an agency's last word.
FINAL = ("accept", "reject", "return")

Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]

# In canonical form; bounded, for `1e999999999` is short to write and long to spell out.
Amount = Annotated[
    Decimal,
    Field(ge=0, max_digits=19, decimal_places=5),
    PlainSerializer(lambda number: canonical.plain(number.copy_abs()), when_used="json"),
]


class ArrivalReport(BaseModel):
    """What a terminal tallied: pieces, gross weight in kg, under which bill, when it arrived."""

    model_config = ConfigDict(extra="forbid")

    bill_no: Text | None = None
    pack_no: Amount | None = None
    gross_weight: Amount | None = None
    arrived_at: AwareDatetime | None = None


class Reply(BaseModel):
    """`reply_id` is the agency's own: a repetition is known by it. `at` is when the agency decided."""

    model_config = ConfigDict(extra="forbid")

    reply_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,128}$")]
    message_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")]
    outcome: Literal["accept", "reject", "return", "hold", "clear"]
    findings: Annotated[list[dict[str, Any] | Text], Field(max_length=500)] = []
    at: AwareDatetime
    entry_id: str | None = None
    report: ArrivalReport | None = None

    @field_validator("at")
    @classmethod
    def _not_ahead_of_time(cls, at: datetime) -> datetime:
        if (at - clock.now()).total_seconds() > 300:
            raise ValueError("lies more than five minutes ahead")
        return at

    @field_validator("entry_id")
    @classmethod
    def _well_formed(cls, entry_id: str | None) -> str | None:
        if entry_id is not None and parse_entry_id(entry_id) is None:
            raise ValueError("18 characters: 4 customs, 4 year, 1 direction (1/I, 0/E), 9 serial")
        return entry_id


def is_final(reply: Reply, clear_is_final: bool) -> bool:
    """Whether the agency has nothing more to say: where a desk only holds and clears, its clear is its yes."""
    return reply.outcome in FINAL or (reply.outcome == "clear" and clear_is_final)


def earlier(consignment: Consignment, agency: str, reply_id: str) -> Event | None:
    """The event in which this agency said this before."""
    return next((e for e in _of(consignment, agency) if e.data["reply_id"] == reply_id), None)


def recorded(consignment: Consignment, reply: Reply, agency: str, version: int, clear_is_final: bool) -> Change:
    """The event that records a reply to `version`.

    A reply to an older version, and a final answer that contradicts the first, are recorded without effect.
    """
    final = is_final(reply, clear_is_final)
    data: dict[str, Any] = {
        "agency": agency,
        "reply_id": reply.reply_id,
        "message_id": reply.message_id,
        "outcome": reply.outcome,
        "final": final,
        "effect": _effect(consignment, agency, reply.outcome if final else None, version),
        "findings": [{"message": one} if isinstance(one, str) else one for one in reply.findings],
        "at": clock.stamp(reply.at),
    }
    if reply.entry_id:
        data["entry_id"] = reply.entry_id
    if reply.report:
        data["report"] = reply.report.model_dump(mode="json", exclude_none=True)
    return Change("AgencyReplied", data, Actor("agency", agency), of_version=version)


def _effect(consignment: Consignment, agency: str, final: str | None, version: int) -> str:
    """`final`: the outcome, where it is one."""
    if version != consignment.version:
        return "recorded-late"
    finals = (e for e in _of(consignment, agency) if e.data["final"] and e.declaration_version == version)
    first = next(finals, None)
    contradicts = final and first and _verdict(final) != _verdict(first.data["outcome"])
    return "recorded-second-final" if contradicts else "applied"


def _verdict(outcome: str) -> str:
    return "accept" if outcome == "clear" else outcome


def _of(consignment: Consignment, agency: str) -> list[Event]:
    return [e for e in consignment.events if e.type == "AgencyReplied" and e.data["agency"] == agency]
