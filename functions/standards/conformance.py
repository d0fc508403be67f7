"""The conformance tester: the kernel's judge, with the cross-field rules of the documents that have no other home."""

from dataclasses import replace
from datetime import date

from singlewindow.messages import conformance
from singlewindow.messages.definition import message
from standards.checks import asleep, rules_of


def report(raw: bytes, as_at: date) -> conformance.Report:
    """Raises 422 where the type is not known: with what was seen and the nearest known. Never raises otherwise."""
    found = conformance.report(raw, as_at, rules_of=rules_of)
    sleeping = [why for one in found.recognised for why in asleep(_document(one), as_at)]
    return replace(found, left=(*found.left, *dict.fromkeys(sleeping))) if sleeping else found


def _document(one: conformance.Recognised) -> str:
    """The canonical document of what was recognised; empty where it has none."""
    if one.syntax == "json":
        return one.type
    kind = message(one.type).document if one.syntax == "xml" else None
    return kind.name if kind else ""
