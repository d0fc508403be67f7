"""Whole declarations: the sound ones, the one with 47 faults, and the official sample in both eras."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from declarations.check import check
from tests.support import decmessage
from tests.support.sample_documents import GONE, ROOT, TODAY, edited, sample

FAULTS = Path(__file__).parent / "samples" / "47-faults.json"
OFFICIAL = ROOT.parent / "shared" / "data" / "samples-cn-dec" / "dec-2018-import.xml"

SECOND_ERA = date(2026, 11, 23)
FIRST_ERA = date(2018, 7, 3)


def pairs(document: Any, as_at: date) -> list[tuple[str, str]]:
    return [(finding.pointer, finding.rule) for finding in check(document, as_at).findings]


@pytest.mark.parametrize("name", ["import-chengdu", "export-chengdu"])
def test_a_sound_declaration_yields_nothing(name: str) -> None:
    report = check(sample(name), TODAY)
    assert report.valid
    assert report.findings == ()
    assert len(report.document["lines"]) >= 20


def test_47_faults_are_all_found_and_nothing_else() -> None:
    case = json.loads(FAULTS.read_text("utf-8"))
    planted = sorted((fault["pointer"], fault["rule"]) for fault in case["planted"])
    assert len(planted) == len(set(planted)) == 47
    assert sorted(pairs(case["document"], date.fromisoformat(case["as_at"]))) == planted


def test_numbers_may_come_as_numbers_and_blanks_count_as_absent() -> None:
    document = sample("import-chengdu")
    as_numbers = edited(document, {"/head/pack_no": 46, "/lines/0/line_no": 1, "/head/other_mark": " "})
    report = check(as_numbers, TODAY)
    assert report.findings == ()
    assert report.document == check(document, TODAY).document


def test_rules_without_their_data_are_named_as_asleep() -> None:
    report = check(sample("import-chengdu"), TODAY)
    asleep = {rule.rule: rule for rule in report.asleep}
    assert {
        "HS-ALIVE",
        "HS-DOCUMENTS",
        "HS-ELEMENTS",
        "HS-UNITS",
        "HS-CCC",
        "MANIFEST-MATCH",
    } <= asleep.keys()
    assert asleep["HS-ALIVE"].needs == ("tariff",)
    assert all(rule.reason_zh and rule.reason_en for rule in report.asleep)
    assert report.as_json()["asleep"][0].keys() == {"rule", "needs", "reason_zh", "reason_en"}


def test_a_warning_does_not_invalidate_and_an_error_does() -> None:
    late = check(edited(sample("import-chengdu"), {"/head/ie_date": "2026-10-20"}), TODAY)
    assert late.valid
    assert [finding.severity for finding in late.findings] == ["warn"]
    assert not check(edited(sample("import-chengdu"), {"/head/pack_no": "0"}), TODAY).valid


def test_findings_come_in_the_order_of_the_document() -> None:
    edits = {
        "/lines/9/duty_mode": "3",
        "/lines/1/duty_mode": "3",
        "/lines/10/duty_mode": "3",
        "/head/pack_no": "0",
    }
    assert [pointer for pointer, _ in pairs(edited(sample("import-chengdu"), edits), TODAY)] == [
        "/head/pack_no",
        "/lines/1/duty_mode",
        "/lines/9/duty_mode",
        "/lines/10/duty_mode",
    ]


def test_a_broken_value_is_reported_once_and_nobody_calls_it_missing() -> None:
    for pointer in ("/head/freight_mark", "/head/bill_no", "/head/net_weight", "/lines/0/first_quantity"):
        found = check(edited(sample("import-chengdu"), {pointer: {"no": "text"}}), TODAY).findings
        assert [finding.pointer for finding in found] == [pointer]
        assert found[0].rule.startswith("SHAPE-")


# The official sample is a test message (its note says so: 测试) of 2018-07-03, kept as a draft. What is wrong
# with it follows from the specification, in the order of the document. Read beside it, and found right: price
# 24,000 × 0.06 = 1,440; net 1.19 kg within gross 2 kg; FOB with freight (a sum, in HKD) and insurance (a rate:
# no currency); a sea bill without house part, the voyage stated; `UN20170703` has eight digits, so it is no
# ship number; unit 007 twice with one quantity; 44031 and 440308 both in Guangdong; container CBHU3202732 has
# its check digit 2 and holds line 1, 100.01 kg with goods of 2 kg; the proof of origin in the list is the one
# in the relation table and names line 1; the five fields for the certificates are there; organisation code
# 766374655 is characters 9 to 17 of 914403007663746551.
WRONG_IN_ANY_ERA = {
    # 填制规范 32(1): no marks is «N/M»; the sample has «M/N».
    ("/head/marks", "MARKS-NONE"): "info",
    # 填制规范 7, 33 and domain A.16: the ledger T20180703001 is declared, so line 1 must name its line there.
    ("/lines/0/contract_item", "LEDGER-LINE"): "error",
    # 填制规范 31(2): <14> is ECFA, whose goods come from TWN; the line of that proof comes from MYS.
    ("/lines/0/origin_country", "ORIGIN-COUNTRY"): "error",
    # Field specification, DecSign 1, and domain A.14: G keeps a draft.
    ("/sign/oper_type", "DRAFT"): "info",
}
# On the day of the sample nothing else: 通关单 was abolished on 2018-06-01, «000» has the three flags of 2018.
EXPECTED = {
    FIRST_ERA: WRONG_IN_ANY_ERA,
    SECOND_ERA: WRONG_IN_ANY_ERA
    | {
        # 海关法 24: the conveyance entered in 2018, the fourteen days are over.
        ("/head/ie_date", "IE-DATE-LATE"): "warn",
        # Domain A.12, appendix I: by now there are five flags (formula pricing and provisional price came later).
        ("/head/promise_items", "PROMISE-COUNT"): "warn",
    },
}
MENDED = {
    "/head/marks": "N/M",
    "/lines/0/contract_item": "1",
    "/lines/0/origin_country": "TWN",
    "/sign/oper_type": "C",
}


@pytest.fixture
def official() -> dict[str, Any]:
    if not OFFICIAL.exists():
        pytest.skip("the official sample stands in ../shared, which a user's machine does not have")
    return decmessage.read(OFFICIAL.read_bytes())


@pytest.mark.parametrize("as_at", EXPECTED, ids=str)
def test_the_official_sample_has_the_faults_that_the_specification_names(
    official: dict[str, Any], as_at: date
) -> None:
    found = {(f.pointer, f.rule): f.severity for f in check(official, as_at).findings}
    assert found == EXPECTED[as_at]


def test_the_official_sample_with_only_those_pointers_changed_is_sound(official: dict[str, Any]) -> None:
    assert MENDED.keys() == {pointer for pointer, _ in WRONG_IN_ANY_ERA}
    assert check(edited(official, MENDED), FIRST_ERA).findings == ()
    today = check(edited(official, MENDED | {"/head/promise_items": "00000"}), SECOND_ERA)
    # The date of entry stays what it was: late, which costs a fee and stops nothing.
    assert [(finding.pointer, finding.severity) for finding in today.findings] == [("/head/ie_date", "warn")]
    assert today.valid


def test_before_june_2018_goods_for_inspection_needed_the_clearance_form(official: dict[str, Any]) -> None:
    assert ("/licence_documents", "CLEARANCE-FORM") in pairs(official, date(2018, 5, 31))
    with_form = edited(
        official, {"/licence_documents/-": {"document_code": "A", "document_no": "440300118000001"}}
    )
    assert ("/licence_documents", "CLEARANCE-FORM") not in pairs(with_form, date(2018, 5, 31))
    assert ("/licence_documents", "CLEARANCE-FORM") not in pairs(official, date(2018, 6, 1))


def test_a_missing_block_is_one_finding() -> None:
    assert pairs(edited(sample("import-chengdu"), {"/free_text": GONE}), TODAY) == [
        ("/free_text/voyage_no", "VOYAGE-MISSING")
    ]
    assert pairs({}, TODAY) != []
