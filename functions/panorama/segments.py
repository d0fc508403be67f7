"""The segments of a shipment's time, as time-release studies have them: from which event to which, in whose charge.

Pure. Read off the ledger once a version is decided; times are the window's own (`Event.at`).
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final, NamedTuple

from panorama.bills import Bills
from panorama.record import Record
from panorama.wording import Names, Text
from singlewindow.events import Event

# A version whose time is over: what was measured then counts, once.
CLOSING: Final = ("DeclarationReleased", "DeclarationRejected", "DeclarationReturned", "DeclarationWithdrawn")

ANSWER: Final = "answer"
Happened = Event | Record


class _Span(NamedTuple):
    """Steps within one version: from the first of `since` to the first of `until` after it; what is `cut` short begins
    anew with the next of `since`, and measures nothing.
    """

    since: tuple[str, ...]
    until: tuple[str, ...]
    cut: tuple[str, ...] = ()


# Steps that are no events: a bill is open, and none is any more.
_OWED, _SETTLED = "owed", "settled"
_INSPECTION_OVER: Final = ("InspectionDone", "InspectionCancelled")

# Who is in charge stands beside the label.
_SPANS: Final = {
    "acceptance": _Span(("DeclarationSubmitted",), ("DeclarationAccepted",)),
    "booking": _Span(
        ("InspectionOrdered", "InspectionUnbooked"),
        ("InspectionBooked",),
        ("InspectionStarted", *_INSPECTION_OVER),
    ),
    "attendance": _Span(
        ("InspectionBooked",), ("InspectionStarted",), ("InspectionUnbooked", *_INSPECTION_OVER)
    ),
    "inspection": _Span(("InspectionStarted",), ("InspectionDone",), ("InspectionCancelled",)),
    "tax": _Span((_OWED,), (_SETTLED,)),
    "release": _Span(("DeclarationSubmitted", "ReleaseRevoked"), ("DeclarationReleased",)),
}
_LABELS: Final = {
    ANSWER: Text("{zh}答复", "answer of {en}"),
    "acceptance": Text("海关接受申报", "acceptance by customs"),
    "booking": Text("企业预约查验", "the trader books the inspection"),
    "attendance": Text("预约至开始查验", "from the booking to the inspection's start"),
    "inspection": Text("实施查验", "the inspection itself"),
    "tax": Text("税款扣缴", "payment of the taxes"),
    "release": Text("申报至放行", "from submission to release"),
}

# Every segment that is not one agency's.
WHOLE: Final = tuple(_SPANS)


class Segment(NamedTuple):
    """`name` as in this module, `answer:<agency>` for an agency's; `seconds` that it took."""

    name: str
    seconds: float


def answered_by(agency: str) -> str:
    """The segment in which an agency has a question and owes its last word."""
    return f"{ANSWER}:{agency}"


def label(name: str, names: Names) -> Text:
    kind, _, agency = name.partition(":")
    text, who = _LABELS.get(kind, Text(name, name)), names.of(agency)
    return Text(text.zh.format(zh=who.zh), text.en.format(en=who.en))


def segments(events: Iterable[Event]) -> list[Segment]:
    """What the events of one version measured; a segment that has not ended measures nothing."""
    ordered = sorted(events, key=lambda event: event.seq)
    return [*_spans(ordered), *_answers(ordered)]


def running(records: Iterable[Record]) -> dict[str, str]:
    """The segments of a version that last, each with its beginning, from its records in order."""
    since: dict[str, str] = {}
    for _ in _walked(records, since):
        pass
    return since


def _spans(events: list[Event]) -> Iterator[Segment]:
    """Of what came more than once, the first."""
    measured: dict[str, Segment] = {}
    for name, start, end in _walked(events, {}):
        measured.setdefault(name, Segment(name, _seconds(start, end)))
    yield from measured.values()


def _walked(happened: Iterable[Happened], since: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """(segment, since, until) of each that ends; those that last are left in `since`."""
    for step, at in _steps(happened):
        for name, span in _SPANS.items():
            if step in span.until and name in since:
                yield name, since.pop(name), at
            elif step in span.cut or (step in CLOSING and step not in span.since):
                since.pop(name, None)
            elif step in span.since:
                since.setdefault(name, at)


def _steps(happened: Iterable[Happened]) -> Iterator[tuple[str, str]]:
    """(step, instant): the events, and where the first bill is open or the last is settled."""
    bills = Bills()
    for one in happened:
        owed = bool(bills.open)
        bills.hear(one.type, one.data)
        yield one.type, one.at
        if owed != bool(bills.open):
            yield _SETTLED if owed else _OWED, one.at


def _answers(events: list[Event]) -> Iterator[Segment]:
    asked: dict[str, Event] = {}
    for event in events:
        if event.type == "AgencyAsked":
            asked.setdefault(event.data["message_id"], event)
        elif event.type == "AgencyReplied" and event.data["final"] and event.data["effect"] == "applied":
            question = asked.pop(event.data["message_id"], None)
            if question:
                yield Segment(answered_by(event.data["agency"]), _seconds(question.at, event.at))


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
