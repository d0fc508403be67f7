"""A message that is to be routed, and by which ways it goes. A channel never brings its party what neither the content
nor the sender meant for it (`singlewindow/messages/routing.py`)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from channels.channel import Channel


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


def ways(message: Message, own: Iterable[Channel], inbox: Channel | None, at: datetime) -> list[Channel]:
    """The channels of one party that the message goes by; its standing inbox where none of its own takes it."""
    taking = [one for one in own if one.takes(message.type, message.document, at)]
    return taking or ([inbox] if inbox else [])
