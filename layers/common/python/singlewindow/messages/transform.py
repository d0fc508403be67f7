"""A message in XML to its canonical documents and back, as its definition says.

What the definition does not know keeps its XML name in the result, so that the shape check names it: nothing is dropped
silently. What a message is too narrow for is refused by name, never cut.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from lxml import etree

from singlewindow.errors import WindowError
from singlewindow.messages.definition import Attribute, Field, Group, Message, message
from singlewindow.messages.xml import is_plumbing, local, parse, space

Canonical = dict[str, Any]

_sub_element = etree.SubElement


class Untransferable(ValueError):
    """A value that the message cannot carry whole; `pointer` says which."""

    def __init__(self, pointer: str, why: str) -> None:
        super().__init__(f"{pointer}: {why}")
        self.pointer = pointer


def read(raw: bytes, type: str) -> list[Canonical]:
    """The documents of a message, by canonical names, texts as they stand there; blank elements are absent.

    Raises 400 for what is not XML, has a DTD, is nested deeper than 32, or is another message.
    """
    definition = message(type)
    root = parse(raw)
    name = etree.QName(root)
    if name.localname != definition.root.tag or not definition.takes(name.namespace or ""):
        raise WindowError(
            400,
            "xml-other-message",
            f"the root is {root.tag}, not {definition.root.tag}",
            detail_zh=f"不是 {definition.id} 报文",
        )
    return documents(root, definition)


def documents(root: Any, definition: Message) -> list[Canonical]:
    """The documents below a root element that is known to be of this message."""
    # Tags without a namespace are read for what they say; the judge names them.
    spaces = definition.spaces(space(root.tag)) | {""}
    if definition.each is None:
        found = _object(root, definition.root, spaces)
        section = definition.root.section
        return [_turned({section.name: found} if section else found, definition)]
    _, node = definition.root.by_tag[definition.each]
    assert isinstance(node, Group)
    many: list[Canonical] = []
    strange = _Strangers()
    for child in root:
        tag = local(child.tag)
        if _node(child, definition.root, spaces) is None:
            strange.note(child, f"{definition.root.tag}/")
        elif tag == definition.each:
            many.append(_turned(_object(child, node, spaces), definition))
    if strange.found:  # of no document: the first says so
        many[:1] = [(many[0] if many else {}) | strange.found]
    return many


def write(
    documents: Iterable[Mapping[str, Any]], type: str, transport: Mapping[str, str] | None = None
) -> bytes:
    """Canonical documents as one message (UTF-8), in the order of its schema.

    `transport`: what is the sending's own and no document's: attributes of the root by name (`guid`), tags with the
    one around them (`BaseTransfer/copCode`).
    Signatures are added by who signs. The documents' shape must be sound. Raises `Untransferable` where the message is
    too narrow for a value (a bill number of 37 characters), with its place; of several documents the pointer begins
    with the document's number.
    """
    definition, wanted = message(type), [dict(document) for document in documents]
    if definition.each is None and len(wanted) != 1:
        raise ValueError(f"{definition.id} holds one document, not {len(wanted)}")
    namespace = definition.namespace
    root = etree.Element(
        f"{{{namespace}}}{definition.root.tag}" if namespace else definition.root.tag,
        nsmap={None: namespace} if namespace else None,
        attrib={
            one.name: value
            for one in definition.root.attributes.values()
            if (value := (transport or {}).get(one.name, one.fixed)) is not None
        },
    )
    writing = _Writing(transport or {})
    if definition.each is None:
        section = definition.root.section
        for document in wanted:
            whole = _turned(document, definition)
            if section:
                writing.part(root, definition.root, whole.get(section.name, {}), f"/{section.name}")
            else:
                writing.part(root, definition.root, whole, "")
    else:
        many = [_turned(document, definition) for document in wanted]
        for node in definition.root.content:
            if node.tag == definition.each and isinstance(node, Group):
                for number, document in enumerate(many):
                    writing.part(
                        _below(root, node.tag), node, document, f"/{number}" if len(many) > 1 else ""
                    )
            else:
                writing.node(root, node, {}, "")
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


def _turned(document: Canonical, definition: Message) -> Canonical:
    """For exports DecMessage has final destination and origin in each other's places (field spec, list 10 and 23)."""
    head = document.get("head")
    if not definition.swapped_on_export or not isinstance(head, dict) or head.get("ie_flag") != "E":
        return document
    lines = document.get("lines")
    if not isinstance(lines, list):
        return document
    one, other = definition.swapped_on_export
    return document | {"lines": [_swapped(line, one, other) for line in lines]}


def _swapped(line: Any, one: str, other: str) -> Any:
    if not isinstance(line, dict):
        return line
    found = {name: value for name, value in line.items() if name not in (one, other)}
    if one in line:
        found[other] = line[one]
    if other in line:
        found[one] = line[other]
    return found


# ------------------------------------------------------------------------------------------------ reading


def _object(element: Any, group: Group, spaces: frozenset[str]) -> Canonical:
    """What stands below an XML element, by canonical name; what has no place there under its XML name."""
    found: Canonical = {}
    strange = _Strangers()
    _collect(element, group, spaces, found, strange, "")
    for value in found.values():
        # A blank entry keeps its place, for pointers count it; at the end of a list it says nothing.
        while isinstance(value, list) and value and not value[-1]:
            value.pop()
    return {name: value for name, value in found.items() if value != []} | strange.found


def _collect(
    element: Any, group: Group, spaces: frozenset[str], found: Canonical, strange: "_Strangers", within: str
) -> None:
    strange.note_own(element, group.attributes, within)
    _take_attributes(element, group.attributes, found)
    known = group.qualified(spaces)
    for child in element:
        entry = known.get(child.tag)
        node = entry[1] if entry else _node(child, group, spaces)
        if node is None:
            strange.note(child, within)
        elif isinstance(node, Field):
            _take(child, node, found, strange, within)
        elif node.open:
            continue
        elif node.section is None:
            _collect(child, node, spaces, found, strange, f"{within}{local(child.tag)}/")
        elif node.section.occurs is not None:
            found.setdefault(node.section.name, []).append(_object(child, node, spaces))
        elif node.section.name in found:
            strange.note(child, within)
        elif one := _object(child, node, spaces):
            found[node.section.name] = one


def _node(child: Any, group: Group, spaces: frozenset[str]) -> Field | Group | None:
    """What a tag is here; a tag of a foreign namespace is nothing, but where the part is open (a signature)."""
    entry = group.by_tag.get(local(child.tag))
    if entry is None:
        return None
    node = entry[1]
    is_open = isinstance(node, Group) and node.open
    return node if is_open or space(child.tag) in spaces else None


def _take(child: Any, node: Field, found: Canonical, strange: "_Strangers", within: str) -> None:
    if node.element is None:
        return
    name = node.element.name
    own = child.keys()
    if name in found or len(child) or (own and not node.attributes.keys() >= set(own)):
        strange.note(child, within)
    elif text := (child.text or "").strip():
        found[name] = node.canonical(text)
    if own:
        _take_attributes(child, node.attributes, found)


def _take_attributes(element: Any, attributes: Mapping[str, Attribute], found: Canonical) -> None:
    for name, one in attributes.items():
        if one.element and (text := element.get(name, "").strip()):
            found.setdefault(one.element.name, text)


class _Strangers:
    """What has no place or stands twice, under names that no element has; blank ones say nothing."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._seen: Counter[str] = Counter()

    def note(self, element: Any, within: str = "") -> None:
        """An XML element with all its text, below and beside it."""
        name = within + local(element.tag)
        texts = [
            *element.itertext(),
            *(value for key, value in element.attrib.items() if not is_plumbing(key)),
        ]
        self._keep(name, texts)

    def note_own(self, element: Any, expected: Mapping[str, Attribute], within: str = "") -> None:
        """The attributes of an element, and text between its children."""
        for key, value in element.attrib.items():
            if key not in expected and not is_plumbing(key):
                self._keep(f"{within}@{local(key)}", [value])
        self._keep(f"{within}#text", [element.text or "", *(child.tail or "" for child in element)])

    def _keep(self, name: str, texts: Iterable[str]) -> None:
        if text := " ".join(stripped for text in texts if (stripped := text.strip())):
            self._seen[name] += 1
            self.found[name if self._seen[name] == 1 else f"{name}[{self._seen[name]}]"] = text


# ------------------------------------------------------------------------------------------------ writing


class _Writing:
    """One message being written. `transport`: values of tags that no document has."""

    def __init__(self, transport: Mapping[str, str]) -> None:
        self._transport = transport

    def part(self, element: Any, group: Group, value: Mapping[str, Any], pointer: str) -> None:
        """A document or a section of one, whole. What the message has no place for stops it."""
        if strange := next((name for name in value if name not in group.carried), None):
            raise Untransferable(f"{pointer}/{strange}", "the message has no place for it")
        self.group(element, group, value, pointer)

    def group(self, element: Any, group: Group, value: Mapping[str, Any], pointer: str) -> None:
        _set_attributes(element, group.attributes, value)
        for node in group.content:
            self.node(element, node, value, pointer)

    def node(self, parent: Any, node: Field | Group, value: Mapping[str, Any], pointer: str) -> None:
        if isinstance(node, Field):
            self._field(parent, node, value, pointer)
        elif node.open:
            return
        elif node.section is None:
            below = _below(parent, node.tag)
            self.group(below, node, value, pointer)
            if node.least == 0 and _says_nothing(below):
                parent.remove(below)
        elif node.section.occurs is not None:
            for index, one in enumerate(value.get(node.section.name, ())):
                self.part(_below(parent, node.tag), node, one, f"{pointer}/{node.section.name}/{index}")
        elif (one := value.get(node.section.name)) is not None or node.least:
            self.part(_below(parent, node.tag), node, one or {}, f"{pointer}/{node.section.name}")

    def _field(self, parent: Any, node: Field, value: Mapping[str, Any], pointer: str) -> None:
        if node.element is None:
            text = node.fixed
            if self._transport:
                text = self._transport.get(f"{local(parent.tag)}/{node.tag}", text)
        else:
            text = value.get(node.element.name)
            if text is not None:
                text = _carried(node, text, pointer)
        if not text and node.attributes:
            for one in node.attributes.values():
                if one.element and one.element.name in value:
                    raise Untransferable(
                        f"{pointer}/{one.element.name}", f"stands beside {node.tag}, which is not there"
                    )
        if text is None:
            if node.least:
                _below(parent, node.tag)
            return
        element = _below(parent, node.tag)
        try:
            element.text = text
        except ValueError as error:  # control characters, which no sound document has
            raise Untransferable(_place(node, pointer), str(error)) from None
        if text and node.attributes:  # the unit of what is not there says nothing
            _set_attributes(element, node.attributes, value)


def _says_nothing(element: Any) -> bool:
    return not any(one.text or one.attrib for one in element.iter())


def _carried(node: Field, text: str, pointer: str) -> str:
    try:
        return node.carried(text)
    except ValueError as error:
        raise Untransferable(_place(node, pointer), str(error)) from None


def _place(node: Field, pointer: str) -> str:
    return f"{pointer}/{node.element.name if node.element else node.tag}"


def _set_attributes(element: Any, attributes: Mapping[str, Attribute], value: Mapping[str, Any]) -> None:
    for name, one in attributes.items():
        text = value.get(one.element.name) if one.element else one.fixed
        if text is not None and name not in element.attrib:
            element.set(name, text)


def _below(parent: Any, tag: str) -> Any:
    # The parent's own namespace. `parent.tag` is put together anew at each look: once is enough.
    namespace, brace, _ = parent.tag.rpartition("}")
    return _sub_element(parent, f"{namespace}}}{tag}" if brace else tag)
