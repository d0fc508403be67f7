"""The catalogue as data: elements, the document that uses them, code lists, and where their facts come from."""

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from infra import ROOT, import_codelists
from infra.import_codelists import CODELISTS, LISTS, Table, Unaccounted, imported
from singlewindow import catalogue
from singlewindow.catalogue import Section
from tests.support import decmessage

TODAY = date(2026, 11, 23)
SHARED = ROOT.parent / "shared" / "data"
SCHEMA = SHARED / "schema-cn" / "dec-2018" / "DecMessage_ImportSave_V1.0.xsd"
XSD = "{http://www.w3.org/2001/XMLSchema}"

ELEMENTS: list[dict[str, Any]] = list(catalogue.elements("declaration"))
WIRE = {node.element.id: node for node in decmessage.fields().values() if node.element}
BY_ID = {one["id"]: one for one in ELEMENTS}
CHINESE = re.compile(r"[\u4e00-\u9fff]")

TYPES = {
    "head": "DecHeadType",
    "lines": "DecListItemType",
    "goods_limits": "DecGoodsLimitType",
    "vins": "DecGoodsLimitVinType",
    "containers": "DecContainerType",
    "licence_documents": "DecLicenseType",
    "requested_certificates": "DecRequestCertType",
    "other_packs": "DecOtherPackType",
    "enterprise_qualifications": "DecCopLimitType",
    "users": "DecUserType",
    "mark_attachments": "DecMarkLobType",
    "free_text": "DecFreeTxtType",
    "sign": "DecSignType",
    "electronic_documents": "Edoc_RealationType",
    "origin_relations": "ECO_RealationType",
}


def sections(parts: tuple[Section, ...] | None = None) -> Iterator[Section]:
    for part in parts if parts is not None else catalogue.document("declaration").sections:
        yield part
        yield from sections(part.sections)


# ---------------------------------------------------------------- elements


def test_an_id_and_a_place_have_one_element() -> None:
    assert len(BY_ID) == len(ELEMENTS)
    used = [element.id for section in sections() for element in section.elements.values()]
    assert sorted(used) == sorted(BY_ID)
    for section in sections():
        tags = [tag for one in section.elements.values() for tag in (WIRE[one.id].tag, *WIRE[one.id].also)]
        assert len(tags) == len(set(tags)), section.name


def test_what_identifies_or_reaches_a_person_is_personal() -> None:
    personal = {one["name"] for one in ELEMENTS if one["sensitivity"] == "personal"}
    assert personal == {
        "certificate_no", "contact_name", "contact_phone", "declarant_contact", "declarant_name", "declarant_no",
        "ic_card_no", "inputer_name", "operator_name", "typist_no",
    }  # fmt: skip


def test_what_customs_demands_of_every_declaration_is_mandatory() -> None:
    """The entry guide (录入指南) calls these 必填 in both directions, without a condition."""
    mandatory = {section.name: set(section.mandatory) for section in sections()}
    assert mandatory["head"] == {
        "agent_code", "agent_name", "customs_master", "destination_port", "entry_port", "entry_type", "gross_weight",
        "ie_flag", "ie_port", "net_weight", "owner_name", "pack_no", "trade_area", "trade_code", "trade_country",
        "trade_mode", "trade_name", "transaction_mode", "transit_flag", "transport_mode", "wrap_type",
    }  # fmt: skip
    assert mandatory["lines"] == {
        "currency", "destination_country", "duty_mode", "goods_name", "hs_code", "line_no", "origin_country",
        "quantity", "total_price", "unit", "unit_price",
    }  # fmt: skip


# ---------------------------------------------------------------- against the message schema


@cache
def facets() -> dict[tuple[str, str], dict[str, str]]:
    """(type, tag) → the facets of its restriction, and `minOccurs`."""
    if not SCHEMA.exists():
        pytest.skip("the message schema stands in ../shared, which a user's machine does not have")
    found = {}
    for kind in etree.parse(str(SCHEMA)).getroot().findall(XSD + "complexType"):
        for element in kind.find(XSD + "sequence"):
            restriction = element.find(f".//{XSD}restriction")
            inner = [] if restriction is None else list(restriction)
            found[kind.get("name"), element.get("name")] = {
                etree.QName(facet).localname: facet.get("value") for facet in inner
            } | {"minOccurs": element.get("minOccurs", "1")}
    return found


# Places where the canonical form is wider than the XSD of 2018, though nothing says what else the message carries:
# the XSD contradicts its own sample or the field specification there, or only a number's digits are meant.
WIDER = {
    "contact_phone": "the XSD has 5, its sample 8: no telephone number fits",
    "certificate_line_no": "narrower: the XSD has 9, three digits are written",
    "sign_time": "the XSD has 14, specification and sample 17",
    "content": "base64 without a limit; the field specification has 1 MB",
    "bill_date": "written as eight digits",
}


def longest(one: dict[str, Any]) -> int:
    """Characters of the longest canonical text, as the message writes it."""
    if one["representation"] == "date":
        return 8
    digits, _, scale = re.sub("[CNn.]", "", one["representation"]).partition(",")
    return int(digits) + (1 if scale else 0) + bool(one.get("signed"))


@pytest.mark.parametrize("name", TYPES)
def test_nothing_is_longer_than_the_message_carries_unless_it_says_so(name: str) -> None:
    section = next(one for one in sections() if one.name == name)
    for element in section.elements.values():
        one, limits = BY_ID[element.id], facets()[TYPES[name], WIRE[element.id].tag]
        most = int(limits.get("maxLength") or limits.get("length") or 10**9)
        carried = min(longest(one), decmessage.narrowest(element) or 10**9)
        assert carried <= most or element.name in WIDER, (element.name, one["representation"], most)


@pytest.mark.parametrize("name", TYPES)
def test_elements_stand_in_the_order_of_the_message(name: str) -> None:
    section = next(one for one in sections() if one.name == name)
    tags = [tag for kind, tag in facets() if kind == TYPES[name]]
    nested = {"lines": {"DecGoodsLimits"}, "goods_limits": {"DecGoodsLimitVin"}}.get(name, set())
    assert [WIRE[element.id].tag for element in section.elements.values()] == [
        tag for tag in tags if tag not in nested
    ]
    for element in section.elements.values():
        wire = WIRE[element.id]
        assert wire.least == int(facets()[TYPES[name], wire.tag]["minOccurs"]), wire.tag


# ---------------------------------------------------------------- code lists

CODE_LISTS = sorted(path.stem for path in CODELISTS.glob("*.json"))


@pytest.mark.parametrize("id", CODE_LISTS)
def test_a_code_list_says_where_it_comes_from_and_has_a_code_once(id: str) -> None:
    raw = json.loads((CODELISTS / f"{id}.json").read_bytes())
    assert raw["id"] == id
    assert CHINESE.search(raw["name_zh"]) and raw["name_en"] and raw["source"]
    assert raw["source_date"] is None or re.fullmatch(r"\d{4}(-\d{2}(-\d{2})?)?", raw["source_date"])
    assert isinstance(raw["verified"], bool)
    columns = raw["columns"]
    assert columns[:2] == ["code", "zh"]
    codes = [row[0] for row in raw["rows"]]
    assert len(codes) == len(set(codes))
    for row in raw["rows"]:
        assert 2 <= len(row) <= len(columns) and row[-1] is not None
        entry = dict(zip(columns, row, strict=False))
        assert all(isinstance(text, str) and text == text.strip() and text for text in row[:2])
        assert "" not in row
        for bound in ("effective_from", "effective_to"):
            assert entry.get(bound) is None or date.fromisoformat(entry[bound])


@pytest.mark.parametrize("id", CODE_LISTS)
def test_a_retired_code_names_its_successor_and_date_or_says_why_it_has_none(id: str) -> None:
    raw = json.loads((CODELISTS / f"{id}.json").read_bytes())
    rows = [dict(zip(raw["columns"], row, strict=False)) for row in raw["rows"]]
    retired = {row["code"]: row for row in rows if row.get("effective_to")}
    assert all(row["code"] in retired for row in rows if row.get("successor"))
    none = raw.get("no_successor", {})
    assert none.keys() == {code for code, row in retired.items() if not row.get("successor")}
    for row in retired.values():
        if successor := row.get("successor"):
            next_day = date.fromisoformat(row["effective_to"]) + timedelta(days=1)
            assert catalogue.codelist(id).get(successor, next_day), row["code"]


# No element of a document has them: a column of the tariff, states of receipts that are an open set, who owns data.
RULES_LISTS = {"inspection-category", "ecommerce-return-status", "authority"}


def test_elements_use_every_list_and_only_lists_that_exist() -> None:
    subjects = (catalogue.elements(subject) for subject in catalogue.names("elements"))
    used = {one["code_list"] for subject in subjects for one in subject if "code_list" in one}
    assert used | RULES_LISTS == set(CODE_LISTS)


@pytest.mark.parametrize(
    ("id", "code", "right"),
    [
        ("country", "142", "CHN"),
        ("country", "502", "USA"),
        ("country", "110", "HKG"),
        ("country", "326", "NOR"),  # and not Bouvet Island, to which the table of 2018 gives the same number
        ("country", "701", "ZZZ"),
        ("currency", "142", "CNY"),
        ("currency", "502", "USD"),
        ("currency", "110", "HKD"),
        ("port", "142", "CHN000"),
        ("package", "2", "22"),
        ("container-spec", "L", "11"),
        ("trade-mode", "3039", "3010"),
    ],
)
def test_a_code_of_another_set_leads_to_the_right_one(id: str, code: str, right: str) -> None:
    codes = catalogue.codelist(id)
    assert codes.get(code, TODAY) is None
    assert codes.instead(code)[0] == right


def test_codes_come_and_go() -> None:
    modes = catalogue.codelist("trade-mode")
    assert modes.get("3039", date(2018, 7, 31)) and not modes.get("3039", date(2018, 8, 1))
    assert modes.successor("3039") == "3010"
    assert modes.get("9710", date(2020, 7, 1)) and not modes.get("9710", date(2020, 6, 30))
    assert modes.row("9710")["verified"] is False


@pytest.mark.parametrize("id", ["country", "currency"])
def test_letters_and_numbers_go_both_ways_or_not_at_all(id: str) -> None:
    """What a message with numbers can carry comes back as it was; a number that stands for nobody is not translated."""
    codes = catalogue.codelist(id)
    carried = {code: number for code in codes.rows if (number := codes.on_wire(code, "numeric"))}
    assert len(set(carried.values())) == len(carried)
    for code, number in carried.items():
        assert codes.crosswalk("numeric", number)[0] == code
    numbers = {row["numeric"] for code in codes.rows if (row := codes.row(code)).get("numeric")}
    assert numbers == set(carried.values()), "a number without a code that is its own"
    assert codes.row("CNY" if id == "currency" else "CHN")["numeric"] == "142"


def test_numbers_of_territories_that_stand_for_others_are_not_translated() -> None:
    countries = catalogue.codelist("country")
    uncarried = {code for code in countries.rows if countries.on_wire(code, "numeric") is None}
    assert {"BVT", "GUM", "SXM", "SHN"} <= uncarried and len(uncarried) == 27
    assert countries.crosswalk("numeric", "299") == [], "the rest of Africa has no code in the table of 2018"
    assert countries.crosswalk("numeric", "449") == [], "nor have the Netherlands Antilles"
    assert countries.crosswalk("numeric", "244") == ["ZAF"]


def test_countries_have_their_alpha_2_codes_but_for_customs_own() -> None:
    countries = catalogue.codelist("country")
    codes = {code: countries.row(code).get("alpha2") for code in countries.rows}
    assert (codes["CHN"], codes["HKG"], codes["TWN"], codes["GBR"]) == ("CN", "HK", "TW", "GB")
    assert {code for code, alpha2 in codes.items() if not alpha2} == {
        "ZAS", "ZEU", "ZSA", "ZNA", "ZOC", "ZZZ", "ZUN",
        "CEU", "MEL", "CAI", "GAM", "SOC", "TUB", "MAI", "TUA",
    }  # fmt: skip
    found = [alpha2 for alpha2 in codes.values() if alpha2]
    assert len(found) == len(set(found)) == 249


def test_ports_go_to_un_locode_and_back_where_the_name_leaves_no_doubt() -> None:
    ports, countries = catalogue.codelist("port"), catalogue.codelist("country")
    found = {code: locode for code in ports.rows if (locode := ports.row(code).get("locode"))}
    assert len(found) == 2268 and len(ports.rows) == 4332  # of all ports and countries
    assert len(set(found.values())) == len(found)
    for code, locode in found.items():
        assert re.fullmatch("[A-Z]{2}[A-Z2-9]{3}", locode)
        assert countries.row(code[:3])["alpha2"] == locode[:2], code
        assert ports.crosswalk("locode", locode) == [code]
    assert (found["AFG001"], found["ITA066"]) == ("AFKBL", "ITGAE")
    assert "AUS901" not in found, "Perth: two places of Australia"
    assert "AUS004" not in found, "the table puts it in Argentina"


def test_older_numbers_of_ports_modes_and_units_lead_to_those_of_2018() -> None:
    ports, modes, units = (catalogue.codelist(id) for id in ("port", "transport-mode", "unit"))
    assert ports.crosswalk("legacy", "1974") == ["GBR375"] and ports.crosswalk("legacy_also", "2052") == [
        "GBR375"
    ]
    assert ports.crosswalk("legacy", "3169") == ["USA330"], (
        "where the table of 2018 has but the country's number"
    )
    own = [number for code in ports.rows if len(number := ports.row(code)["legacy"]) == 4]
    assert len(own) == len(set(own)) and len(own) > 2262, "a number of four digits is one port's"
    assert (modes.crosswalk("legacy", "2"), modes.crosswalk("legacy", "9")) == (["2"], ["9", "L", "G"])
    assert [modes.on_wire(code, "legacy") for code in "9LG"] == ["9", None, None]
    assert "same codes" in json.loads((CODELISTS / "unit.json").read_bytes())["same_as"]
    assert units.get("035", TODAY)


def test_customs_takes_22_currencies() -> None:
    """All that the published table has: a contract in another one is declared converted."""
    assert len(catalogue.codelist("currency").rows) == 22


# ---------------------------------------------------------------- the importer

BY_LIST = {table.id: table for table in LISTS}


@pytest.fixture
def tables() -> Path:
    if not import_codelists.TABLES.exists():
        pytest.skip("the published tables stand in ../shared, which a user's machine does not have")
    return import_codelists.TABLES


def test_the_committed_lists_are_what_the_importer_makes(
    tables: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert import_codelists.main(["--check", str(tables)]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("table", LISTS, ids=lambda table: table.id)
def test_every_row_of_a_table_is_accounted_for(tables: Path, table: Table) -> None:
    with (tables / table.file).open(encoding="utf-8-sig", newline="") as file:
        published = sum(1 for _ in csv.reader(file)) - 1
    codelist = imported(table, tables)
    added, left_out = len(codelist.get("added", ())), len(codelist.get("left_out", ()))
    at = codelist["columns"].index("effective_to") if table.retired else None
    retired = sum(1 for row in codelist["rows"] if at is not None and at < len(row) and row[at])
    assert len(codelist["rows"]) == published - left_out + added + retired


PLAIN = Table(id="plain", zh="表", en="plain", file="plain.csv", columns={"code": "代码", "zh": "名称"})


@pytest.mark.parametrize(
    ("written", "table", "complaint"),
    [
        ("代码,名称\n1,一\n1,壹\n", PLAIN, "twice"),
        ("代码,名称\n,一\n", PLAIN, "without a code"),
        ("代码,中文\n1,一\n", PLAIN, "no column"),
        ("代码,名称\n1\n", PLAIN, "longer or shorter"),
        ("代码,名称\n1,一,more\n", PLAIN, "longer or shorter"),
        ("代码,名称\n1,一\n", replace(PLAIN, left_out={("2", "二"): "gone"}), "not there"),
        ("代码,名称\n1,一\n", replace(PLAIN, added=(({"code": "1", "zh": "一"}, "known"),)), "by now"),
        ("代码,名称\n1,一\n", replace(PLAIN, names={"1": "one", "2": "two"}), "names"),
        ("代码,名称\n1,一\n", replace(PLAIN, retired=("older.csv", "2018-07-31")), "neither"),
        ("代码,名称\n1,一\n", replace(PLAIN, same_as="older.csv"), "no longer the same"),
    ],
    ids=lambda value: repr(value)[:30] if isinstance(value, str) else "",
)
def test_the_importer_stops_where_a_row_would_be_lost(
    tmp_path: Path, written: str, table: Table, complaint: str
) -> None:
    (tmp_path / "plain.csv").write_text(written, "utf-8")
    (tmp_path / "older.csv").write_text("code,name\n9,九\n", "utf-8")
    with pytest.raises(Unaccounted, match=complaint):
        imported(table, tmp_path)


def test_the_importer_takes_a_mark_and_spaces_and_runs_again(tmp_path: Path) -> None:
    (tmp_path / "plain.csv").write_text("代码,名称\n 1 , 一 \n", "utf-8-sig")
    once = imported(PLAIN, tmp_path)
    assert once["rows"] == [["1", "一"]]
    assert json.loads(import_codelists.text(once)) == once
