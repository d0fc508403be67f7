"""Bringing answers to what they answer, whichever of the two comes first.

An answer concerns only what was sent to who gives it, and, where its own message names receivers, only what they sent.
What two parties then still sent alike, under one number, is nobody's to choose: `ambiguous`, until it is said again in
a message that names its receiver. An answer that waits and names none goes to the first that it concerns.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from exchange import answered, answers, numbers, replies
from exchange.answered import ANYBODY, Asked, Meeting, Waiting
from exchange.answers import Answer
from exchange.receipt import RECEIVED, Received
from singlewindow import catalogue, clock
from singlewindow.errors import WindowError
from singlewindow.ids import WINDOW_NO, is_uscc

# What of a large receipt is shown with it; all is done.
_MOST_SHOWN = 100


def correlate(one: Received, to: tuple[str, ...], type: str, message: Any, as_at: date) -> dict[str, Any]:
    """Enter what the message may be answered by, and take what it answers to its place: `answers`, what came of each,
    and `crowded`, the references under which more meet than can be meant; neither where there is none.

    `to`: who gets the message; nobody else's word on it counts. Doing it again changes nothing: entries are sets, and
    an answer is known by its id.
    """
    received_at = next(at for state, at in one.timeline if state == RECEIVED)
    crowded: set[str] = set()
    for offer in answers.offers(type, message, as_at) if to else ():
        asked = Asked(received_at, one.receipt_id, one.sender, type, offer.subject, to)
        for reference in offer.references:
            meeting = answered.ask(reference, asked)
            crowded |= {reference} if meeting.crowded else set()
            for waiting in meeting.waiting:
                if waiting.concerns(asked):
                    _apply(asked, waiting)
                    for waited_under in waiting.answer.references:
                        answered.arrived(waited_under, waiting)
    said = answers.answers(type, message, as_at, received_at)
    named = _named(one.receivers) if said else ()
    told: list[dict[str, Any]] = []
    for answer in said:
        effect, about = _deliver(Waiting(answer, one.sender, one.receipt_id, named), crowded)
        told.append(
            {"code": answer.code, "state": answer.state, "subject": answer.subject, "effect": effect} | about
        )
    shown = {"answers": told[:_MOST_SHOWN], "crowded": sorted(crowded)[:_MOST_SHOWN]}
    return {name: those for name, those in shown.items() if those}


def _named(receivers: Iterable[str]) -> tuple[str, ...]:
    """The parties among the receivers of a receipt, by code or DXP number. An agency's id makes it a copy for that."""
    parties = {
        one if is_uscc(one) else numbers.owner(one)
        for one in receivers
        if one not in catalogue.names("agencies")
    }
    return tuple(sorted(party for party in parties if party))


def _deliver(waiting: Waiting, crowded: set[str]) -> tuple[str, dict[str, str]]:
    """(effect, what it was about) of one answer; the references that are crowded are added to `crowded`."""
    answer = waiting.answer
    if not {waiting.by, ANYBODY} & {*answer.by}:
        return answers.NOT_YOURS, {}
    if answer.state is None:
        return answers.UNKNOWN_CODE, {}
    filed = WINDOW_NO.fullmatch(answer.window_no) and replies.question(answer.window_no, waiting.by)
    about = {"window_no": answer.window_no} if filed else {}
    outcome = next((one for one in answer.outcomes if one in replies.outcomes()), None)
    if filed and outcome:
        return _reply(waiting, filed, outcome), about
    if not answer.references:
        return answers.NO_REFERENCE, about
    candidates = _concerned(waiting, answered.at, crowded)
    if not candidates and filed:
        return answers.UNKNOWN_OUTCOME, about  # it has come to what it speaks of, and changes nothing there
    if not candidates:
        candidates = _concerned(waiting, lambda reference: answered.await_(reference, waiting), crowded)
        if not candidates:
            return answers.WAITING, {}
        for reference in answer.references:  # who asked between the two looks is answered here
            answered.arrived(reference, waiting)
    if len({one.sender for one in candidates}) > 1:
        return answers.AMBIGUOUS, {}
    meant = _meant(candidates, answer)
    return _apply(meant, waiting), {"answers": meant.receipt_id}


def _concerned(waiting: Waiting, look: Callable[[str], Meeting], crowded: set[str]) -> list[Asked]:
    """What the answer can be meant for, of all that meets under its references: what quotes most of them. Who uses
    another party's number does not know the rest.
    """
    found: Counter[Asked] = Counter()
    for reference in waiting.answer.references:
        meeting = look(reference)
        crowded |= {reference} if meeting.crowded else set()
        found.update(one for one in meeting.asked if waiting.concerns(one))
    return [one for one, times in found.items() if times == max(found.values())]


def _meant(candidates: list[Asked], answer: Answer) -> Asked:
    """A number is sent again after a refusal: the last message that was there when the answer was given."""
    ordered = sorted(candidates)
    return next((one for one in reversed(ordered) if one.received_at <= answer.at), ordered[0])


def _apply(asked: Asked, waiting: Waiting) -> str:
    subject = waiting.answer.subject or asked.subject
    return answered.advance(
        asked.receipt_id,
        subject,
        lambda before: answers.follow(before, waiting.answer, waiting.by, waiting.receipt_id, clock.stamp()),
    )


def _reply(waiting: Waiting, message_id: str, outcome: str) -> str:
    """An answer about a declaration is the agency's reply, as if it had sent one."""
    answer = waiting.answer
    value: dict[str, Any] = {
        "reply_id": f"receipt:{answer.id}",
        "message_id": message_id,
        "outcome": outcome,
        "at": answer.at,
        "findings": [answer.text] if answer.text else [],
    }
    if answer.entry_id and outcome in ("accept", "release"):
        value["entry_id"] = answer.entry_id
    try:
        event, repeated = replies.record(waiting.by, value)
    except WindowError as error:
        if error.status >= 500:
            raise
        return error.code
    effect: str = event.data["effect"]
    return answers.REPEATED if repeated else effect
