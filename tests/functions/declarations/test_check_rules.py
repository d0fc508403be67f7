"""Every rule by itself: a sound declaration, the edits that break it, and where the finding must be."""

from datetime import date
from typing import Any

import pytest

from declarations.check import check, rulebook
from tests.support.sample_documents import GONE, TODAY, edited, patched, sample

IMPORT, EXPORT, AIR, HOME = "import-chengdu", "export-chengdu", "by air", "within China"

# The import by air; and out of a bonded warehouse, without crossing the border.
BY_AIR = {
    "/head/transport_mode": "5",
    "/head/transport_name": "CA428",
    "/head/bill_no": "784-12345675_HRCD260921",
    "/head/original_container_flag": "0",
    "/head/delivery_order_no": GONE,
    "/free_text": GONE,
    "/containers": GONE,
}
WITHIN_CHINA = {
    "/head/transport_mode": "8",
    "/head/transport_name": GONE,
    "/head/bill_no": GONE,
    "/head/trade_country": "CHN",
    "/head/departure_port": "CHN000",
    "/head/destination_port": "CHN000",
    "/head/transaction_mode": "1",
    "/head/freight_mark": GONE,
    "/head/freight_rate": GONE,
    "/head/freight_currency": GONE,
    "/head/insurance_mark": GONE,
    "/head/insurance_rate": GONE,
    "/head/original_container_flag": "0",
    "/free_text": GONE,
    "/containers": GONE,
}
# In kilograms throughout, as the sums of weights want it.
ALL_KILOGRAMS = {
    f"/lines/{index}/{name}": value
    for index, weight in ((0, "1860"), (1, "742.5"), (7, "21"), (8, "9.6"), (9, "8.8"), (12, "232"))
    for name, value in (("second_unit", "035"), ("second_quantity", weight))
}

# (rule, base, edits, pointer of the finding)
CASES: list[tuple[str, str, dict[str, Any], str]] = [
    ("LINE-TOTAL", IMPORT, {"/lines/6/total_price": "9270.09"}, "/lines/6/total_price"),
    ("AMOUNT-ZERO", IMPORT, {"/lines/0/quantity": "0"}, "/lines/0/quantity"),
    ("CURRENCY-MIXED", IMPORT, {"/lines/3/currency": "USD"}, "/lines/3/currency"),
    ("UNIT-QUANTITY", IMPORT, {"/lines/2/first_quantity": "25"}, "/lines/2/first_quantity"),
    ("QUANTITY-SCALE", IMPORT, {"/lines/16/first_quantity": "388000"}, "/lines/16/first_quantity"),
    ("QUANTITY-SCALE", IMPORT, {"/lines/16/unit": "070"}, "/lines/16/first_quantity"),
    (
        "UNIT-CONVERSION",
        IMPORT,
        {"/lines/16/unit": "036", "/lines/16/quantity": "380000"},
        "/lines/16/first_quantity",
    ),
    ("UNIT-PAIR", IMPORT, {"/lines/2/second_quantity": GONE}, "/lines/2/second_quantity"),
    ("UNIT-PAIR", IMPORT, {"/lines/2/second_unit": GONE}, "/lines/2/second_unit"),
    ("WEIGHT-NET-GROSS", IMPORT, {"/head/net_weight": "6682.21"}, "/head/net_weight"),
    (
        "WEIGHT-BELOW-ONE",
        IMPORT,
        {"/head/gross_weight": "0.8", "/head/net_weight": "0.5"},
        "/head/net_weight",
    ),
    ("WEIGHT-LINES", IMPORT, ALL_KILOGRAMS | {"/head/net_weight": "5986.71"}, "/head/net_weight"),
    ("WEIGHT-LINES-GROSS", IMPORT, {"/lines/6/second_quantity": "28500"}, "/head/gross_weight"),
    ("PACKS-ZERO", IMPORT, {"/head/pack_no": "0"}, "/head/pack_no"),
    (
        "FEE-REQUIRED",
        IMPORT,
        {"/head/insurance_mark": GONE, "/head/insurance_rate": GONE},
        "/head/insurance_mark",
    ),
    ("FEE-REQUIRED", IMPORT, {"/head/freight_rate": "0"}, "/head/freight_rate"),
    (
        "FEE-REQUIRED",
        EXPORT,
        {"/head/freight_mark": GONE, "/head/freight_rate": GONE, "/head/freight_currency": GONE},
        "/head/freight_mark",
    ),
    (
        "FEE-REQUIRED-RARE-TERMS",
        IMPORT,
        {"/head/transaction_mode": "7", "/head/insurance_mark": GONE, "/head/insurance_rate": GONE},
        "/head/insurance_mark",
    ),
    ("FEE-INCLUDED", IMPORT, {"/head/transaction_mode": "2"}, "/head/freight_mark"),
    ("FEE-INCLUDED", EXPORT, {"/head/transaction_mode": "2"}, "/head/insurance_mark"),
    ("FEE-PARTS", IMPORT, {"/head/freight_currency": GONE}, "/head/freight_currency"),
    ("FEE-PARTS", IMPORT, {"/head/insurance_rate": GONE}, "/head/insurance_rate"),
    ("FEE-PARTS", IMPORT, {"/head/other_rate": "12"}, "/head/other_mark"),
    ("FEE-RATE-CURRENCY", IMPORT, {"/head/insurance_currency": "EUR"}, "/head/insurance_currency"),
    ("FEE-RATE-HIGH", IMPORT, {"/head/insurance_rate": "300"}, "/head/insurance_rate"),
    ("TERMS-DOMESTIC", HOME, {"/head/transaction_mode": "5"}, "/head/transaction_mode"),
    ("PROMISE-COUNT", IMPORT, {"/head/promise_items": "0000"}, "/head/promise_items"),
    ("PROMISE-CONTRADICTION", IMPORT, {"/head/promise_items": "01000"}, "/head/promise_items"),
    ("PROMISE-INFLUENCE", IMPORT, {"/head/promise_items": "19000"}, "/head/promise_items"),
    ("PROMISE-MISSING", IMPORT, {"/head/promise_items": GONE}, "/head/promise_items"),
    ("PROMISE-MISSING", IMPORT, {"/head/promise_items": "00900"}, "/head/promise_items"),
    ("PROMISE-FORMULA", IMPORT, {"/head/promise_items": "00010"}, "/head/note"),
    ("PROMISE-FORMULA", IMPORT, {"/head/note": "公式定价79012600017@"}, "/head/promise_items"),
    ("BILL-AIR-STYLE", AIR, {"/head/bill_no": "784-12345675*HRCD260921"}, "/head/bill_no"),
    ("BILL-AIR-CHECK-DIGIT", AIR, {"/head/bill_no": "784-12345676_HRCD260921"}, "/head/bill_no"),
    ("BILL-SEA-STYLE", IMPORT, {"/head/bill_no": "HLSH2609418735_HRCD260921"}, "/head/bill_no"),
    ("BILL-ONE", IMPORT, {"/head/bill_no": "HLSH2609418735,HLSH2609418736"}, "/head/bill_no"),
    ("BILL-MISSING", EXPORT, {"/head/bill_no": GONE}, "/head/bill_no"),
    ("TRANSPORT-NAME-MISSING", IMPORT, {"/head/transport_name": GONE}, "/head/transport_name"),
    ("TRANSIT-NUMBER", IMPORT, {"/head/transit_flag": "1"}, "/head/transport_name"),
    (
        "TRANSIT-NUMBER",
        IMPORT,
        {"/head/transit_flag": "1", "/head/transport_name": GONE},
        "/head/transport_name",
    ),
    ("TRANSIT-FLAG", IMPORT, {"/head/transport_name": "@2612345678901234"}, "/head/transit_flag"),
    ("VOYAGE-MISSING", IMPORT, {"/free_text": GONE}, "/free_text/voyage_no"),
    ("VOYAGE-DATE", EXPORT, {"/free_text/voyage_no": "X8024"}, "/free_text/voyage_no"),
    ("SHIP-IMO", IMPORT, {"/head/transport_name": "UN9319467"}, "/head/transport_name"),
    ("FLIGHT-NUMBER", AIR, {"/head/transport_name": "UN9319466"}, "/head/transport_name"),
    ("DELIVERY-ORDER-AIR", AIR, {"/head/delivery_order_no": "D1"}, "/head/delivery_order_no"),
    ("DOMESTIC-COUNTRY", HOME, {"/head/trade_country": "DEU"}, "/head/trade_country"),
    ("TRADE-COUNTRY-PORT", IMPORT, {"/head/trade_country": "ITA"}, "/head/trade_country"),
    (
        "DESTINATION-DIRECTION",
        IMPORT,
        {"/lines/0/destination_country": "DEU"},
        "/lines/0/destination_country",
    ),
    (
        "DESTINATION-DIRECTION",
        EXPORT,
        {"/lines/0/destination_country": "CHN", "/lines/0/origin_country": "DEU"},
        "/lines/0/destination_country",
    ),
    ("IE-DATE-MISSING", IMPORT, {"/head/ie_date": GONE}, "/head/ie_date"),
    ("IE-DATE-LATE", IMPORT, {"/head/ie_date": "2026-11-08"}, "/head/ie_date"),
    (
        "IE-DATE-AHEAD",
        IMPORT,
        {"/head/ie_date": "2027-11-19", "/head/discharge_date": "2027-11-20"},
        "/head/ie_date",
    ),
    ("DATE-ORDER", IMPORT, {"/head/departure_date": "2026-11-21"}, "/head/departure_date"),
    (
        "PRODUCED-LATER",
        IMPORT,
        {"/lines/0/production_date": "2026-09-01;2026-11-20"},
        "/lines/0/production_date",
    ),
    ("EXPIRED", IMPORT, {"/lines/20/valid_until": "2026-11-22"}, "/lines/20/valid_until"),
    ("PARTY-CODE-MISSING", IMPORT, {"/head/owner_uscc": GONE, "/head/owner_code": GONE}, "/head/owner_uscc"),
    ("PARTY-CODE-CLASH", IMPORT, {"/head/owner_uscc": "91110000600037341L"}, "/head/owner_uscc"),
    ("PARTY-NAME-CLASH", IMPORT, {"/head/owner_name": "另一家公司"}, "/head/owner_name"),
    ("PARTY-ORGANISATION-CODE", IMPORT, {"/head/input_code": "132231741"}, "/head/input_code"),
    (
        "OVERSEAS-PARTY-MISSING",
        IMPORT,
        {"/head/overseas_consignor_name_en": GONE},
        "/head/overseas_consignor_name_en",
    ),
    (
        "OVERSEAS-PARTY-MISSING",
        EXPORT,
        {
            "/head/overseas_consignee_name_en": GONE,
            "/head/overseas_consignor_name_en": "ELBE HANDELSKONTOR GMBH",
        },
        "/head/overseas_consignee_name_en",
    ),
    (
        "OVERSEAS-CODE-CHINESE",
        IMPORT,
        {"/head/overseas_consignor_code": "91510100569680888F"},
        "/head/overseas_consignor_code",
    ),
    (
        "LICENCE-BLOCK",
        IMPORT,
        {"/licence_documents/0/document_code": "1"},
        "/licence_documents/0/document_code",
    ),
    (
        "ORIGIN-PROOF-FORM",
        IMPORT,
        {"/licence_documents/1/document_no": "D2026-0048213"},
        "/licence_documents/1/document_no",
    ),
    (
        "ORIGIN-PROOF-ONE",
        IMPORT,
        {"/licence_documents/-": {"document_code": "Y", "document_no": "<19>K0012345"}},
        "/licence_documents/2/document_no",
    ),
    (
        "ORIGIN-AGREEMENT",
        IMPORT,
        {"/licence_documents/1/document_no": "<09>D2026-0048213"},
        "/licence_documents/1/document_no",
    ),
    ("ORIGIN-COUNTRY", IMPORT, {"/lines/8/origin_country": "DEU"}, "/lines/8/origin_country"),
    ("RELATION-LINE", IMPORT, {"/origin_relations/0/line_no": "23"}, "/origin_relations/0/line_no"),
    ("RELATION-TWICE", IMPORT, {"/origin_relations/1/line_no": "8"}, "/origin_relations/1/line_no"),
    (
        "RELATION-PROOF",
        IMPORT,
        {"/origin_relations/0/certificate_no": "<17>D2026-0048214"},
        "/origin_relations/0/certificate_no",
    ),
    ("RELATION-MISSING", IMPORT, {"/origin_relations": GONE}, "/origin_relations"),
    ("LEDGER-LINE", IMPORT, {"/head/manual_no": "T79016A00012"}, "/lines/4/contract_item"),
    ("LEDGER-MISSING", IMPORT, {"/lines/4/contract_item": "2"}, "/head/manual_no"),
    ("EXPORT-PRE-INSPECTION", EXPORT, {"/head/inspection_org": "510030"}, "/licence_documents"),
    ("WOOD-PACKAGING", IMPORT, {"/head/acceptance_org": GONE}, "/head/acceptance_org"),
    ("OTHER-PACKS", IMPORT, {"/head/no_other_pack": "1"}, "/head/no_other_pack"),
    ("DANGEROUS-GOODS", IMPORT, {"/lines/21/dangerous_pack_class": GONE}, "/lines/21/dangerous_pack_class"),
    ("DANGEROUS-OR-NOT", IMPORT, {"/lines/21/non_dangerous_flag": "1"}, "/lines/21/non_dangerous_flag"),
    (
        "GOODS-LIMIT-LINE",
        IMPORT,
        {"/lines/0/goods_limits": [{"line_no": "2", "licence_type": "411", "licence_no": "A1"}]},
        "/lines/0/goods_limits/0/line_no",
    ),
    ("CORRELATION-PAIR", IMPORT, {"/head/correlation_no": "790120261000000017"}, "/head/correlation_reason"),
    (
        "CERTIFICATE-FIELDS",
        IMPORT,
        {"/head/domestic_consignee_name_en": GONE},
        "/head/domestic_consignee_name_en",
    ),
    ("PAPER-ATTACHMENTS", IMPORT, {"/head/entry_type": "0"}, "/head/entry_type"),
    ("NOTE-TEMPORARY", IMPORT, {"/head/trade_mode": "2600"}, "/head/note"),
    (
        "NOTE-TEMPORARY",
        IMPORT,
        {"/head/trade_mode": "2600", "/head/note": "暂进六/20270620前复运出境"},
        "/head/note",
    ),
    ("MARKS-NONE", EXPORT, {"/head/marks": "无"}, "/head/marks"),
    (
        "TRADE-MODE-LEDGER",
        IMPORT,
        {"/head/trade_mode": "0615", "/head/levy_nature": "503"},
        "/head/manual_no",
    ),
    ("TRADE-MODE-LEVY", IMPORT, {"/head/levy_nature": "299"}, "/head/levy_nature"),
    ("TRADE-MODE-DUTY", IMPORT, {"/lines/3/duty_mode": "3"}, "/lines/3/duty_mode"),
    ("CONTAINER-TWICE", IMPORT, {"/containers/1/container_no": "CSQU3054383"}, "/containers/1/container_no"),
    (
        "CONTAINER-LINE",
        IMPORT,
        {"/containers/0/line_nos": "1,2,3,4,5,6,7,8,9,10,11,23"},
        "/containers/0/line_nos",
    ),
    ("CONTAINER-COVERAGE", IMPORT, {"/containers/0/line_nos": "1,2,3,4,5,6,7,8,9,10"}, "/lines/10/line_no"),
    ("CONTAINER-WEIGHT", IMPORT, {"/containers/0/goods_weight": "160"}, "/containers"),
    (
        "CONTAINER-ORIGINAL",
        IMPORT,
        {"/containers": GONE},
        "/head/original_container_flag",
    ),
    ("LINE-NUMBERS", IMPORT, {"/lines/21/line_no": "23"}, "/lines/21/line_no"),
    (
        "ELEMENTS-BRAND",
        IMPORT,
        {"/lines/0/declared_elements": "接触式扫描测量|ZENTRA牌"},
        "/lines/0/declared_elements",
    ),
    (
        "ELEMENTS-PREFERENCE",
        EXPORT,
        {"/lines/0/declared_elements": "1|3|处理数据"},
        "/lines/0/declared_elements",
    ),
    ("REGION-PROVINCE", IMPORT, {"/lines/0/destination_division": "440308"}, "/lines/0/destination_division"),
    (
        "RELATED-ENTRY-ID",
        IMPORT,
        {"/free_text/related_entry_id": "790120262000000017"},
        "/free_text/related_entry_id",
    ),
    ("ENTRY-ID-PARTS", IMPORT, {"/head/entry_id": "790120260000000017"}, "/head/entry_id"),
    ("ENTRY-ID-PARTS", IMPORT, {"/head/entry_id": "790220261000000017"}, "/head/entry_id"),
    ("FIELD-MISSING", IMPORT, {"/lines/0/first_quantity": GONE}, "/lines/0/first_quantity"),
    ("CUSTOMS-OFFICE", IMPORT, {"/head/customs_master": "7900"}, "/head/customs_master"),
    ("DRAFT", IMPORT, {"/sign/oper_type": "G"}, "/sign/oper_type"),
]
# Rules that need another date, or more than edits: each has a test of its own, here or in test_check.py.
ELSEWHERE = {"CLEARANCE-FORM", "LINE-REPEATED"}


def base(name: str) -> dict[str, Any]:
    if name == AIR:
        return edited(sample(IMPORT), BY_AIR)
    if name == HOME:
        return edited(sample(IMPORT), WITHIN_CHINA)
    return sample(name)


def rules_at(document: dict[str, Any], as_at: date = TODAY) -> set[tuple[str, str]]:
    return {(finding.rule, finding.pointer) for finding in check(document, as_at).findings}


@pytest.mark.parametrize("name", [IMPORT, EXPORT, AIR, HOME])
def test_the_bases_are_sound(name: str) -> None:
    assert rules_at(base(name)) == set()


@pytest.mark.parametrize(
    ("rule", "name", "edits", "pointer"), CASES, ids=[f"{c[0]}-{n}" for n, c in enumerate(CASES)]
)
def test_a_rule_finds_its_fault(rule: str, name: str, edits: dict[str, Any], pointer: str) -> None:
    assert (rule, pointer) in rules_at(edited(base(name), edits))


@pytest.mark.parametrize(
    ("rule", "name", "edits", "pointer"), CASES, ids=[f"{c[0]}-{n}" for n, c in enumerate(CASES)]
)
def test_a_fix_mends_what_it_was_given_for(rule: str, name: str, edits: dict[str, Any], pointer: str) -> None:
    document = edited(base(name), edits)
    finding = next(f for f in check(document, TODAY).findings if (f.rule, f.pointer) == (rule, pointer))
    if finding.fix:
        assert (rule, pointer) not in rules_at(patched(document, finding.fix))


def test_every_rule_that_is_awake_has_a_case() -> None:
    awake = {edition.id for edition in rulebook().editions if not edition.needs}
    assert awake == {case[0] for case in CASES} | ELSEWHERE


def test_every_finding_speaks_both_languages_and_names_its_source() -> None:
    for rule, name, edits, _ in CASES:
        for finding in check(edited(base(name), edits), TODAY).findings:
            assert finding.message_zh, rule
            assert finding.message_en, rule
            assert "None" not in finding.message_zh + finding.message_en, (
                rule,
                finding.message_zh,
                finding.message_en,
            )
            assert finding.source, rule
            if finding.pointer.count("/") > 1:
                assert finding.element or finding.pointer.startswith("/lines/"), finding


def test_facts_from_memory_are_not_passed_off_as_verified() -> None:
    """Domain: a rule marked [known] or [unverified] carries `verified: false`."""
    by_id = {edition.id: edition for edition in rulebook().editions}
    for rule in (
        "CLEARANCE-FORM",
        "FEE-REQUIRED-RARE-TERMS",
        "PROMISE-COUNT",
        "TRADE-MODE-LEDGER",
        "ORIGIN-COUNTRY",
    ):
        assert not by_id[rule].verified
    for edition in by_id.values():
        if any(
            word in edition.source for word in ("memory", "provenance", "ours", "own rule: a customs code")
        ):
            assert not edition.verified, edition.id


# --- more than one edit can say


def test_the_tolerance_of_a_total_is_what_rounding_hides() -> None:
    """Domain A.11: quantity × 0.00005 + 0.005: for 1,500 at 6.18 that is 9,270 ± 0.08."""
    for total, sound in (("9270.08", True), ("9269.92", True), ("9270.09", False), ("9269.91", False)):
        found = rules_at(edited(sample(IMPORT), {"/lines/6/total_price": total}))
        assert (found == set()) is sound


def test_less_than_a_kilogram_is_one_and_the_sum_does_not_complain() -> None:
    light = {
        "/lines": [
            sample(IMPORT)["lines"][18]
            | {"line_no": "1", "quantity": "0.4", "first_quantity": "0.4", "total_price": "18.68"}
        ],
        "/head/net_weight": "1",
        "/head/gross_weight": "1",
        "/containers/0/line_nos": "1",
        "/containers/1": GONE,
        "/licence_documents": GONE,
        "/origin_relations": GONE,
    }
    assert rules_at(edited(sample(IMPORT), light)) == set()
    assert rules_at(
        edited(sample(IMPORT), light | {"/head/net_weight": "1.5", "/head/gross_weight": "2"})
    ) == {("WEIGHT-LINES", "/head/net_weight")}


def test_the_sum_of_weights_is_not_judged_where_a_line_is_not_in_kilograms() -> None:
    assert rules_at(edited(sample(IMPORT), {"/head/net_weight": "6100"})) == set()
    wine = ALL_KILOGRAMS | {"/lines/20/hs_code": "2204210000", "/head/net_weight": "6100"}
    assert rules_at(edited(sample(IMPORT), wine)) == set()


def test_lines_that_differ_in_amounts_only_are_to_be_grouped() -> None:
    document = sample(IMPORT)
    again = document["lines"][16] | {
        "line_no": "23",
        "quantity": "10",
        "first_quantity": "10",
        "total_price": "276.5",
    }
    edits = {"/lines/-": again, "/containers/1/line_nos": document["containers"][1]["line_nos"] + ",23"}
    assert rules_at(edited(document, edits)) == {("LINE-REPEATED", "/lines/22")}
    other = edits | {"/lines/-": again | {"unit_price": "27", "total_price": "270"}}
    assert rules_at(edited(document, other)) == set()


def test_promises_are_judged_by_the_form_of_their_day() -> None:
    three = edited(sample(IMPORT), {"/head/promise_items": "000", "/head/ie_date": "2018-07-01"})
    count = ("PROMISE-COUNT", "/head/promise_items")
    assert count not in rules_at(three, date(2018, 7, 3))
    assert count in rules_at(three, date(2019, 2, 1))
    five = edited(sample(IMPORT), {"/head/promise_items": "00000"})
    assert count in rules_at(five, date(2018, 7, 3))


def test_an_agreement_binds_a_member_from_the_day_it_joined() -> None:
    proof = "<22>R2022-1"
    edits = {"/licence_documents/1/document_no": proof, "/lines/7/origin_country": "MYS"}
    edits |= {f"/origin_relations/{n}/certificate_no": proof for n in range(3)}
    document = edited(sample(IMPORT), edits)
    fault = ("ORIGIN-COUNTRY", "/lines/7/origin_country")
    assert fault in rules_at(document, date(2022, 3, 17))
    assert fault not in rules_at(document, date(2022, 3, 18))
    assert ("ORIGIN-AGREEMENT", "/licence_documents/1/document_no") in rules_at(document, date(2021, 12, 31))


def test_early_transit_needs_no_bill_and_takes_a_transit_number() -> None:
    for name in ("@2612345678901234", "@2612345678901"):
        edits = {
            "/head/transit_flag": "1",
            "/head/transport_name": name,
            "/head/bill_no": GONE,
            "/free_text": GONE,
        }
        assert rules_at(edited(sample(IMPORT), edits)) == set()


def test_without_a_direction_rules_about_directions_are_silent() -> None:
    found = rules_at(edited(sample(IMPORT), {"/head/ie_flag": "X", "/head/overseas_consignor_name_en": GONE}))
    assert found == {("SHAPE-FORMAT", "/head/ie_flag")}
