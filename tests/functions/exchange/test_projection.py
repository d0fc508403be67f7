"""A projection: what its places name and nothing else, in the document's own shape."""

from hypothesis import given
from hypothesis import strategies as st

from exchange.projection import project

DOCUMENT = {
    "head": {"bill_no": "B1", "trade_name": "成都进口", "gross_weight": "12.5"},
    "lines": [
        {"line_no": "1", "hs_code": "85171200", "unit_price": "9.9", "goods_limits": [{"licence_no": "L1"}]},
        {"line_no": "2", "hs_code": "39269090", "unit_price": "0.1"},
    ],
    "containers": [{"container_no": "CSQU3054383", "goods_weight": "10"}],
}


def test_a_leaf_is_taken_and_its_neighbours_are_not() -> None:
    assert project(DOCUMENT, ["/head/bill_no"]) == {"head": {"bill_no": "B1"}}


def test_a_branch_is_taken_whole() -> None:
    assert project(DOCUMENT, ["/head", "/containers"]) == {k: DOCUMENT[k] for k in ("head", "containers")}


def test_a_leaf_of_every_item_keeps_the_items_in_place() -> None:
    expected = {"lines": [{"hs_code": "85171200"}, {"hs_code": "39269090"}]}
    assert project(DOCUMENT, ["/lines/*/hs_code"]) == expected


def test_an_item_that_lacks_the_place_stays_as_an_empty_one() -> None:
    assert project(DOCUMENT, ["/lines/*/goods_limits"]) == {
        "lines": [{"goods_limits": [{"licence_no": "L1"}]}, {}]
    }


def test_a_place_that_the_document_lacks_is_left_out() -> None:
    assert project(DOCUMENT, ["/sign/signature", "/head/nothing"]) == {"head": {}}
    assert project(DOCUMENT, []) == {}


def test_the_wider_of_two_places_wins_in_any_order() -> None:
    for places in (["/head", "/head/bill_no"], ["/head/bill_no", "/head"]):
        assert project(DOCUMENT, places) == {"head": DOCUMENT["head"]}


def test_a_place_that_forgets_the_star_tells_nothing_rather_than_all() -> None:
    assert project(DOCUMENT, ["/lines/hs_code"]) == {"lines": [{}, {}]}
    assert project(DOCUMENT, ["/lines/*"]) == {"lines": DOCUMENT["lines"]}


def test_the_document_itself_stays_as_it_was() -> None:
    before = repr(DOCUMENT)
    project(DOCUMENT, ["/lines/*/line_no", "/head/bill_no"])
    assert repr(DOCUMENT) == before


PLACES = [
    "/head",
    "/head/bill_no",
    "/head/trade_name",
    "/lines",
    "/lines/*/line_no",
    "/lines/*/goods_limits",
    "/none/x",
]


@given(st.lists(st.sampled_from(PLACES), max_size=7))
def test_projecting_twice_is_projecting_once_and_order_does_not_matter(places: list[str]) -> None:
    once = project(DOCUMENT, places)
    assert project(once, places) == once
    assert project(DOCUMENT, list(reversed(places))) == once
