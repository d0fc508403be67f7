"""The states of a declaration and the moves between them, as data (`domain.md` C0, A.6).

A move is (state, event) → next states; more than one where the answers so far decide which. An event that has no row
is illegal in that state. `trader` names the moves that a trader may ask for; the others follow from agencies' answers.
"""

from typing import Final, NamedTuple

DRAFT, SUBMITTED, ACCEPTED, RETURNED, REJECTED = "DRAFT", "SUBMITTED", "ACCEPTED", "RETURNED", "REJECTED"
IN_REVIEW, HELD, TAX_DUE, SUSPENDED = "IN_REVIEW", "HELD", "TAX_DUE", "SUSPENDED"
RELEASED, CLEARED, WITHDRAWN = "RELEASED", "CLEARED", "WITHDRAWN"

STATES: Final = (
    DRAFT,
    SUBMITTED,
    ACCEPTED,
    RETURNED,
    REJECTED,
    IN_REVIEW,
    SUSPENDED,
    HELD,
    TAX_DUE,
    RELEASED,
    CLEARED,
    WITHDRAWN,
)

# With the agencies: their answers count.
IN_CLEARANCE: Final = (SUBMITTED, ACCEPTED, IN_REVIEW, HELD, TAX_DUE, SUSPENDED)


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
    # The full declaration after a summary that was released for removal; `two_step` says which was.
    Move(RELEASED, "DeclarationSubmitted", (SUBMITTED,), "complete"),
    # Acceptance shows at once; a hold, a bill or another's silence outlasts it.
    Move(SUBMITTED, "DeclarationAccepted", (ACCEPTED,)),
    Move(IN_REVIEW, "DeclarationAccepted", (ACCEPTED,)),
    Move(SUSPENDED, "DeclarationAccepted", (SUSPENDED, ACCEPTED)),
    Move(HELD, "DeclarationAccepted", (HELD,)),
    Move(TAX_DUE, "DeclarationAccepted", (TAX_DUE,)),
    # What stands in the way may change to anything else that does, and go away.
    *(
        Move(state, event, (after,))
        for event, after in (
            ("DeclarationHeld", HELD),
            ("DeclarationInReview", IN_REVIEW),
            ("TaxDue", TAX_DUE),
            ("DeclarationSuspended", SUSPENDED),
        )
        for state in IN_CLEARANCE
        if state != after
    ),
    Move(HELD, "HoldLifted", (SUBMITTED, ACCEPTED)),
    *(Move(state, "ClearanceResumed", (SUBMITTED, ACCEPTED)) for state in (IN_REVIEW, TAX_DUE, SUSPENDED)),
    *(Move(state, "ClearanceConcluded", (state,)) for state in IN_CLEARANCE if state != SUSPENDED),
    *(
        Move(state, event, (after,))
        for state in IN_CLEARANCE
        for event, after in (
            ("DeclarationRejected", REJECTED),
            ("DeclarationReturned", RETURNED),
            ("DeclarationReleased", RELEASED),
        )
    ),
    # Customs alone takes its release back, while the goods are there.
    Move(RELEASED, "ReleaseRevoked", (HELD, IN_REVIEW, TAX_DUE, ACCEPTED)),
    # 结关. The release order ends with the gate-out, the declaration with this (`domain.md` A.9).
    Move(RELEASED, "DeclarationCleared", (CLEARED,)),
    *(Move(state, "DeclarationWithdrawn", (WITHDRAWN,)) for state in (*IN_CLEARANCE, RETURNED)),
)

_LEGAL: Final = {(move.state, move.event): move.next for move in MOVES}


def is_legal(state: str, event: str, after: str) -> bool:
    """Whether `event` may lead from `state` to `after`."""
    return after in _LEGAL.get((state, event), ())


def allowed_to_trader(state: str) -> list[str]:
    """What a trader may do next, by name."""
    return [move.trader for move in MOVES if move.state == state and move.trader]
