"""What a document type is: its elements, their sections, its JSON Schema, and what is wrong with one such document.

A field is judged by one tool alone: its shape by JSON Schema (generated here), a coded field by its list as at a date,
an identifier by its check digit.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from singlewindow import canonical, wording
from singlewindow.findings import Finding

if TYPE_CHECKING:
    from singlewindow.catalogue import CodeList

# An answer ends at Lambda's 6 MB, and a hostile body of 1 MB has room for 300,000 empty lines.
MOST_ITEMS = 5_000
MOST_FINDINGS = 2_000
MOST_STRANGERS = 500

_CANONICAL_NUMBER = re.compile(r"(?:0|[1-9][0-9]{0,29})(?:\.[0-9]{0,29}[1-9])?").fullmatch
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?").fullmatch
# An instant in UTC; milliseconds where the source has them.
_INSTANT_FORM = re.compile(
    r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{3})?Z"
)
# As DecMessage states a day, and as its samples do: `20180703`, `2018-07-03`, `2018-07-03 00-00-00`, `… 00:00:00`.
_DAY = re.compile(r"([0-9]{4})(-?)([0-9]{2})\2([0-9]{2})(?: 00[:-]00[:-]00)?").fullmatch
_DAY_FORM = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
_DECIMAL = re.compile(r"N(\d+),(\d+)").fullmatch
_INTEGER = re.compile(r"n\.\.(\d+)").fullmatch
_TEXT = re.compile(r"C(\.\.)?(\d+)").fullmatch
# XML carries no control characters but tab and line ends, and no JSON text needs them. The characters themselves
# stand in the class: regular expression dialects differ in how they escape them.
_PRINTABLE = "^[^\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]*$"

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Element:
    """One data element. `representation`: `C..60` text up to, `C18` text of, `N19,5` digits and decimals of a
    number (`signed` where it may be negative), `n..9` whole number up to nine digits, `date`, `datetime` (UTC).

    What judging needs; the catalogue's file says more of it (definition, owner, evidence). `verified` speaks of the
    representation; `form_zh` and `form_en` say a `pattern` in words.
    """

    id: str
    name: str
    name_zh: str
    name_en: str
    representation: str
    sensitivity: str
    source: str
    verified: bool
    code_list: str | None = None
    pattern: str | None = None
    check: str | None = None
    check_except: tuple[str, ...] = ()
    signed: bool = False
    form_zh: str = ""
    form_en: str = ""

    @property
    def is_numeric(self) -> bool:
        return self.representation[0] in "Nn"

    @property
    def is_date(self) -> bool:
        return self.representation == "date"

    @property
    def is_instant(self) -> bool:
        return self.representation == "datetime"

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the canonical form, always a string; what a list or a check digit judges is left to them."""
        described = {"type": "string", "title": self.name_zh, "description": self.name_en}
        if decimal := _DECIMAL(self.representation):
            whole, scale = int(decimal[1]) - int(decimal[2]), int(decimal[2])
            sign = "-?" if self.signed else ""
            return described | {"pattern": rf"^{sign}[0-9]{{1,{whole}}}(\.[0-9]{{1,{scale}}})?$"}
        if integer := _INTEGER(self.representation):
            return described | {"pattern": rf"^(0|[1-9][0-9]{{0,{int(integer[1]) - 1}}})$"}
        if self.is_date:
            return described | {"pattern": f"^{_DAY_FORM.pattern}$"}
        if self.is_instant:
            return described | {"pattern": f"^{_INSTANT_FORM.pattern}$"}
        text = _TEXT(self.representation)
        if text is None or self.code_list or self.check:
            return described
        if self.pattern:
            return described | {"pattern": self.pattern}
        bounds = {"maxLength": int(text[2])} | ({} if text[1] else {"minLength": int(text[2])})
        return described | bounds | {"pattern": _PRINTABLE}

    def normal(self, value: Any) -> Any:
        """The canonical text of a value, where it has one; anything else as it is. A bool is no number."""
        if isinstance(value, str):
            text = value.strip()
            if self.is_numeric:
                return _plain_number(text)
            return _iso_day(text) if self.is_date else text
        if self.is_numeric and isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            return _number_text(value)
        return value


@dataclass(frozen=True)
class Section:
    """A part of a document: an object, or an array of them (`occurs` = least, most)."""

    name: str
    name_zh: str
    name_en: str
    elements: Mapping[str, Element]
    mandatory: tuple[str, ...]
    sections: tuple["Section", ...]
    occurs: tuple[int, int] | None = None
    required: bool = False

    def schema(self) -> dict[str, Any]:
        properties = {name: element.schema() for name, element in self.elements.items()}
        properties |= {section.name: section.schema() for section in self.sections}
        inner: dict[str, Any] = {"type": "object", "additionalProperties": False, "properties": properties}
        if self.mandatory:
            inner["required"] = list(self.mandatory)
        described = {"title": self.name_zh, "description": self.name_en}
        if self.occurs is None:
            return inner | described
        bounds = {"minItems": self.occurs[0], "maxItems": self.occurs[1]}
        return {"type": "array", "items": inner} | described | bounds

    def normal(self, value: Any) -> Any:
        if self.occurs is not None and isinstance(value, list):
            return [self._normal_object(item) for item in value]
        return self._normal_object(value)

    def _normal_object(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        readers, numeric, within = self._readers, self._numeric, self._within
        found = {}
        for name, inner in value.items():
            if inner.__class__ is str:
                inner = inner.strip()
                if not inner:
                    continue
                if name in readers:
                    inner = readers[name](inner)
            elif inner is None:
                continue
            elif name in within:
                inner = within[name].normal(inner)
                if inner in ([], {}):
                    continue
            elif name in numeric and isinstance(inner, int | float | Decimal) and inner.__class__ is not bool:
                inner = _number_text(inner)
            found[name] = inner
        return found

    @cached_property
    def _within(self) -> Mapping[str, "Section"]:
        return {section.name: section for section in self.sections}

    @cached_property
    def _numeric(self) -> frozenset[str]:
        return frozenset(name for name, element in self.elements.items() if element.is_numeric)

    @cached_property
    def _readers(self) -> Mapping[str, Callable[[str], str]]:
        dates = {name: _iso_day for name, element in self.elements.items() if element.is_date}
        return dates | dict.fromkeys(self._numeric, _plain_number)

    @cached_property
    def names(self) -> frozenset[str]:
        """All that may stand in one of its objects."""
        return frozenset((*self.elements, *(section.name for section in self.sections)))

    @cached_property
    def judged(self) -> tuple[tuple[str, Element], ...]:
        """The elements that a code list, a check digit or the calendar judges."""
        return tuple(
            (name, element)
            for name, element in self.elements.items()
            if element.code_list or element.check or element.is_date or element.is_instant
        )


@dataclass(frozen=True)
class WireNames:
    """What the message that carries a document calls its parts: someone may send those names in JSON.

    `tags`: canonical place of a section → the tags that lead there; `names`: place → canonical name → tag;
    `not_carried`: parts of the message that the document has no place for, by tag, in Chinese and English.
    """

    root: str = ""
    tags: Mapping[Path, tuple[str, ...]] = field(default_factory=dict)
    names: Mapping[Path, Mapping[str, str]] = field(default_factory=dict)
    not_carried: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Document:
    """A document type in one version: its structure, how it is read, and what is wrong with one."""

    name: str
    version: int
    name_zh: str
    name_en: str
    sections: tuple[Section, ...]
    codelist: Callable[[str], "CodeList"] = field(repr=False, compare=False)
    # Asked only where a name is unknown: most documents never need it.
    wire: Callable[[], "WireNames"] = field(repr=False, compare=False, default=lambda: WireNames())

    def schema(self) -> dict[str, Any]:
        """JSON Schema 2020-12 of the canonical form."""
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": self.name_zh,
            "description": self.name_en,
            "type": "object",
            "additionalProperties": False,
            "properties": {section.name: section.schema() for section in self.sections},
            "required": [s.name for s in self.sections if s.required or (s.occurs and s.occurs[0])],
        }

    @cached_property
    def elements(self) -> Mapping[str, Element]:
        """`/lines/*/hs_code` → its element, for all places of the document."""
        return dict(_places(self.sections, ""))

    def normalise(self, raw: Any) -> Any:
        """The canonical form: plain numbers, ISO days, no blanks. Never raises: odd shapes stay as they are."""
        if not isinstance(raw, Mapping):
            return raw
        within = self._within
        found = {name: within[name].normal(value) if name in within else value for name, value in raw.items()}
        return {name: value for name, value in found.items() if value not in (None, "", [], {})}

    def bounded(self, document: Any) -> Any:
        """What of it is worth judging; the same object where that is all. Bounds the work of a hostile document."""
        return _Worth().of(document, self._within, self.sections)

    def shape_findings(self, document: Any) -> list[Finding]:
        """Everything that JSON Schema has against the canonical form; at most MOST_FINDINGS, and one that says so."""
        if self._validator.is_valid(document):
            return []
        worth = _Worth()
        judged = worth.of(document, self._within, self.sections)
        found: list[Finding] = []
        for error in self._validator.iter_errors(judged):
            found.extend(self._shape(document, tuple(error.instance_path), error.kind, len(found)))
            if len(found) > MOST_FINDINGS:
                break
        if len(found) > MOST_FINDINGS or not worth.whole:
            return [*found[:MOST_FINDINGS], wording.more(MOST_FINDINGS)]
        return found

    def code_findings(self, document: Any, as_at: date) -> list[Finding]:
        """What code lists as at the date, check digits and the calendar have against it."""
        found: list[Finding] = []
        if isinstance(document, dict):
            self._judge(self.sections, self.bounded(document), "", as_at, found)
        return found

    @cached_property
    def _validator(self) -> Any:
        import jsonschema_rs  # judging needs it, and most functions only read the catalogue

        return jsonschema_rs.Draft202012Validator(self.schema())

    @cached_property
    def _within(self) -> Mapping[str, Section]:
        return {section.name: section for section in self.sections}

    def _place(self, path: Path) -> tuple[Mapping[str, Element], tuple[Section, ...]]:
        """What may stand at an instance path: elements and sections."""
        elements: Mapping[str, Element] = {}
        sections = self.sections
        for part in path:
            section = next((one for one in sections if one.name == part), None)
            if section:
                elements, sections = section.elements, section.sections
        return elements, sections

    def _shape(self, document: Any, path: Path, kind: Any, already: int) -> Iterator[Finding]:
        """`already` findings came before: past a hundred nobody needs to be told what an unknown name resembles."""
        elements, sections = self._place(path)
        match kind.name:
            case "required":
                yield wording.missing((*path, kind.property), elements.get(kind.property))
            case "additionalProperties":
                parent, wire = _at(document, path), self.wire()
                place = tuple(part for part in path if isinstance(part, str))
                known = dict.fromkeys((*elements, *(section.name for section in sections)), "")
                known |= {name: tag for name, tag in wire.names.get(place, {}).items() if name in known}
                tags = (wire.root, *wire.tags.get(place, ()))
                for count, name in enumerate(kind.unexpected, already):
                    if not path and (part := wire.not_carried.get(name.partition("[")[0])):
                        yield wording.not_carried(name, part, parent[name])
                    else:
                        yield wording.unknown(path, name, parent, known, tags, guess=count < 100)
                    if count > MOST_FINDINGS:
                        return
            case keyword:
                given = _at(document, path)
                element = elements.get(path[-1]) if path and isinstance(path[-1], str) else None
                if element is None:
                    section = self._place(path[:-1])[1] if path else ()
                    odd = next((one for one in section if path and one.name == path[-1]), None)
                    yield wording.odd_section(path, keyword, given, odd)
                else:
                    yield wording.odd_value(path, keyword, given, element, self._mended(element, given))

    def _mended(self, element: Element, given: Any) -> str | None:
        """A value that is certainly meant and that fits, where a program can tell."""
        fits = _Fits(element, self.codelist)
        return next((text for text in wording.guesses(element, given) if fits(text)), None)

    def _judge(
        self,
        sections: tuple[Section, ...],
        value: Mapping[str, Any],
        above: str,
        as_at: date,
        found: list[Finding],
    ) -> None:
        for section in sections:
            inner = value.get(section.name)
            if inner is None:
                continue
            place = f"{above}/{section.name}"
            if section.occurs is None:
                self._judge_item(section, inner, place, as_at, found)
            elif isinstance(inner, list):
                for index, item in enumerate(inner):
                    self._judge_item(section, item, f"{place}/{index}", as_at, found)

    def _judge_item(self, section: Section, item: Any, place: str, as_at: date, found: list[Finding]) -> None:
        if not isinstance(item, dict):
            return
        codelist, get = self.codelist, item.get
        for name, element in section.judged:
            given = get(name)
            if given.__class__ is not str:
                continue
            if element.code_list:
                codes = codelist(element.code_list)
                if given not in codes.rows or (given in codes.dated and codes.get(given, as_at) is None):
                    mended = self._mended(element, given)
                    found.append(wording.wrong_code(f"{place}/{name}", element, codes, given, as_at, mended))
            elif element.check:
                if given not in element.check_except and not wording.CHECKS[element.check].passes(given):
                    found.append(wording.wrong_check(f"{place}/{name}", element, given))
            elif is_no_day(given):
                found.append(wording.no_day(f"{place}/{name}", element, given))
        if section.sections:
            self._judge(section.sections, item, place, as_at, found)


class _Worth:
    """What of a document is worth judging: lists up to one entry more than they may hold, objects with what they may
    have and MOST_STRANGERS others. `whole` is False where that leaves out what no finding speaks of."""

    def __init__(self) -> None:
        self.whole = True
        self._left = MOST_ITEMS

    def of(self, value: Any, names: Collection[str], sections: tuple[Section, ...]) -> Any:
        """The very object where nothing is left out."""
        if not isinstance(value, dict):
            return value
        kept = value
        if len(value) > len(names) + MOST_STRANGERS:
            self.whole = False
            strangers = islice((name for name in value if name not in names), MOST_STRANGERS)
            kept = {name: value[name] for name in chain(filter(value.__contains__, names), strangers)}
        cut = {}
        for section in sections:
            inner = kept.get(section.name)
            if section.occurs is not None and isinstance(inner, list):
                less = self._of_list(section, inner)
            else:
                less = self.of(inner, section.names, section.sections)
            if less is not inner:
                cut[section.name] = less
        return kept | cut if cut else kept

    def _of_list(self, section: Section, items: list[Any]) -> list[Any]:
        assert section.occurs is not None
        most = min(section.occurs[1] + 1, self._left)
        self.whole = self.whole and len(items[: section.occurs[1] + 1]) <= most
        self._left -= min(len(items), most)
        kept = [self.of(one, section.names, section.sections) for one in items[:most]]
        same = len(kept) == len(items) and all(one is other for one, other in zip(kept, items, strict=True))
        return items if same else kept


class _Fits:
    """Whether a text would pass all that judges an element."""

    def __init__(self, element: Element, codelist: Callable[[str], "CodeList"]) -> None:
        self._element, self._codelist = element, codelist

    def __call__(self, text: str) -> bool:
        element, schema = self._element, self._element.schema()
        if element.code_list:
            return text in self._codelist(element.code_list).rows
        if element.check:
            return wording.CHECKS[element.check].passes(text)
        if not schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", len(text)):
            return False
        return bool(re.search(schema.get("pattern", ""), text)) and not (
            (element.is_date or element.is_instant) and is_no_day(text)
        )


def _places(sections: Iterable[Section], above: str) -> Iterator[tuple[str, Element]]:
    for section in sections:
        place = f"{above}/{section.name}" + ("/*" if section.occurs else "")
        for name, element in section.elements.items():
            yield f"{place}/{name}", element
        yield from _places(section.sections, place)


def _at(document: Any, path: Path) -> Any:
    for part in path:
        document = document[part]
    return document


def _plain_number(text: str) -> str:
    """`2.0000` and `+2` are `2`; what is no plain number stays for the schema to refuse."""
    if _CANONICAL_NUMBER(text) or not _NUMBER(text):
        return text
    number = Decimal(text)
    return canonical.plain(number) if number else "0"


def _number_text(number: float | Decimal) -> str:
    """Any JSON number; one of absurd size stays in its notation (1E+999999 written out would fill the memory)."""
    value = (
        number
        if isinstance(number, Decimal)
        else Decimal(repr(number) if isinstance(number, float) else number)
    )
    if not value.is_finite() or abs(value.adjusted()) > 40:
        return str(value)
    return canonical.plain(value) if value else "0"


def _iso_day(text: str) -> str:
    day = _DAY(text)
    return f"{day[1]}-{day[3]}-{day[4]}" if day else text


def is_no_day(text: str) -> bool:
    """Whether a text has the form of a day or of an instant, and the calendar has no such day."""
    if not (_DAY_FORM.fullmatch(text) or _INSTANT_FORM.fullmatch(text)):
        return False
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return True
    return False
