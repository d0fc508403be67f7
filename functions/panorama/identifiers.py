"""What a shipment is found by: its identifiers, normalised, and what a query could be (`domain.md` C11)."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from singlewindow.events import Event
from singlewindow.ids import WINDOW_NO, is_awb, is_container_no, parse_entry_id

LONGEST: Final = 80

# A bill of "/" or "N/M" would lead to everything: fewer signs than this identify nothing.
_SHORTEST: Final = 4

_BLANK = re.compile(r"[\s\u2010-\u2015\u2212-]+")
_CONTAINER = re.compile(r"[A-Z]{4}\d{7}")


class Kind(NamedTuple):
    """A kind of identifier, and the source that tells us of it."""

    id: str
    name_zh: str
    name_en: str
    source: str


KINDS: Final = {
    kind.id: kind
    for kind in (
        Kind("window_no", "统一编号", "window number", "declarations"),
        Kind("entry_id", "报关单号", "declaration number", "customs"),
        Kind("air_waybill", "航空运单号", "air waybill", "declarations"),
        Kind("container_no", "集装箱号", "container number", "declarations"),
        Kind("bill_no", "提运单号", "bill of lading", "declarations"),
    )
}


@dataclass(frozen=True, slots=True, order=True)
class Identifier:
    """`value` as `normalise` writes it."""

    kind: str
    value: str


def normalise(text: str) -> str:
    """Width, case, spaces and hyphens make no difference; nor does `master*house` for `master_house`."""
    dense = _BLANK.sub("", unicodedata.normalize("NFKD", text).upper()).replace("*", "_")
    return unicodedata.normalize("NFKD", dense)  # marks may have met where a space stood between them


def brought_by(event: Event) -> list[Identifier]:
    """The identifiers that an event attaches to its shipment: each under which it shall be found, once."""
    if event.type in ("DeclarationSubmitted", "DeclarationAmended"):
        named = event.data["identifiers"]
        found = {Identifier(_kind_of_bill(bill), bill) for bill in _bills(named.get("bill_no") or "")}
        found |= {Identifier("container_no", normalise(one)) for one in named.get("containers", ())}
    elif event.type == "DeclarationAccepted" and event.data.get("entry_id"):
        found = {Identifier("entry_id", normalise(event.data["entry_id"]))}
    else:
        return []
    return sorted(one for one in found if _identifies(one.value))


def could_be(query: str) -> list[Kind]:
    """The kinds that a normalised query could be, the most specific first."""
    if not _identifies(query):
        return []
    if WINDOW_NO.fullmatch(query):
        return [KINDS["window_no"], KINDS["bill_no"]]
    found = []
    if parse_entry_id(query):
        found.append(KINDS["entry_id"])
    if is_awb(query):
        found.append(KINDS["air_waybill"])
    if is_container_no(query) or _CONTAINER.fullmatch(
        query
    ):  # with a wrong check digit it may still be filed so
        found.append(KINDS["container_no"])
    return [*found, KINDS["bill_no"]]


def _bills(bill: str) -> Iterator[str]:
    """A bill as a whole, and of `master_house` (air) or `master*house` (sea) both parts."""
    whole = normalise(bill)
    yield whole
    master, separator, house = whole.partition("_")
    if separator:
        yield master
        yield house


def _kind_of_bill(bill: str) -> str:
    return "air_waybill" if is_awb(bill) else "bill_no"


def _identifies(value: str) -> bool:
    return sum(sign.isalnum() for sign in value) >= _SHORTEST
