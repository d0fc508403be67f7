"""Reference client of an agency: read the inbox, fetch and verify what it points to, decide, answer.

Python 3.11 and boto3; take it, or read it. `Desk.work` has the loop; `decide` is yours: the one here says yes to
everything. `TOKEN=… python agency.py customs`.
"""

import argparse
import hashlib
import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import boto3

Json = dict[str, Any]
# (pointer, document) → the members of a reply beside reply_id, message_id and at; None: nothing to say yet.
Decide = Callable[[Json, Json], Json | None]


class Desk:
    """One agency at its two queues. `agency` is its id; `token` says so; the queues belong to it alone."""

    def __init__(self, agency: str, window: str, token: str, sqs: Any, stack: str = "singlewindow") -> None:
        self.agency, self._window, self._token, self._sqs = agency, window.rstrip("/"), token, sqs
        self._inbox, self._replies = (
            sqs.get_queue_url(QueueName=f"{stack}-{agency}-{kind}")["QueueUrl"]
            for kind in ("inbox", "replies")
        )

    def work(self, decide: Decide, *, until: Callable[[], bool] = lambda: False) -> Iterator[str]:
        """Answer what comes, and say what was done. A message is deleted when its answer is on its way, never before:
        what fails comes back, and after fifteen times lies in the dead letters."""
        while not until():
            received = self._sqs.receive_message(
                QueueUrl=self._inbox, MaxNumberOfMessages=10, WaitTimeSeconds=1
            )
            for message in received.get("Messages", []):
                try:
                    yield self._take(json.loads(message["Body"]), decide)
                except Exception as error:  # this one alone comes back
                    yield f"left to come back: {error!r}"
                else:
                    self._sqs.delete_message(QueueUrl=self._inbox, ReceiptHandle=message["ReceiptHandle"])

    def fetch(self, pointer: Mapping[str, Any]) -> bytes:
        """What a pointer announces, compared with its hash: from its link, or with a token where that is over."""
        raw = self._linked(pointer.get("link")) or self._call("GET", pointer["body"])
        if hashlib.sha256(raw).hexdigest() != pointer["sha256"]:
            raise ValueError(f"{pointer['body']}: not what was announced")
        return raw

    def _linked(self, link: str | None) -> bytes | None:
        if link is None:
            return None
        try:
            with urlopen(link, timeout=10) as answer:
                raw: bytes = answer.read()
                return raw
        except URLError:  # over, or refused
            return None

    def reply(self, pointer: Mapping[str, Any], said: Mapping[str, Any]) -> None:
        """Answer a question. The id follows from the question and the answer: a repetition is known as one."""
        content = json.dumps(said, sort_keys=True, ensure_ascii=False)
        name = uuid.uuid5(uuid.NAMESPACE_URL, f"{self.agency}:{pointer['message_id']}:{content}")
        reply = {
            "reply_id": str(name),
            "message_id": pointer["message_id"],
            "at": datetime.now(UTC).isoformat(),
        }
        body = json.dumps(reply | dict(said), ensure_ascii=False)
        self._sqs.send_message(QueueUrl=self._replies, MessageBody=body)

    def _take(self, pointer: Json, decide: Decide) -> str:
        if "body" not in pointer:  # a notice: nothing to fetch, nothing to answer
            return f"{pointer.get('window_no')}: {pointer.get('type')}"
        raw = self.fetch(pointer)
        if "ack" in pointer:  # a message that somebody sent us
            self._call("POST", pointer["ack"])
            return f"{pointer['delivery_id']}: {pointer['type']}, {pointer['bytes']} bytes, acknowledged"
        said = decide(pointer, json.loads(raw)["document"])
        if said is None:
            return f"{pointer['window_no']}: no answer yet"
        self.reply(pointer, said)
        return f"{pointer['window_no']}: {said['outcome']}"

    def _call(self, method: str, path: str) -> bytes:
        request = Request(
            self._window + path, headers={"Authorization": f"Bearer {self._token}"}, method=method
        )
        with urlopen(request, timeout=10) as answer:
            content: bytes = answer.read()
            return content


def decide(pointer: Json, document: Json) -> Json:
    """An example, and no way to run an agency: yes to everything; customs' yes is its release, with a number."""
    if pointer["type"] != "declaration" or "customs_master" not in document.get("head", {}):
        return {"outcome": "accept"}
    head = document["head"]
    direction, year = "1" if head["ie_flag"] == "I" else "0", datetime.now(UTC).year
    serial = uuid.UUID(pointer["message_id"]).int % 10**9  # the same question gets the same number
    return {"outcome": "release", "entry_id": f"{head['customs_master']}{year}{direction}{serial:09d}"}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("agency", help="its id: customs, ciq, maritime, mofcom, port, tax")
    parser.add_argument("--window", default=os.environ.get("WINDOW", "http://127.0.0.1:8000"))
    parser.add_argument("--stack", default="singlewindow")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    options = parser.parse_args()
    # Locally AWS_ENDPOINT_URL is http://127.0.0.1:8001 and any credentials do; on AWS both are your own.
    sqs = boto3.client("sqs", region_name=os.environ.get("AWS_DEFAULT_REGION", "cn-northwest-1"))
    desk = Desk(options.agency, options.window, os.environ["TOKEN"], sqs, options.stack)
    end = time.monotonic() + options.seconds
    answer = decide if options.agency == "customs" else lambda pointer, document: {"outcome": "accept"}
    for line in desk.work(answer, until=lambda: time.monotonic() > end):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
