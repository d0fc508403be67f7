"""Identifiers: made here, or checked where they enter (`domain.md` C0 and E).

stdnum is imported where a check digit is checked: that takes 10 ms, and most functions check none.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from uuid import uuid4

from singlewindow.clock import BUSINESS_ZONE, now

WINDOW_NO = re.compile(r"[IE]\d{17}", re.ASCII)
_AWB = re.compile(r"(\d{3})-?(\d{7})(\d)", re.ASCII)
_ENTRY_ID = re.compile(r"(\d{4})(\d{4})([01IE])(\d{9})", re.ASCII)
_CONTAINER = re.compile(r"[A-Z]{3}[UJZR]\d{7}", re.ASCII)


def new_window_no(ie_flag: str, instant: datetime | None = None) -> str:
    """统一编号: `I` or `E`, the year, 11 digits of milliseconds into that year, 2 at random.

    Sorts by time within a direction and tells nobody how many declarations there are. Unique by the conditional
    write that follows: two of one millisecond meet once in a hundred, and the second tries again.
    """
    local = (instant or now()).astimezone(BUSINESS_ZONE)
    start = local.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    milliseconds = int((local - start).total_seconds() * 1000)
    return f"{ie_flag}{local.year:04d}{milliseconds:011d}{secrets.randbelow(100):02d}"


def new_id() -> str:
    return str(uuid4())


# The same parties and boxes come again and again, within a document and from one to the next.
_remembered = lru_cache(maxsize=4096)


@_remembered
def is_uscc(text: str) -> bool:
    """Unified social credit code, GB 32100-2015: 18 characters with a check character."""
    from stdnum.cn import uscc

    return len(text) == 18 and text.isascii() and text == text.upper() and bool(uscc.is_valid(text))


@_remembered
def is_container_no(text: str) -> bool:
    """ISO 6346 with its check digit, written without spaces."""
    from stdnum import iso6346

    return _CONTAINER.fullmatch(text) is not None and bool(iso6346.is_valid(text))


def is_imo(text: str) -> bool:
    """IMO ship number: seven digits, the last one a check digit."""
    from stdnum import imo

    return text.isascii() and text.isdigit() and len(text) == 7 and bool(imo.is_valid(text))


def is_awb(text: str) -> bool:
    """Air waybill: airline prefix, seven digits, and those modulo 7."""
    match = _AWB.fullmatch(text)
    return match is not None and int(match[2]) % 7 == int(match[3])


@dataclass(frozen=True, slots=True)
class EntryId:
    """Customs declaration number: 4 customs, 4 year, 1 direction (1/I import, 0/E export), 9 serial."""

    customs: str
    year: int
    direction: str
    serial: str


def parse_entry_id(text: str) -> EntryId | None:
    """The parts of an EntryId, or None where the text is not one."""
    match = _ENTRY_ID.fullmatch(text)
    if not match:
        return None
    return EntryId(match[1], int(match[2]), "I" if match[3] in "1I" else "E", match[4])
