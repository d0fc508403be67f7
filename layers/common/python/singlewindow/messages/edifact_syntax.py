"""EDIFACT as characters: where an interchange begins, its segments, their elements, and the character set.

pydifact 0.2.3 was tried and left: it knows no positions, stops at the first syntax error, lets a wrong UNT count
pass, raises StopIteration and ValueError on stray bytes, and only to cut up a COARRI of 272 segments takes twice the
time in which it is judged here.

Bytes are read as ISO 8859-1, one character a byte, so that every offset is the file's; text in another character set
is decoded only where it is shown or measured. The usual service characters are ASCII below "@", and inside a
character of several bytes neither UTF-8 nor GB 18030 uses those.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

# How far into the file the interchange may begin, behind what should not be there.
MOST_BEFORE = 1_024

# ISO 9735 syntax levels: what they are called, and how their bytes are read.
LEVELS = {
    "UNOA": ("ISO 646, capitals", "ascii"),
    "UNOB": ("ISO 646", "ascii"),
    "UNOC": ("ISO 8859-1", "latin-1"),
    "UNOD": ("ISO 8859-2", "iso8859-2"),
    "UNOE": ("ISO 8859-5", "iso8859-5"),
    "UNOF": ("ISO 8859-7", "iso8859-7"),
    "UNOG": ("ISO 8859-3", "iso8859-3"),
    "UNOH": ("ISO 8859-4", "iso8859-4"),
    "UNOI": ("ISO 8859-6", "iso8859-6"),
    "UNOJ": ("ISO 8859-8", "iso8859-8"),
    "UNOK": ("ISO 8859-9", "iso8859-9"),
    "UNOW": ("ISO 10646, UTF-8", "utf-8"),
    "UNOY": ("ISO 10646, UTF-8", "utf-8"),
}
_PRINTED = r" .,\-()/=!\"%&*;<>'+:?0-9A-Z"
REPERTOIRES = {"UNOA": re.compile(f"[{_PRINTED}]*+"), "UNOB": re.compile(f"[{_PRINTED}a-z]*+")}

_UNA = re.compile(rb"UNA(.{6})\s*+UN[BGH]", re.DOTALL)
_UNB = re.compile(rb"UNB([^\w\s])[A-Z]{4}([^\w\s])[0-9]")
_BARE = re.compile(rb"UN[BGH][+:|\x1d]")
BLANK = b"\xef\xbb\xbf\x00\t\n\x0b\x0c\r \x1a"
_WHITE = re.compile(r"[\x00\t\n\x0b\x0c\r \x1a]*+")
# A released character stands here until the segment is taken apart.
_ASIDE = 0xE000


class Syntax(NamedTuple):
    """The service characters of UNA; a blank release or repetition character is none."""

    component: str = ":"
    element: str = "+"
    decimal: str = "."
    release: str = "?"
    repetition: str = " "
    terminator: str = "'"


class Segment(NamedTuple):
    """A segment as it stands in the file.

    `cut`: the file ends inside it. `joined`: its terminator is missing, and it ends where the next one begins.
    """

    number: int
    offset: int
    tag: str
    text: str
    cut: bool = False
    joined: bool = False


Elements = list[list[str]]


def beginning(raw: bytes) -> int | None:
    """Where UNA, UNB, or a piece from UNG or UNH on, begins; None where nothing does."""
    head = raw[: MOST_BEFORE + 64]
    first = len(head) - len(head.lstrip(BLANK))
    if _BARE.match(head, first) or _UNA.match(head, first):
        return first
    if head[first : first + 1] in (b"<", b"{", b"["):
        return None  # XML and JSON that quote EDIFACT are XML and JSON
    found = [match.start() for match in (_UNA.search(head), _UNB.search(head)) if match]
    return min(found) if found and min(found) <= MOST_BEFORE else None


def service_characters(una: str) -> Syntax | None:
    """The characters that UNA names, or None where they can not be told apart."""
    syntax = Syntax(*una)
    separators = [syntax.component, syntax.element, syntax.terminator]
    separators += [one for one in (syntax.release, syntax.repetition) if one != " "]
    if len(set(separators)) < len(separators) or any(one.isalnum() or one == " " for one in separators):
        return None
    return syntax


def segments(text: str, at: int, syntax: Syntax) -> Iterator[Segment]:
    """The segments, numbered from 1. What follows the last terminator is a segment that is cut; one that swallowed
    the next for want of its terminator is taken apart at the line break.
    """
    number = 0
    # At most so many blanks: what begins with each of a million line breaks would be read a million times.
    head = re.compile(rf"[\r\n]\s{{0,8}}+(?=[A-Z]{{3}}{re.escape(syntax.element)})")
    while True:
        if white := _WHITE.match(text, at):
            at = white.end()
        if at >= len(text):
            return
        end = _end(text, at, syntax)
        stop = end if end >= 0 else len(text)
        joined = False
        for match in head.finditer(text, at, stop):
            number += 1
            yield Segment(
                number,
                at,
                _tag(text, at, match.start(), syntax),
                text[at : match.start()].rstrip("\r\n "),
                joined=not joined,
            )
            joined, at = True, match.end()
        number += 1
        yield Segment(number, at, _tag(text, at, stop, syntax), text[at:stop].rstrip("\r\n"), cut=end < 0)
        if end < 0:
            return
        at = end + 1


def _end(text: str, at: int, syntax: Syntax) -> int:
    """Where the terminator is; one behind an odd number of release characters is text."""
    release = syntax.release
    end = text.find(syntax.terminator, at)
    while end > at and release != " " and text[end - 1] == release:
        before = end - 1
        while before >= at and text[before] == release:
            before -= 1
        if (end - 1 - before) % 2 == 0:
            break
        end = text.find(syntax.terminator, end + 1)
    return end


def _tag(text: str, at: int, end: int, syntax: Syntax) -> str:
    head = text[at : min(end, at + 6)]
    return printable(head.split(syntax.element, 1)[0].split(syntax.component, 1)[0].strip())


def elements(text: str, syntax: Syntax, repeats: bool) -> Elements:
    """The elements with their components, released characters restored; the tag is the first.

    `repeats`: syntax version 4, where an element may be repeated in its place; the first of them is given.
    """
    component, element, release = syntax.component, syntax.element, syntax.release
    released = release != " " and release in text
    if released:
        text = re.sub(re.escape(release) + "(.)", lambda m: chr(_ASIDE + ord(m[1])), text, flags=re.DOTALL)
    parts = text.split(element)
    if repeats and syntax.repetition in text:
        parts = [part.split(syntax.repetition, 1)[0] for part in parts]
    if not released:
        return [part.split(component) for part in parts]
    return [[_restore(one) for one in part.split(component)] for part in parts]


def _restore(text: str) -> str:
    if text.isascii():
        return text
    return "".join(chr(ord(one) - _ASIDE) if ord(one) >= _ASIDE else one for one in text)


def at(elements: Elements, position: int, component: int = 0) -> str:
    """A component's text; empty where it is not there."""
    if position >= len(elements) or component >= len(elements[position]):
        return ""
    return elements[position][component]


def printable(text: str) -> str:
    return text if text.isprintable() else "".join(one if one.isprintable() else "·" for one in text)


def actual_encoding(raw: bytes) -> str:
    """What bytes beyond ASCII are: UTF-8 proves itself, GB 18030 decodes and stands in twos, all else is 8-bit."""
    for codec in ("utf-8", "gb18030"):
        try:
            raw.decode(codec)
        except UnicodeDecodeError:
            continue
        if codec == "utf-8" or _stands_in_twos(raw):
            return codec
    return "latin-1"


def _stands_in_twos(raw: bytes) -> bool:
    """Whether the high bytes do, as those of Chinese, and not alone like an umlaut's."""
    runs = [len(run) for run in re.findall(rb"[\x80-\xff]+", raw[:100_000])]
    return sum(run % 2 == 0 for run in runs) * 2 > len(runs)
