"""滞报金: what goods cost that are declared later than fourteen days after they entered (domain.md A.8)."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from payments.money import NOUGHT, whole
from payments.working_days import WorkingDays
from singlewindow.rules import Params


@dataclass(frozen=True, slots=True)
class Fee:
    """As at a date: from which day it runs, how many days it has run, and what it comes to."""

    starts_on: date
    days: int
    amount: Decimal
    trace: str

    def as_json(self) -> dict[str, Any]:
        return {
            "starts_on": self.starts_on.isoformat(),
            "days": self.days,
            "amount": str(self.amount),
            "trace": self.trace,
        }


def fee(value: Decimal, entered_on: date, as_at: date, params: Params, days: WorkingDays) -> Fee:
    """`value`: dutiable value in yuan. First and last day count; the last is that of acceptance, or `as_at` until then.

    Only the first day gives way to a holiday. Once it runs nothing stops it, supplements least of all; the sum is cut
    to whole yuan, and not levied below the threshold.
    """
    starts = entered_on + timedelta(days=params["starts_on_day"])
    if params["holiday_shift"]:
        starts = days.on_or_after(starts)
    late = max((as_at - starts).days + 1, 0)
    rate = Decimal(params["daily_rate"])
    grown = whole(value * rate * late, Decimal(params["unit"]))
    amount = grown if grown >= Decimal(params["levied_from"]) else NOUGHT
    trace = f"{value} × {rate} × {late} = {grown}"
    if grown and not amount:
        trace += f" < {params['levied_from']}: not levied"
    return Fee(starts, late, amount, trace)
