"""The terminal's arrival and tally report, compared with what was declared (`domain.md` A.16: manifest match)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

# Scale tickets and declared weights differ in the third decimal; more than this is worth a question.
WEIGHT_TOLERANCE = Decimal("0.01")

# The fields of the head that a report is compared in.
COMPARED = ("bill_no", "pack_no", "gross_weight")


def is_tally(report: Mapping[str, Any]) -> bool:
    """Whether a report tells what arrived; others tell of the gate and the departure alone."""
    return not report.keys().isdisjoint(("bill_no", "pack_no", "gross_weight", "arrived_at"))


def discrepancies(document: Mapping[str, Any], report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What differs: `{field, declared, reported}` for bill, pieces and gross weight; empty where all agree.

    Bills agree ignoring case, spaces and hyphens; weights (kg) within 1 % of the declared one.
    """
    head = document["head"]
    found = []
    for field, same in zip(COMPARED, (_same_bill, _same_count, _same_weight), strict=True):
        declared, reported = head.get(field), report.get(field)
        if reported is not None and declared is not None and not same(str(declared), str(reported)):
            found.append({"field": f"/head/{field}", "declared": str(declared), "reported": str(reported)})
    return found


def _same_bill(declared: str, reported: str) -> bool:
    return _plain(declared) == _plain(reported)


def _plain(bill: str) -> str:
    return bill.replace(" ", "").replace("-", "").upper()


def _same_count(declared: str, reported: str) -> bool:
    return Decimal(declared) == Decimal(reported)


def _same_weight(declared: str, reported: str) -> bool:
    return abs(Decimal(declared) - Decimal(reported)) <= WEIGHT_TOLERANCE * Decimal(declared)
