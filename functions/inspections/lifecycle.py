"""The states of an inspection and the moves between them, as data (`domain.md` C9 b, C0).

A move is (state, event) → next state; an event that has no row is illegal in that state. `actor` may make it: a trader,
an agency, or the window, for what follows from agencies' answers. `clock` is the clock that the move starts.
"""

from typing import Final, NamedTuple

from singlewindow.errors import WindowError, conflict

ORDERED, BOOKED, STARTED, DONE = "ORDERED", "BOOKED", "STARTED", "DONE"
NO_SHOW, CANCELLED = "NO_SHOW", "CANCELLED"
STATES: Final = (ORDERED, BOOKED, STARTED, DONE, NO_SHOW, CANCELLED)

# No box was opened yet.
BEFORE: Final = (ORDERED, BOOKED, NO_SHOW)
OVER: Final = (DONE, CANCELLED)

TRADER, TERMINAL, AGENCY, WINDOW = "trader", "terminal", "agency", "window"

# Whose time runs in a state: the trader books, the terminal brings the boxes to the bay, the agencies inspect.
IN_CHARGE: Final = {ORDERED: TRADER, NO_SHOW: TRADER, BOOKED: TERMINAL, STARTED: AGENCY}

# Reasons of `InspectionUnbooked`. `unfit`: what another agency asked since then the bay has not.
CANCELLED_BY_TRADER, MISSED, UNFIT = "cancelled", "no-show", "unfit"


class Move(NamedTuple):
    """`act`: what callers know it by; None where nobody asks for it."""

    state: str
    event: str
    next: str
    actor: str
    act: str | None = None
    clock: str | None = None


MOVES: Final = (
    Move("", "InspectionOrdered", ORDERED, WINDOW, clock="ordered"),
    *(Move(state, "InspectionRevised", state, WINDOW) for state in (*BEFORE, STARTED)),
    *(Move(state, "InspectionCancelled", CANCELLED, WINDOW) for state in (*BEFORE, STARTED)),
    Move(ORDERED, "InspectionBooked", BOOKED, TRADER, "book", "booked"),
    Move(NO_SHOW, "InspectionBooked", BOOKED, TRADER, "book", "booked"),
    # Another slot instead: one event, for the one is freed as the other is taken.
    Move(BOOKED, "InspectionBooked", BOOKED, TRADER, "book"),
    Move(BOOKED, "InspectionUnbooked", ORDERED, TRADER, "unbook", "ordered"),
    Move(BOOKED, "InspectionUnbooked", NO_SHOW, AGENCY, "no-show", "ordered"),
    # An agency may look at once, or where the window keeps no slots.
    *(Move(state, "InspectionStarted", STARTED, AGENCY, "start", "started") for state in BEFORE),
    Move(STARTED, "InspectionResult", STARTED, AGENCY, "result"),
    Move(STARTED, "InspectionFollowedUp", STARTED, AGENCY, "follow-up"),
    Move(STARTED, "InspectionDone", DONE, WINDOW, clock="done"),
    # A laboratory speaks, and a defect is mended, when the boxes are closed again.
    Move(DONE, "InspectionResult", DONE, AGENCY, "result"),
    Move(DONE, "InspectionFollowedUp", DONE, AGENCY, "follow-up"),
)


def allowed(state: str, actor: str | None = None) -> list[str]:
    """What may be asked for in a state, by name; of one actor alone where it is given."""
    found = (move for move in MOVES if move.state == state and move.act and actor in (None, move.actor))
    return list(dict.fromkeys(move.act for move in found if move.act))


def after(state: str, event: str, reason: str | None = None) -> str:
    """The state that `event` leads to from `state`; `reason` is that of `InspectionUnbooked`. Raises `LookupError`."""
    for move in MOVES:
        if (move.state, move.event) == (state, event):
            if move.event == "InspectionUnbooked" and (move.next == NO_SHOW) != (reason == MISSED):
                continue
            return move.next
    raise LookupError(f"{event} from {state or 'nothing'}")


def clock_of(state: str, event: str, next_state: str) -> str | None:
    """The clock that a move starts."""
    return next((m.clock for m in MOVES if (m.state, m.event, m.next) == (state, event, next_state)), None)


def refused(state: str, act: str) -> WindowError:
    """409 for what is not allowed in a state, with what is."""
    return conflict(
        "illegal-event",
        f"{act}: not while {state}",
        "当前状态不允许此操作",
        state=state,
        allowed=allowed(state),
    )
