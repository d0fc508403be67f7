"""An agency's reply, and what it does to the consignment that it answers."""

from collections.abc import Mapping
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
    model_validator,
)

from singlewindow import canonical, clock
from singlewindow.consignment import Change, Consignment
from singlewindow.events import Actor, Event
from singlewindow.ids import parse_entry_id

# hold is interim and leaves the question open; clear lifts it; the others are an agency's last word.
FINAL = ("accept", "reject", "return")

# After these a version is beyond the agencies' answers: what comes then is kept and changes nothing.
_DECIDED = ("DeclarationReleased", "DeclarationRejected", "DeclarationReturned")

# Findings are for people and programs to read, not to nest documents in.
_DEEPEST_FINDING = 6

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,128}$")]

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


class Hold(BaseModel):
    """What is held and why (`domain.md` A.5): goods with a hold at the `port` gate stay; at `use` they may leave, and
    not be sold or used. `hold_id` names it in the clear; without one the reply's id does."""

    model_config = ConfigDict(extra="forbid")

    hold_id: Id | None = None
    gate: Literal["port", "use"] = "port"
    kind: Literal["inspection", "documents", "licence", "quarantine", "other"] = "other"
    place: Text | None = None
    containers: Annotated[list[Text], Field(max_length=200)] | None = None
    qualifications: Annotated[list[Text], Field(max_length=20)] | None = None
    instructions: Annotated[list[Text], Field(max_length=50)] | None = None


class Reply(BaseModel):
    """`reply_id` is the agency's own: a repetition is known by it. `at` is when the agency decided."""

    model_config = ConfigDict(extra="forbid")

    reply_id: Id
    message_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")]
    outcome: Literal["accept", "reject", "return", "hold", "clear"]
    findings: Annotated[list[dict[str, Any] | Text], Field(max_length=500)] = []
    at: AwareDatetime
    entry_id: str | None = None
    report: ArrivalReport | None = None
    hold: Hold | None = None
    hold_id: Id | None = None

    @field_validator("at", mode="before")
    @classmethod
    def _as_text(cls, at: Any) -> Any:
        if not isinstance(at, str):
            raise ValueError("an instant is a text, as in RFC 3339")
        return at

    @model_validator(mode="after")
    def _numbered_when_accepted(self) -> "Reply":
        if self.entry_id and self.outcome != "accept":
            raise ValueError("a declaration number comes with acceptance")
        for member, outcome in (("hold", "hold"), ("hold_id", "clear")):
            if getattr(self, member) is not None and self.outcome != outcome:
                raise ValueError(f"{member}: only with the outcome {outcome}")
        return self

    @field_validator("at")
    @classmethod
    def _not_ahead_of_time(cls, at: datetime) -> datetime:
        if at.year < 2000:
            raise ValueError("lies before 2000")
        if (at - clock.now()).total_seconds() > 300:
            raise ValueError("lies more than five minutes ahead")
        return at

    @field_validator("findings")
    @classmethod
    def _not_nested(cls, findings: list[Any]) -> list[Any]:
        level: list[Any] = list(findings)
        for _ in range(_DEEPEST_FINDING):
            level = [inner for one in level if isinstance(one, dict | list) for inner in _within(one)]
        if level:
            raise ValueError(f"nested deeper than {_DEEPEST_FINDING}")
        return findings

    @field_validator("entry_id")
    @classmethod
    def _well_formed(cls, entry_id: str | None) -> str | None:
        if entry_id is not None and parse_entry_id(entry_id) is None:
            raise ValueError("18 characters: 4 customs, 4 year, 1 direction (1/I, 0/E), 9 serial")
        return entry_id


def _within(value: dict[str, Any] | list[Any]) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value


def is_final(reply: Reply, clear_is_final: bool) -> bool:
    """Whether the agency has nothing more to say: where a desk only holds and clears, its clear is its yes."""
    return reply.outcome in FINAL or (reply.outcome == "clear" and clear_is_final)


def earlier(consignment: Consignment, agency: str, reply_id: str) -> Event | None:
    """The event in which this agency said this before."""
    return next((e for e in _of(consignment, agency) if e.data["reply_id"] == reply_id), None)


def recorded(
    consignment: Consignment, reply: Reply, agency: str, version: int, clear_is_final: bool
) -> Change:
    """The event that records a reply to `version`.

    A reply to an older version, and a final answer that contradicts the first, are recorded without effect,
    and so is any after the decision.
    """
    final = is_final(reply, clear_is_final)
    data: dict[str, Any] = {
        "agency": agency,
        "reply_id": reply.reply_id,
        "message_id": reply.message_id,
        "outcome": reply.outcome,
        "final": final,
        "effect": _effect(consignment, agency, reply.outcome if final else None, reply.entry_id, version),
        "findings": [{"message": one} if isinstance(one, str) else one for one in reply.findings],
        "at": clock.stamp(reply.at),
    }
    if reply.entry_id:
        data["entry_id"] = reply.entry_id
    if reply.outcome == "hold":
        hold = (reply.hold or Hold()).model_dump(exclude_none=True)
        data["hold"] = {"hold_id": reply.reply_id} | hold
    if reply.hold_id:
        data["hold_id"] = reply.hold_id
    if reply.report:
        data["report"] = reply.report.model_dump(mode="json", exclude_none=True)
    return Change("AgencyReplied", data, Actor("agency", agency), of_version=version)


def _effect(
    consignment: Consignment, agency: str, final: str | None, entry_id: str | None, version: int
) -> str:
    """`final`: the outcome, where it is one."""
    if version != consignment.version:
        return "recorded-late"
    if agency in judges(consignment) and any(e.type in _DECIDED for e in consignment.of_version()):
        return "recorded-after-decision"
    finals = (e for e in _of(consignment, agency) if e.data["final"] and e.declaration_version == version)
    first = next(finals, None)
    contradicts = final and first and not _agree(first.data, final, entry_id)
    return "recorded-second-final" if contradicts else "applied"


def judges(consignment: Consignment) -> set[str]:
    """Those who were asked for a judgement, to decide or to verify; a terminal still reports after the decision."""
    return {
        one["agency"]
        for event in consignment.of_version()
        if event.type == "DeclarationSubmitted"
        for one in event.data["agencies"]
        if one["part"] != "informed"
    }


def _agree(first: Mapping[str, Any], final: str, entry_id: str | None) -> bool:
    """The same verdict, and no other declaration number."""
    numbers = {number for number in (first.get("entry_id"), entry_id) if number}
    return _verdict(final) == _verdict(first["outcome"]) and len(numbers) < 2


def _verdict(outcome: str) -> str:
    return "accept" if outcome == "clear" else outcome


def _of(consignment: Consignment, agency: str) -> list[Event]:
    return [e for e in consignment.events if e.type == "AgencyReplied" and e.data["agency"] == agency]
