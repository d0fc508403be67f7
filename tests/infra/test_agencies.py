"""The simulated agencies, alone: what they say by each behaviour, and how they work a queue."""

import json
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.message import Message
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any, get_args
from urllib.error import HTTPError

import pytest
from werkzeug.test import EnvironBuilder

from exchange.reply import Reply
from infra import ROOT
from infra.agencies import Hall, inspecting
from infra.agencies.behaviour import Behaviour, Name
from infra.agencies.replies import Answering, Question, entry_id
from infra.steering import Rules
from singlewindow import commands
from singlewindow.errors import WindowError
from singlewindow.ids import parse_entry_id

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
DOCUMENT: dict[str, Any] = json.loads((ROOT / "infra/samples/import-chengdu.json").read_text())
BILL = DOCUMENT["head"]["bill_no"]
WINDOW_NO = "I20262827346838800"
AGENCIES = ("customs", "ciq", "maritime", "mofcom", "port", "tax")
TYPES = {"port": "cargo-announcement", "tax": "clearance-report"}


def said(
    agency: str, behaviour: str, *, overheard: str | None = None, **members: Any
) -> list[dict[str, Any]]:
    """What an agency sends, parsed, with `after` beside each reply."""
    question = Question("m-1", TYPES.get(agency, "declaration"), WINDOW_NO, DOCUMENT)
    customs = agency == "customs"
    number = entry_id(question, 17, NOW) if customs else None
    answering = Answering(agency, customs, question, NOW, number, overheard)
    replies = answering.replies(Behaviour(behaviour=behaviour, **members))  # type: ignore[arg-type]
    return [json.loads(reply.body) | {"after": reply.after} for reply in replies]


def outcomes(agency: str, behaviour: str, **members: Any) -> list[str]:
    return [reply["outcome"] for reply in said(agency, behaviour, **members)]


SOUND = [name for name in get_args(Name) if name not in ("silent", "malformed", "forged", "foreign")]


@pytest.mark.parametrize("agency", AGENCIES)
@pytest.mark.parametrize("behaviour", SOUND)
def test_every_sound_reply_is_one_that_the_window_takes(agency: str, behaviour: str) -> None:
    replies = said(agency, behaviour, delay_seconds=0)

    assert replies
    for reply in replies:
        del reply["after"]
        taken = commands.parse(Reply, reply)
        assert taken.message_id == "m-1"


@pytest.mark.parametrize("agency", AGENCIES)
@pytest.mark.parametrize("behaviour", SOUND)
def test_every_reason_is_bilingual_and_labelled_simulated(agency: str, behaviour: str) -> None:
    for reply in said(agency, behaviour):
        if agency != "tax" or reply["outcome"] == "accept":
            assert reply["findings"]
        for finding in reply["findings"]:
            assert finding["message_zh"].startswith("［模拟］")
            assert finding["message_en"].startswith("[simulated] ")
            assert finding["source"] == "simulated agency"


@pytest.mark.parametrize(
    ("agency", "behaviour", "expected"),
    [
        ("ciq", "accept", ["accept"]),
        ("ciq", "reject", ["reject"]),
        ("ciq", "return", ["return"]),
        ("ciq", "slow", ["accept"]),
        ("ciq", "hold-then-accept", ["hold", "accept"]),
        ("ciq", "hold-then-clear", ["hold", "clear"]),
        ("customs", "accept", ["release"]),
        ("customs", "hold-then-clear", ["hold", "clear", "release"]),
        ("ciq", "duplicate", ["accept", "accept", "accept"]),
        ("ciq", "out-of-order", ["accept", "hold"]),
        ("ciq", "silent", []),
        ("ciq", "foreign", []),
    ],
)
def test_a_behaviour_is_a_sequence_of_outcomes(agency: str, behaviour: str, expected: list[str]) -> None:
    assert outcomes(agency, behaviour) == expected


def test_a_duplicate_repeats_its_reply_id_and_others_never_do() -> None:
    assert len({reply["reply_id"] for reply in said("ciq", "duplicate")}) == 1
    assert len({reply["reply_id"] for reply in said("customs", "hold-then-clear")}) == 3


def test_out_of_order_is_told_by_when_it_was_decided() -> None:
    accept, hold = said("ciq", "out-of-order")
    assert hold["at"] < accept["at"]
    assert hold["after"] >= accept["after"]


def test_a_decision_that_comes_later_is_dated_later() -> None:
    hold, clear = said("ciq", "hold-then-clear", delay_seconds=3)
    assert (hold["at"], clear["at"]) == ("2026-11-20T03:00:00.000Z", "2026-11-20T03:00:03.000Z")
    assert (hold["after"], clear["after"]) == (0, 3)


def test_slow_takes_its_time_and_the_others_none_unless_told() -> None:
    assert said("ciq", "slow")[0]["after"] == 5
    assert said("ciq", "accept")[0]["after"] == 0
    assert said("ciq", "accept", delay_seconds=0.25)[0]["after"] == 0.25


def test_misbehaviour_is_about_the_message_only() -> None:
    (forged,) = said("ciq", "forged")
    (foreign,) = said("ciq", "foreign", overheard="m-of-customs")
    assert forged["message_id"] not in ("m-1", "m-of-customs")
    assert foreign["message_id"] == "m-of-customs"
    with pytest.raises(json.JSONDecodeError):
        said("ciq", "malformed")


def test_customs_gives_a_declaration_number_with_its_yes_and_nobody_else_does() -> None:
    (reply,) = said("customs", "accept")
    number = parse_entry_id(reply["entry_id"])
    assert number is not None
    assert (number.customs, number.year, number.direction, number.serial) == ("7901", 2026, "I", "000000017")
    assert "entry_id" not in said("customs", "return")[0]
    assert "entry_id" not in said("ciq", "accept")[0]


def test_a_declaration_number_tells_the_direction_and_the_year_in_shanghai() -> None:
    question = Question("m", "declaration", "E" + WINDOW_NO[1:], DOCUMENT)
    assert entry_id(question, 1, datetime(2026, 12, 31, 17, 0, tzinfo=UTC)) == "790120270000000001"


def test_the_terminal_reports_what_was_announced_or_one_piece_less() -> None:
    whole, short = said("port", "accept")[0]["report"], said("port", "reject")[0]["report"]
    head = DOCUMENT["head"]
    assert (whole["bill_no"], whole["pack_no"]) == (head["bill_no"], head["pack_no"])
    assert float(whole["gross_weight"]) == float(head["gross_weight"])
    assert int(short["pack_no"]) == int(head["pack_no"]) - 1
    assert float(short["gross_weight"]) < 0.99 * float(head["gross_weight"])


def test_a_finding_points_at_a_place_that_the_agency_was_shown() -> None:
    bare = Question(
        "m", "licence-verification", WINDOW_NO, {"licence_documents": [{"document_no": "26-510"}]}
    )
    (reply,) = Answering("mofcom", False, bare, NOW).replies(Behaviour(behaviour="reject"))
    (finding,) = json.loads(reply.body)["findings"]
    assert (finding["pointer"], finding["given"]) == ("/licence_documents/0/document_no", "26-510")
    blind = Question("m", "licence-verification", WINDOW_NO, {})
    (reply,) = Answering("mofcom", False, blind, NOW).replies(Behaviour(behaviour="reject"))
    assert "pointer" not in json.loads(reply.body)["findings"][0]


# --- how they are told ----------------------------------------------------------------------------------------


def test_a_rule_for_one_declaration_goes_before_one_for_its_bill_before_the_usual() -> None:
    rules = Rules(Behaviour(behaviour="accept"))
    rules.set({"behaviour": "slow"})
    rules.set({"behaviour": "return", "for": BILL})
    rules.set({"behaviour": "silent", "for": WINDOW_NO})
    rules.set({"behaviour": "reject", "for": BILL})
    assert rules.of(WINDOW_NO, BILL).behaviour == "silent"
    assert rules.of("I0", BILL).behaviour == "reject"
    assert rules.of("I0", None).behaviour == "slow"


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        None,
        {"behaviour": "Accept"},
        {"behaviour": "accept", "delay": 1},
        {"behaviour": "accept", "delay_seconds": -1},
        {"behaviour": "accept", "delay_seconds": "soon"},
        {"behaviour": "accept", "delay_seconds": 1e9},
        {"behaviour": "accept", "via": "fax"},
        {"behaviour": "accept", "for": ""},
        {"behaviour": "accept", "for": 7},
        {"behaviour": "accept", "only_for": BILL},
    ],
    ids=str,
)
def test_a_behaviour_that_nobody_knows_changes_nothing(value: Any) -> None:
    rules = Rules(Behaviour(behaviour="accept"))
    with pytest.raises(WindowError) as refusal:
        rules.set(value)
    assert refusal.value.status == 422
    assert rules.of(WINDOW_NO).behaviour == "accept"


# --- at work --------------------------------------------------------------------------------------------------


class Queues:
    """The few calls of SQS that an agency makes, in memory. Deleted is what was deleted."""

    def __init__(self) -> None:
        self.waiting: dict[str, deque[str]] = {}
        self.sent: dict[str, list[str]] = {}
        self.deleted: list[str] = []
        self.returned: list[str] = []
        self.changed = Condition()

    def get_queue_url(self, *, QueueName: str) -> dict[str, str]:
        return {"QueueUrl": QueueName}

    def receive_message(
        self, *, QueueUrl: str, MaxNumberOfMessages: int, WaitTimeSeconds: int
    ) -> dict[str, Any]:
        with self.changed:
            self.changed.wait_for(lambda: self.waiting.get(QueueUrl), timeout=0.05)
            queue = self.waiting.get(QueueUrl, deque())
            bodies = [queue.popleft() for _ in range(min(MaxNumberOfMessages, len(queue)))]
        return {"Messages": [{"Body": body, "ReceiptHandle": body} for body in bodies]} if bodies else {}

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> None:
        with self.changed:
            self.sent.setdefault(QueueUrl, []).append(MessageBody)
            self.changed.notify_all()

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> None:
        self.deleted.append(ReceiptHandle)

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:
        self.returned.append(ReceiptHandle)

    def put(self, queue: str, body: str) -> None:
        with self.changed:
            self.waiting.setdefault(queue, deque()).append(body)
            self.changed.notify_all()


class Exchange:
    """The window's two paths for agencies: bodies by id, replies as they came; `refusing`: statuses to answer."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.replies: list[bytes] = []
        self.tokens: list[str] = []
        self.refusing: list[int] = []
        exchange = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer(exchange.bodies.get(self.path))

            def do_POST(self) -> None:
                exchange.replies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.answer(b"{}", exchange.refusing.pop(0) if exchange.refusing else 202)

            def answer(self, body: bytes | None, status: int = 200) -> None:
                exchange.tokens.append(self.headers["Authorization"])
                self.send_response(404 if body is None else status)
                self.end_headers()
                self.wfile.write(body or b"{}")

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    exchange = Exchange()
    thread = Thread(target=exchange.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield exchange
    exchange.server.shutdown()
    exchange.server.server_close()
    thread.join()


@pytest.fixture
def queues() -> Queues:
    return Queues()


@pytest.fixture
def hall(exchange: Exchange, queues: Queues) -> Iterator[Hall]:
    with Hall(queues, url=exchange.url, token=lambda agency: f"token-of-{agency}", stack="sw") as hall:
        yield hall


Ask = Callable[..., str]


@pytest.fixture
def ask(exchange: Exchange, queues: Queues, hall: Hall) -> Ask:
    """Send a question to an agency: its pointer as sent."""

    def send(agency: str, message_id: str = "m-1", window_no: str = WINDOW_NO, **over: Any) -> str:
        document = {"head": {"licence_no": "26-1"}} if agency == "mofcom" else DOCUMENT
        body = json.dumps({"message_id": message_id, "window_no": window_no, "document": document}).encode()
        path = f"/exchange/messages/{message_id}/body"
        exchange.bodies[path] = body
        pointer = {
            "message_id": message_id,
            "type": TYPES.get(agency, "declaration"),
            "window_no": window_no,
            "declaration_version": 1,
            "sha256": sha256(body).hexdigest(),
            "body": path,
        }
        text = json.dumps(pointer | over)
        queues.put(f"sw-{agency}-inbox", text)
        return text

    return send


def until(true: Callable[[], Any], timeout: float = 5) -> None:
    deadline = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_an_agency_fetches_the_body_with_its_token_replies_by_its_queue_and_deletes(
    ask: Ask, queues: Queues, exchange: Exchange
) -> None:
    pointer = ask("ciq")
    until(lambda: queues.deleted)

    (body,) = queues.sent["sw-ciq-replies"]
    assert json.loads(body)["message_id"] == "m-1"
    assert queues.deleted == [pointer]
    assert set(exchange.tokens) == {"Bearer token-of-ciq"}


def test_an_agency_may_reply_by_rest(ask: Ask, queues: Queues, exchange: Exchange, hall: Hall) -> None:
    hall.behave("customs", "accept", via="rest")
    ask("customs")
    until(lambda: exchange.replies)

    assert json.loads(exchange.replies[0])["outcome"] == "release"
    assert "sw-customs-replies" not in queues.sent


def test_what_the_window_fails_in_is_sent_again_with_the_same_reply_id(
    ask: Ask, queues: Queues, exchange: Exchange, hall: Hall
) -> None:
    hall.behave("ciq", "accept", via="rest")
    exchange.refusing = [503, 429]
    ask("ciq")
    until(lambda: queues.deleted)
    assert len(exchange.replies) == 3
    assert len(set(exchange.replies)) == 1


def test_what_the_window_refuses_is_not_sent_again(
    ask: Ask, queues: Queues, exchange: Exchange, hall: Hall
) -> None:
    hall.behave("ciq", "forged", via="rest")
    exchange.refusing = [404, 404]
    ask("ciq")
    until(lambda: queues.deleted)
    assert len(exchange.replies) == 1


def test_a_body_that_is_not_the_announced_one_is_not_answered(ask: Ask, queues: Queues) -> None:
    pointer = ask("ciq", sha256="0" * 64)
    until(lambda: queues.returned)
    assert queues.returned == [pointer]
    assert not queues.deleted
    assert not queues.sent


def test_a_message_that_cannot_be_read_goes_back_and_the_next_is_answered(ask: Ask, queues: Queues) -> None:
    queues.put("sw-ciq-inbox", "not json")
    ask("ciq")
    until(lambda: queues.deleted)
    assert queues.returned == ["not json"]


def test_a_repeated_delivery_is_not_answered_twice(ask: Ask, queues: Queues) -> None:
    ask("ciq")
    ask("ciq")
    until(lambda: len(queues.deleted) == 2)
    assert len(queues.sent["sw-ciq-replies"]) == 1


def test_whoever_was_silent_may_be_asked_again(ask: Ask, queues: Queues, hall: Hall) -> None:
    hall.behave("ciq", "silent")
    ask("ciq")
    until(lambda: queues.deleted)
    assert not queues.sent
    hall.behave("ciq", "accept")
    ask("ciq")
    until(lambda: queues.sent)


def test_a_late_reply_does_not_keep_the_next_question_waiting(ask: Ask, queues: Queues, hall: Hall) -> None:
    hall.behave("ciq", "slow", delay_seconds=0.5, for_="I1")
    ask("ciq", "m-1", "I1")
    ask("ciq", "m-2", "I2")
    until(lambda: len(queues.sent.get("sw-ciq-replies", [])) == 2)
    assert [json.loads(body)["message_id"] for body in queues.sent["sw-ciq-replies"]] == ["m-2", "m-1"]


def test_a_bill_tells_even_the_agency_whose_part_has_no_bill(ask: Ask, queues: Queues, hall: Hall) -> None:
    hall.behave("mofcom", "reject", for_=BILL)
    ask("mofcom", "m-1")
    ask("customs", "m-2")
    until(lambda: "sw-mofcom-replies" in queues.sent)
    assert json.loads(queues.sent["sw-mofcom-replies"][0])["outcome"] == "reject"


def test_a_foreign_reply_quotes_the_message_of_another_about_the_same(
    ask: Ask, queues: Queues, hall: Hall
) -> None:
    hall.behave("ciq", "foreign")
    ask("ciq", "m-ciq")
    ask("customs", "m-other", "I9")
    ask("customs", "m-customs")
    until(lambda: "sw-ciq-replies" in queues.sent)
    assert json.loads(queues.sent["sw-ciq-replies"][0])["message_id"] == "m-customs"


def notice(queues: Queues, event: str, message_id: str = "m-1") -> None:
    pointer = {"type": "clearance-notice", "message_id": message_id, "window_no": WINDOW_NO, "event": event}
    queues.put("sw-customs-inbox", json.dumps(pointer))


def test_in_a_full_course_customs_releases_once_it_is_told_of_inspection_and_tax(
    ask: Ask, queues: Queues, hall: Hall
) -> None:
    hall.behave("customs", "full-course")
    ask("customs")
    until(lambda: len(queues.sent.get("sw-customs-replies", [])) == 3)
    for event in ("TreasuryConfirmed", "TaxDeducted", "TaxDeducted", "InspectionDone"):
        notice(queues, event)
    until(lambda: len(queues.sent.get("sw-customs-replies", [])) == 4)

    said = [Reply.model_validate_json(sent) for sent in queues.sent["sw-customs-replies"]]
    assert said[-1].outcome == "release"
    accept, hold, release, _tax = sorted(said, key=lambda one: one.outcome)  # the first three leave at once
    assert [one.outcome for one in (accept, hold, release, _tax)] == ["accept", "hold", "release", "tax"]
    assert hold.hold is not None and hold.hold.kind == "inspection"
    assert accept.entry_id == release.entry_id
    assert release.at > hold.at


def test_after_a_stop_nothing_is_sent(ask: Ask, queues: Queues, hall: Hall) -> None:
    hall.behave("ciq", "slow", delay_seconds=0.2)
    ask("ciq")
    until(lambda: queues.deleted)
    hall.stop()
    time.sleep(0.3)
    assert not queues.sent


# --- the switchboard ------------------------------------------------------------------------------------------


def asked(hall: Hall, method: str, agency: str | None, body: bytes = b"") -> tuple[int, dict[str, Any], Any]:
    path = f"/_local/agencies/{agency}/behaviour" if agency else "/_local/agencies"
    request = EnvironBuilder(path=path, method=method, data=body).get_request()
    view = hall.routes["/_local/agencies/{agency}/behaviour" if agency else "/_local/agencies"]
    answer = view(request, agency=agency) if agency else view(request)
    return answer.status_code, dict(answer.headers), json.loads(answer.get_data())


def test_a_behaviour_is_set_and_shown(hall: Hall) -> None:
    hold = b'{"behaviour": "hold-then-clear", "delay_seconds": 0.5, "via": "rest", "for": "I1"}'
    status, headers, shown = asked(hall, "PUT", "customs", hold)

    assert status == 200
    assert headers["X-Correlation-Id"]
    assert shown == {
        "agency": "customs",
        "simulated": True,
        "behaviour": "accept",
        "delay_seconds": 0.0,
        "via": "queue",
        "single": [{"behaviour": "hold-then-clear", "delay_seconds": 0.5, "via": "rest", "for": "I1"}],
    }
    assert asked(hall, "GET", "customs")[2] == shown
    assert [one["agency"] for one in asked(hall, "GET", None)[2]["items"]] == list(hall.desks)


@pytest.mark.parametrize(
    ("method", "agency", "body", "status"),
    [
        ("PUT", "customs", b"{", 400),
        ("PUT", "customs", b"", 400),
        ("PUT", "customs", b'{"behaviour": "accept", "behaviour": "reject"}', 400),
        ("PUT", "customs", b'{"behaviour": "explode"}', 422),
        ("PUT", "nobody", b'{"behaviour": "accept"}', 404),
        ("GET", "nobody", b"", 404),
        ("DELETE", "customs", b"", 405),
        ("PUT", None, b"", 405),
    ],
)
def test_a_wrong_wish_is_a_problem(
    hall: Hall, method: str, agency: str | None, body: bytes, status: int
) -> None:
    answered, headers, problem = asked(hall, method, agency, body)
    assert (answered, problem["status"]) == (status, status)
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["X-Correlation-Id"] == problem["correlation_id"]


class Inspections:
    """The window's inspections as an agency calls them."""

    def __init__(self, *, opened: bool) -> None:
        self.opened = opened
        self.posted: list[tuple[str, Any]] = []

    def __call__(self, method: str, path: str, body: bytes | None) -> bytes:
        if path.endswith("/result") and not self.opened:
            raise HTTPError(path, 409, "Conflict", Message(), None)
        self.opened = True
        self.posted.append((path.rpartition("/")[2], json.loads(body or b"null")))
        return b"{}"


@pytest.mark.parametrize(
    ("opened", "first", "posts"),
    [(False, True, ["start", "result"]), (True, False, ["result"]), (False, False, ["start", "result"])],
)
def test_who_comes_first_opens_the_doors_and_each_passes_its_part(
    opened: bool, first: bool, posts: list[str]
) -> None:
    window = Inspections(opened=opened)
    inspecting.look("i-1", window, first=first)
    assert [what for what, _ in window.posted] == posts
    assert window.posted[-1][1]["result"] == "pass"


def test_a_hold_says_at_which_gate() -> None:
    (port,) = said("ciq", "inspect")
    use, yes = said("customs", "use-hold")
    assert (port["hold"]["gate"], port["hold"]["kind"]) == ("port", "quarantine")
    assert (use["hold"]["gate"], yes["outcome"]) == ("use", "release")
