"""Event patterns."""

import pytest

from infra.stage.filters import check, matches, matches_message
from infra.stage.template import StageError

EVENT = {"a": {"b": "text", "n": 5, "many": ["x", "y"], "yes": True, "none": None}, "eventName": "INSERT"}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"eventName": ["INSERT"]}, True),
        ({"eventName": ["MODIFY", "REMOVE"]}, False),
        ({"a": {"b": ["text"]}, "eventName": ["MODIFY"]}, False),
        ({"a": {"b": [{"prefix": "te"}]}}, True),
        ({"a": {"b": [{"suffix": "te"}]}}, False),
        ({"a": {"b": [{"equals-ignore-case": "TEXT"}]}}, True),
        ({"a": {"b": [{"anything-but": ["text", "other"]}]}}, False),
        ({"a": {"b": [{"anything-but": {"prefix": "x"}}]}}, True),
        ({"a": {"c": [{"anything-but": "x"}]}}, False),
        ({"a": {"c": [{"exists": False}]}}, True),
        ({"a": {"c": ["x", {"exists": False}]}}, True),
        ({"z": {"c": [{"exists": True}]}}, False),
        ({"z": {"c": [{"exists": False}]}}, True),
        ({"a": {"many": ["y"]}}, True),
        ({"a": {"n": [{"numeric": [">", 1, "<=", 5]}]}}, True),
        ({"a": {"n": ["5"]}}, False),
        ({"a": {"yes": [True]}}, True),
        ({"a": {"yes": [1]}}, False),
        ({"a": {"none": [None]}}, True),
        ({"$or": [{"eventName": ["MODIFY"]}, {"a": {"n": [5]}}]}, True),
    ],
)
def test_a_pattern_matches_as_eventbridge_would(pattern: dict, expected: bool) -> None:
    check(pattern, "here")
    assert matches(pattern, EVENT) is expected


def test_a_messages_body_is_read_as_json_where_the_pattern_looks_into_it() -> None:
    pattern = {"body": {"type": ["Made"]}}
    assert matches_message(pattern, {"body": '{"type": "Made"}'})
    assert not matches_message(pattern, {"body": "not json"})
    assert matches_message({"body": ["plain"]}, {"body": "plain"})


@pytest.mark.parametrize("pattern", [{"a": [{"cidr": "10.0.0.0/8"}]}, {"a": {"b": "bare"}}, ["list"]])
def test_an_operator_that_is_not_known_is_refused(pattern: object) -> None:
    with pytest.raises(StageError, match="here"):
        check(pattern, "here")
