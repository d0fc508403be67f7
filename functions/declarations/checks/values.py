"""Money: what a line costs must follow from quantity and price."""

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Context, Decimal

from declarations.checks.sound import Sound
from singlewindow.canonical import plain
from singlewindow.rules import Params, Violation, replace, rule

# Wide enough for 19 digits times 19 digits: rounding must never raise.
WIDE = Context(prec=60, rounding=ROUND_HALF_UP)
CENT = Decimal("0.01")


@rule("LINE-TOTAL")
def line_total(declaration: Sound, params: Params) -> Iterator[Violation]:
    """The total may differ from quantity × price by what rounding the price hides, and half a cent."""
    price_step, total_step = Decimal(params["price_half_step"]), Decimal(params["total_half_step"])
    for line in declaration.lines:
        quantity, price, total = line.quantity, line.unit_price, line.total_price
        if not (quantity and price and total):
            continue  # missing, broken or zero: another finding's matter
        exact = quantity * price
        if abs(total - exact) > quantity * price_step + total_step:
            expected = plain(exact.quantize(CENT, context=WIDE))
            pointer = line.at("total_price")
            yield Violation(
                pointer,
                given=plain(total),
                expected=expected,
                fix=(replace(pointer, expected),),
                says={"line": line.index + 1, "quantity": plain(quantity), "price": plain(price)},
            )


@rule("AMOUNT-ZERO")
def amount_zero(declaration: Sound, _: Params) -> Iterator[Violation]:
    for line in declaration.lines:
        for name, amount in (
            ("quantity", line.quantity),
            ("unit_price", line.unit_price),
            ("total_price", line.total_price),
            ("first_quantity", line.first_quantity),
            ("second_quantity", line.second_quantity),
        ):
            if amount is not None and amount <= 0:
                yield Violation(
                    line.at(name), given=plain(amount), expected="> 0", says={"line": line.index + 1}
                )


@rule("CURRENCY-MIXED")
def currency_mixed(declaration: Sound, _: Params) -> Iterator[Violation]:
    first = next((currency for line in declaration.lines if (currency := line.get("currency"))), None)
    for line in declaration.lines:
        currency = line.get("currency")
        if currency and currency != first:
            yield Violation(
                line.at("currency"), given=currency, expected=first, says={"line": line.index + 1}
            )
            return  # once is enough to make the reader look
