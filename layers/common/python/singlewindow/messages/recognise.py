"""What a posted message is: by what it says of itself, never by what its sender says of it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any

from singlewindow import canonical, catalogue
from singlewindow.document import Document, Section
from singlewindow.errors import WindowError
from singlewindow.messages import edifact, edifact_syntax, edifact_tables
from singlewindow.messages.xml import local

# A share of names that fit below which a JSON document is none of ours.
_LIKELY = 0.5
# Names of a stranger are repeated in an answer no longer than this.
_SHOWN = 80
_ROOT = re.compile(rb"<(?![?!])(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)")
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
# What a glance looks at of XML and EDIFACT; a head is far shorter.
_GLANCE = 20_000
# Parsed JSON takes ten times its bytes; no document of ours comes near.
MOST_JSON = 5 * 1024 * 1024
_MAGIC = {
    b"%PDF": "a PDF file",
    b"PK\x03\x04": "a ZIP archive, or an Excel or Word file",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file",
    b"\x89PNG": "a picture (PNG)",
    b"\xff\xd8\xff": "a picture (JPEG)",
    b"<!DOCTYPE html": "a web page",
    b"<html": "a web page",
    b"\x1f\x8b": "a gzip archive",
}


@dataclass(frozen=True, slots=True)
class Root:
    """What a message in XML begins with: enough to tell its type."""

    tag: str
    namespace: str
    type_stated: str = ""
    children: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Glance:
    """What a message seems to be before anybody has judged it. `type`: a message of the catalogue, or a document."""

    type: str
    syntax: str


def glance(raw: bytes) -> Glance:
    """What a message is by its first bytes, cheaply: the judge has the last word.

    JSON has no head and is read whole: 400 where it is none, 413 where it is too large. 422 for a type that nobody
    knows.
    """
    written = syntax(raw)
    if written == "xml":
        return _glance_at_xml(raw)
    if written == "edifact":
        return _glance_at_edifact(raw)
    if written == "json":
        value = parsed_json(raw)
        if (found := document_of(value)) is None:
            raise unknown(raw, value)
        return Glance(found[0], written)
    raise unknown(raw)


def parsed_json(raw: bytes) -> Any:
    """Raises 400 for what is no JSON, 413 for what is larger than any document of ours."""
    if len(raw) > MOST_JSON:
        detail = f"{len(raw)} bytes; a JSON document has at most {MOST_JSON}"
        raise WindowError(413, "json-too-large", detail, detail_zh="JSON 文档过大")
    return canonical.parse_json(raw)


def _glance_at_xml(raw: bytes) -> Glance:
    head = raw[:_GLANCE]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.decode("utf-16", "ignore").encode()
    seen = of_broken(_COMMENT.sub(b"", head))
    if seen is None or (type := message_of(seen)[0]) is None:
        raise unknown(raw, root=seen)
    return Glance(type, "xml")


def _glance_at_edifact(raw: bytes) -> Glance:
    start = edifact_syntax.beginning(raw) or 0
    text = raw[start : start + _GLANCE].decode("latin-1")
    characters = edifact_syntax.Syntax()
    at = 0
    if text.startswith("UNA"):
        characters, at = edifact_syntax.service_characters(text[3:9]) or characters, 9
    type = ""
    for segment in edifact_syntax.segments(text, at, characters):
        if segment.tag == "UNH":
            type = edifact_syntax.at(edifact_syntax.elements(segment.text, characters, repeats=False), 2)
            break
    if type not in edifact_tables.known():
        raise unknown(raw, interchange=type)
    return Glance(type, "edifact")


def syntax(raw: bytes) -> str:
    """`xml`, `edifact` or `json`, by the first bytes; "" for anything else."""
    start = raw[:4000].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith((b"\xff\xfe<", b"\xfe\xff\x00<")) or (
        b"<?xml" in start and not start.startswith(b"{")
    ):
        return "xml"
    if edifact.is_edifact(raw):
        return "edifact"
    if start.startswith((b"{", b"[")):
        return "json"
    return (
        "xml"
        if start.startswith(b"<") and not start[:20].lower().startswith((b"<html", b"<!doctype h"))
        else ""
    )


def of_root(element: Any) -> Root:
    """The root of a message that was parsed."""
    space, _, tag = str(element.tag).rpartition("}")
    stated = next(
        (
            text.strip()
            for one in element
            for inner in one
            if local(inner.tag) == "MessageType" and (text := inner.text)
        ),
        "",
    )
    return Root(tag, space.lstrip("{"), stated, frozenset(local(child.tag) for child in element))


def of_broken(raw: bytes) -> Root | None:
    """The root of a message that cannot be parsed, as far as its first bytes tell."""
    found = _ROOT.search(raw[:20_000])
    if not found:
        return None
    stated = re.search(rb"<(?:\w+:)?MessageType>\s*(\w{1,20})\s*<", raw[:20_000])
    return Root(found[1].decode(), "", stated[1].decode() if stated else "")


def message_of(root: Root) -> tuple[str | None, str | None]:
    """(type, the root's right name where it is misspelt); a type is None where nothing fits."""
    candidates = _by_root().get(root.tag, ())
    if not candidates:
        near = [
            name
            for name in get_close_matches(root.tag[:_SHOWN], _by_root(), n=3, cutoff=0.8)
            if _digits(name) == _digits(root.tag)
        ]
        return (_by_root()[near[0]][0]["id"], near[0]) if near else (None, None)
    return max(candidates, key=lambda raw: _fit(raw, root))["id"], None


def _fit(raw: Mapping[str, Any], root: Root) -> tuple[int, ...]:
    """How well a definition fits among those with the same root: content, then what the message states, namespace."""
    tags = {node["tag"] for node in raw["content"]}
    spaces = {raw["namespace"], *raw.get("namespaces_also", ())}
    shared = len(root.children & tags) - len(root.children - tags)
    return (
        shared,
        int(root.type_stated.startswith(raw["id"]) and bool(root.type_stated)),
        int(root.namespace in spaces),
    )


@cache
def _by_root() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for id in catalogue.names("messages"):
        raw = catalogue.load(f"messages/{id}.json")
        found.setdefault(raw["root"], []).append(raw)
    return found


def document_of(value: Any) -> tuple[str, int] | None:
    """Which of our documents a JSON object is: the one that knows most of its names, if it knows enough.

    None where two know as many: what has a head and a direction may be any of ten.
    """
    ranked = sorted(_scores(value).items(), key=lambda item: -item[1])[:2]
    if not ranked or ranked[0][1] < _LIKELY or (len(ranked) > 1 and ranked[1][1] == ranked[0][1]):
        return None
    return ranked[0][0]


def _scores(value: Any) -> dict[tuple[str, int], float]:
    if not isinstance(value, dict):
        return {}
    used = _places(value)
    return {
        key: sum(place in known for place in used) / len(used) if used else 0.0
        for key, known in _known_places().items()
    }


def _places(value: Mapping[str, Any], above: str = "", depth: int = 0) -> list[str]:
    found = []
    for name, inner in list(value.items())[:300]:
        place = f"{above}/{str(name)[:_SHOWN]}"
        if depth == 0 or not isinstance(inner, dict | list):
            found.append(place)
        items: Iterable[Any] = inner[:3] if isinstance(inner, list) else [inner]
        if depth < 3:
            for one in items:
                if isinstance(one, dict):
                    found += _places(one, place, depth + 1)
    return found


@cache
def _known_places() -> dict[tuple[str, int], frozenset[str]]:
    found = {}
    for stem in catalogue.names("documents"):
        name, _, version = stem.rpartition(".v")
        document = catalogue.document(name, int(version))
        found[name, int(version)] = frozenset(_document_places(document))
    return found


def _document_places(document: Document) -> Iterable[str]:
    def visit(sections: tuple[Section, ...], above: str) -> Iterable[str]:
        for section in sections:
            place = f"{above}/{section.name}"
            yield place
            yield from (f"{place}/{name}" for name in section.elements)
            yield from visit(section.sections, place)

    return visit(document.sections, "")


def unknown(
    raw: bytes, value: Any = None, root: Root | None = None, interchange: str | None = None
) -> WindowError:
    """422: what was seen, the nearest that is known, and all that is. `interchange`: the type of an EDIFACT message."""
    known = sorted({*(raw["id"] for raws in _by_root().values() for raw in raws), *edifact_tables.known()})
    documents = [name for name, _ in sorted(_known_places())]
    nearest: list[str] = []
    if root:
        place = f" in {root.namespace[:_SHOWN]}" if root.namespace else ""
        seen, seen_zh = f"XML with the root {root.tag[:_SHOWN]}{place}", f"XML，根标签 {root.tag[:_SHOWN]}"
        close = get_close_matches(root.tag[:_SHOWN], _by_root(), n=3, cutoff=0.4)
        nearest = [_by_root()[name][0]["id"] for name in close]
    elif interchange is not None:
        named = f"a message {interchange[:20]!r}" if interchange else "without a message"
        seen, seen_zh = f"EDIFACT, {named}", f"EDIFACT，{interchange[:20] or '无报文'}"
        nearest = get_close_matches(interchange[:20], edifact_tables.known(), n=3, cutoff=0.4)
    elif isinstance(value, dict):
        names = ", ".join(str(name)[:_SHOWN] for name in list(value)[:8])
        seen = f"a JSON object with {names}" if names else "an empty JSON object"
        seen_zh = f"JSON 对象，含 {names}" if names else "空的 JSON 对象"
        scores = sorted(_scores(value).items(), key=lambda item: -item[1])
        nearest = [name for (name, _), score in scores[:3] if score > 0]
    elif value is not None:
        seen, seen_zh = f"JSON, but no object: {type(value).__name__}", "JSON，但不是对象"
    elif not raw.strip():
        seen, seen_zh = "nothing: the body is empty", "报文体为空"
    else:
        start = raw.lstrip()[:20].lower()
        kind = next((what for magic, what in _MAGIC.items() if start.startswith(magic.lower())), None)
        seen = kind or f"{len(raw)} bytes beginning with {raw[:24]!r}"
        seen_zh = f"{len(raw)} 字节，不是 XML、JSON 或 EDIFACT"
    hint = f"; nearest known: {', '.join(nearest)}" if nearest else ""
    hint_zh = f"；最接近的已知类型：{'、'.join(nearest)}" if nearest else ""
    return WindowError(
        422,
        "unknown-message-type",
        f"not a message that the window knows: {seen}{hint}",
        detail_zh=f"无法识别的报文类型（{seen_zh}）{hint_zh}",
        seen=seen,
        nearest=nearest,
        known={"messages": known, "documents": documents},
    )


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)
