"""What callers send. pydantic takes 60 ms to import: only where a body is read."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from singlewindow.aws import uploads
from singlewindow.ids import is_container_no

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
EvidenceId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{36}$")]
HoldId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,128}$")]
FollowUp = Literal["supplement", "amend", "penalty", "guarantee", "convert", "return", "detain"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Seal(_Strict):
    """A seal on a container, as it is read."""

    container_no: str
    seal_no: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9/-]{0,19}$")]

    @field_validator("container_no")
    @classmethod
    def _numbered(cls, container_no: str) -> str:
        if not is_container_no(container_no):
            raise ValueError("a container number of ISO 6346 with its check digit")
        return container_no


class Item(_Strict):
    """One thing that was looked at."""

    item: Text
    ok: bool
    note: Text | None = None


class Sample(_Strict):
    """A sample that was taken; `evidence` is its archived record."""

    sample_no: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,40}$")]
    description: Text
    evidence: EvidenceId | None = None


class Book(_Strict):
    """A slot that `GET …/slots` gave."""

    slot_id: Annotated[str, StringConstraints(min_length=1, max_length=80)]


class Start(_Strict):
    """The seals before the doors are opened."""

    seals_before: Annotated[list[Seal], Field(max_length=200)] = []


class Found(_Strict):
    """One agency's result. A defect says by `follow_up` what is to be done about it."""

    result: Literal["pass", "defect", "sample", "detain"]
    checklist: Annotated[list[Item], Field(max_length=200)] = []
    seals_after: Annotated[list[Seal], Field(max_length=200)] = []
    samples: Annotated[list[Sample], Field(max_length=50)] = []
    evidence: Annotated[list[EvidenceId], Field(max_length=100)] = []
    follow_up: FollowUp | None = None
    note: Text | None = None
    hold_ids: Annotated[list[HoldId], Field(min_length=1, max_length=50)] | None = Field(
        default=None, description="the holds that it is about; without: all of the agency's that are open"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "Found":
        if self.result == "pass" and any(not one.ok for one in self.checklist):
            raise ValueError("a pass with an item that is not in order: say defect")
        if self.result == "sample" and not self.samples:
            raise ValueError("a result of sample names the samples")
        if (self.result == "defect") != (self.follow_up is not None):
            raise ValueError("follow_up belongs to a defect, and a defect names it")
        return self


class FollowedUp(_Strict):
    """What was done about the defects of the agency."""

    follow_up: FollowUp


class AnnouncedEvidence(_Strict):
    """A photo, or the record of a sample, about to be uploaded."""

    kind: Literal["photo", "sample-record", "document"]
    media_type: Literal["image/jpeg", "image/png", "application/pdf"]
    bytes: int = Field(strict=True, gt=0, le=uploads.MOST_BYTES, description="exactly; at most 50 MB")
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    container_no: str | None = None

    @field_validator("container_no")
    @classmethod
    def _numbered(cls, container_no: str | None) -> str | None:
        return None if container_no is None else Seal._numbered(container_no)
