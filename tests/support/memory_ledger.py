"""The ledger's arithmetic without its table: changes applied to consignments in memory, under its own rules."""

from collections.abc import Callable
from uuid import NAMESPACE_OID, uuid5

from declarations import lifecycle
from singlewindow.consignment import Change, Consignment, Snapshot
from singlewindow.events import GENESIS, Event

PARTIES = frozenset({"91510100569680768F"})
CORRELATION = "c0rre1a7-10n0"
_NO_END = 50


def blank(window_no: str = "I20240000000000101", parties: frozenset[str] = PARTIES) -> Consignment:
    """A consignment before its first event."""
    return Consignment(window_no, Snapshot(0, GENESIS, "", 0, parties, CORRELATION, "", ""), ())


def apply(consignment: Consignment, change: Change, at: str) -> Consignment:
    """What `singlewindow.aws.ledger` writes for `change`; refuses a state that the table of moves doesn't allow."""
    before = consignment.snapshot
    state = before.state if change.state is None else change.state
    if change.state is not None and not lifecycle.is_legal(before.state, change.type, state):
        raise AssertionError(f"illegal: {change.type} from {before.state or 'nothing'} to {state}")
    version = before.version if change.version is None else change.version
    event = Event(
        event_id=str(uuid5(NAMESPACE_OID, f"{consignment.window_no}#{before.seq + 1}")),
        type=change.type,
        window_no=consignment.window_no,
        seq=before.seq + 1,
        declaration_version=version if change.of_version is None else change.of_version,
        at=at,
        actor=change.actor,
        correlation_id=CORRELATION,
        data=dict(change.data),
        prev=before.head,
    ).sealed()
    after = Snapshot(
        seq=event.seq,
        head=event.hash,
        state=state,
        version=version,
        parties=before.parties if change.parties is None else change.parties,
        correlation_id=before.correlation_id,
        opened_at=before.opened_at or at,
        changed_at=at,
        facts={**before.facts, **change.facts},
    )
    return Consignment(consignment.window_no, after, (*consignment.events, event))


def settle(consignment: Consignment, decide: Callable[[Consignment], Change | None], at: str) -> Consignment:
    """Apply what `decide` says until it says None; a decision that never comes to rest is a failure."""
    for _ in range(_NO_END):
        change = decide(consignment)
        if change is None:
            return consignment
        consignment = apply(consignment, change, at)
    raise AssertionError(f"no rest after {[event.type for event in consignment.events[-5:]]}")
