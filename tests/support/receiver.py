"""A webhook receiver on 127.0.0.1: what came by each path, and an answer that a test chooses."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any


@dataclass(frozen=True)
class Came:
    at: float
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """`answers`: what happens at a path (default: 204). A callable may hang, write what it likes, or answer."""

    url: str = ""
    came: dict[str, list[Came]] = field(default_factory=dict)
    answers: dict[str, int | Callable[[Any], None]] = field(default_factory=dict)
    released: Event = field(default_factory=Event)

    def at(self, path: str) -> list[Came]:
        return self.came.get(path, [])

    def hang(self, _: Any) -> None:
        """Say nothing until the receiver closes."""
        self.released.wait(30)


@contextmanager
def receiver() -> Iterator[Receiver]:
    one = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            one.came.setdefault(self.path, []).append(Came(time.monotonic(), headers, body))
            answer = one.answers.get(self.path, 204)
            if callable(answer):
                answer(self)
                return
            self.send_response(answer)
            if answer == 302:
                self.send_header("Location", f"{one.url}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            one.came.setdefault("GET", []).append(Came(time.monotonic(), {}, b""))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    one.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield one
    finally:
        one.released.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
