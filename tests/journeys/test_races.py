"""What comes at the wrong moment, on the whole stack: each has an answer, nothing is released twice or past a hold."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

from infra.stage import Stage
from singlewindow import clock
from tests.journeys.test_inspection import free, ordered, wanted
from tests.journeys.test_paying import BANK, LINES, bill_is, billed, pay
from tests.journeys.test_release import happened, waits
from tests.journeys.window import Desk, Trader, quiet, sample, until

At = Callable[[str], Desk]


def cleared(desk: At, window_no: str, agency: str) -> None:
    desk(agency).reply(window_no, "clear", hold_id=f"{agency}-1")


def test_two_agencies_hold_at_once_and_clear_at_once(trader: Trader, desk: At, stage: Stage) -> None:
    window_no = trader.submit(sample(wrap_type="93"))
    for agency in waits(trader, window_no):
        desk(agency).question(window_no)
    for step in (wanted, cleared):
        with ThreadPoolExecutor(2) as pool:
            done = pool.map(lambda agency, act=step: act(desk, window_no, agency), ("customs", "ciq"))
            assert list(done) == [None, None]
        if step is wanted:
            id = ordered(trader, window_no, ["ciq", "customs"])
    assert until(lambda: trader.get(f"/inspections/{id}").json["state"], lambda state: state == "CANCELLED")
    for agency in waits(trader, window_no):
        desk(agency).agree(window_no)
    trader.wait(window_no, "RELEASED")
    quiet(stage)
    assert (
        happened(trader, window_no, "InspectionOrdered")
        == happened(trader, window_no, "DeclarationReleased")
        == 1
    )


def test_a_result_for_an_order_that_was_cancelled_is_refused(trader: Trader, desk: At) -> None:
    window_no = trader.submit(sample(wrap_type="93"))
    wanted(desk, window_no, "ciq")
    id = ordered(trader, window_no, ["ciq"])
    cleared(desk, window_no, "ciq")
    until(lambda: trader.get(f"/inspections/{id}").json["state"], lambda state: state == "CANCELLED")
    late = desk("ciq").client.call(
        "POST", f"/inspections/{id}/result", {"result": "defect", "follow_up": "detain"}
    )
    assert (late.status, late.json["state"]) == (409, "CANCELLED")
    assert all(hold["cleared_at"] for hold in trader.show(window_no)["holds"])


def test_once_an_inspection_is_ordered_nothing_is_changed_on_ones_own_initiative(
    trader: Trader, desk: At
) -> None:
    window_no = trader.submit(sample(wrap_type="93"))
    desk("customs").reply(window_no, "accept")
    until(lambda: trader.show(window_no)["entry_id"], bool)
    wanted(desk, window_no, "ciq")
    id = ordered(trader, window_no, ["ciq"])
    path = f"/declarations/{window_no}"
    body = {"reason": "录入错误", "changes": [{"op": "replace", "path": "/head/bill_no", "value": "CTU9"}]}
    amended = trader.call("POST", f"{path}/amendments", body, Idempotency_Key=str(uuid4()))
    withdrawn = trader.call(
        "POST", f"{path}/withdrawal", {"reason": "录入错误"}, Idempotency_Key=str(uuid4())
    )
    assert {(one.status, one.json["code"]) for one in (amended, withdrawn)} == {(409, "inspection-ordered")}
    slot = free(trader, id)[0]
    booked = trader.call(
        "POST", f"/inspections/{id}/booking", {"slot_id": slot}, Idempotency_Key=str(uuid4())
    )
    assert booked.status == 200  # and the inspection goes on


def test_a_bill_that_is_superseded_while_the_bank_has_it_is_given_back_and_the_new_one_paid_once(
    trader: Trader, desk: At, stage: Stage, steer: Callable[..., None]
) -> None:
    window_no, first = billed(trader, desk)
    second = f"T{uuid4().hex[:12]}"
    steer(BANK, "slow", first)
    pay(trader, first)
    tax: dict[str, Any] = {"bill_id": second, "regime": "customs-assessed", "issued_at": clock.stamp()}
    tax |= {"lines": LINES, "total": "149200.00", "supersedes": first}
    desk("customs").reply(window_no, "tax", tax=tax)
    bill_is(trader, first, "VOID")
    again = trader.call("POST", f"/payments/bills/{first}/pay", {"bank": BANK}, Idempotency_Key=str(uuid4()))
    assert (again.status, again.json["superseded_by"]) == (409, second)
    until(lambda: trader.get(f"/payments/bills/{second}").status, lambda status: status == 200)

    def ordered_once(_: int) -> int:
        answer = trader.call(
            "POST", f"/payments/bills/{second}/pay", {"bank": BANK}, Idempotency_Key=str(uuid4())
        )
        return answer.status

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(ordered_once, range(4))) == [202, 409, 409, 409]
    trader.wait(window_no, "RELEASED")
    until(lambda: trader.get(f"/payments/bills/{first}").json["strays"], bool)
    quiet(stage)
    assert [one["why"] for one in trader.get(f"/payments/bills/{first}").json["strays"]] == [
        "superseded-bill"
    ]
    assert happened(trader, window_no, "DeclarationReleased") == 1


def test_a_withdrawal_at_the_moment_of_release_ends_in_one_of_the_two(
    trader: Trader, desk: At, stage: Stage
) -> None:
    window_no = trader.submit(sample())
    for agency in waits(trader, window_no):
        if agency != "customs":
            desk(agency).agree(window_no)
    release = desk("customs").compose(desk("customs").question(window_no), "release")

    def withdraw() -> int:
        told = {"reason": "录入错误"}
        answer = trader.call(
            "POST", f"/declarations/{window_no}/withdrawal", told, Idempotency_Key=str(uuid4())
        )
        return answer.status

    with ThreadPoolExecutor(2) as pool:
        wish = pool.submit(withdraw)
        pool.submit(desk("customs").send, release)
    assert wish.result() in (200, 202, 409)
    until(lambda: trader.show(window_no)["state"], lambda state: state in ("RELEASED", "WITHDRAWN"))
    quiet(stage)
    ends = [happened(trader, window_no, f"Declaration{end}") for end in ("Released", "Withdrawn")]
    assert sorted(ends) == [0, 1]
