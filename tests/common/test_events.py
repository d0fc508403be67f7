"""Events: sealed, and chained so that nothing can be altered, dropped or inserted unseen."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from singlewindow import canonical
from singlewindow.events import GENESIS, WINDOW, Event, broken_link
from tests.support.clearances import Clearance


def chain() -> list[Event]:
    case = Clearance("customs", "ciq").play(("customs", "release"), ("ciq", "hold"), ("ciq", "clear"))
    case.conclude()
    return list(case.consignment.events)


def test_a_chain_as_written_holds() -> None:
    events = chain()
    assert events[0].prev == GENESIS
    assert broken_link(events) is None
    assert broken_link([]) is None


def test_a_seal_covers_every_member_but_itself() -> None:
    event = chain()[1]
    body = {name: value for name, value in event.as_json().items() if name != "hash"}
    assert event.hash == canonical.sha256(canonical.dumps(body))
    assert event.sealed() == event


@pytest.mark.parametrize(
    "change",
    [
        {"type": "DeclarationReleased"},
        {"at": "2024-11-23T01:00:00.001Z"},
        {"actor": WINDOW},
        {"data": {}},
        {"declaration_version": 2},
        {"correlation_id": "another-one"},
        {"event_id": "another"},
        {"window_no": "I20240000000000102"},
        {"version": 2},
    ],
)
def test_an_altered_event_is_found(change: dict) -> None:
    events = chain()
    place = next(n for n, event in enumerate(events) if event.type == "AgencyReplied")
    events[place] = replace(events[place], **change)
    assert broken_link(events) == place + 1


def test_an_altered_event_sealed_anew_breaks_the_link_after_it() -> None:
    events = chain()
    events[1] = replace(events[1], data={"agency": "customs"}).sealed()
    assert broken_link(events) == 3


@given(st.data())
def test_an_event_dropped_doubled_or_moved_is_found(data: st.DataObject) -> None:
    events = chain()
    place = data.draw(st.integers(0, len(events) - 2))
    dropped = events[:place] + events[place + 1 :]
    doubled = events[: place + 1] + events[place:]
    moved = [*dropped[:-1], events[place], *dropped[-1:]]
    assert broken_link(dropped) == place + 1
    assert broken_link(doubled) == place + 2
    assert moved == events or broken_link(moved) is not None


def test_an_event_survives_the_wire_to_the_byte() -> None:
    for event in chain():
        wire = canonical.dumps(event.as_json())
        again = Event.from_json(canonical.parse_json(wire))
        assert again == event
        assert canonical.dumps(again.as_json()) == wire
