"""What callers send. pydantic takes 60 ms to import: only where a body is read."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from notifications import subscription
from singlewindow.outbound.address import LONGEST


class Subscribe(BaseModel):
    """`url` absent: for pulling alone. `scope`: DATA what was declared, RET what became of it, ALL both."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST)] | None = None
    events: Annotated[list[str], Field(min_length=1, max_length=20)] = ["*"]
    scope: Literal["ALL", "DATA", "RET"] = "ALL"
    description: Annotated[str, StringConstraints(max_length=200)] = ""

    @field_validator("events")
    @classmethod
    def _known(cls, events: list[str]) -> list[str]:
        unknown = sorted(set(events) - {"*", *subscription.EVENTS})
        if unknown:
            raise ValueError(
                f"unknown: {', '.join(unknown)[:200]}; known: *, {', '.join(subscription.EVENTS)}"
            )
        return sorted(set(events))


class Replay(BaseModel):
    """Everything after the cursor `after` again; empty: from the beginning of what is kept."""

    model_config = ConfigDict(extra="forbid")

    after: Annotated[str, StringConstraints(pattern=r"^([0-9]{16})?$")]
