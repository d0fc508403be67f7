"""A consignment's values: versions of events, bodies by their hash, keys of submissions."""

from singlewindow import canonical
from singlewindow.consignment import Body, Change, Submission
from singlewindow.events import WINDOW
from tests.support.clearances import Clearance


def returned_and_sent_again() -> Clearance:
    case = Clearance("customs").play(("customs", "return"))
    case.conclude()
    case.submit()
    return case


def test_events_belong_to_the_version_that_they_are_about() -> None:
    consignment = returned_and_sent_again().consignment
    assert [event.type for event in consignment.of_version()] == ["DeclarationSubmitted"]
    assert [event.type for event in consignment.of_version(1)][-1] == "DeclarationReturned"
    assert consignment.of_version(3) == ()
    assert len(consignment.of_version(1)) + len(consignment.of_version(2)) == len(consignment.events)


def test_a_consignment_stands_where_its_snapshot_says() -> None:
    consignment = returned_and_sent_again().consignment
    assert (consignment.state, consignment.version) == ("SUBMITTED", 2)
    assert consignment.snapshot.seq == len(consignment.events)
    assert consignment.snapshot.head == consignment.events[-1].hash


def test_a_body_is_named_by_the_hash_of_its_canonical_form() -> None:
    one = Body(canonical.dumps({"head": {"bill_no": "B"}}), b'{"head": {"bill_no": "B"}}', "application/json")
    other = Body(one.canonical, b"<x/>", "application/xml")
    assert one.sha256 == other.sha256 == canonical.sha256(one.canonical)


def test_an_idempotency_key_is_scoped_to_its_sender_and_type() -> None:
    keys = {
        Submission(sender, kind, key, "0" * 64).partition
        for sender in ("A", "B")
        for kind in ("declaration", "manifest")
        for key in ("1", "2")
    }
    assert len(keys) == 8


def test_a_change_speaks_for_the_window_and_leaves_the_state_unless_told() -> None:
    change = Change("Noted", {})
    assert (change.actor, change.state, change.version, change.parties) == (WINDOW, None, None, None)
