"""One line of a tax bill: one tax on one line of the declaration."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from payments.money import NOUGHT, total
from singlewindow.canonical import plain

DUTY, CONSUMPTION, VAT = "duty", "consumption", "vat"
LATE_DECLARATION: Final = "late-declaration"
TAXES: Final = (DUTY, "anti-dumping", "countervailing", CONSUMPTION, VAT, LATE_DECLARATION)
NAMES: Final = {
    DUTY: ("关税", "customs duty"),
    "anti-dumping": ("反倾销税", "anti-dumping duty"),
    "countervailing": ("反补贴税", "countervailing duty"),
    CONSUMPTION: ("进口环节消费税", "consumption tax on imports"),
    VAT: ("进口环节增值税", "value added tax on imports"),
    LATE_DECLARATION: ("滞报金", "fee for late declaration"),
}


@dataclass(frozen=True, slots=True)
class TaxLine:
    """`base` and `amount` in yuan, `rate` in per cent; `line` counts from 1, 0 where the charge is on the whole.

    As JSON the rate is a fraction (`0.13`), as customs writes it in its bill.
    """

    line: int
    tax: str
    base: Decimal
    rate: Decimal
    amount: Decimal

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> "TaxLine":
        """From JSON whose shape was checked where it entered."""
        return cls(
            int(value.get("line") or 0),
            str(value["tax"]),
            Decimal(value["base"]),
            Decimal(value["rate"]) * 100,
            Decimal(value["amount"]),
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "line": self.line,
            "tax": self.tax,
            "base": str(self.base),
            "rate": plain(self.rate / 100),
            "amount": str(self.amount),
        }


def by_tax(lines: Iterable[TaxLine]) -> dict[str, Decimal]:
    """What each tax comes to, in the order in which they are levied."""
    lines = tuple(lines)
    sums = {tax: [one.amount for one in lines if one.tax == tax] for tax in TAXES}
    return {tax: total(amounts) for tax, amounts in sums.items() if amounts}


def payable(lines: Iterable[TaxLine], exempt_below: Decimal) -> dict[str, Decimal]:
    """What of each tax is to be paid: a tax that comes to less than the exemption is not levied at all.

    The fee for late declaration is no tax: it has a threshold of its own, which it passed before it was billed.
    """
    return {
        tax: amount if tax == LATE_DECLARATION or amount >= exempt_below else NOUGHT
        for tax, amount in by_tax(lines).items()
    }
