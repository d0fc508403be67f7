"""The XSD that we write says what the judge of messages says; where the two differ is named here, with the reason."""

import copy
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from functools import cache
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from lxml import etree

from singlewindow import catalogue
from singlewindow.document import Element, Section
from singlewindow.findings import Finding
from singlewindow.messages import transform
from singlewindow.messages.definition import Attribute, Field, Form, Group, Message, message
from singlewindow.messages.judge import judge
from standards.xsd import MOST_CODES, schema, shape, xsd
from tests.support import dec_schema, decmessage
from tests.support.canonical_documents import CONTAINERS, TODAY, USCC, declarations
from tests.support.sample_documents import edited, sample

XS = "{http://www.w3.org/2001/XMLSchema}"
MESSAGES = catalogue.names("messages")
needs_data = pytest.mark.skipif(not dec_schema.DATA.exists(), reason="../shared/data is not on this machine")
generated = settings(deadline=None, max_examples=8, suppress_health_check=list(HealthCheck))

# What the judge knows and XSD 1.0 cannot say.
BEYOND_XSD = {
    "CHECK-USCC": "check characters are arithmetic",
    "CHECK-CONTAINER": "check digits are arithmetic",
    "CHECK-DATE": "30 February has the form of a day",
}
LARGE_LIST = f"a list of more than {MOST_CODES} codes is there as a pattern"
OPEN_NEIGHBOURS = "open parts side by side are one choice: in any order, and as many as all of them together"
# Values that no field of a message has, but those that take any text.
ODD = (
    "!",
    "x" * 40,
    "-1",
    "0.1234567",
    "12.",
    ".5",
    "20261323",
    "1e3",
    "甲乙",
    "A B",
    "99999999999999999999",
)


@cache
def compiled(id: str) -> Any:
    return etree.XMLSchema(etree.fromstring(xsd(id, TODAY)))


# ---------------------------------------------------------------- messages, generated from their definition


class Building:
    """Draws a message that its definition has nothing against."""

    def __init__(self, draw: Any, definition: Message) -> None:
        self._draw, self._definition = draw, definition
        self._random = Random(draw(st.integers(0, 9999)))
        self._share = draw(st.sampled_from([0.0, 0.5, 1.0]))

    def root(self) -> Any:
        space, tag = self._definition.namespace, self._definition.root.tag
        root = etree.Element(f"{{{space}}}{tag}" if space else tag, nsmap={None: space} if space else None)
        self._fill(root, self._definition.root)
        return root

    def _fill(self, parent: Any, group: Group) -> None:
        self._set_attributes(parent, group.attributes)
        demanded = group.section.mandatory if group.section and self._definition.blanks else ()
        for node in group.content:
            least = node.least
            if isinstance(node, Field) and node.element and node.element.name in demanded:
                least = 1
            wanted = least + (self._random.random() < self._share) * self._random.randint(1, 2)
            for _ in range(wanted if node.most is None else min(wanted, node.most)):
                tag = self._random.choice((node.tag, *node.also)) if isinstance(node, Field) else node.tag
                child = etree.SubElement(
                    parent, f"{{{space}}}{tag}" if (space := etree.QName(parent).namespace) else tag
                )
                if isinstance(node, Group):
                    if not node.open:
                        self._fill(child, node)
                else:
                    self._set_attributes(child, node.attributes)
                    child.text = self._value(node)

    def _set_attributes(self, element: Any, attributes: Any) -> None:
        for name, one in attributes.items():
            if one.required or self._random.random() < self._share:
                element.set(name, self._attribute(one))

    def _attribute(self, one: Attribute) -> str:
        if one.element and one.element.code_list:
            return self._random.choice(codes(one.element.code_list, None, one.form))
        return self._of_form(one.form)

    def _value(self, node: Field) -> str:
        element, form = node.element, node.form
        if element and element.code_list:
            listed = codes(element.code_list, node.codes, form)
            return self._random.choice([one for one in listed if not node.values or one in node.values])
        if node.values:
            return self._random.choice(node.values)
        if element and element.check:
            return self._random.choice(USCC if element.check == "uscc" else CONTAINERS)
        own = element.pattern if element and form.kind in ("text", "any") else None
        if pattern := node.pattern or own:
            texts = st.from_regex(pattern, fullmatch=True)
            return str(self._draw(texts.filter(lambda text: text == text.strip() != "" and fits(text, form))))
        return self._of_form(form)

    def _of_form(self, form: Form) -> str:
        random = self._random
        match form.kind:
            case "text":
                length = random.randint(max(form.least, 1), min(form.most or 1, form.least + 8))
                return "".join(random.choices("AZ09中", k=length))
            case "number":
                whole = random.choice(["0", "1", "9" * ((form.most or 0) - form.decimals) or "0"])
                return random.choice([whole, f"{whole}.{'3' * form.decimals}"]) if form.decimals else whole
            case "whole":
                return random.choice("019") * random.randint(form.least, form.most or 1)
            case "date":
                return "20261123"
            case "time":
                return {"D14": "20261123235959", "D17": "20261123235959123"}.get(
                    form.code, "2026-11-23T23:59:59+08:00"
                )
        return "any text"


def fits(text: str, form: Form) -> bool:
    return form.kind == "any" or form.least <= len(text) <= (form.most or 0)


@cache
def codes(id: str, column: str | None, form: Form) -> list[str]:
    rows = [row for code in catalogue.codelist(id).rows if (row := catalogue.codelist(id).get(code, TODAY))]
    return [text for row in rows if (text := row.get(column or "code")) and fits(text, form)]


@st.composite
def built(draw: Any, id: str) -> Any:
    return Building(draw, message(id)).root()


@st.composite
def mutated(draw: Any, id: str) -> Any:
    """A message with up to two things done to it."""
    root = draw(built(id))
    definition = message(id)
    for _ in range(draw(st.integers(0, 2))):
        places = [one for one in root.iter() if one is not root and not within_open(one, definition)]
        if not places:
            break
        place = draw(st.sampled_from(places))
        parent = place.getparent()
        match draw(
            st.sampled_from(["remove", "double", "swap", "long", "odd", "blank", "stranger", "attribute"])
        ):
            case "remove":
                parent.remove(place)
            case "double":
                place.addnext(copy.deepcopy(place))
            case "swap" if (following := place.getnext()) is not None:
                following.addnext(place)
            case "long" if not len(place):
                place.text = (place.text or "9") * draw(st.sampled_from([2, 9, 60]))
            case "odd" if not len(place):
                place.text = draw(st.sampled_from(ODD))
            case "blank" if not len(place):
                place.text = ""
            case "stranger":
                place.addnext(etree.Element(etree.QName(etree.QName(place).namespace, "Stranger")))
            case "attribute":
                if place.attrib and draw(st.booleans()):
                    del place.attrib[place.attrib.keys()[0]]
                else:
                    place.set("stranger", "1")
    return root


def within_open(element: Any, definition: Message) -> bool:
    """Whether an element is an open part or stands in one: nobody judges that."""
    way = [etree.QName(one).localname for one in reversed([element, *element.iterancestors()])][1:]
    group = definition.root
    for tag in way:
        node = group.by_tag[tag][1] if tag in group.by_tag else None
        if not isinstance(node, Group):
            return False
        if node.open:
            return tag != way[-1]
        group = node
    return False


def open_neighbours(group: Group) -> Iterator[str]:
    """Tags of open parts that stand side by side."""
    nodes = group.content
    for at, node in enumerate(nodes):
        if isinstance(node, Group):
            beside = nodes[max(at - 1, 0) : at] + nodes[at + 1 : at + 2]
            if node.open and any(isinstance(one, Group) and one.open for one in beside):
                yield node.tag
            yield from open_neighbours(node)


def is_beyond(finding: Finding, definition: Message) -> bool:
    """Whether XSD cannot know of it."""
    if finding.rule == "CHECK-CONTAINER" and not re.fullmatch("[A-Z]{3}[UJZ][0-9]{7}", str(finding.given)):
        return False  # the form is in the schema, the check digit is not
    if finding.rule in BEYOND_XSD:
        return True
    if finding.rule.startswith("CODE-"):
        listed = [
            one.element
            for one in fields(definition.root)
            if one.element and one.element.id == finding.element
        ]
        return any(
            one.code_list and len(catalogue.codelist(one.code_list).rows) > MOST_CODES for one in listed
        )
    tag = re.sub(r"\[\d+\]$", "", finding.pointer.rpartition("/")[2])
    return finding.rule in ("MSG-ORDER", "MSG-REPEATED", "MSG-MISSING") and tag in open_neighbours(
        definition.root
    )


def fields(group: Group) -> Iterator[Field]:
    for node in group.content:
        if isinstance(node, Field):
            yield node
        else:
            yield from fields(node)


def errors(root: Any, definition: Message) -> list[Finding]:
    return [one for one in judge(root, definition, TODAY) if one.severity == "error"]


def told(root: Any, definition: Message, by: Any) -> tuple[bool, str]:
    """Whether a schema takes a message, and all that both judges say of it."""
    valid = by.validate(root)
    ours = [f"{one.rule} {one.pointer} {one.given!r}" for one in errors(root, definition)]
    return valid, "\n".join(
        [*map(str, by.error_log), "judge:", *ours, etree.tostring(root, encoding="unicode")[:3000]]
    )


# ---------------------------------------------------------------- every message of the catalogue


@pytest.mark.parametrize("id", MESSAGES)
def test_the_schema_of_a_message_compiles_and_names_every_element(id: str) -> None:
    tree = etree.fromstring(xsd(id, TODAY))
    assert etree.XMLSchema(tree) is not None
    named = {text.split()[0] for text in tree.xpath("//*[local-name()='documentation']/text()")}
    assert {one.element.id for one in fields(message(id).root) if one.element} <= named
    languages = [
        {one.get("{http://www.w3.org/XML/1998/namespace}lang") for one in two}
        for two in tree.iter(f"{XS}annotation")
    ]
    assert all("zh" in one for one in languages)


@pytest.mark.parametrize("id", MESSAGES)
def test_the_schema_takes_what_the_definition_takes(id: str) -> None:
    @generated
    @given(built(id))
    def check(root: Any) -> None:
        valid, said = told(root, message(id), compiled(id))
        assert valid and not errors(root, message(id)), said

    check()


@pytest.mark.parametrize("id", MESSAGES)
def test_schema_and_judge_agree_on_spoilt_messages(id: str) -> None:
    definition = message(id)

    @settings(generated, max_examples=12 if definition.document else 5)
    @given(mutated(id))
    def check(root: Any) -> None:
        found = errors(root, definition)
        certain = [one for one in found if not is_beyond(one, definition)]
        assume(bool(certain) == bool(found))
        valid, said = told(root, definition, compiled(id))
        assert valid == (not certain), said

    check()


@pytest.mark.parametrize("id", [id for id in MESSAGES if message(id).document])
def test_what_is_written_is_valid_once_the_transport_has_added_its_own(id: str) -> None:
    definition = message(id)
    assert definition.document
    normalise = definition.document.normalise

    @generated
    @given(built(id))
    def check(root: Any) -> None:
        documents = [normalise(one) for one in transform.documents(root, definition)]
        try:
            raw = transform.write(documents, id, transport_of(root))
        except (
            transform.Untransferable
        ) as reason:  # a tag that stands several times, and the document has it once
            assume("no place" not in str(reason))
            raise
        written = etree.fromstring(raw)
        valid, said = told(with_transport(written, root, definition), definition, compiled(id))
        assert valid, said

    check()


def transport_of(root: Any) -> dict[str, str]:
    """What the sending says of itself: attributes of the root, and texts by their tag and the one around it."""
    names = {
        f"{etree.QName(one.getparent()).localname}/{etree.QName(one).localname}": one.text or ""
        for one in root.iter()
        if len(one) == 0 and one is not root
    }
    return names | {str(name): str(value) for name, value in root.attrib.items()}


def with_transport(written: Any, original: Any, definition: Message) -> Any:
    """What was written, with the parts of the original that no document has (addresses, a signature)."""
    whole = etree.Element(written.tag, dict(written.attrib), nsmap=written.nsmap)
    for node in definition.root.content:
        source = written if carries(node) else original
        tags = (node.tag, *node.also) if isinstance(node, Field) else (node.tag,)
        whole.extend([copy.deepcopy(one) for one in source if etree.QName(one).localname in tags])
    return whole


def carries(node: Field | Group) -> bool:
    """Whether something of a document stands there."""
    if isinstance(node, Field):
        return node.element is not None
    return node.section is not None or any(carries(one) for one in node.content)


@needs_data
def test_schema_and_judge_agree_on_the_published_samples() -> None:
    judged = 0
    for id in MESSAGES:
        definition = message(id)
        for root in samples().get((definition.namespace, definition.root.tag), ()):
            if {etree.QName(one).namespace for one in root} - {definition.namespace}:
                continue  # a reply with a namespace below its root only: the judge reads it, no schema can say so
            certain = [one for one in errors(root, definition) if not is_beyond(one, definition)]
            valid, said = told(root, definition, compiled(id))
            assert valid == (not certain), said
            judged += 1
    assert judged > 20


@cache
def samples() -> dict[tuple[str | None, str], list[Any]]:
    """The roots of all samples in XML, by namespace and tag; without the blanks around texts, which XSD counts."""
    found: dict[tuple[str | None, str], list[Any]] = {}
    for path in sorted(dec_schema.DATA.glob("samples-*/**/*.xml")):
        with suppress(etree.XMLSyntaxError):  # the known faulty ones: their encoding is not what they declare
            root = etree.parse(path, etree.XMLParser(remove_comments=True, remove_pis=True)).getroot()
            for one in root.iter():
                if not len(one) and one.text:
                    one.text = one.text.strip()
            name = etree.QName(root)
            found.setdefault((name.namespace, name.localname), []).append(root)
    return found


# ---------------------------------------------------------------- DecMessage


@generated
@given(declarations(narrow=True))
def test_any_sound_declaration_is_written_valid(document: dict[str, Any]) -> None:
    by = compiled("DecMessage")
    written = etree.fromstring(decmessage.write(document))
    valid = by.validate(written)
    assert valid, by.error_log


@needs_data
@pytest.mark.parametrize("name", ["import-chengdu", "export-chengdu"])
def test_the_samples_are_valid_by_ours_and_by_the_published_schema(name: str) -> None:
    # What the message demands of everybody, and a declaration has no need of.
    whole = {
        "/head/edi_id": "1",
        "/sign/oper_type": "C",
        "/sign/client_seq_no": "JX2026112000000017",
        "/electronic_documents": [
            {"document_id": "X", "document_code": "00000001", "format_type": "US", "owner_code": "3107980174"}
        ],
    }
    by = compiled("DecMessage")
    for document in (sample(name), edited(sample(name), whole)):
        written = decmessage.write(catalogue.document().normalise(document))
        assert by.validate(etree.fromstring(written)), by.error_log
    assert dec_schema.errors(written) == []


@needs_data
def test_the_official_sample_breaks_ours_where_the_judge_says_so() -> None:
    root = etree.fromstring(dec_schema.OFFICIAL.read_bytes())
    definition = message("DecMessage")
    certain = [one for one in errors(root, definition) if not is_beyond(one, definition)]
    valid, said = told(root, definition, compiled("DecMessage"))
    assert valid == (not certain), said


def test_parts_that_are_not_carried_may_stand_between_any_others() -> None:
    by = compiled("DecMessage")
    root = etree.fromstring(decmessage.write(catalogue.document().normalise(sample("import-chengdu"))))
    for number, child in enumerate(list(root)):
        child.addnext(etree.Element(etree.QName(decmessage.NAMESPACE, "TrnHead" if number % 2 else "SddTax")))
    assert by.validate(root), by.error_log
    root[0].addnext(etree.Element(etree.QName(decmessage.NAMESPACE, "TrnHeadd")))
    assert not by.validate(root)


# ---------------------------------------------------------------- what no message of today has together


def field(tag: str, form: str, **more: Any) -> Field:
    known: dict[str, Any] = {
        "also": (), "least": 1, "most": 1, "element": None, "name_zh": "字段", "name_en": "field", "attributes": {},
    }  # fmt: skip
    return Field(tag=tag, form=Form.read(form), **(known | more))


def group(tag: str, *content: Field | Group, **more: Any) -> Group:
    known: dict[str, Any] = {
        "least": 1, "most": 1, "section": None, "name_zh": "组", "name_en": "group", "attributes": {},
    }  # fmt: skip
    return Group(tag=tag, content=content, **(known | more))


def made_up(*content: Field | Group, namespace: str | None = None) -> Message:
    return Message(
        "MadeUp", "1", "报文", "message", namespace, (), group("Root", *content), None, None, "test", True, {}
    )


def verdicts(definition: Message, *inside: str) -> list[bool]:
    """By the schema; the judge agrees on every one."""
    by = etree.XMLSchema(etree.fromstring(schema(definition, TODAY)))
    space = f' xmlns="{definition.namespace}"' if definition.namespace else ""
    found = []
    for one in inside:
        root = etree.fromstring(f"<Root{space}>{one}</Root>")
        valid, said = told(root, definition, by)
        assert valid == (not errors(root, definition)), said
        found.append(valid)
    return found


@pytest.mark.parametrize(
    ("form", "right", "wrong"),
    [
        ("C3", ["abc", "中文字", "𠮷𠮷𠮷"], ["ab", "abcd", ""]),
        ("C..3", ["a", "abc"], ["abcd", ""]),
        ("C2..3", ["ab", "abc"], ["a", "abcd"]),
        (
            "N5,2",
            ["0", "1.5", "999.99", "0001.5", "-1", "+1"],
            ["1000", "1.234", ".5", "1.", "1e2", "", "1,0"],
        ),
        ("N3,0", ["999", "0"], ["1000", "1.0"]),
        ("N2,2", ["0.99", "0"], ["1", ".9"]),
        ("N30,5", ["1" * 25], ["1" * 26]),
        ("n..3", ["0", "007", "999"], ["1000", "-1", "1.0", ""]),
        ("n3..3", ["007"], ["07"]),
        ("D8", ["20261123"], ["2026-11-23", "20261323", ""]),
        ("D14", ["20261123235959"], ["20261123240000", "20261123"]),
        ("D17", ["20261123235959999"], ["20261123235959"]),
        ("X", ["2026-11-23T23:59:59", "2026-11-23T23:59:59.123Z"], ["2026-11-23", "2026-11-23 23:59:59"]),
        ("T", ["anything at all"], [""]),
    ],
)
@pytest.mark.parametrize("namespace", [None, "http://example.test/made-up"])
def test_forms(form: str, right: list[str], wrong: list[str], namespace: str | None) -> None:
    definition = made_up(field("A", form), namespace=namespace)
    assert all(verdicts(definition, *(f"<A>{one}</A>" for one in right)))
    assert not any(verdicts(definition, *(f"<A>{one}</A>" for one in wrong)))


def test_an_optional_text_may_be_blank_and_no_other_form() -> None:
    assert verdicts(made_up(field("A", "C..3", least=0)), "<A/>", "") == [True, True]
    assert verdicts(made_up(field("A", "C3", least=0)), "<A/>", "") == [False, True]
    assert verdicts(made_up(field("A", "D8", least=0)), "<A/>", "") == [False, True]


def test_values_patterns_attributes_and_other_names() -> None:
    rated = {"unit": Attribute("unit", Form.read("C..3"), True), "note": Attribute("note", Form.read("T"))}
    definition = made_up(
        field("A", "C..3", values=("1", "10"), attributes=rated),
        field("B", "C..9", pattern="[A-Z]+-[0-9]{2}", least=0, most=None),
        field("C", "C..3", also=("D", "E"), least=0, most=2),
    )
    a = '<A unit="kg">1</A>'
    assert all(
        verdicts(
            definition, a, f"{a}<B>AB-12</B><B>C-00</B>", f"{a}<C>1</C><E>2</E>", '<A unit="" note="x">10</A>'
        )
    )
    wrong = [
        "<A>1</A>",
        '<A unit="long">1</A>',
        '<A unit="kg">2</A>',
        f"{a}<B>ab-12</B>",
        f"{a}<C>1</C><D>2</D><E>3</E>",
    ]
    assert not any(verdicts(definition, *wrong))
    assert not any(verdicts(definition, '<A unit="kg" other="x">1</A>', f"{a}<C>1</C><B>AB-12</B>"))


def test_codes_are_those_of_the_column_that_the_wire_uses() -> None:
    country = Element(
        "SCSW-0098", "origin_country", "原产国", "origin", "C3", "public", "test", True, code_list="country"
    )
    coded = made_up(field("A", "C3", element=country), field("B", "C3", element=country, codes="numeric"))
    assert verdicts(coded, "<A>CHN</A><B>142</B>", "<A>142</A><B>142</B>", "<A>CHN</A><B>CHN</B>") == [
        True,
        False,
        False,
    ]
    tree = etree.fromstring(schema(coded, TODAY))
    labels = tree.xpath("//*[@value='142']//*[local-name()='documentation']/text()")
    assert labels[0] == "中国"


def test_a_retired_code_is_in_the_schema_of_its_time_alone() -> None:
    mode = Element(
        "SCSW-0033",
        "trade_mode",
        "监管方式",
        "trade mode",
        "C4",
        "public",
        "test",
        True,
        code_list="trade-mode",
    )
    coded = made_up(field("A", "C4", element=mode))
    codes = catalogue.codelist("trade-mode")
    code = next(code for code in sorted(codes.dated) if codes.row(code).get("effective_to"))
    last = date.fromisoformat(codes.row(code)["effective_to"])
    taken = [
        etree.XMLSchema(etree.fromstring(schema(coded, day))).validate(
            etree.fromstring(f"<Root><A>{code}</A></Root>")
        )
        for day in (last, TODAY)
    ]
    assert taken == [True, False]


def test_a_long_list_is_there_as_the_pattern_of_its_codes() -> None:
    port = Element("SCSW-0064", "port", "港口", "port", "C6", "public", "test", True, code_list="port")
    tree = etree.fromstring(schema(made_up(field("A", "C6", element=port)), TODAY))
    assert tree.xpath("//*[local-name()='enumeration']") == []
    by = etree.XMLSchema(tree)
    takes = [
        by.validate(etree.fromstring(f"<Root><A>{one}</A></Root>"))
        for one in ("CHN331", "ZZZ999", "142", "chn331")
    ]
    assert takes == [True, True, False, False]


@given(st.lists(st.text("AZaz09.-中[", min_size=1, max_size=6), min_size=1, max_size=20))
def test_the_pattern_of_codes_takes_all_of_them(codes: list[str]) -> None:
    tree = f"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="a"><xs:simpleType>
        <xs:restriction base="xs:string"><xs:pattern value="{shape(codes)}"/></xs:restriction></xs:simpleType>
        </xs:element></xs:schema>"""
    by = etree.XMLSchema(etree.fromstring(tree))
    assert all(by.validate(etree.fromstring(f"<a>{one}</a>")) for one in codes)
    assert not by.validate(etree.fromstring("<a>!</a>"))


def test_what_is_not_ours_to_judge_is_open_in_any_namespace() -> None:
    definition = made_up(
        field("A", "T"), group("Signature", open=True, least=0), namespace="http://example.test/a"
    )
    inside = "<X a='1'>text<Y/></X>"
    assert verdicts(
        definition,
        "<A>1</A>",
        f"<A>1</A><Signature>{inside}</Signature>",
        f'<A>1</A><d:Signature xmlns:d="http://www.w3.org/2000/09/xmldsig#">{inside}</d:Signature>',
        "<Signature/><A>1</A>",
    ) == [True, True, True, False]


def test_a_section_that_is_mandatory_by_the_document_has_to_be_filled_where_blanks_are_tags_too() -> None:
    name = Element("SCSW-0005", "name", "名称", "name", "C..9", "public", "test", True)
    note = Element("SCSW-0024", "note", "备注", "note", "C..9", "public", "test", True)
    head = Section("head", "表头", "head", {"name": name, "note": note}, ("name",), ())
    inside = group(
        "Head", field("Name", "C..9", element=name, least=0), field("Note", "D8", element=note), section=head
    )
    definition = Message(
        "MadeUp",
        "1",
        "报文",
        "message",
        None,
        (),
        group("Root", inside),
        None,
        None,
        "test",
        True,
        {},
        blanks=True,
    )
    assert verdicts(
        definition,
        "<Head><Name>a</Name><Note/></Head>",
        "<Head><Name>a</Name><Note>20261123</Note></Head>",
        "<Head><Name/><Note/></Head>",
        "<Head><Note/></Head>",
        "<Head><Name>a</Name></Head>",
    ) == [True, True, False, False, False]


def test_a_message_that_the_catalogue_does_not_have() -> None:
    with pytest.raises(FileNotFoundError):
        xsd("NoSuchMessage")
