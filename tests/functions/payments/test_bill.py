"""Where a bill stands, what may come next, and what follows from a bank's word."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments import bill
from payments.bill import MOVES, STATES, Standing, standings
from payments.deduction import DOUBLE, REPLACED, SUPERSEDED, WRONG_AMOUNT, Result, judge
from singlewindow.consignment import Change, Consignment
from singlewindow.errors import WindowError
from tests.support import memory_ledger
from tests.support.thorough import examples

BILLED = {"bill_id": "B1", "agency": "customs", "regime": "customs-assessed", "total": "100.00",
          "payable": "100.00", "due_on": "2026-12-10"}  # fmt: skip
AT = "2026-11-25T01:00:00.000Z"


def told(*events: tuple[str, dict[str, Any]], state: str = "SUBMITTED") -> Consignment:
    consignment = memory_ledger.blank()
    for number, (type, data) in enumerate(events):
        change = Change(type, {"bill_id": "B1"} | data, version=1)
        consignment = memory_ledger.apply(consignment, change, f"2026-11-25T01:{number:02d}:00.000Z")
    return consignment


def sent(number: int = 1) -> tuple[str, dict[str, Any]]:
    return "TaxSent", {"order_id": f"O{number}", "bank": "sandbox-bank"}


def deducted(ref: str = "R1", amount: str = "100.00") -> tuple[str, dict[str, Any]]:
    return "TaxDeducted", {"amount": amount, "bank": "sandbox-bank", "bank_ref": ref, "at": AT}


ISSUED = ("TaxBilled", BILLED)
FAILED = ("TaxDeductionFailed", {"reason": "no funds"})
REVERSED = ("TaxReversed", {"reason": "recalled"})
CONFIRMED = ("TreasuryConfirmed", {"treasury_ref": "T1", "at": AT})
OVERDUE = ("TaxOverdue", {"since": "2026-12-11"})


def state(*events: tuple[str, dict[str, Any]]) -> str:
    return standings(told(*events))["B1"].state


def test_the_usual_course_and_its_turns() -> None:
    assert state(ISSUED) == "ISSUED"
    assert state(ISSUED, sent()) == "SENT_TO_BANK"
    assert state(ISSUED, sent(), deducted()) == "DEDUCTED"
    assert state(ISSUED, sent(), deducted(), CONFIRMED) == "TREASURY_CONFIRMED"
    assert state(ISSUED, sent(), FAILED) == "FAILED"
    assert state(ISSUED, sent(), FAILED, sent(2), deducted()) == "DEDUCTED"
    assert state(ISSUED, sent(), deducted(), CONFIRMED, REVERSED) == "REVERSED"
    assert state(ISSUED, OVERDUE, sent(), deducted()) == "DEDUCTED"
    assert state(("TaxBilled", BILLED | {"payable": "0.00"})) == "NOTHING_TO_PAY"


def test_release_follows_the_deduction_not_the_treasury() -> None:
    settled = [
        standings(told(*events))["B1"].settled
        for events in (
            (ISSUED,), (ISSUED, sent()), (ISSUED, sent(), deducted()), (ISSUED, sent(), deducted(), REVERSED),
            (("TaxBilled", BILLED | {"payable": "0.00"}),),
            (ISSUED, ("TaxGuaranteed", {"guarantee_id": "G", "amount": "100.00"})),
            (ISSUED, ("TaxGuaranteed", {"guarantee_id": "G", "amount": "100.00"}), sent(), deducted(), REVERSED),
        )
    ]  # fmt: skip
    assert settled == [False, False, True, False, True, True, False]


def test_a_superseded_bill_is_void_and_the_other_counts() -> None:
    second = ("TaxBilled", BILLED | {"bill_id": "B2", "supersedes": "B1"})
    found = standings(told(ISSUED, sent(), second))
    assert (found["B1"].state, found["B1"].superseded_by, found["B2"].state) == ("VOID", "B2", "ISSUED")


def test_the_traders_own_bill_of_a_version_is_the_one_that_still_counts() -> None:
    own = BILLED | {"regime": "self-assessed"}
    found = standings(told(("TaxBilled", own), ("TaxBilled", own | {"bill_id": "B2", "supersedes": "B1"})))
    counts = bill.self_assessed(found.values(), 1)
    assert counts is not None
    assert counts.bill_id == "B2"
    assert bill.self_assessed(found.values(), 2) is None
    assert bill.self_assessed(standings(told(ISSUED)).values(), 1) is None


def test_what_is_illegal_is_refused_with_what_is_allowed() -> None:
    for one in STATES:
        standing = Standing("B1", 1, "customs-assessed", Decimal(1), "2026-12-10", one, AT)
        for event in bill.EVENTS:
            if (one, event) in MOVES:
                bill.must_allow(standing, event)
                continue
            with pytest.raises(WindowError) as refused:
                bill.must_allow(standing, event)
            assert refused.value.status == 409
            assert refused.value.members["allowed"] == standing.allowed


def word(
    outcome: str, order: str = "O1", amount: str = "100.00", ref: str = "R1", bank: str = "sandbox-bank"
) -> Result:
    return Result(order, bank, outcome, Decimal(amount), ref, AT)


def verdict(result: Result, *events: tuple[str, dict[str, Any]]) -> tuple[str | None, str | None]:
    found = judge(standings(told(*events))["B1"], Decimal("100.00"), result)
    return found.event, found.stray


SECOND = ("TaxBilled", BILLED | {"bill_id": "B2", "supersedes": "B1"})


@pytest.mark.parametrize(
    ("result", "events", "expected"),
    [
        (word("deducted"), (ISSUED, sent()), ("TaxDeducted", None)),
        (word("deducted"), (ISSUED, sent(), deducted()), (None, None)),
        (word("deducted"), (ISSUED, sent(), deducted(), REVERSED), (None, None)),
        (word("deducted", ref="R2"), (ISSUED, sent(), deducted()), (None, DOUBLE)),
        (word("deducted", ref="R2"), (ISSUED, sent(), deducted(), REVERSED), (None, DOUBLE)),
        (word("deducted"), (ISSUED, sent(), FAILED), ("TaxDeducted", None)),
        (word("deducted"), (ISSUED, sent(), FAILED, sent(2)), (None, REPLACED)),
        (word("deducted"), (ISSUED, sent(), SECOND), (None, SUPERSEDED)),
        (word("deducted", amount="1.00"), (ISSUED, sent()), ("TaxDeductionFailed", WRONG_AMOUNT)),
        (word("deducted", amount="1.00"), (ISSUED, sent(), FAILED), (None, WRONG_AMOUNT)),
        (word("failed"), (ISSUED, sent()), ("TaxDeductionFailed", None)),
        (word("failed"), (ISSUED, sent(), deducted()), (None, None)),
        (word("failed"), (ISSUED, sent(), FAILED, sent(2)), (None, None)),
        (word("reversed"), (ISSUED, sent(), deducted()), ("TaxReversed", None)),
        (word("reversed"), (ISSUED, sent(), deducted(), CONFIRMED), ("TaxReversed", None)),
        (word("reversed"), (ISSUED, sent(), deducted(), REVERSED), (None, None)),
        (word("reversed", ref="R2"), (ISSUED, sent(), deducted()), (None, None)),
        # A reference is its bank's own: another's may be the same.
        (word("reversed", bank="another"), (ISSUED, sent(), deducted()), (None, None)),
        (
            word("deducted", "O2", bank="another"),
            (ISSUED, sent(), deducted(), REVERSED, sent(2)),
            ("TaxDeducted", None),
        ),
    ],
)
def test_what_follows_from_a_banks_word(
    result: Result, events: Iterable[tuple[str, dict[str, Any]]], expected: tuple[str | None, str | None]
) -> None:
    assert verdict(result, *events) == expected


def test_a_reversal_that_overtakes_its_deduction_waits_for_it() -> None:
    with pytest.raises(WindowError) as waits:
        verdict(word("reversed"), ISSUED, sent())
    assert waits.value.status == 503


WORDS = [
    word(outcome, f"O{order}", amount, f"R{ref}")
    for outcome in ("deducted", "failed", "reversed")
    for order in (1, 2)
    for amount in ("100.00", "1.00")
    for ref in (1, 2)
]


@settings(max_examples=examples(75))
@given(st.lists(st.sampled_from([*WORDS, "pay"]), max_size=12))
def test_however_words_come_the_bill_is_paid_once_and_all_other_money_goes_back(words: list[Any]) -> None:
    """Every yuan that a bank ever took stands for the bill, was reversed, or is stray."""
    events: list[tuple[str, dict[str, Any]]] = [ISSUED]
    strays: set[str] = set()
    taken: dict[str, Result] = {}
    for one in words:
        standing = standings(told(*events))["B1"]
        if one == "pay":
            if "TaxSent" in standing.allowed:
                events.append(sent(len(standing.orders) + 1))
            continue
        if one.order_id not in standing.orders:
            continue
        try:
            found = judge(standing, Decimal("100.00"), one)
        except WindowError:
            continue
        if one.outcome == "deducted":
            taken.setdefault(one.bank_ref, one)
        if found.event:
            assert found.event in standing.allowed
            events.append((found.event, found.data or {}))
        if found.stray:
            strays.add(one.bank_ref)
    end = standings(told(*events))["B1"]
    assert taken.keys() <= strays | {ref for _, ref in end.refs}
    if end.state in bill.PAID:
        assert end.deducted == Decimal("100.00")
