"""The states of a declaration and the moves between them, as data (`domain.md` C0, A.6).

A move is (state, event) → next states; more than one where the answers so far decide which. An event that has no row
is illegal in that state. `trader` names the moves that a trader may ask for; the others follow from agencies' answers.
"""

from typing import Final, NamedTuple

DRAFT, SUBMITTED, ACCEPTED, RETURNED, REJECTED = "DRAFT", "SUBMITTED", "ACCEPTED", "RETURNED", "REJECTED"
SUSPENDED, HELD, RELEASED, CLEARED, WITHDRAWN = "SUSPENDED", "HELD", "RELEASED", "CLEARED", "WITHDRAWN"

STATES: Final = (
    DRAFT,
    SUBMITTED,
    ACCEPTED,
    RETURNED,
    REJECTED,
    SUSPENDED,
    HELD,
    RELEASED,
    CLEARED,
    WITHDRAWN,
)

# With the agencies: their answers count.
IN_CLEARANCE: Final = (SUBMITTED, ACCEPTED, HELD, SUSPENDED)

# Named for the moves that inspection and taxes will bring; nothing leads there yet.
RESERVED: Final = (CLEARED,)


class Move(NamedTuple):
    state: str
    event: str
    next: tuple[str, ...]
    trader: str | None = None


MOVES: Final = (
    Move("", "DeclarationDrafted", (DRAFT,), "draft"),
    Move("", "DeclarationSubmitted", (SUBMITTED,), "submit"),
    Move(DRAFT, "DeclarationDrafted", (DRAFT,), "revise"),
    Move(DRAFT, "DeclarationSubmitted", (SUBMITTED,), "submit"),
    # A new version only before acceptance, when the agencies have handed it back (退单).
    Move(RETURNED, "DeclarationSubmitted", (SUBMITTED,), "submit"),
    # Acceptance shows at once; a hold or a silence outlasts it.
    Move(SUBMITTED, "DeclarationAccepted", (ACCEPTED,)),
    Move(HELD, "DeclarationAccepted", (HELD,)),
    Move(SUSPENDED, "DeclarationAccepted", (SUSPENDED,)),
    Move(SUBMITTED, "DeclarationHeld", (HELD,)),
    Move(ACCEPTED, "DeclarationHeld", (HELD,)),
    Move(SUSPENDED, "DeclarationHeld", (HELD,)),
    Move(HELD, "HoldLifted", (SUBMITTED, ACCEPTED)),
    Move(HELD, "ClearanceConcluded", (HELD,)),
    Move(SUBMITTED, "DeclarationSuspended", (SUSPENDED,)),
    Move(ACCEPTED, "DeclarationSuspended", (SUSPENDED,)),
    Move(HELD, "DeclarationSuspended", (SUSPENDED,)),
    *(
        Move(state, event, (after,))
        for state in IN_CLEARANCE
        for event, after in (
            ("DeclarationRejected", REJECTED),
            ("DeclarationReturned", RETURNED),
            ("DeclarationReleased", RELEASED),
        )
    ),
    *(Move(state, "DeclarationWithdrawn", (WITHDRAWN,)) for state in (*IN_CLEARANCE, RETURNED)),
)

_LEGAL: Final = {(move.state, move.event): move.next for move in MOVES}


def is_legal(state: str, event: str, after: str) -> bool:
    """Whether `event` may lead from `state` to `after`."""
    return after in _LEGAL.get((state, event), ())


def allowed_to_trader(state: str) -> list[str]:
    """What a trader may do next, by name."""
    return [move.trader for move in MOVES if move.state == state and move.trader]
