"""The model runs, comes to every move that it knows, and finds each fault that is put in."""

import os

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import REACHED, Clearances
from tests.support.thorough import examples

MOVES = {
    "AgencyReplied", "ClearanceConcluded", "ClearanceResumed", "DeclarationAccepted", "DeclarationCleared",
    "DeclarationHeld", "DeclarationInReview", "DeclarationRejected", "DeclarationReleased", "DeclarationReturned",
    "DeclarationSuspended", "DeclarationWithdrawn", "GoodsLeft", "HoldLifted", "InspectionBooked", "InspectionCancelled",
    "InspectionDone", "InspectionFollowedUp", "InspectionOrdered", "InspectionResult", "InspectionRevised",
    "InspectionStarted", "InspectionUnbooked", "ReleaseRevoked", "TaxBilled", "TaxDeducted", "TaxDeductionFailed",
    "TaxDue", "TaxOverdue", "TaxReversed", "TaxSent", "TreasuryConfirmed", "WithdrawalDecided", "WithdrawalRequested",
}  # fmt: skip
SETTINGS = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))


def test_whatever_happens_in_whatever_order_the_invariants_hold() -> None:
    """The same runs each time in the suite, others each time in `make soak`; none of its moves is only imagined."""
    REACHED.clear()
    runs = settings(
        SETTINGS,
        max_examples=examples(150),
        stateful_step_count=30,
        derandomize=not os.environ.get("THOROUGH"),
    )
    run_state_machine_as_test(Clearances, settings=runs)
    assert set(REACHED) >= MOVES, MOVES - set(REACHED)
