"""What an export gets back: the refund rate of a tariff line on a day, and an estimate with its formula."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from payments.money import rounded
from singlewindow.canonical import plain
from singlewindow.rules import Params

TRADING, PRODUCING = "trading", "producing"
_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Estimate:
    """`refund` is paid out; `offset` is set against tax at home. No promise: the tax office decides."""

    refund: Decimal
    offset: Decimal
    working_days: int | None
    trace: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "refund": str(self.refund),
            "offset": str(self.offset),
            "working_days": self.working_days,
            "trace": list(self.trace),
        }


def estimate(
    method: str, amount: Decimal, rate: Decimal, input_left: Decimal, refund_class: str | None, params: Params
) -> Estimate:
    """免退税 for a trading firm: purchase price without tax × rate. 免抵退税 for a producer: FOB in yuan × rate, of
    which at most the input tax that is left over (`input_left`) is paid out and the rest is set off.

    `refund_class`: the firm's class 1 to 4, which says how many working days the tax office takes.
    """
    places = params["places"]
    due = rounded(amount * rate / _HUNDRED, places)
    trace = [f"{amount} × {plain(rate)}% = {due}"]
    refund, offset = due, rounded(Decimal(0), places)
    if method == PRODUCING:
        refund = min(due, rounded(input_left, places))
        offset = due - refund
        trace += [f"min({due}, {input_left}) = {refund}", f"{due} − {refund} = {offset}"]
    return Estimate(refund, offset, params["working_days"].get(refund_class), tuple(trace))
