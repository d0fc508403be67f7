"""Identifiers, by public vectors (`domain.md` E and C0) and their own check digits."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from singlewindow.ids import (
    WINDOW_NO,
    is_awb,
    is_container_no,
    is_imo,
    is_uscc,
    new_id,
    new_window_no,
    parse_entry_id,
)

MOMENT = datetime(2026, 11, 23, 1, 2, 3, 456000, tzinfo=UTC)


def test_a_window_number_has_its_form_and_direction() -> None:
    for flag in "IE":
        number = new_window_no(flag, MOMENT)
        assert WINDOW_NO.fullmatch(number)
        assert number.startswith(f"{flag}2026")


def test_window_numbers_sort_by_time_within_a_direction() -> None:
    moments = [MOMENT + timedelta(milliseconds=n) for n in (0, 1, 2, 999, 86_400_000)]
    numbers = [new_window_no("I", moment) for moment in moments]
    assert numbers == sorted(numbers)


def test_the_year_is_that_of_china() -> None:
    assert new_window_no("I", datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC))[1:5] == "2026"
    first = new_window_no("I", datetime(2026, 12, 31, 16, 0, 0, tzinfo=UTC))
    assert first[1:16] == "2027" + "0" * 11


def test_the_last_millisecond_of_a_leap_year_still_fits() -> None:
    assert WINDOW_NO.fullmatch(new_window_no("E", datetime(2028, 12, 31, 15, 59, 59, 999000, tzinfo=UTC)))


def test_new_ids_differ() -> None:
    assert len({new_id() for _ in range(100)}) == 100
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", new_id())


@pytest.mark.parametrize(
    "number", ["CSQU3054383", "MSKU7654328", "ZIMU1234569", "TCLU9012340", "TGHU1234567", "CSNU6382913"]
)
def test_a_container_number_with_its_check_digit_is_one(number: str) -> None:
    assert is_container_no(number)


@pytest.mark.parametrize(
    "number",
    [
        "MSKU7654321",
        "ZIMU1234567",
        "TCLU9012345",
        "TGHU1234560",
        "CSNU6382914",
        "CSQU3054384",
        "CSQU305438",
        "csqu3054383x",
        "CSQU 305438 3",
        "",
        "12345678901",
    ],
)
def test_what_only_looks_like_a_container_number_is_none(number: str) -> None:
    assert not is_container_no(number)


@pytest.mark.parametrize(
    "code", ["91510100569680768F", "91310107132231740K", "913302017532977856", "91110000600037341L"]
)
def test_a_uscc_with_its_check_character_is_one(code: str) -> None:
    assert is_uscc(code)


@pytest.mark.parametrize(
    "code",
    [
        "91510100569680768E",
        "91510100569680888F",
        "91510100569680768f",
        "9151010056968076",
        "",
        "I" * 18,
        "9" * 19,
    ],
)
def test_what_only_looks_like_a_uscc_is_none(code: str) -> None:
    assert not is_uscc(code)


@given(st.integers(0, 9_999_999), st.integers(0, 999))
def test_an_air_waybill_ends_in_its_remainder_by_seven(serial: int, airline: int) -> None:
    body, digit = f"{airline:03d}-{serial:07d}", serial % 7
    assert is_awb(f"{body}{digit}")
    assert is_awb(f"{body}{digit}".replace("-", ""))
    assert not is_awb(f"{body}{(digit + 1) % 10}")


def test_known_air_waybills_are_sound() -> None:
    assert is_awb("176-12345675")
    assert is_awb("784-12345675")


@pytest.mark.parametrize("number", ["176-12345676", "999-1234567", "9991234567 5", "abc-12345675", ""])
def test_what_only_looks_like_an_air_waybill_is_none(number: str) -> None:
    assert not is_awb(number)


@pytest.mark.parametrize(("number", "sound"), [("9319466", True), ("9319467", False), ("931946", False),
                                               ("IMO9319466", False), ("", False)])  # fmt: skip
def test_an_imo_number_is_checked(number: str, sound: bool) -> None:
    assert is_imo(number) is sound


@pytest.mark.parametrize(
    ("text", "direction"),
    [
        ("900120241000000851", "I"),
        ("900120240000000851", "E"),
        ("90012024I000000851", "I"),
        ("90012024E000000851", "E"),
    ],
)
def test_a_declaration_number_tells_customs_year_and_direction(text: str, direction: str) -> None:
    found = parse_entry_id(text)
    assert found is not None
    assert (found.customs, found.year, found.direction, found.serial) == (
        "9001",
        2024,
        direction,
        "000000851",
    )


@pytest.mark.parametrize(
    "text", ["900120242000000851", "9001202410000008510", "90012024100000085", "", "A00120241000000851"]
)
def test_what_only_looks_like_a_declaration_number_is_none(text: str) -> None:
    assert parse_entry_id(text) is None


def test_full_width_signs_are_no_container_number_and_no_failure() -> None:
    assert not is_container_no("ＣSQU3054383")


def test_a_container_number_is_written_in_upper_case() -> None:
    assert not is_container_no("csqu3054383")


def test_digits_are_those_of_ascii() -> None:
    assert not is_awb("９９９12345675")
    assert parse_entry_id("９００１20241000000851") is None
    assert not WINDOW_NO.fullmatch("I２０２６0000000000101")


@given(st.text(max_size=20))
def test_no_text_breaks_a_check(text: str) -> None:
    for check in (is_uscc, is_container_no, is_imo, is_awb, parse_entry_id):
        check(text)
