"""The model runs, comes to every move that it knows, and finds each fault that is put in."""

import os
from functools import partial

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import COURSES, REACHED, Clearances
from tests.support.thorough import examples

MOVES = {
    "AgencyReplied", "ClearanceConcluded", "ClearanceResumed", "DeclarationAccepted", "DeclarationCleared",
    "DeclarationHeld", "DeclarationInReview", "DeclarationRejected", "DeclarationReleased", "DeclarationReturned",
    "DeclarationSuspended", "DeclarationWithdrawn", "GateOut", "HoldLifted", "InspectionBooked", "InspectionCancelled",
    "InspectionDone", "InspectionFollowedUp", "InspectionOrdered", "InspectionResult", "InspectionRevised",
    "InspectionStarted", "InspectionUnbooked", "ReleaseRevoked", "TaxBilled", "TaxDeducted", "TaxDeductionFailed",
    "TaxDue", "TaxOverdue", "TaxReversed", "TaxSent", "TreasuryConfirmed", "WithdrawalDecided", "WithdrawalRequested",
}  # fmt: skip


def explored(course: str, *, runs: int) -> None:
    """What may happen after a course: the same runs each time in the suite, others each time in `make soak`."""
    chosen = settings(
        max_examples=runs,
        stateful_step_count=20,
        deadline=None,
        database=None,
        derandomize=not os.environ.get("THOROUGH"),
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(partial(Clearances, course), settings=chosen)
    except Exception as found:
        found.add_note(f"after the course {course!r}")
        raise


def test_whatever_happens_in_whatever_order_the_invariants_hold() -> None:
    """And none of the moves that they are about is only imagined."""
    REACHED.clear()
    for course in COURSES:
        explored(course, runs=examples(12))
    assert set(REACHED) >= MOVES, MOVES - set(REACHED)
