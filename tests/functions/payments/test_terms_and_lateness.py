"""Until when to pay, and what lateness costs, day by day."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from payments import regime
from payments.late_declaration import fee
from payments.late_payment import surcharge
from payments.term import due_on

DAYS = regime.working_days()


def due(regime_: str, issued: str, declared: str) -> str:
    day = date.fromisoformat(issued)
    params = regime.parameters("TAX-TERM", day)
    return due_on(regime_, day, date.fromisoformat(declared), params, DAYS).isoformat()


@pytest.mark.parametrize(
    ("issued", "declared", "last"),
    [
        ("2024-11-19", "2024-11-12", "2024-12-04"),  # from the payment book
        ("2024-11-30", "2024-11-12", "2024-12-16"),  # the last day of the old law; its last day is a Sunday
        ("2024-12-02", "2024-11-27", "2024-12-12"),  # from the declaration
        ("2026-09-18", "2026-09-17", "2026-10-08"),  # 2 October is a holiday; 8 is the first day worked
        ("2026-04-24", "2026-04-24", "2026-05-09"),  # a Saturday, but one that is worked
    ],
)
def test_fifteen_days_by_the_law_of_the_day(issued: str, declared: str, last: str) -> None:
    assert due("customs-assessed", issued, declared) == last
    assert due("self-assessed", issued, declared) == last


@pytest.mark.parametrize(
    ("issued", "last"),
    [("2026-08-31", "2026-09-07"), ("2026-09-10", "2026-10-13"), ("2025-12-01", "2026-01-08")],
)
def test_consolidated_taxes_are_paid_by_the_fifth_working_day_of_the_next_month(
    issued: str, last: str
) -> None:
    assert due("consolidated", issued, issued) == last


def late(value: str, entered: str, as_at: str) -> tuple[str, int, str]:
    day = date.fromisoformat(as_at)
    found = fee(
        Decimal(value), date.fromisoformat(entered), day, regime.parameters("LATE-DECLARATION", day), DAYS
    )
    return found.starts_on.isoformat(), found.days, str(found.amount)


def test_the_fee_for_late_declaration_begins_with_the_fifteenth_day_after_entry() -> None:
    assert late("100000", "2026-11-02", "2026-11-16") == ("2026-11-17", 0, "0.00")
    assert late("100000", "2026-11-02", "2026-11-17") == ("2026-11-17", 1, "50.00")
    assert late("100000", "2026-11-02", "2026-11-18") == ("2026-11-17", 2, "100.00")


def test_its_first_day_gives_way_to_a_holiday_and_no_other_day_does() -> None:
    assert late("100000", "2026-09-17", "2026-10-07") == ("2026-10-08", 0, "0.00")  # 2 October
    assert late("100000", "2026-09-14", "2026-10-08") == (
        "2026-09-29",
        10,
        "500.00",
    )  # runs through the holidays


def test_it_is_cut_to_whole_yuan_and_not_levied_below_fifty() -> None:
    assert late("99999", "2026-11-02", "2026-11-17")[2] == "0.00"  # 49.9995
    assert late("123456.78", "2026-11-02", "2026-11-17")[2] == "61.00"  # 61.72


def test_a_surcharge_begins_the_day_after_the_term_and_grows_daily() -> None:
    params = regime.parameters("LATE-PAYMENT", date(2026, 11, 25))
    payable, last = {"duty": Decimal("200000.00"), "vat": Decimal("30000.00")}, date(2026, 11, 25)
    grown = [surcharge(payable, last, last + timedelta(days), params) for days in (-3, 0, 1, 3, 4)]
    assert [str(one.amount) for one in grown] == ["0.00", "0.00", "100.00", "300.00", "460.00"]
    assert grown[3].taxes["vat"] == Decimal("0.00")  # 45.00: below the threshold
    assert grown[3].trace[1] == "vat: 30000.00 × 0.0005 × 3 = 45.00 < 50: not levied"


def test_in_a_year_whose_holidays_are_unknown_weekends_alone_are_off() -> None:
    assert DAYS.knows(date(2026, 10, 1)) and not DAYS.works(date(2026, 10, 1))
    assert not DAYS.knows(date(2031, 10, 1)) and DAYS.works(date(2031, 10, 1))
    assert DAYS.after(date(2026, 9, 30), 1) == date(2026, 10, 8)
