"""What a journey needs: a trader over HTTP, and desks that play the agencies over SQS, as anybody would."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

from infra.stage import Stage
from singlewindow import clock

ROOT = Path(__file__).parents[2]
IMPORTER = "91510100569680768F"
STRANGER = "913302017532977856"
PATIENCE = 15.0
WISHES = ("amendment", "withdrawal", "amendment-notice", "withdrawal-notice")
OURS = (
    "DeclarationsInbox",
    "ExchangeInbox",
    "InspectionsInbox",
    "NotificationsInbox",
    "PanoramaInbox",
    "PaymentsInbox",
)

_serial = count(1)


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


@dataclass
class Client:
    """HTTP as one caller."""

    url: str
    token: str | None

    def call(
        self, method: str, path: str, body: Any = None, media_type: str = "application/json", **headers: str
    ) -> Response:
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        if data is not None and media_type:
            sent["Content-Type"] = media_type
        request = urllib.request.Request(self.url + path, data, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return Response(answer.status, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            return Response(error.code, dict(error.headers), error.read())

    def get(self, path: str, **headers: str) -> Response:
        return self.call("GET", path, **headers)


@dataclass
class Trader(Client):
    def submit(self, document: dict[str, Any], **headers: str) -> str:
        """Submit; the window number. Fails with the answer where it is not a 202."""
        headers.setdefault("Idempotency_Key", str(uuid4()))
        answer = self.call("POST", "/declarations", document, **headers)
        assert answer.status == 202, answer.raw.decode()
        window_no: str = answer.json["window_no"]
        return window_no

    def show(self, window_no: str) -> dict[str, Any]:
        answer = self.get(f"/declarations/{window_no}")
        assert answer.status == 200, answer.raw.decode()
        shown: dict[str, Any] = answer.json
        return shown

    def wait(self, window_no: str, state: str) -> dict[str, Any]:
        """The declaration once it is in `state`."""
        return until(lambda: self.show(window_no), lambda shown: shown["state"] == state)

    def agency(self, window_no: str, agency: str) -> dict[str, Any]:
        return next(one for one in self.show(window_no)["agencies"] if one["agency"] == agency)


@dataclass
class Desk:
    """One agency at its queues. What it receives for other consignments it lays aside."""

    stage: Stage
    agency: str
    client: Client
    questions: dict[tuple[str, int | str], dict[str, Any]] = field(default_factory=dict)
    notices: list[dict[str, Any]] = field(default_factory=list)

    def question(self, window_no: str, version: int = 1, patience: float = PATIENCE) -> dict[str, Any]:
        """The pointer message about one version, once it has come."""
        return until(lambda: self._look((window_no, version)), bool, patience)

    def told(self, window_no: str, kind: str) -> list[dict[str, Any]]:
        """The notices of a kind about one declaration, once there are any."""

        def look() -> list[dict[str, Any]]:
            self._look(("", 0))
            return [one for one in self.notices if (one["window_no"], one["type"]) == (window_no, kind)]

        return until(look, bool)

    def wish(self, window_no: str, type: str) -> dict[str, Any]:
        """The pointer message of a type about a change or withdrawal, once it has come; the last of several."""
        return until(lambda: self._look((window_no, type)), bool)

    def _look(self, wanted: tuple[str, int | str]) -> dict[str, Any]:
        sqs = self.stage.client("sqs")
        url = self._queue("inbox")
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            pointer = json.loads(message["Body"])
            if "delivery_id" in pointer:  # a message that somebody passed on
                pass
            elif "body" in pointer:
                about = pointer["type"] if pointer["type"] in WISHES else pointer["declaration_version"]
                self.questions[pointer["window_no"], about] = pointer
            else:
                self.notices.append(pointer)
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return self.questions.get(wanted, {})

    def body(self, pointer: dict[str, Any]) -> Response:
        return self.client.get(pointer["body"])

    def reply(self, window_no: str, outcome: str, *, version: int = 1, **members: Any) -> dict[str, Any]:
        """Answer the question about one version; the reply as sent."""
        reply = self.compose(self.question(window_no, version), outcome, **members)
        self.send(reply)
        return reply

    @property
    def yes(self) -> str:
        """The agency's yes: customs' is its release, which here carries the declaration number and so accepts, too."""
        return "release" if self.agency == "customs" else "accept"

    def agree(self, window_no: str, *, version: int = 1) -> dict[str, Any]:
        return self.reply(window_no, self.yes, version=version)

    def compose(self, pointer: dict[str, Any], outcome: str, **members: Any) -> dict[str, Any]:
        reply = {
            "reply_id": f"{self.agency}-{uuid4()}",
            "message_id": pointer["message_id"],
            "outcome": outcome,
            "findings": [],
            "at": clock.stamp(),
        }
        if self.agency == "customs" and outcome in ("accept", "release"):
            reply["entry_id"] = f"79012026{'1' if pointer['window_no'][0] == 'I' else '0'}{next(_serial):09d}"
        return reply | members

    def send(self, reply: Any) -> None:
        body = reply if isinstance(reply, str) else json.dumps(reply)
        self.stage.client("sqs").send_message(QueueUrl=self._queue("replies"), MessageBody=body)

    def _queue(self, kind: str) -> str:
        return self.stage.resource(f"{self.agency.capitalize()}{kind.capitalize()}")


def quiet(stage: Stage, patience: float = 10.0) -> None:
    """Wait until the window itself is at rest; what lies in agencies' inboxes is theirs."""
    stage.settle(
        patience,
        ignore=tuple(name for name in stage.created.queues if name.endswith("Inbox") and name not in OURS),
    )


def until(look: Callable[[], Any], enough: Callable[[Any], bool], patience: float = PATIENCE) -> Any:
    """What `look` sees once it is enough; fails with the last sight."""
    deadline = time.monotonic() + patience
    while not enough(seen := look()):
        assert time.monotonic() < deadline, f"still {seen}"
        time.sleep(0.02)
    return seen


def sample(name: str = "import-chengdu", **head: Any) -> dict[str, Any]:
    """Our own sample declaration, each with a bill of its own."""
    document: dict[str, Any] = deepcopy(json.loads((ROOT / f"infra/samples/{name}.json").read_text()))
    document["head"] |= head
    document.get("sign", {}).pop("client_seq_no", None)
    return document
