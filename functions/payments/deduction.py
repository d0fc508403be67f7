"""What follows from a bank's word on an order: pure, and the same however often the word comes.

A deduction counts once, for the last order of a bill that still stands, with the sum that was ordered. Any other money
is stray: it is shown as a break and ordered back.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from payments.bill import PAID, REVERSED, SENT, VOID, Standing
from singlewindow.errors import WindowError

WRONG_AMOUNT, REPLACED, DOUBLE, SUPERSEDED, GIVEN_BACK_TWICE = (
    "wrong-amount",
    "order-replaced",
    "double-deduction",
    "superseded-bill",
    "given-back-twice",
)
STRAYS: Final = {
    WRONG_AMOUNT: ("扣款金额与指令不符", "another sum was deducted than was ordered"),
    REPLACED: ("已被新指令取代的指令仍被扣款", "an order was carried out that another had replaced"),
    DOUBLE: ("重复扣款", "deducted twice"),
    SUPERSEDED: ("为已作废税单扣款", "deducted for a bill that is void"),
    GIVEN_BACK_TWICE: ("退回指令与银行冲正重复", "given back by our order and reversed by the bank as well"),
}


@dataclass(frozen=True, slots=True)
class Result:
    """A bank's word: outcome `deducted`, `failed` or `reversed`; `amount` in yuan; `bank_ref` is its own number."""

    order_id: str
    bank: str
    outcome: str
    amount: Decimal
    bank_ref: str
    at: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`event` with its `data` goes to the ledger; `stray` names why the money goes back. Neither: nothing new."""

    event: str | None = None
    data: dict[str, Any] | None = None
    stray: str | None = None


_NOTHING: Final = Verdict()


def judge(standing: Standing, ordered: Decimal, result: Result) -> Verdict:
    """Raises 503 for a reversal that overtakes its deduction: it comes again."""
    bill_id, last = standing.bill_id, result.order_id == standing.order
    if result.outcome == "failed":
        if not (last and standing.state == SENT):
            return _NOTHING
        return Verdict(
            "TaxDeductionFailed", {"bill_id": bill_id, "reason": result.reason or "no reason given"}
        )
    if result.outcome == "reversed":
        if standing.state == SENT and last:
            raise WindowError(503, "out-of-order", f"{result.bank_ref} was reversed and not yet deducted")
        if standing.state in PAID and (result.bank, result.bank_ref) == (standing.bank, standing.bank_ref):
            return Verdict(
                "TaxReversed", {"bill_id": bill_id, "reason": result.reason or "reversed by the bank"}
            )
        return _NOTHING
    if (result.bank, result.bank_ref) in standing.refs:
        return _NOTHING
    if standing.state == VOID:
        return Verdict(stray=SUPERSEDED)
    if not last:
        return Verdict(stray=REPLACED)
    if standing.state in (*PAID, REVERSED):
        return Verdict(stray=DOUBLE)
    if result.amount != ordered:
        if standing.state != SENT:
            return Verdict(stray=WRONG_AMOUNT)
        said = f"{WRONG_AMOUNT}: {ordered} was ordered, {result.amount} deducted"
        return Verdict("TaxDeductionFailed", {"bill_id": bill_id, "reason": said}, WRONG_AMOUNT)
    data = {
        "bill_id": bill_id,
        "amount": str(result.amount),
        "bank": result.bank,
        "bank_ref": result.bank_ref,
        "at": result.at,
    }
    return Verdict("TaxDeducted", data)
