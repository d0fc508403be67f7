"""A simulated agency that wants to see the goods: once a slot is booked it looks, and writes its result.

By REST, as an agency would: who comes first opens the doors, each passes its part.
"""

import json
from collections.abc import Callable
from typing import Final
from urllib.error import HTTPError

# `inspect`: nothing leaves the port before; `use-hold`: it may leave, and not be sold or used (两段准入).
BEHAVIOURS: Final = ("inspect", "use-hold", "full-course")

Call = Callable[[str, str, bytes | None], bytes]


def look(id: str, call: Call, *, first: bool) -> None:
    """Pass the goods; who comes `first` opens the doors before, another where nobody has.

    Raises `HTTPError` where the window refuses.
    """
    result = {"result": "pass", "checklist": [{"item": "［模拟］外观", "ok": True}], "note": "simulated"}
    sheet = json.dumps(result).encode()
    if not first:
        try:
            call("POST", f"/inspections/{id}/result", sheet)
        except HTTPError as error:
            if error.code != 409:
                raise
        else:
            return
    call("POST", f"/inspections/{id}/start", b"{}")
    call("POST", f"/inspections/{id}/result", sheet)
