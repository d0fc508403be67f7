"""The XSD of a message in XML, written from its definition: for partners whose tools want one, and as a second judge.

It says what XSD 1.0 can say of what `messages.judge` judges. What it cannot: check digits, days that no calendar has,
lists of more than MOST_CODES codes (their pattern stands instead), and blanks around a text (they count here).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import groupby
from typing import Any

from lxml import etree

from singlewindow import catalogue, clock
from singlewindow.messages.definition import Attribute, Field, Form, Group, Message, message

MOST_CODES = 300

_XS = "http://www.w3.org/2001/XMLSchema"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
# A step of a restriction: the facets of one are alternatives of each other, steps are all demanded.
_Step = list[Any]

_CHECKS = {"uscc": "[0-9A-HJ-NPQRTUWXY]{18}", "container": "[A-Z]{3}[UJZ][0-9]{7}"}
# libxml2 and others count no more digits than these in a decimal.
_MOST_DIGITS = 24
_NO_XML = "\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff"
_NO_XML_IN_CLASS = re.compile(f"([{_NO_XML}])(?:-([{_NO_XML}]))?")


def xsd(message_id: str, as_at: date | None = None) -> bytes:
    """The schema of a message; code lists as at the date, today's where none is given.

    Raises `FileNotFoundError` for a message that the catalogue does not have.
    """
    return schema(message(message_id), as_at or clock.business_date())


def schema(definition: Message, as_at: date) -> bytes:
    """The schema of a definition that need not be the catalogue's."""
    return _Writing(definition, as_at).schema()


class _Writing:
    """One schema being written. Simple types are named after what they hold, and stand once, after the root."""

    def __init__(self, definition: Message, as_at: date) -> None:
        self._definition, self._as_at = definition, as_at
        self._types: dict[str, Any] = {}
        self._said = {
            one["id"]: one for subject in catalogue.names("elements") for one in catalogue.elements(subject)
        }

    def schema(self) -> bytes:
        definition = self._definition
        space = definition.namespace
        root = etree.Element(f"{{{_XS}}}schema", nsmap={"xs": _XS} | ({"m": space} if space else {}))
        if space:
            root.set("targetNamespace", space)
            root.set("elementFormDefault", "qualified")
        root.set("version", f"{definition.id} {definition.version}")
        root.append(
            _documented(
                f"{definition.id} {definition.version} {definition.name_zh}。由数据元目录生成，"
                f"代码表截至 {self._as_at}。来源：{definition.source}",
                f"{definition.name_en}. Generated from the catalogue of data elements, code lists as at "
                f"{self._as_at}. Source: {definition.source}",
            )
        )
        root.append(_xs("element", self._group_type(definition.root, is_root=True), name=definition.root.tag))
        root.extend(self._types.values())
        etree.indent(root, " ")
        return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))

    # ---------------------------------------------------------------------------------------- structure

    def _group_type(self, group: Group, *, is_root: bool = False) -> Any:
        demanded = group.section.mandatory if group.section and self._definition.blanks else ()
        parts = list(self._parts(group.content, demanded))
        if is_root and self._definition.not_carried:
            parts = self._among_not_carried(parts)
        return _xs("complexType", _xs("sequence", *parts), *self._attributes(group.attributes))

    def _parts(self, content: Iterable[Field | Group], demanded: tuple[str, ...]) -> Iterator[Any]:
        for is_open, run in groupby(content, lambda node: isinstance(node, Group) and node.open):
            if is_open:
                yield from self._open([node for node in run if isinstance(node, Group)])
                continue
            for node in run:
                yield (
                    self._field(node, demanded)
                    if isinstance(node, Field)
                    else self._element(node, self._group_type(node))
                )

    def _field(self, node: Field, demanded: tuple[str, ...]) -> Any:
        is_demanded = node.element is not None and node.element.name in demanded
        least = max(node.least, 1) if is_demanded else node.least
        may_be_blank = not is_demanded if self._definition.blanks else not (node.form.least or node.least)
        type = self._value_type(node, may_be_blank)
        if not node.also:
            return _occurring(self._tag(node, node.tag, type), least, node.most)
        tags = (self._tag(node, tag, type) for tag in (node.tag, *node.also))
        return _occurring(_xs("choice", *tags), least, node.most)

    def _tag(self, node: Field, tag: str, type: str) -> Any:
        documented = self._documentation(node, "" if tag == node.tag else node.tag)
        if not node.attributes:
            return _xs("element", documented, name=tag, type=type)
        extension = _xs("extension", *self._attributes(node.attributes), base=type)
        return _xs("element", documented, _xs("complexType", _xs("simpleContent", extension)), name=tag)

    def _element(self, node: Group, type: Any) -> Any:
        return _occurring(
            _xs("element", _documented(node.name_zh, node.name_en), type, name=node.tag),
            node.least,
            node.most,
        )

    def _open(self, run: list[Group]) -> Iterator[Any]:
        """What is not ours to judge, in our namespace or (a signature) in its own. Neighbours of which one may be
        absent stand as one choice: XSD 1.0 has to know at once whose a foreign tag is."""
        one_by_one = len(run) == 1 or all(node.least == node.most for node in run)
        for nodes in [[node] for node in run] if one_by_one else [run]:
            own = (
                _xs("element", _documented(node.name_zh, node.name_en), _anything(), name=node.tag)
                for node in nodes
            )
            foreign = _xs("any", namespace="##other", processContents="lax")
            most = [node.most for node in nodes]
            yield _occurring(
                _xs("choice", *own, foreign),
                sum(node.least for node in nodes),
                None if None in most else sum(one for one in most if one),
            )

    def _among_not_carried(self, parts: list[Any]) -> list[Any]:
        """Parts that the document has no place for may stand anywhere below the root, as far as we know: after each
        tag, so that it stays certain which particle a tag is of."""
        carried = self._definition.not_carried.items()
        choice = _xs(
            "choice", *(_xs("element", _documented(*names), _anything(), name=tag) for tag, names in carried)
        )
        self._types["not-carried"] = _xs("group", choice, name="not-carried")

        def others() -> Any:
            return _occurring(_xs("group", ref=self._named("not-carried")), 0, None)

        followed = []
        for part in parts:
            sequence = _xs("sequence", part, others())
            for bound in ("minOccurs", "maxOccurs"):
                if bound in part.attrib:
                    sequence.set(bound, part.attrib.pop(bound))
            followed.append(sequence)
        return [others(), *followed]

    def _attributes(self, attributes: Mapping[str, Attribute]) -> Iterator[Any]:
        for one in attributes.values():
            listed = one.element.code_list if one.element else None
            steps = [self._codes(listed, one.form)] if listed else []
            type = self._type([_form(one.form, one.form.least), *steps], listed or one.form.code, bool(steps))
            attribute = _xs(
                "attribute", name=one.name, type=type, use="required" if one.required else "optional"
            )
            if one.element:
                attribute.append(
                    _documented(*self._words(one.element.id, one.element.name_zh, one.element.name_en))
                )
            yield attribute

    # ------------------------------------------------------------------------------------------- values

    def _value_type(self, node: Field, may_be_blank: bool) -> str:
        form, element, name = node.form, node.element, node.form.code
        steps: list[_Step] = []
        if node.pattern and (pattern := _pattern(node.pattern)):
            steps.append([_facet("pattern", pattern)])
            name = node.tag
        if node.values:
            steps.append([_facet("enumeration", value) for value in node.values])
            name = node.tag
        if element and element.code_list:
            codes = self._codes(element.code_list, form, node.codes)
            if node.values and etree.QName(codes[0]).localname == "enumeration":
                # What is no value of the tag may not stand in the list of a narrower type.
                steps, codes = steps[:-1], [one for one in codes if one.get("value") in node.values]
            steps.append(codes)
            name = f"{element.code_list}.{node.codes}" if node.codes else element.code_list
        elif element and element.check:
            accepted = "|".join((_CHECKS[element.check], *map(_literal, element.check_except)))
            steps.append([_facet("pattern", accepted)])
            name = (
                f"{element.check}.or.{'.'.join(element.check_except)}"
                if element.check_except
                else element.check
            )
        elif (
            element
            and element.pattern
            and form.kind in ("text", "any")
            and (own := _pattern(element.pattern))
        ):
            steps.append([_facet("pattern", own)])
            name = element.id
        least = form.least if may_be_blank or form.kind not in ("text", "any") else max(form.least, 1)
        if not steps and least != form.least:
            name = f"C1..{form.most}" if form.most else "T1"
        return self._type([_form(form, least), *steps], name, may_be_blank)

    def _type(self, steps: list[_Step], name: str, may_be_blank: bool) -> str:
        """The name of the type with these steps. One that may be blank is told apart by its name."""
        base, *facets = steps[0]
        restricted: Any = _xs("simpleType", _xs("restriction", *facets, base=f"xs:{base}"))
        for step in steps[1:]:
            restricted = _xs("simpleType", _xs("restriction", restricted, *step))
        admits_blank = len(steps) == 1 and base == "string" and not _least(facets)
        if not may_be_blank or admits_blank:
            return self._keep(name, restricted)
        strict = self._keep(name, restricted)
        blank = self._keep(
            "blank", _xs("simpleType", _xs("restriction", _facet("length", "0"), base="xs:token"))
        )
        return self._keep(
            f"{name}.or.blank", _xs("simpleType", _xs("union", memberTypes=f"{strict} {blank}"))
        )

    def _keep(self, name: str, type: Any) -> str:
        """A type under a name of its own: several tags may share it, and another of the name gets a number."""
        wanted = name = name.replace(",", ".")
        text, number = etree.tostring(type), 1
        while (kept := self._types.get(name)) is not None:
            bare = etree.fromstring(etree.tostring(kept))
            del bare.attrib["name"]
            if etree.tostring(bare, method="c14n") == etree.tostring(etree.fromstring(text), method="c14n"):
                return self._named(name)
            number += 1
            name = f"{wanted}-{number}"
        type.set("name", name)
        self._types[name] = type
        return self._named(name)

    def _named(self, name: str) -> str:
        return f"m:{name}" if self._definition.namespace else name

    def _codes(self, id: str, form: Form, column: str | None = None) -> _Step:
        """All codes as at the date that fit the form, with their names; a pattern where there are too many."""
        codes = catalogue.codelist(id)
        labels: dict[str, str] = {}
        for code in codes.rows:
            row = codes.get(code, self._as_at)
            if row and (written := str(row.get(column or "code") or "")) and _fits(written, form):
                labels.setdefault(written, code)
        if not labels:
            raise ValueError(f"{self._definition.id}: no code of {id} is written as {form.code}")
        if len(labels) > MOST_CODES:
            return [_facet("pattern", shape(labels))]
        return [
            _facet("enumeration", written, _documented(codes.label(code, "zh"), codes.label(code, "en")))
            for written, code in labels.items()
        ]

    # -------------------------------------------------------------------------------------------- words

    def _documentation(self, node: Field, instead_of: str) -> Any:
        if node.element:
            zh, en = self._words(node.element.id, node.name_zh, node.name_en)
        else:
            zh, en = node.name_zh, node.name_en
        if instead_of:
            zh, en = f"{zh}（同 {instead_of}）", f"{en} (the same as {instead_of})"
        return _documented(zh, en)

    def _words(self, id: str, zh: str, en: str) -> tuple[str, str]:
        said = self._said[id]
        more_zh = said.get("definition_zh")
        return (f"{id} {zh}：{more_zh}" if more_zh else f"{id} {zh}"), f"{id} {en}: {said['definition']}"


def shape(codes: Iterable[str]) -> str:
    """A pattern that many codes share: by length, what kind of character stands at each place."""
    by_length: dict[int, list[str]] = {}
    for code in codes:
        by_length.setdefault(len(code), []).append(code)
    return "|".join(_shape_of(by_length[length]) for length in sorted(by_length))


def _shape_of(codes: list[str]) -> str:
    places = [_class({code[at] for code in codes}) for at in range(len(codes[0]))]
    runs = [(kind, len(list(run))) for kind, run in groupby(places)]
    return "".join(kind if length == 1 else f"{kind}{{{length}}}" for kind, length in runs)


def _class(characters: set[str]) -> str:
    kinds = ("0-9", "A-Z", "a-z")
    known = [kind for kind in kinds if any(kind[0] <= one <= kind[2] for one in characters)]
    others = sorted(one for one in characters if not any(kind[0] <= one <= kind[2] for kind in kinds))
    return f"[{''.join(known)}{''.join(map(_literal, others))}]"


def _form(form: Form, least: int) -> list[Any]:
    """Built-in type and facets of a form."""
    if form.kind == "text":
        if least == form.most:
            return ["string", _facet("length", str(least))]
        shortest = [_facet("minLength", str(least))] if least else []
        return ["string", *shortest, _facet("maxLength", str(form.most))]
    if form.kind == "any":
        return ["string", *([_facet("minLength", str(least))] if least else [])]
    if form.kind == "number":
        assert form.most
        whole = f"0*[0-9]{{1,{form.most - form.decimals}}}" if form.most > form.decimals else "0+"
        fraction = rf"(\.[0-9]{{1,{form.decimals}}})?" if form.decimals else ""
        sign = r"[+\-]?" if form.signed else ""
        pattern = _facet("pattern", f"{sign}{whole}{fraction}")
        if form.most > _MOST_DIGITS:
            return ["token", pattern]
        digits = _facet("totalDigits", str(form.most)), _facet("fractionDigits", str(form.decimals))
        return ["decimal", *digits, pattern]
    if form.kind == "whole":
        pattern = _facet("pattern", form.pattern or "")
        if (form.most or 0) > _MOST_DIGITS:
            return ["token", pattern]
        return ["nonNegativeInteger", _facet("totalDigits", str(form.most)), pattern]
    return ["dateTime" if form.code == "X" else "token", _facet("pattern", form.pattern or "")]


def _fits(text: str, form: Form) -> bool:
    if form.kind == "text":
        return form.least <= len(text) <= (form.most or 0)
    return form.kind == "any" or bool(form.matches(text))


def _pattern(pattern: str) -> str | None:
    """A pattern of JSON Schema as XSD has it: anchored by itself, without what XML has no characters for. None where
    XSD cannot say it."""
    text = pattern.removeprefix("^").removesuffix("$").replace("(?:", "(").replace(r"\d", "[0-9]")
    if "(?" in text or r"\b" in text:
        return None
    return _NO_XML_IN_CLASS.sub(_in_xml, text).replace("[^]", r"[\s\S]")


def _in_xml(range: re.Match[str]) -> str:
    """What of a range of characters can stand in XML."""
    first, last = range[1], range[2] or range[1]
    return "".join(escaped for one, escaped in _LINE_ENDS.items() if first <= one <= last)


_LINE_ENDS = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}


def _literal(text: str) -> str:
    return re.sub(r"([\\|.?*+(){}\[\]^$-])", r"\\\1", text)


def _least(facets: Iterable[Any]) -> bool:
    return any(etree.QName(facet).localname in ("length", "minLength") for facet in facets)


def _xs(kind: str, /, *children: Any, **attributes: str) -> Any:
    element = etree.Element(f"{{{_XS}}}{kind}", attributes)
    element.extend(children)
    return element


def _facet(name: str, value: str, *children: Any) -> Any:
    return _xs(name, *children, value=value)


def _anything() -> Any:
    anything = _xs("any", processContents="lax", minOccurs="0", maxOccurs="unbounded")
    return _xs(
        "complexType", _xs("sequence", anything), _xs("anyAttribute", processContents="lax"), mixed="true"
    )


def _occurring(particle: Any, least: int, most: int | None) -> Any:
    if least != 1:
        particle.set("minOccurs", str(least))
    if most != 1:
        particle.set("maxOccurs", "unbounded" if most is None else str(most))
    return particle


def _documented(zh: str, en: str) -> Any:
    annotation = _xs("annotation")
    for language, text in (("zh", zh), ("en", en)):
        if text:
            documentation = _xs("documentation")
            documentation.set(_LANG, language)
            documentation.text = text
            annotation.append(documentation)
    return annotation
