"""The model runs, comes to every move that it knows, and finds each fault that is put in."""

import os
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import partial

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from declarations import tax, view
from declarations.changes import outcome
from declarations.holds import PORT, USE, Holds
from inspections import store as inspections_store
from payments import settlement
from singlewindow.consent import Asked, open_request
from singlewindow.consignment import Consignment
from tests.model.machine import COURSES, FIRST, REACHED, RIVAL, Clearances
from tests.support.thorough import examples

MOVES = {
    "AmendmentDecided", "AmendmentRequested", "DeclarationAmended",
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
        run_state_machine_as_test(partial(Clearances, course), settings=chosen)  # type: ignore[arg-type]
    except Exception as found:
        found.add_note(f"after the course {course!r}")
        raise


def test_whatever_happens_in_whatever_order_the_invariants_hold() -> None:
    """And none of the moves that they are about is only imagined."""
    REACHED.clear()
    for course in COURSES:
        explored(course, runs=examples(12))
    assert set(REACHED) >= MOVES, MOVES - set(REACHED)


# ── it finds what it is there for ───────────────────────────────────────────────────────────────────────────────────


def release_ignores_holds(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Holds, "open", lambda *_: [])


def release_ignores_bills(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(tax.Bills, "open", lambda _: [])


def use_holds_are_hidden(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(view, "use_holds", lambda _: [])


def a_slot_is_taken_without_condition(patch: pytest.MonkeyPatch) -> None:
    slots = inspections_store._slots
    patch.setattr(
        inspections_store, "_slots", lambda *of: [replace(one, condition=None) for one in slots(*of)]
    )


def a_cancelled_order_keeps_its_slot(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(inspections_store, "_FREEING", ("InspectionBooked", "InspectionUnbooked"))


def a_second_deduction_is_kept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(settlement, "give_back", lambda *_: None)


def consent_is_not_waited_for(patch: pytest.MonkeyPatch) -> None:
    def agreed(consignment: Consignment) -> Asked | None:
        asked = open_request(consignment)
        return replace(asked, status="agreed") if asked else None

    patch.setattr(outcome, "open_request", agreed)


def one_of_two_agrees(case: Clearances) -> None:
    case.amend(FIRST, many=True)
    case.answer_a_request(FIRST, "customs", True)
    case.window.drain()
    case.conclude(FIRST, None)


def past_a_hold(case: Clearances) -> None:
    case.makes("accepted")
    case.makes("released")


def a_use_hold(case: Clearances) -> None:
    case.hold(FIRST, "ciq", "2", USE, 0, "documents", False)


def two_want_one_slot(case: Clearances) -> None:
    case.hold(RIVAL, "ciq", "1", PORT, 0, "inspection", False)
    case.window.drain()
    case.book(FIRST, 0, None, True)


def all_is_cleared(case: Clearances) -> None:
    for desk in ("customs", "ciq"):
        case.clear(FIRST, desk, "1", 0)
    case.window.drain()


def deducted_twice(case: Clearances) -> None:
    given = next(iter(case.window.orders.values()))
    case.say_of(given, "deducted", f"{given['order_id']}-b", Decimal(given["amount"]))


def played(course: str, more: Callable[[Clearances], None]) -> None:
    """One run by hand, with all that must be."""
    case = Clearances(course)
    case.begin(True)
    try:
        more(case)
        case.each_release_is_the_only_one_and_passes_nothing_that_is_open()
        case.no_slot_is_held_by_two_nor_by_an_order_that_has_not_booked_it()
        case.what_changes_a_declaration_was_asked_for_when_it_might_be_and_agreed_to_by_all_who_must()
        case.the_state_follows_from_the_events_and_every_view_tells_the_same()
        case.comes_to_rest()
    finally:
        case.close()


@pytest.mark.parametrize(
    ("fault", "course", "more", "why"),
    [
        (release_ignores_holds, "held", past_a_hold, "released past a hold"),
        (release_ignores_bills, "sent", past_a_hold, "released past a bill"),
        (use_holds_are_hidden, "asked", a_use_hold, "is hidden"),
        (a_slot_is_taken_without_condition, "held", two_want_one_slot, "a slot of two"),
        (a_cancelled_order_keeps_its_slot, "booked", all_is_cleared, "of nobody"),
        (a_second_deduction_is_kept, "deducted", deducted_twice, "is lost"),
        (consent_is_not_waited_for, "accepted", one_of_two_agrees, "without consent"),
    ],
)
def test_a_fault_is_found(
    fault: Callable[[pytest.MonkeyPatch], None], course: str, more: Callable[[Clearances], None], why: str
) -> None:
    played(course, more)
    with pytest.MonkeyPatch.context() as patch:
        fault(patch)
        with pytest.raises(AssertionError, match=why):
            played(course, more)
