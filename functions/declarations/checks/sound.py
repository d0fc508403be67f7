"""The sound part of a declaration: what shape and code lists found nothing against, with typed access.

A broken value is unknown to every rule: it is reported once, where it is broken, and it is not *absent*.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

_NUMBER = re.compile(r"-?[0-9]{1,19}(?:\.[0-9]{1,9})?").fullmatch
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").match
_NOTHING: Mapping[str, Any] = {}

# What is broken in a block of a document that passed the schema: nothing; its leaves are texts as they stand.
SOUND: frozenset[str] = frozenset()


class Block:
    """One object of the document. `get`: a sound text or None; `absent`: the filer left it out."""

    __slots__ = ("_broken", "_careful", "_is_object", "get", "index", "pointer", "raw")

    def __init__(self, raw: Any, pointer: str, broken: Collection[str] = SOUND, index: int = 0) -> None:
        self._is_object = isinstance(raw, dict)
        self.raw: Mapping[str, Any] = raw if self._is_object else _NOTHING
        self._broken = broken
        self.pointer = pointer
        self.index = index
        texts: Mapping[str, str] = self.raw
        self._careful = broken is not SOUND
        if self._careful:
            texts = {name: v for name, v in self.raw.items() if type(v) is str and name not in broken}
        self.get = texts.get

    def at(self, name: str) -> str:
        return f"{self.pointer}/{name}"

    def absent(self, name: str) -> bool:
        """True where the member isn't there and nobody has complained of that yet."""
        return self._is_object and name not in self.raw and name not in self._broken

    def number(self, name: str) -> Decimal | None:
        text = self.get(name)
        if text is None or (self._careful and not _NUMBER(text)):
            return None
        return Decimal(text)

    def day(self, name: str) -> date | None:
        """The date of a date or date-time."""
        text = self.get(name)
        if text is None or not _DAY(text):
            return None
        try:
            return date.fromisoformat(text[:10])
        except ValueError:
            return None


class Line(Block):
    """A goods line with its amounts as Decimal (None where missing or broken)."""

    __slots__ = ("first_quantity", "quantity", "second_quantity", "total_price", "unit_price")

    def __init__(self, raw: Any, pointer: str, broken: Collection[str] = SOUND, index: int = 0) -> None:
        super().__init__(raw, pointer, broken, index)
        self.quantity = self.number("quantity")
        self.unit_price = self.number("unit_price")
        self.total_price = self.number("total_price")
        self.first_quantity = self.number("first_quantity")
        self.second_quantity = self.number("second_quantity")

    @property
    def elements(self) -> list[str]:
        """申报要素: brand type, preference flag, then those of the HS code."""
        text = self.get("declared_elements")
        return text.split("|") if text else []


class Sound:
    """The declaration as the rules see it; computed once."""

    __slots__ = (
        "as_at",
        "containers",
        "electronic_documents",
        "free_text",
        "goods_limits",
        "head",
        "licence_documents",
        "line_numbers",
        "lines",
        "origin_relations",
        "other_packs",
        "requested_certificates",
        "sign",
    )

    def __init__(self, document: Mapping[str, Any], broken: Iterable[str], as_at: date) -> None:
        """`broken` are the pointers of what shape and code lists refused."""
        inside = _by_parent(broken)
        # In a document with a fault every block is read with care: the fault may be a leaf that is no text.
        none: Collection[str] = () if inside else SOUND
        self.as_at = as_at
        self.head = Block(document.get("head"), "/head", inside.get("/head", none))
        self.free_text = Block(document.get("free_text", {}), "/free_text", inside.get("/free_text", none))
        self.sign = Block(document.get("sign", {}), "/sign", inside.get("/sign", none))
        self.lines = tuple(
            Line(raw, pointer := f"/lines/{index}", inside.get(pointer, none), index)
            for index, raw in enumerate(_list(document.get("lines")))
        )
        self.line_numbers = frozenset(number for line in self.lines if (number := line.get("line_no")))
        self.containers = _blocks(document, "containers", inside, none)
        self.licence_documents = _blocks(document, "licence_documents", inside, none)
        self.origin_relations = _blocks(document, "origin_relations", inside, none)
        self.other_packs = _blocks(document, "other_packs", inside, none)
        self.requested_certificates = _blocks(document, "requested_certificates", inside, none)
        self.electronic_documents = _blocks(document, "electronic_documents", inside, none)
        self.goods_limits = tuple(
            (
                line,
                Block(
                    raw, pointer := f"{line.pointer}/goods_limits/{index}", inside.get(pointer, none), index
                ),
            )
            for line in self.lines
            if "goods_limits" in line.raw
            for index, raw in enumerate(_list(line.raw["goods_limits"]))
        )

    @property
    def facts(self) -> dict[str, str | None]:
        """What the scopes of rules ask about."""
        return {"ie_flag": self.head.get("ie_flag"), "transport_mode": self.head.get("transport_mode")}

    @property
    def in_transit(self) -> bool:
        """转关提前: the goods move on under customs' transit before they clear."""
        return self.head.get("transit_flag") == "1"

    def line(self, number: str) -> Line | None:
        """The line that calls itself `number`."""
        return next((line for line in self.lines if line.get("line_no") == number), None)


def _by_parent(pointers: Iterable[str]) -> dict[str, set[str]]:
    grouped: dict[str, set[str]] = {}
    for pointer in pointers:
        parent, _, name = pointer.rpartition("/")
        grouped.setdefault(parent, set()).add(name)
    return grouped


def _blocks(
    document: Mapping[str, Any], name: str, inside: Mapping[str, Collection[str]], none: Collection[str]
) -> tuple[Block, ...]:
    return tuple(
        Block(raw, pointer := f"/{name}/{index}", inside.get(pointer, none), index)
        for index, raw in enumerate(_list(document.get(name)))
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
