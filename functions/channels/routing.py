"""Where a message goes: to the agencies that its content names (`catalogue/rules/routing.json`), and to those whom its
sender names. A channel never brings its party what neither names."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from channels.channel import Channel
from singlewindow import catalogue
from singlewindow.conditions import holds

ADDRESSED = {"zh": "发送方指定", "en": "its sender named it"}


@dataclass(frozen=True, slots=True)
class Message:
    """What routing and delivery need of a message that the exchange has judged.

    `canonical`: where its canonical documents are (`key`, `sha256`, `document`, `version`); {} where it has none.
    """

    message_id: str
    sender: str
    type: str
    syntax: str
    raw_key: str
    sha256: str
    at: str
    correlation_id: str
    receivers: tuple[str, ...]
    canonical: Mapping[str, Any]

    @property
    def document(self) -> str | None:
        found: str | None = self.canonical.get("document")
        return found


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
    message: Message, documents: Sequence[Mapping[str, Any]], rules: Iterable[Mapping[str, Any]]
) -> list[Receiver]:
    """Who gets the message: agencies in the order of the rules, then whom the sender named."""
    because: dict[str, list[dict[str, str]]] = {}
    for row in rules:
        if row["document"] in (message.type, message.document) and _meets(row, documents):
            reason = {"zh": row["because_zh"], "en": row["because_en"]}
            because.setdefault(row["to"], []).append(reason)
    for party in message.receivers:
        because.setdefault(party, []).append(ADDRESSED)
    return [Receiver(party, tuple(reasons)) for party, reasons in because.items()]


def ways(message: Message, own: Iterable[Channel], inbox: Channel | None, at: datetime) -> list[Channel]:
    """The channels of one party that the message goes by; its standing inbox where none of its own takes it."""
    taking = [one for one in own if one.takes(message.type, message.document, at)]
    return taking or ([inbox] if inbox else [])


def _meets(row: Mapping[str, Any], documents: Sequence[Mapping[str, Any]]) -> bool:
    """Whether one of the documents meets the row's condition; without documents only a row without one is met."""
    return "when" not in row or any(holds(row["when"], one) for one in documents)
