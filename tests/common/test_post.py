"""One HTTP attempt against a receiver that behaves and one that does not."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from singlewindow.outbound.post import Outcome, post
from tests.support.receiver import Receiver, receiver


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as one:
        yield one


def send(url: str, **given: Any) -> Outcome:
    return post(url, '{"a":1}', {"webhook-id": "m"}, **{"private": True, "seconds": 0.5} | given)


@pytest.mark.parametrize(
    ("status", "delivered"), [(200, True), (204, True), (400, False), (410, False), (500, False)]
)
def test_two_hundreds_are_delivered_and_nothing_else(there: Receiver, status: int, delivered: bool) -> None:
    there.answers["/x?y=1"] = status

    assert send(f"{there.url}/x?y=1") == (delivered, str(status))
    came = there.at("/x?y=1")[0]
    assert (came.body, came.headers["webhook-id"]) == (b'{"a":1}', "m")
    assert came.headers["content-type"] == "application/json"
    assert came.headers["host"] == there.url.removeprefix("http://")


def test_a_redirect_is_not_followed(there: Receiver) -> None:
    there.answers["/x"] = 302

    assert send(f"{there.url}/x") == (False, "302")
    assert list(there.came) == ["/x"]


def test_who_hangs_is_left_at_the_deadline(there: Receiver) -> None:
    there.answers["/x"] = there.hang
    started = time.monotonic()

    assert send(f"{there.url}/x") == (False, "timeout")
    assert 0.4 < time.monotonic() - started < 2


def test_who_drips_a_byte_at_a_time_is_left_at_the_deadline_too(there: Receiver) -> None:
    def drip(handler: Any) -> None:
        for _ in range(100):
            try:
                handler.wfile.write(b"H")
                handler.wfile.flush()
            except OSError:
                return
            time.sleep(0.05)

    there.answers["/x"] = drip
    started = time.monotonic()

    assert send(f"{there.url}/x") == (False, "timeout")
    assert time.monotonic() - started < 2


def test_nobody_there() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert send(f"http://127.0.0.1:{port}/") == (False, "no-connection")


def test_https_that_is_none(there: Receiver) -> None:
    assert send(there.url.replace("http:", "https:") + "/") in [(False, "tls"), (False, "no-connection")]
    assert there.came == {}


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["10.0.0.1"], ["223.5.5.5", "169.254.169.254"], ["::1"]]
)
def test_a_name_that_leads_inside_is_refused_before_anything_is_sent(
    addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_a, **_k: [(2, 1, 6, "", (one, 443)) for one in addresses]
    )
    monkeypatch.setattr(socket, "create_connection", lambda *_a, **_k: pytest.fail("connected"))

    assert send("https://erp.example.cn/", private=False) == (False, "address-refused")


def test_the_connection_goes_to_the_address_that_was_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    went = []

    def connect(where: Any, timeout: float) -> Any:
        went.append(where)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: [(2, 1, 6, "", ("223.5.5.5", 443))])
    monkeypatch.setattr(socket, "create_connection", connect)

    assert send("https://erp.example.cn/", private=False) == (False, "no-connection")
    assert went == [("223.5.5.5", 443)]
