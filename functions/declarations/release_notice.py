"""Customs' signed release, relayed: the notice itself, what it says, how to verify it offline, whether it is in force.

The window keeps and shows it; it never makes one (`domain.md` A.1).
"""

import base64
from typing import Any

from singlewindow import canonical
from singlewindow.consignment import Consignment
from singlewindow.events import Event

IN_FORCE, REVOKED, CLOSED = "in-force", "revoked", "closed"


def shown(consignment: Consignment) -> dict[str, Any] | None:
    """The answer of `GET /declarations/{window_no}/release-notice`; None where no release was relayed yet.

    The notice of the last release; in two steps that of the summary stays until the full declaration's. Without a
    signed one `notice`, `says` and `key` are null. `status`: `in-force`; `revoked`: customs took it back; `closed`: the
    goods have left under it.
    """
    events = consignment.events
    released = next((event for event in reversed(events) if event.type == "DeclarationReleased"), None)
    if released is None:
        return None
    signed = _signed(events, released)
    status, since = _status(events, released)
    return {
        "window_no": consignment.window_no,
        "version": released.declaration_version,
        "entry_id": released.data.get("entry_id"),
        "status": status,
        "since": since,
        "released_at": released.at,
        "conditional": released.data.get("conditional", False),
        "guaranteed": released.data.get("guaranteed", False),
        "removal": released.data.get("removal", False),
        "notice": signed["notice"] if signed else None,
        "says": _payload(signed["notice"]) if signed else None,
        "key": signed["key"] if signed else None,
    }


def _signed(events: tuple[Event, ...], released: Event) -> dict[str, Any] | None:
    """The release, as customs sent it, that this event relayed."""
    wanted = released.data.get("notice_sha256")
    for event in events:
        notice = event.data.get("release", {}).get("notice") if event.type == "AgencyReplied" else None
        if notice and wanted and canonical.sha256(notice.encode()) == wanted:
            release: dict[str, Any] = event.data["release"]
            return release
    return None


def _status(events: tuple[Event, ...], released: Event) -> tuple[str, str]:
    """What became of it, and since when."""
    for event in events:
        if event.seq > released.seq and event.type == "ReleaseRevoked":
            return REVOKED, event.at
        if event.seq > released.seq and event.type == "GateOut":
            return CLOSED, event.at
    return IN_FORCE, released.at


def _payload(token: str) -> Any:
    """What a compact JWS says, as it was verified on arrival."""
    body = token.split(".")[1]
    return canonical.load(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
