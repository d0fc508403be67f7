"""A consignment: where it stands, what led there, and what one decision adds.

Pure values; `singlewindow.aws.ledger` reads and writes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from singlewindow import canonical
from singlewindow.events import GENESIS, WINDOW, Actor, Event


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The small mutable item of a consignment: where it stands after event `seq`, whose hash is `head`.

    `changed_at` is when the state last changed.
    """

    seq: int
    head: str
    state: str
    version: int
    parties: frozenset[str]
    correlation_id: str
    opened_at: str
    changed_at: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Consignment:
    """A snapshot with the events that led to it, oldest first."""

    window_no: str
    snapshot: Snapshot
    events: tuple[Event, ...]

    @property
    def state(self) -> str:
        return self.snapshot.state

    @property
    def version(self) -> int:
        return self.snapshot.version

    def of_version(self, version: int | None = None) -> tuple[Event, ...]:
        """The events that concern one version of the document (default: the current one)."""
        wanted = self.version if version is None else version
        return tuple(event for event in self.events if event.declaration_version == wanted)

    def amendment(self, version: int | None = None) -> int:
        """The number of the amendment whose body a version has now; 0: as it was submitted."""
        amended = (e.data["request"] for e in self.of_version(version) if e.type == "DeclarationAmended")
        return max(amended, default=0)

    def assignments(self, version: int | None = None) -> list[dict[str, Any]]:
        """The agencies that a version concerns now, as it was submitted or last amended; empty for a draft."""
        found: list[dict[str, Any]] = []
        for event in self.of_version(version):
            if event.type in ("DeclarationSubmitted", "DeclarationAmended"):
                found = event.data["agencies"]
        return found


@dataclass(frozen=True, slots=True)
class Body:
    """One immutable version of a document: `canonical` JSON, and the `raw` bytes as they came.

    `archived` holds the archive keys of both where they are too large for an item; `raw` is empty then when read back.
    """

    canonical: bytes
    raw: bytes
    media_type: str
    archived: tuple[str, str] | None = None

    @property
    def sha256(self) -> str:
        return canonical.sha256(self.canonical)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of another table that must exist exactly when the event does; refused where its key is taken."""

    table: str
    key: str
    item: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Submission:
    """An idempotency key within its scope, the hash it stands for and the answer that it will give again."""

    sender: str
    type: str
    key: str
    sha256: str
    answer: Mapping[str, Any] = field(default_factory=dict)

    @property
    def partition(self) -> str:
        return f"request#{self.sender}#{self.type}#{self.key}"


@dataclass(frozen=True, slots=True)
class Change:
    """What one decision adds: an event, and what it makes of the snapshot (None: as it was).

    `body`: of the version, or of its amendment of that number, whether or not that is ever agreed to.
    """

    type: str
    data: Mapping[str, Any]
    actor: Actor = WINDOW
    state: str | None = None
    version: int | None = None
    of_version: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    body: Body | None = None
    amendment: int = 0
    rows: tuple[Row, ...] = ()
    parties: frozenset[str] | None = None
    submission: Submission | None = None


def blank(window_no: str, parties: frozenset[str], correlation_id: str, at: str) -> Consignment:
    """A consignment before its first event."""
    return Consignment(window_no, Snapshot(0, GENESIS, "", 0, parties, correlation_id, at, at), ())


def follow(
    consignment: Consignment, change: Change, at: str, event_id: str, correlation_id: str
) -> Consignment:
    """The consignment after one more event: the ledger's arithmetic, without its table."""
    before = consignment.snapshot
    version = before.version if change.version is None else change.version
    event = Event(
        event_id=event_id,
        type=change.type,
        window_no=consignment.window_no,
        seq=before.seq + 1,
        declaration_version=version if change.of_version is None else change.of_version,
        at=at,
        actor=change.actor,
        correlation_id=correlation_id,
        data=dict(change.data),
        prev=before.head,
    ).sealed()
    after = Snapshot(
        seq=event.seq,
        head=event.hash,
        state=before.state if change.state is None else change.state,
        version=version,
        parties=before.parties if change.parties is None else change.parties,
        correlation_id=before.correlation_id,
        opened_at=before.opened_at,
        changed_at=before.changed_at if change.state in (None, before.state) else at,
        facts={**before.facts, **change.facts},
    )
    return Consignment(consignment.window_no, after, (*consignment.events, event))
