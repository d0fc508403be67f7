"""Events: what happened to a consignment, in order, each bound to the one before by its hash.

The wire contract of every type stands in `events/<Type>.v1.schema.json`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from singlewindow import canonical

GENESIS = "0" * 64
# What an event's data may say that a consumer can choose by, beside its type: attributes of its notice.
ATTRIBUTES = ("outcome", "final")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: a role, and the party spoken for. The window itself is `Actor("window", "window")`."""

    role: str
    party: str


WINDOW = Actor("window", "window")


@dataclass(frozen=True, slots=True)
class Event:
    """`seq` counts within the consignment from 1; `version` is the schema's, `declaration_version` the document's."""

    event_id: str
    type: str
    window_no: str
    seq: int
    declaration_version: int
    at: str
    actor: Actor
    correlation_id: str
    data: dict[str, Any]
    prev: str
    version: int = 1
    hash: str = ""

    def as_json(self) -> dict[str, Any]:
        """Its members as JSON has them; `data` is the event's own, not a copy."""
        members = {name: getattr(self, name) for name in self.__slots__}
        return members | {"actor": {"role": self.actor.role, "party": self.actor.party}}

    @property
    def attributes(self) -> dict[str, str]:
        """What subscriptions filter on."""
        chosen = {name: str(self.data[name]).lower() for name in ATTRIBUTES if name in self.data}
        return chosen | {
            "type": self.type,
            "window_no": self.window_no,
            "correlation_id": self.correlation_id,
        }

    def sealed(self) -> "Event":
        """The same event with its hash: SHA-256 over the canonical JSON of all other members, `prev` included."""
        body = self.as_json()
        del body["hash"]
        return replace(self, hash=canonical.sha256(canonical.dumps(body)))

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Event":
        known = {
            name: value[name] for name in cls.__slots__ if name in value
        }  # a later version may know more
        return cls(**known | {"actor": Actor(value["actor"]["role"], value["actor"]["party"])})


def broken_link(events: Iterable[Event]) -> int | None:
    """The sequence number of the first event that was altered, dropped or inserted; None where the chain holds."""
    previous, expected = GENESIS, 1
    for event in events:
        if event.seq != expected or event.prev != previous or event.sealed().hash != event.hash:
            return expected
        previous, expected = event.hash, expected + 1
    return None
