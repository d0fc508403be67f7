"""What changed between two dates, against the catalogue as at the one and as at the other."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from singlewindow import catalogue
from standards import contents, difference, registry
from tests.functions.standards.asked import body, refused
from tests.support.thorough import examples

DAYS = some.dates(date(2013, 1, 1), date(2028, 1, 1))


def asked(since: str, until: str, **query: str) -> dict[str, Any]:
    answer: dict[str, Any] = body("/standards/diff", from_=since, to=until, limit="500", **query)
    return answer


@settings(max_examples=examples(60), deadline=None)
@given(one=DAYS, other=DAYS)
def test_codes_that_came_and_went_are_the_difference_of_the_lists(one: date, other: date) -> None:
    since, until = sorted((one, other))
    changes = difference.between(since, until, "code")
    for id in contents.codelists():
        listed = catalogue.codelist(id)
        before = {code for code in listed.rows if listed.get(code, since)}
        after = {code for code in listed.rows if listed.get(code, until)}
        mine = [change for change in changes if change.within == id]
        began = {change.id for change in mine if change.what == "began"}
        ended = {change.id for change in mine if change.what == "ended"}
        assert began - ended == after - before
        assert ended - began == before - after


@settings(max_examples=examples(60), deadline=None)
@given(one=DAYS, other=DAYS)
def test_whatever_differs_in_a_rule_is_told(one: date, other: date) -> None:
    since, until = sorted((one, other))
    told = {
        (change.within, change.id)
        for change in difference.between(since, until)
        if change.kind in ("rule", "parameters")
    }
    for edition in registry.editions():
        stands = [catalogue.in_force(edition.raw, day) for day in (since, until)]
        params = [edition.params_at(day) for day in (since, until)]
        if stands[0] != stands[1] or (all(stands) and params[0] != params[1]):
            assert (edition.pack_id, edition.id) in told


def test_nothing_changes_in_no_time() -> None:
    assert asked("2019-01-01", "2019-01-01")["items"] == []


def test_a_change_has_the_day_on_which_it_is_first_felt() -> None:
    (limit,) = [one for one in asked("2018-12-31", "2019-01-01")["items"] if one["id"] == "CBE-SINGLE-LIMIT"]
    assert (limit["date"], limit["kind"], limit["what"]) == ("2019-01-01", "parameters", "changed")
    assert (limit["before"]["values"]["limits"]["single"], limit["after"]["values"]["limits"]["single"]) == (
        "2000",
        "5000",
    )
    assert "CBE-SINGLE-LIMIT" not in [one["id"] for one in asked("2019-01-01", "2020-01-01")["items"]]


def test_a_retired_code_names_its_successor() -> None:
    (gone,) = [one for one in asked("2018-07-31", "2018-08-01", kind="code")["items"] if one["id"] == "3039"]
    assert (gone["within"], gone["what"], gone["date"], gone["successor"]) == (
        "trade-mode",
        "ended",
        "2018-08-01",
        "3010",
    )


def test_an_edition_that_replaces_another_is_one_change() -> None:
    credit = [one for one in asked("2014-01-01", "2026-11-23")["items"] if one["id"] == "CREDIT-CLASSES"]
    assert [(one["what"], one["date"]) for one in credit] == [
        ("began", "2014-12-01"), ("changed", "2018-05-01"), ("changed", "2021-11-01"), ("changed", "2026-04-01"),
    ]  # fmt: skip
    assert (credit[1]["before"]["version"], credit[1]["after"]["version"]) == (1, 2)


def test_agencies_change_their_capacity_and_agreements_their_members() -> None:
    changes = (
        asked("2018-01-01", "2022-12-31")["items"] + asked("2018-01-01", "2022-12-31", kind="table")["items"]
    )
    (inspection,) = [one for one in changes if one["kind"] == "agency"]
    assert (inspection["id"], inspection["date"], inspection["what"]) == ("ciq", "2018-08-01", "changed")
    korea = next(one for one in changes if one["id"] == "agreements/22/KOR")
    assert (korea["date"], korea["what"], korea["within"]) == ("2022-02-01", "began", "declaration")


def test_counts_are_of_all_pages() -> None:
    whole = asked("2018-01-01", "2026-11-23")
    first = body("/standards/diff", from_="2018-01-01", to="2026-11-23", limit="1")
    assert first["counts"] == whole["counts"]
    assert first["total"] == sum(number for kind in whole["counts"].values() for number in kind.values())
    days = [one["date"] for one in whole["items"]]
    assert days == sorted(days)


@pytest.mark.parametrize(
    "query",
    [
        {}, {"from_": "2019-01-02", "to": "2019-01-01"}, {"from_": "yesterday"},
        {"from_": "2019-01-01", "to": "2019-02-30"},
        {"from_": "2019-01-01", "kind": "law"}, {"from_": "2019-01-01", "limit": "501"},
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_refused(query: dict[str, str]) -> None:
    status, problem = refused("/standards/diff", **query)
    assert (status, problem["code"]) == (400, "bad-parameter")


def test_the_end_of_time_can_be_asked_for() -> None:
    answer = asked("0001-01-01", "9999-12-31")
    assert answer["total"] > 100
    assert answer["items"][0]["date"] > date(1900, 1, 1).isoformat()
    assert date.fromisoformat(answer["items"][0]["date"]) + timedelta(days=1)
