"""The sample declaration of a Chengdu importer, sent over HTTP with a real token and watched until it is released.

Where the agencies are simulated its trader is, too: it books the inspection and pays the bill, as it is told it can.
"""

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
from infra.banks.counter import BANK
from infra.run.screen import Progress, screen
from singlewindow import clock

SAMPLE = ROOT / "infra/samples/import-chengdu.json"
_PATIENCE = 40.0  # seconds
_AFTERGLOW = 3.0  # seconds for those who are only informed of the release
_LOOKS_AHEAD = 5  # days in which the trader looks for a slot
_ENDS = ("RELEASED", "REJECTED", "RETURNED", "SUSPENDED")
_open = build_opener(ProxyHandler({})).open

# At once would be too fast to watch: (behaviour, seconds) for the sample's bill alone.
_PACE = {
    "port": ("accept", 0.3),
    "maritime": ("accept", 0.7),
    "mofcom": ("accept", 1.0),
    "ciq": ("full-course", 1.2),
    "customs": ("full-course", 1.9),
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
            shown = _call("GET", address, bearer)
            progress.seen(shown)
            show()
            if hall:
                _act(url, bearer, shown, progress)
            if progress.state in _ENDS:
                ended = ended or time.monotonic()
                if hall is None or progress.all_told or time.monotonic() - ended > _AFTERGLOW:
                    break
            time.sleep(0.1)
    console.print(progress.summary(address), soft_wrap=True)


def _act(url: str, bearer: str, shown: Mapping[str, Any], progress: Progress) -> None:
    """Do what the explanation says that the trader can: book, once nobody is still considering, or pay."""
    for one in shown["explanation"]["can"]:
        if one["do"] == "book" and all(p["state"] not in ("to-ask", "pending") for p in _asked(shown)):
            slot = _first_free(url + one["href"], bearer)
            order = one["href"].removesuffix("/slots")
            _call("POST", f"{url}{order}/booking", bearer, {"slot_id": slot})
            progress.booked(order.rsplit("/", 1)[1], slot)
        elif one["do"] == "pay" and all(
            bill["due_on"] for bill in shown["bills"]
        ):  # payments has opened them
            _call("POST", url + one["href"], bearer, {"bank": BANK})
            progress.ordered(shown["bills"][0]["amount"])


def _asked(shown: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in shown["agencies"] if one["part"] != "informed"]


def _first_free(slots: str, bearer: str) -> str:
    for days in range(1, _LOOKS_AHEAD + 1):
        day = clock.business_date() + timedelta(days=days)
        if items := _call("GET", f"{slots}?date={day}", bearer)["items"]:
            return str(items[0]["slot_id"])
    raise RuntimeError(f"no slot for the inspection in {_LOOKS_AHEAD} days")


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
