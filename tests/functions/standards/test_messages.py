"""Messages: their trees as the catalogue defines them, and their schemas."""

import json

import pytest
from lxml import etree

from singlewindow.messages.definition import Field, Group, message
from standards import contents
from standards.contents import Json
from tests.functions.standards.asked import body, get, refused


def test_every_message_is_listed() -> None:
    items = body("/standards/messages")["items"]
    assert {one["id"] for one in items} == {*contents.messages(), *contents.interchanges()}
    assert {one["syntax"] for one in items} == {"xml", "edifact"}


@pytest.mark.parametrize("id", contents.messages())
def test_a_tree_is_the_one_that_messages_are_read_by(id: str) -> None:
    answer = body(f"/standards/messages/{id}")
    assert [flat(one) for one in answer["content"]] == [known(one) for one in message(id).root.content]


def flat(node: Json) -> object:
    if "content" in node:
        return node["tag"], tuple(node["occurs"]), [flat(one) for one in node["content"]]
    return node["tag"], tuple(node["occurs"]), node["element"]


def known(node: Field | Group) -> object:
    if isinstance(node, Group):
        return node.tag, (node.least, node.most), [known(one) for one in node.content]
    return node.tag, (node.least, node.most), node.element and node.element.id


def test_a_field_says_its_form_and_its_name() -> None:
    head = body("/standards/messages/DecMessage")["content"][0]
    bill = next(one for one in head["content"] if one["tag"] == "BillNo")
    assert (bill["element"], bill["form"], bill["name_zh"]) == ("SCSW-0007", "C..32", "提单号")
    gross = next(one for one in head["content"] if one["tag"] == "GrossWet")
    assert gross["form"] == "N19,5"


def test_an_edifact_message_has_its_segments() -> None:
    versions = body("/standards/messages/CUSCAR")["versions"]
    assert versions["D:17A"]["structure"][0] == "UNH M1"


def test_a_schema_of_a_message_is_one() -> None:
    answer = get("/standards/messages/CEB311Message/xsd", {"Accept": "*/*"})
    assert (answer["statusCode"], answer.get("isBase64Encoded", False)) == (200, False)
    assert answer["headers"]["Content-Type"] == "application/xsd+xml"
    etree.XMLSchema(etree.fromstring(answer["body"].encode()))


def test_edifact_has_no_xml_schema() -> None:
    status, problem = refused("/standards/messages/CUSCAR/xsd")
    assert (status, "EDIFACT" in problem["detail"]) == (404, True)


def test_an_unknown_message_is_answered_with_the_nearest() -> None:
    status, problem = refused("/standards/messages/CEB311")
    assert (status, problem["nearest"][0]) == (404, "CEB311Message")
    assert json.dumps(problem)
