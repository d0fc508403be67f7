"""A simulated agency that wants to see the goods: waits until a slot is booked, looks, writes its result.

By REST, as an agency would: it reads the inspections that it asked for, starts the one of its shipment, passes it.
"""

import json
from collections.abc import Callable
from threading import Event
from typing import Any, Final
from urllib.error import HTTPError

# `inspect`: nothing leaves the port before; `use-hold`: it may leave, and not be sold or used (两段准入).
BEHAVIOURS: Final = ("inspect", "use-hold", "full-course")

Call = Callable[[str, str, bytes | None], bytes]


def look(window_no: str, call: Call, stopping: Event, every: float) -> str | None:
    """Wait for the inspection of a shipment to be booked, start it and pass it: its id; None where it was cancelled.

    Asks every so many seconds, until `stopping`. Raises `HTTPError` where the window refuses.
    """
    while not stopping.is_set():
        one = _mine(window_no, call)
        if one and one["state"] in ("CANCELLED", "DONE"):
            return None
        if one and one["state"] in ("BOOKED", "STARTED"):
            _pass(one["inspection_id"], call)
            return str(one["inspection_id"])
        stopping.wait(every)
    return None


def _mine(window_no: str, call: Call) -> dict[str, Any] | None:
    """The latest inspection of a shipment, among the hundred latest that this agency asked for."""
    items = json.loads(call("GET", "/inspections?limit=100", None))["items"]
    return next((one for one in items if one["window_no"] == window_no), None)


def _pass(id: str, call: Call) -> None:
    try:
        call("POST", f"/inspections/{id}/start", b"{}")
    except HTTPError as error:
        if error.code != 409:  # another agency was quicker, and the last of them has closed it
            raise
    result = {"result": "pass", "checklist": [{"item": "［模拟］外观", "ok": True}], "note": "simulated"}
    call("POST", f"/inspections/{id}/result", json.dumps(result).encode())
