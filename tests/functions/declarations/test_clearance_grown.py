"""The longer course of a clearance: holds with gates, inspection, taxes, review, revocation; its races by example."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from declarations import two_step
from declarations.clearance import next_change
from declarations.holds import PORT, USE, Holds
from declarations.tax import of as bills_of
from singlewindow import catalogue
from singlewindow.events import Event
from singlewindow.rules import RuleBook
from tests.support.bills import bill
from tests.support.clearances import TABLE, Clearance
from tests.support.courses import long_courses, run
from tests.support.thorough import examples

ENTRY_ID = "790120241000000851"
SENT_BACK = ["误放"]


def hold(
    case: Clearance, agency: str, hold_id: str, gate: str = PORT, kind: str = "inspection", **at: Any
) -> None:
    case.reply(agency, "hold", hold={"hold_id": hold_id, "gate": gate, "kind": kind}, **at)
    case.settle()


def say(case: Clearance, agency: str, outcome: str, **members: Any) -> None:
    case.reply(agency, outcome, **members)
    case.settle()


def released(*more: str) -> Clearance:
    case = Clearance("customs", "port", *more).play(*((agency, "accept") for agency in more))
    say(case, "customs", "release", entry_id=ENTRY_ID)
    case.conclude()
    assert case.state == "RELEASED"
    return case


def releases(case: Clearance) -> int:
    return case.types.count("DeclarationReleased")


def test_the_whole_course_two_holds_one_inspection_a_bill_and_one_release() -> None:
    case = Clearance("customs", "ciq")
    say(case, "customs", "accept", entry_id=ENTRY_ID)
    assert (case.state, case.positions["customs"]) == ("ACCEPTED", "examining")
    hold(case, "customs", "C-1")
    hold(case, "ciq", "Q-1", kind="quarantine")
    say(case, "customs", "tax", tax=bill())
    assert case.state == "HELD"
    case.inspected("customs", "C-1")
    case.inspected("ciq", "Q-1")
    case.settle()
    assert (case.state, case.positions["ciq"]) == ("TAX_DUE", "accepted")
    case.billed("B-1")
    case.happens("TaxSent", bill_id="B-1")
    case.happens("TaxDeducted", bill_id="B-1")
    case.settle()
    assert case.state == "ACCEPTED"
    say(case, "customs", "release")
    case.conclude()
    assert (case.state, releases(case)) == ("RELEASED", 1)
    assert case.consignment.events[-1].data["entry_id"] == ENTRY_ID


def test_the_cheap_path_is_one_reply_and_no_further_event() -> None:
    case = Clearance("customs")
    say(case, "customs", "release", entry_id=ENTRY_ID)
    case.conclude()
    assert case.types[2:] == ["AgencyReplied", "DeclarationAccepted", "DeclarationReleased"]


def test_two_agencies_hold_and_clear_at_once_and_each_clears_its_own() -> None:
    case = Clearance("customs", "ciq")
    hold(case, "customs", "H-1")
    hold(case, "ciq", "H-1")  # the same name is another's hold
    say(case, "ciq", "clear", hold_id="H-1")
    assert (case.state, case.positions) == ("HELD", {"customs": "held", "ciq": "accepted"})
    say(case, "customs", "clear", hold_id="H-1")
    assert case.state == "SUBMITTED"


def test_of_two_holds_of_one_agency_a_named_clear_lifts_one_and_a_plain_clear_all() -> None:
    case = Clearance("customs")
    hold(case, "customs", "H-1")
    hold(case, "customs", "H-2")
    say(case, "customs", "clear", hold_id="H-2")
    assert case.state == "HELD"
    hold(case, "customs", "H-3")
    say(case, "customs", "clear")
    assert case.state == "SUBMITTED"


def test_a_clear_that_comes_before_its_hold_lifts_it() -> None:
    case = Clearance("customs")
    say(case, "customs", "clear", hold_id="H-1", at=20)
    hold(case, "customs", "H-1", at=10)
    assert case.state == "SUBMITTED"
    hold(case, "customs", "H-1", at=30)  # held again, later
    assert case.state == "HELD"


def test_ones_last_word_answers_ones_hold_but_not_one_that_is_being_inspected() -> None:
    case = Clearance("customs")
    hold(case, "customs", "D-1", kind="documents")
    say(case, "customs", "release")
    assert case.positions["customs"] == "released"
    hold(case, "customs", "I-1")
    say(case, "customs", "release")
    assert case.positions["customs"] == "held"
    case.inspected("customs", "I-1")
    assert case.positions["customs"] == "released"


@pytest.mark.parametrize(
    ("result", "follow_up", "state"),
    [
        ("pass", None, "SUBMITTED"),
        ("defect", None, "HELD"),
        ("sample", None, "HELD"),
        ("detain", None, "HELD"),
        ("defect", "supplement", "SUBMITTED"),
        ("defect", "guarantee", "SUBMITTED"),
        ("defect", "return", "HELD"),
        ("detain", "detain", "HELD"),
    ],
)
def test_a_pass_or_a_follow_up_that_was_done_clears_the_holds_that_the_sheet_names(
    result: str, follow_up: str | None, state: str
) -> None:
    case = Clearance("customs")
    hold(case, "customs", "I-1")
    case.inspected("customs", "I-1", result=result)
    if follow_up:
        said = {"agency": "customs", "follow_up": follow_up, "hold_ids": ["I-1"]}
        case.happens("InspectionFollowedUp", inspection_id="i-1", at="2024-11-23T05:00:00.000Z", **said)
    case.settle()
    assert case.state == state


def test_a_sheet_that_passes_one_of_a_desks_holds_is_not_its_yes() -> None:
    case = Clearance("customs", "ciq")
    hold(case, "ciq", "Q-1")
    hold(case, "ciq", "Q-2")
    case.inspected("ciq", "Q-1")
    assert case.positions["ciq"] == "held"
    case.inspected("ciq", "Q-2")
    assert case.positions["ciq"] == "accepted"


def test_what_a_desk_says_itself_counts_more_than_what_its_pass_implies() -> None:
    case = Clearance("customs", "ciq")
    hold(case, "ciq", "Q-1")
    case.inspected("ciq", "Q-1")
    case.reply("ciq", "reject")
    assert (case.consignment.events[-1].data["effect"], case.positions["ciq"]) == ("applied", "rejected")


def test_a_release_with_a_hold_of_another_open_is_recorded_and_relayed_once_it_is_cleared() -> None:
    case = Clearance("customs", "ciq")
    hold(case, "ciq", "Q-1")
    say(case, "customs", "release", entry_id=ENTRY_ID)
    case.conclude()
    assert (case.state, releases(case)) == ("HELD", 0)
    say(case, "ciq", "clear")
    case.settle()
    assert (case.state, releases(case)) == ("RELEASED", 1)


def test_a_release_with_the_bill_open_waits_for_the_deduction() -> None:
    case = Clearance("customs")
    say(case, "customs", "tax", tax=bill())
    say(case, "customs", "release", entry_id=ENTRY_ID)
    case.conclude()
    assert (case.state, releases(case)) == ("TAX_DUE", 0)
    case.billed("B-1")
    case.happens("TaxDeductionFailed", bill_id="B-1", reason="insufficient")
    case.settle()
    assert case.state == "TAX_DUE"
    case.happens("TaxDeducted", bill_id="B-1")
    case.settle()
    assert (case.state, releases(case)) == ("RELEASED", 1)


@pytest.mark.parametrize(
    ("events", "settled"),
    [
        ([("TaxDeducted", "B-1")], True),
        ([("TaxGuaranteed", "B-1")], True),
        ([("TaxDeducted", "B-1"), ("TaxReversed", "B-1")], False),
        ([("TaxDeducted", "B-1"), ("TaxReversed", "B-1"), ("TaxDeducted", "B-1")], True),
        ([("TaxDeducted", "B-1"), ("TaxDeductionFailed", "B-1")], True),
        ([("TaxOverdue", "B-1")], False),
        ([("TaxDeducted", "B-9")], False),
    ],
)
def test_a_bill_is_settled_by_deduction_or_guarantee_until_it_is_reversed(
    events: list[tuple[str, str]], settled: bool
) -> None:
    case = Clearance("customs")
    case.reply("customs", "tax", tax=bill())
    for event, bill_id in events:
        case.happens(event, bill_id=bill_id)
    assert (not bills_of(case.consignment.of_version()).open()) is settled


def test_customs_bill_takes_the_place_of_the_traders_own_though_its_reply_does_not_name_it() -> None:
    case = Clearance("customs")
    case.billed("SA-1")
    case.reply("customs", "tax", tax=bill("B-1"))
    case.billed("B-1", supersedes="SA-1")
    assert [one.bill_id for one in bills_of(case.consignment.of_version()).open()] == ["B-1"]
    case.happens("TaxDeducted", bill_id="B-1")
    assert not bills_of(case.consignment.of_version()).open()


def test_nothing_to_pay_is_settled_and_a_superseded_bill_is_none_whatever_is_paid_on_it() -> None:
    case = Clearance("customs")
    say(case, "customs", "tax", tax=bill())
    case.billed("B-1", payable="0.00")
    case.settle()
    assert case.state == "SUBMITTED"
    say(case, "customs", "tax", tax=bill("B-2", supersedes="B-1"))
    case.billed("B-2", supersedes="B-1")
    case.happens("TaxDeducted", bill_id="B-1")
    case.settle()
    assert case.state == "TAX_DUE"


def test_bills_that_name_each_other_do_not_do_away_with_each_other() -> None:
    case = Clearance("customs")
    say(case, "customs", "tax", tax=bill("B-1", supersedes="B-2"))  # which is not there yet
    say(case, "customs", "tax", tax=bill("B-2", supersedes="B-1"))
    assert [one.bill_id for one in bills_of(case.consignment.of_version()).open()] == ["B-2"]
    assert case.state == "TAX_DUE"


def test_a_review_lasts_until_its_agency_says_something_else_and_bars_the_release() -> None:
    case = Clearance("customs", "ciq")
    say(case, "customs", "accept", entry_id=ENTRY_ID)
    say(case, "ciq", "review")
    assert case.state == "IN_REVIEW"
    say(case, "customs", "release")
    case.conclude()
    assert (case.state, releases(case)) == ("IN_REVIEW", 0)
    say(case, "ciq", "accept")
    assert case.state == "RELEASED"


def test_who_has_accepted_is_not_silent_when_the_time_ends() -> None:
    case = Clearance("customs")
    say(case, "customs", "accept", entry_id=ENTRY_ID)
    case.conclude()
    assert (case.state, case.types[-1]) == ("ACCEPTED", "ClearanceConcluded")
    say(case, "customs", "release")
    assert case.state == "RELEASED"


def test_a_hold_at_the_gate_of_use_never_bars_the_release_and_stays_visible_until_cleared() -> None:
    case = Clearance("customs", "ciq")
    hold(case, "ciq", "U-1", gate=USE, kind="quarantine")
    say(case, "ciq", "accept")
    say(case, "customs", "release", release={"conditional": True})
    case.conclude()
    assert case.state == "RELEASED"
    assert case.consignment.events[-1].data["conditional"] is True
    assert [one.hold_id for one in Holds.of(case.consignment.of_version()).open("ciq", USE)] == ["U-1"]
    say(case, "ciq", "clear", hold_id="U-1")
    assert case.consignment.events[-1].data["effect"] == "applied"
    assert Holds.of(case.consignment.of_version()).open("ciq", USE) == []


@pytest.mark.parametrize(("gate", "effect"), [("use", "applied"), ("port", "recorded-after-decision")])
def test_a_late_hold_counts_at_the_gate_of_use_alone_and_neither_takes_the_release_back(
    gate: str, effect: str
) -> None:
    case = released("ciq")
    hold(case, "ciq", "L-1", gate=gate)
    assert case.consignment.events[-1].data["effect"] == effect
    assert case.state == "RELEASED"


def test_customs_takes_its_release_back_and_releases_again() -> None:
    case = released()
    say(case, "customs", "revoke", findings=SENT_BACK)
    assert (case.state, case.types[-1]) == ("HELD", "ReleaseRevoked")
    say(case, "customs", "release")
    assert (case.state, releases(case)) == ("RELEASED", 2)


def test_a_revocation_that_overtakes_its_release_voids_it() -> None:
    case = Clearance("customs")
    say(case, "customs", "revoke", at=20, findings=SENT_BACK)
    say(case, "customs", "release", at=10)
    case.conclude()
    assert (case.state, releases(case)) == ("HELD", 0)
    say(case, "customs", "release", at=30)
    assert case.state == "RELEASED"


def test_a_revocation_decided_before_the_release_that_stands_changes_nothing() -> None:
    case = Clearance("customs")
    say(case, "customs", "release", at=30)
    case.conclude()
    say(case, "customs", "revoke", at=20, findings=SENT_BACK)
    assert case.state == "RELEASED"


def test_gate_out_closes_the_release_order_and_a_revocation_after_it_is_recorded_only() -> None:
    case = released()
    say(case, "port", "accept", report={"gate_out_at": "2024-11-23T03:00:00Z"})
    say(case, "customs", "revoke", findings=SENT_BACK)
    assert case.consignment.events[-1].data["effect"] == "recorded-after-gate-out"
    assert case.types.count("GateOut") == 1
    assert case.state == "CLEARED"


@pytest.mark.parametrize(("left_at", "covered"), [("00:30", True), ("01:30", False)])
def test_goods_that_left_before_the_revocation_left_under_a_release(left_at: str, covered: bool) -> None:
    case = released()
    say(case, "customs", "revoke", at=10, findings=SENT_BACK)  # 01:10
    say(case, "port", "accept", report={"gate_out_at": f"2024-11-23T{left_at}:00Z"})
    assert (case.state, case.consignment.events[-1].type) == ("HELD", "GateOut")
    assert case.consignment.events[-1].data["covered"] is covered


def test_goods_that_leave_without_a_release_are_recorded_and_close_nothing() -> None:
    case = Clearance("customs", "port")
    say(case, "port", "accept", report={"gate_out_at": "2024-11-23T03:00:00Z"})
    assert case.consignment.events[-1].data["covered"] is False
    assert case.state == "SUBMITTED"
    say(case, "customs", "release")
    case.conclude()
    assert case.state == "RELEASED"


def test_an_import_closes_when_the_goods_have_left_and_the_taxes_are_settled() -> None:
    case = Clearance("customs", "port")
    say(case, "customs", "tax", tax=bill())
    case.happens("TaxGuaranteed", bill_id="B-1")
    say(case, "customs", "release", release={"guaranteed": True})
    case.conclude()
    case.happens("TaxReversed", bill_id="B-1")
    say(case, "port", "accept", report={"gate_out_at": "2024-11-23T03:00:00Z"})
    assert case.state == "RELEASED"
    case.happens("TaxDeducted", bill_id="B-1")
    case.settle()
    assert case.state == "CLEARED"


def test_what_has_been_closed_is_not_revoked() -> None:
    case = Clearance("customs", "port", window_no="E20240000000000101")
    say(case, "customs", "release")
    case.conclude()
    say(case, "port", "accept", report={"departed_at": "2024-11-24T03:00:00Z", "tallied": True})
    say(case, "customs", "revoke", findings=SENT_BACK)
    assert (case.state, case.consignment.events[-1].data["effect"]) == ("CLEARED", "recorded-after-gate-out")


@pytest.mark.parametrize("order", [("departed", "tallied"), ("tallied", "departed")])
def test_an_export_closes_with_departure_and_tally_not_with_gate_out(order: tuple[str, str]) -> None:
    case = Clearance("customs", "port", window_no="E20240000000000101")
    say(case, "customs", "release")
    case.conclude()
    reports = {"departed": {"departed_at": "2024-11-24T03:00:00Z"}, "tallied": {"tallied": True}}
    say(case, "port", "accept", report={"gate_out_at": "2024-11-23T03:00:00Z"})
    assert case.state == "RELEASED"
    for step in order:
        assert case.state == "RELEASED"
        say(case, "port", "accept", report=reports[step])
    assert case.state == "CLEARED"


def test_a_summary_is_released_for_removal_completed_and_closed_by_the_gate_out_before() -> None:
    case = Clearance("customs", "port")
    say(case, "customs", "release", entry_id=ENTRY_ID, release={"removal": True})
    case.conclude()
    say(case, "port", "accept", report={"gate_out_at": "2024-11-23T03:00:00Z"})
    assert case.state == "RELEASED"  # the goods are gone, and the full declaration is to come
    assert two_step.allowed(case.consignment) == ["complete"]
    case.submit()
    case.ask("customs", "port")
    assert two_step.allowed(case.consignment) == []
    say(case, "customs", "release", entry_id=ENTRY_ID)
    case.conclude()
    case.settle()
    assert (case.state, case.types.count("GateOut")) == ("CLEARED", 1)


def test_what_was_released_at_once_is_not_completed() -> None:
    assert two_step.allowed(released().consignment) == []


@pytest.mark.parametrize(
    ("today", "overdue"), [(date(2024, 11, 23), False), (date(2024, 12, 4), False), (date(2024, 12, 5), True)]
)
def test_the_full_declaration_is_due_fourteen_days_after_the_conveyances_entry(
    today: date, overdue: bool
) -> None:
    params = RuleBook(catalogue.load("rules/two-step.json"), ()).parameters(two_step.RULE, today)
    assert two_step.obligation(date(2024, 11, 20), params, today) == {
        "rule": "TWO-STEP-FULL",
        "due_on": "2024-12-04",
        "overdue": overdue,
    }


DUE = date(2024, 12, 4)


def summary() -> Clearance:
    case = Clearance("customs", "port")
    say(case, "customs", "release", entry_id=ENTRY_ID, release={"removal": True})
    case.conclude()
    return case


@pytest.mark.parametrize(
    ("now", "event"),
    [
        ("2024-11-30T23:59:59+08:00", None),
        ("2024-12-01T00:00:00+08:00", "FullDeclarationDue"),
        ("2024-12-04T23:59:59+08:00", "FullDeclarationDue"),
        ("2024-12-05T00:00:00+08:00", "FullDeclarationOverdue"),
        ("2025-06-01T00:00:00+08:00", "FullDeclarationOverdue"),
    ],
)
def test_of_a_summary_is_told_what_holds_now_and_once(now: str, event: str | None) -> None:
    case, instant = summary(), datetime.fromisoformat(now)
    change = two_step.told(case.consignment, DUE, 3, instant)
    assert (change.type if change else None) == event
    if change:
        case.apply(change)
        assert two_step.told(case.consignment, DUE, 3, instant) is None
        assert case.state == "RELEASED"


def test_who_was_reminded_is_told_when_it_is_overdue_and_not_again() -> None:
    case = summary()
    instants = two_step.turns(DUE, 3).values()
    for instant in (*instants, *instants, max(instants) + timedelta(days=30)):
        if change := two_step.told(case.consignment, DUE, 3, instant):
            case.apply(change)
    assert case.types[-2:] == ["FullDeclarationDue", "FullDeclarationOverdue"]
    assert case.types.count("FullDeclarationDue") == case.types.count("FullDeclarationOverdue") == 1


@pytest.mark.parametrize("since", ["completed", "revoked", "released at once"])
def test_nobody_is_told_of_what_is_no_summary_any_more(since: str) -> None:
    case = released() if since == "released at once" else summary()
    if since == "completed":
        case.submit()
    elif since == "revoked":
        say(case, "customs", "revoke", findings=[{"code": "REV", "message_zh": "误放", "message_en": "mistake"}])
    assert two_step.told(case.consignment, DUE, 3, datetime.fromisoformat("2025-01-01T00:00:00Z")) is None


def test_every_message_twice_is_every_message_once() -> None:
    def play(times: int) -> Clearance:
        case = Clearance("customs", "ciq", "port")
        for outcome, members in (
            ("accept", {"entry_id": ENTRY_ID}),
            ("hold", {"hold": {"hold_id": "I-1", "kind": "inspection"}}),
            ("tax", {"tax": bill()}),
            ("review", {}),
            ("clear", {"hold_id": "I-1"}),
        ):
            for _ in range(times):
                say(case, "customs", outcome, reply_id=f"R-{outcome}", at=5, **members)
        for _ in range(times):
            case.happens("TaxDeducted", bill_id="B-1")
            say(case, "ciq", "accept", reply_id="Q")
            say(case, "customs", "release", reply_id="R-release", at=9)
            case.conclude()
        for _ in range(times):
            say(case, "customs", "revoke", reply_id="R-revoke", at=12, findings=SENT_BACK)
            say(case, "port", "accept", reply_id="P", report={"gate_out_at": "2024-11-23T02:00:00Z"})
        return case

    once, twice = play(1), play(2)
    kept = [one for one in twice.types if one != "TaxDeducted"]
    assert kept == [one for one in once.types if one != "TaxDeducted"]
    assert (once.state, once.positions) == (twice.state, twice.positions)


def test_what_has_come_to_rest_stays_so() -> None:
    case = released()
    assert next_change(case.consignment, TABLE) is None


# ── Properties ──────────────────────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=examples(150), deadline=None)
@given(long_courses())
def test_no_course_passes_a_gate_with_a_hold_of_it_or_a_bill_open_nor_releases_twice(course: tuple) -> None:
    events = run(*course).consignment.events
    in_force = False
    for n, event in enumerate(events):
        if event.type == "DeclarationSubmitted" or event.type == "ReleaseRevoked":
            in_force = False
        elif event.type == "DeclarationReleased":
            assert not in_force, "released twice"
            in_force = True
            before = [e for e in events[:n] if e.declaration_version == event.declaration_version]
            assert not held_at_the_port(before)
            assert not owed(before)


@settings(max_examples=examples(60), deadline=None)
@given(long_courses())
def test_a_long_course_repeated_message_by_message_is_the_same_course(course: tuple) -> None:
    chosen, steps = course
    doubled = [step for step in steps for _ in range(2 if step[0] == "reply" else 1)]
    assert run(chosen, doubled).consignment == run(chosen, steps).consignment


def held_at_the_port(events: Iterable[Event]) -> set[tuple[str, str]]:
    """The oracle: holds of deciding agencies at the port that nothing said later, in the agency's own time, lifts."""
    said = [e.data | {"type": e.type} for e in events if e.type in ("AgencyReplied", "InspectionResult")]
    said = [
        one
        for one in said
        if one.get("effect", "applied") == "applied" and one["agency"] in ("customs", "ciq")
    ]
    open_ones = set()
    for one in said:
        if one.get("outcome") not in ("hold", "revoke") or one.get("hold", {}).get("gate") == "use":
            continue
        name = one["hold"]["hold_id"] if "hold" in one else one["reply_id"]
        inspected = one.get("hold", {}).get("kind") in ("inspection", "quarantine")
        later = [x for x in said if x["agency"] == one["agency"] and x["at"] >= one["at"]]
        lifted = any(
            (x.get("outcome") == "clear" and x.get("hold_id", name) == name)
            or (x.get("result") == "pass" and name in x["hold_ids"])
            or (not inspected and x.get("outcome") in ("accept", "release"))
            for x in later
        )
        if not lifted:
            open_ones.add((one["agency"], name))
    return open_ones


def owed(events: Iterable[Event]) -> set[str]:
    """The oracle: bills that are neither superseded nor, by their last word, deducted or guaranteed."""
    billed: set[str] = set()
    paid: dict[str, bool] = {}
    for event in events:
        if (
            event.type == "AgencyReplied"
            and event.data["outcome"] == "tax"
            and event.data["effect"] == "applied"
        ):
            billed.add(event.data["tax"]["bill_id"])
            paid[event.data["tax"].get("supersedes", "")] = True
        elif event.type in ("TaxDeducted", "TaxGuaranteed", "TaxReversed"):
            paid.setdefault(event.data["bill_id"], False)
            if event.data["bill_id"] in billed:
                paid[event.data["bill_id"]] = event.type != "TaxReversed"
    return {one for one in billed if not paid.get(one)}
