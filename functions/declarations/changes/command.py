"""What callers send to change or withdraw. pydantic takes 60 ms to import: only where a body is read."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


class Operation(BaseModel):
    """One operation of RFC 6902 on the document as it stands; `move` and `copy` are not taken."""

    model_config = ConfigDict(extra="forbid")

    op: Literal["add", "remove", "replace", "test"]
    path: Annotated[str, StringConstraints(pattern=r"^(/[^/]{0,100}){1,10}$")]
    value: Any = None

    @model_validator(mode="after")
    def _says_what(self) -> "Operation":
        if (self.op == "remove") == ("value" in self.model_fields_set):
            raise ValueError("`remove` has no value, the others have one")
        return self


class Amend(BaseModel):
    """Why, and either the whole amended document or the operations that lead to it."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason
    document: dict[str, Any] | None = None
    changes: Annotated[list[Operation], Field(min_length=1, max_length=1000)] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "Amend":
        if (self.document is None) == (self.changes is None):
            raise ValueError("either `document` or `changes`")
        return self


class Withdraw(BaseModel):
    """Why the declaration is taken back."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason
