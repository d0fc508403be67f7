"""DecMessage, the XML that brokers' software in China writes, to the canonical declaration and back.

Driven by the catalogue's DecMessage names, not by a table of its own. What the catalogue does not know keeps its XML
name in the result, so that the shape check names it: nothing is dropped silently.
"""

import codecs
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from lxml import etree

from singlewindow import catalogue
from singlewindow.canonical import MAX_DEPTH
from singlewindow.catalogue import Document, Element, Section
from singlewindow.errors import WindowError

# For exports the message has final destination and origin in each other's places (field spec, list 10 and 23).
_EXPORT_SWAP = ("origin_country", "destination_country")
# Its schema wants these even when they hold nothing.
_ALWAYS_THERE = ("DecContainers", "DecLicenseDocus", "DecFreeTxt", "DecSign")

# GB 18030 contains GBK and GB 2312, and is what their names mean in practice.
_ENCODINGS = {"utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "utf-8", "ascii": "utf-8"} | dict.fromkeys(
    ("gb18030", "gbk", "gb2312", "cp936", "x-gbk"), "gb18030"
)
_DECLARATION = re.compile(rb"\s*<\?xml\s[^>]{0,200}?\?>")
_ENCODING = re.compile(rb"""encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
# What may stand before the root, and before a document type definition.
_PROLOG = re.compile(r"\s*(?:(?:<\?.*?\?>|<!--.*?-->)\s*)*", re.DOTALL)
# Far more than 1 MB of DecMessage can need; it has no attributes but `Version`.
_MOST_ELEMENTS, _MOST_ATTRIBUTES = 50_000, 100
_SCHEMA_INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}"


class Untransferable(ValueError):
    """A value that the message cannot carry whole; `pointer` says which."""

    def __init__(self, pointer: str, why: str) -> None:
        super().__init__(f"{pointer}: {why}")
        self.pointer = pointer


def read(raw: bytes) -> dict[str, Any]:
    """The canonical names with the texts of the message; blank elements are absent.

    Raises 400 for what is not XML, has a DTD, is nested deeper than 32, or is another message.
    """
    form = _form()
    root = _parse(raw)
    name = etree.QName(root)
    if name.localname != form.dec_root or not (name.namespace or form.dec_namespace).startswith(
        form.dec_namespace
    ):
        raise _bad(
            "xml-other-message", f"the root is {root.tag}, not {form.dec_root}", "不是 DecMessage 报文"
        )
    document = _members(root, {}, form.sections, ("Version",))
    head = document.get("head")
    if isinstance(head, dict) and head.get("ie_flag") == "E":
        document["lines"] = [_swapped(line) for line in document.get("lines", [])]
    return document


def write(document: Mapping[str, Any]) -> bytes:
    """The canonical declaration as DecMessage (UTF-8), in the order of its schema.

    The declaration's shape must be sound. Raises `Untransferable` where the message is too narrow for a value (a bill
    number of 37 characters): never a truncation.
    """
    form = _form()
    root = etree.Element(f"{{{form.dec_namespace}}}{form.dec_root}", nsmap={None: form.dec_namespace})
    export = document.get("head", {}).get("ie_flag") == "E"
    value = (
        {**document, "lines": [_swapped(line) for line in document.get("lines", [])]} if export else document
    )
    for section in form.sections:
        _write_section(root, section, value.get(section.name), f"/{section.name}")
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


def _form() -> Document:
    return catalogue.document("declaration", 1)


def _parse(raw: bytes) -> Any:
    text = _decoded(raw)
    # Refused before parsing: a bomb costs nothing then.
    if text.startswith("<!DOCTYPE", _PROLOG.match(text).end()):  # type: ignore[union-attr]
        raise _bad("xml-dtd", "a document type definition is not accepted", "不接受 DTD")
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False,
        huge_tree=False, remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError as error:
        if "depth" in str(error):
            raise _too_deep() from None
        raise _bad("xml-syntax", str(error), "不是合法的 XML") from None
    # Counted by libxml2: a Python object per element would cost more than the limit of 50 ms on a hostile body.
    if root.xpath(_TOO_DEEP):
        raise _too_deep()
    if root.xpath("count(//*)") > _MOST_ELEMENTS or root.xpath("count(//@*)") > _MOST_ATTRIBUTES:
        many = f"more than {_MOST_ELEMENTS} elements or {_MOST_ATTRIBUTES} attributes"
        raise _bad("xml-too-many", many, "元素或属性过多")
    return root


_TOO_DEEP = "boolean(" + "/*" * (MAX_DEPTH + 1) + ")"


def _decoded(raw: bytes) -> str:
    """The text without its XML declaration. Encodings: UTF-8, the GB family, and UTF-16 where a mark says so."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and not raw.startswith(codecs.BOM_UTF32_LE):
        raw = codecs.BOM_UTF8 + _text(raw, "utf-16").encode()
    if b"\x00" in raw[:4]:
        raise _other_encoding("UTF-32, or UTF-16 without a mark,")
    has_mark = raw.startswith(codecs.BOM_UTF8)
    body = raw.removeprefix(codecs.BOM_UTF8)
    declaration = _DECLARATION.match(body)
    named = _ENCODING.search(declaration[0]) if declaration else None
    encoding = named[1].decode().lower() if named and not has_mark else "utf-8"
    if encoding not in _ENCODINGS:
        raise _other_encoding(encoding)
    text = _text(body[declaration.end() if declaration else 0 :], _ENCODINGS[encoding])
    if not text.strip():
        raise _bad("xml-empty", "the body is empty", "报文体为空")
    return text.lstrip()


def _text(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise _bad("xml-encoding", f"not {encoding} at byte {error.start}", f"不是 {encoding} 编码") from None


def _members(
    element: Any, names: Mapping[str, str], sections: tuple[Section, ...], expected: tuple[str, ...] = ()
) -> dict[str, Any]:
    """What stands below an XML element, by canonical name; what has no place there under its XML name."""
    by_tag = {section.dec.partition("/")[0]: section for section in sections}
    found: dict[str, Any] = {}
    strange = _Strangers()
    strange.note_own(element, expected)
    for child in element:
        tag = _local(child.tag)
        if section := by_tag.get(tag):
            if section.occurs is not None:
                found.setdefault(section.name, []).extend(_objects(child, section, strange))
            elif section.name in found:
                strange.note(child)
            elif one := _members(child, section.tags, section.sections):
                found[section.name] = one
        elif (name := names.get(tag)) and name not in found and not len(child) and not child.attrib:
            if text := (child.text or "").strip():
                found[name] = text
        else:
            strange.note(child)
    for value in found.values():
        # A blank entry keeps its place, for pointers count it; at the end of a list it says nothing.
        while isinstance(value, list) and value and not value[-1]:
            value.pop()
    return {name: value for name, value in found.items() if value != []} | strange.found


def _objects(child: Any, section: Section, strange: "_Strangers") -> list[dict[str, Any]]:
    """The entries of a list: the element itself, or those inside its wrapper."""
    wrapper, _, inner = section.dec.partition("/")
    if not inner:
        return [_members(child, section.tags, section.sections)]
    strange.note_own(child, within=f"{wrapper}/")
    objects = []
    for item in child:
        if _local(item.tag) == inner:
            objects.append(_members(item, section.tags, section.sections))
        else:
            strange.note(item, f"{wrapper}/")
    return objects


class _Strangers:
    """What has no place or stands twice, under names that no element has; blank ones say nothing."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._seen: Counter[str] = Counter()

    def note(self, element: Any, within: str = "") -> None:
        """An XML element with all its text, below and beside it."""
        name = within + _local(element.tag)
        texts = [
            *element.itertext(),
            *(value for key, value in element.attrib.items() if not _is_plumbing(key)),
        ]
        self._keep(name, texts)

    def note_own(self, element: Any, expected: tuple[str, ...] = (), within: str = "") -> None:
        """The attributes of an element, and text between its children."""
        for key, value in element.attrib.items():
            if key not in expected and not _is_plumbing(key):
                self._keep(f"{within}@{_local(key)}", [value])
        self._keep(f"{within}#text", [element.text or "", *(child.tail or "" for child in element)])

    def _keep(self, name: str, texts: Iterable[str]) -> None:
        if text := " ".join(stripped for text in texts if (stripped := text.strip())):
            self._seen[name] += 1
            self.found[name if self._seen[name] == 1 else f"{name}[{self._seen[name]}]"] = text


def _local(tag: str) -> str:
    """A name without its namespace; `etree.QName` costs four times as much, and a message has thousands."""
    return tag.rpartition("}")[2]


def _is_plumbing(key: str) -> bool:
    """Attributes of XML itself, such as `xsi:schemaLocation`: they say nothing of goods."""
    return key.startswith((_SCHEMA_INSTANCE, "{http://www.w3.org/XML/1998/namespace}"))


def _swapped(line: Any) -> Any:
    if not isinstance(line, dict):
        return line
    one, other = _EXPORT_SWAP
    found = {name: value for name, value in line.items() if name not in _EXPORT_SWAP}
    if one in line:
        found[other] = line[one]
    if other in line:
        found[one] = line[other]
    return found


def _write_section(parent: Any, section: Section, value: Any, pointer: str) -> None:
    wrapper, _, inner = section.dec.partition("/")
    objects = value if isinstance(value, list) else [value] if value is not None else []
    if not objects and wrapper not in _ALWAYS_THERE:
        return
    holder = _below(parent, wrapper) if inner else parent
    for index, one in enumerate(objects or ([] if inner else [{}])):
        place = f"{pointer}/{index}" if section.occurs is not None else pointer
        _write_object(_below(holder, inner or wrapper), section, one, place)


def _write_object(element: Any, section: Section, value: Mapping[str, Any], pointer: str) -> None:
    pending = list(section.sections)
    for one in section.elements.values():
        for inner in [each for each in pending if each.dec_before == one.dec]:
            _write_section(element, inner, value.get(inner.name), f"{pointer}/{inner.name}")
            pending.remove(inner)
        text = value.get(one.name)
        if text is None and not one.dec_required:
            continue
        carried = _carried(one, text, f"{pointer}/{one.name}")
        try:
            _below(element, one.dec).text = carried
        except ValueError as error:  # control characters, which no sound declaration has
            raise Untransferable(f"{pointer}/{one.name}", str(error)) from None
    for inner in pending:
        _write_section(element, inner, value.get(inner.name), f"{pointer}/{inner.name}")


def _below(parent: Any, tag: str) -> Any:
    return etree.SubElement(parent, f"{{{etree.QName(parent).namespace}}}{tag}")


def _carried(element: Element, text: str | None, pointer: str) -> str | None:
    """The text as the message writes it: dates without hyphens, nothing wider than its place."""
    if text is None:
        return None
    if element.is_date:
        return text.replace("-", "")
    if element.dec_length is not None and len(text) > element.dec_length:
        raise Untransferable(pointer, f"DecMessage carries {element.dec_length} characters, not {len(text)}")
    return text


def _too_deep() -> WindowError:
    return _bad("xml-depth", f"nested deeper than {MAX_DEPTH}", f"嵌套超过 {MAX_DEPTH} 层")


def _other_encoding(name: str) -> WindowError:
    return _bad(
        "xml-encoding", f"{name} is not accepted; send UTF-8 or GB18030", "仅接受 UTF-8 或 GB18030 编码"
    )


def _bad(code: str, detail: str, detail_zh: str) -> WindowError:
    return WindowError(400, code, detail, detail_zh=detail_zh)
