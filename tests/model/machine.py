"""The whole clearance under whatever the outside may do, in any order, twice, late or never; what must never be.

The consumers, the ledger and the stores are the real ones on tables in memory; each message may be taken in any order,
more than once, and by a process that dies before a write or after it.
"""

import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import declarations.app
import inspections.app
import payments.app
from declarations import lifecycle, tax, view
from declarations.changes import outcome, permission
from declarations.holds import PORT, USE, Holds
from declarations.positions import positions
from exchange.reply import Reply, earlier, recorded
from exchange.verdict import decided
from inspections import booking, order, sheet
from inspections import lifecycle as inspecting
from inspections import store as inspections_store
from inspections.order import Order
from panorama.fold import fold
from panorama.record import record_of
from panorama.wording import Names
from payments import opening, settlement
from payments import store as payments_store
from payments.bill import PAID, VOID, Standing, standings
from payments.deduction import Result
from payments.late_payment import Surcharge
from payments.tax_line import TaxLine
from singlewindow import canonical, catalogue, clock
from singlewindow import settings as deployed
from singlewindow.aws import archive, keys, ledger, pages, queues, timers, workflow
from singlewindow.consent import requests
from singlewindow.consignment import Body, Change, Consignment, Submission
from singlewindow.errors import WindowError
from singlewindow.events import Actor, Event
from tests.support.clearances import CAPACITIES, IDENTIFIERS, IMPORTER, assignment, message_id
from tests.support.memory_table import Crash, MemoryTable
from tests.support.till import BANK, DOCUMENT, LINES, TREASURY

START = datetime.fromisoformat("2024-11-25T01:00:00+00:00")
FIRST, RIVAL = "I20240000000000101", "I20240000000000102"
SETTINGS = {
    name: name for name in ("LEDGER_TABLE", "INSPECTIONS_TABLE", "PAYMENTS_TABLE", "CLEARANCE_WORKFLOW")
}
NO_SURCHARGE = Surcharge(0, {}, ())
TRADER = Actor("enterprise", IMPORTER)
NAMES = Names(catalogue.agencies(START.date()))
AGENCIES = ("customs", "ciq", "port")
# How the first declaration's course begins, as moves by name, before anything may happen.
_HELD = ("held",)
_SEEN = (*_HELD, "booked", "begun", "passed")
_SENT = (*_SEEN, "billed", "sent")
_RELEASED = (*_SENT, "deducted", "accepted", "released")
COURSES: dict[str, tuple[str, ...]] = {
    "asked": (),
    "held": _HELD,
    "booked": _SEEN[:2],
    "seen": _SEEN,
    "defective": (*_SEEN[:3], "defective"),
    "mended": (*_SEEN[:3], "defective", "mended"),
    "given back": (*_SEEN[:2], "given back"),
    "sent": _SENT,
    "refused by the bank": (*_SENT, "failed"),
    "overdue": (*_SENT, "late"),
    "deducted": _RELEASED[:-2],
    "received": (*_RELEASED[:-2], "received"),
    "reversed": (*_RELEASED[:-2], "reversed"),
    "released": _RELEASED,
    "revoked": (*_RELEASED, "revoked"),
    "cleared": (*_RELEASED, "gone"),
    "reviewed": ("reviewed",),
    "returned": ("returned",),
    "rejected": ("rejected",),
    "accepted": ("accepted",),
    "to be withdrawn": ("accepted", "unwanted"),
    "withdrawn by consent": ("accepted", "unwanted", "agreed"),
    "to be amended": ("accepted", "changed"),
    "amended": ("accepted", "changed", "agreed"),
}

INBOXES = {"declarations": declarations.app, "inspections": inspections.app, "payments": payments.app}
TAKES = {
    name: set(next(t for t in module.app.triggers if t.handler == "on_event").options["types"])
    for name, module in INBOXES.items()
}

DESKS, NUMBERS = st.sampled_from(["customs", "ciq"]), st.sampled_from(["1", "2"])
WINDOWS = st.sampled_from([FIRST, FIRST, FIRST, RIVAL])
# The process dies at its n-th write, before it or after it; mostly it does not.
CRASHES = st.sampled_from([None, None, None, (1, False), (1, True), (2, False), (2, True)])
LATE = st.sampled_from([0, 0, 1, 30])  # minutes that a word is older than its arrival

REACHED: Counter[str] = Counter()
"""How many runs so far came to an event of each type."""


def _asked(data: dict[str, Any], consignment: Consignment) -> Change:
    return Change("AgencyAsked", data, of_version=consignment.version)


def _record(body: str) -> dict[str, Any]:
    return {
        "messageId": "1", "receiptHandle": "1", "body": body, "messageAttributes": {},
        "attributes": {"ApproximateReceiveCount": "1"}, "eventSourceARN": "arn:aws-cn:sqs:cn-northwest-1:1:q",
    }  # fmt: skip


class Window:
    """The window on tables in memory, with the queues before its consumers."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.table = MemoryTable(self._committed)
        self.pending: list[tuple[str, Event]] = []
        self.events: list[Event] = []
        self.orders: dict[str, dict[str, Any]] = {}
        for module in (ledger, pages, inspections_store, payments_store):
            patch.setattr(module, "client", lambda _: self.table)
        patch.setattr(ledger, "_pause", lambda _: None)
        patch.setattr(queues, "send", self._to_bank)
        patch.setattr(queues, "come_back", lambda *_: None)
        patch.setattr(keys, "sign", lambda _, payload: payload)
        patch.setattr(archive, "keep", lambda data, _: canonical.sha256(data))
        patch.setattr(workflow, "start", lambda *_: None)
        self.timers: dict[str, dict[str, str]] = {}
        patch.setattr(timers, "at", lambda _, name, payload: self.timers.update({name: payload}))
        self.minute = 0
        clock.travel(START)

    def tick(self, minutes: int = 1) -> None:
        self.minute += minutes
        clock.travel(START + timedelta(minutes=self.minute))

    def read(self, window_no: str) -> Consignment:
        found = ledger.read(window_no)
        assert found is not None
        return found

    def act(self, does: Callable[[], Any], crash: tuple[int, bool] | None = None) -> Any:
        """What came of it; a refusal and a death are answers, too."""
        self.table.crash = crash
        try:
            return does()
        except Crash as death:
            return death
        except WindowError as refusal:
            if refusal.status >= 500:
                raise
            return refusal
        finally:
            self.table.crash = self.table.meanwhile = None  # what was refused wrote nothing

    def take(self, inbox: str, event: Event, crash: tuple[int, bool] | None = None) -> bool:
        """One message to one consumer; whether it went through."""
        handler = INBOXES[inbox].on_event
        record = _record(canonical.dumps(event.as_json()).decode())
        self.table.crash = crash
        try:
            failed = bool(handler({"Records": [record]}, None)["batchItemFailures"])
        finally:
            died, self.table.crash = crash is not None and self.table.crash is None, None
        assert not failed or died, f"{inbox} failed on {event.type}: {event.data}"
        return not failed

    def look(self, payload: dict[str, str], crash: tuple[int, bool] | None = None) -> None:
        """A timer of the inspections, told until it is heard."""
        body = canonical.dumps({"correlation_id": "timer", "payload": payload}).decode()
        for death in (crash, None):
            self.table.crash = death
            failed = inspections.app.on_timer({"Records": [_record(body)]}, None)["batchItemFailures"]
            died, self.table.crash = death is not None and self.table.crash is None, None
            assert not failed or died, f"the timer failed: {payload}"

    def drain(self, *, backwards: bool = False) -> None:
        """Every message that still lies somewhere, until nothing more follows."""
        for _ in range(2000):
            if not self.pending:
                return
            inbox, event = self.pending.pop(-1 if backwards else 0)
            assert self.take(inbox, event)
        raise AssertionError("no rest")

    def _to_bank(self, _: str, messages: Any, delay: int = 0) -> None:
        for body, _correlation in messages:
            given = body["token"]
            assert self.orders.setdefault(given["order_id"], given) == given, "one order, two contents"

    def _committed(self, wanted: dict[tuple[str, ...], dict[str, Any]]) -> None:
        """Each write: one legal move, and its notice to whoever takes it."""
        for key, item in wanted.items():
            if "event" not in item:
                continue
            event = ledger.event_of(item)
            earlier = (self.table.items[*key[:2], f"event#{seq:08d}"] for seq in range(1, event.seq))
            made = [canonical.load(one["made"]["S"]) for one in (*earlier, item) if "made" in one]
            states = ["", *(one["state"] for one in made if "state" in one)]
            before, after = (
                states[-2:] if made and "made" in item and "state" in made[-1] else states[-1:] * 2
            )
            moves = lifecycle.is_legal(before, event.type, after)
            assert before == after or moves, f"{event.type} from {before} to {after}"
            self.events.append(event)
            self.pending += [(inbox, event) for inbox, types in TAKES.items() if event.type in types]


class Clearances(RuleBasedStateMachine):
    """Two declarations of one trader, who want the same slots; the first has come along one of `COURSES`."""

    def __init__(self, course: str = "asked") -> None:
        super().__init__()
        self.course = course

    @initialize(prompt=st.sampled_from([True, True, False]))
    def begin(self, prompt: bool) -> None:
        self.prompt = prompt  # whether the queues are empty before the next word comes
        self.patch = pytest.MonkeyPatch()
        logging.disable()  # of what half its time would go into
        self.using = deployed.using(SETTINGS)
        self.using.__enter__()
        self.window = Window(self.patch)
        self.said = 0
        self.bills: list[str] = []
        self.money: dict[str, tuple[str, Decimal]] = {}  # the bank's reference → bill and sum
        self.taken_back: set[str] = set()
        self.judged = 0
        self.slots: set[str] = set()
        self.seen: dict[str, int] = {}  # how many events of it the views have been held against
        raw = canonical.dumps(DOCUMENT)
        for window_no in (FIRST, RIVAL):
            data = {"agencies": [assignment(one) for one in AGENCIES], "ie_flag": "I", "sha256": "5" * 64,
                    "raw_sha256": "6" * 64, "media_type": "application/json", "lines": 1,
                    "identifiers": IDENTIFIERS}  # fmt: skip
            body = Body(raw, raw, "application/json")
            change = Change("DeclarationSubmitted", data, TRADER, lifecycle.SUBMITTED, 1, body=body)
            ledger.open_consignment(window_no, change, frozenset({IMPORTER}))
            for agency in AGENCIES:
                asked = {"agency": agency, "message_id": message_id(agency), "type": "declaration", "version": 1,
                         "sha256": "7" * 64, "body": ""}  # fmt: skip
                ledger.amend(window_no, partial(_asked, asked))
        for move in COURSES[self.course]:
            self.window.drain()
            self.makes(move)

    def makes(self, move: str) -> None:
        """One move of `COURSES`, of the first declaration."""
        no, words = (
            FIRST,
            {"accepted": "accept", "reviewed": "review", "returned": "return", "rejected": "reject"},
        )
        if move in words:
            for desk in ("ciq", "customs"):
                self.reply(no, desk, words[move])
            self.conclude(no, None)
        elif move == "held":
            for desk in ("customs", "ciq"):
                self.hold(no, desk, "1", PORT, 0, "inspection", False)
        elif move == "booked":
            self.book(no, 0, None, False)
        elif move == "begun":
            self.start(no, "customs", None)
        elif move in ("passed", "defective"):
            self.result(no, "customs", "pass", None)
            self.result(no, "ciq", "pass" if move == "passed" else "defect", None)
        elif move == "billed":
            self.assess(no, LINES)
        elif move == "sent":
            self.send(self.bills[0])
        elif move in ("deducted", "failed", "reversed"):
            given = next(iter(self.window.orders.values()))
            self.say_of(given, move, f"{given['order_id']}-a", Decimal(given["amount"]))
        elif move == "received":
            self.receive(next(iter(self.money)))
        elif move == "late":
            self.time_passes(480)
        elif move == "released":
            self.release(no, 0, None)
            self.conclude(no, None)
        elif move == "revoked":
            self.revoke(no, 0, None)
        elif move == "changed":
            self.amend(no)
        elif move == "agreed":
            self.answer_a_request(no, "customs", True)
        elif move == "mended":
            self.follow_up(no, "ciq", "supplement", None)
        elif move == "given back":
            self.unbook(no, None)
        elif move == "gone":
            self.report(no, "gate_out_at")
        else:
            assert move == "unwanted", move
            self.withdraw(no)

    def teardown(self) -> None:
        if not hasattr(self, "window"):
            return
        try:
            self.comes_to_rest()
            REACHED.update({event.type for event in self.window.events})
        finally:
            self.close()

    def close(self) -> None:
        self.using.__exit__(None, None, None)
        self.patch.undo()
        clock.travel(None)
        logging.disable(logging.NOTSET)

    # ── the agencies ────────────────────────────────────────────────────────────────────────────────────────────────

    def reply(
        self, window_no: str, agency: str, outcome: str, late: int = 0, crash: Any = None, **members: Any
    ) -> None:
        self.window.tick()
        self.said += 1
        at = clock.stamp(max(START, clock.now() - timedelta(minutes=late)))
        said = {"reply_id": f"R-{self.said}", "message_id": message_id(agency), "outcome": outcome, "at": at}
        reply = Reply.model_validate(said | members)

        def once(consignment: Consignment) -> Change | None:
            if earlier(consignment, agency, reply.reply_id):
                return None
            return recorded(consignment, reply, agency, consignment.version, CAPACITIES[agency][2])

        for death in (crash, None):  # its queue delivers at least once
            self.window.act(lambda: ledger.amend(window_no, once), death)
        if self.prompt:
            self.window.drain()

    @rule(no=WINDOWS, desk=DESKS, number=NUMBERS, gate=st.sampled_from([PORT, PORT, USE]), late=LATE,
          kind=st.sampled_from(["inspection", "inspection", "documents"]), many=st.booleans())  # fmt: skip
    def hold(self, no: str, desk: str, number: str, gate: str, late: int, kind: str, many: bool) -> None:
        asks = {"hold_id": f"{desk}-{number}", "gate": gate, "kind": kind}
        self.reply(
            no, desk, "hold", late, hold=asks | ({"qualifications": ["cold"]} if many and late else {})
        )

    @rule(no=WINDOWS, desk=DESKS, number=st.one_of(st.none(), NUMBERS), late=LATE)
    def clear(self, no: str, desk: str, number: str | None, late: int) -> None:
        self.reply(no, desk, "clear", late, **({"hold_id": f"{desk}-{number}"} if number else {}))

    @rule(no=WINDOWS, desk=DESKS, late=LATE, crash=CRASHES,
          outcome=st.sampled_from(["accept"] * 4 + ["review", "reject", "return"]))  # fmt: skip
    def say(self, no: str, desk: str, late: int, outcome: str, crash: Any) -> None:
        self.reply(no, desk, outcome, late, crash)

    @rule(no=WINDOWS, late=LATE, crash=CRASHES)
    def release(self, no: str, late: int, crash: Any) -> None:
        self.reply(no, "customs", "release", late, crash)

    @rule(no=WINDOWS, late=LATE, crash=CRASHES)
    def revoke(self, no: str, late: int, crash: Any) -> None:
        self.reply(no, "customs", "revoke", late, crash, findings=["x"])

    @rule(no=WINDOWS, replacing=st.booleans(), exempt=st.booleans(), data=st.data())
    def bill(self, no: str, replacing: bool, exempt: bool, data: st.DataObject) -> None:
        lines = [LINES[0] | {"amount": "30.00", "base": "1000.00"}] if exempt else LINES
        mine = [bill_id for bill_id in self.bills if bill_id.startswith(no)]
        self.assess(no, lines, data.draw(st.sampled_from(mine)) if replacing and mine else None)

    def assess(self, no: str, lines: list[dict[str, Any]], supersedes: str | None = None) -> None:
        """A bill of customs, in place of another where it says so."""
        bill_id = f"{no}-{sum(one.startswith(no) for one in self.bills) + 1}"
        told = {"bill_id": bill_id, "regime": "customs-assessed", "issued_at": clock.stamp(), "lines": lines,
                "total": str(sum((Decimal(str(one["amount"])) for one in lines), Decimal(0)))}  # fmt: skip
        self.bills.append(bill_id)
        self.reply(no, "customs", "tax", tax=told | ({"supersedes": supersedes} if supersedes else {}))

    @rule(no=WINDOWS, what=st.sampled_from(["gate_out_at", "arrived_at", "departed_at"]))
    def report(self, no: str, what: str) -> None:
        self.reply(no, "port", "accept", report={what: clock.stamp()})

    @rule(no=WINDOWS, desk=DESKS, yes=st.sampled_from([True, True, False]), crash=CRASHES)
    def answer_a_request(self, no: str, desk: str, yes: bool, crash: Any = None) -> None:
        asked = next((one for one in reversed(requests(self.window.read(no)))), None)
        if asked is None or desk not in asked.event.data["asks"]:
            return
        self.said += 1
        said = {"reply_id": f"R-{self.said}", "message_id": message_id(desk),
                "outcome": "accept" if yes else "reject", "at": clock.stamp()}  # fmt: skip
        reply = Reply.model_validate(said)

        def once(consignment: Consignment) -> Change | None:
            if earlier(consignment, desk, reply.reply_id):
                return None
            return decided(consignment, reply, desk, asked.kind, asked.number)

        for death in (crash, None):
            self.window.act(lambda: ledger.amend(no, once), death)

    # ── the trader ──────────────────────────────────────────────────────────────────────────────────────────────────

    @rule(no=WINDOWS, crash=CRASHES, meanwhile=st.booleans())
    def withdraw(self, no: str, crash: Any = None, meanwhile: bool = False) -> None:
        """Where `meanwhile`, the clearance goes on between its reading and its writing."""
        if meanwhile:
            self.window.table.meanwhile = lambda: self.conclude(no, None)
        for death in (crash, None):
            self.window.act(
                lambda: ledger.amend(no, lambda c: outcome.withdrawal(c, "录入错误", TRADER)), death
            )

    @rule(no=WINDOWS, many=st.booleans(), crash=CRASHES, meanwhile=st.booleans())
    def amend(self, no: str, many: bool = False, crash: Any = None, meanwhile: bool = False) -> None:
        """As the route writes it. Where `many`, more than customs must agree; `meanwhile`, as in a withdrawal."""
        if meanwhile:
            self.window.table.meanwhile = lambda: self.conclude(no, None)
        self.said += 1
        raw = canonical.dumps(DOCUMENT | {"head": DOCUMENT["head"] | {"note_s": f"{self.said}"}})
        body = Body(raw, raw, "application/json")

        def ask(consignment: Consignment) -> Change:
            ground = permission.to_amend(consignment)
            if isinstance(ground, permission.Barred):
                raise ground.error(consignment)
            number = outcome.next_number(consignment)
            data = {
                "request": number, "amends": consignment.amendment(), "reason": "录入错误", "basis": ground,
                "asks": ["customs", "ciq"] if many else ["customs"], "tells": [], "added": [],
                "pointers": ["/head/note_s"], "changed": 1, "sha256": body.sha256,
                "raw_sha256": canonical.sha256(raw), "media_type": body.media_type, "identifiers": IDENTIFIERS,
                "agencies": [assignment(one) for one in AGENCIES], "parties": [IMPORTER],
            }  # fmt: skip
            return Change("AmendmentRequested", data, TRADER, body=body, amendment=number)

        for death in (crash, None):
            self.window.act(lambda: ledger.amend(no, ask), death)

    @rule(no=WINDOWS)
    def assess_oneself(self, no: str) -> None:
        self.said += 1
        key = Submission(IMPORTER, "tax-bill", f"s{self.said}", "0" * 64)
        lines = tuple(TaxLine.read(line) for line in LINES)
        made = self.window.act(lambda: opening.of_trader(no, lines, TRADER, key))
        if isinstance(made, dict):
            self.bills.append(made["bill_id"])

    @rule(no=WINDOWS)
    def take_back(self, no: str) -> None:
        asked = requests(self.window.read(no))
        if asked:
            ledger.amend(no, lambda c: outcome.cancelled(c, asked[-1].number))

    @rule(no=WINDOWS, hour=st.sampled_from([0, 0, 1]), crash=CRASHES, meanwhile=st.booleans())
    def book(self, no: str, hour: int, crash: Any, meanwhile: bool) -> None:
        """One of two slots of the next working day; where `meanwhile`, the other declaration takes it just before."""
        if meanwhile:
            other = RIVAL if no == FIRST else FIRST
            self.window.table.meanwhile = lambda: self.book(other, hour, None, False)
        day = clock.business_date() + timedelta(days=1)
        day += timedelta(days=day.isoweekday() == 7)
        chosen = booking.slot_of(f"qbj-rail.A2.{day:%Y%m%d}.1{hour}00")
        self.slots.add(chosen.slot_id)
        self.said += 1
        answer = {"slot": chosen.slot_id}
        submission = Submission(IMPORTER, "inspection-booking", f"b{self.said}", "0" * 64, answer)
        self.on_order(no, lambda _, one: booking.booked(one, TRADER, chosen, submission), crash)

    @rule(no=WINDOWS, crash=CRASHES)
    def unbook(self, no: str, crash: tuple[int, bool] | None) -> None:
        self.on_order(no, lambda _, one: booking.given_back(one, TRADER), crash)

    @precondition(lambda self: self.bills)
    @rule(data=st.data(), crash=CRASHES)
    def pay(self, data: st.DataObject, crash: Any) -> None:
        self.send(data.draw(st.sampled_from(self.bills)), crash)

    def send(self, bill_id: str, crash: Any = None) -> None:
        content = payments_store.bill(bill_id)
        if content is None:
            return
        self.said += 1
        key = Submission(IMPORTER, f"payment#{content['bill_id']}", f"p{self.said}", "0" * 64)
        for death in (crash, None):  # and again with the same key: the answer was lost
            self.window.act(lambda: settlement.order(content, BANK, NO_SURCHARGE, TRADER, key), death)

    # ── officers ────────────────────────────────────────────────────────────────────────────────────────────────────

    def on_order(
        self, no: str, decide: Callable[[Consignment, Order], Change | None], crash: Any = None
    ) -> None:
        self.window.tick()
        consignment = self.window.read(no)
        known = order.orders(consignment, 1)
        if not known:
            return
        self.window.act(lambda: inspections.app._acted(consignment, known[-1], decide), crash)
        if crash:  # whoever got no answer asks again
            again = self.window.read(no)
            self.window.act(lambda: inspections.app._acted(again, known[-1], decide))

    @rule(no=WINDOWS, desk=DESKS, crash=CRASHES)
    def start(self, no: str, desk: str, crash: Any) -> None:
        at = clock.stamp()
        self.on_order(no, lambda _, one: sheet.started(one, Actor("agency", desk), [], at), crash)

    @rule(no=WINDOWS, desk=DESKS, crash=CRASHES)
    def nobody_came(self, no: str, desk: str, crash: Any) -> None:
        self.on_order(no, lambda _, one: booking.missed(one, Actor("agency", desk)), crash)

    @rule(
        no=WINDOWS,
        desk=DESKS,
        found=st.sampled_from(["pass", "pass", "defect", "sample", "detain"]),
        crash=CRASHES,
    )
    def result(self, no: str, desk: str, found: str, crash: tuple[int, bool] | None) -> None:
        written = {"result": found, **({"follow_up": "supplement"} if found == "defect" else {})}
        by = Actor("agency", desk)
        self.on_order(no, lambda c, one: sheet.result(c, one, by, written, clock.stamp()), crash)

    @rule(no=WINDOWS, desk=DESKS, done=st.sampled_from(["supplement", "guarantee", "return"]), crash=CRASHES)
    def follow_up(self, no: str, desk: str, done: str, crash: Any) -> None:
        by = Actor("agency", desk)
        self.on_order(no, lambda c, one: sheet.followed_up(c, one, by, done, clock.stamp()), crash)

    # ── bank, treasury, time ────────────────────────────────────────────────────────────────────────────────────────

    @precondition(lambda self: any(one["kind"] == "deduct" for one in self.window.orders.values()))
    @rule(data=st.data(), outcome=st.sampled_from(["deducted", "deducted", "deducted", "failed", "reversed"]),
          again=st.booleans(), wrong=st.sampled_from([0, 0, 0, 1]), crash=CRASHES)  # fmt: skip
    def bank_says(self, data: st.DataObject, outcome: str, again: bool, wrong: int, crash: Any) -> None:
        given = data.draw(st.sampled_from([o for o in self.window.orders.values() if o["kind"] == "deduct"]))
        ref = data.draw(st.sampled_from([f"{given['order_id']}-a", f"{given['order_id']}-b"]))
        amount = self.money.get(ref, ("", Decimal(given["amount"]) + wrong))[1]
        if outcome != "reversed" or ref in self.money:
            self.say_of(given, outcome, ref, amount, crash, again)

    def say_of(
        self,
        given: dict[str, Any],
        outcome: str,
        ref: str,
        amount: Decimal,
        crash: Any = None,
        again: bool = False,
    ) -> None:
        """A bank's word on an order, under its own reference."""
        if outcome == "deducted":
            self.money[ref] = (given["bill_id"], amount)
        elif outcome == "reversed":
            self.taken_back.add(ref)
        self.window.tick()
        result = Result(given["order_id"], BANK, outcome, amount, ref, clock.stamp())

        def hear() -> None:
            try:
                settlement.hear(result)
            except WindowError as early:
                if early.code != "out-of-order":  # a reversal before its deduction comes again
                    raise

        for death in (crash, None, *([None] if again else [])):
            self.window.act(hear, death)

    @precondition(lambda self: self.money)
    @rule(data=st.data())
    def treasury_says(self, data: st.DataObject) -> None:
        self.receive(data.draw(st.sampled_from(sorted(self.money))))

    def receive(self, ref: str) -> None:
        bill_id, amount = self.money[ref]
        for _ in range(2):
            settlement.receive(bill_id, ref, amount, f"T-{ref}", clock.stamp(), TREASURY)

    @rule(hours=st.sampled_from([1, 26, 26, 480]))
    def time_passes(self, hours: int) -> None:
        self.window.tick(hours * 60)
        payments.app.daily({}, None)

    @precondition(lambda self: self.window.timers)
    @rule(data=st.data(), crash=CRASHES)
    def a_timer_goes_off(self, data: st.DataObject, crash: Any) -> None:
        """Any, however often, early or late: it says only that it is time to look."""
        name = data.draw(st.sampled_from(sorted(self.window.timers)))
        self.window.look(self.window.timers[name], crash)

    @rule(no=WINDOWS, crash=CRASHES)
    def conclude(self, no: str, crash: tuple[int, bool] | None) -> None:
        for death in (crash, None):
            self.window.act(lambda: declarations.app.decide({"window_no": no, "version": 1}, None), death)

    # ── the queues ──────────────────────────────────────────────────────────────────────────────────────────────────

    @precondition(lambda self: self.window.pending)
    @rule(data=st.data(), crash=CRASHES, twice=st.booleans())
    def consume(self, data: st.DataObject, crash: tuple[int, bool] | None, twice: bool) -> None:
        self.window.tick()
        one = data.draw(st.integers(0, len(self.window.pending) - 1))
        if self.window.take(*self.window.pending[one], crash) and not twice:
            del self.window.pending[one]

    @rule()
    def consume_all(self) -> None:
        self.window.drain()

    # ── what must always be ─────────────────────────────────────────────────────────────────────────────────────────

    @invariant()
    def each_release_is_the_only_one_and_passes_nothing_that_is_open(self) -> None:
        if not hasattr(self, "window"):
            return
        for n, event in enumerate(self.window.events[self.judged :], self.judged):
            if event.type not in ("DeclarationReleased", "DeclarationWithdrawn"):
                continue
            before = [e for e in self.window.events[:n] if e.window_no == event.window_no]
            turns = [e.type for e in before if e.type in ("DeclarationReleased", "ReleaseRevoked")]
            assert turns[-1:] != ["DeclarationReleased"], f"{event.type} with a release in force"
            assert "DeclarationWithdrawn" not in [e.type for e in before], f"{event.type} after a withdrawal"
            if event.type == "DeclarationReleased":
                assert not self.port_holds(before), "released past a hold"
                assert not self.owed(before), "released past a bill"
        self.judged = len(self.window.events)

    @invariant()
    def what_changes_a_declaration_was_asked_for_when_it_might_be_and_agreed_to_by_all_who_must(self) -> None:
        if not hasattr(self, "window"):
            return
        for no in (FIRST, RIVAL):
            asked: dict[int, Event] = {}
            words: dict[int, dict[str, str]] = {}
            ordered = False
            for event in (e for e in self.window.events if e.window_no == no):
                data = event.data
                if event.type in ("AmendmentRequested", "WithdrawalRequested"):
                    assert data["basis"] != permission.OWN_INITIATIVE or not ordered, "asked during an inspection"
                    asked[data["request"]] = event
                elif event.type in ("AmendmentDecided", "WithdrawalDecided") and data["effect"] == "applied":
                    words.setdefault(data["request"], {})[data.get("agency", "trader")] = data["outcome"]
                elif event.type == "DeclarationAmended" or (
                    event.type == "DeclarationWithdrawn" and "request" in data
                ):
                    wanted = asked.pop(data["request"]).data["asks"]
                    assert words[data["request"]] == dict.fromkeys(wanted, "accept"), "changed without consent"
                elif event.type in ("InspectionOrdered", "InspectionCancelled"):
                    ordered = event.type == "InspectionOrdered"

    @invariant()
    def no_slot_is_held_by_two_nor_by_an_order_that_has_not_booked_it(self) -> None:
        if not hasattr(self, "window"):
            return
        booked: dict[str, set[str]] = {}
        for no in (FIRST, RIVAL):
            known = order.orders(self.window.read(no), 1)
            running = [one for one in known if one.state not in inspecting.OVER]
            assert running in ([], known[-1:]), "two inspections at once"
            for one in known:
                if one.slot:
                    booked.setdefault(one.slot["slot_id"], set()).add(one.id)
        for slot_id in self.slots:
            holders = inspections_store.holders(booking.slot_of(slot_id))
            assert holders == booked.get(slot_id, set()) and len(holders) <= 1, "a slot of two, or of nobody"

    @invariant()
    def the_state_follows_from_the_events_and_every_view_tells_the_same(self) -> None:
        if not hasattr(self, "window"):
            return
        for no in (FIRST, RIVAL):
            consignment = self.window.read(no)
            if self.seen.get(no) == len(consignment.events):
                continue
            self.seen[no] = len(consignment.events)
            assert all(after.prev == before.hash for before, after in pairwise(consignment.events))
            shown = view.detail(consignment)
            assert shown["explanation"]["rule"]["id"] in _RULES_OF[consignment.state], shown["explanation"]
            holds = Holds.of(consignment.of_version())
            still = {(h.agency, h.hold_id) for h in holds.all() if h.is_open and h.gate == USE}
            told = {(one["agency"], one["hold_id"]) for one in shown["use_holds"]}
            assert told == still, "a hold at the gate of use is hidden"
            journey = fold([record_of(e) for e in consignment.events], consignment.snapshot, NAMES)
            assert journey.missing == () and journey.state == consignment.state
            if consignment.state in (lifecycle.HELD, lifecycle.TAX_DUE):
                assert journey.holding.holder == shown["explanation"]["holder"], "two views, two holders"

    @staticmethod
    def port_holds(events: list[Event]) -> set[tuple[str, str]]:
        """By a count of its own: of each hold the latest word, in the agency's own time."""
        words: dict[tuple[str, str], list[tuple[str, bool]]] = {}
        held: dict[tuple[str, str], tuple[str, str]] = {}
        for event in events:
            data = event.data
            if event.type == "AgencyReplied" and data["effect"] == "applied" and data["agency"] != "port":
                if data["outcome"] in ("hold", "revoke"):
                    asked = data.get("hold") or {"hold_id": data["reply_id"], "gate": PORT, "kind": "other"}
                    key = (data["agency"], asked["hold_id"])
                    if key not in held or held[key][0] < data["at"]:
                        held[key] = (data["at"], asked["kind"] if asked["gate"] == PORT else USE)
                elif data["outcome"] not in ("review", "tax"):
                    sweeps = data["outcome"] == "clear"
                    words.setdefault((data["agency"], data.get("hold_id", "")), []).append(
                        (data["at"], sweeps)
                    )
            elif (event.type == "InspectionResult" and data["result"] == "pass") or (
                event.type == "InspectionFollowedUp" and data["follow_up"] not in ("return", "detain")
            ):
                for hold_id in data["hold_ids"]:
                    words.setdefault((data["agency"], hold_id), []).append((data["at"], True))
        return {
            key
            for key, (at, kind) in held.items()
            if kind != USE
            and not any(
                when >= at and (sweeps or kind != "inspection")
                for when, sweeps in (*words.get(key, []), *words.get((key[0], ""), []))
            )
        }

    @staticmethod
    def owed(events: list[Event]) -> set[str]:
        """By payments' own fold, and what customs has billed that they have not heard of yet."""
        told = {
            e.data["tax"]["bill_id"]: e.data["tax"].get("supersedes")
            for e in events
            if e.type == "AgencyReplied" and e.data["outcome"] == "tax" and e.data["effect"] == "applied"
        }
        told |= {e.data["bill_id"]: e.data.get("supersedes") for e in events if e.type == "TaxBilled"}
        gone = set(told.values()) | {e.data.get("supersedes") for e in events if e.type == "TaxBilled"}
        last: dict[str, bool] = {}
        for e in events:
            if e.type == "TaxBilled":
                last[e.data["bill_id"]] = e.data["payable"] == "0.00"
            elif e.type in ("TaxDeducted", "TaxGuaranteed", "TaxReversed"):
                last[e.data["bill_id"]] = e.type != "TaxReversed"
        return {bill_id for bill_id in told if bill_id not in gone and not last.get(bill_id)}

    # ── and in the end ──────────────────────────────────────────────────────────────────────────────────────────────

    def comes_to_rest(self) -> None:
        """All consumers have run: in whatever order they come to the same; every message again changes nothing."""
        items, pending = dict(self.window.table.items), list(self.window.pending)
        events, orders = list(self.window.events), dict(self.window.orders)
        self.window.drain(backwards=True)
        otherwise = self.outcome()
        self.window.table.items, self.window.pending = items, pending
        self.window.events, self.window.orders = events, orders
        self.window.drain()
        assert self.outcome() == otherwise, "another order of messages, another outcome"
        self.each_release_is_the_only_one_and_passes_nothing_that_is_open()
        self.money_is_where_it_belongs()
        rest = self.all_but_the_copies()
        for event in list(self.window.events):
            for inbox, types in TAKES.items():
                if event.type in types:
                    assert self.window.take(inbox, event)
        assert self.all_but_the_copies() == rest and not self.window.pending

    def all_but_the_copies(self) -> dict[tuple[str, ...], dict[str, Any]]:
        """Where the writer of `state` died, whoever comes next files it: it is there for lists (ADR 0014)."""
        return {key: item for key, item in self.window.table.items.items() if key[-1] != "state"}

    def bills_now(self) -> dict[str, Standing]:
        found: dict[str, Standing] = {}
        for no in (FIRST, RIVAL):
            found |= standings(self.window.read(no))
        return found

    def outcome(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for no in (FIRST, RIVAL):
            consignment = self.window.read(no)
            at = {agency: (p.state, p.final) for agency, p in positions(consignment).items()}
            open_holds = {
                (h.agency, h.hold_id) for h in Holds.of(consignment.of_version()).all() if h.is_open
            }
            barring = {one.bill_id for one in tax.of(consignment.of_version()).open()}
            found[no] = (consignment.state, at, open_holds, barring)
        return found

    def money_is_where_it_belongs(self) -> None:
        """Every yuan that a bank took stands for one bill that is owed, went back, or is ordered back."""
        refunds = {(one["bill_id"], one["bank_ref"]): Decimal(one["amount"])
                   for one in self.window.orders.values() if one["kind"] == "refund"}  # fmt: skip
        kept = {(one.bill_id, one.bank_ref): one.deducted
                for one in self.bills_now().values() if one.state in PAID and one.state != VOID}  # fmt: skip
        for ref, (bill_id, amount) in self.money.items():
            there, back = kept.get((bill_id, ref)), refunds.get((bill_id, ref))
            assert (there is None) or (back is None), f"{ref} is kept and ordered back"
            assert there == amount or back == amount or ref in self.taken_back, f"{ref}: {amount} is lost"
        assert {ref for _, ref in (*kept, *refunds)} <= set(self.money)


_RULES_OF = {
    lifecycle.SUBMITTED: {"SILENCE", "CUSTOMS-RELEASES"},
    lifecycle.ACCEPTED: {"SILENCE", "CUSTOMS-RELEASES"},
    lifecycle.HELD: {"HOLD-PORT", "CUSTOMS-RELEASES"},
    lifecycle.IN_REVIEW: {"REVIEW", "CUSTOMS-RELEASES"},
    lifecycle.TAX_DUE: {"TAX-FIRST", "CUSTOMS-RELEASES"},
    lifecycle.SUSPENDED: {"SILENCE", "CUSTOMS-RELEASES"},
    lifecycle.RETURNED: {"RETURNED"},
    lifecycle.RELEASED: {"CLOSING", "USE-GATE"},
    lifecycle.REJECTED: {"ENDED"},
    lifecycle.WITHDRAWN: {"ENDED"},
    lifecycle.CLEARED: {"ENDED"},
}
