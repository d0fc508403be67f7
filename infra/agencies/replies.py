"""What a simulated agency replies to a question, and when: pure functions."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from infra.agencies.behaviour import Behaviour
from singlewindow import clock

Sign = Callable[[str, Mapping[str, Any]], str]

_FEN = Decimal("0.01")
SIMULATED_ZH, SIMULATED_EN = "［模拟］", "[simulated] "


@dataclass(frozen=True, slots=True)
class Question:
    """What an agency was sent: its message and its projection of the document."""

    message_id: str
    type: str
    window_no: str
    document: Mapping[str, Any]
    version: int = 1

    @property
    def bill_no(self) -> str | None:
        return _at(self.document, "/head/bill_no")


@dataclass(frozen=True, slots=True)
class Timed:
    """A reply as it goes on the wire, that many seconds after the question; `says` is for people."""

    after: float
    body: str
    says: str


@dataclass(frozen=True, slots=True)
class Answering:
    """One agency before one question. `entry_id` is what customs would give, `overheard` another's message."""

    agency: str
    releases: bool
    question: Question
    at: datetime
    entry_id: str | None = None
    overheard: str | None = None

    def replies(self, behaviour: Behaviour) -> list[Timed]:
        """All that this behaviour sends, in the order of sending; nothing where it is silent."""
        delay = behaviour.delay
        match behaviour.behaviour:
            case "accept" | "slow":
                return [self._says(self._yes, delay)]
            case "reject" | "return":
                return [self._says(behaviour.behaviour, delay)]
            case "hold-then-accept":
                return [self._says("hold", 0), self._says(self._yes, delay)]
            case "hold-then-clear":
                # Where an agency releases, lifting its hold is not yet its release.
                release = [self._says(self._yes, delay + 0.001)] if self.releases else []
                return [self._says("hold", 0), self._says("clear", delay), *release]
            case "inspect" | "use-hold" as wanted:
                held = self._hold("inspection" if self.releases else "quarantine", 0, wanted == "use-hold")
                # At the gate of use a hold bars no release; at the port the yes comes after the look.
                return [held, self.agreed(delay + 0.001)] if wanted == "use-hold" else [held]
            case "full-course":
                return self._course(delay)
            case "duplicate":
                return [self._says(self._yes, delay)] * 3
            case "out-of-order":
                # Decided as hold, then yes; sent the other way round. `at` tells.
                yes, hold = self._says(self._yes, delay + 0.002), self._says("hold", delay)
                return [yes, Timed(yes.after, hold.body, hold.says)]
            case "malformed":
                sound = self._says(self._yes, delay)
                return [Timed(delay, sound.body[: len(sound.body) // 2], "half a reply")]
            case "forged":
                return [self._says(self._yes, delay, message_id=str(uuid4()))]
            case "foreign":
                if self.overheard:
                    return [self._says(self._yes, delay, message_id=self.overheard)]
        return []

    def agreed(self, after: float = 0) -> Timed:
        """Its last word where nothing is wrong."""
        return self._says(self._yes, after)

    def _course(self, delay: float) -> list[Timed]:
        """Customs accepts, holds for inspection and bills; its release comes when it is told that both are done.

        Another desk that holds leaves the rest to the inspection; who only looks accepts.
        """
        if self.releases:
            bill = tax_bill(self.question, self.entry_id or "", self.at)
            hold = self._hold("inspection", 1.5 * delay + 0.001)
            return [self._says("accept", delay), hold, self._says("tax", 2 * delay + 0.002, tax=bill)]
        if "hold" in _decisions()[self.agency]:
            return [self._hold("quarantine", 1.25 * delay)]
        return [self._says("accept", delay)]

    def _hold(self, kind: str, after: float, in_use: bool = False) -> Timed:
        containers = [
            one["container_no"]
            for one in self.question.document.get("containers", [])
            if "container_no" in one
        ]
        said = [finding["message_zh"] for finding in self._findings("hold")]
        hold = {
            "gate": "use" if in_use else "port",
            "kind": kind,
            "containers": containers,
            "instructions": said,
        }
        return self._says("hold", after, hold=hold)

    def release(self, at: datetime, sign: Sign | None) -> Timed:
        """What ends the course: customs' release, signed where it can sign, about this declaration and no other."""
        about = {
            "window_no": self.question.window_no,
            "version": self.question.version,
            "entry_id": self.entry_id,
            "conditional": False,
            "guaranteed": False,
            "released_at": clock.stamp(at),
            "simulated": True,
        }
        notice = {"release": {"notice": sign(self.agency, about)}} if sign else {}
        looked = self._findings("release-inspected")
        return replace(self, at=at)._says("release", 0, findings=looked, **notice)

    @property
    def _yes(self) -> str:
        """Its last word where nothing is wrong: of who releases the release, which with its number accepts as well."""
        return "release" if self.releases else "accept"

    def _says(self, outcome: str, after: float, **over: Any) -> Timed:
        reply: dict[str, Any] = {
            "reply_id": f"{self.agency}-{uuid4()}",
            "message_id": self.question.message_id,
            "outcome": outcome,
            "findings": self._findings(outcome),
            "at": clock.stamp(self.at + timedelta(seconds=after)),
        }
        if self.entry_id and outcome in ("accept", "release"):
            reply["entry_id"] = self.entry_id
        if self.question.type == "cargo-announcement":
            reply["report"] = self._tally(short=outcome in ("reject", "return"))
        return Timed(after, json.dumps(reply | over, ensure_ascii=False), outcome)

    def _findings(self, outcome: str) -> list[dict[str, Any]]:
        """The agency's reasons, about a place that the document has; always labelled simulated."""
        said = _decisions()[self.agency].get(outcome)
        if said is None:
            return []
        pointer = next((p for p in said["at"] if _at(self.question.document, p) is not None), None)
        place = {"pointer": pointer, "given": _at(self.question.document, pointer)} if pointer else {}
        return [
            {
                "code": said["code"],
                "severity": said["severity"],
                "agency": self.agency,
                "source": "simulated agency",
                "message_zh": SIMULATED_ZH + said["zh"],
                "message_en": SIMULATED_EN + said["en"],
                **place,
            }
        ]

    def _tally(self, *, short: bool) -> dict[str, str]:
        """The terminal's report: what was announced, or one piece and its share of the weight less."""
        report: dict[str, str] = {"arrived_at": clock.stamp(self.at)}
        if self.question.bill_no:
            report["bill_no"] = self.question.bill_no
        head = self.question.document.get("head", {})
        if "pack_no" in head:
            pieces = Decimal(head["pack_no"])
            found = pieces - 1 if short and pieces else pieces
            report["pack_no"] = str(found)
            if "gross_weight" in head:
                share = found / pieces if short and pieces else 1
                report["gross_weight"] = str(round(Decimal(head["gross_weight"]) * share, 3))
        return report


def entry_id(question: Question, serial: int, at: datetime) -> str:
    """A declaration number: 4 customs, 4 year, 1 direction (1 import, 0 export), 9 serial (`domain.md` A.10)."""
    direction = "1" if question.window_no[0] == "I" else "0"
    customs = _at(question.document, "/head/customs_master")
    return f"{customs}{clock.business_date(at).year}{direction}{serial:09d}"


# Not the tariff's: what a simulated customs asks of every line.
_DUTY, _VAT = Decimal("0.05"), Decimal("0.13")


def tax_bill(question: Question, number: str, at: datetime) -> dict[str, Any]:
    """A bill on the declared prices, taken as if in yuan, at flat rates: simulated, like all that is said here."""
    lines, total = [], Decimal("0.00")
    for n, line in enumerate(question.document.get("lines", []), 1):
        price = Decimal(str(line.get("total_price", "0"))).quantize(_FEN, ROUND_HALF_UP)
        duty = (price * _DUTY).quantize(_FEN, ROUND_HALF_UP)
        vat = ((price + duty) * _VAT).quantize(_FEN, ROUND_HALF_UP)
        total += duty + vat
        for tax, base, rate, amount in (("duty", price, _DUTY, duty), ("vat", price + duty, _VAT, vat)):
            said = {"base": str(base), "rate": str(rate), "amount": str(amount)}
            lines.append({"line": n, "tax": tax} | said)
    return {
        "bill_id": f"{number}-01",
        "regime": "customs-assessed",
        "issued_at": clock.stamp(at),
        "lines": lines,
        "total": str(total),
    }


def _at(value: Any, pointer: str) -> Any:
    """The value at a JSON Pointer, None where there is none."""
    for part in pointer.split("/")[1:]:
        if isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, Mapping):
            value = value.get(part)
        else:
            return None
    return value


@cache
def _decisions() -> dict[str, Any]:
    decisions: dict[str, Any] = json.loads((Path(__file__).parent / "decisions.json").read_text("utf-8"))
    return decisions
