"""The fold: events in any order and number → the same journey; who holds it, since when, why."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from declarations import lifecycle, tax
from declarations.explanation import explain
from declarations.holds import Holds
from declarations.positions import positions
from panorama.fold import DOCUMENTS, LOGISTICS, Journey, fold
from panorama.record import Record, record_of
from panorama.wording import Names
from singlewindow import canonical, catalogue
from singlewindow.events import Event
from tests.support import stories
from tests.support.bills import bill
from tests.support.clearances import Clearance
from tests.support.courses import courses, long_courses, run
from tests.support.inspections import Inspected
from tests.support.thorough import examples

NAMES = Names(catalogue.agencies(date(2024, 11, 23)))


def journey(case: Clearance, records: list[Record] | None = None) -> Journey:
    known = [record_of(event) for event in case.consignment.events] if records is None else records
    return fold(known, case.consignment.snapshot, NAMES)


def at(case: Clearance, type: str) -> str:
    return next(event.at for event in reversed(case.consignment.events) if event.type == type)


def test_two_lanes_tell_papers_from_cargo() -> None:
    told = journey(stories.released())
    assert [entry.record.type for entry in told.lane(LOGISTICS)] == [
        "AgencyAsked",
        "AgencyReplied",
        "CargoReported",
    ]
    assert {entry.record.source for entry in told.lane(LOGISTICS)} == {"exchange", "port"}
    assert len(told.lane(DOCUMENTS)) == len(told.entries) - 3


def test_an_entry_has_the_members_of_the_interface() -> None:
    for entry in journey(stories.released()).entries:
        shown = entry.as_json()
        assert {"seq", "lane", "event", "at", "holder", "source"} < set(shown)
        assert not shown["text_zh"].isascii()
        assert shown["text_en"].isascii()


def test_the_entries_say_who_held_it_at_each_step() -> None:
    told = journey(stories.released())
    assert [(entry.record.type, entry.holder) for entry in told.entries] == [
        ("DeclarationSubmitted", "window"),
        ("AgencyAsked", "customs"),
        ("AgencyAsked", "customs"),
        ("AgencyAsked", "customs"),
        ("AgencyReplied", "customs"),
        ("DeclarationHeld", "customs"),
        ("AgencyReplied", "window"),  # nothing holds it any more, and the window has yet to say so
        ("HoldLifted", "ciq"),  # customs is waited for as well, but not for as long
        ("AgencyReplied", "ciq"),
        ("CargoReported", "ciq"),
        ("AgencyReplied", "ciq"),
        ("DeclarationAccepted", "ciq"),
        ("AgencyReplied", "window"),
        ("DeclarationReleased", None),
        ("AgencyAsked", None),
    ]


def test_a_shipment_waits_on_the_agency_that_was_asked_because_of_its_part() -> None:
    case = Clearance("customs", "mofcom")
    told = journey(case)
    assert (told.holding.holder, told.holding.since) == ("customs", case.consignment.events[1].at)
    assert told.holding.why.en == (
        "waiting on Chengdu Customs since 2024-11-23 09:02 (Beijing time), because it decides on every consignment"
    )
    assert told.holding.why.zh == "等待成都海关答复，自 2024-11-23 09:02（北京时间）起：每票货物由其审定"
    assert [one.holder for one in told.waiting_on] == ["customs", "mofcom"]


def test_a_hold_comes_first_and_says_its_reason() -> None:
    case = Clearance("customs", "ciq")
    case.reply(
        "ciq",
        "hold",
        findings=[{"message_zh": "木质包装无标识", "message_en": "wood packaging without mark"}],
    )
    case.settle()
    told = journey(case)
    assert told.holding.holder == "ciq"
    assert told.holding.since == at(case, "AgencyReplied")
    assert "wood packaging without mark" in told.holding.why.en
    assert "木质包装无标识" in told.holding.why.zh
    assert [one.holder for one in told.waiting_on] == ["ciq", "customs"]


def test_a_hold_without_a_reason_says_that() -> None:
    assert "no reason was given" in journey(Clearance("customs").play(("customs", "hold"))).holding.why.en


def test_a_silent_agency_holds_it_and_silence_never_releases() -> None:
    told = journey(stories.silent())
    assert (told.state, told.holding.holder) == ("SUSPENDED", "customs")
    assert "silence never releases" in told.holding.why.en


def test_what_was_returned_or_rejected_waits_on_its_trader() -> None:
    case = Clearance("customs", "ciq").play(("customs", "release"))
    case.reply("ciq", "return", findings=["缺少卫生证书"])
    case.conclude()
    told = journey(case)
    assert (told.holding.holder, told.holding.since) == ("trader", at(case, "DeclarationReturned"))
    assert "缺少卫生证书" in told.holding.why.zh
    assert "Inspection and quarantine returned it" in told.holding.why.en
    rejected = journey(stories.returned_then_rejected())
    assert (rejected.state, rejected.version, rejected.holding.holder) == ("REJECTED", 3, "trader")
    assert "rejected" in rejected.holding.why.en


def test_a_draft_waits_on_its_trader() -> None:
    case = Clearance("customs")
    case.draft()
    assert journey(case).holding.holder == "trader"


def test_what_is_released_is_held_by_nobody_since_its_release() -> None:
    case = stories.released()
    told = journey(case)
    assert (told.state, told.holding.holder, told.holding.since) == (
        "RELEASED",
        None,
        at(case, "DeclarationReleased"),
    )


def test_when_all_have_answered_the_window_itself_holds_it() -> None:
    told = journey(Clearance("customs", "ciq").play(("customs", "release"), ("ciq", "accept")))
    assert told.holding.holder == "window"


def test_a_verifying_agency_is_waited_for_too() -> None:
    told = journey(Clearance("customs", "mofcom").play(("customs", "release")))
    assert told.holding.holder == "mofcom"
    assert "verifies" in told.holding.why.en


def test_the_hold_of_an_old_version_is_no_longer_one() -> None:
    case = Clearance("customs", "ciq").play(("customs", "return"), ("ciq", "hold"))
    case.conclude()
    case.submit()
    case.ask("customs", "ciq")
    case.reply("ciq", "hold", version=1, at=90)
    told = journey(case)
    assert {one.holder: "held by" in one.why.en for one in told.waiting_on} == {
        "customs": False,
        "ciq": False,
    }
    assert "recorded only" in told.entries[-1].text.en


def test_an_answer_that_was_recorded_only_changes_no_holder() -> None:
    case = Clearance("customs", "ciq").play(("customs", "release"), ("customs", "reject"))
    assert journey(case).holding.holder == "ciq"


def test_identifiers_come_from_the_current_version_and_from_customs() -> None:
    assert journey(stories.released()).identifiers == {
        "bill_no": "CTUAI-2024_H001",
        "transport_name": "CA402",
        "containers": ["CSQU3054383"],
        "entry_id": stories.ENTRY_ID,
    }
    assert "entry_id" not in journey(stories.silent()).identifiers


def test_before_any_event_has_come_the_ledger_still_says_where_it_stands() -> None:
    case = stories.released()
    told = journey(case, [])
    assert (told.state, told.holding.holder, told.entries) == ("RELEASED", None, ())
    assert told.missing == tuple(range(1, case.consignment.snapshot.seq + 1))
    assert journey(Clearance("customs"), []).holding.holder == "window"


def test_a_gap_is_shown_and_the_holder_is_that_of_the_highest_known() -> None:
    case = stories.released()
    records = [record_of(event) for event in case.consignment.events if event.type != "DeclarationReleased"]
    told = journey(case, records)
    assert told.missing == (next(e.seq for e in case.consignment.events if e.type == "DeclarationReleased"),)
    assert (told.state, told.holding.holder) == ("RELEASED", None)


def test_an_event_beyond_the_snapshot_waits_for_the_next_look() -> None:
    case = Clearance("customs")
    standing = case.consignment.snapshot
    case.play(("customs", "hold"))
    told = fold([record_of(event) for event in case.consignment.events], standing, NAMES)
    assert (told.state, len(told.entries), told.missing) == ("SUBMITTED", standing.seq, ())


def test_an_agency_of_many_words_is_cut_short() -> None:
    case = Clearance("customs")
    case.reply("customs", "hold", findings=[{"message": "x" * 10_000, "secret": "y" * 10_000}] * 500)
    record = record_of(case.consignment.events[-1])
    assert len(canonical.dumps(record.as_json())) < 4096
    assert record.data["findings_in_all"] == 500
    assert record.data["findings"][0] == {"message": "x" * 200}


def test_a_type_that_panorama_does_not_know_is_shown_all_the_same() -> None:
    case = Clearance("customs")
    strange = Event.from_json(
        case.consignment.events[-1].as_json() | {"type": "TaxPaid", "data": {"amount": "12.50"}}
    )
    told = journey(case, [record_of(strange)])
    assert told.entries[0].text.en == "TaxPaid"


def test_the_reasons_of_the_story_read_like_sentences() -> None:
    texts = [(entry.text.zh, entry.text.en) for entry in journey(stories.released()).entries]
    assert ("已发送成都海关", "Sent to Chengdu Customs") in texts
    assert (
        "到货与理货数据与申报不符：件数申报 120、实到 119",
        "Arrival and tally differ from the declaration: pieces declared 120, reported 119",
    ) in texts
    assert (
        f"成都海关已接受申报，报关单号 {stories.ENTRY_ID}",
        f"Accepted by Chengdu Customs as {stories.ENTRY_ID}",
    ) in texts


STORIES = stories.all_of_them()


@hypothesis_settings(max_examples=examples(150), deadline=None)
@given(st.data())
def test_repetition_and_reordering_make_no_difference(data: Any) -> None:
    case = data.draw(st.sampled_from(STORIES))
    records = [record_of(event) for event in case.consignment.events]
    more = data.draw(st.lists(st.sampled_from(records), max_size=10))
    assert journey(case, data.draw(st.permutations(records + more))) == journey(case)


@hypothesis_settings(max_examples=examples(200), deadline=None)
@given(st.data())
def test_any_gap_is_named_and_breaks_nothing(data: Any) -> None:
    case = data.draw(st.sampled_from(STORIES))
    records = [record_of(event) for event in case.consignment.events]
    lost = data.draw(st.sets(st.sampled_from([record.seq for record in records])))
    told = journey(case, [record for record in records if record.seq not in lost])
    assert told.missing == tuple(sorted(lost))
    assert told.state == case.state
    assert told.holding.why.zh
    assert [entry.record.seq for entry in told.entries] == sorted({r.seq for r in records} - lost)


def test_an_inspection_that_is_not_booked_waits_for_the_trader_and_its_hold_for_the_agency() -> None:
    case = Inspected("ciq")
    case.hold("ciq", "Q1", at=3)
    case.join()
    told = journey(case)
    assert [(one.holder, one.segment) for one in told.waiting_on] == [
        ("trader", "booking"),
        ("ciq", "answer:ciq"),
    ]
    assert told.running.keys() == {"acceptance", "release", "booking"}
    assert told.running["booking"] == at(case, "InspectionOrdered")
    case.book()
    told = journey(case)
    assert (told.holding.holder, "booking" in told.running, "attendance" in told.running) == (
        "ciq",
        False,
        True,
    )


def test_of_one_hold_the_latest_word_counts_its_kind_and_its_gate() -> None:
    case = Inspected("ciq")
    case.hold("ciq", "Q1", at=3)
    case.join()
    case.reply("ciq", "hold", at=4, hold={"hold_id": "Q1", "kind": "documents"})
    assert [one.holder for one in journey(case).waiting_on] == ["ciq"]
    case.reply("ciq", "hold", at=5, hold={"hold_id": "Q1", "gate": "use"})
    assert "held" not in journey(case).holding.why.en


@pytest.mark.parametrize(
    ("events", "holder"),
    [
        ([], "trader"),
        ([("TaxSent", {})], "bank"),
        ([("TaxSent", {}), ("TaxDeductionFailed", {"reason": "余额不足"})], "trader"),
        ([("TaxBillRefused", {"agency": "customs", "reply_id": "R", "reason": "number-taken"})], "customs"),
        ([("TaxBillRefused", {"agency": "customs", "reply_id": "R", "reason": "content-differs"})], "trader"),
    ],
)
def test_taxes_wait_for_whoever_has_the_bill(events: list[tuple[str, Any]], holder: str) -> None:
    case = Clearance("customs").play(("customs", "accept"))
    case.reply("customs", "tax", tax=bill())
    case.billed("B-1")
    case.settle()
    for type, data in events:
        case.happens(type, bill_id="B-1", **{"bank": "B", "order_id": "O"} | data)
    assert (case.state, journey(case).holding.holder) == ("TAX_DUE", holder)


@hypothesis_settings(max_examples=examples(300), deadline=None)
@given(long_courses())
def test_panorama_and_explanation_name_the_same_holder_of_what_is_held_or_owed(course: Any) -> None:
    case = run(*course)
    if case.state not in ("HELD", "TAX_DUE"):
        return
    events = case.consignment.of_version()
    said = explain(
        case.consignment, positions(case.consignment).values(), Holds.of(events), tax.of(events)
    )
    assert journey(case).holding.holder == said.holder


@hypothesis_settings(max_examples=examples(200), deadline=None)
@given(courses())
def test_panorama_and_clearance_agree_on_whom_a_declaration_waits_for(course: Any) -> None:
    case = run(*course)
    told = journey(case)
    if case.state not in lifecycle.IN_CLEARANCE:
        assert told.holding.holder == (None if case.state in ("RELEASED", "CLEARED") else "trader")
        return
    open_ones = {
        agency
        for agency, position in positions(case.consignment).items()
        if position.part != "informed"
        and position.state in ("pending", "held", "silent", "in-review", "examining")
    }
    if case.state == "TAX_DUE":
        assert told.holding.holder == "trader"
        return
    assert {one.holder for one in told.waiting_on} == (open_ones or {"window"})


@pytest.mark.parametrize("case", STORIES)
def test_a_record_survives_its_storage(case: Clearance) -> None:
    for event in case.consignment.events:
        record = record_of(event)
        assert Record(**canonical.parse_json(canonical.dumps(record.as_json()))) == record
