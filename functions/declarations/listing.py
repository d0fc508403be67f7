"""Lists of declarations: a trader's own, or for staff those of some days; newest first, page by page."""

from base64 import b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from heapq import merge
from itertools import islice
from typing import Any

from declarations import lifecycle
from declarations.view import brief
from singlewindow import clock
from singlewindow.aws import ledger
from singlewindow.errors import WindowError
from singlewindow.parties import STAFF, Caller

MOST_DAYS = 31
MOST_WALKED = 1000
EARLIEST, LATEST = date(2000, 1, 1), date(2999, 12, 31)
_PAGE = 100


@dataclass(frozen=True, slots=True)
class Search:
    """`since` and `until` are business dates, both included."""

    since: date
    until: date
    state: str | None
    after: str | None
    limit: int


def search(query: Mapping[str, str]) -> Search:
    """The query parameters of `GET /declarations`; 400 names the one that is wrong. Default: the last 31 days."""
    until = _date(query, "to", clock.business_date())
    since = _date(query, "from", max(EARLIEST, until - timedelta(days=MOST_DAYS - 1)))
    if not timedelta() <= until - since < timedelta(days=MOST_DAYS):
        raise _bad("from", f"from and to span 1 to {MOST_DAYS} days")
    state = query.get("state")
    if state is not None and state not in lifecycle.STATES:
        raise _bad("state", f"one of {', '.join(lifecycle.STATES)}")
    limit = query.get("limit", "20")
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit) <= _PAGE):
        raise _bad("limit", f"a whole number from 1 to {_PAGE}")
    return Search(since, until, state, _opened(query.get("cursor")), int(limit))


def page(caller: Caller, wanted: Search) -> dict[str, Any]:
    """`{items, next}`: `next` is the cursor of the following page, None on the last.

    A page may be short, even empty, and yet have a next: a filter looks at `MOST_WALKED` declarations at a time.
    """
    items: list[dict[str, Any]] = []
    walked, last = 0, ""
    keys = _keys(caller, wanted)
    while batch := list(islice(keys, _PAGE)):
        standing = ledger.snapshots([window_no for _, window_no in batch])
        for key, window_no in batch:
            if len(items) == wanted.limit or walked == MOST_WALKED:
                return {"items": items, "next": _sealed(last)}
            snapshot = standing[window_no]
            walked, last = walked + 1, key
            # A party that a later version no longer names keeps its row, not its right.
            if wanted.state in (None, snapshot.state) and caller.may_see(snapshot.parties):
                items.append(
                    brief(window_no, snapshot.version, snapshot.state) | {"opened_at": snapshot.opened_at}
                )
    return {"items": items, "next": None}


def _keys(caller: Caller, wanted: Search) -> Iterator[tuple[str, str]]:
    """(sort key, window number), newest first."""
    since, until = _midnight(wanted.since), _midnight(wanted.until + timedelta(days=1))
    if caller.role not in STAFF:
        yield from _walk(ledger.party_listing(caller.party), since, until, wanted.after)
        return
    day = wanted.until
    while day >= wanted.since:
        shards = [_walk(shard, since, until, wanted.after) for shard in ledger.day_listings(day)]
        yield from merge(*shards, reverse=True)
        day -= timedelta(days=1)


def _walk(listing: str, since: str, until: str, after: str | None) -> Iterator[tuple[str, str]]:
    while rows := ledger.listed(listing, since, until, after, _PAGE):
        yield from rows
        if len(rows) < _PAGE:
            return
        after = rows[-1][0]


def _midnight(day: date) -> str:
    return clock.stamp(datetime.combine(day, time(), clock.BUSINESS_ZONE))


def _date(query: Mapping[str, str], name: str, default: date) -> date:
    try:
        day = date.fromisoformat(query[name]) if name in query else default
        if not EARLIEST <= day <= LATEST:
            raise ValueError
    except ValueError:
        raise _bad(name, f"a date, YYYY-MM-DD, from {EARLIEST} to {LATEST}") from None
    return day


def _sealed(key: str) -> str:
    return urlsafe_b64encode(key.encode()).decode()


def _opened(cursor: str | None) -> str | None:
    try:
        key = b64decode(cursor, altchars=b"-_", validate=True).decode() if cursor else None
        if key is not None:
            datetime.fromisoformat(key.partition("#")[0])
        return key
    except (Base64Error, ValueError):
        raise _bad("cursor", "the `next` of an earlier page") from None


def _bad(name: str, expected: str) -> WindowError:
    return WindowError(400, "bad-parameter", f"{name}: {expected}", detail_zh=f"参数 {name} 不正确")
