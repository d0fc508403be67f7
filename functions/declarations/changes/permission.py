"""Whether a trader may ask for a change or a withdrawal now, and on what ground (`domain.md` A.6)."""

from dataclasses import dataclass
from typing import Any, Final

from declarations.holds import Hold, Holds
from singlewindow.consent import AMENDMENT, open_request
from singlewindow.consignment import Consignment
from singlewindow.errors import WindowError, conflict

OWN_INITIATIVE, FOLLOW_UP, CUSTOMS_ORDER = "own-initiative", "inspection-follow-up", "customs-order"

# What is over is changed no more. A release bars a withdrawal, not yet an amendment.
_OVER: Final = ("CLEARED", "WITHDRAWN", "REJECTED")
_BEFORE_FILING: Final = ("DRAFT", "RETURNED")
# What the inspections tell of a consignment.
_ORDERED, _CANCELLED = "InspectionOrdered", "InspectionCancelled"
_RESULT, _FOLLOWED_UP = "InspectionResult", "InspectionFollowedUp"


@dataclass(frozen=True, slots=True)
class Barred:
    """Why not: a 409 with what to call instead, where there is something."""

    code: str
    en: str
    zh: str
    instead: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "detail": self.en, "detail_zh": self.zh, "instead": self.instead}

    def error(self, consignment: Consignment) -> WindowError:
        return conflict(self.code, self.en, self.zh, state=consignment.state, instead=self.instead)


def to_amend(consignment: Consignment) -> Barred | str:
    """The ground on which an amendment may be asked for, or why it may not."""
    path = f"/declarations/{consignment.window_no}"
    if over := _is_over(consignment):
        return over
    if consignment.state in _BEFORE_FILING:
        return Barred(
            "not-accepted", "not accepted yet: send a new version", "尚未受理：请提交新版本", f"PUT {path}"
        )
    if not is_accepted(consignment):
        return Barred(
            "not-accepted",
            "not accepted yet: wait for acceptance, or withdraw it and file again",
            "海关尚未接受申报：请等待接受申报，或撤回后重新申报",
            f"POST {path}/withdrawal",
        )
    return _one_at_a_time(consignment) or _ground(consignment)


def to_withdraw(consignment: Consignment) -> Barred | str:
    """The same for a withdrawal."""
    if over := _is_over(consignment):
        return over
    if consignment.state == "DRAFT":
        return Barred("draft", "a draft is with no agency", "草稿尚未提交，无需撤销")
    if consignment.state == "RELEASED":
        return Barred(
            "released", "it is released: what customs has released is not withdrawn", "已放行，不可撤销"
        )
    return _one_at_a_time(consignment) or _ground(consignment)


def is_accepted(consignment: Consignment) -> bool:
    """Whether a deciding agency has accepted the current version: from then on it is changed by consent alone."""
    decides = {one["agency"] for one in consignment.assignments() if one["part"] == "decides"}
    return any(
        event.type == "DeclarationAccepted"
        or (
            event.type == "AgencyReplied"
            and event.data["effect"] == "applied"
            and event.data["outcome"] in ("accept", "release")
            and event.data["agency"] in decides
        )
        for event in consignment.of_version()
    )


def is_withdrawn_at_once(consignment: Consignment) -> bool:
    """Nobody has accepted it, or it is back with its trader: no consent is needed."""
    return consignment.state == "RETURNED" or not is_accepted(consignment)


def allowed(consignment: Consignment) -> list[str]:
    """The moves of this kind that the trader has now, by name."""
    open_one = open_request(consignment)
    moves = {"amend": to_amend, "withdraw": to_withdraw}
    found = [name for name, judge in moves.items() if isinstance(judge(consignment), str)]
    if open_one and open_one.status == "open":
        found.append(f"cancel-{open_one.kind}")
    return found


def _is_over(consignment: Consignment) -> Barred | None:
    if consignment.state not in _OVER:
        return None
    return Barred("ended", f"it is {consignment.state}", "该报关单已办结，不可修改或撤销")


def _one_at_a_time(consignment: Consignment) -> Barred | None:
    asked = open_request(consignment)
    if asked is None:
        return None
    base = f"/declarations/{consignment.window_no}"
    place = f"{base}/amendments/{asked.number}" if asked.kind == AMENDMENT else f"{base}/withdrawal"
    return Barred(
        "request-open",
        f"request {asked.number} ({asked.kind}) is open: take it back first, or wait",
        f"第 {asked.number} 号申请尚未办结：请先撤回或等待答复",
        f"DELETE {place}",
    )


def _ground(consignment: Consignment) -> Barred | str:
    """Own initiative until an inspection is ordered; after that only what an agency has asked for."""
    if _asked_by_inspection(consignment):
        return FOLLOW_UP
    customs = {one["agency"] for one in consignment.assignments() if one["releases"]}
    if any(hold.agency in customs and hold.kind == "documents" for hold in _open_holds(consignment)):
        return CUSTOMS_ORDER
    if _is_inspected(consignment):
        return Barred(
            "inspection-ordered",
            "an inspection is ordered: no change on the trader's own initiative",
            "已布控查验，企业不得自行修改或撤销",
        )
    return OWN_INITIATIVE


def _is_inspected(consignment: Consignment) -> bool:
    ordered: set[str] = set()
    for event in consignment.of_version():
        if event.type == _ORDERED:
            ordered.add(event.data["inspection_id"])
        elif event.type == _CANCELLED:
            ordered.discard(event.data["inspection_id"])
    return bool(ordered) or any(hold.is_inspected for hold in _open_holds(consignment))


def _open_holds(consignment: Consignment) -> list[Hold]:
    return [hold for hold in Holds.of(consignment.of_version()).all() if hold.is_open]


def _asked_by_inspection(consignment: Consignment) -> bool:
    """An inspection found something whose remedy is an amendment that is still owed."""
    owed: set[tuple[str, str]] = set()
    for event in consignment.of_version():
        if event.type in (_RESULT, _FOLLOWED_UP):
            one = (event.data["inspection_id"], event.data["agency"])
            if event.data.get("follow_up") == "amend" and event.type == _RESULT:
                owed.add(one)
            else:
                owed.discard(one)
    return bool(owed)
