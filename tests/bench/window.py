"""A local stack whose agencies answer at once, and the sample declaration."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from infra import issuer
from infra.agencies import Hall
from infra.stage import Stage
from tests.journeys.window import IMPORTER, Trader, sample


@dataclass(frozen=True)
class Window:
    """The stack, its agencies, and a trader at its door."""

    stage: Stage
    hall: Hall
    trader: Trader

    def fresh_trader(self) -> Trader:
        """With a token that the gateway has not seen: its authorizer is asked."""
        return Trader(self.stage.url, issuer.token("enterprise", IMPORTER))

    def submit(self, document: dict[str, Any]) -> str:
        """POST as most clients write JSON: compact, in UTF-8."""
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
        window_no: str = self.trader.submit(body)  # type: ignore[arg-type]
        return window_no

    def release(self, document: dict[str, Any], patience: float = 20.0) -> tuple[str, float]:
        """Submit and wait for the release; the window number, and the seconds from the POST to the release seen."""
        started = time.perf_counter()
        window_no = self.submit(document)
        while (state := self.trader.show(window_no)["state"]) != "RELEASED":
            if time.perf_counter() - started > patience:
                raise TimeoutError(f"{window_no} is {state} after {patience} s")
            time.sleep(0.005)
        return window_no, time.perf_counter() - started


@contextmanager
def opened() -> Iterator[Window]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    parameters = issuer.parameters(f"http://127.0.0.1:{port}") | {"AnswerTimeoutCap": "60"}
    with Stage(parameters=parameters, port=port, aws_port=0) as stage:
        stage.gateway.local_routes |= issuer.routes()
        hall = Hall(stage.client("sqs"), url=stage.url, token=lambda agency: issuer.token("agency", agency))
        with hall:
            yield Window(stage, hall, Trader(stage.url, issuer.token("enterprise", IMPORTER)))


def declaration(*without: str) -> dict[str, Any]:
    """Our sample: it goes to customs, ciq, maritime, mofcom, port and tax; `without` maritime (it comes by rail then)
    or mofcom (it has no licence then).
    """
    document = sample()
    if "maritime" in without:
        for line in document["lines"]:
            for member in ("un_number", "dangerous_name", "dangerous_pack_class", "dangerous_pack_spec"):
                line.pop(member, None)
    if "mofcom" in without:
        document["licence_documents"] = [
            one for one in document["licence_documents"] if one["document_code"] != "7"
        ]
    return document
