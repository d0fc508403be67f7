"""The conformance tester: what a message is, every deviation, and what nobody judged; on samples, faults and bombs."""

import json
from collections import Counter
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra import ROOT
from singlewindow import catalogue
from singlewindow.errors import WindowError
from singlewindow.messages import transform
from singlewindow.messages.conformance import CONFORMS, DEVIATES, PARTLY, UNREADABLE, Report
from standards.conformance import report
from tests.support.thorough import examples
from tests.support.transport import TRANSPORT

SAMPLES = ROOT.parent / "shared" / "data"
DAY = date(2024, 6, 1)
ORDER: dict[str, Any] = json.loads((ROOT / "catalogue/examples/ecommerce-order.v1.json").read_bytes())
needs_samples = pytest.mark.skipif(not SAMPLES.exists(), reason="../shared/data is not on this machine")


def judged(raw: bytes, as_at: date = DAY) -> Report:
    return report(raw, as_at)


def rules(found: Report) -> dict[str, int]:
    return dict(Counter(one.rule for one in found.findings))


def refused(raw: bytes) -> WindowError:
    with pytest.raises(WindowError) as caught:
        report(raw, DAY)
    assert caught.value.status == 422 and caught.value.detail_zh
    return caught.value


def order(**head: str) -> bytes:
    document = catalogue.document("ecommerce-order").normalise(ORDER | {"head": ORDER["head"] | head})
    return transform.write([document], "CEB311Message", TRANSPORT)


# ---------------------------------------------------------------- the published samples

# What each sample is and what is wrong with it. A fault that is the sample's own says so.
EXPECTED: dict[str, tuple[list[str], str, dict[str, int]]] = {
    # Days with a time of midnight, where the format has yyyyMMdd.
    "samples-cn-dec/dec-2018-import.xml": (["DecMessage"], DEVIATES, {"MSG-FORM": 3}),
    # 072750 is a postcode, not a division; identity numbers are masked; 19,000 CNY is above the limit; a line's total
    # is not its price times its quantity. Samples of e-commerce say the same document up to ten times.
    "samples-cn-ceb-202205/import/CEB311Message.xml": (
        ["CEB311Message"],
        DEVIATES,
        {
            "CODE-ADMIN-DIVISION": 6,
            "CBE-BUYER-ID": 6,
            "CBE-SINGLE-LIMIT": 6,
            "CBE-LINE-TOTAL": 6,
            "MSG-DUPLICATE": 5,
        },
    ),
    # Partly judged: fields that are asked under a condition, and no rule says yet when.
    "samples-cn-ceb-202205/import/CEB312Message.xml": (["CEB312Message"], PARTLY, {}),
    "samples-cn-ceb-202205/import/CEB411Message.xml": (["CEB411Message"], CONFORMS, {"MSG-DUPLICATE": 8}),
    "samples-cn-ceb-202205/import/CEB412Message.xml": (["CEB412Message"], PARTLY, {}),
    "samples-cn-ceb-202205/import/CEB511Message.xml": (["CEB511Message"], CONFORMS, {"MSG-DUPLICATE": 5}),
    "samples-cn-ceb-202205/import/CEB512Message.xml": (["CEB512Message"], PARTLY, {}),
    "samples-cn-ceb-202205/import/CEB621Message.xml": (["CEB621Message"], PARTLY, {"MSG-DUPLICATE": 8}),
    "samples-cn-ceb-202205/import/CEB622Message.xml": (["CEB622Message"], PARTLY, {}),
    # A second BaseTransfer: they fail the schema of their own pack there.
    "samples-cn-ceb-202205/export/CEB303Message.xml": (
        ["CEB303Message"],
        DEVIATES,
        {"MSG-REPEATED": 1, "MSG-DUPLICATE": 9},
    ),
    "samples-cn-ceb-202205/export/CEB505Message.xml": (
        ["CEB505Message"],
        DEVIATES,
        {"MSG-REPEATED": 1, "MSG-DUPLICATE": 9},
    ),
    "samples-cn-ceb-202205/export/CEB507Message.xml": (
        ["CEB507Message"],
        DEVIATES,
        {"MSG-REPEATED": 1, "MSG-DUPLICATE": 9},
    ),
    "samples-cn-ceb-202205/export/CEB603Message.xml": (
        ["CEB603Message"],
        DEVIATES,
        {"MSG-REPEATED": 1, "MSG-DUPLICATE": 9},
    ),
    "samples-cn-ceb-202205/export/CEB304Message.xml": (["CEB304Message"], CONFORMS, {}),
    "samples-cn-ceb-202205/export/CEB506Message.xml": (["CEB506Message"], CONFORMS, {}),
    "samples-cn-ceb-202205/export/CEB508Message.xml": (["CEB508Message"], CONFORMS, {}),
    "samples-cn-ceb-202205/export/CEB604Message.xml": (["CEB604Message"], CONFORMS, {}),
    # Container numbers that were made up for a test: no check digit fits TEST1234567.
    "samples-cn-manifest-road/MT1401_5.xml": (["MT1401"], DEVIATES, {"CHECK-CONTAINER": 2}),
    "samples-cn-manifest-road/MT1401_9.xml": (["MT1401"], DEVIATES, {"CHECK-CONTAINER": 2}),
    "samples-cn-manifest-road/MT2401_9.xml": (["MT2401"], DEVIATES, {"CHECK-CONTAINER": 2}),
    "samples-cn-manifest-road/MT4401_2.xml": (["MT4401"], CONFORMS, {}),
    "samples-cn-manifest-road/MT4402_2.xml": (["MT4402"], CONFORMS, {}),
    "samples-cn-manifest-road/MT8401_2.xml": (["MT8401"], CONFORMS, {}),
    "samples-cn-manifest-road/receipt-biz-customs-accepted.xml": (["MTResponse"], PARTLY, {}),
    "samples-cn-manifest-road/receipt-biz-sent-customs.xml": (["MTResponse"], PARTLY, {}),
    "samples-cn-manifest-road/receipt-tech-success.xml": (["MTResponse"], PARTLY, {}),
    "samples-cn-dec/dec-v1-receipt.xml": (["DecImportResponse"], PARTLY, {"RECEIPT-WARNING": 1}),
    "samples-cn-dec/dxp-msg-nosign.xml": (["DxpMsg"], CONFORMS, {}),
    "samples-cn-dec/mod-v1-modify.xml": (["ModImport"], CONFORMS, {}),
    "samples-cn-dec/usf001-attachment.xml": (["USF001"], CONFORMS, {}),
    "samples-edifact/coarri-d95b-itg13.edi": (["COARRI", "COARRI"], CONFORMS, {}),
    # A day under a format with hours, text in UTF-8 that is declared ISO 8859-1, and 39 segments counted as 18.
    "samples-edifact/iftsta-d10b.edi": (
        ["IFTSTA"],
        DEVIATES,
        {"EDI-DATE": 1, "EDI-CHARSET": 1, "EDI-COUNT-UNT": 1},
    ),
    "samples-edifact/cusdec-d96b-export-fragment.edi": (
        ["CUSDEC"],
        DEVIATES,
        {"EDI-VERSION": 1, "EDI-TRUNCATED": 1},
    ),
    "samples-edifact/exampleMulti.edi": (["PAORES", "PAORES"], PARTLY, {"EDI-MESSAGE-UNKNOWN": 1}),
}


@needs_samples
@pytest.mark.parametrize("name", EXPECTED)
def test_a_published_sample_is_recognised_and_reported_honestly(name: str) -> None:
    types, verdict, found = EXPECTED[name]
    one = judged((SAMPLES / name).read_bytes())
    assert [each.type for each in one.recognised] == types
    assert (one.verdict, rules(one)) == (verdict, found)
    assert all(each.message_zh and each.message_en for each in one.findings)


@needs_samples
@pytest.mark.parametrize(
    "folder", ["samples-cn-dec", "samples-cn-ceb-202205", "samples-cn-manifest-road", "samples-edifact"]
)
def test_no_sample_of_these_folders_is_left_out(folder: str) -> None:
    there = {str(path.relative_to(SAMPLES)) for path in (SAMPLES / folder).rglob("*") if path.is_file()}
    assert there == {name for name in EXPECTED if name.startswith(f"{folder}/")}


# The samples of the WCO Data Model: declarations with and notifications without their namespace, British neighbours,
# and three that are broken.
WCO = SAMPLES / "samples-wco-cds"
BROKEN = {
    "TT_IM084a/TT_IM084a.xml": (UNREADABLE, {"XML-SYNTAX"}),  # two hyphens in a comment
    "TT_IM222a/Step1_TT_IM222a.xml": (  # its colons are lost: mdMetaData, xmlnsmd
        DEVIATES,
        {"MSG-ROOT", "MSG-NAMESPACE", "MSG-ATTRIBUTE", "MSG-UNKNOWN"},
    ),
    "TT_IM030a/03_DMSTAX.xml": (DEVIATES, {"MSG-NAMESPACE", "MSG-UNKNOWN"}),  # tags that begin with _2
}


@needs_samples
def test_every_sample_of_the_wco_data_model_is_recognised() -> None:
    seen: Counter[str] = Counter()
    for path in sorted(path for path in WCO.rglob("*") if path.suffix in (".xml", ".txt")):
        name = str(path.relative_to(WCO))
        if name == "TT_EX042a/TT_EX042a_sample_steps.txt":
            assert "bytes beginning with" in refused(path.read_bytes()).detail  # prose
            continue
        one = judged(path.read_bytes())
        seen[one.recognised[0].type] += 1
        verdict, expected = BROKEN.get(name, (None, set()))
        if verdict:
            assert (one.verdict, set(rules(one))) == (verdict, expected), name
        else:
            assert one.verdict in (CONFORMS, PARTLY), (name, one.findings)
            assert set(rules(one)) <= {"MSG-NAMESPACE"}
    assert seen == {
        "WCOMetaData": 93,
        "ILEQueryRequest": 2,
        "ILEQueryResponse": 1,
        "ILEImportsValidateMovementResponse": 2,
        "ILEImportsGoodsArrival": 1,
        "CDSSubmitDeclaration": 1,
    }


# ---------------------------------------------------------------- our own documents


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("infra/samples/import-chengdu.json", "declaration"),
        ("catalogue/examples/ecommerce-order.v1.json", "ecommerce-order"),
        ("catalogue/examples/ecommerce-list.v1.json", "ecommerce-list"),
    ],
)
def test_our_samples_are_told_apart_and_conform(path: str, document: str) -> None:
    one = judged((ROOT / path).read_bytes(), date(2026, 11, 25))
    assert [each.type for each in one.recognised] == [document]
    assert one.verdict in (CONFORMS, PARTLY) and one.findings == ()


def test_what_has_another_home_is_said_and_not_passed_for_judged() -> None:
    one = judged((ROOT / "infra/samples/import-chengdu.json").read_bytes(), date(2026, 11, 25))
    assert one.verdict == PARTLY
    assert [en for _, en in one.left] == ["cross-field rules: POST /declarations/check judges them"]


@pytest.mark.parametrize("stem", catalogue.names("documents"))
def test_the_generated_example_of_each_document_is_recognised(stem: str) -> None:
    from standards.example import example

    name, _, version = stem.rpartition(".v")
    today = date(2026, 11, 25)
    one = judged(json.dumps(example(name, int(version), today)).encode(), today)
    assert [each.type for each in one.recognised] == [name]
    assert one.findings == ()


# ---------------------------------------------------------------- faults, each at its place with a fix


def test_an_order_of_ours_conforms() -> None:
    assert judged(order()).findings == ()


def test_every_deviation_is_told_at_once() -> None:
    raw = (
        order()
        .replace(b"<currency>142</currency>", b"<currency>CNY</currency>", 1)
        .replace(b"<appType>1</appType>", b"<apptype>1</apptype>")
        .replace(b"<goodsValue>914</goodsValue>", b"<goodsValue>914.123456</goodsValue>")
    )
    found = {one.pointer: one for one in judged(raw).findings}
    head = "/CEB311Message/Order[1]/OrderHead"
    assert found[f"{head}/currency"].expected == "142"
    assert found[f"{head}/currency"].fix == ({"op": "replace", "path": f"{head}/currency", "value": "142"},)
    assert "did you mean appType" in found[f"{head}/apptype"].message_en
    assert found[f"{head}/appType"].rule == "MSG-MISSING"
    assert found[f"{head}/goodsValue"].rule == "MSG-FORM"


def test_an_order_is_judged_as_at_a_date() -> None:
    dear = order(goods_value="2914", actual_paid="2977.17")
    assert "CBE-SINGLE-LIMIT" in rules(judged(dear, date(2018, 12, 31)))
    assert "CBE-SINGLE-LIMIT" not in rules(judged(dear, date(2019, 1, 1)))


def test_a_code_that_is_no_longer_in_force_is_told_with_its_successor() -> None:
    document = json.loads((ROOT / "infra/samples/import-chengdu.json").read_bytes())
    document["head"]["trade_mode"] = "3039"
    raw = json.dumps(document).encode()
    assert rules(judged(raw, date(2018, 7, 31))) == {}
    (retired,) = judged(raw, date(2018, 8, 1)).findings
    assert retired.expected == "3010" and "2018-07-31" in retired.message_en


def test_a_rule_that_sees_what_the_form_saw_says_it_at_the_same_place_and_once() -> None:
    raw = order(goods_value="2914", actual_paid="2977.17")
    (limit, *_) = [one for one in judged(raw, date(2018, 12, 31)).findings if one.rule == "CBE-SINGLE-LIMIT"]
    assert limit.pointer == "/CEB311Message/Order[1]/OrderHead/goodsValue"
    mixed = order().replace(b"<currency>142</currency>", b"<currency>CNY</currency>", 1)
    assert rules(judged(mixed)) == {"CODE-OTHER-SET": 1}


def test_a_rule_that_sleeps_is_said_to_sleep() -> None:
    assert any("sleep" in en for _, en in judged(order()).left)


# ---------------------------------------------------------------- what is not known


@pytest.mark.parametrize(
    ("raw", "seen", "nearest"),
    [
        (b'<CEB999Message xmlns="http://www.chinaport.gov.cn/ceb"/>', "the root CEB999Message", "CEB"),
        (b'{"orderHead": {"x": 1}}', "a JSON object with orderHead", ""),
        (b"[1, 2]", "JSON, but no object: list", ""),
        (b"{}", "an empty JSON object", ""),
        (b"", "nothing: the body is empty", ""),
        (b"%PDF-1.7 ...", "a PDF file", ""),
        (b"PK\x03\x04....", "a ZIP archive", ""),
        (b"<!DOCTYPE html><html></html>", "a web page", ""),
        (b"hello", "5 bytes beginning with b'hello'", ""),
        (b'{"head": {"ie_flag": "I"}}', "a JSON object with head", ""),  # any of ten documents
    ],
)
def test_an_unknown_type_is_refused_with_what_was_seen(raw: bytes, seen: str, nearest: str) -> None:
    error = refused(raw)
    assert seen in error.detail
    assert (
        "DecMessage" in error.members["known"]["messages"] and "COARRI" in error.members["known"]["messages"]
    )
    assert all(nearest in one for one in error.members["nearest"]) and bool(error.members["nearest"]) >= bool(
        nearest
    )


def test_a_misspelt_root_is_recognised_and_named() -> None:
    one = judged(order().replace(b"CEB311Message", b"CEB311Mesage"))
    assert (one.recognised[0].type, one.recognised[0].certain) == ("CEB311Message", False)
    assert one.findings[0].rule == "MSG-ROOT" and one.findings[0].expected == "CEB311Message"


# ---------------------------------------------------------------- broken on the way

BOMB = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "x"}">' for n in range(10))
GB = (
    order()
    .replace("加".encode(), b"")
    .decode()
    .replace("encoding='UTF-8'", "encoding='UTF-8'")
    .encode("gb18030")
)


@pytest.mark.parametrize(
    ("raw", "rule", "says"),
    [
        (GB, "XML-ENCODING", "it reads as GB18030"),
        (b"\x00\x01garbage" + order(), "XML-ENCODING", ""),
        (b"garbage " + order(), "XML-STRAY-BYTES", "8 byte(s) stand before <?xml"),
        (order()[:-40], "XML-SYNTAX", "line"),
        (
            f"<?xml version='1.0'?><!DOCTYPE x [{BOMB}]><CEB311Message>&e9;</CEB311Message>".encode(),
            "XML-DTD",
            "",
        ),
        (b"<CEB311Message>" + b"<a>" * 5000, "XML-DEPTH", ""),
        (b"<CEB311Message>" + b"<a>" * 40 + b"</a>" * 40 + b"</CEB311Message>", "XML-DEPTH", ""),
        (b"<CEB311Message>" + b"<a/>" * 200_000 + b"</CEB311Message>", "XML-TOO-MANY", ""),
        (b'{"head": {"ie_flag": "I"', "JSON-SYNTAX", "line 1"),
        (b'{"head": 1, "head": 2}', "JSON-DUPLICATE-KEY", ""),
        (b'{"a":' * 5000, "JSON-", ""),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_read_is_a_report_with_the_reason(raw: bytes, rule: str, says: str) -> None:
    one = judged(raw)
    assert one.verdict == UNREADABLE and len(one.findings) == 1
    assert one.findings[0].rule.startswith(rule) and says in one.findings[0].message_en
    assert one.findings[0].message_zh


def test_an_interchange_without_a_message_does_not_conform() -> None:
    assert rules(judged(b"UNB+UNOA:2+A+B+260101:0101+1'UNZ+0+1'")) == {"EDI-EMPTY": 1}


def test_a_long_name_is_not_multiplied() -> None:
    """As many copies of a name of 200 KB as it has leaves would fill the memory."""
    inner = ",".join(
        f'"{number}":{{{",".join(f"{chr(34)}{n}{chr(34)}:1" for n in range(100))}}}' for number in range(40)
    )
    error = refused(f'{{"{"k" * 200_000}":{{{inner}}}}}'.encode())
    assert len(json.dumps(error.members)) + len(error.detail) < 20_000


def test_a_large_message_is_bounded() -> None:
    """10 MB of orders: more elements than a message may have."""
    raw = order()
    start, end = raw.index(b"<Order>"), raw.index(b"</Order>") + len(b"</Order>")
    large = raw[:start] + raw[start:end] * (10 * 1024 * 1024 // (end - start)) + raw[end:]
    assert judged(large).verdict == UNREADABLE
    assert rules(judged(large)) == {"XML-TOO-MANY": 1}


def test_a_hundred_orders_with_a_fault_in_each_field_end_at_a_number_of_findings() -> None:
    raw = order()
    start, end = raw.index(b"<Order>"), raw.index(b"</Order>") + len(b"</Order>")
    many = raw[:start] + raw[start:end].replace(b"</", b"!" * 300 + b"</") * 100 + raw[end:]
    one = judged(many)
    assert len(one.findings) <= 1001 and one.findings[-1].rule == "SHAPE-MORE"


STARTS = [order(), json.dumps(ORDER).encode(), b"", b"UNB+UNOA:2+A+B+200101:0101+1'", b"<"]


@settings(max_examples=examples(150), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_comes_is_a_report_or_a_refusal(data: st.DataObject) -> None:
    raw = bytearray(data.draw(st.sampled_from(STARTS)))
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, len(raw)))
        raw[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=20))
    try:
        verdict = report(bytes(raw), DAY).as_json()["verdict"]
    except WindowError as error:
        verdict = error.code
    assert verdict in (CONFORMS, DEVIATES, PARTLY, UNREADABLE, "unknown-message-type")
