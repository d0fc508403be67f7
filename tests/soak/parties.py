"""Who takes part: a sender, four live destinations (an inbox, two webhooks, a mailbox), one that is dead."""

import json
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any
from uuid import UUID

from stdnum.cn import uscc

from infra import issuer
from infra.stage import Stage
from singlewindow import clock
from tests.journeys.window import IMPORTER, Client
from tests.support.receiver import Receiver, receiver

CUSTOMS = "customs"


def party(serial: int) -> str:
    """A credit code that is made up and sound."""
    body = f"9151010{serial:010d}"
    return body + uscc.calc_check_digit(body)


SENDER, HOOKED, ALSO_HOOKED, PULLING, DEAD = (party(serial) for serial in range(1, 6))
# Customs sends half a reply with one answer in so many.
MALFORMED = 7
HOOKS = (HOOKED, ALSO_HOOKED)
LIVE = (CUSTOMS, HOOKED, ALSO_HOOKED, PULLING)


@dataclass
class Parties:
    """The destinations at work: what each received, by delivery id, and how often; what poison they planted.

    While `open` is not set, customs reads nothing.
    """

    stage: Stage
    got: dict[str, Counter[str]] = field(default_factory=lambda: {one: Counter() for one in (*LIVE, DEAD)})
    channels: dict[str, str] = field(default_factory=dict)
    poison: Counter[str] = field(default_factory=Counter)
    open: Event = field(default_factory=Event)
    _stop: Event = field(default_factory=Event)
    _undo: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> "Parties":
        self.open.set()
        self._there: Receiver = self._undo.enter_context(receiver())
        self._there.answers["/dead"] = self._there.hang
        for who, path in ((HOOKED, "/hooked"), (DEAD, "/dead")):
            self._register(who, protocol="webhook", url=self._there.url + path, timeout_seconds=1)
        # This one wants another format: its copies are mapped when they are delivered.
        self._register(ALSO_HOOKED, protocol="webhook", url=self._there.url + "/also", format="CEB311Message")
        self._register(PULLING, protocol="pull")
        self.channels[CUSTOMS] = f"{CUSTOMS}-inbox"
        for work in (self._read_inbox, self._pull):
            thread = Thread(target=work, daemon=True)
            thread.start()
            self._undo.callback(thread.join, 5)
        self._undo.callback(self._stop.set)
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def client(self, who: str) -> Client:
        return Client(self.stage.url, issuer.token("enterprise", who))

    @property
    def sender(self) -> Client:
        return self.client(SENDER)

    @property
    def importer(self) -> Client:
        return self.client(IMPORTER)

    def received(self) -> dict[str, Counter[str]]:
        """Every delivery id that came to each, and how often."""
        for who, path in ((HOOKED, "/hooked"), (ALSO_HOOKED, "/also"), (DEAD, "/dead")):
            said = (json.loads(came.body)["data"] for came in list(self._there.at(path)))
            self.got[who] = Counter(one["delivery_id"] for one in said)
        return self.got

    def arrivals(self, who: str) -> dict[str, float]:
        """Message id → when its first webhook came (monotonic seconds)."""
        first: dict[str, float] = {}
        for came in list(self._there.at("/hooked" if who == HOOKED else "/also")):
            first.setdefault(json.loads(came.body)["data"]["message_id"], came.at)
        return first

    def suspend(self, who: str, suspended: bool) -> None:
        """Suspend a webhook's channel, or take it up again."""
        me, place = self.client(who), f"/exchange/channels/{self.channels[who]}"
        standing = me.get(place)
        wanted = {name: standing.json[name] for name in ("protocol", "url", "timeout_seconds")}
        wanted["status"] = "suspended" if suspended else "active"
        answer = me.call("PUT", place, wanted, If_Match=standing.headers["ETag"])
        assert answer.status == 200, answer.raw

    def close(self, who: str) -> None:
        """Close a channel for good: what still waits for it has expired."""
        me, place = self.client(who), f"/exchange/channels/{self.channels[who]}"
        answer = me.call("DELETE", place, If_Match=me.get(place).headers["ETag"])
        assert answer.status == 200, answer.raw

    def close_all(self) -> None:
        for who in (HOOKED, ALSO_HOOKED, PULLING):
            self.close(who)

    def _register(self, who: str, **wanted: Any) -> None:
        answer = self.client(who).call("POST", "/exchange/channels", wanted)
        assert answer.status == 201, answer.raw
        self.channels[who] = answer.json["id"]

    def _read_inbox(self) -> None:
        sqs, inbox = self.stage.client("sqs"), self.stage.resource("CustomsInbox")
        while not self._stop.wait(0.05):
            if not self.open.is_set():
                continue
            for one in sqs.receive_message(QueueUrl=inbox, MaxNumberOfMessages=10).get("Messages", []):
                pointer = json.loads(one["Body"])
                if "delivery_id" in pointer:
                    self.got[CUSTOMS][pointer["delivery_id"]] += 1
                elif pointer.get("type") == "declaration":
                    self._answer(sqs, pointer)
                sqs.delete_message(QueueUrl=inbox, ReceiptHandle=one["ReceiptHandle"])

    def _answer(self, sqs: Any, pointer: dict[str, Any]) -> None:
        """Customs' release, twice, behind half a reply that no one can read now and then."""
        serial = UUID(pointer["message_id"]).int % 10**9
        reply = {
            "reply_id": f"customs-{pointer['message_id']}",
            "message_id": pointer["message_id"],
            "outcome": "release",
            "at": clock.stamp(),
            "entry_id": f"79012026{'1' if pointer['window_no'][0] == 'I' else '0'}{serial:09d}",
        }
        text = json.dumps(reply)
        bodies = [text, text]
        if serial % MALFORMED == 0:
            bodies.insert(1, text[: len(text) // 2])
            self.poison["CustomsRepliesDlq"] += 1
        entries = [{"Id": str(place), "MessageBody": body} for place, body in enumerate(bodies)]
        sqs.send_message_batch(QueueUrl=self.stage.resource("CustomsReplies"), Entries=entries)

    def _pull(self) -> None:
        after, me = "", self.client(PULLING)
        while not self._stop.is_set():
            with suppress(OSError):  # the window is busy, or restarts
                answer = me.get(
                    f"/exchange/channels/{self.channels[PULLING]}/messages?after={after}&limit=50"
                )
                if answer.status == 200:
                    for pointer in answer.json["items"]:
                        self.got[PULLING][pointer["delivery_id"]] += 1
                    after = answer.json["next"]
            time.sleep(0.5)
