"""Orders of cross-border e-commerce retail imports: sums, currency, the buyer's identity card, and the limits."""

import re
import sys
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from functools import cache, cached_property
from typing import Any

from singlewindow import catalogue
from singlewindow.canonical import plain
from singlewindow.findings import Finding, in_order
from singlewindow.rules import Params, RuleBook, Violation, rule

_NUMBER = re.compile(r"-?[0-9]{1,19}(?:\.[0-9]{1,9})?").fullmatch
_CARD = re.compile(r"[0-9]{17}[0-9X]", re.ASCII).fullmatch


class Order:
    """A canonical order whose shape is sound: amounts as Decimal, None where one is missing or broken."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        head, lines = document.get("head"), document.get("lines")
        self.head: Mapping[str, Any] = head if isinstance(head, dict) else {}
        self.lines: tuple[Mapping[str, Any], ...] = tuple(
            line if isinstance(line, dict) else {} for line in (lines if isinstance(lines, list) else ())
        )

    @property
    def facts(self) -> dict[str, str | None]:
        """What the scopes of rules ask about; an order that does not say is one of imports."""
        return {"order_type": self.head.get("order_type", "I")}

    @cached_property
    def transaction(self) -> Decimal | None:
        """What the limits are held against: the goods and their freight; a discount does not lower it."""
        goods, freight = amount(self.head, "goods_value"), amount(self.head, "freight")
        return None if goods is None or freight is None else goods + freight

    @property
    def is_one_piece(self) -> bool:
        return len(self.lines) == 1 and amount(self.lines[0], "quantity") == 1


def amount(block: Mapping[str, Any], name: str) -> Decimal | None:
    text = block.get(name)
    return Decimal(text) if isinstance(text, str) and _NUMBER(text) else None


def judge(document: Mapping[str, Any], as_at: date) -> list[Finding]:
    """What is wrong with a sound order by the rules in force at the date."""
    order = Order(document)
    found, _ = rulebook().evaluate(order, as_at, order.facts)
    return in_order(found)


def asleep(as_at: date) -> tuple[tuple[str, str], ...]:
    """The rules in force that sleep, and why."""
    nothing = Order({})
    _, sleeping = rulebook().evaluate(nothing, as_at, nothing.facts)
    return tuple(
        (f"规则 {one.rule} 未启用：{one.reason_zh}", f"the rule {one.rule} sleeps: {one.reason_en}")
        for one in sleeping
    )


@cache
def rulebook() -> RuleBook:
    places = catalogue.document("ecommerce-order").elements
    return RuleBook(catalogue.load("rules/ecommerce-import.json"), (sys.modules[__name__],), elements=places)


@rule("CBE-CURRENCY")
def currency(order: Order, params: Params) -> Iterator[Violation]:
    blocks = [("/head", order.head), *((f"/lines/{at}", line) for at, line in enumerate(order.lines))]
    for place, block in blocks:
        given = block.get("currency")
        if given is not None and given != params["currency"]:
            yield Violation(f"{place}/currency", given=given, expected=params["currency"])


@rule("CBE-LINE-TOTAL")
def line_total(order: Order, params: Params) -> Iterator[Violation]:
    """The total may differ from quantity × price by what rounding the price hides, and half a cent."""
    price_step, total_step = Decimal(params["price_half_step"]), Decimal(params["total_half_step"])
    for at, line in enumerate(order.lines):
        quantity, price, total = (amount(line, name) for name in ("quantity", "unit_price", "total_price"))
        if quantity is None or price is None or total is None:
            continue
        if abs(total - quantity * price) > quantity * price_step + total_step:
            yield Violation(
                f"/lines/{at}/total_price",
                given=plain(total),
                expected=plain(quantity * price),
                says={"line": at + 1, "quantity": plain(quantity), "price": plain(price)},
            )


@rule("CBE-GOODS-VALUE")
def goods_value(order: Order, _: Params) -> Iterator[Violation]:
    """The goods value is the sum of the lines."""
    given = amount(order.head, "goods_value")
    totals = [amount(line, "total_price") for line in order.lines]
    known = [total for total in totals if total is not None]
    if given is None or not totals or len(known) < len(totals) or given == sum(known):
        return
    yield Violation("/head/goods_value", given=plain(given), expected=plain(sum(known, Decimal(0))))


@rule("CBE-ORDER-SUM")
def order_sum(order: Order, _: Params) -> Iterator[Violation]:
    """What was paid is goods, freight and tax withheld, less what was paid otherwise than in money."""
    names = ("goods_value", "freight", "tax_total", "discount", "actual_paid")
    goods, freight, tax, discount, paid = (amount(order.head, name) for name in names)
    if goods is None or freight is None or tax is None or discount is None or paid is None:
        return
    right = goods + freight + tax - discount
    if paid != right:
        yield Violation("/head/actual_paid", given=plain(paid), expected=plain(right))


@rule("CBE-BUYER-ID")
def buyer_id(order: Order, params: Params) -> Iterator[Violation]:
    """An identity card has a date of birth and a check character; the finding shows the number masked."""
    number: Any = order.head.get("buyer_id_number")
    is_card = order.head.get("buyer_id_type") == params["identity_card"] and isinstance(number, str)
    if is_card and not _is_identity_card(number):
        yield Violation("/head/buyer_id_number", given=_masked(number))


@rule("CBE-SINGLE-LIMIT")
def single_limit(order: Order, params: Params) -> Iterator[Violation]:
    if _is_above(order, params) and not _is_excepted(order, params):
        yield _too_much(order, params)


@rule("CBE-SINGLE-ITEM")
def single_item(order: Order, params: Params) -> Iterator[Violation]:
    """One piece that cannot be divided: let in, within the annual limit, with its taxes in full."""
    if _is_above(order, params) and _is_excepted(order, params):
        yield _too_much(order, params)


def _is_above(order: Order, params: Params) -> bool:
    return order.transaction is not None and order.transaction > Decimal(params["limits"]["single"])


def _is_excepted(order: Order, params: Params) -> bool:
    limits = params["limits"]
    within = order.transaction is not None and order.transaction <= Decimal(limits["annual"])
    return bool(limits["single_item"]) and order.is_one_piece and within


def _too_much(order: Order, params: Params) -> Violation:
    return Violation(
        "/head/goods_value",
        given=plain(order.transaction or Decimal(0)),
        expected=params["limits"]["single"],
    )


def _is_identity_card(number: str) -> bool:
    """GB 11643: a birthday that there was, and the check character; where the person is from is not looked up."""
    from stdnum.cn import ric

    if not _CARD(number) or ric.calc_check_digit(number) != number[-1]:
        return False
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    return True


def _masked(number: str) -> str:
    return f"{number[:3]}{'*' * (len(number) - 7)}{number[-4:]}" if 8 <= len(number) <= 60 else "***"
