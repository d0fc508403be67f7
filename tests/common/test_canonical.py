"""Canonical JSON: one strict reading, one writing, so that a hash means something."""

import json
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from singlewindow import canonical
from singlewindow.canonical import MAX_DEPTH, dumps, parse_json
from singlewindow.errors import WindowError


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "json-empty"),
        (b" \n\t", "json-empty"),
        (b"\xef\xbb\xbf", "json-empty"),
        (b"{", "json-syntax"),
        (b"{'a': 1}", "json-syntax"),
        (b'{"a": 1,}', "json-syntax"),
        (b'{"a": 1} x', "json-syntax"),
        (b'"\x00"', "json-syntax"),
        (b"NaN", "json-number"),
        (b"[Infinity]", "json-number"),
        (b'{"a": -Infinity}', "json-number"),
        (b"[01]", "json-syntax"),
        (b'{"a": 1, "b": {"c": 1, "c": 1}}', "json-duplicate-key"),
        (b'{"a": 1, "\\u0061": 1}', "json-duplicate-key"),
        (b'["\\ud800"]', "json-surrogate"),
        (b'{"\\udc00": 1}', "json-surrogate"),
        (b'["\\udc00\\ud800"]', "json-surrogate"),
        (b'["\xff"]', "json-encoding"),
        ("[\"中\"]".encode("gb18030"), "json-encoding"),
        (b'["\xed\xa0\x80"]', "json-encoding"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "json-depth"),
        (b"[" * 100_000, "json-depth"),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "json-depth"),
        (b"9" * 5000, "json-number"),
    ],
)  # fmt: skip
def test_what_is_not_strictly_json_is_refused_with_400(raw: bytes, code: str) -> None:
    with pytest.raises(WindowError) as refused:
        parse_json(raw)
    assert (refused.value.status, refused.value.code) == (400, code)
    assert refused.value.detail_zh


def test_a_number_that_no_memory_could_spell_out_is_refused() -> None:
    for raw in (b"[1e999999999]", b"[1e-999999999]", b"[-1E+400000000]"):
        with pytest.raises(WindowError):
            parse_json(raw)


def test_what_is_json_is_read_with_all_its_digits() -> None:
    value = parse_json(
        b'\xef\xbb\xbf{"price": 0.1000000000000000000001, "total": 1e2, "lines": 20, "note": "\\ud83d\\ude00"}'
    )
    assert value == {
        "price": Decimal("0.1000000000000000000001"),
        "total": Decimal("1e2"),
        "lines": 20,
        "note": "😀",
    }
    assert isinstance(value["lines"], int)


def test_depth_is_allowed_up_to_its_limit() -> None:
    parse_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)


def test_writing_sorts_keys_and_spends_no_byte() -> None:
    assert dumps({"b": [1, None, True], "a": "中文"}) == '{"a":"中文","b":[1,null,true]}'.encode()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("2.0000"), "2"),
        (Decimal("1e2"), "100"),
        (Decimal("100"), "100"),
        (Decimal("0.00001"), "0.00001"),
        (Decimal("1E-10"), "0.0000000001"),
        (Decimal("0.00"), "0"),
        (Decimal("12.50"), "12.5"),
        (Decimal("-3.10"), "-3.1"),
    ],
)
def test_a_decimal_is_written_as_its_shortest_plain_text(value: Decimal, text: str) -> None:
    assert dumps(value) == json.dumps(text).encode()
    assert canonical.plain(value) == text


def test_dates_and_sets_have_one_writing() -> None:
    assert dumps({"d": date(2026, 11, 23), "s": {"b", "a"}}) == b'{"d":"2026-11-23","s":["a","b"]}'
    assert dumps(datetime(2026, 11, 23, tzinfo=UTC)) == b'"2026-11-23T00:00:00+00:00"'


def test_what_has_no_writing_is_refused() -> None:
    with pytest.raises(TypeError, match="no canonical JSON for object"):
        dumps(object())


def test_a_hash_is_that_of_the_bytes() -> None:
    assert canonical.sha256(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


# U+FFFD is refused: see test_what_is_not_strictly_json_is_refused_with_400.
LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\ufffd")
VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**62), 10**62) | st.text(LETTERS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(LETTERS, max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_reading_what_was_written_gives_the_same_value_and_the_same_bytes(value: Any) -> None:
    written = dumps(value)
    assert parse_json(written) == value
    assert dumps(parse_json(written)) == written


@given(st.dictionaries(st.text(max_size=5), st.integers(), max_size=6), st.randoms())
def test_the_order_of_members_makes_no_difference(value: dict[str, int], random: Any) -> None:
    shuffled = list(value.items())
    random.shuffle(shuffled)
    assert dumps(dict(shuffled)) == dumps(value)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_and_never_break_the_reader(raw: bytes) -> None:
    with suppress(WindowError):
        parse_json(raw)


@given(st.binary(max_size=500))
def test_what_was_packed_unpacks(data: bytes) -> None:
    assert canonical.unpack(canonical.pack(data)) == data
