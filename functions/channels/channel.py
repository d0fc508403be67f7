"""A channel: one way in which one party is reached, what goes by it, and how it fares."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final

from singlewindow.outbound.retry import STANDARD, Profile
from singlewindow.outbound.signing import Rotating
from singlewindow.parties import Role

SQS, PULL, WEBHOOK, DROP = "sqs", "pull", "webhook", "s3-drop"
CANONICAL, AS_SENT = "canonical", "as-sent"
ACTIVE, SUSPENDED, CLOSED = "active", "suspended", "closed"

# How a failed attempt is repeated: `standard` for three days; `patient` for a week, for who is down for a weekend;
# `brief` gives up after an hour, for what is stale then.
PROFILES: Final[Mapping[str, Profile]] = {
    "standard": STANDARD,
    "patient": Profile(30.0, 3.0, 6 * 3600.0, 7 * 86400.0),
    "brief": Profile(2.0, 2.0, 300.0, 3600.0),
}


@dataclass(frozen=True, slots=True)
class Channel(Rotating):
    """`direction`: receive, send, both: what the party uses it for; only what it receives is delivered.

    `document_types`: documents or types of messages that go by it; `*`: all. `format`: canonical (JSON), as-sent, or
    a message of the catalogue. `certificate`: where the party's certificate is found, never the certificate itself.
    `rate_per_minute`: deliveries, 0: no bound. `simulated`: nobody real is behind it; None: nobody said. `carries`: a
    webhook brings the document itself, not only a pointer. Secrets are not here: they follow from `id` and
    `generation`.
    """

    id: str
    party: str
    role: str
    protocol: str
    description: str = ""
    direction: str = "receive"
    document_types: tuple[str, ...] = ("*",)
    format: str = CANONICAL
    format_version: str | None = None
    url: str | None = None
    carries: bool = False
    certificate: str | None = None
    rate_per_minute: int = 0
    timeout_seconds: int = 5
    retry: str = "standard"
    maintenance: tuple[dict[str, Any], ...] = ()
    active_from: str | None = None
    active_to: str | None = None
    status: str = ACTIVE
    simulated: bool | None = False
    created_at: str = ""
    version: int = 1
    generation: int = 1
    rotated_at: str | None = None

    @property
    def is_open(self) -> bool:
        return self.status != CLOSED

    @property
    def pace(self) -> float:
        """Seconds between two deliveries at least."""
        return 60 / self.rate_per_minute if self.rate_per_minute else 0.0

    @property
    def profile(self) -> Profile:
        return PROFILES[self.retry]

    def takes(self, type: str, document: str | None, at: datetime) -> bool:
        """Whether what arrives now of this type goes by this channel."""
        wanted = {"*", type, document} & set(self.document_types)
        begun = self.active_from is None or datetime.fromisoformat(self.active_from) <= at
        receives = self.direction in ("receive", "both")
        return bool(wanted) and receives and begun and self.status == ACTIVE and not self.is_over(at)

    def is_over(self, at: datetime) -> bool:
        """Whether nothing goes by it any more."""
        ended = self.active_to is not None and datetime.fromisoformat(self.active_to) <= at
        return self.status == CLOSED or ended

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {
            "document_types": list(self.document_types),
            "maintenance": list(self.maintenance),
        }

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "Channel":
        """From `as_json`, of this or an earlier edition of the program."""
        known: dict[str, Any] = {one.name: raw[one.name] for one in fields(cls) if one.name in raw}
        for name in ("document_types", "maintenance"):
            known[name] = tuple(known[name])
        return cls(**known)


def standing(agency: Mapping[str, Any]) -> Channel:
    """The inbox that every agency of the catalogue has from the template, without having asked for it."""
    return Channel(
        id=f"{agency['id']}-inbox",
        party=agency["id"],
        role=Role.AGENCY,
        protocol=SQS,
        description=f"{agency['name_zh']} / {agency['name_en']}",
        simulated=None,
    )


def inbox_of(channel_id: str) -> str | None:
    """The agency whose standing inbox has this id; None for any other channel."""
    return channel_id.removesuffix("-inbox") if channel_id.endswith("-inbox") else None
