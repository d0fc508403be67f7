"""Until when a bill is to be paid (domain.md A.7)."""

from datetime import date, timedelta

from payments.working_days import WorkingDays
from singlewindow.rules import Params

CUSTOMS_ASSESSED, SELF_ASSESSED, CONSOLIDATED = "customs-assessed", "self-assessed", "consolidated"


def due_on(regime: str, issued: date, declared: date, params: Params, days: WorkingDays) -> date:
    """The last day. `params` are those in force when the bill was issued.

    Until 2024-11-30 the fifteen days ran from the payment book (the bill), since then from the completed declaration;
    the first day is not counted, and a last day on which nobody works gives way to the next one that is worked.
    Consolidated taxes (汇总征税) of a month are paid by a working day of the next.
    """
    if regime == CONSOLIDATED:
        year, month = divmod(issued.year * 12 + issued.month, 12)
        return days.nth_of_month(year, month + 1, params["consolidated_working_day"])
    begins = issued if params["from"] == "payment-book" else declared
    last = begins + timedelta(days=params["days"])
    return days.on_or_after(last) if params["holiday_shift"] else last
