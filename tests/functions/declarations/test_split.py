"""Which agencies a declaration concerns: triggers as data, the union of them, as at a date."""

from datetime import date
from typing import Any

import pytest

from declarations.split import split
from singlewindow import catalogue

TODAY, BEFORE = date(2024, 11, 23), date(2018, 7, 3)

PLAIN: dict[str, Any] = {
    "head": {"ie_flag": "I", "transport_mode": "5", "bill_no": "999-12345675", "wrap_type": "22"},
    "lines": [{"line_no": "1", "hs_code": "8517120090"}],
}


def concerned(document: dict[str, Any], as_at: date = TODAY) -> dict[str, str]:
    return {one.agency: one.part for one in split(document, catalogue.agencies(as_at))}


def with_head(**members: str) -> dict[str, Any]:
    return PLAIN | {"head": PLAIN["head"] | members}


def with_line(**members: str) -> dict[str, Any]:
    return PLAIN | {"lines": [PLAIN["lines"][0], {"line_no": "2"} | members]}


def test_every_consignment_concerns_customs_which_decides_and_releases() -> None:
    found = {one.agency: one for one in split(PLAIN, catalogue.agencies(TODAY))}
    assert (found["customs"].part, found["customs"].releases) == ("decides", True)
    assert [one.agency for one in found.values() if one.releases] == ["customs"]


def test_a_plain_consignment_concerns_no_more_than_customs_and_those_informed() -> None:
    assert concerned(PLAIN) == {"customs": "decides", "port": "informed", "tax": "informed"}


@pytest.mark.parametrize("wood", ["23", "33", "92", "93"])
def test_wood_packaging_brings_in_inspection(wood: str) -> None:
    assert concerned(with_head(wrap_type=wood))["ciq"] == "decides"
    assert concerned(PLAIN | {"other_packs": [{"pack_type": "22"}, {"pack_type": wood}]})["ciq"] == "decides"


@pytest.mark.parametrize("attributes", ["21", "12,21", "22,19"])
def test_used_goods_among_the_attributes_bring_in_inspection(attributes: str) -> None:
    assert "ciq" in concerned(with_line(goods_attributes=attributes))


def test_a_code_within_another_is_not_that_code() -> None:
    assert "ciq" not in concerned(with_line(goods_attributes="210,12"))


def test_dangerous_goods_by_water_concern_the_maritime_administration_and_by_air_they_don_t() -> None:
    dangerous = with_line(un_number="1263")
    assert "maritime" not in concerned(dangerous)
    assert concerned(dangerous | {"head": PLAIN["head"] | {"transport_mode": "2"}})["maritime"] == "decides"


def test_both_eras_know_inspection() -> None:
    assert concerned(with_head(wrap_type="93"), BEFORE)["ciq"] == "decides"


def test_an_assignment_says_why_in_both_languages_once_a_trigger() -> None:
    document = with_head(wrap_type="93", acceptance_org="510000")
    found = next(one for one in split(document, catalogue.agencies(TODAY)) if one.agency == "ciq")
    assert len(found.because) == 2
    assert all(reason["zh"] and reason["en"] for reason in found.because)
    assert found.as_json()["because"] == list(found.because)


def test_who_is_only_informed_is_given_no_time() -> None:
    found = split(PLAIN, catalogue.agencies(TODAY))
    assert {one.timeout_seconds for one in found if one.part == "informed"} == {0}
    assert all(one.timeout_seconds > 0 for one in found if one.part != "informed")


def test_the_tax_office_is_told_after_release() -> None:
    found = {one.agency: one.asked_on for one in split(PLAIN, catalogue.agencies(TODAY))}
    assert found["tax"] == "DeclarationReleased"
    assert found["customs"] == "DeclarationSubmitted"
