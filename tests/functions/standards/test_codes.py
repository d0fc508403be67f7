"""Code lists as at a date: rows, retired codes and what took their place, codes of other sets."""

from typing import Any

import pytest

from standards import contents
from tests.functions.standards.asked import body, refused


def asked(id: str, **query: str) -> dict[str, Any]:
    answer: dict[str, Any] = body(f"/standards/codelists/{id}", **query)
    return answer


def test_every_list_is_told_without_its_rows() -> None:
    items = body("/standards/codelists")["items"]
    assert [one["id"] for one in items] == list(contents.codelists())
    for one in items:
        assert one["source"] and isinstance(one["verified"], bool)
        assert 0 < one["in_force"] <= one["size"]
    country = next(one for one in items if one["id"] == "country")
    assert country["crosswalks"]["numeric"]["how"] == "the source has it"
    assert country["crosswalks"]["alpha2"]["verified"] is False
    assert country["used_by"] > 0


def test_a_retired_code_names_its_successor_and_its_last_day() -> None:
    answer = asked("trade-mode", q="3039")
    assert answer["items"] == []
    (gone,) = answer["not_in_force"]
    assert (gone["code"], gone["effective_to"], gone["successor"]["code"]) == ("3039", "2018-07-31", "3010")


def test_a_code_without_a_successor_says_why() -> None:
    (gone,) = asked("trade-mode", q="5200")["not_in_force"]
    assert gone["successor"] is None and gone["no_successor"]


def test_the_same_code_is_good_as_at_an_earlier_date() -> None:
    before = asked("trade-mode", as_at="2018-07-31", limit="1000")
    after = asked("trade-mode", as_at="2018-08-01", limit="1000")
    assert "3039" in [row["code"] for row in before["items"]]
    assert "3039" not in [row["code"] for row in after["items"]]
    assert (before["in_force"], before["total"]) == (before["total"], len(before["items"]))
    assert before["as_at"] == "2018-07-31"


def test_a_code_of_another_set_finds_the_one_of_this() -> None:
    assert asked("country", q="142")["items"][0]["code"] == "CHN"
    assert asked("country", q="中国")["items"][0]["code"] == "CHN"
    assert asked("country", q="chn")["items"][0]["code"] == "CHN"


def test_the_code_itself_comes_before_those_that_begin_with_it() -> None:
    codes = [row["code"] for row in asked("admin-division", q="5101", limit="1000")["items"]]
    assert len(codes) > 1 and codes == sorted(codes, key=lambda code: not code.startswith("5101"))


def test_a_slip_of_the_keyboard_is_answered_with_what_is_near() -> None:
    answer = asked("country", q="cnh")
    assert answer["items"] == answer["not_in_force"] == []
    assert "CHN" in [row["code"] for row in answer["nearest"]]


def test_pages_cover_a_long_list_once() -> None:
    seen: list[str] = []
    query = {"limit": "1000"}
    while True:
        answer = asked("port", **query)
        seen += [row["code"] for row in answer["items"]]
        if answer["next"] is None:
            break
        query["cursor"] = answer["next"]
    assert len(seen) == len(set(seen)) == answer["total"]


@pytest.mark.parametrize(
    "query",
    [{"as_at": "2018-13-01"}, {"as_at": "20180101"}, {"as_at": "today"}, {"as_at": ""}, {"limit": "1001"}],
)
def test_a_wrong_parameter_is_refused(query: dict[str, str]) -> None:
    status, problem = refused("/standards/codelists/country", **query)
    assert (status, problem["code"]) == (400, "bad-parameter")


def test_an_unknown_list_is_answered_with_the_nearest() -> None:
    status, problem = refused("/standards/codelists/countries")
    assert (status, problem["nearest"][0]) == (404, "country")
