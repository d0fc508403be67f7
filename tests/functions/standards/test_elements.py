"""Elements: found by whatever somebody calls them, and told whole."""

import re
from time import process_time
from typing import Any

import pytest

from singlewindow import clock
from standards import contents, search, usage
from tests.functions.standards.asked import body, refused


def found(**query: str) -> list[str]:
    return [one["id"] for one in body("/standards/elements", **query)["items"]]


@pytest.mark.parametrize(
    ("q", "first"),
    [
        ("SCSW-0023", "SCSW-0023"),
        ("scsw-0023", "SCSW-0023"),
        ("0023", "SCSW-0023"),
        ("net_weight", "SCSW-0023"),
        ("净重（千克）", "SCSW-0023"),
        ("净重(千克)", "SCSW-0023"),
        ("净重", "SCSW-0023"),
        ("Net weight, kg", "SCSW-0023"),
        ("net weight", "SCSW-0023"),
        ("weight net", "SCSW-0023"),
        ("GrossWet", "SCSW-0015"),
        ("grosswet", "SCSW-0015"),
        ("tdh", "SCSW-0007"),
    ],
)
def test_an_element_is_found_by_what_people_call_it(q: str, first: str) -> None:
    assert found(q=q)[0] == first


def test_initials_are_read_as_the_trade_reads_them() -> None:
    """境内收发货人: 行, 重, 单 and others have more readings than one."""
    assert {"SCSW-0031", "SCSW-0034"} <= set(found(q="jnsfhr"))
    assert {"SCSW-0031", "SCSW-0034"} <= set(found(q="sfhr"))
    initials = search._initials()
    assert (initials["SCSW-0015"], initials["SCSW-0007"]) == ("mzqk", "tdh")


def test_every_element_is_found_by_its_own_names_and_tags() -> None:
    for one in contents.elements().values():
        tags = usage.tags(one["id"])
        for words in (one["id"], one["name"], one["name_zh"], one["name_en"], *tags):
            assert one["id"] in found(q=words[:80], limit="500"), words


def test_better_matches_come_first() -> None:
    names = [one["name"] for one in body("/standards/elements", q="currency", limit="500")["items"]]
    assert names[0] == "currency"
    assert len(names) > 3


def test_what_nobody_calls_anything_is_not_found() -> None:
    answer = body("/standards/elements", q="phlogiston")
    assert (answer["items"], answer["total"], answer["next"]) == ([], 0, None)


def test_pages_cover_everything_once() -> None:
    seen: list[str] = []
    query: dict[str, str] = {"limit": "37"}
    while True:
        answer = body("/standards/elements", **query)
        seen += [one["id"] for one in answer["items"]]
        if answer["next"] is None:
            break
        query["cursor"] = answer["next"]
    assert seen == list(contents.elements())
    assert answer["total"] == len(seen)


def test_filters_keep_what_they_say() -> None:
    personal = body("/standards/elements", sensitivity="personal", limit="500")["items"]
    assert personal and all(one["sensitivity"] == "personal" for one in personal)
    of_declaration = found(document="declaration", limit="500")
    assert set(of_declaration) == {place.element for place in contents.places("declaration", 1)}
    taken = found(document="declaration", agency="tax", limit="500")
    assert set(taken) < set(of_declaration)
    assert "SCSW-0015" not in taken  # the tax office does not take the gross weight
    assert found(agency="tax", q="hs_code") == ["SCSW-0090"]


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"}, {"limit": "501"}, {"limit": "ten"}, {"limit": "１"}, {"cursor": "-1"}, {"cursor": "99999"},
        {"cursor": "x"}, {"agency": "custom"}, {"document": "declaratoin"}, {"status": "good"}, {"q": "x" * 81},
        {"sensitivity": "secret"},
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_named_in_both_languages(query: dict[str, str]) -> None:
    status, problem = refused("/standards/elements", **query)
    name = next(iter(query))
    assert (status, problem["code"]) == (400, "bad-parameter")
    assert problem["detail"].startswith(name) and problem["detail_zh"].startswith(name)
    assert re.search("[\u4e00-\u9fff]", problem["detail_zh"])


@pytest.mark.parametrize(
    ("id", "near"), [("GrossWet", "SCSW-0015"), ("SCSW-00150", "SCSW-0015"), ("gross_wieght", "")]
)
def test_an_unknown_element_is_answered_with_the_nearest(id: str, near: str) -> None:
    status, problem = refused(f"/standards/elements/{id}")
    assert (status, problem["code"]) == (404, "not-found")
    assert near in [*problem["nearest"], ""]


def test_an_element_is_told_whole() -> None:
    one: dict[str, Any] = body("/standards/elements/SCSW-0015")
    assert (one["name"], one["representation"], one["unit"]) == ("gross_weight", "N19,5", "kg")
    assert one["definition"] and one["evidence"]
    used = next(use for use in one["used_in"] if use["document"] == "declaration")
    assert (used["place"], used["version"], used["obligation"]) == ("/head/gross_weight", 1, "M")
    assert used["agencies"] == {
        "customs": "M", "ciq": "M", "maritime": "M", "port": "M", "mofcom": "–", "tax": "–",
    }  # fmt: skip
    path = next(path for path in one["paths"] if path["message"] == "DecMessage")
    assert path == {
        "message": "DecMessage", "version": "2018", "path": "DecMessage/DecHead/GrossWet",
        "also": [], "form": "N19,5", "codes": None,
    }  # fmt: skip


def test_a_form_of_the_wire_is_told_where_it_is_narrower() -> None:
    bill = body("/standards/elements/SCSW-0007")
    path = next(path for path in bill["paths"] if path["message"] == "DecMessage")
    assert (bill["representation"], path["form"]) == ("C..37", "C..32")


def test_a_condition_binds_the_agency_that_sets_it() -> None:
    """What inspection alone demands on a condition, customs takes where it is there."""
    checked = 0
    for key in contents.documents():
        taken = contents.takers(*key, clock.business_date())
        for place in contents.places(*key):
            by = (contents.condition(place) or {}).get("agency")
            for agency, fields in taken.items():
                if by and place.pointer in fields:
                    assert contents.obligation(place, agency, taken) == ("C" if agency == by else "O")
                    checked += 1
    assert checked


def test_every_element_can_be_shown() -> None:
    for id in contents.elements():
        one = body(f"/standards/elements/{id}")
        assert one["used_in"] or not one["paths"], f"{id}: messages carry it, and no document has it"


def test_an_edifact_data_element_leads_to_its_segments() -> None:
    used = usage.edifact("6314")
    assert used and all("MEA" in one["segments"] for one in used)
    assert usage.edifact("9999") == usage.edifact(None) == []


def test_a_search_takes_less_than_five_milliseconds() -> None:
    search.find("x", search.Filters(), clock.business_date())
    started = process_time()
    for words in ("净重", "grosswet", "jnsfhr", "gross weight", "phlogiston") * 4:
        search.find(words, search.Filters(), clock.business_date())
    assert (process_time() - started) / 20 < 0.005
