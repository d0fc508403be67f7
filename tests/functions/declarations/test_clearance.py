"""Clearance: the decision table row by row, then its properties over whatever agencies may send."""

from collections.abc import Sequence
from datetime import date
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from declarations import lifecycle
from declarations.clearance import decision, next_change, table_at
from declarations.positions import Position, positions
from singlewindow.consignment import Consignment
from tests.support.clearances import CAPACITIES, TABLE, Clearance
from tests.support.courses import agencies, courses, run
from tests.support.thorough import examples

ENDED = (lifecycle.RELEASED, lifecycle.REJECTED, lifecycle.RETURNED)


def concluded(*replies: tuple[str, str], agencies: Sequence[str] = ("customs", "ciq")) -> Clearance:
    case = Clearance(*agencies).play(*replies)
    case.conclude()
    return case


@pytest.mark.parametrize(
    ("replies", "state"),
    [
        ([("customs", "release"), ("ciq", "accept")], "RELEASED"),
        ([("customs", "release"), ("ciq", "clear")], "RELEASED"),
        ([("customs", "release"), ("ciq", "hold")], "HELD"),
        ([("customs", "hold"), ("ciq", "accept")], "HELD"),
        ([("customs", "hold"), ("ciq", "hold")], "HELD"),
        ([("customs", "release")], "SUSPENDED"),
        ([], "SUSPENDED"),
        ([("ciq", "hold")], "SUSPENDED"),
        ([("customs", "release"), ("ciq", "return")], "RETURNED"),
        ([("customs", "hold"), ("ciq", "return")], "RETURNED"),
        ([("customs", "return")], "RETURNED"),
        ([("customs", "reject"), ("ciq", "return")], "REJECTED"),
        ([("customs", "reject"), ("ciq", "accept")], "REJECTED"),
        ([("customs", "reject"), ("ciq", "hold")], "REJECTED"),
        ([("ciq", "reject")], "REJECTED"),
    ],
)
def test_the_workflows_end_follows_the_decision_table(replies: list[tuple[str, str]], state: str) -> None:
    case = concluded(*replies)
    assert case.state == state


@pytest.mark.parametrize(
    ("states", "outcome"),
    [
        (["rejected", "returned", "silent", "held", "accepted"], "REJECTED"),
        (["returned", "silent", "held", "accepted"], "RETURNED"),
        (["silent", "held", "accepted"], "SUSPENDED"),
        (["held", "accepted"], "HELD"),
        (["accepted", "accepted"], "RELEASED"),
        (["rejected", "pending"], None),
        (["accepted", "to-ask"], None),
        ([], None),
    ],
)
def test_the_first_row_that_matches_decides_and_an_open_agency_defers(
    states: list[str], outcome: str | None
) -> None:
    desks = [Position(f"a{n}", "decides", n == 0, "", (), state) for n, state in enumerate(states)]
    assert decision(desks, TABLE["rows"]) == outcome


def test_nothing_is_decided_before_every_deciding_agency_has_answered_or_run_out_of_time() -> None:
    case = Clearance("customs", "ciq").play(("ciq", "reject"))
    assert case.state == "SUBMITTED"
    case.play(("customs", "release"))
    assert case.state == "ACCEPTED"
    case.conclude()
    assert case.state == "REJECTED"


@pytest.mark.parametrize(
    "order", list(permutations([("customs", "release"), ("ciq", "hold"), ("ciq", "clear")]))
)
def test_hold_clear_and_accept_release_in_any_order_of_arrival(order: list[tuple[str, str]]) -> None:
    minutes = {"hold": 10, "clear": 20, "release": 30}
    case = Clearance("customs", "ciq")
    for agency, outcome in order:
        case.reply(agency, outcome, at=minutes[outcome])
        case.settle()
    case.conclude()
    assert case.state == "RELEASED"
    assert case.types.count("DeclarationReleased") == 1


@pytest.mark.parametrize("order", list(permutations(["hold", "clear", "release"])))
def test_customs_hold_then_clear_then_accept_releases_in_any_order_of_arrival(order: list[str]) -> None:
    minutes = {"hold": 10, "clear": 20, "release": 30}
    case = Clearance("customs")
    for outcome in order:
        case.reply("customs", outcome, at=minutes[outcome])
        case.settle()
    case.conclude()
    assert case.state == "RELEASED"


@pytest.mark.parametrize("order", list(permutations([("release", 10), ("hold", 20)])))
def test_a_hold_after_the_accept_stands_whatever_arrives_first(order: list[tuple[str, int]]) -> None:
    case = Clearance("customs")
    for outcome, minute in order:
        case.reply("customs", outcome, at=minute)
        case.settle()
    case.conclude()
    assert case.state == "HELD"
    case.reply("customs", "clear", at=30)
    case.settle()
    assert case.state == "RELEASED"


@pytest.mark.parametrize("order", list(permutations([("release", 10), ("hold", 20), ("release", 30)])))
def test_an_accept_after_ones_own_hold_answers_it_in_any_order_of_arrival(
    order: list[tuple[str, int]],
) -> None:
    case = Clearance("customs")
    for outcome, minute in order:
        case.reply("customs", outcome, at=minute)
        case.settle()
    case.conclude()
    assert case.state == "RELEASED"


def test_customs_clear_lifts_its_hold_but_is_not_its_release() -> None:
    case = Clearance("customs", "ciq").play(("customs", "hold"), ("ciq", "accept"), ("customs", "clear"))
    assert case.positions["customs"] == "pending"
    assert case.state == "SUBMITTED"
    case.conclude()
    assert case.state == "SUSPENDED"


def test_the_inspection_desks_clear_is_its_yes() -> None:
    case = concluded(("ciq", "hold"), ("ciq", "clear"), ("customs", "release"))
    assert case.positions["ciq"] == "accepted"
    assert case.state == "RELEASED"


def test_a_late_answer_after_suspension_releases() -> None:
    case = concluded(("customs", "release"))
    assert case.state == "SUSPENDED"
    case.play(("ciq", "accept"))
    assert case.state == "RELEASED"


def test_a_late_acceptance_by_customs_is_told_and_then_releases() -> None:
    case = concluded(("ciq", "accept"))
    case.play(("customs", "release"))
    assert case.types[-3:] == ["AgencyReplied", "DeclarationAccepted", "DeclarationReleased"]


@pytest.mark.parametrize("late", ["reject", "return"])
def test_a_late_no_ends_a_suspension_too(late: str) -> None:
    case = concluded(("customs", "release")).play(("ciq", late))
    assert case.state == {"reject": "REJECTED", "return": "RETURNED"}[late]


@pytest.mark.parametrize("order", list(permutations([("hold", 10), ("clear", 20)])))
def test_a_hold_and_its_clear_leave_a_silent_agency_silent_in_any_order(order: list[tuple[str, int]]) -> None:
    case = concluded(("ciq", "accept"))
    for outcome, minute in order:
        case.reply("customs", outcome, at=minute)
        case.settle()
    assert case.state == "SUSPENDED"
    assert case.positions["customs"] == "silent"


def test_who_clears_a_hold_after_the_time_ran_out_and_says_no_more_is_silent() -> None:
    case = concluded(("customs", "hold"), ("ciq", "accept"))
    assert case.state == "HELD"
    case.play(("customs", "clear"))
    assert case.state == "SUSPENDED"
    assert case.consignment.events[-1].data["silent"] == ["customs"]
    case.play(("customs", "release"))
    assert case.state == "RELEASED"


@pytest.mark.parametrize(
    ("first", "second"), [("release", "reject"), ("release", "return"), ("return", "release")]
)
def test_a_second_different_final_answer_has_no_effect(first: str, second: str) -> None:
    once, twice = Clearance("customs", "ciq"), Clearance("customs", "ciq")
    once.play(("customs", first), ("ciq", "accept"))
    twice.play(("customs", first), ("customs", second), ("ciq", "accept"))
    once.conclude()
    twice.conclude()
    assert twice.state == once.state
    assert twice.positions == once.positions
    assert [e.data["effect"] for e in twice.consignment.events if e.type == "AgencyReplied"] == [
        "applied",
        "recorded-second-final",
        "applied",
    ]


def test_a_reply_to_an_old_version_has_no_effect() -> None:
    case = concluded(("customs", "release"), ("ciq", "return"))
    case.submit()
    case.ask("customs", "ciq")
    case.reply("ciq", "accept", version=1)
    case.reply("customs", "reject", version=1)
    case.settle()
    assert case.state == "SUBMITTED"
    assert case.positions == {"customs": "pending", "ciq": "pending"}
    case.conclude(version=1)
    assert case.state == "SUBMITTED"
    case.play(("customs", "release"), ("ciq", "accept"))
    case.conclude()
    assert case.state == "RELEASED"


def test_acceptance_shows_while_others_are_waited_for_and_carries_the_declaration_number() -> None:
    case = Clearance("customs", "ciq")
    case.reply("customs", "release", entry_id="790120241000000851")
    case.settle()
    assert case.state == "ACCEPTED"
    assert case.consignment.events[-1].data == {"agency": "customs", "entry_id": "790120241000000851"}
    assert case.consignment.snapshot.facts["entry_id"] == "790120241000000851"
    case.play(("ciq", "accept"))
    case.conclude()
    assert case.consignment.events[-1].data["entry_id"] == "790120241000000851"


def test_a_hold_shows_at_once_and_its_end_returns_to_where_the_declaration_was() -> None:
    case = Clearance("customs", "ciq").play(("ciq", "hold"))
    assert case.state == "HELD"
    assert case.consignment.events[-1].data["held"] == ["ciq"]
    case.play(("customs", "release"))
    assert case.state == "HELD"
    case.play(("ciq", "clear"))
    assert case.state == "ACCEPTED"


def test_the_last_clear_after_the_waiting_releases_a_held_declaration() -> None:
    case = concluded(("customs", "release"), ("ciq", "hold"))
    assert case.types[-1] == "ClearanceConcluded"
    case.play(("ciq", "clear"))
    assert case.state == "RELEASED"


def test_a_verifying_agency_neither_releases_nor_stops() -> None:
    for outcome in ("accept", "reject", None):
        case = Clearance("customs", "mofcom").play(("customs", "release"))
        if outcome:
            case.play(("mofcom", outcome))
        case.conclude()
        assert case.state == "RELEASED"


def test_an_informed_agency_reports_and_never_decides() -> None:
    case = Clearance("customs", "port", asked=False)
    case.ask("customs", "port")
    case.play(("port", "reject"), ("customs", "release"))
    case.conclude()
    assert case.positions["port"] == "reported"
    assert case.state == "RELEASED"


def test_who_was_asked_only_after_release_stays_unasked_by_the_conclusion() -> None:
    case = Clearance("customs", "tax", asked=False)
    case.ask("customs")
    case.play(("customs", "release"))
    case.conclude()
    assert case.state == "RELEASED"
    assert case.positions["tax"] == "to-ask"
    case.ask("tax")
    assert case.positions["tax"] == "informed"


def test_concluding_twice_is_concluding_once() -> None:
    case = concluded(("customs", "release"), ("ciq", "accept"))
    before = case.consignment
    case.conclude()
    case.settle()
    assert case.consignment == before


def test_a_declaration_that_has_ended_listens_no_more() -> None:
    for ending, state in (("reject", "REJECTED"), ("return", "RETURNED")):
        case = concluded(("customs", ending))
        case.play(("customs", "release"), ("ciq", "accept"), ("ciq", "hold"))
        assert case.state == state


def test_the_decision_table_is_chosen_by_date() -> None:
    rule = {
        "id": "R",
        "versions": [
            {"version": 1, "effective_from": None, "effective_to": "2018-07-31"},
            {"version": 2, "effective_from": "2018-08-01", "effective_to": None},
        ],
    }
    assert table_at(rule, date(2018, 7, 31))["version"] == 1
    assert table_at(rule, date(2018, 8, 1))["version"] == 2
    with pytest.raises(LookupError, match="R has no version"):
        table_at({"id": "R", "versions": []}, date(2018, 8, 1))


def test_a_position_knows_since_when_it_stands() -> None:
    case = Clearance("customs")
    asked = case.consignment.events[1].at
    assert positions(case.consignment)["customs"].since == asked
    case.reply("customs", "hold", findings=["箱号不符"])
    held = positions(case.consignment)["customs"]
    assert (held.state, held.since) == ("held", case.consignment.events[-1].at)
    assert held.findings == ({"message": "箱号不符"},)


# ── Properties ──────────────────────────────────────────────────────────────────────────────────────────────────────


def at_release(consignment: Consignment) -> Consignment:
    """The consignment as it stood when its release was decided."""
    end = next(n for n, event in enumerate(consignment.events) if event.type == "DeclarationReleased")
    return Consignment(consignment.window_no, consignment.snapshot, consignment.events[:end])


@settings(max_examples=examples(150), deadline=None)
@given(courses())
def test_no_course_releases_twice_nor_moves_after_it_has_ended(course: tuple) -> None:
    case = run(*course)
    assert case.types.count("DeclarationReleased") <= 1
    if "DeclarationReleased" in case.types:
        after = case.types[case.types.index("DeclarationReleased") + 1 :]
        assert set(after) <= {"AgencyReplied"}
        assert case.state == lifecycle.RELEASED


@settings(max_examples=examples(150), deadline=None)
@given(courses())
def test_no_course_releases_without_the_yes_of_every_deciding_agency_customs_first(course: tuple) -> None:
    case = run(*course)
    if "DeclarationReleased" not in case.types:
        return
    before = at_release(case.consignment)
    standing = positions(before)
    assert standing["customs"].final == "accepted"
    assert {p.answer for p in standing.values() if p.decides} == {"accepted"}
    said = [e for e in before.of_version() if e.type == "AgencyReplied" and e.data["agency"] == "customs"]
    assert any(e.data["outcome"] == "release" for e in said)
    assert any(e.type == "DeclarationAccepted" for e in before.of_version())


@settings(max_examples=examples(120), deadline=None)
@given(courses())
def test_every_change_of_state_is_a_legal_move_and_every_course_comes_to_rest(course: tuple) -> None:
    case = run(*course)  # an illegal move, or no rest, raises inside
    assert next_change(case.consignment, TABLE) is None
    assert case.state in lifecycle.STATES
    before = case.consignment
    case.settle()
    assert case.consignment == before


@settings(max_examples=examples(120), deadline=None)
@given(courses())
def test_repeating_every_reply_changes_nothing(course: tuple) -> None:
    chosen, steps = course
    doubled = [step for step in steps for _ in range(2 if step[0] == "reply" else 1)]
    assert run(chosen, doubled).consignment == run(chosen, steps).consignment


@st.composite
def replies_in_two_orders(draw: st.DrawFn) -> tuple[tuple[str, ...], list[tuple], list[tuple]]:
    """The same answers twice, shuffled; each agency with one verdict at most, besides any holds and clears.

    Of two verdicts that contradict each other the first to arrive counts: that is a rule, not a race.
    """
    chosen = draw(agencies)
    answers: list[tuple] = []
    for agency in chosen:
        yes = "release" if CAPACITIES[agency][1] else "accept"
        verdict = draw(st.sampled_from([yes, "reject", "return", None]))
        final_clear = CAPACITIES[agency][2]
        may = ["hold"] if final_clear and verdict in ("reject", "return", None) else ["hold", "clear"]
        may += [verdict] if verdict else []
        for outcome, minute in draw(st.lists(st.tuples(st.sampled_from(may), st.integers(0, 9)), max_size=4)):
            answers.append(("reply", (agency, outcome), minute, 0, False))
    settling = st.lists(st.just(("settle",)), max_size=3)
    one = draw(st.permutations(answers + draw(settling)))
    other = draw(st.permutations(answers + draw(settling)))
    return chosen, one, other


@settings(max_examples=examples(200), deadline=None)
@given(replies_in_two_orders())
def test_the_order_of_arrival_does_not_matter(orders: tuple) -> None:
    chosen, one, other = orders
    first, second = run(chosen, [*one, ("conclude",)]), run(chosen, [*other, ("conclude",)])
    assert first.state == second.state
    assert first.positions == second.positions


@settings(max_examples=examples(200), deadline=None)
@given(replies_in_two_orders(), st.integers(0, 30))
def test_the_moment_of_the_timeout_does_not_matter_unless_it_ended_the_matter(
    orders: tuple, moment: int
) -> None:
    chosen, one, other = orders
    early = list(one)
    early.insert(min(moment, len(early)), ("conclude",))
    cut = early.index(("conclude",))
    if run(chosen, early[: cut + 1]).state in ENDED:
        return
    first, second = run(chosen, early), run(chosen, [*other, ("conclude",)])
    if first.state in ENDED and any(event.type == "AgencyReplied" for event in tail(first.consignment)):
        return  # ended by the answers so far; what came later was recorded only
    assert first.state == second.state


def tail(consignment: Consignment) -> list:
    """The events after the declaration had ended."""
    ending = ("DeclarationReleased", "DeclarationRejected", "DeclarationReturned")
    end = next(
        (n for n, event in enumerate(consignment.events) if event.type in ending), len(consignment.events)
    )
    return list(consignment.events[end + 1 :])
