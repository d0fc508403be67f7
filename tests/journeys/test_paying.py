"""A bill, a bank, a treasury: release follows the deduction, and the books of the day agree or say why not."""

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import uuid4

import pytest

from infra.stage import Stage
from singlewindow import clock
from tests.journeys.conftest import Planted
from tests.journeys.window import Client, Desk, Trader, quiet, sample, until

At = Callable[[str], Desk]
BANK, TREASURY = "sandbox-bank", "sandbox-treasury"
LINES = [
    {"line": 1, "tax": "duty", "base": "800000.00", "rate": "0.05", "amount": "40000.00"},
    {"line": 1, "tax": "vat", "base": "840000.00", "rate": "0.13", "amount": "109200.00"},
]


def billed(trader: Trader, desk: At) -> tuple[str, str]:
    """A declaration that all agencies agree to and whose bill stands open: its number, and the bill's."""
    window_no, bill_id = trader.submit(sample()), f"T{uuid4().hex[:12]}"
    tax = {"bill_id": bill_id, "regime": "customs-assessed", "issued_at": clock.stamp(), "lines": LINES,
           "total": "149200.00"}  # fmt: skip
    accepted = desk("customs").reply(window_no, "accept")
    desk("customs").reply(window_no, "tax", tax=tax)
    until(lambda: trader.get(f"/payments/bills/{bill_id}").status, lambda status: status == 200)
    for one in trader.show(window_no)["agencies"]:
        if one["part"] in ("decides", "verifies") and one["agency"] != "customs":
            desk(one["agency"]).agree(window_no)
    desk("customs").reply(window_no, "release", entry_id=accepted["entry_id"])
    trader.wait(window_no, "TAX_DUE")
    return window_no, bill_id


def pay(trader: Trader, bill_id: str) -> None:
    answer = trader.call(
        "POST", f"/payments/bills/{bill_id}/pay", {"bank": BANK}, Idempotency_Key=str(uuid4())
    )
    assert answer.status == 202, answer.raw


def bill_is(trader: Trader, bill_id: str, state: str) -> dict[str, Any]:
    shown: dict[str, Any] = until(
        lambda: trader.get(f"/payments/bills/{bill_id}").json, lambda shown: shown["state"] == state
    )
    return shown


def told(trader: Trader, window_no: str) -> list[str]:
    lanes = trader.get(f"/panorama/{window_no}").json["lanes"]
    entries = sorted(lanes["documents"], key=lambda entry: entry["seq"])
    return [
        one["event"]
        for one in entries
        if one["source"] == "payments" or one["event"] == "DeclarationReleased"
    ]


@pytest.mark.usefixtures("banks")
def test_a_bill_is_paid_and_the_goods_are_released_once(trader: Trader, desk: At, stage: Stage) -> None:
    window_no, bill_id = billed(trader, desk)
    pay(trader, bill_id)
    trader.wait(window_no, "RELEASED")
    shown = bill_is(trader, bill_id, "TREASURY_CONFIRMED")
    assert shown["deducted"] == "149200.00"
    quiet(stage)
    assert [name for name in told(trader, window_no) if name != "TreasuryConfirmed"] == [
        "TaxBilled", "TaxSent", "TaxDeducted", "DeclarationReleased"]  # fmt: skip


def test_refused_by_the_bank_it_is_paid_anew(
    trader: Trader, desk: At, stage: Stage, steer: Callable[..., None]
) -> None:
    window_no, bill_id = billed(trader, desk)
    steer(BANK, "refuse", bill_id)
    pay(trader, bill_id)
    assert "simulated" in bill_is(trader, bill_id, "FAILED")["reason"]
    assert trader.show(window_no)["state"] == "TAX_DUE"
    steer(BANK, "duplicate", bill_id)
    pay(trader, bill_id)
    trader.wait(window_no, "RELEASED")
    quiet(stage)
    assert told(trader, window_no).count("TaxDeducted") == 1


def test_reversed_and_forged_and_a_treasury_that_is_silent(
    trader: Trader,
    desk: At,
    stage: Stage,
    steer: Callable[..., None],
    token: Callable[[str, str], str],
    planted: Planted,
) -> None:
    window_no, bill_id = billed(trader, desk)
    steer(BANK, "forged", bill_id)
    pay(trader, bill_id)
    until(lambda: stage.depth("BankResultsDlq"), bool)
    planted.dead_letter("BankResultsDlq")
    assert (
        trader.get(f"/payments/bills/{bill_id}").json["state"] == "SENT_TO_BANK"
    )  # and nothing was released
    assert trader.show(window_no)["state"] == "TAX_DUE"

    reversed_no, reversed_bill = billed(trader, desk)
    steer(BANK, "reverse", reversed_bill)
    steer(TREASURY, "silent", reversed_bill)
    pay(trader, reversed_bill)
    bill_is(trader, reversed_bill, "REVERSED")
    steer(BANK, "pay", reversed_bill)
    pay(trader, reversed_bill)
    bill_is(trader, reversed_bill, "DEDUCTED")
    trader.wait(reversed_no, "RELEASED")

    stage.fire("PaymentsDaily")  # nothing is due, and nothing falls over
    staff = Client(stage.url, token("operator", "window"))
    day = clock.business_date().isoformat()
    for party in (BANK, TREASURY):
        assert staff.call("POST", f"/_local/banks/{party}/statement", {"date": day}).status == 200
    quiet(stage)
    body = staff.get(f"/payments/reconciliations/{day}").json
    assert date.fromisoformat(body["date"])
    ours = {one["kind"] for one in body["breaks"] if one["bill_id"] == reversed_bill}
    assert ours == set()  # the treasury has until tomorrow
