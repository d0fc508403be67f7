"""A declaration before its agencies, played in memory through the real pure modules."""

import json
from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from declarations import clearance, lifecycle, positions
from declarations.changes import outcome
from exchange.reply import Reply, earlier, recorded
from exchange.verdict import decided
from singlewindow import consent
from singlewindow.consent import AMENDMENT
from singlewindow.consignment import Change, Consignment
from singlewindow.events import Actor
from tests.support import memory_ledger

ROOT = Path(__file__).parents[2]
IMPORTER = "91510100569680768F"
TABLE = clearance.table_at(
    json.loads((ROOT / "catalogue/rules/clearance-decision.json").read_text()), date(2024, 11, 23)
)
IDENTIFIERS = {
    "bill_no": "CTUAI-2024_H001",
    "transport_name": "CA402",
    "containers": ["CSQU3054383"],
}
START = datetime(2024, 11, 23, 1, 0, tzinfo=UTC)

# agency → (part, releases, clear is final), as the catalogue has them; `tax` is asked after release.
CAPACITIES: Mapping[str, tuple[str, bool, bool]] = {
    "customs": ("decides", True, False),
    "ciq": ("decides", False, True),
    "maritime": ("decides", False, True),
    "mofcom": ("verifies", False, True),
    "port": ("informed", False, False),
    "tax": ("informed", False, False),
}


def instant(minute: int) -> str:
    """An agency's or the ledger's time: so many minutes after the start."""
    return (START + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


class Clearance:
    """One consignment and the moves that the outside may make on it; each settles nothing by itself."""

    def __init__(self, *agencies: str, asked: bool = True, window_no: str = "I20240000000000101") -> None:
        self.agencies = agencies or ("customs", "ciq")
        self.consignment: Consignment = memory_ledger.blank(window_no)
        self._minute = 0
        self._replies = 0
        self.submit()
        if asked:
            self.ask(*self.agencies)

    @property
    def state(self) -> str:
        return self.consignment.state

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.consignment.events]

    @property
    def positions(self) -> dict[str, str]:
        return {agency: position.state for agency, position in positions.positions(self.consignment).items()}

    def apply(self, change: Change | None) -> None:
        if change is not None:
            self._minute += 1
            self.consignment = memory_ledger.apply(self.consignment, change, instant(self._minute))

    def draft(self) -> None:
        """A draft, in place of the submission that opens a consignment."""
        self.consignment = memory_ledger.blank(self.consignment.window_no)
        change = Change("DeclarationDrafted", {}, Actor("enterprise", IMPORTER), lifecycle.DRAFT, 1)
        self._minute = 0
        self.apply(change)

    def submit(self) -> None:
        """A version to the agencies: the first, or the next."""
        agencies = [assignment(agency) for agency in self.agencies]
        data = {
            "ie_flag": self.consignment.window_no[0],
            "sha256": "5" * 64,
            "raw_sha256": "6" * 64,
            "media_type": "application/json",
            "lines": 20,
            "identifiers": deepcopy(IDENTIFIERS),
            "agencies": agencies,
        }
        version = self.consignment.version + 1
        actor = Actor("enterprise", IMPORTER)
        change = Change(
            "DeclarationSubmitted", data, actor, lifecycle.SUBMITTED, version, facts={"entry_id": None}
        )
        self.apply(change)

    def ask(self, *agencies: str) -> None:
        for agency in agencies:
            data = {
                "agency": agency,
                "message_id": _message_id(agency),
                "type": "cargo-announcement" if agency == "port" else "declaration",
                "version": 1,
                "sha256": "7" * 64,
                "body": f"/exchange/messages/{_message_id(agency)}/body",
            }
            self.apply(Change("AgencyAsked", data, of_version=self.consignment.version))

    def reply(
        self,
        agency: str,
        outcome: str,
        *,
        at: int | None = None,
        reply_id: str | None = None,
        version: int | None = None,
        **members: Any,
    ) -> None:
        """What the exchange does with a reply about `version`; `at` is the minute by the agency's own clock."""
        self._replies += 1
        reply = Reply.model_validate(
            {
                "reply_id": reply_id or f"{agency}-{self._replies}",
                "message_id": _message_id(agency),
                "outcome": outcome,
                "at": instant(self._minute if at is None else at),
                **members,
            }
        )
        if earlier(self.consignment, agency, reply.reply_id) is None:
            about = self.consignment.version if version is None else version
            self.apply(recorded(self.consignment, reply, agency, about, CAPACITIES[agency][2]))

    def happens(self, type: str, **data: Any) -> None:
        """An event of another capability: an inspection's or a payment's."""
        self.apply(Change(type, data, of_version=self.consignment.version))

    def inspected(self, agency: str, *hold_ids: str, result: str = "pass", at: int | None = None) -> None:
        when = instant(self._minute if at is None else at)
        data = {"inspection_id": "i-1", "agency": agency, "result": result, "hold_ids": list(hold_ids)}
        self.happens("InspectionResult", **data, at=when)

    def billed(self, bill_id: str, payable: str = "220.40", supersedes: str | None = None) -> None:
        """What payments make of customs' bill."""
        data = {"bill_id": bill_id, "agency": "customs", "regime": "customs-assessed", "total": payable}
        more = {"supersedes": supersedes} if supersedes else {}
        self.happens("TaxBilled", **data, payable=payable, due_on="2024-12-08", **more)

    def want(self, kind: str, *asks: str, agencies: tuple[str, ...] = (), **members: Any) -> int:
        """A trader's request to change or withdraw, as the routes write it; its number."""
        number = outcome.next_number(self.consignment)
        data: dict[str, Any] = {
            "request": number,
            "reason": "录入错误",
            "basis": "own-initiative",
            "asks": list(asks or ("customs",)),
        }
        type = "WithdrawalRequested"
        if kind == AMENDMENT:
            type, now = "AmendmentRequested", agencies or self.agencies
            data |= {
                "amends": self.consignment.amendment(),
                "tells": [],
                "added": [one for one in now if one not in self.agencies],
                "pointers": ["/head/bill_no"],
                "changed": 1,
                "sha256": "8" * 64,
                "raw_sha256": "9" * 64,
                "media_type": "application/json",
                "identifiers": IDENTIFIERS | {"bill_no": "CTUAI-2024_H002"},
                "agencies": [assignment(one) for one in now],
                "parties": [IMPORTER],
            }
        self.apply(Change(type, data | members, Actor("enterprise", IMPORTER)))
        return number

    def answer(self, agency: str, verdict: str, number: int, *, reply_id: str | None = None) -> None:
        """What the exchange does with an agency's word on a request."""
        self._replies += 1
        reply = Reply.model_validate(
            {
                "reply_id": reply_id or f"{agency}-{self._replies}",
                "message_id": _message_id(agency),
                "outcome": verdict,
                "at": instant(self._minute),
            }
        )
        kind = next(one.kind for one in consent.requests(self.consignment) if one.number == number)
        self.apply(decided(self.consignment, reply, agency, kind, number))

    def follow(self) -> None:
        """The queue's consumer after an answer to a request: it goes before what follows from the clearance."""
        while change := outcome.next_change(self.consignment) or clearance.next_change(
            self.consignment, TABLE
        ):
            self.apply(change)
            self._at_most()

    def report(self, *discrepancies: dict[str, str]) -> None:
        """What the declarations make of a terminal's last report."""
        told = next(
            e for e in reversed(self.consignment.events) if "report" in e.data and e.type == "AgencyReplied"
        )
        data = {name: told.data[name] for name in ("agency", "reply_id", "report")}
        self.apply(
            Change(
                "CargoReported",
                data | {"discrepancies": list(discrepancies)},
                of_version=told.declaration_version,
            )
        )

    def settle(self) -> None:
        """The queue's consumer: what follows from the answers so far."""
        while change := clearance.next_change(self.consignment, TABLE):
            self.apply(change)
            self._at_most()

    def conclude(self, version: int | None = None) -> None:
        """The workflow's last step."""
        about = self.consignment.version if version is None else version
        while change := clearance.conclude(self.consignment, about, TABLE):
            self.apply(change)
            self._at_most()

    def play(self, *replies: tuple[str, str]) -> "Clearance":
        """Replies, each settled at once."""
        for agency, said in replies:
            self.reply(agency, said)
            self.settle()
        return self

    def _at_most(self) -> None:
        assert len(self.consignment.events) < 500, f"no rest after {self.types[-6:]}"


def _message_id(agency: str) -> str:
    return f"00000000-0000-5000-8000-{list(CAPACITIES).index(agency) + 1:012d}"


def assignment(agency: str) -> dict[str, Any]:
    part, releases, _ = CAPACITIES[agency]
    return {
        "agency": agency,
        "part": part,
        "releases": releases,
        "asked_on": "DeclarationReleased" if agency == "tax" else "DeclarationSubmitted",
        "timeout_seconds": 0 if part == "informed" else 259200,
        "because": [{"zh": "每票货物", "en": "every consignment"}],
    }
