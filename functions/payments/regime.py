"""The dated parameters of taxes and charges: what was in force on a day, from `catalogue/rules/taxes.json`."""

from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from payments.working_days import WorkingDays
from singlewindow import catalogue
from singlewindow.rules import Params, RuleBook


@cache
def _book() -> RuleBook:
    return RuleBook(catalogue.load("rules/taxes.json"), ())


def parameters(id: str, day: date) -> Params:
    """Raises `LookupError` where nothing is in force."""
    return _book().parameters(id, day)


@cache
def working_days() -> WorkingDays:
    """All years whose public holidays the catalogue knows."""
    (edition,) = (one for one in _book().editions if one.id == "WORKING-DAYS")
    values = [(span.first, values) for span, values in edition.params]
    return WorkingDays(
        years=frozenset(first.year for first, _ in values if first),
        off=frozenset(date.fromisoformat(day) for _, one in values for day in one["off"]),
        worked=frozenset(date.fromisoformat(day) for _, one in values for day in one["working"]),
    )


def exchange(day: date) -> dict[str, Decimal]:
    """Yuan for one unit of a currency, by the rates of assessment of the day.

    Empty where none are known; a sample is none: it is there to show and to test with.
    """
    known = parameters("EXCHANGE-OF-ASSESSMENT", day)
    rates = {} if known.get("sample", True) else known["rates"]
    return {currency: Decimal(rate) for currency, rate in rates.items()}


def banks(day: date) -> dict[str, dict[str, Any]]:
    """The banks that a trader may choose, by id; a simulated one says so."""
    return {one["id"]: one for one in parameters("TAX-BANKS", day)["banks"]}


def treasury(day: date) -> str:
    """The party whose receipts and statements are the treasury's."""
    id: str = parameters("TAX-BANKS", day)["treasury"]["id"]
    return id
