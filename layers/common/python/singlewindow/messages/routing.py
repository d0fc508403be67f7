"""Who gets a message: the agencies that its content names (`catalogue/rules/routing.json`), and those whom its sender
names. What routes a message and what brings answers to it ask here, so both know the same receivers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from singlewindow import catalogue
from singlewindow.conditions import holds

ADDRESSED = {"zh": "发送方指定", "en": "its sender named it"}


@dataclass(frozen=True, slots=True)
class Receiver:
    """One party that gets a message, and why."""

    party: str
    because: tuple[dict[str, str], ...]


def rows(as_at: date) -> list[dict[str, Any]]:
    """The rules of routing in force at the date."""
    rule = catalogue.load("rules/routing.json")
    return [row for one in rule["versions"] if catalogue.in_force(one, as_at) for row in one["rows"]]


def receivers(
    type: str,
    document: str | None,
    documents: Sequence[Mapping[str, Any]],
    named: Iterable[str],
    rules: Iterable[Mapping[str, Any]],
) -> list[Receiver]:
    """Who gets a valid message: agencies in the order of the rules, then whom the sender named.

    `document`: which of the catalogue's its canonical `documents` are; None where it has none.
    """
    because: dict[str, list[dict[str, str]]] = {}
    for row in rules:
        if row["document"] in (type, document) and _meets(row, documents):
            reason = {"zh": row["because_zh"], "en": row["because_en"]}
            because.setdefault(row["to"], []).append(reason)
    for party in named:
        because.setdefault(party, []).append(ADDRESSED)
    return [Receiver(party, tuple(reasons)) for party, reasons in because.items()]


def _meets(row: Mapping[str, Any], documents: Sequence[Mapping[str, Any]]) -> bool:
    """Whether one of the documents meets the row's condition; without documents only a row without one is met."""
    return "when" not in row or any(holds(row["when"], one) for one in documents)
