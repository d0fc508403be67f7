"""DecMessage over generated documents: what it carries comes back, what it cannot is refused by name."""

from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from singlewindow import catalogue
from singlewindow.errors import WindowError
from singlewindow.messages.transform import Untransferable
from tests.support import dec_schema, decmessage
from tests.support.canonical_documents import declarations
from tests.support.sample_documents import TODAY, edited, sample
from tests.support.thorough import examples

form = catalogue.document("declaration")
generated = settings(deadline=None, max_examples=examples(40), suppress_health_check=list(HealthCheck))
needs_data = pytest.mark.skipif(not dec_schema.DATA.exists(), reason="../shared/data is not on this machine")


def message(inside: str, declaration: str = '<?xml version="1.0" encoding="UTF-8"?>') -> str:
    return f'{declaration}<DecMessage xmlns="{decmessage.NAMESPACE}">{inside}</DecMessage>'


def refused(raw: bytes) -> str:
    with pytest.raises(WindowError) as caught:
        decmessage.read(raw)
    assert caught.value.status == 400 and caught.value.detail and caught.value.detail_zh
    return caught.value.code


def at(document: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        document = document[int(part) if isinstance(document, list) else part]
    return document


# Round trips


@generated
@given(declarations(narrow=True))
def test_whatever_the_message_can_carry_comes_back(document: dict[str, Any]) -> None:
    assert form.normalise(decmessage.read(decmessage.write(document))) == document


@generated
@given(declarations())
def test_a_sound_declaration_is_carried_whole_or_not_at_all(document: dict[str, Any]) -> None:
    refused_at = None
    try:
        raw = decmessage.write(document)
    except Untransferable as reason:
        refused_at = reason.pointer
    if refused_at is None:
        assert form.normalise(decmessage.read(raw)) == document
    else:
        assert at(document, refused_at)


@generated
@given(declarations(narrow=True), st.sampled_from(["gb18030", "utf-8-sig", "utf-16"]))
def test_the_encoding_makes_no_difference(document: dict[str, Any], encoding: str) -> None:
    text = decmessage.write(document).decode().replace("encoding='UTF-8'", f"encoding='{encoding}'", 1)
    assert decmessage.read(text.encode(encoding)) == decmessage.read(decmessage.write(document))


NARROW = decmessage.NARROW


def test_the_narrow_places_are_these() -> None:
    assert NARROW == {
        "/head/bill_no": 32,  # e-commerce messages allow 37
        "/head/transport_name": 26,  # brokers' clients allow 50
        "/head/pre_entry_id": 9,  # 18 since the merger
        "/lines/*/goods_limits/*/writeoff_quantity": 20,
        "/lines/*/goods_limits/*/vins/*/invoice_quantity": 19,
        "/lines/*/goods_limits/*/vins/*/unit_price": 14,
        "/containers/*/line_nos": 100,
    }


@pytest.mark.parametrize("place", NARROW)
def test_what_is_too_wide_is_refused_by_name_and_never_cut(place: str) -> None:
    most = NARROW[place]
    assert b"7" * most in decmessage.write(placed(place, "7" * most))
    with pytest.raises(Untransferable) as caught:
        decmessage.write(placed(place, "7" * (most + 1)))
    assert caught.value.pointer == place.replace("*", "0")


def placed(place: str, value: str) -> dict[str, Any]:
    """A document that has nothing but `value` at `/lines/*/x`."""
    parts = place.split("/")[1:]
    inner: Any = {parts[-1]: value}
    for part, following in reversed(list(pairwise(parts))):
        if part != "*":
            inner = {part: [inner] if following == "*" else inner}
    return inner


def test_fifty_lines_with_all_that_a_line_can_have_are_far_from_the_limits() -> None:
    line = sample("import-chengdu")["lines"][0]
    lines = [edited(line, {"/line_no": str(number)}) for number in range(1, 51)]
    document = form.normalise(edited(sample("import-chengdu"), {"/lines": lines}))
    assert decmessage.read(decmessage.write(document))["lines"] == document["lines"]
    assert form.shape_findings(document) + form.code_findings(document, TODAY) == []


# What this version does not carry


@pytest.mark.parametrize(
    "tag",
    ["TrnHead", "TrnList", "TrnContainers", "TrnContaGoodsList", "DecSupplementLists", "SddTax", "DecRisk"],
)
def test_a_part_that_this_version_does_not_carry_is_said_to_be_that(tag: str) -> None:
    filed = message(f"<{tag}><A>1</A></{tag}><{tag}><B>2</B></{tag}>")
    found = form.shape_findings(form.normalise(decmessage.read(filed.encode())))
    said = [one for one in found if one.rule == "SHAPE-NOT-CARRIED"]
    assert [(one.pointer, one.given, one.fix) for one in said] == [
        (f"/{tag}", "1", ()),
        (f"/{tag}[2]", "2", ()),
    ]
    assert all("not carried in this version" in one.message_en and "本版本" in one.message_zh for one in said)
    assert decmessage.read(message(f"<{tag}><A/></{tag}>").encode()) == {}


@needs_data
def test_every_part_of_the_message_is_carried_or_named_as_not_carried() -> None:
    root = dec_schema.published().getroot().find(f"{dec_schema.XS}element")
    parts = {one.get("name") for one in root.find(f".//{dec_schema.XS}sequence")}
    carried = {node.tag for node in decmessage.DEFINITION.root.content}
    assert parts == carried | decmessage.DEFINITION.not_carried.keys()
    assert not carried & decmessage.DEFINITION.not_carried.keys()


# By the schema of the message

# Where the form is freer than the mended schema, and why.
FREER = {
    "Type": "two letters; the field specification has Z",
    "OwnerCode": "ten digits; the field specification has nine or ten, or NO",
    "TransMode": "1 to 6; EXW is 7 by now",
    "ClientSeqNo": "18 characters exactly, beside a maximum of 18",
}
# The message demands some elements of everybody. Where the form does not they stay blank or away: nothing is invented.
DEMANDED = (
    "value has a length of '0'",
    "The value '' is not accepted",
    "Missing child",
    "}EcoRelation': This element",
)


@needs_data
@settings(generated, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(declarations(narrow=True))
def test_generated_declarations_fit_the_mended_schema_but_for_what_is_named(document: dict[str, Any]) -> None:
    said = dec_schema.errors(decmessage.write(document))
    accounted = (*DEMANDED, *(f"}}{tag}'" for tag in FREER))
    assert [one for one in said if not any(words in one for words in accounted)] == []


# Hostile bodies

_LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
DOCTYPES = {
    "laughs": f'<!DOCTYPE d [<!ENTITY l0 "lol">{_LAUGHS}]><DecMessage><DecHead>&l9;</DecHead></DecMessage>',
    "external": '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><DecMessage>&x;</DecMessage>',
    "outside": '<!DOCTYPE d SYSTEM "http://127.0.0.1:9/evil.dtd"><DecMessage/>',
    "parameter": '<!DOCTYPE d [<!ENTITY % x SYSTEM "file:///etc/passwd"> %x;]><DecMessage/>',
}


@pytest.mark.parametrize(
    "before", ["", "<!-- x -->", "<?pi x?>\n\t"], ids=["first", "comment", "instruction"]
)
@pytest.mark.parametrize("text", DOCTYPES.values(), ids=DOCTYPES)
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "gb18030", "cp037"]
)
def test_a_document_type_definition_is_refused_however_it_is_written(
    encoding: str, text: str, before: str
) -> None:
    for declaration in ("", f'<?xml version="1.0" encoding="{encoding}"?>'):
        code = refused(f"{declaration}{before}{text}".encode(encoding))
        assert code in ("xml-dtd", "xml-encoding", "xml-syntax")
        if encoding in ("utf-8", "utf-8-sig", "utf-16"):
            assert code == "xml-dtd"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"<DecMessage>&#1;</DecMessage>", "xml-syntax"),
        (b"<DecMessage>\x01</DecMessage>", "xml-syntax"),
        (b"<DecMessage a='1' a='2'/>", "xml-syntax"),
        (b"<a>" * 340_000, "xml-depth"),
        (b"<DecMessage " + b" ".join(b'a%d="1"' % n for n in range(60_000)) + b"/>", "xml-too-many"),
        (b"<DecMessage>" + b"<a/>" * 200_000 + b"</DecMessage>", "xml-too-many"),
        (b"<?xml " + b" " * 1_000_000, "xml-syntax"),
        (b"<!--" + b" -" * 500_000, "xml-syntax"),
        (b"<?a?>" * 200_000, "xml-syntax"),
        (
            message("<DecHead><AgentName>成都双流国际机场</AgentName></DecHead>").encode("gb18030"),
            "xml-encoding",
        ),
        (message("<DecHead/>", "").encode("utf-16")[:-1], "xml-encoding"),
        (message("<DecHead/>", "").encode("utf-16-le"), "xml-encoding"),
        (message("<DecHead/>", "").encode("utf-32"), "xml-encoding"),
    ],
    ids=range(13),
)
def test_a_hostile_body_is_refused(raw: bytes, code: str) -> None:
    assert refused(raw) == code


@settings(deadline=None, max_examples=examples(200))
@given(st.binary(max_size=200))
def test_any_bytes_after_a_sound_start_are_read_or_refused(noise: bytes) -> None:
    for start in (
        b"<?xml version='1.0'",
        b"<?xml version='1.0' encoding='gbk'?>",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
    ):
        with suppress(WindowError):
            assert isinstance(decmessage.read(start + noise), dict)
