"""The e-commerce messages (CEB): every file against the published schemas and samples, and the importer of some."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from infra import ROOT, import_messages
from infra.import_messages import MAPPED, STRUCTURES, Structure, Unaccounted
from singlewindow import catalogue
from singlewindow.messages.definition import Form, message

SCHEMAS = ROOT.parent / "shared" / "data" / "schema-cn"
SAMPLES = ROOT.parent / "shared" / "data" / "samples-cn-ceb-202205"
XSD = "{http://www.w3.org/2001/XMLSchema}"
CHINESE = re.compile(r"[\u4e00-\u9fff]")

IDS = sorted(path.stem for path in import_messages.MESSAGES.glob("CEB*.json"))
IMPORT = {*MAPPED, *(one.id for one in STRUCTURES if one.flow == "CEB-import")}
ELEMENTS: list[dict[str, Any]] = list(catalogue.elements("ecommerce"))
DOCUMENTS = [
    name.removesuffix(".v1") for name in catalogue.names("documents") if name.startswith("ecommerce-")
]

# ---------------------------------------------------------------- facets that do not hold as they stand

# What the schema fixes or the specification closes; the schema alone would take any text of that length.
CLOSED = {
    "orderType": (["I"], "import orders; the schema says so in words"),
    "buyerIdType": (["1"], "the specification: limited to the identity card"),
    "payerIdType": (["1"], "the specification: limited to the identity card"),
}
# The schema has xs:int, without digits, and at most 99 of them, numbered from 1.
NUMBERED = {("CEB311Message", "gnum"), ("CEB621Message", "gnum")}
# Dates and times are texts of a length in the schema; their form stands in its words.
MOMENTS = {"D8": 8, "D14": 14, "D17": 17}
# The schema says xs:any below these: a signature is the signer's matter, an extension whoever agreed on it.
OPEN = {"Signature", "ExtendMessage"}
# Where the schema of 2018 differs from that of 2022, which the files follow.
SINCE_2022 = {
    ("CEB621Message", "itemNo"): "30 characters in 2018, 20 since",
    ("CEB621Message", "tradeCountry"): "three characters in 2018, one to three since",
}

# ---------------------------------------------------------------- the published schemas, walked


@cache
def declared(version: str, flow: str) -> dict[str, Any]:
    path = SCHEMAS / f"ceb-{version}" / f"ceb-{flow}.xsd"
    if not path.exists():
        pytest.skip("the published schemas stand in ../shared, which a user's machine does not have")
    return {one.get("name"): one for one in etree.parse(str(path)).getroot().findall(XSD + "element")}


def schema_of(id: str, version: str = "202205") -> Any:
    return declared(version, "import" if id in IMPORT else "export")[id]


def children(element: Any, known: dict[str, Any]) -> list[tuple[str, list[int | None], Any]]:
    """Tag, least and most, and declaration of what stands below, in order."""
    found = []
    for one in element.findall(f"{XSD}complexType/{XSD}sequence/{XSD}element"):
        tag = (one.get("name") or one.get("ref")).rpartition(":")[2]
        most = one.get("maxOccurs", "1")
        occurs = [int(one.get("minOccurs", "1")), None if most == "unbounded" else int(most)]
        found.append((tag, occurs, known.get(tag) if one.get("ref") else one))
    return found


def facets(element: Any) -> dict[str, str]:
    return {
        etree.QName(one).localname: one.get("value")
        for one in element.findall(f"{XSD}simpleType/{XSD}restriction/*")
    }


def deviations(nodes: list[dict[str, Any]], element: Any, known: dict[str, Any], id: str) -> Iterator[str]:
    below = children(element, known)
    ours, theirs = [(one["tag"], one["occurs"]) for one in nodes], [(tag, occurs) for tag, occurs, _ in below]
    if ours != theirs:
        yield f"{element.get('name')}: {ours} against {theirs}"
        return
    for node, (tag, _, inner) in zip(nodes, below, strict=True):
        if "content" in node:
            yield from deviations(node["content"], inner, known, id)
        elif node.get("any"):
            if tag not in OPEN:
                yield f"{tag}: left unjudged"
        elif unlike := differs(node, inner, id):
            yield f"{tag}: {unlike}"


def differs(node: dict[str, Any], element: Any, id: str) -> str:
    """What a field's form and values have that the schema does not, or the other way round."""
    code, limits = node["form"], facets(element)
    form = Form.read(code)
    kind = element.get("type") or element.find(f"{XSD}simpleType/{XSD}restriction").get("base")
    allowed = [element.get("fixed")] if element.get("fixed") else None
    if "element" in node and node["tag"] in CLOSED:
        allowed, _ = CLOSED[node["tag"]]
    if node.get("values") != allowed:
        return f"values {node.get('values')} against {allowed}"
    if kind == "xs:decimal":
        right = f"N{limits['totalDigits']},{limits['fractionDigits']}"
        return "" if code == right else f"{code} against {right}"
    if kind == "xs:int":
        right = f"n..{limits.get('totalDigits') or (2 if (id, node['tag']) in NUMBERED else 10)}"
        return "" if code == right else f"{code} against {right}"
    if length := limits.get("length"):
        return "" if (form.least, form.most) == (int(length), int(length)) else f"{code} against C{length}"
    least, most = int(limits.get("minLength", 0)), limits.get("maxLength")
    if most is None:
        return "" if code == "T" else f"{code} against T"
    return "" if (form.least, form.most) == (least, int(most)) else f"{code} against C{least}..{most}"


@cache
def raw(id: str) -> dict[str, Any]:
    return json.loads((import_messages.MESSAGES / f"{id}.json").read_bytes())


@pytest.mark.parametrize("id", IDS)
def test_a_message_is_that_of_the_published_schema(id: str) -> None:
    known = declared("202205", "import" if id in IMPORT else "export")
    assert list(deviations(raw(id)["content"], known[id], known, id)) == []


@pytest.mark.parametrize("id", MAPPED)
def test_the_schema_of_2018_differs_in_what_is_named(id: str) -> None:
    known = declared("2018-113", "import")
    found = [line.partition(":")[0] for line in deviations(raw(id)["content"], known[id], known, id)]
    assert found == [tag for one, tag in SINCE_2022 if one == id]


@pytest.mark.parametrize("id", IDS)
def test_the_root_has_its_attributes(id: str) -> None:
    there = {
        one.get("name"): (one.get("use") == "required", facets(one))
        for one in schema_of(id).findall(f"{XSD}complexType/{XSD}attribute")
    }
    assert raw(id)["attributes"].keys() == there.keys() == {"guid", "version"}
    for name, (required, limits) in there.items():
        form = Form.read(raw(id)["attributes"][name]["form"])
        bounds = [limits.get("length") or limits[end] for end in ("minLength", "maxLength")]
        assert required and [form.least, form.most] == [int(bound) for bound in bounds]


def test_no_message_of_the_schemas_is_missing() -> None:
    there = {
        name for flow in ("import", "export") for name in declared("202205", flow) if name.startswith("CEB")
    }
    assert there == set(IDS)


# ---------------------------------------------------------------- elements and documents


def fields(nodes: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for node in nodes:
        if "content" in node:
            yield from fields(node["content"])
        elif not node.get("any"):
            yield node


@pytest.mark.parametrize("id", MAPPED)
def test_an_element_is_as_wide_as_the_message(id: str) -> None:
    known = {
        one["id"]: one for subject in ("declaration", "ecommerce") for one in catalogue.elements(subject)
    }
    for node in fields(raw(id)["content"]):
        if "element" not in node:
            continue
        one, form = known[node["element"]], Form.read(node["form"])
        if form.code in MOMENTS:
            assert one["representation"] == ("date" if form.code == "D8" else "datetime"), node
        elif one.get("code_list"):
            codes = catalogue.codelist(one["code_list"])
            written = {codes.on_wire(code, node["codes"]) if "codes" in node else code for code in codes.rows}
            assert all(form.least <= len(code) <= (form.most or 0) for code in written if code), node
        elif form.kind in ("number", "whole"):
            assert one["representation"] == form.code, node
        else:
            assert int(one["representation"].lstrip("C.")) >= (form.most or 0), node


@pytest.mark.parametrize("id", IDS)
def test_a_message_is_understood_and_named_in_both_languages(id: str) -> None:
    definition = message(id)
    assert (definition.document is not None) == (id in MAPPED)
    assert definition.root.tag == raw(id)["root"] == id
    for node in fields(raw(id)["content"]):
        if "element" not in node:
            assert CHINESE.search(node["zh"]) and len(node["zh"]) <= 20, node
            assert not CHINESE.search(node["en"]) and node["en"][:1].isupper(), node


@pytest.mark.parametrize("id", MAPPED)
def test_what_the_message_demands_the_document_demands(id: str) -> None:
    """The reply stands for four messages, so there it is asked by kind: in the conditions."""
    document = message(id).document
    assert document is not None

    def visit(nodes: list[dict[str, Any]], mandatory: tuple[str, ...], named: dict[str, str]) -> None:
        for node in nodes:
            if name := node.get("section"):
                section = next(one for one in document.sections if one.name == name)
                visit(
                    node["content"],
                    section.mandatory,
                    {one.id: one.name for one in section.elements.values()},
                )
            elif "content" in node:
                visit(node["content"], mandatory, named)
            elif "element" in node and document.name != "ecommerce-receipt":
                assert (named[node["element"]] in mandatory) == (node["occurs"][0] == 1), node

    visit(raw(id)["content"], (), {})


def test_the_reply_has_the_fields_of_all_four_and_demands_what_all_demand() -> None:
    (section,) = catalogue.document("ecommerce-receipt").sections
    replies = [id for id in MAPPED if raw(id)["document"] == "ecommerce-receipt"]
    asked = [
        {node["element"]: node["occurs"][0] for node in fields(raw(id)["content"]) if "element" in node}
        for id in replies
    ]
    assert {one.id for one in section.elements.values()} == set().union(*asked)
    assert {section.elements[name].id for name in section.mandatory} == {
        id for id in asked[0] if all(one.get(id) for one in asked)
    }


@pytest.mark.parametrize("one", ELEMENTS, ids=lambda one: one["id"])
def test_an_element_says_what_it_is_and_shows_it(one: dict[str, Any]) -> None:
    assert 1000 <= int(one["id"][-4:]) <= 1199
    assert CHINESE.search(one["name_zh"]) and not CHINESE.search(one["name_en"])
    assert one["definition"].endswith(".") and one["definition_zh"].endswith("。")
    document, section = next(
        (document, section)
        for document in map(catalogue.document, DOCUMENTS)
        for section in document.sections
        if one["id"] in {element.id for element in section.elements.values()}
    )
    element = section.elements[one["name"]]
    for example in one["examples"]:
        pattern = element.schema().get("pattern", "")
        assert re.search(pattern, example) and len(example) <= element.schema().get("maxLength", 99)
        if element.code_list:
            assert example in document.codelist(element.code_list).rows


def test_an_element_is_there_once_and_is_used() -> None:
    ids = [one["id"] for one in ELEMENTS]
    used = {
        element.id
        for document in map(catalogue.document, DOCUMENTS)
        for section in document.sections
        for element in section.elements.values()
    }
    assert len(ids) == len(set(ids)) == len({one["name"] for one in ELEMENTS})
    assert {id for id in used if id >= "SCSW-1000"} == set(ids)


def test_what_identifies_or_reaches_a_person_is_personal() -> None:
    assert {one["name"] for one in ELEMENTS if one["sensitivity"] == "personal"} == {
        "buyer_id_number", "buyer_name", "buyer_reg_no", "buyer_telephone", "consignee_address", "consignee_name",
        "consignee_telephone", "payer_id_number", "payer_name", "payer_telephone",
    }  # fmt: skip


@pytest.mark.parametrize("name", DOCUMENTS)
def test_takers_take_what_there_is(name: str) -> None:
    document = catalogue.document(name)
    places = {f"/{section.name}": set(section.elements) for section in document.sections}
    for taker, pointers in catalogue.load(f"documents/{name}.v1.json").get("takers", {}).items():
        assert catalogue.load(f"agencies/{taker}.json")
        for pointer in pointers:
            section, _, field = pointer.removeprefix("/").replace("/*", "").partition("/")
            assert not field or field in places[f"/{section}"], pointer
            assert f"/{section}" in places, pointer


# ---------------------------------------------------------------- the published samples

# A second BaseTransfer follows the first, which the schema and every other sample have once.
TWICE = {f"CEB{number}Message": ["BaseTransfer stands 2 times"] for number in (303, 505, 507, 603)}


def strangers(element: Any, nodes: list[dict[str, Any]]) -> Iterator[str]:
    """Tags that have no place below an element, and those that stand more often than they may."""
    known = {node["tag"]: node for node in nodes}
    tags = [etree.QName(child).localname for child in element.iterchildren(etree.Element)]
    for child, tag in zip(element.iterchildren(etree.Element), tags, strict=True):
        if tag not in known:
            yield f"{tag} has no place"
        elif not known[tag].get("any"):
            yield from strangers(child, known[tag].get("content", []))
    for tag, node in known.items():
        if node["occurs"][1] and tags.count(tag) > node["occurs"][1]:
            yield f"{tag} stands {tags.count(tag)} times"


@pytest.mark.parametrize("flow", ["import", "export"])
def test_a_sample_has_only_tags_that_its_message_has(flow: str) -> None:
    samples = sorted((SAMPLES / flow).glob("*.xml"))
    if not samples:
        pytest.skip("the published samples stand in ../shared, which a user's machine does not have")
    assert len(samples) == 8
    for path in samples:
        root = etree.parse(str(path)).getroot()
        id = etree.QName(root).localname
        assert list(strangers(root, raw(id)["content"])) == TWICE.get(id, []), path.name


# ---------------------------------------------------------------- the importer

COLUMNS = ",".join(import_messages.COLUMNS)
PLAIN = Structure(id="CEB999Message", flow="CEB-import", zh="试验报文", en="Trial", tag="Trial")


def entities(tmp_path: Path, *rows: str) -> import_messages.Entities:
    path = tmp_path / "elements.csv"
    path.write_text("\n".join((COLUMNS, *rows)), "utf-8-sig")
    return import_messages.table(path)


def test_the_importer_writes_what_stands_in_the_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    if not import_messages.TABLE.exists():
        pytest.skip("the table stands in ../shared, which a user's machine does not have")
    assert import_messages.main(["--check"]) == 0, capsys.readouterr().out


def test_the_importer_reads_names_lengths_and_digits(tmp_path: Path) -> None:
    found = entities(
        tmp_path,
        "CEB-import,,Trial,试验数据实体,,1,1,,,,,",
        "CEB-import,Trial,appTime,企业报送时间。格式:YYYYMMDDhhmmss,xs:string,1,1,14,,,,",
        "CEB-import,Trial,oldName,旧名称-从前的名称。,xs:string,0,1,,0,30,,",
        "CEB-import,Trial,trafNumber,编号,xs:int,1,1,,,,9,",
        "CEB-import,Trial,sumTax,税款,xs:decimal,1,1,,,,19,5",
    )
    written = import_messages.imported(PLAIN, found, {"appTime": ("报送时间", "Time of filing")})
    assert json.loads(import_messages.text(written)) == written
    (body,) = written["content"]
    assert (body["zh"], body["en"], body["occurs"]) == ("试验", "Trial", [1, 100])
    assert [(one["zh"], one["en"], one["form"]) for one in body["content"]] == [
        ("报送时间", "Time of filing", "D14"),
        ("旧名称", "Old name", "C..30"),
        ("编号", "Transport number", "n..9"),
        ("税款", "Sum tax", "N19,5"),
    ]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("CEB-import,Trial,odd,,xs:string,1,1,,,5,,", "is no name"),
        (
            "CEB-import,Trial,odd,没有标点的一句很长很长很长很长很长很长的说明文字,xs:string,1,1,,,5,,",
            "is no name",
        ),
        ("CEB-import,Trial,odd,奇,xs:boolean,1,1,,,,,", "xs:boolean"),
        ("CEB-import,Other,odd,奇,xs:string,1,1,,,5,,", "no entity Trial"),
    ],
    ids=["no-label", "a-sentence", "another-type", "no-entity"],
)
def test_the_importer_stops_at_what_it_cannot_name_or_write(tmp_path: Path, row: str, complaint: str) -> None:
    with pytest.raises(Unaccounted, match=complaint):
        import_messages.imported(PLAIN, entities(tmp_path, row), {})


def test_the_importer_stops_where_an_entity_or_a_column_would_be_lost(tmp_path: Path) -> None:
    with pytest.raises(Unaccounted, match=r"no message is made of.*Trial"):
        import_messages.account(entities(tmp_path, "CEB-import,Trial,odd,奇,xs:string,1,1,,,5,,"))
    (tmp_path / "short.csv").write_text("message,parent\n", "utf-8")
    with pytest.raises(Unaccounted, match="no column"):
        import_messages.table(tmp_path / "short.csv")


def test_check_writes_nothing_and_says_what_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(import_messages, "STRUCTURES", (PLAIN,))
    monkeypatch.setattr(import_messages, "account", lambda entities: None)
    entities(tmp_path, "CEB-import,Trial,odd,奇,xs:string,1,1,,,5,,")
    table, written = str(tmp_path / "elements.csv"), tmp_path / "CEB999Message.json"
    names = import_messages.mapped_names()
    monkeypatch.setattr(import_messages, "mapped_names", lambda: names)
    monkeypatch.setattr(import_messages, "MESSAGES", tmp_path)
    assert import_messages.main(["--check", table]) == 1 and not written.exists()
    assert import_messages.main([table]) == 0 and written.exists()
    assert import_messages.main(["--check", table]) == 0
    assert "CEB999Message" in capsys.readouterr().out
