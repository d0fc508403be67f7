"""Races by name that no capability alone can show; the others stand with the capability that answers them."""

import pytest

from tests.model.machine import FIRST, Clearances


@pytest.mark.parametrize("released_first", [True, False])
def test_withdrawal_at_the_moment_of_release(released_first: bool) -> None:
    """Whichever the ledger has first stands, and the other is refused or changes nothing."""
    case = Clearances("accepted")
    case.begin(False)
    try:
        case.withdraw(FIRST)
        case.answer_a_request(FIRST, "customs", True)
        case.release(FIRST, 0, None)
        if released_first:
            case.window.pending.reverse()
        case.window.drain()
        types = [e.type for e in case.window.events if e.window_no == FIRST]
        assert len({"DeclarationReleased", "DeclarationWithdrawn"} & set(types)) == 1
        case.each_release_is_the_only_one_and_passes_nothing_that_is_open()
        case.comes_to_rest()
    finally:
        case.close()
