"""An agency's word on a wish to change or withdraw, and whether it counts."""

from exchange.inquiry import NOTICES
from exchange.reply import Reply
from singlewindow import clock
from singlewindow.consent import AMENDMENT, Asked, requests
from singlewindow.consignment import Change, Consignment
from singlewindow.errors import WindowError
from singlewindow.events import Actor


def decided(consignment: Consignment, reply: Reply, agency: str, kind: str, number: int) -> Change:
    """The event that records an agency's word on a request. What comes after its end is kept and changes nothing.

    Raises 422 for what is no answer to such a question.
    """
    if kind in NOTICES:
        raise _no_answer("nothing was asked: it was told", "该报文为告知，无需答复")
    if reply.outcome not in ("accept", "reject") or reply.entry_id or reply.report:
        raise _no_answer(
            "a wish to change is accepted or rejected, with nothing else", "修撤申请只能同意或不同意"
        )
    asked = next(one for one in requests(consignment) if one.number == number)
    data = {
        "request": number,
        "agency": agency,
        "reply_id": reply.reply_id,
        "message_id": reply.message_id,
        "outcome": reply.outcome,
        "effect": _effect(asked, agency),
        "findings": [{"message": one} if isinstance(one, str) else one for one in reply.findings],
        "at": clock.stamp(reply.at),
    }
    type = "AmendmentDecided" if kind == AMENDMENT else "WithdrawalDecided"
    return Change(type, data, Actor("agency", agency), of_version=asked.version)


def _effect(asked: Asked, agency: str) -> str:
    if agency in asked.agreed or agency == asked.refused_by:
        return "recorded-second-final"
    return "applied" if asked.status == "open" else "recorded-after-decision"


def _no_answer(en: str, zh: str) -> WindowError:
    return WindowError(422, "no-answer-to-this", en, detail_zh=zh)
