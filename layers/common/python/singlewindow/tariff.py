"""The national tariff: dated editions under `catalogue/tariff/`, which `infra.import_tariff` writes.

An edition has some 13,000 lines and a declaration asks for 50 of them: the file is JSON, a text line a tariff line in
ascending order, so that a line is found by bisection and the whole is never parsed. Numbers are decimals as texts.
"""

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from singlewindow import settings

_REPOSITORY = Path(__file__).resolve().parents[4]
_DATED = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9].json"
_CODE = slice(2, 12)  # of a text line: `["0101210010",…`
# Nobody makes a process remember more by asking for codes that he makes up.
_MOST_REMEMBERED = 5000
_NEAREST = 3
_LOOKED_AT = 50


class TariffLine(NamedTuple):
    """A line of ten digits. Rates are per cent as a text, or what stands in the source where that is no plain number.

    `elements`: what its declaration must tell (申报要素), in order; `conditions`: letters of the papers that it needs;
    `inspection`: letters of its inspection categories; `ciq_codes`: inspection's own three digits; `remedies`: kind,
    countries of origin, first and last day, basis. A line that ended may name its `successor`.
    """

    code: str
    name: str
    unit_1: str | None = None
    unit_2: str | None = None
    elements: tuple[str, ...] = ()
    conditions: str = ""
    inspection: str = ""
    ciq_codes: tuple[str, ...] = ()
    mfn: str | None = None
    general: str | None = None
    provisional: str | None = None
    vat: str | None = None
    consumption: str | None = None
    export: str | None = None
    export_provisional: str | None = None
    refund: str | None = None
    remedies: tuple[tuple[str, tuple[str, ...], str | None, str | None, str], ...] = ()
    effective_from: str | None = None
    effective_to: str | None = None
    successor: str | None = None

    def in_force(self, day: date) -> bool:
        return (self.effective_from or "") <= day.isoformat() <= (self.effective_to or "9999")

    def rate(self, name: str) -> Decimal | None:
        """A rate in per cent; None where there is none, or where it is a formula that a person must read."""
        text = getattr(self, name)
        try:
            return Decimal(text) if text else None
        except InvalidOperation:
            return None


COLUMNS = TariffLine._fields
# Without these a line cannot be judged by the rules that ask the tariff; the rest is for duties and may be lacking.
JUDGED_BY = ("code", "name", "unit_1", "unit_2", "elements", "conditions", "inspection")


class Tariff:
    """One edition. `complete`: the whole national tariff, by the word of whoever imported it."""

    def __init__(self, path: Path) -> None:
        self._raw = path.read_bytes()
        self._first = self._raw.index(b"\n") + 1
        header = json.loads(self._raw[: self._first] + b"]}")
        self.effective_from: str = header["effective_from"]
        self.effective_to: str = header["effective_to"]
        self.complete: bool = header["complete"]
        self.is_sample: bool = header["sample"]
        self.source: str = header["source"]
        self.columns: tuple[str, ...] = tuple(header["columns"])
        self._last = self._raw.rindex(b"]}")
        self._known: dict[str, TariffLine | None] = {}

    def data_sets(self) -> dict[str, "Tariff"]:
        """Which data sets of the rules this edition is: none where a missing line says nothing."""
        if self.is_sample or not self.complete:
            return {}
        remedies = {"trade-remedies": self} if "remedies" in self.columns else {}
        return {"tariff": self, **remedies}

    def line(self, code: str) -> TariffLine | None:
        """The line of a code of ten digits, whether or not it has ended."""
        if code not in self._known:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            text = next(self._from(code), None)
            self._known[code] = self._line(text) if text and text[_CODE] == code else None
        return self._known[code]

    def lines(self) -> Iterator[TariffLine]:
        """All of them, ascending."""
        return map(self._line, self._from(""))

    def nearest(self, code: str, day: date) -> list[str]:
        """Up to three codes in force that may be meant: same subdivision, one slip of the keyboard, same subheading."""
        found: dict[str, None] = {}
        for candidates in (self._below(code[:8]), self._slips(code), self._below(code[:6])):
            for candidate in candidates:
                line = self.line(candidate)
                if candidate != code and line and line.in_force(day):
                    found[candidate] = None
                if len(found) == _NEAREST:
                    return list(found)
        return list(found)

    def _below(self, heading: str) -> Iterator[str]:
        if len(heading) < 6:
            return
        for seen, text in enumerate(self._from(heading)):
            if seen == _LOOKED_AT or not text[_CODE].startswith(heading):
                return
            yield text[_CODE]

    def _slips(self, code: str) -> Iterator[str]:
        if len(code) != 10:
            return
        for at in range(10):
            yield code[:at] + code[at : at + 2][::-1] + code[at + 2 :]
            yield from (code[:at] + digit + code[at + 1 :] for digit in "0123456789")

    def _from(self, code: str) -> Iterator[str]:
        """The text lines from a code, or the beginning of one, on."""
        wanted = code.encode()
        low, high = self._first, self._last
        while low < high:
            start = self._raw.rfind(b"\n", 0, (low + high) // 2) + 1
            if self._raw[start + 2 : start + 12] < wanted:
                low = self._raw.index(b"\n", start) + 1
            else:
                high = start
        while low < self._last:
            end = self._raw.index(b"\n", low)
            yield self._raw[low:end].decode()
            low = end + 1

    def _line(self, text: str) -> TariffLine:
        values = zip(self.columns, json.loads(text.rstrip(",")), strict=False)
        return TariffLine(**{name: frozen(value) for name, value in values if value is not None})


def edition(as_at: date) -> Tariff | None:
    """The newest edition that is in force at the date, complete or not; samples are none."""
    day = as_at.isoformat()
    for effective, path in _editions():
        if effective <= day:
            found = _read(path)
            return found if day <= found.effective_to else None
    return None


def sample() -> Tariff:
    """The newest sample: a few lines to show and to test with, never to judge by."""
    return _read(max(folder().glob(f"sample-{_DATED}")))


def folder() -> Path:
    return Path(settings.get("CATALOGUE", str(_REPOSITORY / "catalogue"))) / "tariff"


@cache
def _editions() -> tuple[tuple[str, Path], ...]:
    return tuple(sorted(((path.stem, path) for path in folder().glob(_DATED)), reverse=True))


@cache
def _read(path: Path) -> Tariff:
    return Tariff(path)


def frozen(value: Any) -> Any:
    """Lists of JSON as tuples."""
    return tuple(map(frozen, value)) if isinstance(value, list) else value
