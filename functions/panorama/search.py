"""Shipments by any identifier, as far as the caller is a party to them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, groupby, islice
from operator import attrgetter
from typing import Final

from panorama import store
from panorama.store import Match
from singlewindow.aws import ledger
from singlewindow.consignment import Snapshot
from singlewindow.ids import WINDOW_NO
from singlewindow.parties import Caller

MOST_FOUND: Final = 20

# Whoever declares "SEE ATTACHED LIST" as a bill shares it with thousands: the walk to one's own ends somewhere.
_MOST_WALKED: Final = 1000
_CHUNK: Final = 100


@dataclass(frozen=True, slots=True)
class Found:
    """A shipment that the caller may see, and by which of its identifiers it was found."""

    window_no: str
    standing: Snapshot
    matches: tuple[Match, ...]


def find(caller: Caller, value: str) -> list[Found]:
    """Up to 20 shipments, the newest first, that a normalised identifier leads to.

    Visibility is judged by the ledger's present parties, never by a copy.
    """
    direct = [Match(value, 0, "window_no")] if WINDOW_NO.fullmatch(value) else []
    rows = groupby(chain(direct, store.matches(value)), key=attrgetter("window_no"))
    leads = islice(((window_no, tuple(matches)) for window_no, matches in rows), _MOST_WALKED)
    return list(islice(_visible(caller, leads), MOST_FOUND))


def _visible(caller: Caller, leads: Iterator[tuple[str, tuple[Match, ...]]]) -> Iterator[Found]:
    while chunk := list(islice(leads, _CHUNK)):
        standing = ledger.snapshots([window_no for window_no, _ in chunk])
        for window_no, matches in chunk:
            snapshot = standing.get(window_no)
            if snapshot and caller.may_see(snapshot.parties):
                yield Found(window_no, ledger.standing(window_no) or snapshot, matches)
