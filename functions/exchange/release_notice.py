"""Customs' signed release, as it arrives: believed by its signature, bound to the declaration that it is about."""

from collections.abc import Iterable, Mapping
from typing import Any

from singlewindow.errors import WindowError, conflict
from singlewindow.events import Event
from singlewindow.findings import Finding

# What the notice says for itself, and what the reply around it must agree with.
_BOUND = ("window_no", "version", "entry_id", "conditional", "guaranteed", "removal")


def verified(token: str, agency: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the notice says, and the key that it was verified by. Raises 401 where `agency` did not sign it."""
    from singlewindow import partners  # cryptography takes 30 ms, and few replies are signed

    return partners.verify(token, agency), partners.key_of(token)


def refuse_unbound(said: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    """Raise 422 with every member in which the notice is about something else than `about`.

    `about`: window_no, version, entry_id, conditional, guaranteed, removal. Terms that a notice does not name are no.
    """
    told = {"conditional": False, "guaranteed": False, "removal": False} | dict(said)
    differing = [name for name in _BOUND if told.get(name) != about.get(name)]
    if differing:
        raise WindowError(
            422,
            "notice-unbound",
            f"the signed notice is about something else: {', '.join(differing)}",
            detail_zh="放行通知的签名内容与本票报关单不符",
            findings=[_finding(name, told.get(name), about.get(name)) for name in differing],
        )


def refuse_revoked(token: str, events: Iterable[Event]) -> None:
    """Raise 409 where this very notice released the goods before and was taken back: customs signs anew.

    Compared is what was signed, not the token: of one content there is more than one valid ECDSA signature.
    """
    released = False
    for event in events:
        if event.type != "AgencyReplied" or event.data["effect"] == "recorded-late":
            continue
        if event.data["outcome"] == "revoke" and released:
            raise conflict(
                "notice-revoked",
                "this notice was revoked: a release is signed anew",
                "该放行通知已被撤销，须重新签发",
            )
        before = (event.data.get("release") or {}).get("notice")
        released = released or (before is not None and _signed_part(before) == _signed_part(token))


def _signed_part(token: str) -> str:
    return token.rsplit(".", 1)[0]


def missing() -> WindowError:
    return WindowError(
        422,
        "notice-missing",
        "release.notice: this agency signs its releases",
        detail_zh="该部门的放行须附签名的放行通知",
    )


def _finding(name: str, given: Any, expected: Any) -> Finding:
    return Finding(
        code="notice-unbound",
        severity="error",
        pointer=f"/release/notice/{name}",
        rule="RELEASE-NOTICE",
        message_zh=f"放行通知中的 {name} 与本票不符",
        message_en=f"{name} of the notice is not this declaration's",
        given=given,
        expected=expected,
    )
