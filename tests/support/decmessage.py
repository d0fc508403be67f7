"""DecMessage, the message of the declaration, both ways: what most tests of the wire speak of."""

from collections.abc import Mapping
from typing import Any

from singlewindow.document import Element
from singlewindow.messages import transform
from singlewindow.messages.definition import Field, Group, message
from singlewindow.messages.transform import Untransferable

__all__ = ["DEFINITION", "NAMESPACE", "NARROW", "Untransferable", "fields", "narrowest", "read", "write"]

DEFINITION = message("DecMessage")
NAMESPACE = str(DEFINITION.namespace)


def read(raw: bytes) -> dict[str, Any]:
    (document,) = transform.read(raw, "DecMessage")
    return document


def write(document: Mapping[str, Any]) -> bytes:
    return transform.write([document], "DecMessage")


def fields(group: Group = DEFINITION.root, place: str = "") -> dict[str, Field]:
    """Place in the document → how the message has it."""
    found: dict[str, Field] = {}
    for node in group.content:
        if isinstance(node, Group):
            inner = node.section
            below = f"{place}/{inner.name}{'/*' if inner.occurs else ''}" if inner else place
            found |= fields(node, below)
        elif node.element:
            found[f"{place}/{node.element.name}"] = node
    return found


# Where the message is narrower than the canonical form: how many characters it carries.
NARROW = {
    place: int(node.form.most or 0)
    for place, node in fields().items()
    if node.element and node.form.kind == "text" and node.form.code != node.element.representation
}


def narrowest(element: Element) -> int | None:
    """What of an element the message carries, where that is less than the canonical form."""
    return next(
        (NARROW[place] for place, node in fields().items() if node.element == element and place in NARROW),
        None,
    )
