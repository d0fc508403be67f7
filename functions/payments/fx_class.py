"""Which foreign exchange class a firm has on a day, and who may know it."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from singlewindow.parties import STAFF, TRADERS, Caller


def in_force(entries: Iterable[Mapping[str, Any]], as_at: date) -> Mapping[str, Any] | None:
    """Of a firm's entries (`effective_from`, `class`, …), the last that had begun; None where none had.

    Of two that begin on one day the one recorded later counts: a correction.
    """
    begun = [one for one in entries if one["effective_from"] <= as_at.isoformat()]
    return max(begun, key=lambda one: (one["effective_from"], one["recorded_at"]), default=None)


def may_know(caller: Caller, party: str) -> bool:
    """The firm itself and the regulator's staff. Banks have no role in the window yet: to them it is not there."""
    return caller.role in STAFF or (caller.role in TRADERS and caller.party == party)
