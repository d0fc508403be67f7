"""A consignment: where it stands, what led there, and what one decision adds.

Pure values; `singlewindow.aws.ledger` reads and writes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from singlewindow import canonical
from singlewindow.events import GENESIS, WINDOW, Actor, Event


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where a consignment stands after event `seq`, whose hash is `head`; `changed_at`: since when in this state."""

    seq: int
    head: str
    state: str
    version: int
    parties: frozenset[str]
    correlation_id: str
    opened_at: str
    changed_at: str
    facts: dict[str, Any] = field(default_factory=dict)

    def after(self, event: Event, made: Mapping[str, Any]) -> "Snapshot":
        """As it stands after one more event, with what that made of it (`Change.makes`)."""
        parties = frozenset(made["parties"]) if "parties" in made else self.parties
        return replace(
            self,
            seq=event.seq,
            head=event.hash,
            state=made.get("state", self.state),
            version=made.get("version", self.version),
            parties=parties,
            changed_at=event.at if "state" in made else self.changed_at,
            facts={**self.facts, **made.get("facts", {})},
        )


@dataclass(frozen=True, slots=True)
class Consignment:
    """A snapshot with the events that led to it, oldest first; `changed_by`: the last that made anything of it."""

    window_no: str
    snapshot: Snapshot
    events: tuple[Event, ...]
    changed_by: int = 0

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
class Update:
    """A change to a row of another table that must happen exactly when the event does, where `condition` holds.

    `key` and `values` are attribute maps; `names` stands for the `#placeholders` in `expression` and `condition`. Where
    the condition fails the decision is taken anew: whoever decides looks at the row first.
    """

    table: str
    key: Mapping[str, Any]
    expression: str
    condition: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


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
    rows: tuple[Row | Update, ...] = ()
    parties: frozenset[str] | None = None
    submission: Submission | None = None

    def makes(self, before: Snapshot) -> dict[str, Any]:
        """What becomes other than `before` by it, as JSON: `state`, `version`, `parties`, `facts`; mostly nothing."""
        made: dict[str, Any] = {}
        if self.state not in (None, before.state):
            made["state"] = self.state
        if self.version not in (None, before.version):
            made["version"] = self.version
        if self.parties not in (None, before.parties):
            made["parties"] = sorted(self.parties or ())
        facts = {name: value for name, value in self.facts.items() if before.facts.get(name, ...) != value}
        return made | ({"facts": facts} if facts else {})


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
    made = change.makes(before)
    changed_by = event.seq if made else consignment.changed_by
    return Consignment(
        consignment.window_no, before.after(event, made), (*consignment.events, event), changed_by
    )
