"""An agency's reply, and what it does to the consignment that it answers."""

from collections.abc import Iterable, Mapping
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

from singlewindow import canonical, clock, consent
from singlewindow.consignment import Change, Consignment
from singlewindow.errors import WindowError
from singlewindow.events import Actor, Event
from singlewindow.ids import parse_entry_id

# An agency's last word, and that of the agency that releases: its acceptance is interim (受理, then 放行).
_LAST_WORD = ("accept", "reject", "return")
_LAST_WORD_OF_RELEASING = ("release", "reject", "return")
# What the agency that releases alone may say.
_OF_RELEASING = ("release", "revoke", "tax")

# After these a version is beyond the agencies' answers, until its release is revoked.
_DECIDED = ("DeclarationReleased", "DeclarationRejected", "DeclarationReturned", "DeclarationWithdrawn")

# Findings are for people and programs to read, not to nest documents in.
_DEEPEST_FINDING = 6

Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]

# In canonical form; bounded, for `1e999999999` is short to write and long to spell out.
Amount = Annotated[
    Decimal,
    Field(ge=0, max_digits=19, decimal_places=5),
    PlainSerializer(lambda number: canonical.plain(number.copy_abs()), when_used="json"),
]

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,128}$")]

# Yuan to the fen, as a text: what JSON makes of a number is not what was meant.
Money = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,14})\.[0-9]{2}$")]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ArrivalReport(Part):
    """What a terminal saw of the goods: tallied how many pieces and kg under which bill; when they arrived, left the
    gate and departed; `tallied` says that the tally or clean manifest (理货报告、清洁舱单) is in."""

    bill_no: Text | None = None
    pack_no: Amount | None = None
    gross_weight: Amount | None = None
    arrived_at: AwareDatetime | None = None
    gate_out_at: AwareDatetime | None = None
    departed_at: AwareDatetime | None = None
    tallied: bool | None = None


class Hold(Part):
    """What is held and why (`domain.md` A.5): goods with a hold at the `port` gate stay; at `use` they may leave, and
    not be sold or used. `hold_id` names it in the clear; without one the reply's id does."""

    hold_id: Id | None = None
    gate: Literal["port", "use"] = "port"
    kind: Literal["inspection", "documents", "licence", "quarantine", "other"] = "other"
    place: Text | None = None
    containers: Annotated[list[Text], Field(max_length=200)] | None = None
    qualifications: Annotated[list[Text], Field(max_length=20)] | None = None
    instructions: Annotated[list[Text], Field(max_length=50)] | None = None


class Release(Part):
    """The terms of customs' release. `notice`: the same as customs signed it, a compact JWS.

    `conditional`: goods may leave the port under conditions (附条件提离); `guaranteed`: against security (担保放行);
    `removal`: on the summary of a declaration in two steps, whose full declaration is to follow (提货放行).
    """

    notice: Annotated[str, StringConstraints(min_length=1, max_length=16384)] | None = None
    conditional: bool = False
    guaranteed: bool = False
    removal: bool = False


class TaxLine(Part):
    """One tax on one line of the declaration (0: on all of it)."""

    line: Annotated[int, Field(ge=0, le=999)]
    tax: Literal["duty", "vat", "consumption", "anti-dumping", "countervailing", "late-declaration"]
    base: Money
    rate: Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,4})(\.[0-9]{1,6})?$")]
    amount: Money


class TaxBill(Part):
    """Customs' tax bill (税单) in yuan; `supersedes` an earlier one. `total` is the sum of its lines."""

    bill_id: Id
    regime: Literal["customs-assessed", "self-assessed", "consolidated"]
    issued_at: AwareDatetime
    lines: Annotated[list[TaxLine], Field(min_length=1, max_length=400)]
    total: Money
    supersedes: Id | None = None

    @model_validator(mode="after")
    def _adds_up(self) -> "TaxBill":
        added = sum((Decimal(line.amount) for line in self.lines), Decimal())
        if added != Decimal(self.total):
            raise ValueError(f"the lines add up to {added}")
        if self.supersedes == self.bill_id:
            raise ValueError("a bill supersedes another, not itself")
        return self


class Reply(Part):
    """`reply_id` is the agency's own: a repetition is known by it. `at` is when the agency decided."""

    reply_id: Id
    message_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")]
    outcome: Literal["accept", "reject", "return", "hold", "clear", "review", "tax", "release", "revoke"]
    findings: Annotated[list[dict[str, Any] | Text], Field(max_length=500)] = []
    at: AwareDatetime
    entry_id: str | None = None
    report: ArrivalReport | None = None
    hold: Hold | None = None
    hold_id: Id | None = None
    tax: TaxBill | None = None
    release: Release | None = None

    @field_validator("at", mode="before")
    @classmethod
    def _as_text(cls, at: Any) -> Any:
        if not isinstance(at, str):
            raise ValueError("an instant is a text, as in RFC 3339")
        return at

    @model_validator(mode="after")
    def _members_fit_the_outcome(self) -> "Reply":
        if self.entry_id and self.outcome not in ("accept", "release"):
            raise ValueError("a declaration number comes with acceptance or release")
        if self.outcome == "tax" and self.tax is None:
            raise ValueError("tax: the bill is missing")
        if self.outcome == "revoke" and not self.findings:
            raise ValueError("findings: say why the release is taken back")
        for member, outcome in (
            ("hold", "hold"),
            ("hold_id", "clear"),
            ("tax", "tax"),
            ("release", "release"),
        ):
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


def is_final(reply: Reply, clear_is_final: bool, releases: bool) -> bool:
    """Whether the agency has nothing more to say: where a desk only holds and clears, its clear is its yes."""
    last_words = _LAST_WORD_OF_RELEASING if releases else _LAST_WORD
    return reply.outcome in last_words or (reply.outcome == "clear" and clear_is_final)


def earlier(consignment: Consignment, agency: str, reply_id: str) -> Event | None:
    """The event in which this agency said this before, about the declaration or a request to change it."""
    said = ("AgencyReplied", *consent.ANSWERED)
    return next(
        (
            e
            for e in consignment.events
            if e.type in said and e.data.get("reply_id") == reply_id and e.data["agency"] == agency
        ),
        None,
    )


def recorded(
    consignment: Consignment,
    reply: Reply,
    agency: str,
    version: int,
    clear_is_final: bool,
    key: Mapping[str, Any] | None = None,
) -> Change:
    """The event that records a reply to `version`; `key` is the one that its signed notice was verified by.

    A reply to an older version, and a final answer that contradicts the first, are recorded without effect, and so is
    any after the decision but what concerns the gate of use, or takes a release back while the goods are there.
    Raises 422 for what is not this agency's to say.
    """
    assignment = _assignments(consignment, version)[agency]
    _refuse_what_is_not_its_own(reply, assignment)
    final = is_final(reply, clear_is_final, assignment["releases"])
    data: dict[str, Any] = {
        "agency": agency,
        "reply_id": reply.reply_id,
        "message_id": reply.message_id,
        "outcome": reply.outcome,
        "final": final,
        "effect": _effect(consignment, reply, agency, final, version),
        "findings": [{"message": one} if isinstance(one, str) else one for one in reply.findings],
        "at": clock.stamp(reply.at),
    }
    if reply.outcome == "hold":
        hold = (reply.hold or Hold()).model_dump(exclude_none=True)
        data["hold"] = {"hold_id": reply.reply_id} | hold
    terms = reply.release.model_dump(exclude_defaults=True) if reply.release else {}
    if terms:
        data["release"] = terms | ({"key": dict(key)} if key else {})
    for member in ("entry_id", "hold_id"):
        if said := getattr(reply, member):
            data[member] = said
    for member in ("report", "tax"):
        if part := getattr(reply, member):
            data[member] = part.model_dump(mode="json", exclude_none=True)
    return Change("AgencyReplied", data, Actor("agency", agency), of_version=version)


def bound_to(consignment: Consignment, reply: Reply, agency: str, version: int) -> dict[str, Any]:
    """What a signed notice within this reply must be about."""
    numbers = (
        event.data["entry_id"]
        for event in consignment.of_version(version)
        if event.type == "AgencyReplied" and event.data["agency"] == agency and "entry_id" in event.data
    )
    release = reply.release or Release()
    return {
        "window_no": consignment.window_no,
        "version": version,
        "entry_id": next(numbers, reply.entry_id),
        "conditional": release.conditional,
        "guaranteed": release.guaranteed,
        "removal": release.removal,
    }


def _refuse_what_is_not_its_own(reply: Reply, assignment: Mapping[str, Any]) -> None:
    if reply.outcome in _OF_RELEASING and not assignment["releases"]:
        raise WindowError(
            422,
            "outcome-not-yours",
            f"{reply.outcome}: only the agency that releases says so",
            detail_zh="放行、撤回放行与税单只能由放行部门（海关）作出",
        )
    if reply.outcome == "review" and assignment["part"] != "decides":
        raise WindowError(
            422,
            "outcome-not-yours",
            "review: only who decides on it reviews it",
            detail_zh="仅审定部门可转人工审核",
        )
    if reply.report and assignment["part"] != "informed":
        raise WindowError(
            422,
            "report-not-yours",
            "only who is told of the cargo reports it",
            detail_zh="仅场站可报告到货与理货",
        )


def _effect(consignment: Consignment, reply: Reply, agency: str, final: bool, version: int) -> str:
    if version != consignment.version:
        return "recorded-late"
    events = consignment.of_version()
    if reply.outcome == "revoke" and any(
        e.type in ("GateOut", "DeclarationCleared") for e in consignment.events
    ):
        return "recorded-after-gate-out"
    judges = _assignments(consignment, version)[agency]["part"] != "informed"
    if judges and _is_decided(events) and not _outlives_the_release(events, reply):
        return "recorded-after-decision"
    said = [e for e in events if e.type == "AgencyReplied" and e.data["agency"] == agency]
    revoked_at = _revoked_at(said)
    if reply.outcome == "release" and clock.stamp(reply.at) <= revoked_at:
        return "recorded-revoked"
    first = next((e for e in said if e.data["final"] and not _is_revoked(e, revoked_at)), None)
    contradicts = final and first and not _agree(first.data, reply)
    return "recorded-second-final" if contradicts else "applied"


def _is_decided(events: Iterable[Event]) -> bool:
    """Whether the version is beyond the agencies' answers; a revoked release is not."""
    turns = [e.type for e in events if e.type in (*_DECIDED, "ReleaseRevoked")]
    return bool(turns) and turns[-1] != "ReleaseRevoked"


def _outlives_the_release(events: Iterable[Event], reply: Reply) -> bool:
    """Whether a reply still counts after a release: at the gate of use, or taking the release back."""
    if any(e.type in _DECIDED and e.type != "DeclarationReleased" for e in events):
        return False
    if reply.outcome == "hold":
        return reply.hold is not None and reply.hold.gate == "use"
    return reply.outcome in ("clear", "revoke")


def _revoked_at(said: Iterable[Event]) -> str:
    """When the agency last took its release back, by its own time; empty where it never did."""
    revocations = [e for e in said if e.data["outcome"] == "revoke" and e.data["effect"] == "applied"]
    return max((e.data["at"] for e in revocations), default="")


def _is_revoked(event: Event, revoked_at: str) -> bool:
    return event.data["outcome"] == "release" and event.data["at"] <= revoked_at


def _assignments(consignment: Consignment, version: int) -> dict[str, Mapping[str, Any]]:
    """What each agency's part in a version is, by agency."""
    return {
        one["agency"]: one
        for event in consignment.of_version(version)
        if event.type in ("DeclarationSubmitted", "DeclarationAmended")
        for one in event.data["agencies"]
    }


def _agree(first: Mapping[str, Any], again: Reply) -> bool:
    """The same verdict, and no other declaration number."""
    numbers = {number for number in (first.get("entry_id"), again.entry_id) if number}
    return _verdict(again.outcome) == _verdict(first["outcome"]) and len(numbers) < 2


def _verdict(outcome: str) -> str:
    return "accept" if outcome == "clear" else outcome


def _of(consignment: Consignment, agency: str) -> list[Event]:
    return [e for e in consignment.events if e.type == "AgencyReplied" and e.data["agency"] == agency]
