"""Whatever agencies, traders and laboratories may do to an inspection: what must never be, at every step."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from inspections import lifecycle, order
from inspections.order import RESULTS
from singlewindow.consignment import Change
from singlewindow.errors import WindowError
from singlewindow.events import WINDOW
from tests.support.inspections import Inspected
from tests.support.thorough import examples

AGENCIES = st.sampled_from(["customs", "ciq"])
NUMBERS = st.sampled_from(["1", "2"])
SLOTS = st.sampled_from(
    ["qbj-rail.A2.20241125.1000", "qbj-rail.C1.20241125.1000", "ctu-air.H2.20241125.1000"]
)
FOLLOW_UPS = st.sampled_from(["supplement", "guarantee", "return", "detain"])


class Inspections(RuleBasedStateMachine):
    """The inbox may run after any step or not: its delays, losses and repetitions."""

    @initialize()
    def begin(self) -> None:
        self.case = Inspected("customs", "ciq")
        self.held: set[tuple[str, str]] = set()
        self.slots: dict[str, str] = {}  # inspection → the slot that the table would say it has

    @rule(agency=AGENCIES, number=NUMBERS, fussy=st.booleans(), early=st.integers(0, 3))
    def hold(self, agency: str, number: str, fussy: bool, early: int) -> None:
        wants = ["cold"] if fussy else []
        self.case.hold(agency, number, at=max(0, self.case._minute - early), qualifications=wants)
        self.held.add((agency, number))

    @rule(agency=AGENCIES, number=st.one_of(st.none(), NUMBERS), early=st.integers(-2, 3))
    def clear(self, agency: str, number: str | None, early: int) -> None:
        self.case.clear(agency, number, at=max(0, self.case._minute - early))

    @rule()
    def hear(self) -> None:
        self.case.join()
        assert order.next_change(self.case.consignment, 1) is None

    @precondition(lambda self: self.case.orders)
    @rule(slot=SLOTS)
    def book(self, slot: str) -> None:
        standing = self.case.order
        bookable = "book" in lifecycle.allowed(standing.state, lifecycle.TRADER)
        from inspections.slots import find

        if bookable and order.fits(standing, find(slot)) and (standing.slot or {}).get("slot_id") != slot:
            self.case.book(slot)

    @precondition(lambda self: self.case.orders)
    @rule(agency=AGENCIES)
    def start(self, agency: str) -> None:
        self.refusable(lambda: self.case.start(agency) if self.case.order.state != "STARTED" else None)

    @precondition(lambda self: self.case.orders)
    @rule(agency=AGENCIES, result=st.sampled_from(RESULTS), note=st.sampled_from(["a", "b"]))
    def write(self, agency: str, result: str, note: str) -> None:
        before = self.case.order
        settled = not before.unanswered(agency)
        known = {one.sha256 for one in before.results}
        change = self.refusable(lambda: self.case.result(agency, result, note=note))
        if isinstance(change, Change):
            assert before.state in ("STARTED", "DONE") and not settled
            assert change.data["sheet_sha256"] not in known

    @precondition(lambda self: self.case.orders)
    @rule(agency=AGENCIES, what=FOLLOW_UPS)
    def follow_up(self, agency: str, what: str) -> None:
        before = self.case.order
        if isinstance(self.refusable(lambda: self.case.follow_up(agency, what)), Change):
            assert before.faulty(agency)

    @precondition(lambda self: len(self.case.consignment.events) > 12)
    @rule()
    def withdraw(self) -> None:
        self.case.apply(Change("DeclarationWithdrawn", {}, WINDOW))
        self.case.join()
        assert all(one.state in lifecycle.OVER for one in self.case.orders)

    def refusable(self, act: object) -> object:
        """What came of it; a refusal is told with what is allowed, and changes nothing."""
        events = len(self.case.consignment.events)
        refusal: WindowError | None = None
        try:
            return act()  # type: ignore[operator]
        except WindowError as error:
            refusal = error
        assert refusal.status == 409 and len(self.case.consignment.events) == events
        return None

    @invariant()
    def one_at_a_time(self) -> None:
        running = [one for one in self.case.orders if one.state not in lifecycle.OVER]
        assert running in ([], self.case.orders[-1:])

    @invariant()
    def a_slot_stands_for_a_booking_that_fits_or_is_about_to_be_given_back(self) -> None:
        for one in self.case.orders:
            if one.state in (lifecycle.ORDERED, lifecycle.NO_SHOW):
                assert one.slot is None
            if one.state == lifecycle.BOOKED:
                assert one.slot is not None

    @invariant()
    def nothing_clears_but_a_pass_or_a_follow_up(self) -> None:
        for one in self.case.orders:
            for agency, hold_id in one.ever:
                latest = [r.result for r in one.results if r.agency == agency and hold_id in r.hold_ids]
                if one.cleared_by(agency, hold_id) == "pass":
                    assert latest[-1] == "pass"
                elif one.cleared_by(agency, hold_id):
                    assert set(latest) & {"defect", "detain"}

    @invariant()
    def it_is_done_once_and_only_for_holds_that_were_asked(self) -> None:
        for one in self.case.orders:
            assert sum(event.type == "InspectionDone" for event in one.events) <= 1
            assert one.ever <= self.held


TestInspections = Inspections.TestCase
TestInspections.settings = settings(max_examples=examples(75), stateful_step_count=20, deadline=None)
