"""The ledger's arithmetic without its table: changes applied to consignments in memory, under its own rules."""

from collections.abc import Callable
from dataclasses import replace
from uuid import NAMESPACE_OID, uuid5

from declarations import lifecycle
from singlewindow import consignment, settings
from singlewindow.aws import clients, ledger
from singlewindow.consignment import Change, Consignment

PARTIES = frozenset({"91510100569680768F"})
CORRELATION = "c0rre1a7-10n0"
_NO_END = 50


def blank(window_no: str = "I20240000000000101", parties: frozenset[str] = PARTIES) -> Consignment:
    """A consignment before its first event."""
    return consignment.blank(window_no, parties, CORRELATION, "")


def apply(before: Consignment, change: Change, at: str) -> Consignment:
    """What the ledger writes for `change`; refuses a state that the table of moves doesn't allow."""
    if change.state is not None and not lifecycle.is_legal(before.state, change.type, change.state):
        raise AssertionError(f"illegal: {change.type} from {before.state or 'nothing'} to {change.state}")
    event_id = str(uuid5(NAMESPACE_OID, f"{before.window_no}#{before.snapshot.seq + 1}"))
    after = consignment.follow(before, change, at, event_id, CORRELATION)
    return replace(after, snapshot=replace(after.snapshot, opened_at=before.snapshot.opened_at or at))


def settle(before: Consignment, decide: Callable[[Consignment], Change | None], at: str) -> Consignment:
    """Apply what `decide` says until it says None; a decision that never comes to rest is a failure."""
    for _ in range(_NO_END):
        change = decide(before)
        if change is None:
            return before
        before = apply(before, change, at)
    raise AssertionError(f"no rest after {[event.type for event in before.events[-5:]]}")


def stands(one: Consignment) -> None:
    """Put its items into the table, as if the ledger had written it."""
    puts = [ledger._put_event(event, {}, one.changed_by)["Put"] for event in one.events]
    for put in (*puts, ledger._state(one.window_no, one.snapshot)):
        clients.client("dynamodb").put_item(TableName=settings.get("LEDGER_TABLE"), Item=put["Item"])
