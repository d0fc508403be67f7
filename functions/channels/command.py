"""What callers send. pydantic takes 60 ms to import: only where a body is read."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from channels.channel import AS_SENT, CANONICAL
from singlewindow import catalogue, clock
from singlewindow.messages.carriers import carried_by
from singlewindow.outbound.address import LONGEST

_CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"
Why = Annotated[str, StringConstraints(min_length=3, max_length=300, strip_whitespace=True)]
Place = Annotated[str, StringConstraints(max_length=80, pattern=r"^[0-9A-Za-z:.~-]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MaintenanceOnce(_Strict):
    """From one instant to another."""

    from_: datetime = Field(alias="from")
    to: datetime

    @model_validator(mode="after")
    def _forward(self) -> "MaintenanceOnce":
        if self.from_.tzinfo is None or self.to.tzinfo is None or self.from_ >= self.to:
            raise ValueError("`from` before `to`, both with an offset")
        return self

    def as_json(self) -> dict[str, Any]:
        return {"from": clock.stamp(self.from_), "to": clock.stamp(self.to)}


class MaintenanceWeekly(_Strict):
    """Every week, in Asia/Shanghai; over midnight where `to` is not after `from`."""

    weekday: int = Field(ge=1, le=7, description="1 Monday to 7 Sunday")
    from_: str = Field(alias="from", pattern=_CLOCK)
    to: str = Field(pattern=_CLOCK)

    def as_json(self) -> dict[str, Any]:
        return {"weekday": self.weekday, "from": self.from_, "to": self.to}


class ChannelSettings(_Strict):
    """A channel as its party wants it; PUT gives all of it."""

    protocol: Literal["pull", "webhook", "s3-drop", "sqs"]
    description: Annotated[str, StringConstraints(max_length=200)] = ""
    direction: Literal["receive", "send", "both"] = "receive"
    document_types: Annotated[list[str], Field(min_length=1, max_length=50)] = ["*"]
    format: Annotated[str, StringConstraints(max_length=60)] = Field(
        CANONICAL,
        description="canonical (JSON), as-sent, or a message that carries the document (CEB311Message)",
    )
    format_version: Annotated[str, StringConstraints(max_length=20)] | None = None
    url: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST)] | None = None
    carries: bool = Field(False, description="a webhook brings the document itself, up to 256 KB")
    certificate: Annotated[str, StringConstraints(max_length=300)] | None = Field(
        None, description="where the party's certificate is found; never the certificate or a key"
    )
    rate_per_minute: int = Field(0, ge=0, le=60_000, description="0: no bound")
    timeout_seconds: int = Field(5, ge=1, le=10)
    retry: Literal["standard", "patient", "brief"] = "standard"
    maintenance: Annotated[list[MaintenanceOnce | MaintenanceWeekly], Field(max_length=30)] = []
    active_from: datetime | None = None
    active_to: datetime | None = None
    status: Literal["active", "suspended"] = "active"
    simulated: bool = False

    @field_validator("document_types")
    @classmethod
    def _known_types(cls, types: list[str]) -> list[str]:
        known = {name.rsplit(".v", 1)[0] for name in catalogue.names("documents")}
        known |= set(catalogue.names("messages")) | {"*"}
        if unknown := sorted(set(types) - known):
            raise ValueError(f"no document or message of the catalogue: {', '.join(unknown)[:200]}")
        return sorted(set(types))

    @field_validator("certificate")
    @classmethod
    def _reference(cls, certificate: str | None) -> str | None:
        if certificate and ("-----" in certificate or "\n" in certificate):
            raise ValueError("a reference, not the certificate or the key itself")
        return certificate

    @field_validator("active_from", "active_to")
    @classmethod
    def _with_offset(cls, instant: datetime | None) -> datetime | None:
        if instant and instant.tzinfo is None:
            raise ValueError("an instant with its offset")
        return instant

    @model_validator(mode="after")
    def _whole(self) -> "ChannelSettings":
        if (self.protocol == "webhook") != (self.url is not None):
            raise ValueError("a webhook has a url, and nothing else has")
        if self.carries and self.protocol != "webhook":
            raise ValueError("only a webhook can carry the document")
        if self.format not in (CANONICAL, AS_SENT):
            if self.format not in catalogue.names("messages") or carried_by(self.format) is None:
                raise ValueError(
                    f"format: no message of the catalogue that carries a document: {self.format}"
                )
            version = str(catalogue.load(f"messages/{self.format}.json")["version"])
            if self.format_version not in (None, version):
                raise ValueError(f"format_version: {self.format} is written in version {version}")
            self.format_version = version
        elif self.format_version is not None:
            raise ValueError("format_version: for a message of the catalogue alone")
        return self

    def members(self) -> dict[str, Any]:
        """As the members of a `Channel`."""
        return self.model_dump(exclude={"document_types", "maintenance", "active_from", "active_to"}) | {
            "document_types": tuple(self.document_types),
            "maintenance": tuple(one.as_json() for one in self.maintenance),
            "active_from": clock.stamp(self.active_from) if self.active_from else None,
            "active_to": clock.stamp(self.active_to) if self.active_to else None,
        }


class ChannelRegistration(ChannelSettings):
    """A new channel; `party` and `role` by an operator alone, for somebody else."""

    party: Annotated[str, StringConstraints(max_length=40)] | None = None
    role: Literal["enterprise", "broker", "agency"] | None = None


class ChannelReplay(_Strict):
    """Everything that went by a channel: after a place, or of a span of time; up to 200 a call."""

    why: Why
    after: Place = ""
    from_: datetime | None = Field(None, alias="from")
    to: datetime | None = None

    @property
    def start(self) -> str:
        return max(self.after, clock.stamp(self.from_) if self.from_ else "")

    @property
    def end(self) -> str:
        return clock.stamp(self.to) if self.to else ""

    @field_validator("from_", "to")
    @classmethod
    def _with_offset(cls, instant: datetime | None) -> datetime | None:
        if instant and instant.tzinfo is None:
            raise ValueError("an instant with its offset")
        return instant


class DeadLetterReplay(ChannelReplay):
    """Dead letters by their ids, or of a channel, or (operators) of a day."""

    ids: Annotated[list[Annotated[str, StringConstraints(max_length=40)]], Field(max_length=200)] = []
    channel: Annotated[str, StringConstraints(max_length=60)] | None = None
    day: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d$")] | None = None

    @model_validator(mode="after")
    def _one_of(self) -> "DeadLetterReplay":
        if sum((bool(self.ids), self.channel is not None, self.day is not None)) != 1:
            raise ValueError("one of ids, channel, day")
        return self


class MessageReplay(_Strict):
    """One message again, to all its receivers or by one channel."""

    why: Why
    channel: Annotated[str, StringConstraints(max_length=60)] | None = None


class QueueRedrive(_Strict):
    """Messages of a dead-letter queue back to where they came from, up to 200 a call."""

    why: Why
    most: int = Field(200, ge=1, le=200)
