"""Lists of inspections: a party's, an agency's, or for staff those of a day; newest first, page by page."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from inspections import lifecycle, store
from inspections.order import parts
from singlewindow import clock
from singlewindow.aws import ledger
from singlewindow.errors import WindowError
from singlewindow.parties import STAFF, TRADERS, Caller

_PAGE = 100
_CURSOR = re.compile(r"\d{4}-\d{2}-\d{2}T[0-9:.]{1,15}Z#[IE0-9-]{1,30}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Search:
    """`listing` is the partition that the caller may read."""

    listing: str
    state: str | None
    after: str | None
    limit: int


def search(caller: Caller, query: Mapping[str, str]) -> Search:
    """The query of `GET /inspections`; 400 names the parameter that is wrong. `date` is for staff; default: today."""
    state, limit, after = query.get("state"), query.get("limit", "20"), query.get("cursor")
    if state is not None and state not in lifecycle.STATES:
        raise _bad("state", f"one of {', '.join(lifecycle.STATES)}")
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit) <= _PAGE):
        raise _bad("limit", f"a whole number from 1 to {_PAGE}")
    if after is not None and not _CURSOR.fullmatch(after):
        raise _bad("cursor", "the `next` of an earlier page")
    if "date" in query and caller.role not in STAFF:
        raise _bad("date", "for staff alone")
    if caller.role in STAFF:
        listing = f"day#{day_of(query)}"
    else:
        listing = f"{'party' if caller.role in TRADERS else 'agency'}#{caller.party}"
    return Search(listing, state, after, int(limit))


def day_of(query: Mapping[str, str]) -> date:
    """The parameter `date`: a business date; default: today."""
    try:
        day = date.fromisoformat(query["date"]) if "date" in query else clock.business_date()
    except ValueError:
        raise _bad("date", "a date, YYYY-MM-DD") from None
    return day


def page(caller: Caller, wanted: Search) -> dict[str, Any]:
    """`{items, next}`; a page that a filter has thinned may be short and yet have a next."""
    rows = store.listed(wanted.listing, wanted.after, wanted.limit)
    numbers = {id: named[0] for _, id in rows if (named := parts(id))}
    standing = ledger.snapshots(sorted(set(numbers.values())))
    items = []
    for _, id in rows:
        snapshot = standing[numbers[id]]
        brief = (snapshot.facts.get("inspections") or {})[id]
        if caller.role in TRADERS and not caller.may_see(snapshot.parties):
            continue  # a party that a later version no longer names keeps its row, not its right
        if wanted.state in (None, brief["state"]):
            items.append({"inspection_id": id, "window_no": numbers[id], **brief})
    return {"items": items, "next": rows[-1][0] if len(rows) == wanted.limit else None}


def _bad(name: str, expected: str) -> WindowError:
    return WindowError(400, "bad-parameter", f"{name}: {expected}", detail_zh=f"参数 {name} 不正确")
