"""A bill against our own calculation, line by line and tax by tax."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from payments.assessment import FROM_DECLARATION, FROM_TARIFF, Assessment
from payments.tax_line import CONSUMPTION, DUTY, VAT, TaxLine, by_tax

_COMPUTED = (DUTY, CONSUMPTION, VAT)


@dataclass(frozen=True, slots=True)
class Differing:
    """One tax on one line; None: the one side does not have it."""

    line: int
    tax: str
    billed: Decimal | None
    ours: Decimal | None

    @property
    def by(self) -> Decimal:
        return (self.billed or Decimal(0)) - (self.ours or Decimal(0))

    def as_json(self) -> dict[str, Any]:
        billed, ours = self.billed, self.ours
        return {
            "line": self.line,
            "tax": self.tax,
            "billed": None if billed is None else str(billed),
            "ours": None if ours is None else str(ours),
            "difference": str(self.by),
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """`complete`: every figure of ours rests on the tariff and the rates of the day, so that it means something."""

    lines: tuple[Differing, ...]
    taxes: tuple[Differing, ...]
    complete: bool
    sources: tuple[str, ...]

    @property
    def total(self) -> Decimal:
        return sum((one.by for one in self.taxes), Decimal("0.00"))

    def as_json(self) -> dict[str, Any]:
        return {
            "total": str(self.total),
            "complete": self.complete,
            "sources": list(self.sources),
            "taxes": [one.as_json() for one in self.taxes],
            "lines": [one.as_json() for one in self.lines],
        }


def compare(billed: Iterable[TaxLine], assessment: Assessment, tolerance: Decimal) -> Difference:
    """Where the two differ by more than `tolerance`. What we could not compute is not compared: a gap is no zero.

    Duties on dumping and fees for lateness are not in a tariff: they are taken as billed.
    """
    ours = {(one.line, one.tax): one.amount for one in assessment.lines}
    # A tax that rests on one that is a gap was not computed either; 0 stands for the whole declaration.
    blind = {gap.line for gap in assessment.gaps}
    theirs = {
        (one.line, one.tax): one.amount
        for one in billed
        if one.tax in _COMPUTED and ((one.line, one.tax) in ours or not blind & {0, one.line})
    }
    keys = sorted(theirs.keys() | {key for key, amount in ours.items() if amount})
    differing = [Differing(*key, theirs.get(key), ours.get(key)) for key in keys]
    lines = tuple(one for one in differing if abs(one.by) > tolerance)
    return Difference(
        lines=lines,
        taxes=tuple(_by_tax(theirs, {key: ours[key] for key in keys if key in ours})),
        complete=not assessment.gaps and assessment.sources <= {FROM_DECLARATION, FROM_TARIFF},
        sources=tuple(sorted(assessment.sources)),
    )


def _by_tax(
    billed: dict[tuple[int, str], Decimal], ours: dict[tuple[int, str], Decimal]
) -> Iterable[Differing]:
    def sums(amounts: dict[tuple[int, str], Decimal]) -> dict[str, Decimal]:
        zero = Decimal(0)
        return by_tax(TaxLine(line, tax, zero, zero, amount) for (line, tax), amount in amounts.items())

    theirs, own = sums(billed), sums(ours)
    for tax in dict.fromkeys([*theirs, *own]):
        yield Differing(0, tax, theirs.get(tax), own.get(tax))
