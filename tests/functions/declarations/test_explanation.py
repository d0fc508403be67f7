"""The explanation of a status: holder, since, rule, and what the trader can do now, state by state."""

from typing import Any

import pytest
from hypothesis import given, settings

from declarations import lifecycle, view
from declarations.explanation import Explanation, explain
from declarations.holds import Holds
from declarations.positions import positions
from declarations.tax import of as bills_of
from tests.support.bills import bill
from tests.support.clearances import Clearance
from tests.support.courses import long_courses, run
from tests.support.thorough import examples


def explained(case: Clearance) -> Explanation:
    events = case.consignment.of_version()
    found = positions(case.consignment).values()
    return explain(case.consignment, found, Holds.of(events), bills_of(events))


def does(case: Clearance) -> list[tuple[str, str]]:
    return [(do, href) for do, _, _, href in explained(case).can]


def held(kind: str = "inspection") -> Clearance:
    case = Clearance("customs", "port")
    case.reply("customs", "hold", hold={"hold_id": "C-1", "kind": kind})
    case.settle()
    return case


def ordered(*after: str) -> Clearance:
    case = held()
    for event in ("InspectionOrdered", *after):
        case.happens(event, inspection_id="i-1")
    return case


def released(**members: Any) -> Clearance:
    case = Clearance("customs", "port")
    case.reply("customs", "release", **members)
    case.settle()
    case.conclude()
    return case


def test_a_draft_and_what_was_returned_wait_for_their_trader() -> None:
    case = Clearance("customs")
    case.play(("customs", "return"))
    case.conclude()
    assert (explained(case).holder, does(case)) == (
        "trader",
        [("supplement", f"/declarations/{case.consignment.window_no}")],
    )
    case.draft()
    assert does(case) == [("submit", f"/declarations/{case.consignment.window_no}")]


def test_before_acceptance_the_silent_are_named_and_after_it_customs() -> None:
    case = Clearance("customs", "ciq").play(("customs", "accept"))
    assert (explained(case).holder, explained(case).rule.id) == ("ciq", "SILENCE")
    case.play(("ciq", "accept"))
    assert (explained(case).holder, explained(case).rule.id) == ("customs", "CUSTOMS-RELEASES")
    case.play(("customs", "release"))
    assert explained(case).holder == "window"


@pytest.mark.parametrize(
    ("after", "holder", "can"),
    [
        ((), "trader", [("book", "/inspections/i-1/slots")]),
        (("InspectionRevised",), "trader", [("book", "/inspections/i-1/slots")]),
        (("InspectionBooked",), "customs", [("see", "/inspections/i-1")]),
        (("InspectionBooked", "InspectionUnbooked"), "trader", [("book", "/inspections/i-1/slots")]),
        (("InspectionBooked", "InspectionStarted"), "customs", []),
        (
            ("InspectionBooked", "InspectionStarted", "InspectionDone"),
            "customs",
            [("see", "/inspections/i-1")],
        ),
        (("InspectionCancelled",), "customs", []),
    ],
)
def test_a_hold_that_is_inspected_is_the_traders_to_book_and_the_inspectors_to_do(
    after: tuple[str, ...], holder: str, can: list[tuple[str, str]]
) -> None:
    case = ordered(*after)
    assert (explained(case).holder, does(case)) == (holder, can)


def test_another_hold_is_its_agencys_since_the_window_heard_of_it() -> None:
    case = held("documents")
    shown = explained(case)
    assert (shown.holder, shown.since, shown.rule.id) == (
        "customs",
        next(e.at for e in case.consignment.events if e.type == "AgencyReplied"),
        "HOLD-PORT",
    )


def test_a_bill_is_the_traders_to_pay_until_the_bank_has_the_order() -> None:
    case = Clearance("customs")
    case.reply("customs", "tax", tax=bill())
    case.settle()
    case.billed("B-1")
    assert (explained(case).holder, does(case)) == ("trader", [("pay", "/payments/bills/B-1/pay")])
    assert "2024-12-08" in explained(case).en
    case.happens("TaxSent", bill_id="B-1")
    assert (explained(case).holder, does(case)) == ("bank", [])
    case.happens("TaxDeductionFailed", bill_id="B-1")
    assert explained(case).holder == "trader"


def test_after_the_release_the_notice_is_shown_and_what_bars_sale_or_use() -> None:
    case = released()
    assert [do for do, _ in does(case)] == ["notice"]
    assert explained(case).holder == "terminal"
    case.reply("customs", "hold", hold={"hold_id": "U-1", "gate": "use", "kind": "quarantine"})
    assert (explained(case).holder, explained(case).rule.id) == ("customs", "USE-GATE")
    (barring,) = view.detail(case.consignment)["use_holds"]
    assert (barring["hold_id"], barring["bars"]) == ("U-1", ["sale", "use"])


def test_a_deduction_that_is_reversed_after_the_release_is_the_traders_again() -> None:
    case = Clearance("customs")
    case.reply("customs", "tax", tax=bill())
    case.happens("TaxDeducted", bill_id="B-1")
    case.play(("customs", "release"))
    case.conclude()
    case.happens("TaxReversed", bill_id="B-1")
    assert case.state == "RELEASED"
    assert (explained(case).holder, [do for do, _ in does(case)]) == ("trader", ["notice", "pay"])


@settings(max_examples=examples(80), deadline=None)
@given(long_courses())
def test_every_course_is_explained_and_an_explanation_never_says_other_than_the_state(course: tuple) -> None:
    chosen, steps = course
    case = run(chosen, steps, seen=explained)  # also while the state lags behind what was said
    shown = explained(case)
    assert shown.zh
    assert shown.en
    assert (shown.rule.id == "ENDED") == (case.state in (lifecycle.REJECTED, lifecycle.CLEARED))
    if case.state == lifecycle.SUSPENDED:
        assert shown.rule.id == "SILENCE"


def test_a_bill_whose_number_is_taken_waits_for_customs_to_bill_anew() -> None:
    case = Clearance("customs")
    case.reply("customs", "tax", tax=bill())
    case.settle()
    case.happens("TaxBillRefused", bill_id="B-1", agency="customs", reply_id="R", reason="number-taken")
    case.settle()
    assert (case.state, explained(case).holder, does(case)) == ("TAX_DUE", "customs", [])
    case.reply("customs", "tax", tax=bill("B-2") | {"supersedes": "B-1"})
    case.billed("B-2", supersedes="B-1")
    assert does(case) == [("pay", "/payments/bills/B-2/pay")]
