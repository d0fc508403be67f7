"""Yuan: exact until it is rounded, and rounded half up."""

from collections.abc import Iterable
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal
from typing import Final

# Wide enough for 19 digits times 19 digits: rounding must never raise.
WIDE: Final = Context(prec=60, rounding=ROUND_HALF_UP)
NOUGHT: Final = Decimal("0.00")
_FEN: Final = Decimal("0.01")


def rounded(amount: Decimal, places: int = 2) -> Decimal:
    """Half up, as tax offices round; never to the even neighbour."""
    return amount.quantize(Decimal(1).scaleb(-places), context=WIDE)


def whole(amount: Decimal, unit: Decimal) -> Decimal:
    """What of an amount is in whole units; less than one is not levied. Written with fen, as all money here is."""
    return ((amount / unit).to_integral_value(rounding=ROUND_DOWN) * unit).quantize(_FEN, context=WIDE)


def total(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, NOUGHT)
