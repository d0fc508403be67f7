"""The state of a received message: forward alone, one end, one entry a state."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.receipt import (
    EXPECTED,
    INVALID,
    MOST_SHOWN,
    QUARANTINED,
    RECEIVED,
    VALIDATED,
    Received,
    moved,
    receipt,
    shown,
    state_of,
)

ENDS = (VALIDATED, INVALID, QUARANTINED)
STATES = (EXPECTED, RECEIVED, *ENDS)
NEW = Received(
    receipt_id="r", sender="p", sha256="a" * 64, size=3, syntax="xml", type="CEB311Message", raw_key="aaaa/a",
    correlation_id="c", state=RECEIVED, timeline=((RECEIVED, "t0"),),
)  # fmt: skip


@pytest.mark.parametrize(
    ("readable", "errors", "state"),
    [(True, 0, VALIDATED), (True, 1, INVALID), (False, 0, QUARANTINED), (False, 9, QUARANTINED)],
)
def test_a_report_leads_to_one_end(readable: bool, errors: int, state: str) -> None:
    assert state_of(readable, errors) == state


@given(st.lists(st.sampled_from(STATES), max_size=12))
def test_whatever_comes_again_or_late_the_first_end_stands(wishes: list[str]) -> None:
    one = NEW
    for number, wish in enumerate(wishes, 1):
        one = moved(one, wish, f"t{number}", {"by": number}) or one
    ends = [number for number, wish in enumerate(wishes, 1) if wish in ENDS]
    if not ends:
        assert one == NEW
    else:
        first = ends[0]
        assert one.timeline == ((RECEIVED, "t0"), (wishes[first - 1], f"t{first}"))
        assert (one.state, one.outcome) == (wishes[first - 1], {"by": first})


@pytest.mark.parametrize("before", [(), ((EXPECTED, "t"),)])
@pytest.mark.parametrize("end", ENDS)
def test_the_receipt_stays_the_same_when_the_message_moves_on(
    before: tuple[tuple[str, str], ...], end: str
) -> None:
    one = replace(NEW, timeline=(*before, *NEW.timeline))
    after = moved(one, end, "t9", {})
    assert after is not None and receipt(after, None) == receipt(one, None)
    assert receipt(one, None)["received_at"] == "t0" and receipt(after, None)["state"] == RECEIVED


def test_findings_beyond_the_bound_are_counted() -> None:
    report = {"findings": [{"code": str(number)} for number in range(MOST_SHOWN + 7)]}
    told = shown(NEW, report, None)
    assert (len(told["findings"]), told["findings_left"]) == (MOST_SHOWN, 7)


@pytest.mark.parametrize(
    ("carries", "call"), [("declaration", "POST /declarations"), ("ecommerce-order", None), (None, None)]
)
def test_what_comes_next_is_said_as_it_is(carries: str | None, call: str | None) -> None:
    assert shown(NEW, {}, carries)["next"] == receipt(NEW, carries)["next"]
    assert receipt(NEW, carries)["next"]["call"] == call


def test_what_has_faults_is_to_be_mended_and_was_passed_on_to_nobody() -> None:
    for state in (INVALID, QUARANTINED):
        told = shown(replace(NEW, state=state), {}, "declaration")["next"]
        assert told["call"] == "POST /exchange/messages" and "nobody" in told["en"]
