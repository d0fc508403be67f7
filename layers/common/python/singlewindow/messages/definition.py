"""What a message in XML is: its tags in their order, how each is written, and which canonical field it carries.

Read from `catalogue/messages/<id>.json`, the only place that knows a format: reading, writing, judging and the XSD that
we publish all follow it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from functools import cache, cached_property
from typing import Any

from singlewindow import catalogue
from singlewindow.document import Document, Element, Section

_TEXT = re.compile(r"C(?:(\d*)\.\.)?(\d+)").fullmatch
_DECIMAL = re.compile(r"N(\d+),(\d+)").fullmatch
_INTEGER = re.compile(r"n(\d*)\.\.(\d+)").fullmatch
# A message's own namespace, those that are accepted beside it, and none: sets of these.
_MOST_SPACES = 8
_CHINA = timezone(timedelta(hours=8))


@dataclass(frozen=True)
class Form:
    """How a value is written: `C..60`, `C1..10`, `C18`, `N19,5`, `n..9`, `D8`, `D14` and `D17` (China's time), `X`
    (xs:dateTime), `T` (any text). `least` and `most` count characters of texts, digits of numbers."""

    code: str
    kind: str
    least: int = 0
    most: int | None = None
    decimals: int = 0
    pattern: str | None = None
    signed: bool = True

    @classmethod
    @cache
    def read(cls, code: str, signed: bool = True) -> "Form":
        """`signed`: a number may be negative. Raises `ValueError` for a form that is none."""
        if text := _TEXT(code):
            most = int(text[2])
            least = most if text[1] is None else int(text[1] or 0)
            return cls(code, "text", least, most)
        if decimal := _DECIMAL(code):
            whole, scale = int(decimal[1]) - int(decimal[2]), int(decimal[2])
            fraction = rf"(\.[0-9]{{1,{scale}}})?" if scale else ""
            sign = "[+-]?" if signed else ""
            pattern = rf"{sign}(?=[0-9])0*[0-9]{{0,{whole}}}{fraction}"
            return cls(code, "number", 1, int(decimal[1]), scale, pattern, signed)
        if integer := _INTEGER(code):
            return cls(
                code, "whole", int(integer[1] or 1), int(integer[2]), 0,
                rf"[0-9]{{{integer[1] or 1},{integer[2]}}}",
            )  # fmt: skip
        if code in _TIMES:
            return cls(code, *_TIMES[code])
        if code == "T":
            return cls(code, "any")
        raise ValueError(f"{code!r} is no form of a value")

    @cached_property
    def matches(self) -> Callable[[str], Any]:
        return re.compile(self.pattern or "", re.ASCII).fullmatch


_DAY = r"[0-9]{4}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])"
_DASHED = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME = r"([01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]"
_TIMES: Mapping[str, tuple[str, int, int | None, int, str]] = {
    "D8": ("date", 8, 8, 0, _DAY),
    "D14": ("time", 14, 14, 0, _DAY + _TIME),
    "D17": ("time", 17, 17, 0, _DAY + _TIME + "[0-9]{3}"),
    "X": (
        "time",
        19,
        None,
        0,
        _DASHED + r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,3})?(Z|[+-][0-9]{2}:[0-9]{2})?",
    ),
}


@dataclass(frozen=True)
class Attribute:
    """An attribute of a tag; `element` where it carries a canonical field."""

    name: str
    form: Form
    required: bool = False
    element: Element | None = None
    fixed: str | None = None


@dataclass(frozen=True)
class Field:
    """A tag with a value. `element` is the canonical field that it carries; without one it is the transport's own.

    `codes`: the column of the element's code list that the wire uses. `values`: all that may stand there. `blank`: the
    tag must be there even when it says nothing. `fixed`: what a writer writes.
    """

    tag: str
    also: tuple[str, ...]
    least: int
    most: int | None
    form: Form
    element: Element | None
    name_zh: str
    name_en: str
    attributes: Mapping[str, Attribute]
    codes: str | None = None
    values: tuple[str, ...] = ()
    pattern: str | None = None
    fixed: str | None = None

    @cached_property
    def canonical(self) -> Callable[[str], str]:
        """The canonical text of what stands on the wire; what is no value of the form stays as it is."""
        column = self.codes
        if column and self.element and (listed := self.element.code_list):
            return lambda text: _canonical_code(catalogue.codelist(listed), column, text)
        if self.form.kind == "time" and self.element and self.element.is_instant:
            matches = self.form.matches
            return lambda text: _instant(text) if matches(text) else text
        return str

    def carried(self, text: str) -> str:
        """The canonical text as the wire writes it. Raises `ValueError` where it cannot carry it whole."""
        form, written = self.form, text
        if self.codes and self.element and self.element.code_list:
            code = catalogue.codelist(self.element.code_list).on_wire(text, self.codes)
            if code is None:
                raise ValueError(f"{text} has no {self.codes} code of its own")
            written = code
        elif form.kind == "date":
            written = text.replace("-", "")
        elif form.kind == "time" and self.element and self.element.is_instant:
            written = _china_time(text, form.code)
        if form.kind == "text" and not form.least <= len(written) <= (form.most or 0):
            raise ValueError(f"carries {form.code.lstrip('C.')} characters, not {len(written)}")
        if form.kind in ("number", "whole") and not form.matches(written):
            raise ValueError(f"carries {form.code}, not {written}")
        if (self.values and written not in self.values) or (self.matches and not self.matches(written)):
            raise ValueError(f"carries {' / '.join(self.values) or self.pattern}, not {written}")
        return written

    @cached_property
    def matches(self) -> Callable[[str], Any] | None:
        return re.compile(self.pattern).fullmatch if self.pattern else None


@dataclass(frozen=True)
class Group:
    """A tag with others below it. `section` is the part of the canonical document that it is; without one its content
    belongs to the part around it. `open`: what stands below is not ours to judge (a signature, an extension)."""

    tag: str
    least: int
    most: int | None
    section: Section | None
    name_zh: str
    name_en: str
    attributes: Mapping[str, Attribute]
    content: "tuple[Field | Group, ...]"
    open: bool = False

    @cached_property
    def by_tag(self) -> "Mapping[str, tuple[int, Field | Group]]":
        """Position and node of what may stand here, by its tag and by other names of it."""
        found: dict[str, tuple[int, Field | Group]] = {}
        for at, node in enumerate(self.content):
            for tag in (node.tag, *(node.also if isinstance(node, Field) else ())):
                found.setdefault(tag, (at, node))
        return found

    def qualified(self, spaces: frozenset[str]) -> "Mapping[str, tuple[int, Field | Group]]":
        """As `by_tag`, by the whole name as lxml has it, for tags of one of these namespaces: one look-up a tag.

        A root may name a namespace of its own invention, so that few are remembered.
        """
        known = self._qualified.get(spaces)
        if known is None:
            known = {
                f"{{{space}}}{tag}" if space else tag: entry
                for space in spaces
                for tag, entry in self.by_tag.items()
            }
            if len(self._qualified) < _MOST_SPACES:
                self._qualified[spaces] = known
        return known

    @cached_property
    def _qualified(self) -> "dict[frozenset[str], Mapping[str, tuple[int, Field | Group]]]":
        return {}

    def demanded(self, blanks: bool) -> "tuple[tuple[int, Field | Group, str | None], ...]":
        """What must stand here: its position, and the canonical name that must be filled, where it is that.

        `blanks`: the message's; then what the document demands is asked for, too.
        """
        return self._demanded_with_blanks if blanks else self._demanded_without

    @cached_property
    def _demanded_with_blanks(self) -> "tuple[tuple[int, Field | Group, str | None], ...]":
        return self._demanding(self.section.mandatory if self.section else ())

    @cached_property
    def _demanded_without(self) -> "tuple[tuple[int, Field | Group, str | None], ...]":
        return self._demanding(())

    def _demanding(self, mandatory: tuple[str, ...]) -> "tuple[tuple[int, Field | Group, str | None], ...]":
        named = (
            (at, node, node.element.name if isinstance(node, Field) and node.element else None)
            for at, node in enumerate(self.content)
        )
        return tuple(one for one in named if one[1].least or one[2] in mandatory)

    @cached_property
    def carried(self) -> frozenset[str]:
        """The canonical names of the part around it that have a place here."""
        found = {one.element.name for one in self.attributes.values() if one.element}
        for node in self.content:
            if isinstance(node, Field):
                carried = (node.element, *(one.element for one in node.attributes.values()))
                found |= {one.name for one in carried if one}
            elif node.section:
                found.add(node.section.name)
            else:
                found |= node.carried
        return frozenset(found)


@dataclass(frozen=True)
class Message:
    """One type of message. `each`: the tag below the root that makes one canonical document, where there are several.

    `blanks`: a tag may stand without a value (DecMessage writes all of them).
    """

    id: str
    version: str
    name_zh: str
    name_en: str
    namespace: str | None
    namespaces_also: tuple[str, ...]
    root: Group
    document: Document | None
    each: str | None
    source: str
    verified: bool
    not_carried: Mapping[str, tuple[str, str]]
    blanks: bool = False
    swapped_on_export: tuple[str, ...] = field(default=())

    def spaces(self, root: str) -> frozenset[str]:
        """The namespaces that tags below a root of the namespace `root` may have."""
        return frozenset((root, self.namespace or "", *self.namespaces_also))

    def takes(self, namespace: str) -> bool:
        """Whether a namespace is this message's: its own, a version of it, another one that is accepted, or none."""
        return (
            not namespace
            or namespace in self.namespaces_also
            or bool(self.namespace and namespace.startswith(self.namespace))
        )


@cache
def message(id: str) -> Message:
    """A message type by its id. Raises `FileNotFoundError` for one that the catalogue does not have."""
    raw = catalogue.load(f"messages/{id}.json")
    document = catalogue.document(raw["document"], raw["document_version"]) if raw["document"] else None
    return Message(
        id=raw["id"],
        version=raw["version"],
        name_zh=raw["name_zh"],
        name_en=raw["name_en"],
        namespace=raw["namespace"],
        namespaces_also=tuple(raw.get("namespaces_also", ())),
        root=_Reading(raw["id"], document).root(raw),
        document=document,
        each=raw.get("each"),
        source=raw["source"],
        verified=raw["verified"],
        not_carried={tag: (zh, en) for tag, (zh, en) in raw.get("not_carried", {}).items()},
        blanks=raw.get("blanks", False),
        swapped_on_export=tuple(raw.get("swapped_on_export", ())),
    )


class _Reading:
    """One definition being read: elements are those of the section that the tags belong to."""

    def __init__(self, id: str, document: Document | None) -> None:
        self._id, self._document = id, document

    def root(self, raw: Mapping[str, Any]) -> Group:
        elements: dict[str, Element] = {}
        sections = self._document.sections if self._document else ()
        # A message without a head of its own: its root is the section.
        section = next((one for one in sections if one.name == raw.get("section")), None)
        if section:
            elements, sections = {one.id: one for one in section.elements.values()}, section.sections
        return Group(
            tag=raw["root"],
            least=1,
            most=1,
            section=section,
            name_zh=raw["name_zh"],
            name_en=raw["name_en"],
            attributes=self._attributes(raw, elements),
            content=tuple(self._node(node, elements, sections) for node in raw["content"]),
        )

    def _node(
        self, raw: Mapping[str, Any], elements: Mapping[str, Element], sections: tuple[Section, ...]
    ) -> Field | Group:
        if "content" in raw or raw.get("any"):
            return self._group(raw, elements, sections)
        element = self._element(raw, elements)
        least, most = raw["occurs"]
        return Field(
            tag=raw["tag"],
            also=tuple(raw.get("also", ())),
            least=least,
            most=most,
            form=Form.read(raw.get("form") or _own_form(element), signed=element is None or element.signed),
            element=element,
            name_zh=element.name_zh if element else raw.get("zh", raw["tag"]),
            name_en=element.name_en if element else raw.get("en", raw["tag"]),
            attributes=self._attributes(raw, elements),
            codes=raw.get("codes"),
            values=tuple(raw.get("values", ())),
            pattern=raw.get("pattern"),
            fixed=raw.get("fixed"),
        )

    def _group(
        self, raw: Mapping[str, Any], elements: Mapping[str, Element], sections: tuple[Section, ...]
    ) -> Group:
        section = None
        if name := raw.get("section"):
            section = next((one for one in sections if one.name == name), None)
            if section is None:
                raise LookupError(f"{self._id}: {raw['tag']}: no section {name!r} here")
            elements = {one.id: one for one in section.elements.values()}
            sections = section.sections
        least, most = raw["occurs"]
        return Group(
            tag=raw["tag"],
            least=least,
            most=most,
            section=section,
            name_zh=section.name_zh if section else raw.get("zh", raw["tag"]),
            name_en=section.name_en if section else raw.get("en", raw["tag"]),
            attributes=self._attributes(raw, elements),
            content=tuple(self._node(node, elements, sections) for node in raw.get("content", ())),
            open=raw.get("any", False),
        )

    def _attributes(self, raw: Mapping[str, Any], elements: Mapping[str, Element]) -> dict[str, Attribute]:
        return {
            name: Attribute(
                name,
                Form.read(one.get("form", "T")),
                one.get("required", False),
                self._element(one, elements),
                one.get("fixed"),
            )
            for name, one in raw.get("attributes", {}).items()
        }

    def _element(self, raw: Mapping[str, Any], elements: Mapping[str, Element]) -> Element | None:
        if "element" not in raw:
            return None
        if raw["element"] not in elements:
            raise LookupError(f"{self._id}: {raw}: not an element of this section")
        return elements[raw["element"]]


def _own_form(element: Element | None) -> str:
    """How an element is written where the message says nothing of it; lists and check digits judge by themselves."""
    if element is None or element.code_list or element.check or element.pattern:
        return "T"
    return {"date": "D8", "datetime": "D14"}.get(element.representation, element.representation)


def _canonical_code(codes: catalogue.CodeList, column: str, text: str) -> str:
    """A code of the wire's set as the canonical one. One that is in no set stays; a canonical code where another
    set is written is no code here, and is marked so that nothing takes it for sound."""
    found = codes.crosswalk(column, text)
    if found:
        return found[0]
    return f"{text}?" if text in codes.rows else text


def _instant(text: str) -> str:
    """`20160308112701` in China as `2016-03-08T03:27:01Z`; xs:dateTime with its zone, China's where it has none."""
    stated = text
    if text.isascii() and text.isdigit() and len(text) in (14, 17):
        stated = f"{text[:8]}T{text[8:14]}" + (f".{text[14:]}" if text[14:] else "")
    try:
        moment = datetime.fromisoformat(stated)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=_CHINA)).astimezone(UTC)
    except (ValueError, OverflowError):
        return text
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")[:-6] + "Z"


def _china_time(text: str, form: str) -> str:
    try:
        moment = datetime.fromisoformat(text).astimezone(_CHINA)
    except (ValueError, OverflowError):
        raise ValueError(f"{text} is no instant") from None
    if form == "X":
        return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
    if moment.microsecond and form == "D14":
        raise ValueError(f"carries whole seconds, not {text}")
    digits = moment.isoformat(timespec="milliseconds")[:23]
    return re.sub(r"\D", "", digits)[: int(form[1:])]
