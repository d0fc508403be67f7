"""Guarantees, the three books of a day, refunds and foreign exchange classes: the pure part."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payments import fx_class, guarantee, regime
from payments.guarantee import Balance, Guarantee, fitting, occupied, released
from payments.reconciliation import Booked, Books, breaks
from payments.refund import PRODUCING, TRADING, estimate
from singlewindow.errors import WindowError
from singlewindow.parties import Caller, Role
from tests.support.thorough import examples

DAY = date(2026, 11, 25)
OWNER, OTHER = "91510100569680768F", "913302017532977856"
HELD = Guarantee("G1", OWNER, "sandbox-bank", Decimal(1000), "2026-01-01", "2026-12-31")
AT = "2026-11-25T01:00:00.000Z"


@settings(max_examples=examples(75))
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 600)), max_size=15))
def test_a_guarantee_is_never_occupied_beyond_its_limit_nor_below_nothing(
    moves: list[tuple[bool, int]],
) -> None:
    balance, open_ = Balance(HELD), []
    for number, (takes, amount) in enumerate(moves):
        if takes:
            if amount > balance.available:
                with pytest.raises(WindowError, match="guarantee-exhausted"):
                    occupied(balance, f"B{number}", Decimal(amount), AT, DAY)
                continue
            entry = occupied(balance, f"B{number}", Decimal(amount), AT, DAY)
            open_.append((entry.bill_id, entry.amount))
        elif open_:
            entry = released(balance, *open_.pop(), AT)
        else:
            continue
        assert entry.number == balance.number + 1
        balance = Balance(HELD, entry.occupied, entry.number)
        assert 0 <= balance.occupied <= HELD.limit
        assert balance.occupied == sum(amount for _, amount in open_)


def test_a_party_is_warned_from_four_fifths_on() -> None:
    warn_at = Decimal(regime.parameters("GUARANTEE-LEDGER", DAY)["warn_at"])
    assert [Balance(HELD, Decimal(sum_)).warns(warn_at) for sum_ in ("799.99", "800")] == [False, True]


def test_a_guarantee_that_has_ended_or_not_begun_holds_nothing() -> None:
    for day in (date(2025, 12, 31), date(2027, 1, 1)):
        with pytest.raises(WindowError, match="not valid"):
            occupied(Balance(HELD), "B1", Decimal(1), AT, day)


def test_a_bill_goes_on_the_guarantee_with_room_that_ends_first() -> None:
    later, full = Balance(replace(HELD, id="G2", valid_to="2027-06-30")), Balance(HELD, Decimal(990))
    first = fitting([later, full], Decimal(100), DAY)
    assert first is not None and first.guarantee.id == "G2"
    assert fitting([full], Decimal(100), DAY) is None
    with pytest.raises(WindowError, match="unbalanced"):
        guarantee.released(Balance(HELD), "B1", Decimal(1), AT)


def booked(ref: str, amount: str = "100.00", bill: str = "B1") -> Booked:
    return Booked(bill, ref, Decimal(amount), "sandbox-bank")


def kinds(**sides: Any) -> list[str]:
    books = Books((), (), (), (), (), {"sandbox-bank": ()}, (), True)
    return [one.kind for one in breaks(replace(books, **sides))]


def test_three_books_that_agree_have_no_breaks() -> None:
    agreeing = (booked("R1"), booked("R2", bill="B2"))
    assert kinds(deducted=agreeing, banks={"sandbox-bank": agreeing}, treasury=agreeing) == []


def test_every_way_in_which_they_may_differ_is_a_kind_of_break() -> None:
    one, bank = (booked("R1"),), {"sandbox-bank": (booked("R1"),)}
    assert kinds(deducted=one, treasury=one) == ["bank-missing"]
    assert kinds(receipts_unlike=one) == ["treasury-unlike"]
    assert kinds(banks=bank) == ["bank-unknown"]
    assert kinds(deducted=one, banks={"sandbox-bank": (booked("R1", "1.00"),)}, treasury=one) == [
        "bank-amount"
    ]
    assert kinds(deducted=one, banks=bank) == ["treasury-missing"]
    assert kinds(deducted=one, banks=bank, treasury_is_due=False) == []
    assert kinds(treasury=one) == ["treasury-unknown"]
    assert kinds(deducted=one, banks=bank, treasury=(booked("R1", "99.00"),)) == ["treasury-amount"]
    assert kinds(deducted=one, reversed=one, banks=bank, treasury=one) == ["reversed-in-treasury"]
    twice = {"sandbox-bank": (booked("R1"), booked("R2"))}
    strays = (("double-deduction", booked("R2")),)
    assert kinds(deducted=one, banks=twice, treasury=one, strays=strays) == ["bank-duplicate", "stray"]
    assert kinds(unanswered=one) == ["bank-silent"]


def test_a_statement_that_has_not_come_is_not_an_empty_one() -> None:
    one = (booked("R1"),)
    assert kinds(deducted=one, banks={"sandbox-bank": None}, treasury=one) == ["no-bank-statement"]
    missing = kinds(deducted=one, banks={"sandbox-bank": one}, treasury=None)
    assert missing == ["treasury-missing", "no-treasury-statement"]
    assert kinds(banks={"sandbox-bank": None}, treasury=None) == []


def test_a_trading_firm_gets_the_rate_of_its_purchase_and_a_producer_what_is_left_of_its_input_tax() -> None:
    params = regime.parameters("REFUND-CLASSES", DAY)
    trading = estimate(TRADING, Decimal("100000"), Decimal(13), Decimal(0), "1", params)
    assert (str(trading.refund), str(trading.offset), trading.working_days) == ("13000.00", "0.00", 5)
    producing = estimate(PRODUCING, Decimal("100000"), Decimal(13), Decimal("9000"), "4", params)
    assert (str(producing.refund), str(producing.offset), producing.working_days) == (
        "9000.00",
        "4000.00",
        20,
    )
    assert producing.trace == (
        "100000 × 13% = 13000.00",
        "min(13000.00, 9000) = 9000.00",
        "13000.00 − 9000.00 = 4000.00",
    )


def test_the_class_in_force_is_the_last_that_had_begun() -> None:
    entries = [
        {"class": "A", "effective_from": "2025-01-01", "recorded_at": "2025-01-01T00:00:00.000Z"},
        {"class": "C", "effective_from": "2026-06-01", "recorded_at": "2026-06-01T00:00:00.000Z"},
        {"class": "B", "effective_from": "2026-06-01", "recorded_at": "2026-06-02T00:00:00.000Z"},
    ]
    at = [
        fx_class.in_force(entries, date.fromisoformat(day))
        for day in ("2024-12-31", "2026-05-31", "2026-06-01")
    ]
    assert [one and one["class"] for one in at] == [None, "A", "B"]


@pytest.mark.parametrize(
    ("role", "party", "may"),
    [(Role.ENTERPRISE, OWNER, True), (Role.ENTERPRISE, OTHER, False), (Role.BROKER, OTHER, False),
     (Role.AGENCY, OWNER, False), (Role.OFFICER, "safe", True), (Role.OPERATOR, "window", True)],
)  # fmt: skip
def test_only_the_firm_and_the_regulator_know_its_class(role: Role, party: str, may: bool) -> None:
    assert fx_class.may_know(Caller("x", role, party), OWNER) is may
