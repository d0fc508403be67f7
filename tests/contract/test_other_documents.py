"""Bonded list, gate pass, certificates, tax bill, licence, booking, tracking event and enterprise record, as data.

Read as plain JSON, so that what the catalogue says is judged apart from the code that reads it.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from functools import cache
from typing import Any

import pytest
import yaml
from stdnum import imo, iso6346
from stdnum.cn import uscc

from infra import ROOT

CATALOGUE = ROOT / "catalogue"
SHARED = ROOT.parent / "shared" / "data"
CHINESE = re.compile(r"[\u4e00-\u9fff]")

RANGES = {
    "bonded": range(1400, 1500),
    "origin": range(1500, 1600),
    "tax": range(1600, 1650),
    "licence": range(1650, 1700),
    "logistics": range(1700, 1800),
    "enterprise": range(1800, 1850),
}
# document → the subject that is its own
DOCUMENTS = {
    "bonded-list": "bonded",
    "gate-pass": "bonded",
    "certificate-of-origin": "origin",
    "kimberley-certificate": "origin",
    "tax-bill": "tax",
    "licence": "licence",
    "booking": "logistics",
    "tracking-event": "logistics",
    "enterprise-record": "enterprise",
}
# Who takes data or owns it, beside the agencies that have a part in a declaration.
OTHERS = {"carrier", "ccpit", "market-supervision", "safe", "window"}


def read(path: str) -> Any:
    return json.loads((CATALOGUE / path).read_bytes())


def elements_of(subject: str) -> list[dict[str, Any]]:
    raw = read(f"elements/{subject}.json")
    return [raw["defaults"] | one for one in raw["elements"]]


ALL = {
    one["id"]: one
    for path in sorted((CATALOGUE / "elements").glob("*.json"))
    for one in elements_of(path.stem)
}
SUBJECT = {
    one["id"]: path.stem for path in (CATALOGUE / "elements").glob("*.json") for one in elements_of(path.stem)
}
OURS = [one for subject in RANGES for one in elements_of(subject)]
AGENCIES = {path.stem for path in (CATALOGUE / "agencies").glob("*.json")} | OTHERS


@cache
def document(name: str) -> Any:
    return read(f"documents/{name}.v1.json")


def sections(raw: Any) -> Iterator[Any]:
    for one in raw.get("sections", ()):
        yield one
        yield from sections(one)


def fields(raw: Any) -> Iterator[list[str]]:
    for one in sections(raw):
        yield from one["fields"]


@cache
def rows(id: str) -> dict[str, dict[str, Any]]:
    raw = read(f"codelists/{id}.json")
    return {row[0]: dict(zip(raw["columns"], row, strict=False)) for row in raw["rows"]}


def in_force(id: str, day: str) -> set[str]:
    return {
        code
        for code, row in rows(id).items()
        if (row.get("effective_from") or "") <= day <= (row.get("effective_to") or "9999")
    }


# ---------------------------------------------------------------- elements


def test_an_id_is_given_once_and_lies_in_the_range_of_its_subject() -> None:
    everywhere = Counter(
        one["id"] for path in (CATALOGUE / "elements").glob("*.json") for one in elements_of(path.stem)
    )
    assert [id for id, times in everywhere.items() if times > 1] == []
    for subject, numbers in RANGES.items():
        ids = [int(one["id"].removeprefix("SCSW-")) for one in elements_of(subject)]
        assert ids == sorted(ids), subject
        assert set(ids) <= set(numbers), subject


def test_a_name_stands_for_one_fact_of_these_subjects_and_of_no_other_element() -> None:
    times = Counter(one["name"] for one in ALL.values())
    assert [one["name"] for one in OURS if times[one["name"]] > 1] == []


@pytest.mark.parametrize("one", OURS, ids=lambda one: one["id"])
def test_an_element_says_in_both_languages_what_it_is_and_whose(one: dict[str, Any]) -> None:
    assert CHINESE.search(one["name_zh"]) and not CHINESE.search(one["name_en"])
    assert one["name_en"][0].isupper()
    assert CHINESE.search(one["definition_zh"]) and one["definition_zh"].endswith("。")
    assert not CHINESE.search(one["definition"]) and one["definition"].endswith(".")
    assert one["owner"] in AGENCIES and one["source"]
    assert set(one["evidence"]) == {"captured", "defined", "analysed", "reconciled"}
    assert not ("code_list" in one and ("pattern" in one or "check" in one)), "two judges of one field"
    for text in one["evidence"].values():
        for id in re.findall(r"SCSW-\d{4}", text):
            assert id in ALL, text


@pytest.mark.parametrize("one", OURS, ids=lambda one: one["id"])
def test_the_examples_are_valid(one: dict[str, Any]) -> None:
    for text in one["examples"]:
        complaint = fault(one, text)
        assert complaint is None, (one["name"], text, complaint)


def fault(one: dict[str, Any], text: str) -> str | None:
    """What speaks against a text, by representation, pattern, code list and check digit; None where nothing does."""
    if complaint := misshapen(one["representation"], text, signed=one.get("signed", False)):
        return complaint
    if "pattern" in one and not re.fullmatch(one["pattern"], text, re.ASCII):
        return "pattern"
    if "code_list" in one and text not in rows(one["code_list"]):
        return "code list"
    if one.get("check") == "uscc" and not uscc.is_valid(text):
        return "check digit"
    if one["name"] == "imo_number" and not imo.is_valid(text):
        return "check digit"
    return None


def misshapen(representation: str, text: str, *, signed: bool) -> str | None:
    if representation == "date":
        return None if date.fromisoformat(text).isoformat() == text else "date"
    if representation == "datetime":
        moment = datetime.fromisoformat(text)
        return None if text.endswith("Z") and moment.utcoffset() is not None else "datetime"
    if match := re.fullmatch(r"N(\d+),(\d+)", representation):
        whole, scale = int(match[1]) - int(match[2]), int(match[2])
        number = re.fullmatch(r"(-?)(0|[1-9]\d*)(?:\.(\d*[1-9]))?", text)
        if number is None or (number[1] and not signed):
            return "canonical number"
        return "digits" if len(number[2]) > whole or len(number[3] or "") > scale else None
    if match := re.fullmatch(r"n\.\.(\d+)", representation):
        return None if re.fullmatch(rf"0|[1-9]\d{{0,{int(match[1]) - 1}}}", text) else "whole number"
    match = re.fullmatch(r"C(\.\.)?(\d+)", representation)
    assert match, representation
    return None if (len(text) <= int(match[2]) if match[1] else len(text) == int(match[2])) else "length"


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("uscc", "91510100569680768F", None),
        ("uscc", "91510100569680768E", "check digit"),
        ("uscc", "91510100569680888F", "check digit"),
        ("imo_number", "9319466", None),
        ("imo_number", "9319467", "check digit"),
        ("bonded_list_no", "QD311124E000098849", None),
        ("bonded_list_no", "QD311124X000098849", "pattern"),
        ("related_list_no", "QD311124E00009884", "length"),
        ("gate_pass_no", "Z3111E240726000000000456", None),
        ("gate_pass_no", "Z3111E24072600000000045", "length"),
        ("hs6_code", "94054", "length"),
        ("rough_diamond_heading", "710239", "code list"),
        ("bonded_list_type", "2", "code list"),
        ("deduction_mode", "NF", None),
        ("rvc_percent", "39.99", None),
        ("rvc_percent", "39.999", "digits"),
        ("rvc_percent", "-1", "canonical number"),
        ("weight_deviation", "-12.5", None),
        ("temperature_setpoint", "-18", None),
        ("fx_class", "D", "code list"),
        ("export_refund_class", "4", None),
        ("kimberley_no", "cn00012345", "pattern"),
        ("port_of_loading", "CNSH1", "pattern"),
        ("aeo_code", "AEOCN5101644060", None),
        ("paid_at", "2026-09-20T03:12:45+08:00", "datetime"),
    ],
)
def test_known_good_and_bad_values(name: str, text: str, complaint: str | None) -> None:
    """The golden vectors of `domain.md` E, and one slip beside each."""
    assert fault(next(one for one in OURS if one["name"] == name), text) == complaint


def test_a_container_of_a_pass_or_event_has_the_declarations_check_digit() -> None:
    for name in ("gate-pass", "tracking-event"):
        assert "SCSW-0154" in {id for id, *_ in fields(document(name))}
    assert ALL["SCSW-0154"]["check"] == "container"
    assert iso6346.is_valid("CSQU3054383") and not iso6346.is_valid("MSKU7654321")


def test_what_identifies_or_reaches_a_person_is_personal() -> None:
    assert {one["name"] for one in OURS if one["sensitivity"] == "personal"} == {
        "applicant_contact", "contact_email", "contact_person", "contact_telephone",
        "legal_representative", "signatory_name",
    }  # fmt: skip


def test_money_of_others_is_not_for_everyone() -> None:
    sensitivity = {one["name"]: one["sensitivity"] for one in OURS}
    for name in (
        "payer_account",
        "tax_amount",
        "fx_class",
        "export_refund_class",
        "rvc_percent",
        "fob_value",
    ):
        assert sensitivity[name] == "sensitive", name
    for name in ("uscc", "enterprise_name", "credit_class", "hs6_code"):
        assert sensitivity[name] == "public", name


# ---------------------------------------------------------------- documents


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_draws_on_the_subjects_that_it_names_and_on_no_others(name: str) -> None:
    raw = document(name)
    ids = [id for id, *_ in fields(raw)]
    assert set(ids) <= ALL.keys()
    assert set(raw["elements_from"]) == {SUBJECT[id] for id in ids}
    assert {"declaration", DOCUMENTS[name]} <= set(raw["elements_from"]), (
        "one fact once: much is the declaration's"
    )
    assert len(raw["elements_from"]) == len(set(raw["elements_from"]))
    assert (raw["name"], raw["version"], raw["owner"] in AGENCIES) == (name, 1, True)
    assert CHINESE.search(raw["name_zh"]) and raw["name_en"] and raw["source"]
    assert raw["sections"][0]["name"] == "head" and raw["sections"][0]["required"] is True


def test_every_element_has_a_place() -> None:
    used = {id for name in DOCUMENTS for id, *_ in fields(document(name))}
    assert {one["id"] for one in OURS} - used == set()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_section_has_a_name_once(name: str) -> None:
    for one in [document(name), *sections(document(name))]:
        names = [ALL[id]["name"] for id, *_ in one.get("fields", ())]
        names += [inner["name"] for inner in one.get("sections", ())]
        assert [text for text, times in Counter(names).items() if times > 1] == [], one["name"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_conditional_field_names_a_condition_and_every_condition_has_a_field(name: str) -> None:
    raw = document(name)
    for id, obligation, *condition in fields(raw):
        assert bool(condition) == (obligation == "C"), id
    assert {field[2] for field in fields(raw) if field[1] == "C"} == set(raw["conditions"])
    for key, one in raw["conditions"].items():
        assert CHINESE.search(one["zh"]) and not CHINESE.search(one["en"]), key
        assert one["agency"] in AGENCIES, key


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_an_agency_takes_is_there_and_is_taken_once(name: str) -> None:
    raw = document(name)
    places = set()
    for one in raw["sections"]:
        within = f"/{one['name']}/*" if "occurs" in one else f"/{one['name']}"
        places |= {f"/{one['name']}"} | {f"{within}/{ALL[id]['name']}" for id, *_ in one["fields"]}
    assert raw["takers"].keys() <= AGENCIES and raw["owner"] in {*raw["takers"], "window"}
    for agency, pointers in raw["takers"].items():
        assert set(pointers) <= places, (agency, set(pointers) - places)
        whole = {pointer for pointer in pointers if pointer.count("/") == 1}
        assert not [one for one in pointers if one not in whole and "/" + one.split("/")[1] in whole], agency
        assert len(pointers) == len(set(pointers)), agency


@pytest.mark.parametrize("name", DOCUMENTS)
def test_somebody_takes_every_section(name: str) -> None:
    raw = document(name)
    taken = {"/" + pointer.split("/")[1] for pointers in raw["takers"].values() for pointer in pointers}
    assert {f"/{one['name']}" for one in raw["sections"]} == taken


@pytest.mark.parametrize("name", DOCUMENTS)
def test_how_often_a_section_occurs_is_nowhere_read_in_a_specification(name: str) -> None:
    for one in sections(document(name)):
        least, most = one.get("occurs", (0, 1))
        assert least <= most
        assert one.get("occurs_verified", False) is False


def test_only_those_who_may_know_take_the_class_of_the_exchange_administration() -> None:
    """`domain.md` C16: class A, B or C goes to banks, the owner and the regulator."""
    takers = document("enterprise-record")["takers"]
    assert [agency for agency, pointers in takers.items() if "/fx_classes" in pointers] == ["safe"]
    assert [agency for agency, pointers in takers.items() if "/refund_classes" in pointers] == ["tax"]


def test_the_kimberley_certificate_has_all_twelve_elements() -> None:
    """31 CFR 592.307 (a) to (l), as `domain.md` C8 (g) sums them up."""
    names = {
        ALL[id]["name"]
        for one in document("kimberley-certificate")["sections"][:2]
        for id, *_ in one["fields"]
    }
    assert {
        "kimberley_statement", "origin_country", "kimberley_no", "issue_date", "expiry_date", "issuing_authority",
        "exporter_name", "importer_name", "carat_weight", "diamond_value", "parcel_count", "rough_diamond_heading",
        "kimberley_validated_on",
    } <= names  # fmt: skip
    assert set(rows("rough-diamond-heading")) == {"710210", "710221", "710231"}


def test_the_weights_of_a_gate_pass_are_all_there_to_be_added_up() -> None:
    names = {ALL[id]["name"] for id, *_ in document("gate-pass")["sections"][0]["fields"]}
    assert {"vehicle_tare", "frame_weight", "container_tare", "gross_weight", "total_weight"} <= names
    weights = [one for one in OURS if one["name"] in names and one["name"].endswith(("tare", "weight"))]
    assert {one["unit"] for one in weights} == {"kg"}


@pytest.mark.parametrize("name", ["bonded-list", "gate-pass", "tax-bill", "licence", "certificate-of-origin"])
def test_countries_currencies_and_units_are_those_of_the_declaration(name: str) -> None:
    """Bonded messages carry numbers of three digits (142 for China); the document never does."""
    listed = {ALL[id]["code_list"] for id, *_ in fields(document(name)) if "code_list" in ALL[id]}
    assert listed & {"country", "currency", "unit"}
    for id, *_ in fields(document(name)):
        if re.search(r"(country|currency|_unit|^unit)$", ALL[id]["name"]):
            assert ALL[id]["code_list"] in ("country", "currency", "unit"), ALL[id]["name"]


def test_bonded_parties_stand_apart_by_section() -> None:
    """The list's own trader, and that of the linked declaration, are the same elements in two places."""
    head, linked, *_ = document("bonded-list")["sections"]
    trader = {"SCSW-0031", "SCSW-0034", "SCSW-0058"}
    assert trader <= {id for id, *_ in head["fields"]} and trader <= {id for id, *_ in linked["fields"]}
    assert "required" not in linked


# ---------------------------------------------------------------- code lists

LISTS = sorted({one["code_list"] for one in OURS if "code_list" in one})


@pytest.mark.parametrize("id", LISTS)
def test_a_code_fits_its_element_and_has_a_name_in_both_languages(id: str) -> None:
    for code, row in rows(id).items():
        assert CHINESE.search(row["zh"]) or row["zh"].isascii(), code
        assert row["en"] and not CHINESE.search(row["en"]), code
    for one in OURS:
        if one.get("code_list") == id:
            for code in rows(id):
                assert misshapen(one["representation"], code, signed=False) is None, (one["name"], code)


def test_states_are_those_of_the_specification_in_their_order() -> None:
    expected = {
        "tax-bill-status": "ISSUED SENT_TO_BANK PAID TREASURY_CONFIRMED FAILED REVERSED OVERDUE",
        "licence-status": "DRAFT SUBMITTED ACCEPTED SUPPLEMENT IN_REVIEW APPROVED REJECTED WITHDRAWN EXPIRED REVOKED",
        "enterprise-filing-status": "DRAFT SUBMITTED CORRECTION APPROVED CHANGED SUSPENDED CANCELLED",
        "bonded-list-type": "0 1 3 4 5 6 7 8 9",
        "deduction-status": "0 1 2 3",
        "deduction-mode": "D F N NF E",
        "bonded-review-result": "1 2 3 4 5",
        "gate-pass-type": "1 2 3 4 5 6",
        "gate-pass-binding": "1 2 3",
        "gate-pass-status": "0 1 2 3 4 5 6",
        "export-refund-class": "1 2 3 4",
        "fx-class": "A B C",
    }
    assert {id: " ".join(rows(id)) for id in expected} == expected


FOUR = {"CERTIFIED_ADVANCED", "CERTIFIED_GENERAL", "GENERAL", "DISCREDITED"}
THREE = {"CERTIFIED_ADVANCED", "ORDINARY", "DISCREDITED"}
FIVE = {"CERTIFIED_ADVANCED", "CERTIFIED", "ORDINARY", "DISCREDITED", "SERIOUSLY_DISCREDITED"}


@pytest.mark.parametrize(
    ("day", "classes"),
    [
        ("2014-11-30", set()),
        ("2014-12-01", FOUR),  # order 225
        ("2018-04-30", FOUR),
        ("2018-05-01", FOUR),  # order 237: the same classes
        ("2021-10-31", FOUR),
        ("2021-11-01", THREE),  # order 251
        ("2026-03-31", THREE),
        ("2026-04-01", FIVE),  # order 282
    ],
)
def test_credit_classes_are_those_of_the_order_in_force(day: str, classes: set[str]) -> None:
    assert in_force("credit-class", day) == classes


def test_a_credit_class_that_ended_leads_to_the_next() -> None:
    ended = {code: row for code, row in rows("credit-class").items() if row.get("effective_to")}
    assert {code: (row["effective_to"], row["successor"]) for code, row in ended.items()} == {
        "CERTIFIED_GENERAL": ("2021-10-31", "ORDINARY"),
        "GENERAL": ("2021-10-31", "ORDINARY"),
    }
    assert read("codelists/credit-class.json")["verified"] is False, "none of the orders was read itself"


def test_the_rules_of_credit_know_the_same_classes() -> None:
    editions = [one for one in read("rules/enterprise-credit.json")["rules"] if one["id"] == "CREDIT-CLASSES"]
    assert len(editions) == 4
    for one in editions:
        named = {entry["class"] for entry in one["params"][0]["values"]["classes"]}
        assert named == in_force("credit-class", one["effective_from"]), one["legal_basis"]


def test_qualifications_that_were_abolished() -> None:
    assert "FOREIGN_TRADE_OPERATOR" in in_force("qualification-kind", "2022-12-29")
    assert "FOREIGN_TRADE_OPERATOR" not in in_force("qualification-kind", "2022-12-30")
    assert rows("qualification-kind")["CIQ_FILING"]["successor"] == "CUSTOMS_FILING"


def test_agreements_come_into_force() -> None:
    assert "22" in in_force("trade-agreement", "2022-01-01") and "22" not in in_force(
        "trade-agreement", "2021-12-31"
    )
    later = {code for code, row in rows("trade-agreement").items() if row.get("verified") is False}
    assert later == {str(number) for number in range(21, 29)}, "those that the rules of 2018 do not have"


# ---------------------------------------------------------------- against what was read


def test_agreements_are_those_of_the_filling_rules() -> None:
    path = SHARED / "spec-cn" / "dec-2018-filling-rules.txt"
    if not path.exists():
        pytest.skip("the filling rules stand in ../shared, which a user's machine does not have")
    stated = dict(re.findall(r"“(\d\d)”为“([^”]+)”", path.read_text("utf-8")))
    assert len(stated) == 18
    named = {
        code: row["zh"] for code, row in rows("trade-agreement").items() if row.get("verified") is not False
    }
    assert named.keys() == stated.keys()
    for code, name in stated.items():
        assert plain(name) in plain(named[code]), code


def plain(name: str) -> str:
    return re.sub(r"[（(].*[)）]|—|-", "", name)


@cache
def dcsa(file: str) -> Any:
    path = SHARED / "schema-dcsa" / file
    if not path.exists():
        pytest.skip("the DCSA descriptions stand in ../shared, which a user's machine does not have")
    return yaml.safe_load(path.read_text("utf-8"))["components"]["schemas"]


TNT, BOOKING = "tnt-v3.0.0-openapi.yaml", "BKG_v2.0.5.yaml"


@pytest.mark.parametrize(
    ("id", "file", "places"),
    [
        ("tracking-event-type", TNT, ["EventClassification/eventType"]),
        ("event-classifier", TNT, ["ClassifiedDateTime/classifier"]),
        (
            "tracking-event-code",
            TNT,
            [
                f"EventClassification/{kind}EventType"
                for kind in ("shipment", "transport", "equipment", "iot", "reefer")
            ],
        ),
        ("container-load-status", TNT, ["EquipmentDetails/emptyIndicator"]),
        ("transport-phase", TNT, ["EquipmentDetails/transportPhase"]),
        ("seal-source", TNT, ["Seal/source"]),
        ("tracked-document-type", TNT, ["DocumentReference/type"]),
        ("shipment-reference-type", TNT, ["ShipmentReference/type"]),
        ("facility-code-provider", TNT, ["Facility/facilityCodeListProvider"]),
        ("leg-mode", TNT, ["TransportCall/modeOfTransport"]),
        ("booking-status", BOOKING, ["Booking/bookingStatus"]),
        ("cut-off-type", BOOKING, ["ShipmentCutOffTime/cutOffDateTimeCode"]),
        (
            "haulage-service",
            BOOKING,
            ["CreateBooking/receiptTypeAtOrigin", "CreateBooking/deliveryTypeAtDestination"],
        ),
        ("freight-payment-term", BOOKING, ["CreateBooking/freightPaymentTermCode"]),
        ("carrier-code-provider", BOOKING, ["CreateBooking/carrierCodeListProvider"]),
        ("transport-document-type", BOOKING, ["CreateBooking/transportDocumentTypeCode"]),
    ],
)
def test_a_list_after_dcsa_has_its_codes(id: str, file: str, places: list[str]) -> None:
    stated: set[str] = set()
    for place in places:
        schema, name = place.split("/")
        found = dcsa(file)[schema]["properties"][name]
        stated |= set(found.get("enum") or re.findall(r"^- `([A-Z_]+)`", found["description"], re.MULTILINE))
    raw = read(f"codelists/{id}.json")
    assert stated and raw["verified"] is True
    assert set(rows(id)) == (stated | raw.get("added", {}).keys()) - raw.get("left_out", {}).keys()
    assert raw.get("left_out", {}).keys() <= stated


def test_no_event_code_stands_in_two_types_of_event() -> None:
    """Why one element may carry the codes of all five types."""
    kinds = dcsa(TNT)["EventClassification"]["properties"]
    codes = [
        code
        for name, one in kinds.items()
        if name.endswith("EventType")
        for code in re.findall(r"^- `([A-Z_]+)`", one["description"], re.MULTILINE)
    ]
    assert len(codes) == len(set(codes)) == 67


@pytest.mark.parametrize(
    ("name", "file", "place"),
    [
        ("booking_request_ref", BOOKING, "Booking/carrierBookingRequestReference"),
        ("carrier_booking_ref", BOOKING, "Booking/carrierBookingReference"),
        ("carrier_liner_code", BOOKING, "CreateBooking/carrierCode"),
        ("carrier_service_code", BOOKING, "CreateBooking/carrierServiceCode"),
        ("service_contract_ref", BOOKING, "CreateBooking/serviceContractReference"),
        ("shipper_name", BOOKING, "Shipper/partyName"),
        ("booking_agent_name", BOOKING, "BookingAgent/partyName"),
        ("commodity_description", BOOKING, "Commodity/commodityType"),
        ("port_of_loading", BOOKING, "LoadLocation/UNLocationCode"),
        ("reference_no", TNT, "ShipmentReference/reference"),
        ("event_id", TNT, "Event/eventID"),
        ("event_reason", TNT, "Event/reason"),
        ("location_name", TNT, "Location/locationName"),
        ("facility_code", TNT, "Facility/facilityCode"),
        ("tracked_document_no", TNT, "DocumentReference/reference"),
    ],
)
def test_a_width_after_dcsa_is_its_width(name: str, file: str, place: str) -> None:
    schema, field = place.split("/")
    one = next(one for one in OURS if one["name"] == name)
    assert one["verified"] is True
    assert (
        int(re.sub(r"[C.]", "", one["representation"]))
        == dcsa(file)[schema]["properties"][field]["maxLength"]
    )
    pattern = dcsa(file)[schema]["properties"][field].get("pattern", "")
    if "pattern" in one and pattern.startswith("^[A-Z]"):
        assert re.sub(r"[()?:]", "", one["pattern"]) == pattern


def test_untded_numbers_stand_in_the_directory() -> None:
    path = SHARED / "schema-edifact" / "D17A" / "segments.xml"
    if not path.exists():
        pytest.skip("the EDIFACT directory stands in ../shared, which a user's machine does not have")
    known = set(re.findall(r'<data_element id="(\d{4})"', path.read_text("utf-8")))
    assert {one["untded"] for one in OURS if "untded" in one} <= known
