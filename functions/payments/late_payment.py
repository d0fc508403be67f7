"""滞纳金: what a bill grows by, day by day, once its term is over."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from payments.money import NOUGHT, rounded, total
from singlewindow.rules import Params


@dataclass(frozen=True, slots=True)
class Surcharge:
    """As at a date: `days` late, the surcharge on each tax, and its formula."""

    days: int
    taxes: Mapping[str, Decimal]
    trace: tuple[str, ...]

    @property
    def amount(self) -> Decimal:
        return total(self.taxes.values())

    def as_json(self) -> dict[str, Any]:
        taxes = {tax: str(amount) for tax, amount in self.taxes.items()}
        return {"days": self.days, "amount": str(self.amount), "taxes": taxes, "trace": list(self.trace)}


def surcharge(payable: Mapping[str, Decimal], due_on: date, as_at: date, params: Params) -> Surcharge:
    """From the day after the term to the day of payment, both counted; on each tax what is below the threshold is
    not levied."""
    days = max((as_at - due_on).days, 0)
    rate, levied_from = Decimal(params["daily_rate"]), Decimal(params["levied_from"])
    taxes, trace = {}, []
    for tax, amount in payable.items():
        grown = rounded(amount * rate * days, params["places"])
        taxes[tax] = grown if grown >= levied_from else NOUGHT
        if grown:
            waived = "" if grown >= levied_from else f" < {levied_from}: not levied"
            trace.append(f"{tax}: {amount} × {rate} × {days} = {grown}{waived}")
    return Surcharge(days, taxes, tuple(trace))
