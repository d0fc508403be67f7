"""The harmonisation matrix against the agencies' own projections, counted here in another way."""

from typing import Any

from singlewindow import catalogue, clock
from standards import contents
from tests.functions.standards.asked import body, refused


def projected() -> dict[str, set[str]]:
    """Agency to the element ids of the declaration that its projection names, by walking the document itself."""
    places = catalogue.document("declaration").elements
    found: dict[str, set[str]] = {}
    for agency in catalogue.agencies(clock.business_date()):
        for part in agency["projection"]:
            found.setdefault(agency["id"], set()).update(
                element.id
                for place, element in places.items()
                if (place + "/").replace("/*", "").startswith(part.replace("/*", "") + "/")
            )
    return found


def matrix(**query: str) -> dict[str, Any]:
    answer: dict[str, Any] = body("/standards/matrix", **query)
    return answer


def test_the_reduction_is_what_counting_gives() -> None:
    taken = projected()
    figures = next(one for one in matrix()["reduction"]["documents"] if one["document"] == "declaration")
    assert figures["by_agency"] == {agency: len(elements) for agency, elements in taken.items()}
    assert figures["before"] == sum(map(len, taken.values()))
    assert figures["after"] == len(set().union(*taken.values()))
    assert figures["saved"] == figures["before"] - figures["after"] > 0
    assert figures["reuse_ratio"] == f"{figures['before'] / figures['after']:.2f}"
    assert figures["after"] + figures["not_taken"] == len(
        {p.element for p in contents.places("declaration", 1)}
    )


def test_what_several_documents_ask_is_typed_once() -> None:
    reduction = matrix()["reduction"]
    documents, overall = reduction["documents"], reduction["overall"]
    assert overall["before"] == sum(one["before"] for one in documents)
    assert overall["after"] < sum(one["after"] for one in documents)
    assert float(overall["reuse_ratio"]) > 1


def test_the_answer_says_how_it_is_counted() -> None:
    answer = matrix()
    assert "送达数 ÷ 填报数" in answer["method_zh"]
    assert "delivered / typed" in answer["method_en"]


def test_a_row_has_every_agency_that_takes_of_its_document() -> None:
    (row,) = [
        one
        for one in matrix(document="declaration", limit="1000")["items"]
        if one["place"] == "/lines/*/un_number"
    ]
    assert row["agencies"]["tax"] == "–"
    assert row["agencies"]["maritime"] in ("M", "C", "O")


def test_an_agency_sees_what_it_takes() -> None:
    rows = matrix(document="declaration", agency="port", limit="1000")["items"]
    assert {row["element"] for row in rows} == projected()["port"]
    assert all(list(row["agencies"]) == ["port"] for row in rows)


def test_every_field_of_every_document_is_a_row() -> None:
    assert matrix(limit="1")["total"] == sum(1 for _ in contents.all_places())


def test_who_takes_something_that_is_not_there_is_told_by_no_document() -> None:
    """Each part that a taker names is a section or field of its document."""
    for (name, version), raw in contents.documents().items():
        bare = [place.pointer.replace("/*", "") for place in contents.places(name, version)]
        for agency, parts in raw.get("takers", {}).items():
            for part in parts:
                above = part.replace("/*", "")
                assert any(f"{place}/".startswith(f"{above}/") for place in bare), (name, agency, part)


def test_a_stranger_is_refused() -> None:
    status, problem = refused("/standards/matrix", agency="customz")
    assert (status, problem["nearest"][0]) == (400, "customs")
