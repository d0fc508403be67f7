"""ModImport: requests to change or withdraw as customs' own message, in and out."""

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from declarations.changes import mod_import
from infra import ROOT
from singlewindow import clock
from singlewindow.consent import Asked, requests
from singlewindow.consignment import Consignment
from singlewindow.difference import differences, patched
from singlewindow.errors import WindowError
from tests.support.clearances import Clearance

DATA = ROOT.parent / "shared" / "data"
ENTRY_ID = "790120241000000851"
SAMPLE: dict[str, Any] = json.loads((ROOT / "infra/samples/import-chengdu.json").read_text())
SAMPLE["sign"] = {"oper_type": "C", "ic_card_no": "8680000273535"}
# What the schema demands and nothing unsigned can have: exactly 201 characters.
SIGNED = "{http://www.chinaport.gov.cn/dec}Sign"


def request_of(kind: str = "amendment") -> tuple[Consignment, Asked]:
    case = Clearance()
    case.reply("customs", "accept", entry_id=ENTRY_ID)
    case.settle()
    case.want(kind)
    return case.consignment, requests(case.consignment)[0]


def written(after: dict[str, Any], kind: str = "amendment") -> bytes:
    consignment, asked = request_of(kind)
    return mod_import.written(consignment, asked, SAMPLE, after, differences(SAMPLE, after))


def read(raw: bytes, before: dict[str, Any] = SAMPLE, *, sending: bool = True) -> tuple[str, dict[str, Any]]:
    return mod_import.amended(raw, request_of()[0], before, sending=sending)


def changed(*operations: tuple[str, str, Any]) -> dict[str, Any]:
    return patched(SAMPLE, [{"op": op, "path": path, "value": value} for op, path, value in operations])


@cache
def published() -> Any:
    path = DATA / "schema-cn/dec-v1/ModImport.xsd"
    if not path.exists():
        pytest.skip("the published schemas stand in ../shared, which a user's machine does not have")
    return etree.XMLSchema(etree.parse(str(path)))


def codes_of(raw: bytes) -> list[tuple[str | None, ...]]:
    return [
        tuple(item.findtext(f"{{*}}{tag}") for tag in ("FieldCode", "OldValue", "NewValue", "List/{*}GNo"))
        for item in etree.fromstring(raw).iterfind("{*}Items/{*}Item")
    ]


def test_a_field_goes_out_by_its_code_with_both_values_and_its_line() -> None:
    raw = written(changed(("replace", "/lines/2/quantity", "7"), ("replace", "/head/ie_date", "2026-11-18")))
    assert codes_of(raw) == [
        ("I_E_DATE", "20261119", "20261118", None),
        ("G_QTY", SAMPLE["lines"][2]["quantity"], "7", SAMPLE["lines"][2]["line_no"]),
    ]


@pytest.mark.parametrize(
    ("code", "items"),
    [
        ("9031809010", [("CODE_S", "90", "10", "1")]),
        ("9031800090", [("CODE_T", "90318090", "90318000", "1")]),
        ("8517120010", [("CODE_T", "90318090", "85171200", "1"), ("CODE_S", "90", "10", "1")]),
    ],
)
def test_an_hs_code_is_two_fields_of_which_those_go_out_that_changed(
    code: str, items: list[tuple[str, ...]]
) -> None:
    raw = written(changed(("replace", "/lines/0/hs_code", code)))
    assert codes_of(raw) == items
    assert read(raw)[1]["lines"][0]["hs_code"] == code


@pytest.mark.parametrize("kind", ["amendment", "withdrawal"])
def test_what_we_write_is_valid_by_the_published_schema_but_for_the_signature(kind: str) -> None:
    after = changed(("replace", "/lines/0/hs_code", "8517120010")) if kind == "amendment" else SAMPLE
    message = etree.fromstring(written(after, kind))
    published().validate(message)
    assert [one.message for one in published().error_log if SIGNED not in one.message] == []
    assert message.findtext("{*}DecModType") == {"amendment": "1", "withdrawal": "2"}[kind]


def _declared(root: Any) -> dict[str, Any]:
    """The declaration that the published sample is about, as far as it tells."""
    lines: dict[str, dict[str, str]] = {"1": {"line_no": "1"}, "2": {"line_no": "2"}}
    named = {"EXG_VERSION": "version_no", "G_QTY": "quantity", "QTY_1": "first_quantity", "QTY_2": "second_quantity",
             "G_NAME": "goods_name", "DECL_PRICE": "unit_price", "UNIT_1": "first_unit"}  # fmt: skip
    for item in root.iterfind("{*}Items/{*}Item"):
        code, old = item.findtext("{*}FieldCode"), item.findtext("{*}OldValue")
        if item.findtext("{*}List/{*}ListType") == "1":
            line = lines[item.findtext("{*}List/{*}GNo")]
            if code in ("CODE_T", "CODE_S"):
                parts = {"CODE_T": 0, "CODE_S": 1}
                whole = [line.get("hs_code", "")[:8], line.get("hs_code", "")[8:]]
                whole[parts[code]] = old
                line["hs_code"] = "".join(whole)
            else:
                line[named[code]] = old
    papers = [{"document_code": "x", "document_no": str(n)} for n in range(7)]
    return {
        "head": {"seq_no": root.findtext("{*}DecSeqNo"), "ie_flag": "I"},
        "lines": list(lines.values()),
        "containers": [{"container_no": "11111111002", "container_spec": "S"}],
        "licence_documents": [*papers, {"document_code": "8", "document_no": "8"}],
    }


def test_the_published_sample_is_read_to_the_last_field() -> None:
    path = DATA / "samples-cn-dec/mod-v1-modify.xml"
    if not path.exists():
        pytest.skip("the published samples stand in ../shared, which a user's machine does not have")
    root = etree.parse(str(path)).getroot()
    root.find("{*}EntryId").text = ENTRY_ID
    before = _declared(root)
    reason, after = read(etree.tostring(root), before, sending=False)
    assert reason == "丁梅的修改单原因字段"
    found = {one.pointer: one.after for one in differences(before, after)}
    assert found == {
        "/lines/0/version_no": "121", "/lines/0/quantity": "1000", "/lines/0/first_quantity": "11",
        "/lines/0/hs_code": "2001100002", "/lines/0/goods_name": "玻璃瓶", "/lines/0/unit_price": "211200",
        "/lines/1/quantity": "11212", "/lines/1/second_quantity": "4554", "/lines/1/goods_name": "烟斗头",
        "/lines/1/first_unit": "002", "/containers/0/container_spec": "L",
        "/licence_documents/7/document_code": "1",
    }  # fmt: skip
    with pytest.raises(WindowError) as stored:
        read(etree.tostring(root), before)
    assert [one.rule for one in stored.value.findings] == ["MOD-STORED"]


@pytest.mark.parametrize(
    ("old", "new", "rules"),
    [
        (b"<OldValue>7</OldValue>", b"<OldValue>8</OldValue>", ["MOD-STALE"]),
        (b"<FieldCode>G_QTY", b"<FieldCode>G_QTZ", ["MOD-FIELD"]),
        (b"<GNo>1</GNo>", b"<GNo>77</GNo>", ["MOD-ITEM"]),
        (ENTRY_ID.encode(), b"790120241000000852", ["MOD-OTHER"]),
        (b"<DecModType>1", b"<DecModType>2", ["MOD-OTHER"]),
        (b"<IeFlag>I", b"<IeFlag>E", ["MOD-OTHER"]),
        (b"<OperType>C", b"<OperType>G", ["MOD-STORED"]),
    ],
    ids=lambda value: value if isinstance(value, list) else "",
)
def test_what_does_not_fit_the_declaration_is_named(old: bytes, new: bytes, rules: list[str]) -> None:
    before = changed(("replace", "/lines/0/quantity", "7"))
    consignment, asked = request_of()
    after = patched(before, [{"op": "replace", "path": "/lines/0/quantity", "value": "9"}])
    raw = mod_import.written(consignment, asked, before, after, differences(before, after))
    assert read(raw, before)[1] == after
    assert old in raw
    with pytest.raises(WindowError) as refused:
        read(raw.replace(old, new), before)
    assert refused.value.status == 422
    assert [one.rule for one in refused.value.findings] == rules


def test_another_message_and_a_broken_one_are_refused() -> None:
    with pytest.raises(WindowError) as other:
        read(b"<DecMessage xmlns='http://www.chinaport.gov.cn/dec'/>")
    assert (other.value.status, other.value.code) == (400, "xml-other-message")
    with pytest.raises(WindowError) as broken:
        read(b"<DecModMessage xmlns='http://www.chinaport.gov.cn/dec'><Nonsense>1</Nonsense></DecModMessage>")
    assert broken.value.code == "invalid-message" and len(broken.value.findings) > 10


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/lines/3"},
        {"op": "replace", "path": "/head/overseas_consignor_name_en", "value": "X"},
        {"op": "replace", "path": "/containers/0/container_no", "value": "MSKU0000006"},
        {"op": "replace", "path": "/head/bill_no", "value": "1" * 33},
        {"op": "remove", "path": "/other_packs/0"},
    ],
    ids=str,
)
def test_what_the_message_has_no_room_for_stops_it_and_is_named(operation: dict[str, Any]) -> None:
    with pytest.raises(WindowError) as refused:
        written(patched(SAMPLE, [operation]))
    assert refused.value.code == "untransferable"
    assert refused.value.findings[0].pointer == operation["path"]


def test_without_customs_number_there_is_no_message() -> None:
    case = Clearance()
    case.want("amendment")
    with pytest.raises(WindowError) as refused:
        mod_import.written(case.consignment, requests(case.consignment)[0], SAMPLE, SAMPLE, [])
    assert (refused.value.status, refused.value.code) == (409, "no-entry-id")


VALUES = st.dictionaries(
    st.sampled_from(
        ["/head/note", "/head/bill_no", "/head/marks", "/lines/0/goods_name", "/lines/4/batch_no"]
    ),
    st.text("文 aΩ<&>'\"9", min_size=1, max_size=20).map(str.strip).filter(bool),
    max_size=5,
)
NUMBERS = st.dictionaries(
    st.sampled_from([f"/lines/{at}/{name}" for at in range(5) for name in ("quantity", "first_quantity")]),
    st.decimals(1, 99999, places=3).map(lambda number: f"{number.normalize():f}"),
    max_size=5,
)


@settings(max_examples=25, deadline=None)
@given(VALUES, NUMBERS, st.sampled_from([None, "/head/note", "/lines/1/batch_no"]))
def test_what_we_write_we_read_again(
    values: dict[str, str], numbers: dict[str, str], gone: str | None
) -> None:
    after = patched(SAMPLE, [{"op": "add", "path": p, "value": v} for p, v in (values | numbers).items()])
    if gone and gone not in values:
        _, section, *path = gone.split("/")
        holder = after[section] if section == "head" else after[section][int(path[0])]
        holder.pop(path[-1], None)
    if not differences(SAMPLE, after):
        return
    assert read(written(after)) == ("录入错误", after)


@pytest.fixture(autouse=True)
def a_day_in_2026(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 11, 20, tzinfo=UTC))


def test_the_codes_fit_the_message_and_their_elements_exist() -> None:
    lists, parts = mod_import._fields()
    assert set(lists.values()) == {"1", "2", "3"}
    as_written = mod_import._written_as()
    for part in parts.values():
        assert len(part.code) <= 20
        assert (part.section, part.element) in as_written
    assert Path(ROOT / "catalogue/rules/mod-import-fields.json").exists()
