"""One simulated agency at work: reads its inbox, looks at what it is asked, replies."""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Event, Thread, Timer
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from infra.agencies import consents, inspecting
from infra.agencies.behaviour import Behaviour
from infra.agencies.replies import Answering, Question, Sign, Timed, entry_id
from infra.steering import Rules
from singlewindow import clock

_LONG_POLL = 1  # seconds; also how long a stop may wait
_COME_BACK = 2  # seconds after which a question is tried again that failed
_ATTEMPTS = 4
_RENEW = 3600.0  # seconds for which a token is used again
_local = build_opener(ProxyHandler({}))
log = logging.getLogger(__name__)


# What customs is told by pointers, and what of its course that settles.
AWAITED = {
    "inspection": ("InspectionDone", "InspectionFollowedUp"),
    "tax": ("TaxDeducted", "TaxGuaranteed"),
}


@dataclass
class Window:
    """The window as an agency sees it from outside: an address, queues, its own token."""

    url: str
    sqs: Any
    stack: str
    token: Callable[[str], str]
    sign: Sign | None = None


@dataclass
class Course:
    """A full course that customs has begun: what it waits for before it releases."""

    answering: Answering
    behaviour: Behaviour
    awaits: set[str] = field(default_factory=lambda: set(AWAITED))


@dataclass
class Grapevine:
    """What is heard between desks, for the behaviours that misbehave: message and bill numbers by consignment."""

    messages: dict[str, dict[str, str]] = field(default_factory=dict)
    bills: dict[str, str] = field(default_factory=dict)

    def hear(self, agency: str, question: Question) -> None:
        self.messages.setdefault(question.window_no, {})[agency] = question.message_id
        if question.bill_no:
            self.bills[question.window_no] = question.bill_no

    def of_another(self, agency: str, window_no: str) -> str | None:
        """Another agency's message about the same consignment."""
        heard = list(self.messages.get(window_no, {}).items())
        return next((message for other, message in heard if other != agency), None)


class Desk:
    """An agency's thread. `told(agency, text)` hears what it does, in words for people."""

    def __init__(
        self,
        agency: str,
        *,
        releases: bool,
        window: Window,
        grapevine: Grapevine,
        told: Callable[[str, str], None],
        serial: Iterator[int],
    ) -> None:
        self.agency = agency
        self.releases = releases
        self.rules = Rules(Behaviour(behaviour="accept"))
        self._window = window
        self._grapevine = grapevine
        self._told = told
        self._serial = serial
        self._answered: set[str] = set()
        self._courses: dict[str, Course] = {}
        self._attending: dict[str, tuple[Answering, Behaviour]] = {}
        self._timers: set[Timer] = set()
        self._stopping = Event()
        self._token = ("", 0.0)
        self._thread = Thread(target=self._work, name=f"agency:{agency}", daemon=True)

    def start(self) -> None:
        self._inbox = self._queue("inbox")
        self._replies = self._queue("replies")
        self._thread.start()

    def stop(self) -> None:
        """No more questions are taken, no more replies sent; does not wait."""
        self._stopping.set()
        for timer in list(self._timers):
            timer.cancel()

    def join(self, timeout: float) -> None:
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _queue(self, kind: str) -> str:
        name = f"{self._window.stack}-{self.agency}-{kind}"
        url: str = self._window.sqs.get_queue_url(QueueName=name)["QueueUrl"]
        return url

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                received = self._window.sqs.receive_message(
                    QueueUrl=self._inbox, MaxNumberOfMessages=10, WaitTimeSeconds=_LONG_POLL
                )
            except Exception as error:  # the window restarts, or stops: so does an agency's connection
                if not self._stopping.wait(0.5):
                    log.warning("%s (simulated) can't read its inbox: %s", self.agency, error)
                continue
            for message in received.get("Messages", []):
                self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        """One message: answered and deleted, or left to come back."""
        handle = {"QueueUrl": self._inbox, "ReceiptHandle": message["ReceiptHandle"]}
        try:
            self._answer(json.loads(message["Body"]))
        except Exception as error:  # whatever it is: the queue repeats, and after five times lays it aside
            if not self._stopping.is_set():
                log.warning("%s (simulated) can't answer a message: %s", self.agency, error)
                with _forgiven():
                    self._window.sqs.change_message_visibility(**handle, VisibilityTimeout=_COME_BACK)
            return
        with _forgiven():
            self._window.sqs.delete_message(**handle)

    def _answer(self, pointer: dict[str, Any]) -> None:
        if (
            pointer.get("kind") == "exchange.delivery"
        ):  # a message that was passed on: taken, and nothing to decide
            self._fetch(pointer)
            self._call("POST", pointer["ack"])
            self._told(self.agency, f"{pointer['type']} {pointer['message_id']}: acknowledged")
            return
        message_id = pointer["message_id"]
        if pointer["type"] in ("clearance-notice", "release-notice", "inspection-notice"):
            self._noticed(pointer)
            return
        if message_id in self._answered:
            return  # delivery is at least once
        question = Question(
            message_id,
            pointer["type"],
            pointer["window_no"],
            self._body(pointer)["document"],
            pointer["declaration_version"],
        )
        self._grapevine.hear(self.agency, question)
        behaviour = self._behaviour(question)
        at = clock.now()
        answering = Answering(
            agency=self.agency,
            releases=self.releases,
            question=question,
            at=at,
            entry_id=entry_id(question, next(self._serial), at) if self.releases else None,
            overheard=self._overheard(question) if behaviour.behaviour == "foreign" else None,
        )
        about_change = question.type in (*consents.QUESTIONS, *consents.NOTICES)
        replies = (
            consents.replies(self.agency, question, behaviour, at)
            if about_change
            else answering.replies(behaviour)
        )
        if behaviour.behaviour == "full-course" and self.releases and not about_change:
            self._courses[message_id] = Course(answering, behaviour)
        for reply in replies:
            if reply.after:
                self._later(reply, question, behaviour)
            else:
                self._send(reply, question, behaviour)
        if behaviour.behaviour in inspecting.BEHAVIOURS and any(one.says == "hold" for one in replies):
            self._attending[message_id] = (answering, behaviour)
        if replies:
            self._answered.add(message_id)
        else:
            self._told(self.agency, f"{question.window_no}: keeps silent")

    def _inspect(self, pointer: dict[str, Any], answering: Answering, behaviour: Behaviour) -> None:
        """Look at the goods, one after the other; then say yes, where that was not said before."""
        question = answering.question
        try:
            place = pointer["agencies"].index(self.agency)
            if self._stopping.wait(behaviour.delay * (1 + place)):
                return
            inspecting.look(pointer["inspection_id"], self._call, first=place == 0)
            self._told(
                self.agency, f"{question.window_no}: pass by rest, inspection {pointer['inspection_id']}"
            )
            if behaviour.behaviour == "inspect":
                now = replace(answering, at=clock.now())
                self._send(now.agreed(), question, behaviour)
        except Exception as error:
            if not self._stopping.is_set():
                log.warning("%s (simulated) can't inspect: %s", self.agency, error)

    def _noticed(self, pointer: dict[str, Any]) -> None:
        """What the window tells beside questions; customs in a full course releases once nothing is awaited."""
        self._told(self.agency, f"{pointer['window_no']}: is told of {pointer['event']}")
        wanted = "slot" in pointer and self.agency in pointer["agencies"]
        if wanted and pointer["message_id"] in self._attending:
            attending = self._attending.pop(pointer["message_id"])
            Thread(target=self._inspect, args=(pointer, *attending), daemon=True).start()
        course = self._courses.get(pointer["message_id"])
        if course is None:
            return
        course.awaits -= {name for name, events in AWAITED.items() if pointer["event"] in events}
        if not course.awaits:
            release = course.answering.release(clock.now(), self._window.sign)
            self._send(release, course.answering.question, course.behaviour)
            del self._courses[pointer["message_id"]]

    def _behaviour(self, question: Question) -> Behaviour:
        """By window number, by bill: where the agency's own part has no bill, by what the others have heard."""
        bill = question.bill_no
        if bill is None and self.rules.single:
            bill = self._heard(lambda: self._grapevine.bills.get(question.window_no))
        return self.rules.of(question.window_no, bill)

    def _overheard(self, question: Question) -> str | None:
        return self._heard(lambda: self._grapevine.of_another(self.agency, question.window_no))

    def _heard(self, look: Callable[[], str | None]) -> str | None:
        """What the others have heard, within two seconds."""
        deadline = time.monotonic() + 2
        while (heard := look()) is None and time.monotonic() < deadline:
            if self._stopping.wait(0.02):
                break
        return heard

    def _body(self, pointer: dict[str, Any]) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self._fetch(pointer))
        return body

    def _fetch(self, pointer: dict[str, Any]) -> bytes:
        raw = self._linked(pointer.get("link")) or self._call("GET", pointer["body"])
        if hashlib.sha256(raw).hexdigest() != pointer["sha256"]:
            raise ValueError(f"message {pointer['message_id']}: the body is not the one that was announced")
        return raw

    def _linked(self, link: str | None) -> bytes | None:
        """What lies at the announced address; None where that is over, or there was none."""
        if link is None:
            return None
        try:
            with _local.open(link, timeout=10) as answer:
                raw: bytes = answer.read()
                return raw
        except URLError:  # a refusal is one, too
            return None

    def _later(self, reply: Timed, question: Question, behaviour: Behaviour) -> None:
        def due() -> None:
            self._timers.discard(timer)
            try:
                self._send(reply, question, behaviour)
            except Exception as error:
                if not self._stopping.is_set():
                    log.warning("%s (simulated) can't send a reply: %s", self.agency, error)

        timer = Timer(reply.after, due)
        timer.daemon = True
        self._timers.add(timer)
        timer.start()

    def _send(self, reply: Timed, question: Question, behaviour: Behaviour) -> None:
        if self._stopping.is_set():
            return
        refused = ""
        if behaviour.via == "queue":
            self._window.sqs.send_message(QueueUrl=self._replies, MessageBody=reply.body)
        else:
            try:
                self._call("POST", "/exchange/replies", reply.body.encode())
            except HTTPError as error:
                refused = f", refused with {error.code}"
        self._told(self.agency, f"{question.window_no}: {reply.says} by {behaviour.via}{refused}")

    def _call(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """HTTP as this agency; tries again what the window or the network failed in. Raises `HTTPError`."""
        headers = {"Authorization": f"Bearer {self._badge()}", "Content-Type": "application/json"}
        request = Request(self._window.url + path, body, headers, method=method)
        for attempt in range(_ATTEMPTS):
            last = attempt + 1 == _ATTEMPTS
            try:
                with _local.open(request, timeout=10) as answer:
                    raw: bytes = answer.read()
                    return raw
            except HTTPError as error:
                error.close()
                if last or (error.code < 500 and error.code != 429):
                    raise
            except URLError:
                if last:
                    raise
            if self._stopping.wait(0.1 * 3**attempt):
                break
        raise InterruptedError("the agency closes")

    def _badge(self) -> str:
        token, made = self._token
        if not token or time.monotonic() - made > _RENEW:
            token = self._window.token(self.agency)
            self._token = (token, time.monotonic())
        return token


@contextmanager
def _forgiven() -> Iterator[None]:
    """Housekeeping that may fail: the message comes back by itself."""
    try:
        yield
    except Exception as error:
        log.debug("left to the visibility timeout: %s", error)
