"""Reading, shape, codes and check digits of a document, as the catalogue describes them."""

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from singlewindow import catalogue, settings
from singlewindow.document import MOST_FINDINGS
from singlewindow.findings import Finding
from tests.support.sample_documents import GONE, TODAY, edited, patched, sample

DECLARATION = catalogue.document()


def judged(document: Any, as_at: date = TODAY) -> list[Finding]:
    canonical = DECLARATION.normalise(document)
    return [*DECLARATION.shape_findings(canonical), *DECLARATION.code_findings(canonical, as_at)]


def only(edits: dict[str, Any], as_at: date = TODAY) -> Finding:
    (finding,) = judged(edited(sample("import-chengdu"), edits), as_at)
    return finding


def in_head(**values: Any) -> Any:
    return DECLARATION.normalise({"head": values}).get("head", {})


# Reading


@pytest.mark.parametrize("given", ["2", " 2 ", "2.0000", "+2", "02", 2, 2.0, Decimal("2.00"), Decimal("2E0")])
def test_a_number_has_one_canonical_text(given: Any) -> None:
    assert in_head(gross_weight=given) == {"gross_weight": "2"}


@pytest.mark.parametrize("zero", ["-0", "-0.00", "0.0", 0, -0.0, Decimal("-0.000")])
def test_zero_has_no_sign(zero: Any) -> None:
    assert in_head(other_rate=zero) == {"other_rate": "0"}


@pytest.mark.parametrize(
    "given",
    [True, False, [1], {"value": 1}, "1e3", "1,000", "１２", "NaN", float("nan"), float("inf"), Decimal("NaN"),
     Decimal("1E999999999"), Decimal("1E-999999999"), 10**5000],
    ids=lambda given: repr(given) if not isinstance(given, int) else "",
)  # fmt: skip
def test_what_is_no_plain_number_stays_and_is_a_finding(given: Any) -> None:
    assert only({"/head/gross_weight": given}).pointer == "/head/gross_weight"


def test_a_code_of_digits_is_no_number_and_keeps_its_zeros() -> None:
    assert in_head(trade_mode="0110", pre_entry_id="000000001") == {
        "trade_mode": "0110",
        "pre_entry_id": "000000001",
    }
    finding = only({"/lines/0/hs_code": 9031809090})
    assert (finding.rule, finding.given) == ("SHAPE-TYPE", 9031809090)
    assert finding.fix == ({"op": "replace", "path": "/lines/0/hs_code", "value": "9031809090"},)


@pytest.mark.parametrize("given", ["20180703", "2018-07-03", "2018-07-03 00-00-00", "2018-07-03 00:00:00"])
def test_days_are_read_in_the_forms_that_messages_have(given: str) -> None:
    assert in_head(departure_date=given) == {"departure_date": "2018-07-03"}


@pytest.mark.parametrize(
    ("given", "meant"),
    [("2026/11/19", "2026-11-19"), ("2026.11.9", "2026-11-09"), ("2026年11月19日", "2026-11-19"),
     ("2026-1119", None), ("2026-11-19 08:30:00", None), ("20261301", None), ("19/11/2026", None)],
)  # fmt: skip
def test_other_forms_of_a_day_are_findings_mended_where_they_are_clear(given: str, meant: str | None) -> None:
    finding = only({"/head/departure_date": given})
    assert finding.rule == "SHAPE-FORMAT"
    assert [patch["value"] for patch in finding.fix] == ([meant] if meant else [])


def test_blanks_are_absent_and_outer_spaces_go() -> None:
    raw: dict[str, Any] = {
        "head": {"note": " \u3000", "marks": None, "agent_name": " 蓉 \n"},
        "lines": [],
        "sign": {},
        "users": None,
    }
    assert DECLARATION.normalise(raw) == {"head": {"agent_name": "蓉"}}


def test_an_empty_line_keeps_its_place() -> None:
    assert DECLARATION.normalise({"lines": [{}, {"line_no": 2}]}) == {"lines": [{}, {"line_no": "2"}]}


@pytest.mark.parametrize("raw", [None, [], "text", 5, True, {"head": 5}, {"head": [1]}, {"lines": {"a": None}},
                                 {"lines": [None, 1, [], {"goods_limits": [{"vins": "x"}]}]}])  # fmt: skip
def test_odd_shapes_are_read_and_judged_without_an_error(raw: Any) -> None:
    assert judged(raw)


def test_normalising_twice_changes_nothing() -> None:
    once = DECLARATION.normalise(sample("export-chengdu"))
    assert DECLARATION.normalise(once) == once


# Shape


def test_sound_declarations_have_no_findings() -> None:
    assert judged(sample("import-chengdu")) == []
    assert judged(sample("export-chengdu")) == []


def test_a_finding_is_complete() -> None:
    finding = only({"/head/gross_weight": "1.123456"})
    assert finding.as_json() | {"message_zh": "", "message_en": ""} == {
        "code": "SHAPE-FORMAT",
        "severity": "error",
        "pointer": "/head/gross_weight",
        "rule": "SHAPE-FORMAT",
        "rule_version": 1,
        "element": "SCSW-0015",
        "agency": None,
        "legal_basis": None,
        "source": DECLARATION.elements["/head/gross_weight"].source,
        "verified": True,
        "given": "1.123456",
        "expected": "a number, not negative, up to 14 digits and 5 decimals",
        "fix": [],
        "message_zh": "",
        "message_en": "",
    }
    assert "小数最多 5 位" in finding.message_zh and "毛重" in finding.message_zh
    assert "Gross weight, kg must be a number" in finding.message_en


def test_only_what_may_be_deducted_may_be_negative() -> None:
    assert judged(edited(sample("import-chengdu"), {"/head/other_rate": "-12.5"})) == []
    assert only({"/head/gross_weight": "-12.5"}).rule == "SHAPE-FORMAT"


def test_customs_precision_of_prices_is_four_and_two_decimals() -> None:
    assert only({"/lines/0/unit_price": "1.00001"}).rule == "SHAPE-FORMAT"
    assert only({"/lines/0/total_price": "1.001"}).rule == "SHAPE-FORMAT"


@pytest.mark.parametrize(
    ("pointer", "given", "meant"),
    [
        ("/head/gross_weight", "1,440.50", "1440.50"),
        ("/head/gross_weight", "１２", "12"),
        ("/head/ie_flag", "i", "I"),
        ("/lines/0/hs_code", "9031.8090-90", None),
        ("/lines/0/hs_code", "9031 8090 90", "9031809090"),
        ("/lines/0/quantity", "1,5", None),
    ],
)
def test_another_spelling_of_the_same_value_is_mended(pointer: str, given: str, meant: str | None) -> None:
    finding = only({pointer: given})
    assert [patch["value"] for patch in finding.fix] == ([meant] if meant else [])


def test_lengths_count_characters() -> None:
    assert judged(edited(sample("import-chengdu"), {"/head/note": "字" * 70})) == []
    finding = only({"/head/note": "字" * 71})
    assert finding.rule == "SHAPE-LENGTH" and "71" in finding.message_zh
    assert only({"/head/bill_no": "A" * 38}).rule == "SHAPE-LENGTH"


def test_control_characters_are_refused_but_line_ends_are_not() -> None:
    assert only({"/head/marks": "a\x00b"}).message_en == "Marks and numbers has control characters"
    assert judged(edited(sample("import-chengdu"), {"/head/marks": "LINE 1\nLINE\t2"})) == []


@pytest.mark.parametrize(
    ("section", "name", "meant"),
    [("head", "contrac_no", "contract_no"), ("head", "grossWeight", "gross_weight"),
     ("head", "GrossWet", "gross_weight"), ("lines/0", "CodeTS", "hs_code"), ("lines/0", "Uncode", "un_number")],
)  # fmt: skip
def test_an_unknown_field_is_moved_to_the_name_that_it_resembles(section: str, name: str, meant: str) -> None:
    document = (
        edited(sample("import-chengdu"), {f"/{section}/{meant}": GONE})
        if meant != "un_number"
        else sample("import-chengdu")
    )
    finding = next(
        f for f in judged(edited(document, {f"/{section}/{name}": "1"})) if f.rule == "SHAPE-UNKNOWN"
    )
    assert finding.fix == ({"op": "move", "from": f"/{section}/{name}", "path": f"/{section}/{meant}"},)
    assert meant in finding.message_zh and meant in finding.message_en


def test_an_unknown_field_never_overwrites_a_known_one() -> None:
    finding = only({"/head/gross_wieght": "5"})
    assert (finding.rule, finding.expected, finding.fix) == ("SHAPE-UNKNOWN", "gross_weight", ())


def test_an_unknown_name_is_quoted_as_a_pointer() -> None:
    assert only({"/head": sample("import-chengdu")["head"] | {"a/b~c": "1"}}).pointer == "/head/a~1b~0c"


def test_one_object_where_a_list_belongs_is_mended_to_a_list_of_one() -> None:
    user = {"contact_name": "王若溪"}
    finding = only({"/users": user})
    assert finding.rule == "SHAPE-TYPE"
    assert judged(patched(edited(sample("import-chengdu"), {"/users": user}), finding.fix)) == []


def test_lists_have_bounds() -> None:
    line = sample("import-chengdu")["lines"][0]
    finding = only({"/lines": [line] * 51})
    assert (finding.pointer, finding.rule, finding.given) == ("/lines", "SHAPE-COUNT", 51)
    assert "最多 50 项（现 51 项）" in finding.message_zh


def test_every_patch_that_is_offered_mends_what_it_is_offered_for() -> None:
    broken = edited(
        sample("import-chengdu"),
        {"/head/trade_country": "304", "/lines/3/currency": "300", "/head/contrac_no": "X", "/head/contract_no": GONE,
         "/head/departure_date": "2026/10/08", "/lines/1/quantity": "1,000.5", "/lines/2/origin_country": "deu",
         "/containers/0/container_no": "csqu 305438-3", "/head/wrap_type": "１２３"},
    )  # fmt: skip
    findings = judged(broken)
    mended = [finding for finding in findings if finding.fix]
    assert len(mended) == 7
    rest = judged(patched(broken, [patch for finding in mended for patch in finding.fix]))
    assert [finding.pointer for finding in rest] == ["/head/wrap_type"]


@pytest.mark.parametrize("hostile", [
    {"lines": [{}] * 300_000},
    {"lines": [{"goods_limits": [{"vins": [{}] * 300_000}]}]},
    {"head": {f"x{number}": "1" for number in range(60_000)}},
    {"containers": [5] * 400_000},
])  # fmt: skip
def test_a_hostile_document_gets_a_bounded_answer(hostile: Any) -> None:
    found = judged(hostile)
    assert len(found) <= MOST_FINDINGS + 1
    assert {"SHAPE-COUNT", "SHAPE-MORE"} & {finding.rule for finding in found}


def test_bounding_leaves_a_sound_document_alone_and_cuts_copies_only() -> None:
    sound = DECLARATION.normalise(sample("import-chengdu"))
    assert DECLARATION.bounded(sound) is sound
    long = sound | {"lines": sound["lines"] * 10}
    assert len(DECLARATION.bounded(long)["lines"]) == 51 and len(long["lines"]) == 220


# Codes


@pytest.mark.parametrize(
    ("pointer", "given", "right"),
    [("/head/trade_country", "142", "CHN"), ("/head/trade_country", "502", "USA"), ("/lines/0/currency", "502", "USD"),
     ("/lines/0/currency", "110", "HKD"), ("/lines/0/origin_country", "110", "HKG"),
     ("/lines/0/origin_country", "304", "DEU"), ("/lines/0/currency", "142", "CNY"),
     ("/lines/0/origin_country", "chn", "CHN"), ("/lines/0/currency", "ＵＳＤ", "USD")],
)  # fmt: skip
def test_a_code_of_another_set_is_refused_with_the_right_one_named(
    pointer: str, given: str, right: str
) -> None:
    finding = only({pointer: given})
    assert finding.rule.startswith("CODE-")
    assert (finding.expected, finding.fix) == (right, ({"op": "replace", "path": pointer, "value": right},))
    assert right in finding.message_zh and right in finding.message_en


def test_a_code_that_stood_for_several_is_left_to_a_person() -> None:
    finding = only({"/head/wrap_type": "7"})
    assert finding.fix == () and isinstance(finding.expected, list) and len(finding.expected) > 1


def test_an_unknown_code_names_what_it_resembles() -> None:
    finding = only({"/head/destination_port": "HKG00"})
    assert finding.rule == "CODE-PORT" and "HKG000" in finding.expected and not finding.fix


@pytest.fixture
def old_codes(tmp_path: Path) -> Iterator[catalogue.CodeList]:
    """A catalogue of one list, with a code that was retired yesterday and one that begins tomorrow."""
    (tmp_path / "codelists").mkdir()
    header = {
        "name_zh": "例",
        "name_en": "examples",
        "source": "a test",
        "source_date": None,
        "verified": True,
    }
    columns = ["code", "zh", "effective_from", "effective_to", "successor"]
    rows = [["A1", "甲"], ["B1", "乙", None, "2026-11-22", "A1"], ["C1", "丙", "2026-11-24"]]
    text = json.dumps(header | {"id": "example", "columns": columns, "rows": rows})
    (tmp_path / "codelists" / "example.json").write_text(text)
    catalogue.load.cache_clear()
    catalogue.codelist.cache_clear()
    with settings.using({"CATALOGUE": str(tmp_path)}):
        yield catalogue.codelist("example")
    catalogue.load.cache_clear()
    catalogue.codelist.cache_clear()


def test_a_code_is_judged_as_at_the_date(old_codes: catalogue.CodeList) -> None:
    assert old_codes.get("B1", date(2026, 11, 22)) and not old_codes.get("B1", date(2026, 11, 23))
    assert old_codes.get("C1", date(2026, 11, 24)) and not old_codes.get("C1", date(2026, 11, 23))
    assert old_codes.get("A1", date(1990, 1, 1)) == {"code": "A1", "zh": "甲"}
    assert old_codes.get("Z9", date(2026, 11, 23)) is None
    assert old_codes.successor("B1") == "A1" and old_codes.successor("Z9") is None


def test_a_retired_code_names_its_successor_and_since_when() -> None:
    finding = only({"/head/trade_mode": "3039"})
    assert finding.rule == "CODE-TRADE-MODE" and finding.expected == "3010"
    assert "2018-07-31" in finding.message_zh and "3010" in finding.message_en
    assert judged(edited(sample("import-chengdu"), {"/head/trade_mode": "3039"}), date(2018, 7, 3)) == []


def test_a_code_before_its_time_says_from_when() -> None:
    assert "2020-07-01" in only({"/head/trade_mode": "9710"}, date(2020, 6, 30)).message_en
    assert judged(edited(sample("import-chengdu"), {"/head/trade_mode": "9710"}), date(2020, 7, 1)) == []


def test_crosswalks_lead_from_older_codes() -> None:
    countries = catalogue.codelist("country")
    assert countries.crosswalk("numeric", "142") == ["CHN"]
    assert countries.crosswalk("numeric", "000") == countries.crosswalk("no such column", "142") == []


def test_lists_are_read_when_they_are_used() -> None:
    catalogue.codelist.cache_clear()
    DECLARATION.code_findings({"head": {"trade_country": "CHN"}}, TODAY)
    assert catalogue.codelist.cache_info().currsize == 1


# Check digits and days


@pytest.mark.parametrize(
    "sound", ["91510100569680768F", "91310107132231740K", "913302017532977856", "91110000600037341L"]
)
def test_sound_credit_codes_pass(sound: str) -> None:
    assert DECLARATION.code_findings({"head": {"agent_uscc": sound}}, TODAY) == []


@pytest.mark.parametrize(
    "wrong", ["91510100569680768E", "91510100569680888F", "9151010056968076", "915101005696807680"]
)
def test_a_wrong_credit_code_is_refused_without_guessing(wrong: str) -> None:
    (finding,) = DECLARATION.code_findings({"head": {"agent_uscc": wrong}}, TODAY)
    assert (finding.rule, finding.fix) == ("CHECK-USCC", ())


def test_the_check_character_that_was_expected_is_named() -> None:
    (finding,) = DECLARATION.code_findings({"head": {"agent_uscc": "91510100569680768E"}}, TODAY)
    assert "校验位应为 F" in finding.message_zh


def test_an_owner_may_have_no_credit_code_but_nobody_else() -> None:
    assert DECLARATION.code_findings({"head": {"owner_uscc": "NO"}}, TODAY) == []
    assert DECLARATION.code_findings({"head": {"trade_uscc": "NO"}}, TODAY) != []


@pytest.mark.parametrize(
    ("number", "digit"),
    [("MSKU7654321", 8), ("ZIMU1234567", 9), ("TCLU9012345", 0), ("TGHU1234560", 7), ("CSNU6382914", 3)],
)
def test_container_numbers_common_in_samples_are_wrong(number: str, digit: int) -> None:
    (finding,) = DECLARATION.code_findings({"containers": [{"container_no": number}]}, TODAY)
    assert (finding.pointer, finding.rule) == ("/containers/0/container_no", "CHECK-CONTAINER")
    assert f"校验位应为 {digit}" in finding.message_zh
    assert DECLARATION.code_findings({"containers": [{"container_no": f"{number[:-1]}{digit}"}]}, TODAY) == []


@pytest.mark.parametrize("day", ["2026-02-29", "2026-04-31", "0000-01-01"])
def test_a_day_that_the_calendar_lacks_is_refused(day: str) -> None:
    assert [f.rule for f in judged(edited(sample("import-chengdu"), {"/head/input_date": day}))] == [
        "CHECK-DATE"
    ]


# The rest


def test_elements_are_found_by_their_place() -> None:
    assert DECLARATION.elements["/lines/*/hs_code"].id == "SCSW-0090"
    assert DECLARATION.elements["/lines/*/goods_limits/*/vins/*/vin_code"].name_en == "VIN"
    assert len(DECLARATION.elements) == 206


def test_documents_and_lists_that_do_not_exist_are_errors() -> None:
    with pytest.raises(FileNotFoundError):
        catalogue.document("declaration", 99)
    with pytest.raises(FileNotFoundError):
        catalogue.codelist("no-such-list")


def test_messages_are_in_both_languages() -> None:
    faults = json.loads(
        (Path(__file__).parents[1] / "functions/declarations/samples/47-faults.json").read_text("utf-8")
    )
    for finding in judged(faults["document"]):
        assert any("\u4e00" <= letter <= "\u9fff" for letter in finding.message_zh), finding
        assert finding.message_en and finding.message_en != finding.message_zh
        assert finding.source and isinstance(finding.fix, tuple)
