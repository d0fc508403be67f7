"""Documents: their structure, schema, form and example, for each that the catalogue has."""

import json
from datetime import date

import pytest
from jsonschema import Draft202012Validator

from singlewindow import catalogue, clock
from standards import contents, example
from standards.contents import Json
from tests.functions.standards.asked import body, get, refused

EVERY = sorted(contents.documents())


def fields(sections: list[Json]) -> list[Json]:
    return [field for section in sections for field in (*section["fields"], *fields(section["sections"]))]


def test_every_document_is_listed() -> None:
    items = body("/standards/documents")["items"]
    assert sorted((one["name"], one["version"]) for one in items) == EVERY
    declaration = next(one for one in items if one["name"] == "declaration")
    assert (declaration["messages"], declaration["fields"]) == (
        ["DecMessage"],
        len(contents.places("declaration", 1)),
    )


@pytest.mark.parametrize(("name", "version"), EVERY)
def test_a_document_has_all_its_fields_in_order(name: str, version: int) -> None:
    told = fields(body(f"/standards/documents/{name}/{version}")["sections"])
    places = contents.places(name, version)
    assert {(one["place"], one["element"], one["obligation"]) for one in told} == {
        (place.pointer, place.element, place.obligation) for place in places
    }
    assert len(told) == len(places)
    judged = catalogue.document(name, version).elements
    assert sorted(one["place"] for one in told) == sorted(judged)
    for one in told:
        assert (one["obligation"] == "C") == (one["condition"] is not None), one["place"]
        if one["condition"]:
            assert one["condition"]["zh"] and one["condition"]["en"], one["place"]


@pytest.mark.parametrize(("name", "version"), EVERY)
def test_a_schema_is_one_and_has_a_name(name: str, version: int) -> None:
    answer = get(f"/standards/documents/{name}/{version}/schema")
    assert answer["headers"]["Content-Type"] == "application/schema+json"
    schema = json.loads(answer["body"])
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:singlewindow:document:{name}:{version}"
    assert {n: v for n, v in schema.items() if n != "$id"} == catalogue.document(name, version).schema()


@pytest.mark.parametrize(("name", "version"), EVERY)
def test_an_example_is_complete_and_valid(name: str, version: int) -> None:
    document = body(f"/standards/documents/{name}/{version}/example")
    kind = catalogue.document(name, version)
    assert kind.normalise(document) == document
    findings = kind.shape_findings(document) + kind.code_findings(document, clock.business_date())
    assert [(one.pointer, one.given, one.message_en) for one in findings] == []
    schema = body(f"/standards/documents/{name}/{version}/schema")
    assert list(Draft202012Validator(schema).iter_errors(document)) == []
    assert leaves(document, "") == set(kind.elements)


def leaves(value: object, above: str) -> set[str]:
    if isinstance(value, dict):
        return {leaf for name, inner in value.items() for leaf in leaves(inner, f"{above}/{name}")}
    if isinstance(value, list):
        return {leaf for inner in value for leaf in leaves(inner, f"{above}/*")}
    return {above}


@pytest.mark.parametrize(
    ("element", "wanted"),
    [
        (
            {"representation": "C..20", "name_en": "Name", "pattern": "^(?:[0-9]{2}-[A-Z]{2}-[0-9]{1,14})$"},
            None,
        ),
        ({"representation": "C4", "name_en": "Name"}, "1111"),
        ({"representation": "C..3", "name_en": "Name of it"}, "Nam"),
        ({"representation": "N19,5", "name_en": "Weight"}, "1"),
        ({"representation": "C..18", "name_en": "Code", "check": "uscc"}, "91510100569680768F"),
        (
            {"representation": "C4", "code_list": "trade-mode", "examples": ["3039"], "name_en": "Mode"},
            "0110",
        ),
        (
            {"representation": "C4", "code_list": "trade-mode", "examples": ["3010"], "name_en": "Mode"},
            "3010",
        ),
    ],
)
def test_an_element_without_an_example_of_its_own_gets_a_valid_text(
    element: Json, wanted: str | None
) -> None:
    assert example.value(element, date(2026, 11, 23)) == (wanted or "22-AA-123456")


@pytest.mark.parametrize(("name", "version"), EVERY)
def test_a_form_tells_every_field_how_it_is_filled_in(name: str, version: int) -> None:
    form = body(f"/standards/documents/{name}/{version}/form")
    drawn = fields(form["sections"])
    assert [one["place"] for one in drawn] != []
    assert sorted(one["place"] for one in drawn) == sorted(catalogue.document(name, version).elements)
    sample = body(f"/standards/documents/{name}/{version}/example")
    for one in drawn:
        assert one["label_zh"] and one["label_en"] and one["help_en"] and one["form_zh"] and one["form_en"]
        assert (one["input"] == "code") == (one["code_list"] is not None)
        assert len(at(sample, one["place"])) <= one["maxlength"], one["place"]
        if one["code_list"]:
            assert one["code_list"]["size"] > 0


def at(document: Json, place: str) -> str:
    value: object = document
    for part in place.split("/")[1:]:
        value = value[0] if part == "*" and isinstance(value, list) else value[part]  # type: ignore[index]
    return str(value)


def test_a_form_says_who_needs_a_field_and_why() -> None:
    form = body("/standards/documents/declaration/1/form")
    weight = next(one for one in fields(form["sections"]) if one["place"] == "/head/net_weight")
    assert (weight["input"], weight["maxlength"], weight["decimals"], weight["unit"]) == (
        "decimal",
        20,
        5,
        "kg",
    )
    assert {
        "id": "customs",
        "name_zh": "成都海关",
        "name_en": "Chengdu Customs",
        "obligation": "M",
    } in weight["needed_by"]
    assert "WEIGHT-NET-GROSS" in [one["id"] for one in weight["rules"]]
    assert all(one["zh"] and one["en"] for one in weight["rules"])
    maritime = next(one for one in form["agencies"] if one["id"] == "maritime")
    assert (maritime["part"], maritime["because"][0]["en"]) == ("decides", "dangerous goods by water")


def test_a_rule_that_is_no_longer_in_force_is_not_named() -> None:
    form = body("/standards/documents/declaration/1/form")
    named = {rule["id"] for one in fields(form["sections"]) for rule in one["rules"]}
    assert "WOOD-PACKAGING" in named
    assert "CLEARANCE-FORM" not in named  # until 2018-05-31


@pytest.mark.parametrize(
    "path", ["declaration/2", "declaration/x", "declaration/1.0", "declaration/99999999"]
)
def test_an_unknown_version_is_answered_with_those_that_there_are(path: str) -> None:
    status, problem = refused(f"/standards/documents/{path}")
    assert (status, problem["nearest"]) == (404, ["declaration/1"])


def test_an_unknown_document_is_answered_with_the_nearest() -> None:
    status, problem = refused("/standards/documents/declartion/1/form")
    assert (status, problem["nearest"][0]) == (404, "declaration/1")
