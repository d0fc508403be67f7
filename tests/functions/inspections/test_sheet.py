"""One sheet: each agency its own result, once; what a defect leads to; what the end says."""

import pytest

from inspections import lifecycle, sheet
from singlewindow.errors import WindowError
from tests.support.clearances import instant
from tests.support.inspections import BOX, OTHER_BOX, Inspected


def opened() -> Inspected:
    case = Inspected("customs", "ciq")
    case.hold("customs", "C1", at=10, containers=[BOX])
    case.hold("ciq", "Q1", at=11, containers=[BOX])
    return case.join().book().start()


def refusal(of: object) -> WindowError:
    with pytest.raises(WindowError) as error:
        of()  # type: ignore[operator]
    return error.value


def test_it_is_done_when_each_agency_has_written_its_own_part() -> None:
    case = opened()
    case.result("customs", "pass", seals_after=[{"container_no": BOX, "seal_no": "CN2"}])
    assert case.order.state == lifecycle.STARTED
    case.result("ciq", "pass", seals_after=[{"container_no": BOX, "seal_no": "CN3"}])

    done = case.consignment.events[-1]
    assert (done.type, done.data["results"]) == ("InspectionDone", {"customs": "pass", "ciq": "pass"})
    assert done.data["seals_after"] == [{"container_no": BOX, "seal_no": "CN3"}]
    assert case.order.cleared_by("customs", "C1") == case.order.cleared_by("ciq", "Q1") == "pass"
    assert case.order.cleared_by("ciq", "C1") is None


def test_the_same_result_again_changes_nothing_and_another_is_refused() -> None:
    case = opened()
    case.result("customs", "pass")

    assert case.result("customs", "pass") is None
    assert refusal(lambda: case.result("customs", "defect")).code == "result-given"
    case.result("ciq", "pass")
    assert case.result("customs", "pass") is None  # repeated after the end as well


def test_who_has_no_hold_has_nothing_to_write() -> None:
    error = refusal(lambda: opened().result("maritime", "pass"))
    assert (error.status, error.code) == (409, "no-hold-of-yours")


def test_nothing_is_written_before_the_start_or_on_a_cancelled_order() -> None:
    case = Inspected("customs")
    case.hold("customs", "C1", at=10)
    case.join()
    assert refusal(lambda: case.result("customs", "pass")).members["allowed"] == ["book", "start"]
    case.clear("customs", at=20)
    case.join()
    assert refusal(lambda: case.result("customs", "pass")).members == {"state": "CANCELLED", "allowed": []}


def test_a_laboratory_has_the_last_word_after_the_boxes_are_closed() -> None:
    case = opened()
    case.result("customs", "pass")
    case.result("ciq", "sample", samples=[{"sample_no": "S1", "description": "土壤"}])
    assert (case.order.state, case.order.cleared_by("ciq", "Q1")) == (lifecycle.DONE, None)

    case.result("ciq", "pass")
    assert case.order.cleared_by("ciq", "Q1") == "pass"
    assert refusal(lambda: case.result("ciq", "detain")).code == "result-given"
    assert case.types.count("InspectionDone") == 1


@pytest.mark.parametrize(
    ("follow_up", "cleared"),
    [(one, one not in ("return", "detain")) for one in
     ("supplement", "amend", "penalty", "guarantee", "convert", "return", "detain")],
)  # fmt: skip
def test_a_follow_up_clears_a_defect_unless_the_goods_do_not_pass(follow_up: str, cleared: bool) -> None:
    case = opened()
    case.result("customs", "defect", follow_up="penalty")
    case.result("ciq", "pass")
    assert case.order.cleared_by("customs", "C1") is None

    assert case.follow_up("customs", follow_up) is not None
    assert case.follow_up("customs", follow_up) is None
    assert (case.order.cleared_by("customs", "C1") is not None) is cleared
    assert refusal(lambda: case.follow_up("ciq", "penalty")).code == "nothing-to-follow-up"


def test_what_was_detained_may_be_released_on_a_guarantee() -> None:
    case = opened()
    case.result("customs", "detain")
    case.follow_up("customs", "detain")
    case.follow_up("customs", "guarantee")

    assert case.order.cleared_by("customs", "C1") == "guarantee"


def test_a_hold_that_joins_after_ones_result_wants_another_result() -> None:
    case = opened()
    case.result("customs", "pass")
    case.hold("customs", "C2", at=30, containers=[BOX])
    case.join()
    case.result("ciq", "pass")
    assert case.order.state == lifecycle.STARTED

    assert case.result("customs", "pass") is None  # a late repetition is not about what joined since
    assert refusal(lambda: case.result("customs", "pass", hold_ids=["C1"])).code == "result-given"
    assert refusal(lambda: case.result("customs", "pass", hold_ids=["C2", "Q1"])).code == "no-such-hold"
    case.result("customs", "defect", hold_ids=["C2"], follow_up="penalty")
    assert case.order.state == lifecycle.DONE
    assert case.order.outcomes == {"customs": "defect", "ciq": "pass"}  # the gravest of its holds
    assert case.order.cleared_by("customs", "C1") == "pass"
    assert case.order.cleared_by("customs", "C2") is None


def test_an_agency_whose_hold_is_cleared_while_the_doors_are_open_is_not_waited_for() -> None:
    case = opened()
    case.result("customs", "pass")
    case.clear("ciq", at=40)
    case.join()

    assert case.order.state == lifecycle.DONE
    assert case.order.agencies == ["ciq", "customs"]  # both may look at the sheet for ever


def test_an_agency_whose_clock_runs_ahead_is_answered_all_the_same() -> None:
    case = Inspected("customs")
    case.hold("customs", "C1", at=50)  # by its own clock, three quarters of an hour after ours
    case.join().book().start()
    case.result("customs", "pass")

    assert [one.state for one in case.orders] == [lifecycle.DONE]
    assert case.order.results[0].at == instant(50)


def test_evidence_and_seals_must_be_of_this_inspection() -> None:
    written = {"evidence": ["a", "b"], "samples": [{"sample_no": "1"}, {"sample_no": "2", "evidence": "c"}]}
    sheet.missing_evidence(written, ["a", "b", "c"])
    error = refusal(lambda: sheet.missing_evidence(written, ["a"]))
    assert [one.pointer for one in error.findings] == ["/evidence/1", "/samples/1/evidence"]
    case, seals = (
        opened(),
        [{"container_no": BOX, "seal_no": "1"}, {"container_no": OTHER_BOX, "seal_no": "1"}],
    )
    error = refusal(lambda: sheet.other_containers(case.consignment, case.order, "seals_before", seals))
    assert [one.pointer for one in error.findings] == ["/seals_before/1/container_no"]
