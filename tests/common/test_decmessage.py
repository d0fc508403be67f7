"""DecMessage in and out: complete, without loss, and safe against hostile XML."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from singlewindow import catalogue
from singlewindow.errors import WindowError
from tests.support import dec_schema, decmessage
from tests.support.canonical_documents import declarations
from tests.support.sample_documents import edited, sample
from tests.support.thorough import examples

DECLARATION = catalogue.document()
needs_data = pytest.mark.skipif(not dec_schema.DATA.exists(), reason="../shared/data is not on this machine")


def message(
    inside: str = "", *, namespace: str = decmessage.NAMESPACE, head: str = "<IEFlag>I</IEFlag>"
) -> bytes:
    return f'<DecMessage xmlns="{namespace}"><DecHead>{head}</DecHead>{inside}</DecMessage>'.encode()


def in_head(xml: str) -> Any:
    return decmessage.read(message(head=xml)).get("head", {})


def leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from leaves(inner)
    else:
        yield value


def unknown(raw: bytes) -> list[tuple[str, str]]:
    """Pointers and English words of what the shape check does not know in a message."""
    document = DECLARATION.normalise(decmessage.read(raw))
    found = DECLARATION.shape_findings(document)
    return [(one.pointer, one.message_en) for one in found if one.rule == "SHAPE-UNKNOWN"]


def refusal(raw: bytes) -> str:
    with pytest.raises(WindowError) as caught:
        decmessage.read(raw)
    assert caught.value.status == 400 and caught.value.detail and caught.value.detail_zh
    return caught.value.code


# The official sample


@needs_data
def test_every_value_of_the_official_sample_arrives() -> None:
    raw = dec_schema.OFFICIAL.read_bytes()
    there = [
        text for one in etree.fromstring(raw).iter() if len(one) == 0 and (text := (one.text or "").strip())
    ]
    document = decmessage.read(raw)
    assert Counter(leaves(document)) == Counter(there)
    assert len(there) > 150
    assert DECLARATION.shape_findings(DECLARATION.normalise(document)) == []


@needs_data
def test_the_official_sample_is_written_back_tag_by_tag() -> None:
    raw = dec_schema.OFFICIAL.read_bytes()
    document = DECLARATION.normalise(decmessage.read(raw))
    written = etree.fromstring(decmessage.write(document))
    theirs = [
        (one.tag, one.text.strip())
        for one in etree.fromstring(raw).iter()
        if len(one) == 0 and (one.text or "").strip()
    ]
    ours = [(one.tag, one.text) for one in written.iter() if len(one) == 0 and one.text]
    assert [tag for tag, _ in ours] == [tag for tag, _ in theirs]
    # Numbers lose their empty decimals, days their time of midnight; nothing else differs.
    differing = {
        etree.QName(tag).localname
        for (tag, text), (_, other) in zip(ours, theirs, strict=True)
        if text != other
    }
    assert differing == {
        "GrossWet", "NetWt", "InsurRate", "OtherRate", "DeclPrice", "DeclTotal", "GQty", "FirstQty", "SecondQty",
        "PricePerUnit", "DespDate", "CmplDschrgDt", "BillLadDate",
    } & differing  # fmt: skip
    assert DECLARATION.normalise(decmessage.read(decmessage.write(document))) == document


@needs_data
def test_the_facets_that_are_taken_out_of_the_published_schema_are_these() -> None:
    found = Counter(
        (dec_schema.owner(facet), etree.QName(facet).localname, facet.get("value"))
        for facet in dec_schema.broken(dec_schema.published())
    )
    expected = Counter((name, "pattern", "") for name in dec_schema.EMPTY_PATTERNS)
    expected.update((name, "pattern", value) for name, value in dec_schema.LITERAL_PATTERNS.items())
    expected[("IEDate", "pattern", "yyyyMMdd")] += 1  # in the head of a transit declaration, too
    assert sum(expected.values()) == 18 + 6  # domain A.15
    contradicted = {("SignTime", "length", "14"), ("CertType", "length", "3"), ("EcoCertNo", "length", "64"),
                    ("UseOrgPersonTel", "maxLength", "5"), ("CopCode", "pattern", ".{18}")}  # fmt: skip
    assert {key[:2] for key in contradicted} == dec_schema.CONTRADICTED.keys()
    assert found == expected + Counter(contradicted)


@needs_data
@pytest.mark.parametrize("name", ["official", "import-chengdu", "export-chengdu"])
def test_what_we_write_is_valid_by_the_mended_schema(name: str) -> None:
    if name == "official":
        document = decmessage.read(dec_schema.OFFICIAL.read_bytes())
    else:
        # What the message demands of everybody, and a declaration has no need of.
        whole = {"/head/edi_id": "1", "/sign/oper_type": "C", "/sign/client_seq_no": "JX2026112000000017",
                 "/electronic_documents": [{"document_id": "X", "document_code": "00000001", "format_type": "US",
                                            "owner_code": "3107980174"}]}  # fmt: skip
        document = edited(sample(name), whole)
    assert dec_schema.errors(decmessage.write(DECLARATION.normalise(document))) == []


# Round trip


@settings(max_examples=examples(40), deadline=None, suppress_health_check=list(HealthCheck))
@given(declarations(narrow=True))
def test_what_is_written_is_read_again(document: dict[str, Any]) -> None:
    assert DECLARATION.normalise(decmessage.read(decmessage.write(document))) == document


@pytest.mark.parametrize("name", ["import-chengdu", "export-chengdu"])
def test_our_samples_survive_the_message(name: str) -> None:
    document = DECLARATION.normalise(sample(name))
    assert DECLARATION.normalise(decmessage.read(decmessage.write(document))) == document


@pytest.mark.parametrize(
    "text", ["<14>I2017-0166475", "A & B", "]]>", "\"'", "line 1\nline 2", "中国𠮷", "a\tb", "\r\nx".strip()]
)
def test_special_characters_survive(text: str) -> None:
    document = {"head": {"ie_flag": "I", "marks": text}}
    assert decmessage.read(decmessage.write(document)) == document
    assert in_head(
        f"<MarkNo><![CDATA[{text}]]></MarkNo>" if "]]>" not in text else f"<MarkNo>{']]&gt;'}</MarkNo>"
    ) == {"marks": text}


# Exports


def test_exports_have_origin_and_destination_in_each_others_places() -> None:
    inside = "<OriginCountry>DEU</OriginCountry><DestinationCountry>CHN</DestinationCountry>"
    line = f"<DecLists><DecList>{inside}</DecList></DecLists>"
    plain = {"origin_country": "DEU", "destination_country": "CHN"}
    assert decmessage.read(message(line))["lines"] == [plain]
    export = decmessage.read(message(line, head="<IEFlag>E</IEFlag>"))
    assert export["lines"] == [{"origin_country": "CHN", "destination_country": "DEU"}]
    assert b"<OriginCountry>DEU</OriginCountry>" in decmessage.write(export)


# Forms of the message


@pytest.mark.parametrize(
    "namespace", ["http://www.chinaport.gov.cn/dec", "http://www.chinaport.gov.cn/dec_3_1", ""]
)
def test_versions_of_the_namespace_are_one(namespace: str) -> None:
    assert decmessage.read(message(namespace=namespace)) == {"head": {"ie_flag": "I"}}


@pytest.mark.parametrize("declared", ["GB18030", "gbk", "GB2312"])
def test_gb_encodings_are_read_whole(declared: str) -> None:
    raw = (
        f'<?xml version="1.0" encoding="{declared}"?>{message(head="<AgentName>镕𠮷€</AgentName>").decode()}'
    )
    assert decmessage.read(raw.encode("gb18030")) == {"head": {"agent_name": "镕𠮷€"}}


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b'\xef\xbb\xbf<?xml version="1.0" encoding="GBK"?>',
                                   b'<?xml version="1.0"?>\r\n', b"<!-- note --><?style x?>\n"])  # fmt: skip
def test_a_mark_a_declaration_and_comments_may_stand_before(start: bytes) -> None:
    assert decmessage.read(start + message(head="<AgentName>蓉欧</AgentName>")) == {
        "head": {"agent_name": "蓉欧"}
    }


def test_what_xml_itself_needs_is_no_finding() -> None:
    raw = message().replace(
        b"<DecMessage",
        b'<DecMessage Version="3.1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b"',
    )
    assert decmessage.read(raw) == {"head": {"ie_flag": "I"}}


def test_other_papers_names_of_a_tag_are_known() -> None:
    assert in_head("<TradeCodeScc>1</TradeCodeScc><CiqEntyPortCode>2</CiqEntyPortCode>") == {
        "trade_uscc": "1",
        "entry_port": "2",
    }


def test_a_comment_inside_a_value_does_not_cut_it() -> None:
    assert in_head("<AgentName>a<!-- x -->b</AgentName>") == {"agent_name": "ab"}


# Nothing dropped silently


@pytest.mark.parametrize(
    ("raw", "pointer", "path"),
    [
        (message(head="<PayWay>1</PayWay>"), "/head/PayWay", "DecMessage/DecHead/PayWay"),
        (message("<DecLists><DecList><X>1</X></DecList></DecLists>"), "/lines/0/X", "DecMessage/DecLists/DecList/X"),
        (message("<DecLists><Odd>1</Odd></DecLists>"), "/DecLists~1Odd", "DecMessage/DecLists/Odd"),
        (message(head='<IEFlag x="1">I</IEFlag>'), "/head/IEFlag", "DecMessage/DecHead/IEFlag"),
        (message("<DecHead><IEFlag>E</IEFlag></DecHead>"), "/DecHead", "DecMessage/DecHead"),
        (message('<DecFreeTxt a="1"><VoyNo>1</VoyNo></DecFreeTxt>'), "/free_text/@a", "DecMessage/DecFreeTxt/@a"),
        (message(head="stray<IEFlag>I</IEFlag>"), "/head/#text", "DecMessage/DecHead/#text"),
        (message(head="<GrossWet><b>1</b></GrossWet>"), "/head/GrossWet", "DecMessage/DecHead/GrossWet"),
    ],
)  # fmt: skip
def test_what_has_no_place_is_a_finding_with_its_xml_path(raw: bytes, pointer: str, path: str) -> None:
    ((where, words),) = unknown(raw)
    assert where == pointer and path in words


def test_an_element_that_stands_twice_is_a_finding_and_the_first_counts() -> None:
    raw = message(head="<GrossWet>1</GrossWet><GrossWet>2</GrossWet><GrossWet>3</GrossWet>")
    assert decmessage.read(raw)["head"] == {"gross_weight": "1", "GrossWet": "2", "GrossWet[2]": "3"}
    assert [words for _, words in unknown(raw) if "stands twice" in words] == [
        words for _, words in unknown(raw)
    ]


def test_blank_strangers_say_nothing() -> None:
    assert decmessage.read(
        message("<SddTax/><TrnHead> <A/> </TrnHead>", head="<InRatio/><IEFlag>I</IEFlag>")
    ) == {"head": {"ie_flag": "I"}}


def test_an_empty_line_in_the_middle_keeps_its_place_and_one_at_the_end_goes() -> None:
    lines = "<DecLists><DecList/><DecList><GNo>2</GNo></DecList><DecList><GNo/></DecList></DecLists>"
    assert decmessage.read(message(lines))["lines"] == [{}, {"line_no": "2"}]


def test_a_value_wider_than_its_place_is_never_cut() -> None:
    with pytest.raises(decmessage.Untransferable) as caught:
        decmessage.write({"head": {"bill_no": "A" * 33}})
    assert caught.value.pointer == "/head/bill_no"
    assert b"A" * 32 in decmessage.write({"head": {"bill_no": "A" * 32}})


# Hostile XML

MANY_ATTRIBUTES = " ".join(f"a{number}='1'" for number in range(5_000))
ATTRIBUTES = " ".join(f"a{n}='1'" for n in range(5_000))
BOMB = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "x"}">' for n in range(10))


@pytest.mark.parametrize(
    "raw",
    [
        f"<!DOCTYPE d [{BOMB}]>".encode() + message(head="<AgentName>&e9;</AgentName>"),
        b'<?xml version="1.0"?>\n<!-- a --><!DOCTYPE d SYSTEM "file:///etc/passwd">' + message(),
        b'<!DOCTYPE d [<!ENTITY x SYSTEM "http://127.0.0.1:1/">]>'
        + message(head="<AgentName>&x;</AgentName>"),
        b'<!DOCTYPE d [<!ENTITY a "' + b"x" * 500_000 + b'">]>' + message(head="&a;" * 100_000),
    ],
    ids=["entities", "external", "network", "quadratic"],
)
def test_a_document_type_definition_is_refused(raw: bytes) -> None:
    assert refusal(raw) == "xml-dtd"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-7", "cp037"])
def test_no_encoding_hides_a_document_type_definition(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE d [{BOMB}]><DecMessage a="&e9;">&e9;</DecMessage>'
    assert refusal(text.encode(encoding)) in ("xml-encoding", "xml-syntax", "xml-dtd")


def test_a_doctype_in_a_text_is_a_text() -> None:
    assert in_head("<MarkNo><![CDATA[<!DOCTYPE x>]]></MarkNo>") == {"marks": "<!DOCTYPE x>"}


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "xml-empty"),
        (b" \n ", "xml-empty"),
        (b"\xef\xbb\xbf", "xml-empty"),
        (b"{}", "xml-syntax"),
        (b"<DecMessage>", "xml-syntax"),
        (message(head="&unknown;"), "xml-syntax"),
        (message(head="a\x00b"), "xml-syntax"),
        (b"<DecMessage>\xff</DecMessage>", "xml-encoding"),
        (b'<?xml version="1.0" encoding="shift_jis"?>' + message(), "xml-encoding"),
        (b"<CEB311Message/>", "xml-other-message"),
        (b'<DecMessage xmlns="urn:other"/>', "xml-other-message"),
        (message("<a>" * 40 + "</a>" * 40), "xml-depth"),
        (b"<a>" * 100_000, "xml-depth"),
        (message("<a/>" * 100_000), "xml-too-many"),
        (message(head=f"<x {MANY_ATTRIBUTES}/>"), "xml-too-many"),
    ],
)
def test_what_is_no_message_is_refused_with_a_reason(raw: bytes, code: str) -> None:
    assert refusal(raw) == code


def test_thirty_two_levels_are_no_reason_to_refuse() -> None:
    assert decmessage.read(message("<a>" * 31 + "x" + "</a>" * 31))["a"] == "x"


@settings(max_examples=examples(200), deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_raise_anything_but_a_refusal(raw: bytes) -> None:
    for body in (raw, b"<DecMessage><DecHead>" + raw + b"</DecHead></DecMessage>"):
        try:
            decmessage.read(body)
        except WindowError as error:
            if error.status != 400:
                raise


@settings(max_examples=examples(100), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.recursive(st.text("ab< &;", max_size=4), lambda inner: st.tuples(
    st.sampled_from(["DecHead", "DecLists", "DecList", "GName", "X", "DecGoodsLimits", "EdocRealation", "GoodsNo"]),
    st.lists(inner, max_size=4)), max_leaves=20))  # fmt: skip
def test_all_text_of_any_tree_is_somewhere_in_what_is_read(tree: Any) -> None:
    def build(parent: Any, node: Any) -> None:
        if isinstance(node, str):
            if len(parent):
                parent[-1].tail = (parent[-1].tail or "") + node
            else:
                parent.text = (parent.text or "") + node
        else:
            inner = etree.SubElement(parent, node[0])
            for each in node[1]:
                build(inner, each)

    root = etree.Element("DecMessage")
    build(root, tree)
    raw = etree.tostring(root)
    there = Counter("".join("".join(etree.fromstring(raw).itertext()).split()))
    assert Counter("".join("".join(leaves(decmessage.read(raw))).split())) == there
