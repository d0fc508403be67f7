"""The bank's counter and the treasury's desk, in one thread: orders in, signed words out, books of both."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import count
from threading import Event, Lock, Thread, Timer
from typing import Any, NamedTuple
from urllib.request import ProxyHandler, build_opener

import jwt
from werkzeug.wrappers import Request

from infra.banks.behaviour import AtBank, AtTreasury
from infra.steering import Rules, View, allow, answered
from singlewindow import canonical, clock
from singlewindow.errors import WindowError, not_found

BANK, TREASURY = "sandbox-bank", "sandbox-treasury"
_LONG_POLL = 1  # seconds; also how long a stop may wait
_PAGE = 500
_local = build_opener(ProxyHandler({}))
log = logging.getLogger(__name__)

Sign = Callable[[str, Mapping[str, Any]], str]


@dataclass(frozen=True)
class Movement:
    """What one of the two booked, on the business day of the deduction."""

    party: str
    day: str
    bill_id: str
    bank_ref: str
    amount: str


class Word(NamedTuple):
    """Something to say: after how many seconds, in whose name, what, and by whose key."""

    after: float
    party: str
    said: dict[str, Any]
    signer: str


def _unheard(_party: str, _text: str) -> None:
    """Nobody listens."""


class Banks:
    """Both, at work between `start` and `stop` (or inside `with`); `told(party, text)` hears what they do.

    An order that comes again is answered as it was the first time.
    """

    def __init__(
        self,
        sqs: Any,
        *,
        url: str,
        sign: Sign,
        stack: str = "singlewindow",
        told: Callable[[str, str], None] = _unheard,
    ) -> None:
        self.bank = Rules(AtBank(behaviour="pay"))
        self.treasury = Rules(AtTreasury(behaviour="confirm"))
        self.books: list[Movement] = []
        self._sqs, self._url, self._sign, self._stack, self._told = sqs, url, sign, stack, told
        self._said: dict[str, list[Word]] = {}
        self._keys: dict[str, jwt.PyJWK] = {}
        self._numbers = count(1)
        self._timers: set[Timer] = set()
        self._lock = Lock()
        self._stopping = Event()
        self._thread = Thread(target=self._work, name="bank", daemon=True)

    def __enter__(self) -> "Banks":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> "Banks":
        self._orders = self._sqs.get_queue_url(QueueName=f"{self._stack}-bank-orders")["QueueUrl"]
        self._results = self._sqs.get_queue_url(QueueName=f"{self._stack}-bank-results")["QueueUrl"]
        self._thread.start()
        return self

    def stop(self, patience: float = 1.5) -> None:
        self._stopping.set()
        for timer in list(self._timers):
            timer.cancel()
        if self._thread.is_alive():
            self._thread.join(patience)

    @property
    def routes(self) -> dict[str, View]:
        """What the local gateway serves beside the template's paths."""
        return {
            "/_local/banks": answered(self._list),
            "/_local/banks/{party}/behaviour": answered(self._behaviour),
            "/_local/banks/{party}/statement": answered(self._statement),
        }

    def state(self, party: str, day: str) -> None:
        """Send the statement of a day: the deductions made, or received, in pages."""
        entries = [
            {"bill_id": one.bill_id, "bank_ref": one.bank_ref, "amount": one.amount}
            for one in self.books
            if (one.party, one.day) == (party, day)
        ]
        for page, start in enumerate(range(0, len(entries) or 1, _PAGE), 1):
            said = {"kind": "statement", "date": day, "page": page, "entries": entries[start : start + _PAGE]}
            self._send(party, said, party)

    # --- orders in ------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                received = self._sqs.receive_message(
                    QueueUrl=self._orders, MaxNumberOfMessages=10, WaitTimeSeconds=_LONG_POLL
                )
                for message in received.get("Messages", []):
                    self._take(json.loads(message["Body"])["token"])
                    self._sqs.delete_message(QueueUrl=self._orders, ReceiptHandle=message["ReceiptHandle"])
            except Exception as error:  # the window restarts, or stops: so does a bank's connection
                if not self._stopping.wait(0.5):
                    log.warning("the bank (simulated) can't take an order: %s", error)

    def _take(self, token: str) -> None:
        order = self._believed(token)
        if order is None:
            self._told(BANK, "an order that the window did not sign: not carried out")
            return
        known = self._said.get(order["order_id"])
        if known is None:
            known = self._said[order["order_id"]] = self._carried_out(order)
        for word in known:
            self._later(word)

    def _believed(self, token: str) -> dict[str, Any] | None:
        """The order, where the window's published key signed it."""
        kid = jwt.get_unverified_header(token).get("kid", "")
        if kid not in self._keys:
            with _local.open(f"{self._url}/payments/keys", timeout=10) as answer:
                self._keys = {one["kid"]: jwt.PyJWK(one) for one in json.load(answer)["keys"]}
        try:
            order: dict[str, Any] = json.loads(
                jwt.api_jws.decode(token, self._keys[kid].key, algorithms=["ES256"])
            )
        except (KeyError, jwt.PyJWTError):
            return None
        return order

    def _carried_out(self, order: dict[str, Any]) -> list[Word]:
        """What follows from an order."""
        if order["kind"] == "refund":
            return [Word(0.0, BANK, self._result(order, "refunded"), BANK)]
        does = self.bank.of(order["bill_id"], order["window_no"])
        what, delay = does.behaviour, does.delay
        if what == "silent":
            self._told(BANK, f"{order['bill_id']}: keeps silent")
            return []
        if what == "refuse":
            said = self._result(order, "failed", reason="余额不足 insufficient funds (simulated)")
            return [Word(delay, BANK, said, BANK)]
        if what == "forged":
            return [Word(delay, BANK, self._result(order, "deducted"), TREASURY)]
        said = self._deducted(order, "1.00" if what == "wrong-amount" else order["amount"])
        words = [Word(0.0 if what == "reverse" else delay, BANK, said, BANK)]
        if what == "duplicate":
            words *= 2
        if what == "double":
            words.append(Word(delay, BANK, self._deducted(order, order["amount"]), BANK))
        if what == "reverse":
            taken_back = said | {"outcome": "reversed", "reason": "冲正 reversed (simulated)"}
            return [*words, Word(delay, BANK, taken_back, BANK)]
        return words if what == "wrong-amount" else [*words, *self._received(said, order)]

    def _received(self, deducted: dict[str, Any], order: dict[str, Any]) -> list[Word]:
        """What the treasury makes of a deduction."""
        does = self.treasury.of(order["bill_id"], order["window_no"])
        if does.behaviour == "silent":
            self._told(TREASURY, f"{order['bill_id']}: keeps silent")
            return []
        amount = "1.00" if does.behaviour == "wrong-amount" else deducted["amount"]
        said = {
            "kind": "receipt",
            "bill_id": order["bill_id"],
            "bank_ref": deducted["bank_ref"],
            "amount": amount,
            "treasury_ref": f"TR-{next(self._numbers):06d}",
            "at": clock.stamp(),
            "simulated": True,
        }
        self._book(TREASURY, order["bill_id"], deducted["bank_ref"], amount)
        signer = BANK if does.behaviour == "forged" else TREASURY
        words = [Word(does.delay, TREASURY, said, signer)]
        return words * 2 if does.behaviour == "duplicate" else words

    def _deducted(self, order: dict[str, Any], amount: str) -> dict[str, Any]:
        said = self._result(order, "deducted") | {"amount": str(Decimal(amount))}
        self._book(BANK, order["bill_id"], said["bank_ref"], said["amount"])
        return said

    def _result(self, order: dict[str, Any], outcome: str, **more: str) -> dict[str, Any]:
        return {
            "kind": "result",
            "order_id": order["order_id"],
            "outcome": outcome,
            "amount": order["amount"],
            "bank_ref": f"SB-{next(self._numbers):06d}",
            "at": clock.stamp(),
            "simulated": True,
            **more,
        }

    def _book(self, party: str, bill_id: str, ref: str, amount: str) -> None:
        with self._lock:
            self.books.append(Movement(party, clock.business_date().isoformat(), bill_id, ref, amount))

    # --- words out ------------------------------------------------------------------------------------------

    def _later(self, word: Word) -> None:
        after, party, said, signer = word
        if not after:
            self._send(party, said, signer)
            return

        def due() -> None:
            self._timers.discard(timer)
            if not self._stopping.is_set():
                try:
                    self._send(party, said, signer)
                except Exception as error:
                    log.warning("%s (simulated) can't send: %s", party, error)

        timer = Timer(after, due)
        timer.daemon = True
        self._timers.add(timer)
        timer.start()

    def _send(self, party: str, said: dict[str, Any], signer: str) -> None:
        token = self._sign(signer, {"iss": party} | said)
        self._sqs.send_message(QueueUrl=self._results, MessageBody=json.dumps({"token": token}))
        self._told(
            party,
            f"{said.get('bill_id') or said.get('order_id') or said.get('date')}: {said.get('outcome', said['kind'])}",
        )

    # --- steering -------------------------------------------------------------------------------------------

    def _list(self, request: Request) -> Any:
        allow(request, "GET")
        return {"items": [self._shown(party) for party in (BANK, TREASURY)]}

    def _behaviour(self, request: Request, party: str) -> Any:
        allow(request, "GET", "PUT")
        rules = self._rules(party)
        if request.method == "PUT":
            rules.set(canonical.parse_json(request.get_data()))
        return self._shown(party)

    def _statement(self, request: Request, party: str) -> Any:
        """`{"date": "YYYY-MM-DD"}`; without a body, of today."""
        allow(request, "POST")
        self._rules(party)
        asked = canonical.parse_json(request.get_data()) if request.get_data() else {}
        try:
            day = datetime.fromisoformat(asked.get("date") or clock.business_date().isoformat()).date()
        except (ValueError, TypeError, AttributeError):
            raise WindowError(400, "bad-parameter", "date: YYYY-MM-DD", detail_zh="date 应为日期") from None
        self.state(party, day.isoformat())
        return {"party": party, "simulated": True, "date": day.isoformat()}

    def _rules(self, party: str) -> Any:
        rules = {BANK: self.bank, TREASURY: self.treasury}.get(party)
        if rules is None:
            raise not_found(party)
        return rules

    def _shown(self, party: str) -> dict[str, Any]:
        return {"party": party, "simulated": True} | self._rules(party).as_json()
