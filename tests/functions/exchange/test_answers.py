"""What a receipt says and where a state goes: by example from the published samples, and in any order by property."""

import json
from datetime import date
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.answers import APPLIED, LATE, REPEATED, Answer, _book, answers, concerns, follow, offers
from exchange.receipt import Business
from infra import ROOT
from singlewindow import catalogue
from singlewindow.messages import edifact_service, xml
from tests.support.receipts import dec_import, manifest_reply, order_reply, syntax_report

DAY = date(2026, 11, 25)
NOW = "2026-11-25T00:00:00.000Z"


def read(type: str, raw: bytes) -> list[Answer]:
    return answers(type, xml.parse(raw), DAY, NOW)


def test_a_reply_to_orders_quotes_them_by_their_own_numbers_and_has_its_own_time() -> None:
    one, two = read(
        "CEB312Message", order_reply(("A-1", "2", "20260101080000000"), ("A-2", "100", "20260101090000123"))
    )
    assert one.references[0] == "order:1105910159|A-1" and one.references[1].startswith("guid:")
    assert (one.state, one.at, one.end) == ("DECLARING", "2026-01-01T00:00:00.000Z", False)
    assert (two.state, two.at, two.end, two.failure) == ("REJECTED", "2026-01-01T01:00:00.123Z", True, True)


@pytest.mark.parametrize(
    ("code", "text", "state", "failure", "warning"),
    [
        ("0", "", "IMPORTED", False, False),
        ("0", "第1项商品缺少B证", "IMPORTED", False, True),
        ("-2", "格式错误", "IMPORT_FAILED", True, False),
    ],
)
def test_an_import_of_code_0_with_a_text_is_a_warning(
    code: str, text: str, state: str, failure: bool, warning: bool
) -> None:
    (one,) = read("DecImportResponse", dec_import(code, text))
    assert (one.state, one.failure, one.warning) == (state, failure, warning)
    assert one.references == ("client-seq:S-1",) and one.at == NOW


def test_a_reply_to_a_manifest_speaks_of_each_bill() -> None:
    told = read("MTResponse", manifest_reply("M-1", bills=(("B1", "01"), ("B2", "12"))))
    assert [(one.subject, one.state) for one in told] == [("B1", "ACCEPTED"), ("B2", "LOADING_REFUSED")]
    assert {one.references for one in told} == {("manifest-message:M-1",)}


def test_a_negative_number_is_a_failure_and_a_code_that_nobody_knows_is_none_of_ours() -> None:
    failed, unknown = read(
        "CEB312Message", order_reply(("A", "-301003", "20260101000000000"), ("B", "77", ""))
    )
    assert (failed.state, failed.failure) == ("FAILED", True)
    assert unknown.state is None and unknown.at == NOW


def test_what_is_asked_offers_the_references_by_which_it_is_answered() -> None:
    document = json.loads((ROOT / "catalogue/examples/ecommerce-order.v1.json").read_bytes())
    (offer,) = offers("ecommerce-order", document, DAY)
    assert offer.references[0] == f"order:{document['head']['platform_code']}|{document['head']['order_no']}"
    assert not offers("CEB312Message", document, DAY) and concerns("CEB312Message", DAY)
    assert not concerns("USF001", DAY)


def said(code: str, rank: int, at: str) -> Answer:
    return Answer(
        id=f"{code}{at}", type="CEB312Message", code=code, at=at, text="", references=(), asked=(), by=(),
        state=f"S{rank}", rank=rank, end=False, zh="", en="",
    )  # fmt: skip


def course(told: list[Answer]) -> tuple[Business, list[str]]:
    business, effects = Business("A"), []
    for one in told:
        business, effect = follow(business, one, "customs", "R", NOW)
        effects.append(effect)
    return business, effects


def test_a_late_one_of_lower_rank_is_recorded_and_a_repeated_one_changes_nothing() -> None:
    stored, released = said("120", 40, "2026-01-01"), said("800", 90, "2026-01-02")
    business, effects = course([released, stored, released])
    assert effects == [APPLIED, LATE, REPEATED]
    assert (business.state, business.seq, len(business.answers)) == ("S90", 2, 2)


@given(st.lists(st.tuples(st.sampled_from((10, 30, 90)), st.sampled_from(("1", "2", "3"))), max_size=5))
@settings(max_examples=25, deadline=None)
def test_the_state_is_the_same_in_whatever_order_and_however_often(pairs: list[tuple[int, str]]) -> None:
    told = [said(str(rank), rank, at) for rank, at in pairs]
    ends = {(course([*order, *order])[0].state, course(list(order))[0].at) for order in permutations(told)}
    assert len(ends) == 1


def test_every_type_and_tag_that_the_rules_name_is_in_the_catalogue() -> None:
    messages = set(catalogue.names("messages"))
    for id in ("RECEIPT-CEB", "RECEIPT-DEC-IMPORT", "RECEIPT-DEC-RESULT", "RECEIPT-MANIFEST"):
        rule = _book().parameters(id, DAY)
        for type, forms in rule["receipts"].items():
            for form in forms:
                assert set(form["asked"]) <= set(rule["asked"]), type
                for path in (form["code"], form["at"], form["text"], form["subject"]):
                    if path:
                        assert known(type, form["each"], path), (type, path)
        for type, wanted in rule["asked"].items():
            if type in messages:
                for path in (path for one in wanted["references"] for path in one["from"]):
                    assert known(type, wanted["each"], path), (type, path)
            else:
                places = catalogue.document(type).elements
                assert {f"/{path}" for one in wanted["references"] for path in one["from"]} <= places.keys()


def test_what_edifact_offers_and_says_is_of_the_catalogue_and_of_the_service_directory() -> None:
    rule = _book().parameters("RECEIPT-EDIFACT", DAY)
    (form,) = rule["receipts"]["CONTRL"]
    messages = {path.stem for path in (ROOT / "catalogue/edifact").glob("[A-Z]*.json")}
    assert set(form["asked"]) == set(rule["asked"]) < messages and "CONTRL" not in form["asked"]
    assert set(rule["states"]) == {"4", "7", "8"}
    told = edifact_service.interchange(syntax_report("8"))
    assert {*form["references"][0]["from"], form["code"], form["text"], form["subject"]} <= set(
        told["responses"][0]
    )


def known(type: str, each: str | None, path: str) -> bool:
    nodes: Any = catalogue.load(f"messages/{type}.json")["content"]
    steps = path.strip("/") if path.startswith("/") else "/".join(filter(None, (each, path)))
    for tag in steps.split("/"):
        node = next((one for one in nodes if one["tag"] == tag), None)
        if node is None:
            return False
        nodes = node.get("content", ())
    return True
