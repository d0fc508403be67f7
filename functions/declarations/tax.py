"""Taxes as far as they bar the release: which bills there are, and which of them are settled (`domain.md` A.7).

The payments capability says what becomes of a bill; release follows the deduction, and treasury entry is its affair.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from singlewindow.events import Event

_SETTLING = {"TaxDeducted": "deducted", "TaxGuaranteed": "guaranteed"}
# What becomes of a bill that is not settled.
_TROUBLED = {"TaxDeductionFailed": "failed", "TaxOverdue": "overdue"}
_NEWS = (*_SETTLING, *_TROUBLED, "TaxSent", "TaxReversed")
_SETTLED = ("deducted", "guaranteed", "exempt")


@dataclass(frozen=True, slots=True)
class Bill:
    """state: `billed`, `refused`, `sent`, `deducted`, `guaranteed`, `exempt`, `failed`, `overdue`, `reversed`.

    `refused`: its number is another bill's; customs bills anew, in the place of this one.
    """

    bill_id: str
    agency: str
    amount: str
    since: str
    state: str = "billed"
    due_on: str | None = None

    @property
    def is_settled(self) -> bool:
        return self.state in _SETTLED


class Bills:
    """The bills of one version; `hear` takes one more event. A superseded bill is none, whatever is paid on it."""

    def __init__(self) -> None:
        self._bills: dict[str, Bill] = {}
        self._superseded: set[str] = set()
        self._named: dict[str, str | None] = {}

    def hear(self, event: Event) -> None:
        data = event.data
        if event.type == "AgencyReplied" and data["outcome"] == "tax" and data["effect"] == "applied":
            bill = data["tax"]
            if bill["bill_id"] not in self._bills:
                self._named[bill["bill_id"]] = bill.get("supersedes")
                self._supersede(bill.get("supersedes"))
                known = Bill(bill["bill_id"], data["agency"], bill["total"], event.at)
                self._bills[known.bill_id] = known
        elif event.type == "TaxBilled":
            before = self._bills.get(data["bill_id"])
            # Customs' own words are heard above; what payments add is the trader's bill, which it takes the place of.
            if data.get("supersedes") != self._named.get(data["bill_id"]):
                self._supersede(data.get("supersedes"))
            billed = Bill(
                data["bill_id"], data["agency"], data["payable"], before.since if before else event.at
            )
            state = "billed" if Decimal(data["payable"]) else "exempt"
            self._bills[billed.bill_id] = replace(billed, state=state, due_on=data.get("due_on"))
        elif event.type == "TaxBillRefused" and data["reason"] == "number-taken":
            if data["bill_id"] in self._bills:
                self._bills[data["bill_id"]] = replace(self._bills[data["bill_id"]], state="refused")
        elif event.type in _NEWS and data.get("bill_id") in self._bills:
            before = self._bills[data["bill_id"]]
            self._bills[before.bill_id] = replace(before, state=_state_after(before, event.type))

    def _supersede(self, bill_id: str | None) -> None:
        """Only a bill that is there: one that comes later, under a name that was said before it, must be paid."""
        if bill_id in self._bills:
            self._superseded.add(bill_id)

    def current(self) -> list[Bill]:
        return [bill for bill in self._bills.values() if bill.bill_id not in self._superseded]

    def open(self) -> list[Bill]:
        return [bill for bill in self.current() if not bill.is_settled]


def of(events: Iterable[Event]) -> Bills:
    bills = Bills()
    for event in events:
        bills.hear(event)
    return bills


def _state_after(bill: Bill, event: str) -> str:
    if event == "TaxReversed":
        return "reversed"
    if event in _SETTLING:
        return _SETTLING[event]
    if bill.is_settled:
        return bill.state  # treasury entry, and news of an attempt before the one that succeeded
    if event == "TaxSent":
        return "sent"
    return _TROUBLED.get(event, bill.state)
