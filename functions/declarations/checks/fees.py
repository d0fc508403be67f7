"""Freight, insurance and other charges: by direction and terms of delivery, and complete in themselves."""

from collections.abc import Iterator

from declarations.checks.sound import Sound
from singlewindow.rules import Params, Violation, remove, replace, rule

_PARTS = ("mark", "rate", "currency")
_NAMES_ZH = {"freight": "运费", "insurance": "保险费", "other": "杂费"}


@rule("FEE-REQUIRED")
def fee_required(declaration: Sound, params: Params) -> Iterator[Violation]:
    """What the price leaves out must be declared beside it."""
    yield from _required(declaration, params)


@rule("FEE-REQUIRED-RARE-TERMS")
def fee_required_rare_terms(declaration: Sound, params: Params) -> Iterator[Violation]:
    """The same for terms whose consequences we did not find in a source."""
    yield from _required(declaration, params)


@rule("FEE-INCLUDED")
def fee_included(declaration: Sound, params: Params) -> Iterator[Violation]:
    """What the price includes must not be declared again."""
    head = declaration.head
    terms = head.get("transaction_mode") or ""
    for fee in params["included"].get(head.get("ie_flag") or "", {}).get(terms, ()):
        given = [part for part in _PARTS if head.get(f"{fee}_{part}") is not None]
        if given and not _is_nought(declaration, fee):
            yield Violation(
                head.at(f"{fee}_{given[0]}"),
                given=head.get(f"{fee}_{given[0]}"),
                fix=tuple(remove(head.at(f"{fee}_{part}")) for part in given),
                says={"fee": fee, "fee_zh": _NAMES_ZH[fee], "terms": terms},
            )


@rule("FEE-PARTS")
def fee_parts(declaration: Sound, params: Params) -> Iterator[Violation]:
    """A mark wants an amount, an amount wants a mark, and an amount of money a currency."""
    head = declaration.head
    for fee, name_zh in _NAMES_ZH.items():
        mark, rate = head.get(f"{fee}_mark"), head.get(f"{fee}_rate")
        wanted = []
        if mark is not None:
            wanted.append("rate")
            if mark in params["marks_in_money"]:
                wanted.append("currency")
        elif rate is not None or head.get(f"{fee}_currency") is not None:
            wanted.append("mark")
            if rate is None:
                wanted.append("rate")
        for part in wanted:
            if head.absent(f"{fee}_{part}"):
                yield Violation(
                    head.at(f"{fee}_{part}"), says={"fee": fee, "fee_zh": name_zh, "mark": mark or "-"}
                )


@rule("FEE-RATE-CURRENCY")
def fee_rate_currency(declaration: Sound, params: Params) -> Iterator[Violation]:
    """A rate is a percentage: it has no currency."""
    head = declaration.head
    for fee, name_zh in _NAMES_ZH.items():
        currency = head.get(f"{fee}_currency")
        if currency is not None and head.get(f"{fee}_mark") == params["mark_of_rates"]:
            pointer = head.at(f"{fee}_currency")
            yield Violation(
                pointer, given=currency, fix=(remove(pointer),), says={"fee": fee, "fee_zh": name_zh}
            )


@rule("FEE-RATE-HIGH")
def fee_rate_high(declaration: Sound, params: Params) -> Iterator[Violation]:
    """A rate is a percentage of two digits: more is an amount under the wrong mark."""
    head = declaration.head
    for fee, name_zh in _NAMES_ZH.items():
        rate = head.number(f"{fee}_rate")
        if (
            rate is not None
            and head.get(f"{fee}_mark") == params["mark_of_rates"]
            and rate >= params["below"]
        ):
            pointer = head.at(f"{fee}_rate")
            yield Violation(pointer, given=head.get(f"{fee}_rate"), says={"fee": fee, "fee_zh": name_zh})


@rule("TERMS-DOMESTIC")
def terms_domestic(declaration: Sound, params: Params) -> Iterator[Violation]:
    """Goods that don't cross the border: CIF in, FOB out."""
    head = declaration.head
    terms, expected = head.get("transaction_mode"), params["terms"].get(head.get("ie_flag") or "")
    if terms is not None and expected is not None and terms != expected:
        pointer = head.at("transaction_mode")
        yield Violation(pointer, given=terms, expected=expected, fix=(replace(pointer, expected),))


def _required(declaration: Sound, params: Params) -> Iterator[Violation]:
    head = declaration.head
    terms = head.get("transaction_mode") or ""
    for fee in params["required"].get(head.get("ie_flag") or "", {}).get(terms, ()):
        says = {"fee": fee, "fee_zh": _NAMES_ZH[fee], "terms": terms}
        if all(head.absent(f"{fee}_{part}") for part in _PARTS):
            yield Violation(head.at(f"{fee}_mark"), says=says)
        elif _is_nought(declaration, fee):
            yield Violation(head.at(f"{fee}_rate"), given="0", expected="> 0", says=says)


def _is_nought(declaration: Sound, fee: str) -> bool:
    rate = declaration.head.number(f"{fee}_rate")
    return rate is not None and rate == 0
