"""Cross-field rules of the documents that have no capability of their own yet, for the conformance tester."""

from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache
from importlib import import_module
from typing import Any

from singlewindow.findings import Finding

Judge = Callable[[Mapping[str, Any], date], list[Finding]]

# Imported only where such a document comes: a rule book takes milliseconds to bind.
_JUDGES = {
    "declaration-receipt": "standards.checks.receipts",
    "ecommerce-order": "standards.checks.ecommerce",
}


def rules_of(document: str) -> Judge | None:
    """What judges a sound document by its cross-field rules; None where there are none yet."""
    if document not in _JUDGES:
        return None
    judge: Judge = import_module(_JUDGES[document]).judge
    return judge


@lru_cache(maxsize=64)
def asleep(document: str, as_at: date) -> tuple[tuple[str, str], ...]:
    """The rules in force that nobody can judge for want of data, in Chinese and English."""
    if document not in _JUDGES:
        return ()
    found: tuple[tuple[str, str], ...] = import_module(_JUDGES[document]).asleep(as_at)
    return found
