"""Reference client of an enterprise's system: declare, send any message, receive and verify what comes back.

Python 3.11, standard library alone; take it, or read it. `Window` has the calls; `verified` judges a webhook;
`python enterprise.py declare|send|pull|listen` are examples of use (`--help`).
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

ENDS = ("RELEASED", "CLEARED", "REJECTED", "RETURNED", "WITHDRAWN", "SUSPENDED")
JUDGED = ("VALIDATED", "INVALID", "QUARANTINED")
_TRIES = 6


class Refused(Exception):
    """The window said no: `problem` is its answer (RFC 9457), with `findings` and `correlation_id`."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('code')}: {problem.get('detail')}")
        self.status, self.problem = status, problem


class Window:
    """The window at `url`, as the party that `token` speaks for.

    Every call that changes something is safe to repeat, and is repeated where no answer came: the Idempotency-Key
    stays the same, so the window does it once.
    """

    def __init__(self, url: str, token: str) -> None:
        self.url, self._token = url.rstrip("/"), token

    def declare(self, document: Mapping[str, Any], key: str | None = None) -> str:
        """Submit a declaration; the window number. Raises `Refused` with all findings."""
        answer = self._call("POST", "/declarations", document, key=key or str(uuid.uuid4()))
        window_no: str = answer["window_no"]
        return window_no

    def check(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """All findings on a declaration; nothing is stored."""
        return self._call("POST", "/declarations/check", document)

    def standing(self, window_no: str) -> dict[str, Any]:
        return self._call("GET", f"/declarations/{window_no}")

    def until_decided(self, window_no: str, every: float = 1.0) -> Iterator[dict[str, Any]]:
        """Where the declaration stands, whenever that changes, until it is decided. Better: subscribe."""
        seen = None
        while seen not in ENDS:
            standing = self.standing(window_no)
            if standing["state"] != seen:
                seen = standing["state"]
                yield standing
            time.sleep(every)

    def send(self, raw: bytes, media_type: str, key: str, receivers: tuple[str, ...] = ()) -> dict[str, Any]:
        """Send any message that the catalogue knows; its receipt. `key`: the same again is the same message."""
        more = {"Receivers": ",".join(receivers)} if receivers else {}
        receipt = self._call("POST", "/exchange/messages", raw, media_type, key=key, **more)
        if receipt["sha256"] != hashlib.sha256(raw).hexdigest():
            raise ValueError("the window kept other bytes than were sent")
        return receipt

    def message(self, receipt_id: str) -> dict[str, Any]:
        """What became of a message: state, findings, where its copies are."""
        return self._call("GET", f"/exchange/messages/{receipt_id}")

    def subscribe(self, url: str | None = None) -> dict[str, Any]:
        """Be told what happens to one's shipments; keep `secret`: it is shown this once."""
        return self._call("POST", "/exchange/subscriptions", {"url": url} if url else {})

    def notifications(self, subscription_id: str, after: str = "") -> Iterator[dict[str, Any]]:
        """What a subscription was told after a cursor, the oldest first. Keep `cursor` with what you did about it."""
        more = True
        while more:
            path = f"/exchange/subscriptions/{subscription_id}/deliveries?after={quote(after)}&limit=200"
            page = self._call("GET", path)
            yield from page["items"]
            after, more = page["next"], page["more"]

    def join(self, **settings: Any) -> dict[str, Any]:
        """Register a channel by which messages come to one; `secret` for a webhook, shown this once."""
        return self._call("POST", "/exchange/channels", {"protocol": "pull"} | settings)

    def messages(self, channel_id: str, after: str = "") -> Iterator[dict[str, Any]]:
        """What came by a channel after a cursor: pointers, for `fetch` and `acknowledge`."""
        more = True
        while more:
            path = f"/exchange/channels/{channel_id}/messages?after={quote(after)}&limit=100"
            page = self._call("GET", path)
            yield from page["items"]
            after, more = page["next"], page["more"]

    def fetch(self, pointer: Mapping[str, Any]) -> bytes:
        """The document that a pointer announces, compared with its hash."""
        raw = self._raw("GET", pointer["body"])
        if hashlib.sha256(raw).hexdigest() != pointer["sha256"]:
            raise ValueError(f"{pointer['body']}: not what was announced")
        return raw

    def acknowledge(self, pointer: Mapping[str, Any]) -> None:
        """Say that the document is safe with us; saying it twice changes nothing."""
        self._raw("POST", pointer["ack"])

    def _call(
        self, method: str, path: str, body: Any = None, media_type: str = "application/json", **headers: str
    ) -> dict[str, Any]:
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        answer: dict[str, Any] = json.loads(self._raw(method, path, data, media_type, **headers))
        return answer

    def _raw(
        self,
        method: str,
        path: str,
        data: bytes | None = None,
        media_type: str = "application/json",
        key: str = "",
        **headers: str,
    ) -> bytes:
        headers |= {"Authorization": f"Bearer {self._token}"}
        headers |= {"Content-Type": media_type} if data is not None else {}
        headers |= {"Idempotency-Key": key} if key else {}
        request = Request(self.url + path, data, headers, method=method)
        for attempt in range(1, _TRIES + 1):
            try:
                with urlopen(request, timeout=30) as answer:
                    content: bytes = answer.read()
                    return content
            except HTTPError as error:
                with error:
                    problem = json.loads(error.read() or b"{}")
                    pause = float(error.headers.get("Retry-After") or 0.2 * 2**attempt)
                if attempt == _TRIES or (error.code < 500 and error.code != 429):
                    raise Refused(error.code, problem) from None
            except URLError:
                if attempt == _TRIES:
                    raise
                pause = 0.2 * 2**attempt
            time.sleep(pause)
        raise AssertionError("unreachable")


def verified(secrets: tuple[str, ...], headers: Mapping[str, str], body: bytes) -> bool:
    """Whether a webhook is the window's (Standard Webhooks): any secret in force, not older than five minutes."""
    id, at, given = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not at.isdecimal() or abs(time.time() - int(at)) > 300:
        return False
    signed = f"{id}.{at}.".encode() + body
    keys = [base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets]
    expected = ["v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys]
    return any(hmac.compare_digest(one, other) for one in expected for other in given.split(" "))


def listen(port: int, secrets: tuple[str, ...]) -> None:
    """Print verified webhooks. Answers first and works afterwards; knows a repetition by `webhook-id`."""
    seen: set[str] = set()  # in your system: a unique key in the table where the work is written

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            sound = verified(secrets, {name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(204 if sound else 401)
            self.end_headers()
            id = self.headers.get("webhook-id", "")
            if sound and id not in seen:
                seen.add(id)
                print(body.decode(), flush=True)

        def log_message(self, *_: Any) -> None:
            pass

    HTTPServer(("127.0.0.1", port), Hook).serve_forever()


def main() -> int:
    options = _options()
    if options.what == "listen":
        listen(options.port, tuple(os.environ["SECRET"].split()))
    try:
        return _done(options, Window(options.window, os.environ["TOKEN"]))
    except Refused as refused:
        _print(refused.problem.get("findings", []))
        print(refused, file=sys.stderr)
        return 1


def _done(options: argparse.Namespace, window: Window) -> int:
    if options.what == "declare":
        window_no = window.declare(json.loads(options.file.read_bytes()))
        for standing in window.until_decided(window_no):
            print(window_no, standing["state"], flush=True)
    elif options.what == "send":
        raw = options.file.read_bytes()
        # The file sent twice to the same receivers is one message; under one key later receivers would get nothing.
        key = hashlib.sha256(",".join(sorted(options.to)).encode() + b"\n" + raw).hexdigest()
        receipt = window.send(raw, options.type, key, tuple(options.to))
        while (one := window.message(receipt["receipt_id"]))["state"] not in JUDGED:
            time.sleep(0.5)
        print(one["receipt_id"], one["state"], f"{len(one['findings'])} finding(s)")
        _print(one["findings"])
        return 0 if one["state"] == "VALIDATED" else 1
    else:
        channel = options.channel or window.join()["id"]
        for pointer in window.messages(channel, options.after):
            print(pointer["cursor"], pointer["type"], len(window.fetch(pointer)), "bytes")
            window.acknowledge(pointer)
        print(f"channel {channel}")
    return 0


def _print(findings: list[dict[str, Any]]) -> None:
    for one in findings:
        print(one.get("path", one.get("pointer")), one["message_zh"], "|", one["message_en"])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--window", default=os.environ.get("WINDOW", "http://127.0.0.1:8000"))
    what = parser.add_subparsers(dest="what", required=True)
    declare = what.add_parser("declare", help="submit a declaration and follow it")
    declare.add_argument("file", type=Path)
    send = what.add_parser("send", help="send any message")
    send.add_argument("file", type=Path)
    send.add_argument("--type", default="application/json")
    send.add_argument(
        "--to", action="append", default=[], help="a receiver: a USCC or an agency's id; up to five"
    )
    pull = what.add_parser(
        "pull", help="fetch what came by a channel of one's own; makes one where none is named"
    )
    pull.add_argument("--channel")
    pull.add_argument("--after", default="")
    hook = what.add_parser("listen", help="print verified webhooks; SECRET has the secrets in force")
    hook.add_argument("--port", type=int, default=9000)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
