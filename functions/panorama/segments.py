"""The segments of a shipment's time, as time-release studies have them: from which event to which, in whose charge.

Pure. Read off the ledger once a version is decided; times are the window's own (`Event.at`).
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final, NamedTuple

from panorama.wording import Names, Text
from singlewindow.events import Event

# A version whose time is over: what was measured then counts, once.
CLOSING: Final = ("DeclarationReleased", "DeclarationRejected", "DeclarationReturned", "DeclarationWithdrawn")

ANSWER: Final = "answer"


class _Span(NamedTuple):
    """Events within one version: from the first of `since` to the first of `until` after it is measured. It begins
    anew with each of `since`, and what is `cut` short measures nothing.
    """

    since: tuple[str, ...]
    until: tuple[str, ...]
    cut: tuple[str, ...] = ()


# Who is in charge stands beside the label.
_SPANS: Final = {
    "acceptance": _Span(("DeclarationSubmitted",), ("DeclarationAccepted",)),
    "booking": _Span(
        ("InspectionOrdered", "InspectionUnbooked"), ("InspectionBooked",), ("InspectionCancelled",)
    ),
    "attendance": _Span(
        ("InspectionBooked",), ("InspectionStarted",), ("InspectionUnbooked", "InspectionCancelled")
    ),
    "inspection": _Span(("InspectionStarted",), ("InspectionDone",), ("InspectionCancelled",)),
    "tax": _Span(("TaxBilled", "TaxReversed"), ("TaxDeducted", "TaxGuaranteed")),
    "release": _Span(("DeclarationSubmitted",), ("DeclarationReleased",)),
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


def running(happened: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The segments of a version that last, each with its beginning, from (type, instant) of its events in order."""
    since: dict[str, str] = {}
    for type, at in happened:
        for name, span in _SPANS.items():
            if type in span.since:
                since[name] = at
            elif type in (*span.until, *span.cut, *CLOSING):
                since.pop(name, None)
    return since


def _spans(events: list[Event]) -> Iterator[Segment]:
    for name, span in _SPANS.items():
        start = next((event for event in events if event.type in span.since), None)
        end = next((e for e in events if start and e.seq > start.seq and e.type in span.until), None)
        if start and end:
            yield Segment(name, _seconds(start, end))


def _answers(events: list[Event]) -> Iterator[Segment]:
    asked: dict[str, Event] = {}
    for event in events:
        if event.type == "AgencyAsked":
            asked.setdefault(event.data["message_id"], event)
        elif event.type == "AgencyReplied" and event.data["final"] and event.data["effect"] == "applied":
            question = asked.pop(event.data["message_id"], None)
            if question:
                yield Segment(answered_by(event.data["agency"]), _seconds(question, event))


def _seconds(start: Event, end: Event) -> float:
    return (datetime.fromisoformat(end.at) - datetime.fromisoformat(start.at)).total_seconds()
