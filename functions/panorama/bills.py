"""Whose move each bill of a version is that is not settled, by what payments tell. Pure."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

TRADER, BANK = "trader", "bank"

_MOVED_TO: Final = {"TaxSent": BANK, "TaxDeductionFailed": TRADER, "TaxOverdue": TRADER}


class Bills:
    """`open`: bill → `trader`, `bank`, or the agency that is to bill anew. What is settled stays so until reversed."""

    def __init__(self) -> None:
        self.open: dict[str, str] = {}
        self._known: set[str] = set()

    def hear(self, type: str, data: Mapping[str, Any]) -> None:
        """Take over one event of the version; what is not about bills changes nothing."""
        bill_id = data.get("bill_id", "")
        if type == "AgencyReplied":
            if data["outcome"] == "tax" and data["effect"] == "applied" and bill_id not in self._known:
                self.open[bill_id] = TRADER
        elif type == "TaxBilled":
            self.open.pop(data.get("supersedes", ""), None)
            self.open.pop(bill_id, None)
            if Decimal(data["payable"]):
                self.open[bill_id] = TRADER
        elif type == "TaxBillRefused" and data["reason"] == "number-taken":
            self.open[bill_id] = data["agency"]
        elif type in ("TaxDeducted", "TaxGuaranteed"):
            self.open.pop(bill_id, None)
        elif type == "TaxReversed":
            self.open[bill_id] = TRADER
        elif type in _MOVED_TO and bill_id in self.open:
            self.open[bill_id] = _MOVED_TO[type]
        if bill_id:
            self._known.add(bill_id)
