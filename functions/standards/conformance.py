"""The conformance tester: the kernel's judge, with the cross-field rules of the documents that have no other home."""

from datetime import date

from singlewindow.messages import conformance
from standards.checks import rules_of


def report(raw: bytes, as_at: date) -> conformance.Report:
    """Raises 422 where the type is not known: with what was seen and the nearest known. Never raises otherwise."""
    return conformance.report(raw, as_at, rules_of=rules_of)
