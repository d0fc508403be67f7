"""What agencies ask for, joined into one order: holds and clears in any order, twice, at once."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspections import clocks, lifecycle, slots
from inspections.order import Order, advanced, concerns, parts
from singlewindow.consignment import Change
from singlewindow.errors import WindowError
from singlewindow.events import WINDOW
from tests.support.inspections import BOX, OTHER_BOX, SLOT, Inspected
from tests.support.thorough import examples


def two_holds() -> Inspected:
    case = Inspected("customs", "ciq")
    case.hold(
        "ciq", "Q1", at=10, kind="quarantine", gate="use", place="ctu-air", containers=[BOX],
        qualifications=["quarantine"], instructions=["取样 3 份", "开箱前 通风"],
    )  # fmt: skip
    case.hold(
        "customs", "C1", at=11, place="qbj-rail", containers=["tclu 901234-0"],
        qualifications=["unpacking"], instructions=["开箱前  通风"],
    )  # fmt: skip
    return case


def test_two_agencies_holds_are_one_inspection_with_everything_once() -> None:
    case = two_holds().join()

    (order,) = case.orders
    assert order.id == f"{case.consignment.window_no}-1-1"
    assert [dict(one) for one in order.holds] == [
        {"agency": "customs", "hold_id": "C1", "gate": "port"},
        {"agency": "ciq", "hold_id": "Q1", "gate": "use"},
    ]
    assert order.place == "qbj-rail"  # the port comes before the place of use, whoever asked first
    assert order.containers == (BOX, OTHER_BOX)
    assert order.qualifications == ("quarantine", "unpacking")
    assert order.instructions == ("开箱前 通风", "取样 3 份")
    assert case.types.count("InspectionOrdered") == 1


def test_who_names_no_container_means_all_of_them() -> None:
    case = two_holds()
    case.hold("maritime", "M1", at=12)

    assert case.join().order.containers == ()


def test_a_hold_that_comes_later_joins_as_another_revision() -> None:
    case = Inspected("customs", "ciq")
    case.hold("customs", "C1", at=10)
    case.join()
    case.hold("ciq", "Q1", at=11, kind="quarantine", qualifications=["cold"])
    case.join()

    assert (case.order.revision, case.order.agencies) == (2, ["ciq", "customs"])
    case.clear("ciq", "Q1", at=12)
    case.join()
    assert (case.order.revision, case.order.qualifications) == (3, ())
    assert len(case.orders) == 1


def test_papers_need_no_box_opened() -> None:
    case = Inspected("customs", "ciq")
    case.hold("customs", "C1", at=10, kind="documents")
    case.said("ciq", "hold", at=10)

    assert case.join().orders == []


def test_of_the_answers_only_those_that_may_change_an_inspection_concern_it() -> None:
    case = Inspected("customs", "ciq")
    case.hold("customs", "C1", at=1)
    case.clear("customs", at=2)
    case.hold("ciq", "L1", at=3, kind="licence")
    case.said("ciq", "hold", at=4)
    case.said("ciq", "accept", at=5, final=True)
    case.apply(Change("DeclarationRejected", {}, WINDOW))

    assert [concerns(event) for event in case.consignment.events[-6:]] == [
        True,
        True,
        False,
        False,
        False,
        True,
    ]


def test_a_clear_that_overtakes_its_hold_wins_by_the_agencys_own_time() -> None:
    case = Inspected("customs", "ciq")
    case.clear("customs", at=12)
    case.hold("customs", "C1", at=11)

    assert case.join().orders == []


def test_a_last_word_does_not_spare_the_goods_from_being_seen() -> None:
    case = Inspected("customs", "ciq")
    case.hold("customs", "C1", at=10)
    case.said("customs", "release", at=11, final=True)
    assert case.join().order.state == lifecycle.ORDERED

    case.clear("customs", at=12)
    assert case.join().order.state == lifecycle.CANCELLED


def test_when_no_hold_is_left_before_the_start_it_is_cancelled_and_the_next_hold_is_another() -> None:
    case = two_holds().join()
    case.book()
    case.clear("customs", "C1", at=20)
    case.clear("ciq", at=20)
    case.join()
    assert (case.order.state, case.order.reason) == ("CANCELLED", "holds-cleared")

    case.hold("customs", "C2", at=21)
    case.join()
    assert [one.state for one in case.orders] == ["CANCELLED", "ORDERED"]
    assert case.order.id.endswith("-1-2")


def test_after_the_start_an_inspection_ends_where_no_hold_is_left() -> None:
    case = two_holds().join().book().start()
    case.clear("customs", at=20)
    case.clear("ciq", at=20)

    assert case.join().order.state == lifecycle.DONE


@pytest.mark.parametrize("ending", ["DeclarationRejected", "DeclarationReturned", "DeclarationWithdrawn"])
def test_with_the_declaration_its_inspection_ends(ending: str) -> None:
    case = two_holds().join()
    case.apply(Change(ending, {}, WINDOW))

    assert case.join().order.state == lifecycle.CANCELLED
    case.hold("customs", "C9", at=30)
    assert len(case.join().orders) == 1


def test_a_slot_that_no_longer_fits_is_given_back() -> None:
    case = Inspected("customs", "ciq")
    case.hold("customs", "C1", at=10)
    case.join().book()
    case.hold("ciq", "Q1", at=11, qualifications=["cold"])
    case.join()

    assert (case.order.state, case.order.slot) == (lifecycle.ORDERED, None)
    assert case.consignment.events[-1].data["reason"] == "unfit"


def test_a_late_hold_after_the_end_is_an_inspection_of_its_own() -> None:
    case = two_holds().join().book().start()
    for agency in ("customs", "ciq"):
        case.result(agency, "pass")
    assert case.order.state == lifecycle.DONE
    case.hold("ciq", "Q2", at=50, gate="use")
    case.hold("customs", "C1", at=9)  # an old hold repeated late is answered already
    case.join()

    assert [one.state for one in case.orders] == ["DONE", "ORDERED"]
    assert [one["hold_id"] for one in case.order.holds] == ["Q2"]


asks = st.tuples(
    st.sampled_from(["hold", "clear", "clear-all"]),
    st.sampled_from(["customs", "ciq"]),
    st.sampled_from(["1", "2"]),
    st.integers(0, 5),
    st.sampled_from(["port", "use"]),
)


@settings(max_examples=examples(120), deadline=None)
@given(st.lists(asks, min_size=1, max_size=8, unique_by=lambda one: one[:4]), st.randoms())
def test_any_order_of_arrival_asks_for_the_same(said: list[tuple], chance: object) -> None:
    """The gate is no part of an answer's identity: two holds of one moment and id that differ would be two truths."""

    def played(answers: list[tuple], *, at_once: bool) -> Inspected:
        case = Inspected("customs", "ciq")
        for what, agency, number, minute, gate in answers:
            for _ in range(2):  # everything comes twice
                if what == "hold":
                    case.hold(agency, number, at=minute, gate=gate)
                else:
                    case.clear(agency, number if what == "clear" else None, at=minute)
            if not at_once:
                case.join()
        return case.join()

    shuffled = list(said)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = played(said, at_once=True), played(shuffled, at_once=False)

    def wanted(case: Inspected) -> list[dict[str, str]]:
        open_ones = [order for order in case.orders if order.state == lifecycle.ORDERED]
        assert len(open_ones) <= 1
        return [dict(hold) for order in open_ones for hold in order.holds]

    assert wanted(one) == wanted(other)


def test_every_move_is_reached_from_the_beginning_and_named_once() -> None:
    assert len({(m.state, m.event, m.next) for m in lifecycle.MOVES}) == len(lifecycle.MOVES)
    reached = {""}
    for _ in lifecycle.STATES:
        reached |= {move.next for move in lifecycle.MOVES if move.state in reached}
    assert reached == {"", *lifecycle.STATES}
    assert all(not lifecycle.allowed(lifecycle.CANCELLED, actor) for actor in (None, "trader", "agency"))


def test_what_is_not_allowed_is_refused_with_what_is() -> None:
    error = lifecycle.refused("ORDERED", "result")
    assert isinstance(error, WindowError)
    assert (error.status, error.members["allowed"]) == (409, ["book", "start"])
    with pytest.raises(LookupError):
        advanced(Order("x", 1, "CANCELLED"), "InspectionBooked", {"slot": {}})


def test_clocks_say_whose_time_it_was() -> None:
    case = Inspected("customs")
    case.hold("customs", "C1", at=1)
    case.join().book()
    case.book("qbj-rail.A2.20241125.1100")
    case.start()
    case.result("customs", "pass")

    shown = clocks.shown(case.order)
    stays = [(one["state"], one["in_charge"], one["seconds"]) for one in shown["stays"]]
    assert stays == [("ORDERED", "trader", 60), ("BOOKED", "terminal", 120), ("STARTED", "agency", 120)]
    assert shown["seconds"] == {"trader": 60, "terminal": 120, "agency": 120}
    assert list(shown["instants"]) == ["ordered", "booked", "started", "done"]


def test_only_an_inspections_own_id_is_one() -> None:
    assert parts("I20240000000000101-1-2") == ("I20240000000000101", 1)
    assert all(parts(one) is None for one in ("", "I20240000000000101", "I2024000000000010١-1-1", "../x-1-1"))


def test_slots_are_those_of_the_catalogue_in_beijing_time() -> None:
    slot = slots.find(SLOT)
    assert slot and (slot.starts_at, slot.capacity) == ("2024-11-25T02:00:00.000Z", 1)
    monday, sunday = date(2024, 11, 25), date(2024, 11, 24)
    assert {one.bay for one in slots.fitting("qbj-rail", ["cold"], monday)} == {"C1"}
    assert slots.fitting("qbj-rail", [], sunday) == []
    assert slots.fitting(None, ["cold", "dangerous"], monday) == []
    assert slots.fitting("elsewhere", [], monday) == []
    for wrong in (
        "qbj-rail.A2.20241125.1030",
        "qbj-rail.A2.20241399.1000",
        "x.A2.20241125.1000",
        "",
        SLOT + "0",
    ):
        assert slots.find(wrong) is None


def test_a_slot_can_be_taken_in_time_and_not_too_far_ahead() -> None:
    slot = slots.find(SLOT)
    assert slot is not None
    begins = datetime.fromisoformat(slot.starts_at)
    for before, open_ in ((59, False), (60, True), (14 * 24 * 60, True), (14 * 24 * 60 + 1, False)):
        assert slots.is_open(slot, begins - timedelta(minutes=before)) is open_
