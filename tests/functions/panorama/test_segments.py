"""How long each part of a clearance took: what is measured, counted once, and published."""

import random
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panorama import app, segments, store
from panorama.record import record_of
from panorama.wording import Names
from singlewindow import histogram
from tests.functions.panorama.test_panorama import NUMBER, get, hear, notices, tables
from tests.support import stories
from tests.support.clearances import Clearance
from tests.support.memory_ledger import stands
from tests.support.thorough import examples

__all__ = ["tables"]


def measured(case: Clearance) -> dict[str, float]:
    return {one.name: one.seconds for one in segments.segments(case.consignment.of_version())}


def test_an_agencys_segment_runs_from_the_question_to_its_last_word() -> None:
    case = Clearance("ciq", "mofcom")
    case.play(("ciq", "hold"), ("ciq", "clear"))
    found = measured(case)
    events = {event.type: event for event in case.consignment.events if event.data.get("agency") == "ciq"}
    assert found.keys() == {"answer:ciq"}  # nobody else has answered
    assert found["answer:ciq"] == 60 * (events["AgencyReplied"].seq - events["AgencyAsked"].seq)


def test_the_order_in_which_events_are_handed_in_changes_nothing() -> None:
    events = list(stories.released().consignment.of_version())
    whole = segments.segments(events)
    random.Random(7).shuffle(events)
    assert segments.segments(events) == whole
    assert {"release", "acceptance", "answer:customs"} <= {one.name for one in whole}


def test_every_segment_has_a_name_in_both_languages() -> None:
    names = Names([{"id": "customs", "name_zh": "海关", "name_en": "Customs"}])
    for name in (*segments.WHOLE, segments.answered_by("customs")):
        text = segments.label(name, names)
        assert name not in text and "{" not in text.zh + text.en
    assert segments.label("answer:customs", names) == ("海关答复", "answer of Customs")


def running(case: Clearance) -> set[str]:
    return {*segments.running(map(record_of, case.consignment.of_version()))}


def test_taxes_run_until_no_bill_is_open_and_not_for_one_that_is_exempt() -> None:
    case = Clearance("customs")
    case.billed("B-0", payable="0.00")
    assert "tax" not in running(case)
    case.billed("B-1")
    case.billed("B-2")
    case.happens("TaxDeducted", bill_id="B-1")
    assert "tax" in running(case) and "tax" not in measured(case)
    case.happens("TaxDeducted", bill_id="B-2")
    assert "tax" not in running(case) and measured(case)["tax"] == 180
    case.happens("TaxReversed", bill_id="B-2")
    assert "tax" in running(case)


def test_a_slot_that_was_given_back_counts_for_nothing_and_a_start_without_one_ends_the_booking() -> None:
    case = Clearance("customs")
    for type in ("InspectionOrdered", "InspectionBooked", "InspectionUnbooked", "InspectionBooked"):
        case.happens(type, inspection_id="i-1")
    assert running(case) >= {"attendance"} and "booking" not in running(case)
    case.happens("InspectionStarted", inspection_id="i-1")
    assert measured(case)["attendance"] == 60
    early = Clearance("customs")
    for type in ("InspectionOrdered", "InspectionStarted"):
        early.happens(type, inspection_id="i-1")
    assert "inspection" in running(early) and "booking" not in running(early)


def test_what_was_released_and_revoked_runs_towards_its_release_again() -> None:
    case = stories.revoked_then_gone()
    events = case.consignment.of_version()
    revoked = next(n for n, event in enumerate(events) if event.type == "ReleaseRevoked")
    assert "release" not in segments.running(map(record_of, events[:revoked]))
    assert "release" in segments.running(map(record_of, events[: revoked + 1]))


@settings(max_examples=examples(60))
@given(st.lists(st.floats(0.1, 3e7), min_size=1, max_size=60), st.sampled_from([0.5, 0.9]))
def test_a_percentile_is_off_by_an_eighth_at_most(values: list[float], share: float) -> None:
    counts = histogram.total({histogram.bucket(value): 1} for value in values)
    exact = sorted(values)[max(0, -int(-share * len(values) // 1) - 1)]
    found = histogram.percentile(counts, share)
    assert found is not None
    assert exact / 1.13 <= found <= exact * 1.13


def test_of_nothing_there_is_no_percentile() -> None:
    assert histogram.percentile({}, 0.5) is None


@pytest.fixture
def long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stories happened in 2024."""
    monkeypatch.setattr(app, "_LOOKED_BACK", app._LOOKED_BACK * 100)


@pytest.mark.usefixtures("long_ago")
def test_what_is_counted_is_counted_once_however_often_the_release_is_told() -> None:
    case = stories.released()
    stands(case.consignment)
    told = notices(case)
    for _ in range(3):
        assert hear(*told) == []
    _, answer = get("/panorama/durations")
    counts = {one["segment"]: one["usual"] for one in answer["items"]}
    assert counts["release"] is None  # one shipment: nobody's business yet
    assert store.durations("release", date(2024, 1, 1)) == {histogram.bucket(measured(case)["release"]): 1}


@pytest.mark.usefixtures("long_ago")
def test_three_shipments_make_a_figure() -> None:
    for last in "123":
        case = stories.released(window_no=NUMBER[:-1] + last)
        stands(case.consignment)
        hear(*notices(case))
    _, answer = get("/panorama/durations")
    release = next(one for one in answer["items"] if one["segment"] == "release")
    whole = measured(stories.released())["release"]
    assert release["usual"]["shipments"] == 3
    assert whole / 1.13 <= release["usual"]["median_seconds"] <= whole * 1.13
