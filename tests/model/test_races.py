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


def test_an_amendment_told_again_after_the_gate_out_is_matched_with_no_report_that_tells_of_no_goods() -> None:
    case = Clearances("amended")
    case.begin(True)
    try:
        case.report(FIRST, "gate_out_at")
        case.comes_to_rest()
        assert "CargoReported" not in [e.type for e in case.window.events if e.window_no == FIRST]
    finally:
        case.close()
