"""What callers send, and what banks and the treasury sign.

pydantic takes 60 ms to import: only where a body is read.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from payments.refund import TRADING
from singlewindow import clock
from singlewindow.fields import Uscc

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}$")]
Money = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,15})(\.[0-9]{1,2})?$")]
Rate = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,4})(\.[0-9]{1,6})?$")]
WindowNo = Annotated[str, StringConstraints(pattern=r"^[IE][0-9]{17}$")]
Note = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Line(Part):
    """`line` counts from 1; `base` and `amount` in yuan, `rate` as a fraction."""

    line: Annotated[int, Field(ge=0, le=999)]
    tax: Literal["duty", "vat", "consumption", "anti-dumping", "countervailing", "late-declaration"]
    base: Money
    rate: Rate
    amount: Money


class SelfAssess(Part):
    """自报自缴. Without `lines` the window's own calculation becomes the bill, where it can be made."""

    window_no: WindowNo
    lines: Annotated[list[Line], Field(max_length=400)] = []

    @field_validator("lines")
    @classmethod
    def _each_once(cls, lines: list[Line]) -> list[Line]:
        if len({(one.line, one.tax) for one in lines}) < len(lines):
            raise ValueError("a tax stands twice on one line")
        return lines


class Pay(Part):
    """By a bank, or, a consolidated bill, by a guarantee."""

    bank: Id | None = None
    guarantee_id: Id | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "Pay":
        if (self.bank is None) == (self.guarantee_id is None):
            raise ValueError("either a bank or a guarantee")
        return self


class PayMany(Part):
    bank: Id
    bills: Annotated[list[Id], Field(min_length=1, max_length=50)]


class Resolve(Part):
    break_id: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    action: Literal[
        "refunded", "corrected", "confirmed-with-bank", "confirmed-with-treasury", "order-given-up"
    ]
    note: Note


class OpenGuarantee(Part):
    guarantee_id: Id
    party: Uscc
    guarantor: Id
    limit: Money
    valid_from: date
    valid_to: date
    agents: Annotated[list[Uscc], Field(max_length=20), AfterValidator(lambda agents: sorted(set(agents)))] = []

    @model_validator(mode="after")
    def _lasts(self) -> "OpenGuarantee":
        if self.valid_to < self.valid_from:
            raise ValueError("it ends before it begins")
        return self


class ClassifyFx(Part):
    party: Uscc
    fx_class: Annotated[Literal["A", "B", "C"], Field(alias="class")]
    effective_from: date
    basis: Note


class RefundQuery(Part):
    """`amount`: the purchase price without tax of a trading firm, or FOB in yuan of a producer."""

    hs_code: Annotated[str, StringConstraints(pattern=r"^[0-9]{10}$")]
    as_at: date = Field(default_factory=clock.business_date)
    amount: Money | None = None
    method: Literal["trading", "producing"] = TRADING  # type: ignore[assignment]
    input_left: Money = "0"
    refund_class: Annotated[Literal["1", "2", "3", "4"] | None, Field(alias="class")] = None
    window_no: WindowNo | None = None


class LateDeclarationQuery(Part):
    """`value`: dutiable value in yuan; `entered_on`: when the conveyance's entry was declared."""

    entered_on: date
    value: Money
    as_at: date = Field(default_factory=clock.business_date)


# --- signed by a bank or the treasury -----------------------------------------------------------------------


class Signed(BaseModel):
    """`iss` is the party whose key signed; `kind` says what else there is. Unknown members are the sender's own."""

    model_config = ConfigDict(extra="ignore")

    iss: Id

    @field_validator("at", check_fields=False)
    @classmethod
    def _not_ahead_of_time(cls, at: AwareDatetime) -> AwareDatetime:
        if (at - clock.now()).total_seconds() > 300:
            raise ValueError("lies more than five minutes ahead")
        return at


class BankResult(Signed):
    kind: Literal["result"]
    order_id: Id
    outcome: Literal["deducted", "failed", "reversed", "refunded"]
    amount: Money
    bank_ref: Id
    at: AwareDatetime
    reason: Annotated[str, StringConstraints(max_length=200)] = ""


class Receipt(Signed):
    kind: Literal["receipt"]
    bill_id: Id
    bank_ref: Id
    amount: Money
    treasury_ref: Id
    at: AwareDatetime


class Movement(BaseModel):
    bill_id: Annotated[str, StringConstraints(max_length=64)]
    bank_ref: Id
    amount: Money


class Statement(Signed):
    """The deductions of a day, as a bank made them or as the treasury received them; a long one comes in pages."""

    kind: Literal["statement"]
    date: date
    page: Annotated[int, Field(ge=1, le=9999)] = 1
    entries: Annotated[list[Movement], Field(max_length=500)]


class SignedGuarantee(Signed, OpenGuarantee):
    """A guarantor's own word: it answers for nobody else's guarantee."""

    model_config = ConfigDict(extra="ignore")

    kind: Literal["guarantee"]

    @model_validator(mode="after")
    def _its_own(self) -> "SignedGuarantee":
        if self.guarantor != self.iss:
            raise ValueError("a guarantor speaks for itself")
        return self


KINDS: dict[str, type[Signed]] = {
    "result": BankResult,
    "receipt": Receipt,
    "statement": Statement,
    "guarantee": SignedGuarantee,
}
