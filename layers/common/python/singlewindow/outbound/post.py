"""One HTTP attempt: a deadline over all of it, no redirects, connected to the very address that was judged.

A name is resolved once, every address that it has must be allowed, and the connection goes to one of those: a name that
answers otherwise the second time gains nothing. Nothing of the answer is read but its status.
"""

import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from threading import Timer
from typing import Final, NamedTuple

from singlewindow.outbound import address
from singlewindow.outbound.address import Target, Unfit

SECONDS: Final = 5.0


class Outcome(NamedTuple):
    """`said`: a status, or in a word why there is none."""

    delivered: bool
    said: str

    @property
    def gone(self) -> bool:
        """Whether the receiver wants nothing any more."""
        return self.said == "410"


def post(
    url: str, body: str, headers: Mapping[str, str], *, private: bool, seconds: float = SECONDS
) -> Outcome:
    """POST `body` once. Never raises for what the other side does."""
    deadline = time.monotonic() + seconds
    try:
        target = address.parse(url, private=private)
        where = _resolve(target, private=private)
    except Unfit:
        return Outcome(False, "address-refused")
    except OSError:
        return Outcome(False, "name-not-resolved")
    try:
        status = _exchange(target, where, body.encode(), headers, deadline)
    except TimeoutError:
        return Outcome(False, "timeout")
    except ssl.SSLError:
        return Outcome(False, "tls")
    except (OSError, http.client.HTTPException):
        return Outcome(False, "timeout" if time.monotonic() >= deadline else "no-connection")
    return Outcome(200 <= status < 300, str(status))


def _resolve(target: Target, *, private: bool) -> str:
    """An address of the host. Raises `Unfit` where any of its addresses is not allowed, `OSError` where it has none."""
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    addresses = [str(one[4][0]) for one in found]
    if not private and not all(address.is_public(one) for one in addresses):
        raise Unfit("not on the public internet")
    return addresses[0]


def _exchange(target: Target, where: str, body: bytes, headers: Mapping[str, str], deadline: float) -> int:
    raw = socket.create_connection((where, target.port), timeout=_left(deadline))
    # A timeout of a socket is one of each read: who sends a byte a second would never reach it. This one is of all.
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.sock = raw
    timer = Timer(_left(deadline), _cut, [connection])
    timer.daemon = True
    try:
        timer.start()
        if target.scheme == "https":
            raw.settimeout(_left(deadline))
            connection.sock = _tls().wrap_socket(raw, server_hostname=target.host)
        connection.sock.settimeout(_left(deadline))
        sent = {
            "Host": target.authority,
            "Content-Type": "application/json",
            "User-Agent": "singlewindow-webhooks/1",
        }
        connection.request("POST", target.path, body, sent | dict(headers) | {"Connection": "close"})
        with connection.getresponse() as answer:
            return answer.status
    finally:
        timer.cancel()
        raw.close()
        connection.close()


def _cut(connection: http.client.HTTPConnection) -> None:
    with suppress(OSError, AttributeError):
        # The base class's: below TLS, and from another thread.
        socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
