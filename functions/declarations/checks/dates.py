"""Dates against each other and against the day of judgement."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

from declarations.checks.sound import Sound
from singlewindow.rules import Params, Violation, rule

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@rule("IE-DATE-MISSING")
def ie_date_missing(declaration: Sound, _: Params) -> Iterator[Violation]:
    """An import states the day on which its conveyance entered; an export need not."""
    if declaration.head.absent("ie_date"):
        yield Violation(declaration.head.at("ie_date"))


@rule("IE-DATE-LATE")
def ie_date_late(declaration: Sound, params: Params) -> Iterator[Violation]:
    """Declared after the fourteenth day: the late-declaration fee runs."""
    entered = declaration.head.day("ie_date")
    if entered is None or (declaration.as_at - entered).days <= params["days"]:
        return
    last = entered + timedelta(days=params["days"])
    yield Violation(
        declaration.head.at("ie_date"),
        given=entered.isoformat(),
        says={
            "days": (declaration.as_at - entered).days,
            "last": last.isoformat(),
            "as_at": declaration.as_at,
        },
    )


@rule("IE-DATE-AHEAD")
def ie_date_ahead(declaration: Sound, params: Params) -> Iterator[Violation]:
    """Declaring before arrival is allowed; months before it is a slip of the pen."""
    crossing = declaration.head.day("ie_date")
    if crossing is not None and (crossing - declaration.as_at).days > params["days"]:
        yield Violation(
            declaration.head.at("ie_date"),
            given=crossing.isoformat(),
            says={"days": (crossing - declaration.as_at).days, "as_at": declaration.as_at},
        )


@rule("DATE-ORDER")
def date_order(declaration: Sound, params: Params) -> Iterator[Violation]:
    """Left the port of departure, entered, unloaded: in this order, a day of time zones aside."""
    slack = timedelta(days=params["slack_days"])
    for earlier, later, later_zh in params["order"]:
        before, after = declaration.head.day(earlier), declaration.head.day(later)
        if before and after and before > after + slack:
            yield Violation(
                declaration.head.at(earlier),
                given=before.isoformat(),
                expected=f"<= {after.isoformat()}",
                says={"other": later.replace("_", " "), "other_zh": later_zh},
            )


@rule("PRODUCED-LATER")
def produced_later(declaration: Sound, _: Params) -> Iterator[Violation]:
    """Goods were made before they crossed the border."""
    limit = declaration.head.day("ie_date") or declaration.as_at
    for line in declaration.lines:
        days = [day for text in _DATE.findall(line.get("production_date") or "") if (day := _day(text))]
        if days and max(days) > limit:
            yield Violation(
                line.at("production_date"),
                given=line.get("production_date"),
                expected=f"<= {limit.isoformat()}",
                says={"line": line.index + 1},
            )


@rule("EXPIRED")
def expired(declaration: Sound, _: Params) -> Iterator[Violation]:
    for line in declaration.lines:
        until = line.day("valid_until")
        if until is not None and until < declaration.as_at:
            yield Violation(
                line.at("valid_until"),
                given=until.isoformat(),
                expected=f">= {declaration.as_at}",
                says={"line": line.index + 1, "as_at": declaration.as_at},
            )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
