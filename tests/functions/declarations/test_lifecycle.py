"""The table of moves: complete, closed, and silent about what nobody may do."""

import pytest

from declarations import lifecycle
from declarations.lifecycle import IN_CLEARANCE, MOVES, STATES, allowed_to_trader, is_legal

ENDED = ("REJECTED", "CLEARED")


def test_every_move_leads_from_a_state_to_a_state() -> None:
    for move in MOVES:
        assert move.state in (*STATES, "")
        assert set(move.next) <= set(STATES)


def test_a_state_and_an_event_have_one_row() -> None:
    pairs = [(move.state, move.event) for move in MOVES]
    assert len(pairs) == len(set(pairs))


def test_every_state_can_be_reached() -> None:
    reached: set[str] = set()
    fresh = {""}
    while fresh:
        fresh = {state for move in MOVES if move.state in fresh for state in move.next} - reached
        reached |= fresh
    assert reached == set(STATES)


def test_what_has_ended_moves_no_more() -> None:
    for state in ENDED:
        assert not [move for move in MOVES if move.state == state]


def test_release_comes_from_clearance_alone() -> None:
    assert {move.state for move in MOVES if "RELEASED" in move.next} == set(IN_CLEARANCE)
    assert {move.event for move in MOVES if "RELEASED" in move.next} == {"DeclarationReleased"}


def test_an_event_of_clearance_never_touches_a_draft() -> None:
    assert {move.event for move in MOVES if move.state == "DRAFT"} == {
        "DeclarationDrafted",
        "DeclarationSubmitted",
    }


@pytest.mark.parametrize(
    ("state", "allowed"),
    [
        ("DRAFT", ["revise", "submit"]),
        ("RETURNED", ["submit"]),
        ("SUBMITTED", []),
        ("ACCEPTED", []),
        ("HELD", []),
        ("TAX_DUE", []),
        ("IN_REVIEW", []),
        ("SUSPENDED", []),
        ("REJECTED", []),
        ("RELEASED", ["complete"]),
    ],
)
def test_a_trader_may_only_revise_a_draft_and_submit_a_draft_or_what_was_returned(
    state: str, allowed: list[str]
) -> None:
    assert allowed_to_trader(state) == allowed


@pytest.mark.parametrize(
    ("state", "event", "after", "legal"),
    [
        ("SUBMITTED", "DeclarationReleased", "RELEASED", True),
        ("SUSPENDED", "DeclarationReleased", "RELEASED", True),
        ("RELEASED", "DeclarationReleased", "RELEASED", False),
        ("RELEASED", "DeclarationHeld", "HELD", False),
        ("RELEASED", "ReleaseRevoked", "HELD", True),
        ("RELEASED", "ReleaseRevoked", "SUBMITTED", False),
        ("CLEARED", "ReleaseRevoked", "HELD", False),
        ("TAX_DUE", "DeclarationReleased", "RELEASED", True),
        ("TAX_DUE", "ClearanceResumed", "ACCEPTED", True),
        ("HELD", "DeclarationCleared", "CLEARED", False),
        ("HELD", "HoldLifted", "ACCEPTED", True),
        ("HELD", "HoldLifted", "RELEASED", False),
        ("ACCEPTED", "DeclarationSubmitted", "SUBMITTED", False),
        ("DRAFT", "DeclarationReleased", "RELEASED", False),
        ("HELD", "DeclarationAccepted", "ACCEPTED", False),
        ("SUBMITTED", "NoSuchEvent", "ACCEPTED", False),
    ],
)
def test_a_move_is_legal_or_not(state: str, event: str, after: str, legal: bool) -> None:
    assert is_legal(state, event, after) is legal


def test_the_states_are_those_of_the_interface() -> None:
    interface = "DRAFT SUBMITTED ACCEPTED RETURNED REJECTED IN_REVIEW SUSPENDED HELD TAX_DUE RELEASED CLEARED WITHDRAWN"
    assert tuple(interface.split()) == lifecycle.STATES
