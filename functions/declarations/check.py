"""Judging a declaration: shape, then code lists, then cross-field rules on what is sound."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from declarations.checks import (
    containers,
    dates,
    documents,
    fees,
    form,
    lines,
    parties,
    promises,
    quantities,
    trade_mode,
    transport,
    values,
    weights,
)
from declarations.checks.sound import Sound
from singlewindow import catalogue, tariff
from singlewindow.findings import Finding, in_order
from singlewindow.rules import Asleep, RuleBook

_CHECKS = (
    containers, dates, documents, fees, form, lines, parties,
    promises, quantities, trade_mode, transport, values, weights,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Report:
    """What was judged (in canonical form), what is wrong with it, and which rules could not be judged."""

    document: dict[str, Any]
    findings: tuple[Finding, ...]
    asleep: tuple[Asleep, ...]

    @property
    def valid(self) -> bool:
        """No error; warnings and remarks don't stop a declaration."""
        return all(finding.severity != "error" for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        return {
            "valid": self.valid,
            "findings": [finding.as_json() for finding in self.findings],
            "asleep": [rule.as_json() for rule in self.asleep],
        }


def check(raw: Mapping[str, Any], as_at: date) -> Report:
    """All findings by what is in force on `as_at`, at once. Never raises, whatever is in `raw`."""
    kind = catalogue.document("declaration")
    document = kind.normalise(raw)
    shape = kind.shape_findings(document)
    misshapen = {finding.pointer for finding in shape}
    codes = [finding for finding in kind.code_findings(document, as_at) if finding.pointer not in misshapen]
    broken = misshapen.union(finding.pointer for finding in codes if finding.severity == "error")
    subject = Sound(kind.bounded(document), broken, as_at)
    edition = tariff.edition(as_at)
    data = edition.data_sets() if edition else {}
    crossed, asleep = rulebook(*data).evaluate(subject, as_at, subject.facts, data)
    return Report(document, tuple(in_order([*shape, *codes, *crossed])), asleep)


@cache
def rulebook(*data_sets: str) -> RuleBook:
    """The declaration's rules as they are with these data sets at hand; without them, those that need them sleep."""
    modules: tuple[object, ...] = _CHECKS
    if "tariff" in data_sets:
        from declarations.checks import tariff as hs  # most windows have no tariff to judge by

        modules = (*_CHECKS, hs)
    places = catalogue.document("declaration").elements
    rules = catalogue.load("rules/declaration.json")
    return RuleBook(rules, modules, elements=places, data_sets=data_sets)
