"""Replies to imported declarations: a success that comes with a text is a warning."""

import sys
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from typing import Any

from singlewindow import catalogue
from singlewindow.findings import Finding
from singlewindow.rules import Params, RuleBook, Violation, rule


def judge(document: Mapping[str, Any], as_at: date) -> list[Finding]:
    """What is to be said of a sound reply by the rules in force at the date."""
    found, _ = rulebook().evaluate(document, as_at, {})
    return found


def asleep(as_at: date) -> tuple[tuple[str, str], ...]:
    """No rule of replies needs data."""
    return ()


@cache
def rulebook() -> RuleBook:
    places = catalogue.document("declaration-receipt").elements
    return RuleBook(
        catalogue.load("rules/declaration-receipt.json"), (sys.modules[__name__],), elements=places
    )


@rule("RECEIPT-WARNING")
def warning(document: Mapping[str, Any], params: Params) -> Iterator[Violation]:
    head = document["head"]
    text = (head.get("error_message") or "").strip()
    if text and head.get("response_code") == params["success"]:
        yield Violation("/head/error_message", given=text)
