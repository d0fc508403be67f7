"""EDIFACT interchanges, recognised and judged: envelope, structure, content, and a few facts that can be computed.

A message whose type the catalogue does not know is recognised and its envelope judged; one whose version it does not
know is judged by the nearest, and whatever that finds is a warning. A pointer reads `UNH[1]/SG2[3]/LOC[1]/C517/3225`;
`#12` in one is the number of a segment that has no place in the message.
"""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, cast

from singlewindow.findings import Finding, Severity
from singlewindow.ids import is_container_no
from singlewindow.messages import edifact_tables as tables
from singlewindow.messages.edifact_structure import FORESIGHT, Placed, Structure
from singlewindow.messages.edifact_syntax import (
    LEVELS,
    MOST_BEFORE,
    REPERTOIRES,
    Elements,
    Segment,
    Syntax,
    actual_encoding,
    at,
    beginning,
    elements,
    printable,
    segments,
    service_characters,
)
from singlewindow.messages.edifact_tables import SERVICE, Authority, Data, Definition

# What one interchange may cost: beyond each of them a finding says so, and what was judged until there stands.
MOST_SEGMENTS = 100_000
MOST_FINDINGS = 500
MOST_MESSAGES = 1_000
MOST_IN_A_SEGMENT = 8_192

_SHOWN = 80
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_BREAKS = str.maketrans("", "", "\r\n")
_TAG = re.compile(r"[A-Z][A-Z0-9]{2}")
_WHOLE = re.compile(r"[0-9]{1,6}")
_NUMBER = re.compile(r"-?(?:[0-9]+(?:[.,][0-9]+)?|[.,][0-9]+)")
_LETTERS = re.compile(r"[^\W\d_]*(?: [^\W\d_]*)*")
_ISO_6346 = re.compile(r"[A-Z]{3}[UJZR][0-9]{7}")
_LOCODE = re.compile(r"[A-Z]{2}[A-Z2-9]{3}")
_CALLED = {"utf-8": "UTF-8", "gb18030": "GB 18030", "latin-1": "8-bit"}
_ENVELOPE = Authority("", "ISO 9735", verified=True, exact=True)


@dataclass(frozen=True, slots=True)
class Interchange:
    """The first interchange of the file, as its UNB says. `charset` is empty for a level that is not ISO 9735's."""

    syntax: str
    syntax_version: str
    charset: str
    sender: str
    recipient: str
    prepared: str
    reference: str
    test: bool


@dataclass(frozen=True, slots=True)
class Recognised:
    """A message: what it says it is, and by which version it was judged (None: its type is not known).

    `known`: by its own version.
    """

    type: str
    version: str
    agency: str
    association: str
    reference: str
    known: bool
    judged_by: str | None
    segments: int


@dataclass(frozen=True, slots=True)
class Report:
    """What the bytes are, and everything that is wrong with them in the order of the file.

    `message_count` counts those beyond MOST_MESSAGES as well. `interchange` is None where there is no UNB.
    """

    interchange: Interchange | None
    messages: tuple[Recognised, ...]
    message_count: int
    segment_count: int
    findings: tuple[Finding, ...]

    @property
    def valid(self) -> bool:
        return all(one.severity != "error" for one in self.findings)


def is_edifact(raw: bytes) -> bool:
    """Whether an interchange, or a piece of one from UNH on, begins here, after at most MOST_BEFORE stray bytes."""
    return beginning(raw) is not None


def judge(raw: bytes) -> Report:
    """Every deviation that can be told. Takes any bytes; what it costs grows with their number and is bounded."""
    judging = _Judging(raw)
    start = beginning(raw)
    if start is None:
        judging.say(
            "EDI-NOT-EDIFACT",
            None,
            "",
            most=MOST_BEFORE,
            given=printable(raw[:_SHOWN].decode("latin-1")) or None,
            expected="UNB+UNOA:2+…",
        )
    else:
        judging.run(start)
    return judging.report()


@dataclass(slots=True)
class _Message:
    """The message that is being read."""

    path: str
    head: Segment
    reference: str
    type: str
    version: str
    agency: str
    association: str
    definition: Definition | None
    structure: Structure | None
    segments: int = 1
    equipment: int = 0
    totals: list[tuple[Segment, str, str]] = field(default_factory=list)


@dataclass(slots=True)
class _Envelope:
    """A UNB or UNG that is open: its reference, and how much is inside so far."""

    reference: str
    messages: int = 0
    groups: int = 0


class _Judging:
    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._text = raw.decode("latin-1")
        self._found: list[tuple[int, Finding]] = []
        self._findings = 0
        self._said: set[tuple[object, ...]] = set()
        self._ahead: deque[Segment] = deque()
        self._syntax = Syntax()
        self._level = ""
        self._is_4 = False
        self._encoding = "latin-1"
        self._interchange: Interchange | None = None
        self._interchanges = 0
        self._recognised: list[Recognised] = []
        self._messages = self._segments = 0
        self._references: set[str] = set()
        self._unb: _Envelope | None = None
        self._ung: _Envelope | None = None
        self._message: _Message | None = None

    def say(
        self,
        id: str,
        segment: Segment | None,
        pointer: str,
        *,
        by: Authority = _ENVELOPE,
        element: str | None = None,
        given: Any = None,
        expected: Any = None,
        fix: str | None = None,
        **says: Any,
    ) -> None:
        """A finding, unless there are too many. Where the tables that it rests on are not sure, it is a warning."""
        self._findings += 1
        if self._findings > MOST_FINDINGS and not id.startswith("EDI-LIMIT"):
            return
        text = tables.wording(id)
        says |= {"element": element, "given": given, "expected": expected}
        zh, en = text["zh"].format_map(says), text["en"].format_map(says)
        if segment:
            tag = segment.tag or "?"
            zh = f"第 {segment.number} 段 {tag}（字节 {segment.offset}）：{zh}"
            en = f"segment {segment.number}, {tag} (byte {segment.offset}): {en}"
        if not by.exact:
            zh, en = f"{zh}（按 {by.version}）", f"{en} (by {by.version})"
        severity = cast(Severity, text["severity"])
        code = id.partition(".")[0]
        finding = Finding(
            code=code,
            rule=code,
            severity="warn" if severity == "error" and not by.is_sure else severity,
            pointer=pointer,
            message_zh=zh,
            message_en=en,
            element=element,
            source=by.source,
            verified=by.is_sure,
            given=given,
            expected=expected,
            fix=() if fix is None else ({"op": "replace", "path": pointer, "value": fix},),
        )
        self._found.append((segment.number if segment else 0, finding))

    def _first(self, *what: object) -> bool:
        """Whether something is to be said for the first time."""
        new = what not in self._said
        self._said.add(what)
        return new

    def report(self) -> Report:
        if self._findings > MOST_FINDINGS:
            last = Segment(self._segments + 1, len(self._raw), "", "")
            self.say("EDI-LIMIT.findings", last, "", given=self._findings, expected=MOST_FINDINGS)
        found = [finding for _, finding in sorted(self._found, key=lambda one: one[0])]
        return Report(
            self._interchange, tuple(self._recognised), self._messages, self._segments, tuple(found)
        )

    # --- the file

    def run(self, start: int) -> None:
        """From UNA or UNB to the end."""
        if stray := self._raw[:start].strip(b"\t\n\r "):
            given = printable(stray[:_SHOWN].decode("latin-1"))
            self.say("EDI-STRAY", None, "", count=start, given=given)
        if self._text.startswith("UNA", start):
            una = self._text[start + 3 : start + 9]
            syntax = service_characters(una)
            if syntax is None:
                self.say("EDI-UNA", None, "UNA", given=printable(una), expected=":+.? '")
            self._syntax = syntax or self._syntax
            start += 9
        rest = segments(self._text, start, self._syntax)
        self._ahead.extend(islice(rest, FORESIGHT + 1))
        segment = Segment(0, len(self._text), "", "")
        while self._ahead:
            segment = self._ahead.popleft()
            self._ahead.extend(islice(rest, 1))
            if segment.number > MOST_SEGMENTS:
                self.say("EDI-LIMIT.segments", segment, "", expected=MOST_SEGMENTS)
                self._recognise()
                return
            self._segments = segment.number
            self._one(segment)
        self._end(segment)

    def _upcoming(self) -> list[str]:
        """The tags that follow, as far as they are looked at and up to the end of the message."""
        tags: list[str] = []
        for segment in self._ahead:
            if segment.tag in _SERVICE:
                return [*tags, "UNT"]
            tags.append(segment.tag)
        return tags

    def _one(self, segment: Segment) -> None:
        if segment.joined:
            self.say("EDI-TERMINATOR", segment, "", expected=self._syntax.terminator)
        if not segment.text.strip():
            self.say("EDI-TERMINATOR.twice", segment, "")
            return
        if segment.cut and not self._is_whole_trailer(segment):
            return
        if segment.tag != "UNB":  # which names the character set, and is looked at when that is known
            self._characters(segment)
        handle = _SERVICE.get(segment.tag)
        if handle:
            handle(self, segment, self._take(segment))
        elif self._message:
            self._in_message(self._message, segment)
        else:
            self._outside(segment, "UNH")

    def _is_whole_trailer(self, segment: Segment) -> bool:
        """A trailer with both its elements may lack its terminator only."""
        parts = segment.text.split(self._syntax.element)
        return segment.tag in ("UNT", "UNE", "UNZ") and len(parts) == 3 and parts[2] != ""

    def _take(self, segment: Segment) -> Elements:
        text = segment.text[:MOST_IN_A_SEGMENT]
        if "\n" in text or "\r" in text:
            text = text.translate(_BREAKS)
        return elements(text, self._syntax, repeats=self._is_4 and self._syntax.repetition != " ")

    def _end(self, last: Segment) -> None:
        opened = (("UNT", self._message), ("UNE", self._ung), ("UNZ", self._unb))
        missing = [tag for tag, envelope in opened if envelope]
        if not missing and not last.cut:
            return
        if last.cut and not missing and self._interchanges and not self._is_whole_trailer(last):
            self.say("EDI-STRAY.after", last, "", given=printable(last.text[:_SHOWN]))
            return
        kind = "EDI-TRUNCATED"
        if last.cut:
            kind += ".terminator" if self._is_whole_trailer(last) and not missing else ".inside"
        self.say(
            kind,
            last,
            self._message.path if self._message else "",
            missing=", ".join(missing) or "UNB … UNZ",
            given=printable(last.text[:_SHOWN]) if last.cut else None,
            expected=missing[0] if missing else self._syntax.terminator,
        )
        self._recognise()

    def _outside(self, segment: Segment, head: str) -> None:
        """One finding for all that stands outside a message, up to the next one."""
        if self._first("outside", self._messages, self._interchanges):
            pointer = f"{segment.tag}#{segment.number}"
            self.say("EDI-SEGMENT-ORDER.outside", segment, pointer, given=segment.tag, expected=head)

    # --- characters

    def _characters(self, segment: Segment) -> None:
        text = segment.text
        if len(text) > MOST_IN_A_SEGMENT:
            self.say("EDI-LIMIT.segment", segment, "", given=len(text), expected=MOST_IN_A_SEGMENT)
            text = text[:MOST_IN_A_SEGMENT]
        if not text.isascii():
            self._beyond_ascii(segment)
        elif _CONTROLS.search(text):
            kind = "control" if _CONTROLS.search(text.translate(_BREAKS)) else "break"
            if self._first("characters", kind):
                self.say(f"EDI-CHARSET.{kind}", segment, "", given=printable(text[:_SHOWN]))
        elif (allowed := REPERTOIRES.get(self._level)) and not allowed.fullmatch(text):
            self._beyond_level(segment, text, allowed)

    def _beyond_level(self, segment: Segment, text: str, allowed: re.Pattern[str]) -> None:
        separators = str.maketrans("", "", "".join(self._syntax))
        strange = next((one for one in text.translate(separators) if not allowed.fullmatch(one)), "")
        if strange and self._first("level", "letter" if strange.isalpha() else strange):
            self.say(
                "EDI-CHARSET.level",
                segment,
                "UNB/S001/0001",
                element="0001",
                level=self._level,
                given=strange,
                expected="UNOB" if strange.isalpha() else "UNOC",
            )

    def _beyond_ascii(self, segment: Segment) -> None:
        if not self._first("characters", "8-bit", self._interchanges):
            return
        name, codec = LEVELS.get(self._level, ("", ""))
        actual = actual_encoding(self._raw)
        # Cyrillic and Greek stand in twos as well, so that only UTF-8 can contradict those.
        if codec == actual or (codec.startswith("iso8859") and actual != "utf-8"):
            return
        self._encoding = actual
        self.say(
            "EDI-CHARSET",
            segment,
            "UNB/S001/0001",
            element="0001",
            declared=f"{printable(self._level)} ({name})" if name else printable(self._level) or "?",
            found=_CALLED[actual],
            given=printable(self._level) or None,
            expected="UNOC" if actual == "latin-1" else "UNOW",
        )

    def _shown(self, text: str) -> str:
        """Text as people read it, and not too much of it."""
        return printable(self._read(text)[:_SHOWN])

    def _read(self, text: str) -> str:
        return text if text.isascii() else text.encode("latin-1").decode(self._encoding, "replace")

    # --- what is in a message

    def _in_message(self, message: _Message, segment: Segment) -> None:
        message.segments += 1
        definition, structure = message.definition, message.structure
        if definition is None or structure is None:
            if not _TAG.fullmatch(segment.tag):
                pointer = f"{message.path}/{segment.tag}#{segment.number}"
                self.say("EDI-SEGMENT-UNKNOWN.tag", segment, pointer, given=segment.tag)
            return
        if placed := structure.place(segment, self._upcoming):
            taken = self._take(segment)
            content = tables.content(definition.directory, segment.tag)
            self._content(segment, taken, content, placed.path, definition.content)
            self._facts(message, segment, taken, placed)

    def _service(self, segment: Segment, taken: Elements, path: str) -> None:
        self._content(segment, taken, tables.content(SERVICE, segment.tag), path, _ENVELOPE)

    def _content(
        self, segment: Segment, taken: Elements, content: tuple[Data, ...], path: str, by: Authority
    ) -> None:
        for position, data in enumerate(content, 1):
            values = taken[position] if position < len(taken) else [""]
            if data.components:
                self._composite(segment, data, values, f"{path}/{data.place}", by)
                continue
            if values[0] or data.required:
                self._element(segment, data, values[0], f"{path}/{data.place}", by)
            if len(values) > 1:
                self._beyond(segment, values[1:], f"{path}/{data.place}", data.id, by)
        if len(taken) > len(content) + 1:
            self._beyond(segment, [":".join(one) for one in taken[len(content) + 1 :]], path, None, by)

    def _composite(self, segment: Segment, data: Data, values: list[str], path: str, by: Authority) -> None:
        if not any(values):
            if data.required:
                self._absent(segment, data, path, by)
            return
        for position, part in enumerate(data.components):
            value = values[position] if position < len(values) else ""
            if value or part.required:
                self._element(segment, part, value, f"{path}/{part.place}", by)
        if len(values) > len(data.components):
            self._beyond(segment, values[len(data.components) :], path, data.id, by)

    def _element(self, segment: Segment, data: Data, value: str, path: str, by: Authority) -> None:
        if not value:
            self._absent(segment, data, path, by)
            return
        # Syntax version 4 writes the century.
        form = tables.form("n8") if data.id == "0017" and self._is_4 else data.form
        assert form
        text = self._read(value)
        wrong = (form.kind == "n" and not _NUMBER.fullmatch(text)) or (
            form.kind == "a" and not _LETTERS.fullmatch(text)
        )
        length = sum(one.isdigit() for one in text) if form.kind == "n" else len(text)
        if not wrong and form.least <= length <= form.most:
            return
        self.say(
            f"EDI-FORMAT.{form.kind}" if wrong else "EDI-LENGTH",
            segment,
            path,
            by=by,
            element=data.id,
            called_zh=data.zh,
            called_en=data.en,
            length=length,
            given=printable(text[:_SHOWN]),
            expected=form.text,
        )

    def _absent(self, segment: Segment, data: Data, path: str, by: Authority) -> None:
        self.say(
            "EDI-ELEMENT-MISSING",
            segment,
            path,
            by=by,
            element=data.id,
            called_zh=data.zh,
            called_en=data.en,
            expected=data.form.text if data.form else None,
        )

    def _beyond(
        self, segment: Segment, values: list[str], path: str, element: str | None, by: Authority
    ) -> None:
        given = next((one for one in values if one.strip(":")), None)
        if given is not None:  # separators too many hold nothing
            self.say(
                "EDI-ELEMENT-EXTRA",
                segment,
                path,
                by=by,
                element=element,
                holder=element or segment.tag,
                given=self._shown(given),
            )

    # --- what can be computed

    def _facts(self, message: _Message, segment: Segment, taken: Elements, placed: Placed) -> None:
        if segment.tag == "DTM":
            self._date(segment, taken, placed.path)
        elif segment.tag == "EQD":
            message.equipment += 1
            if at(taken, 1) == "CN" and at(taken, 2):
                self._container(segment, at(taken, 2), f"{placed.path}/C237/8260")
        elif segment.tag == "LOC":
            place, code_list, agency = (at(taken, 2, one) for one in range(3))
            if place and (code_list, agency) == ("139", "6") and not _LOCODE.fullmatch(place):
                pointer = f"{placed.path}/C517/3225"
                given = self._shown(place)
                self.say("EDI-FORMAT.locode", segment, pointer, element="3225", given=given, expected="CNSHA")
        elif segment.tag == "CNT" and at(taken, 1) == "16" and placed.level.path == message.path:
            message.totals.append((segment, f"{placed.path}/C270/6066", at(taken, 1, 1)))

    def _date(self, segment: Segment, taken: Elements, path: str) -> None:
        qualifier, value, code = (at(taken, 1, one) for one in range(3))
        if value and not tables.is_moment(value, code):
            zh, en = tables.codes("2005").get(qualifier, ("", ""))
            self._no_moment(
                segment, f"{path}/C507/2380", value, code, f"DTM {qualifier} {zh}", f"DTM {qualifier} {en}"
            )

    def _no_moment(
        self, segment: Segment, pointer: str, value: str, code: str, called_zh: str, called_en: str
    ) -> None:
        self.say(
            "EDI-DATE",
            segment,
            pointer,
            element=pointer.rsplit("/", 1)[1],
            called_zh=printable(called_zh.strip()),
            called_en=printable(called_en.strip()),
            given=self._shown(value),
            expected=tables.date_format(code),
        )

    def _container(self, segment: Segment, number: str, pointer: str) -> None:
        if is_container_no(number):
            return
        if not _ISO_6346.fullmatch(number):
            given = self._shown(number)
            self.say(
                "EDI-CONTAINER.form", segment, pointer, element="8260", given=given, expected="CSQU3054383"
            )
            return
        digit = next(one for one in "0123456789" if is_container_no(number[:10] + one))
        expected = number[:10] + digit
        self.say(
            "EDI-CONTAINER", segment, pointer, element="8260", digit=digit, given=number, expected=expected
        )

    def _control_totals(self, message: _Message) -> None:
        expected = str(message.equipment)
        for segment, pointer, value in message.totals:
            if value.isdigit() and (value.lstrip("0") or "0") != expected:
                given = self._shown(value)
                self.say(
                    "EDI-CONTROL-TOTAL",
                    segment,
                    pointer,
                    element="6066",
                    given=given,
                    expected=expected,
                    fix=expected,
                )

    # --- the envelope

    def _on_una(self, segment: Segment, taken: Elements) -> None:
        """Before a further interchange of the file, which is read with the first one's characters."""

    def _on_unb(self, segment: Segment, taken: Elements) -> None:
        self._abandon(segment, "UNT", "UNE", "UNZ")
        self._interchanges += 1
        self._level, version = at(taken, 1)[:4], at(taken, 1, 1)[:1]
        self._is_4 = version >= "4"
        name, codec = LEVELS.get(self._level, ("", ""))
        self._encoding = codec if codec not in ("", "ascii") else "latin-1"
        self._characters(segment)
        self._unb = _Envelope(at(taken, 5))
        self._references = set()
        self._service(segment, taken, "UNB")
        day, time = at(taken, 4), at(taken, 4, 1)
        for element, value, code in (("0017", day, "102" if self._is_4 else "101"), ("0019", time, "401")):
            # One of another length was said to be so.
            if len(value) == len(tables.date_format(code)) and not tables.is_moment(value, code):
                self._no_moment(segment, f"UNB/S004/{element}", value, code, "UNB", "UNB")
        self._interchange = self._interchange or Interchange(
            syntax=printable(self._level),
            syntax_version=printable(version),
            charset=name,
            sender=self._shown(at(taken, 2)),
            recipient=self._shown(at(taken, 3)),
            prepared=self._shown(f"{day}:{time}"),
            reference=self._shown(at(taken, 5)),
            test=at(taken, 11) == "1",
        )

    def _on_ung(self, segment: Segment, taken: Elements) -> None:
        self._abandon(segment, "UNT", "UNE")
        self._needs_unb(segment)
        self._ung = _Envelope(at(taken, 5))
        if self._unb:
            self._unb.groups += 1
        self._service(segment, taken, "UNG")

    def _on_unh(self, segment: Segment, taken: Elements) -> None:
        self._abandon(segment, "UNT")
        self._needs_unb(segment)
        self._messages += 1
        for envelope in (self._unb, self._ung):
            if envelope:
                envelope.messages += 1
        path = f"UNH[{self._messages}]"
        type, version = at(taken, 2), f"{at(taken, 2, 1)}:{at(taken, 2, 2)}"
        definition = tables.definition(type, version) if len(type + version) < 16 else None
        message = self._message = _Message(
            path=path,
            head=segment,
            reference=at(taken, 1),
            type=self._shown(type),
            version=self._shown(version),
            agency=self._shown(at(taken, 2, 3)),
            association=self._shown(at(taken, 2, 4)),
            definition=definition,
            structure=Structure(self.say, definition, path) if definition else None,
        )
        self._service(segment, taken, f"{path}/UNH")
        if message.structure:
            message.structure.place(segment, self._upcoming)
        if self._first("type", message.type, message.version):
            self._introduce(message)
        if message.reference in self._references:
            pointer = f"{path}/UNH/0062"
            self.say(
                "EDI-REFERENCE.twice", segment, pointer, element="0062", given=self._shown(message.reference)
            )
        self._references.add(message.reference)

    def _introduce(self, message: _Message) -> None:
        """What is not known of a type or version, once for each."""
        if message.definition is None:
            self.say(
                "EDI-MESSAGE-UNKNOWN",
                message.head,
                f"{message.path}/UNH/S009/0065",
                element="0065",
                given=message.type,
                version=message.version,
            )
        elif not message.definition.structure.exact:
            self.say(
                "EDI-VERSION",
                message.head,
                f"{message.path}/UNH/S009/0054",
                element="0054",
                type=message.type,
                given=message.version,
                expected=message.definition.structure.version,
            )

    def _on_unt(self, segment: Segment, taken: Elements) -> None:
        message = self._message
        if message is None:
            self._outside(segment, "UNH")
            return
        message.segments += 1
        if message.structure:
            message.structure.place(segment, self._upcoming)
            message.structure.finish(segment)
        self._service(segment, taken, f"{message.path}/UNT")
        self._count("EDI-COUNT-UNT", segment, f"{message.path}/UNT/0074", at(taken, 1), message.segments)
        self._same(segment, f"{message.path}/UNT/0062", at(taken, 2), message.reference, "UNH")
        self._control_totals(message)
        self._recognise()

    def _on_une(self, segment: Segment, taken: Elements) -> None:
        self._abandon(segment, "UNT")
        group, self._ung = self._ung, None
        if group is None:
            self._outside(segment, "UNG")
            return
        self._service(segment, taken, "UNE")
        self._count("EDI-COUNT-UNE", segment, "UNE/0060", at(taken, 1), group.messages)
        self._same(segment, "UNE/0048", at(taken, 2), group.reference, "UNG")

    def _on_unz(self, segment: Segment, taken: Elements) -> None:
        self._abandon(segment, "UNT", "UNE")
        interchange, self._unb = self._unb, None
        if interchange is None:
            if self._first("no UNB", self._interchanges):
                self._outside(segment, "UNB")
            return
        self._service(segment, taken, "UNZ")
        inside = interchange.groups or interchange.messages
        self._count("EDI-COUNT-UNZ", segment, "UNZ/0036", at(taken, 1), inside)
        self._same(segment, "UNZ/0020", at(taken, 2), interchange.reference, "UNB")

    def _abandon(self, segment: Segment, *trailers: str) -> None:
        """What is open ends here without its trailer."""
        if self._message and "UNT" in trailers:
            self._lost("UNT", segment, f"{self._message.path}/UNT")
            self._recognise()
        if self._ung and "UNE" in trailers:
            self._lost("UNE", segment, "UNE")
            self._ung = None
        if self._unb and "UNZ" in trailers:
            self._lost("UNZ", segment, "UNZ")
            self._unb = None

    def _needs_unb(self, segment: Segment) -> None:
        if self._unb is None and self._first("no UNB", self._interchanges):
            self._lost("UNB", segment, "UNB")

    def _lost(self, tag: str, segment: Segment, pointer: str) -> None:
        zh, en = tables.segment_name(SERVICE, tag)
        self.say("EDI-SEGMENT-MISSING", segment, pointer, name=tag, called_zh=zh, called_en=en, expected=tag)

    def _count(self, id: str, segment: Segment, pointer: str, given: str, counted: int) -> None:
        if _WHOLE.fullmatch(given) and int(given) != counted:  # what is no number was said to be none
            element = pointer.rsplit("/", 1)[1]
            fix = str(counted)
            self.say(id, segment, pointer, element=element, given=given, expected=fix, fix=fix)

    def _same(self, segment: Segment, pointer: str, given: str, expected: str, head: str) -> None:
        if segment.cut or not given or not expected or given == expected:
            return
        right = self._shown(expected)
        element = pointer.rsplit("/", 1)[1]
        self.say(
            "EDI-REFERENCE",
            segment,
            pointer,
            element=element,
            head=head,
            given=self._shown(given),
            expected=right,
            fix=right,
        )

    def _recognise(self) -> None:
        """The message that is open is over."""
        message, self._message = self._message, None
        if message is None:
            return
        if len(self._recognised) == MOST_MESSAGES:
            if self._first("too many messages"):
                self.say("EDI-LIMIT.messages", message.head, message.path, expected=MOST_MESSAGES)
            return
        structure = message.definition.structure if message.definition else None
        self._recognised.append(
            Recognised(
                type=message.type,
                version=message.version,
                agency=message.agency,
                association=message.association,
                reference=self._shown(message.reference),
                known=structure is not None and structure.exact,
                judged_by=structure.version if structure else None,
                segments=message.segments,
            )
        )


_SERVICE: dict[str, Callable[[_Judging, Segment, Elements], None]] = {
    "UNA": _Judging._on_una,
    "UNB": _Judging._on_unb,
    "UNG": _Judging._on_ung,
    "UNH": _Judging._on_unh,
    "UNT": _Judging._on_unt,
    "UNE": _Judging._on_une,
    "UNZ": _Judging._on_unz,
}
