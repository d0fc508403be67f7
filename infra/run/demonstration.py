"""The sample declaration of a Chengdu importer, sent over HTTP with a real token and watched until it is released."""

import json
import time
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener
from uuid import uuid4

from rich.console import Console

from infra import ROOT
from infra.agencies import Hall
from infra.run.screen import Progress, screen
from singlewindow import clock

SAMPLE = ROOT / "infra/samples/import-chengdu.json"
_PATIENCE = 40.0  # seconds
_AFTERGLOW = 3.0  # seconds for those who are only informed of the release
_ENDS = ("RELEASED", "REJECTED", "RETURNED", "SUSPENDED")
_open = build_opener(ProxyHandler({})).open

# At once would be too fast to watch: (behaviour, seconds) for the sample's bill alone.
_PACE = {
    "port": ("accept", 0.3),
    "maritime": ("accept", 0.7),
    "mofcom": ("accept", 1.0),
    "ciq": ("hold-then-clear", 1.2),
    "customs": ("accept", 1.9),
    "tax": ("accept", 0.2),
}


def demonstrate(console: Console, url: str, token: Callable[[str, str], str], hall: Hall | None) -> None:
    """Send the sample and show what becomes of it. Raises `RuntimeError` where the window refuses it."""
    document = sample(clock.business_date())
    head = document["head"]
    if hall:
        for agency in hall.desks.keys() & _PACE.keys():
            behaviour, delay = _PACE[agency]
            hall.behave(agency, behaviour, delay_seconds=delay, for_=head["bill_no"])
    bearer = token("enterprise", head["trade_uscc"])
    progress = Progress(
        trader=head["trade_name"],
        lines=len(document["lines"]),
        bill_no=head["bill_no"],
        simulated=hall is not None,
    )
    with screen(console, progress) as show:
        receipt = _call("POST", f"{url}/declarations", bearer, document)
        address = f"{url}/declarations/{receipt['window_no']}"
        progress.submitted(receipt["window_no"])
        show()
        ended = None
        while time.monotonic() - progress.started < _PATIENCE:
            progress.seen(_call("GET", address, bearer))
            show()
            if progress.state in _ENDS:
                ended = ended or time.monotonic()
                if hall is None or progress.all_told or time.monotonic() - ended > _AFTERGLOW:
                    break
            time.sleep(0.1)
    console.print(progress.summary(address), soft_wrap=True)


def sample(today: date) -> dict[str, Any]:
    """The sample, its dates moved so that the goods arrived four days ago."""
    document: dict[str, Any] = json.loads(SAMPLE.read_text(encoding="utf-8"))
    head = document["head"]
    moved = today - timedelta(days=4) - date.fromisoformat(head["ie_date"])
    for field in ("ie_date", "departure_date", "discharge_date"):
        if field in head:
            head[field] = (date.fromisoformat(head[field]) + moved).isoformat()
    return document


def _call(method: str, url: str, bearer: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {bearer}"}
    if data is not None:
        headers |= {"Content-Type": "application/json", "Idempotency-Key": str(uuid4())}
    try:
        with _open(Request(url, data, headers, method=method), timeout=30) as answer:
            value: dict[str, Any] = json.loads(answer.read())
            return value
    except HTTPError as error:
        with error:
            problem = json.loads(error.read() or b"{}")
        said = f"{problem.get('detail', 'no reason given')} (correlation id {problem.get('correlation_id')})"
        raise RuntimeError(f"{method} {url} answered {error.code}: {said}") from None
