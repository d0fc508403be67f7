"""Bills, banks and books through the handlers: once, however often and in whatever order words come."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from payments import app as payments_app
from payments import opening, settlement, store, view
from payments import orders as bank_orders
from payments.app import app, on_event, on_partner
from payments.billing import Draft
from payments.deduction import Result
from singlewindow import canonical, clock, settings
from singlewindow.aws import ledger
from singlewindow.consignment import Body, Change, Submission
from singlewindow.errors import WindowError
from singlewindow.events import Actor
from tests.support.clearances import IMPORTER, ROOT
from tests.support.till import BANK, DOCUMENT, LINES, STRANGER, TREASURY, Till, cloud, keeps_its_schema
from tests.support.till import till as opened

TODAY = "2026-11-25"
TRADER = Actor("enterprise", IMPORTER)


@pytest.fixture(scope="module")
def named() -> Iterator[dict[str, str]]:
    with cloud() as settings_:
        yield settings_


@pytest.fixture
def till(named: dict[str, str]) -> Iterator[Till]:
    with opened(named) as one:
        yield one


def ordered(till: Till, bill_id: str = "T-1") -> dict[str, Any]:
    """Paid by its trader; the order as the bank has it."""
    status, answer = till.pay(bill_id)
    assert status == 202, answer
    till.stream(till.shown(bill_id)["window_no"])
    return next(one for one in till.orders() if one["order_id"] == answer["order_id"])


def at_once(act: Callable[[int], Any]) -> list[int | None]:
    """Four at the same time: the statuses of those that were refused, None for the others, sorted."""
    values = {name: settings.get(name) for name in ("LEDGER_TABLE", "PAYMENTS_TABLE")}

    def one(number: int) -> int | None:
        with settings.using(values):
            try:
                act(number)
            except WindowError as refused:
                return refused.status
        return None

    with ThreadPoolExecutor(4) as pool:
        return sorted(pool.map(one, range(4)), key=lambda status: status or 0)


def later(instant: str) -> None:
    clock.travel(datetime.fromisoformat(instant))


# --- opening ------------------------------------------------------------------------------------------------


def test_customs_bill_is_opened_once_with_our_calculation_beside_it(till: Till) -> None:
    window_no = till.bill()
    till.stream(window_no, again=True)
    assert till.types(window_no) == ["TaxBilled"]
    assert till.events(window_no)[-1].data == {
        "bill_id": "T-1", "agency": "customs", "regime": "customs-assessed", "total": "16390.00",
        "payable": "16390.00", "due_on": "2026-12-10"}  # fmt: skip
    shown = till.shown()
    assert (shown["state"], shown["settled"], shown["allowed"]) == ("ISSUED", False, ["pay"])
    assert shown["assessment"]["values"][0]["trace"] == "100000.00 = 100000.00"
    assert shown["difference"]["lines"] == []
    assert {one["data"] for one in shown["asleep"]} == {"exchange-of-assessment", "tariff"}
    assert shown["late_declaration"] == {
        "starts_on": "2026-11-17", "days": 9, "amount": "450.00", "as_at": TODAY,
        "trace": "100000.00 × 0.0005 × 9 = 450.00"}  # fmt: skip


def test_a_difference_is_shown_and_told(till: Till) -> None:
    window_no = till.bill(lines=[LINES[0], LINES[1] | {"amount": "13400.00"}])
    assert till.events(window_no)[-1].data["difference"] == {"total": "10.00", "complete": False}
    (one,) = till.shown()["difference"]["lines"]
    assert (one["billed"], one["ours"], one["difference"]) == ("13400.00", "13390.00", "10.00")


def test_taxes_below_the_exemption_leave_nothing_to_pay(till: Till) -> None:
    window_no = till.bill(lines=[LINES[0] | {"base": "1000", "amount": "30.00"}])
    assert till.events(window_no)[-1].data["payable"] == "0.00"
    shown = till.shown()
    assert (shown["state"], shown["settled"], shown["taxes"][0]["payable"]) == (
        "NOTHING_TO_PAY",
        True,
        "0.00",
    )
    assert till.pay()[1]["allowed"] == []


def test_a_bill_under_the_number_of_another_declarations_is_refused_once_and_billed_anew(till: Till) -> None:
    till.bill()
    window_no = till.bill("T-1", till.declare())
    till.stream(window_no, again=True)
    assert till.types(window_no) == ["TaxBillRefused"]
    assert till.events(window_no)[-1].data["reason"] == "number-taken"
    till.bill("T-2", window_no, supersedes="T-1")
    assert till.types(window_no)[-1] == "TaxBilled" and till.shown("T-2")["state"] == "ISSUED"
    assert till.shown("T-1")["state"] == "ISSUED"  # the other declaration's, untouched


def test_other_taxes_under_the_number_of_a_bill_are_refused_and_the_bill_stands(till: Till) -> None:
    at = clock.stamp()
    window_no = till.bill(issued_at=at)
    till.bill("T-1", window_no, issued_at=at)  # another reply that says the same
    assert till.types(window_no)[-1] == "AgencyReplied"
    till.bill("T-1", window_no, lines=[LINES[0]])
    assert till.events(window_no)[-1].data["reason"] == "content-differs"
    assert till.shown()["total"] == "16390.00"


def test_a_number_of_an_earlier_version_is_taken(till: Till) -> None:
    window_no = till.bill()
    reply = next(e for e in till.events(window_no) if e.type == "AgencyReplied")
    again = replace(reply, declaration_version=2, data=reply.data | {"reply_id": "again"})
    refused = opening.refusal(again, Draft.of_reply(again), store.bill("T-1") or {}, till.consignment(window_no))
    assert refused is not None and refused.data["reason"] == "number-taken"


def test_several_bills_of_one_version_stand_beside_each_other(till: Till) -> None:
    window_no = till.bill()
    till.bill("T-2", window_no)
    assert [till.shown(id)["state"] for id in ("T-1", "T-2")] == ["ISSUED", "ISSUED"]


def test_a_bill_after_an_amendment_is_held_against_the_amended_document(till: Till) -> None:
    window_no = till.declare()
    amended = canonical.dumps(DOCUMENT | {"lines": [DOCUMENT["lines"][0] | {"total_price": "200000"}]})
    body = Body(amended, amended, "application/json")
    data = {"request": 1, "agencies": []}
    ledger.amend(
        window_no, lambda _: Change("DeclarationAmended", data, of_version=1, body=body, amendment=1)
    )
    till.bill("T-1", window_no)
    assert till.shown()["assessment"]["values"][0]["value"] == "200000.00"
    assert till.shown()["difference"]["total"] == "-16390.00"


def self_assess(till: Till, window_no: str, key: str = "k1", **body: Any) -> tuple[int, Any]:
    return till.call("POST", "/payments/bills", {"window_no": window_no} | body, key=key)


def test_the_trader_assesses_and_the_difference_is_shown(till: Till) -> None:
    window_no = till.declare()
    lines = [LINES[0], LINES[1] | {"amount": "13000.00"}]
    status, shown = self_assess(till, window_no, lines=lines)
    assert (status, shown["bill_id"], shown["regime"]) == (201, f"SA-{window_no}-1", "self-assessed")
    assert shown["difference"]["total"] == "-390.00"
    assert self_assess(till, window_no, lines=lines)[1]["bill_id"] == shown["bill_id"]  # the same key
    assert self_assess(till, window_no, lines=LINES)[1]["code"] == "idempotency-conflict"
    again = self_assess(till, window_no, "k2", lines=LINES)[1]
    assert again["bill_id"] == f"SA-{window_no}-2"
    assert till.shown(shown["bill_id"])["superseded_by"] == again["bill_id"]


def test_customs_own_bill_takes_the_place_of_the_traders(till: Till) -> None:
    window_no = till.declare()
    own = self_assess(till, window_no, lines=LINES)[1]["bill_id"]
    till.bill("T-9", window_no)
    assert till.shown(own)["superseded_by"] == "T-9"
    assert self_assess(till, window_no, "k3", lines=LINES)[1]["code"] == "bill-open"


def test_what_cannot_be_computed_must_be_stated(till: Till) -> None:
    status, problem = self_assess(till, till.declare())  # no tariff: no rates
    assert (status, problem["code"]) == (422, "cannot-assess")
    assert problem["not_computed"][0]["line"] == 1


def test_every_wrong_field_is_named_at_once(till: Till) -> None:
    wrong = {"line": 1, "tax": "income", "base": "-1", "rate": "x", "amount": "1.234"}
    status, problem = self_assess(till, till.declare(), lines=[wrong])
    assert (status, len(problem["findings"])) == (422, 4)


def test_a_strangers_bill_is_not_there(till: Till) -> None:
    window_no = till.bill()
    assert till.get("/payments/bills/T-1", party=STRANGER)[0] == 404
    assert till.pay(party=STRANGER)[0] == 404
    assert self_assess(till, "I20269999999999999")[0] == 404
    assert till.call("POST", "/payments/bills", {"window_no": window_no}, party=STRANGER, key="k")[0] == 404
    assert till.get("/payments/bills/T-1", role="operator")[0] == 200


def test_a_party_lists_its_bills_page_by_page(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payments_app, "_PAGE", 2)
    for number in range(3):
        later(f"2026-11-25T02:{number:02d}:00Z")
        till.bill(f"T-{number}")
    first = till.get("/payments/bills")[1]
    second = till.get(f"/payments/bills?cursor={first['next']}")[1]
    assert [one["bill_id"] for one in first["items"] + second["items"]] == ["T-2", "T-1", "T-0"]
    assert second["next"] is None
    assert till.get("/payments/bills", party=STRANGER)[1]["items"] == []
    assert till.get(f"/payments/bills?party={IMPORTER}", party=STRANGER)[0] == 404
    assert (
        len(till.get(f"/payments/bills?party={IMPORTER}", role="officer", party="customs")[1]["items"]) == 2
    )


# --- paying -------------------------------------------------------------------------------------------------


def test_a_bill_is_paid_deducted_and_confirmed(till: Till) -> None:
    window_no = till.bill()
    order = ordered(till)
    assert (order["amount"], order["bank"], order["order_id"]) == ("16390.00", BANK, "PO-T-1-1")
    assert till.result(order) == []
    assert till.shown()["settled"]
    assert till.receipt() == []
    assert till.types(window_no) == ["TaxBilled", "TaxSent", "TaxDeducted", "TreasuryConfirmed"]
    assert till.shown()["state"] == "TREASURY_CONFIRMED"
    assert till.events(window_no)[-2].actor.party == BANK


def test_every_word_twice_changes_nothing_more(till: Till) -> None:
    window_no = till.bill()
    order = ordered(till)
    till.stream(window_no, again=True)
    assert [one["order_id"] for one in till.orders()] == ["PO-T-1-1"]  # the order again, under its own id
    for _ in range(2):
        assert till.result(order) == []
        assert till.receipt() == []
    assert till.types(window_no) == ["TaxBilled", "TaxSent", "TaxDeducted", "TreasuryConfirmed"]
    assert till.orders() == []


def test_the_treasury_may_speak_first(till: Till) -> None:
    window_no = till.bill()
    order = ordered(till)
    till.receipt()
    assert till.shown()["state"] == "SENT_TO_BANK"
    till.result(order)
    assert till.types(window_no)[-2:] == ["TaxDeducted", "TreasuryConfirmed"]


def test_the_treasury_with_another_sum_confirms_nothing(till: Till) -> None:
    till.bill()
    till.result(ordered(till))
    till.receipt(amount="1.00")
    assert till.shown()["state"] == "DEDUCTED"
    till.receipt(treasury_ref="TR2")  # put right
    assert till.shown()["state"] == "TREASURY_CONFIRMED"
    unlike = [one for one in till.kinds(TODAY) if one == "treasury-unlike"]
    assert len(unlike) == 2


def test_the_same_receipt_twice_is_no_break(till: Till) -> None:
    till.bill()
    till.result(ordered(till))
    till.receipt()
    till.receipt(amount="16390.0")
    assert till.kinds(TODAY) == ["no-bank-statement"]


def test_receipts_that_do_not_agree_are_a_break_each_on_one_day_however_often_they_come(till: Till) -> None:
    till.bill()
    till.result(ordered(till))
    till.receipt()
    later("2026-11-26T02:00:00Z")
    for amount in ("16390.00", "1.00", "1.00"):
        till.receipt(amount=amount)
    body = till.get(f"/payments/reconciliations/{TODAY}", role="operator")[1]
    unlike = [one["break_id"] for one in body["breaks"] if one["kind"] == "treasury-unlike"]
    assert unlike == ["treasury-unlike:T-1:R1/TR1/1.00", "treasury-unlike:T-1:R1/TR1/16390.00"]
    assert till.kinds("2026-11-26") == []


def test_a_second_payment_is_refused_and_the_same_key_is_answered_again(till: Till) -> None:
    till.bill()
    first = till.pay(key="k1")
    assert till.pay(key="k1") == first
    status, problem = till.pay(key="k2")
    assert (status, problem["state"], problem["code"]) == (409, "SENT_TO_BANK", "illegal-event")
    assert "TaxDeducted" in problem["allowed"]
    assert (
        till.call("POST", "/payments/bills/T-1/pay", {"bank": BANK})[1]["code"] == "idempotency-key-missing"
    )
    assert till.pay(body={"bank": "nobody"})[1]["known"][0]["simulated"] is True
    assert till.pay(body={})[0] == 422


def test_of_two_payments_at_once_one_goes_to_the_bank(till: Till) -> None:
    window_no = till.bill()
    content = store.bill("T-1") or {}
    late = view.late_payment(content, date(2026, 11, 25))

    def pay(number: int) -> None:
        settlement.order(content, BANK, late, TRADER, Submission(IMPORTER, "payment", f"k{number}", "0" * 64))

    assert at_once(pay) == [None, 409, 409, 409]
    assert till.types(window_no) == ["TaxBilled", "TaxSent"]


def test_several_bills_are_paid_in_one_call_and_one_that_is_refused_stops_no_other(till: Till) -> None:
    for number in (1, 2, 3):
        till.bill(f"T-{number}")
    till.pay("T-2")
    body = {"bank": BANK, "bills": ["T-1", "T-2", "T-3", "T-4"]}
    status, answer = till.call("POST", "/payments/bills/pay", body, key="k")
    assert status == 202
    assert [one["ordered"] for one in answer["items"]] == [True, False, True, False]
    assert answer["items"][1]["problem"]["code"] == "illegal-event"
    assert answer["items"][3]["problem"]["code"] == "not-found"


def test_a_failed_deduction_is_paid_anew(till: Till) -> None:
    window_no = till.bill()
    till.result(ordered(till), "failed", reason="余额不足")
    assert till.shown()["reason"] == "余额不足"
    till.result(ordered(till))
    assert till.types(window_no) == ["TaxBilled", "TaxSent", "TaxDeductionFailed", "TaxSent", "TaxDeducted"]


def test_a_reversed_deduction_leaves_the_bill_unpaid(till: Till) -> None:
    window_no = till.bill()
    order = ordered(till)
    assert till.result(order, "reversed") != []  # overtakes its deduction: comes again
    till.result(order)
    till.result(order, "reversed", reason="账户冻结")
    till.result(order)  # the deduction's word again, late
    shown = till.shown()
    assert (shown["state"], shown["settled"], shown["allowed"]) == ("REVERSED", False, ["pay"])
    assert till.types(window_no)[-1] == "TaxReversed"


@pytest.mark.parametrize(
    ("said", "signed_by"),
    [({}, TREASURY), ({}, "customs"), ({"iss": TREASURY}, BANK), ({"iss": "customs"}, "customs")],
)
def test_a_forged_result_pays_nothing(till: Till, said: dict[str, str], signed_by: str) -> None:
    window_no = till.bill()
    order = ordered(till)
    assert till.result(order, signed_by=signed_by, **said) != []
    assert till.types(window_no) == ["TaxBilled", "TaxSent"]


def test_only_the_treasury_gives_receipts_and_only_known_orders_are_heard_of(till: Till) -> None:
    till.bill()
    till.result(ordered(till))
    at = clock.stamp()
    assert till.say(BANK, "receipt", bill_id="T-1", amount="16390.00", bank_ref="R1", treasury_ref="T", at=at)
    assert till.say(BANK, "result", order_id="PO-X-1", outcome="deducted", amount="1", bank_ref="R", at=at)
    assert till.say(BANK, "greeting")
    unreadable: tuple[Any, ...] = ({}, {"token": 1}, {"token": "a.b.c"}, [])
    for body in unreadable:
        assert till.heard(on_partner, body)
    assert till.say(BANK, "result", order_id="PO-T-1-1")
    assert till.shown()["state"] == "DEDUCTED"


# --- money that nobody owed ---------------------------------------------------------------------------------


def stray(till: Till) -> tuple[str, list[str]]:
    """Why money goes back, by the bill; the orders that send it back."""
    (one,) = till.shown()["strays"]
    return one["why"], [order["order_id"] for order in till.orders() if order["kind"] == "refund"]


def test_a_payment_for_a_superseded_bill_goes_back(till: Till) -> None:
    window_no = till.bill()
    order = ordered(till)
    till.bill("T-2", window_no, supersedes="T-1")
    till.result(order)
    assert stray(till) == ("superseded-bill", [f"RF-{BANK}-R1"])
    assert (till.shown()["state"], till.shown("T-2")["state"]) == ("VOID", "ISSUED")
    assert till.types(window_no)[-1] == "TaxBilled"
    assert till.kinds(TODAY)[0] == "stray"
    assert till.pay()[1]["superseded_by"] == "T-2"


def test_what_was_paid_before_it_was_superseded_goes_back_as_well(till: Till) -> None:
    window_no = till.bill()
    till.result(ordered(till))
    till.bill("T-2", window_no, supersedes="T-1")
    assert stray(till) == ("superseded-bill", [f"RF-{BANK}-R1"])


def test_what_we_order_back_and_the_bank_reverses_as_well_is_a_break(till: Till) -> None:
    window_no = till.bill()
    order = ordered(till)
    till.result(order)
    till.bill("T-2", window_no, supersedes="T-1")
    for _ in range(2):  # and every word comes twice
        till.result(order, "reversed")
    assert [one["why"] for one in till.shown()["strays"]] == ["superseded-bill", "given-back-twice"]
    assert till.kinds(TODAY).count("stray") == 2


def test_a_reversal_that_comes_while_we_order_back_is_seen_by_one_of_the_two(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    till.bill()
    order = ordered(till)
    till.result(order)
    result = Result(order["order_id"], BANK, "reversed", Decimal(order["amount"]), "R1", clock.stamp())
    genuine = store.get

    def meanwhile(key: str, item: str) -> Any:
        found = genuine(key, item)
        if item.startswith("reversed#"):  # it has looked, and found nothing
            monkeypatch.setattr(store, "get", genuine)
            settlement._taken_back("T-1", result)
        return found

    monkeypatch.setattr(store, "get", meanwhile)
    settlement.give_back("T-1", BANK, "R1", Decimal(order["amount"]), "superseded-bill", clock.now())
    assert [one["why"] for one in till.shown()["strays"]] == ["superseded-bill", "given-back-twice"]


def test_what_the_bank_has_reversed_is_not_ordered_back(till: Till) -> None:
    till.bill()
    order = ordered(till)
    till.result(order)
    result = Result(order["order_id"], BANK, "reversed", Decimal(order["amount"]), "R1", clock.stamp())
    for _ in range(2):  # the bank's word between the deduction and the bill that takes its place, and everything again
        settlement._taken_back("T-1", result)
        settlement.give_back("T-1", BANK, "R1", Decimal(order["amount"]), "superseded-bill", clock.now())
    assert not [one for one in till.orders() if one["kind"] == "refund"]
    assert [one["why"] for one in till.shown()["strays"]] == ["superseded-bill"]


def test_deducted_twice_the_second_goes_back_and_is_ordered_back_under_one_id(till: Till) -> None:
    window_no = till.bill()
    order = ordered(till)
    till.result(order)
    for _ in range(2):
        till.result(order, ref="R2")
    assert stray(till) == ("double-deduction", [f"RF-{BANK}-R2"] * 2)
    assert till.types(window_no) == ["TaxBilled", "TaxSent", "TaxDeducted"]
    assert till.say(BANK, "result", order_id=f"RF-{BANK}-R2", outcome="refunded", amount="16390.00", bank_ref="R3",
                    at=clock.stamp()) == []  # fmt: skip


def test_the_wrong_sum_pays_nothing_and_goes_back(till: Till) -> None:
    till.bill()
    order = ordered(till)
    till.result(order, amount="16000.00")
    shown = till.shown()
    assert (shown["state"], shown["reason"]) == (
        "FAILED",
        "wrong-amount: 16390.00 was ordered, 16000.00 deducted",
    )
    assert stray(till)[0] == "wrong-amount"
    till.result(order, ref="R2")  # the bank mends it
    assert till.shown()["state"] == "DEDUCTED"


def test_what_was_ordered_back_does_not_pay_after_all_under_the_same_reference(till: Till) -> None:
    till.bill()
    order = ordered(till)
    till.result(order, amount="16000.00")
    till.result(order)
    assert till.shown()["state"] == "FAILED"
    (one,) = till.shown()["strays"]
    assert (one["amount"], one["why"]) == ("16000.00", "wrong-amount")


def test_an_old_order_carried_out_after_a_new_one_goes_back(till: Till) -> None:
    till.bill()
    first = ordered(till)
    till.result(first, "failed")
    second = ordered(till)
    till.result(first, ref="R0")
    assert stray(till)[0] == "order-replaced"
    till.result(second)
    assert till.shown()["state"] == "DEDUCTED"


@pytest.mark.parametrize("broken", ["put", "send"])
def test_a_crash_on_the_way_back_loses_no_money(
    till: Till, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    till.bill()
    order = ordered(till)
    till.result(order)
    with monkeypatch.context() as patch:
        target = {"put": (store, "put"), "send": (bank_orders, "send")}[broken]

        def crash(*_: Any) -> None:
            raise RuntimeError("crashed")

        patch.setattr(*target, crash)
        assert till.result(order, ref="R2") != []
    assert till.result(order, ref="R2") == []
    assert stray(till) == ("double-deduction", [f"RF-{BANK}-R2"])


def test_a_crash_between_bank_and_treasury_is_made_good_by_the_repetition(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    window_no = till.bill()
    order = ordered(till)
    till.receipt()
    with monkeypatch.context() as patch:

        def crash(*_: Any) -> None:
            raise RuntimeError("crashed")

        patch.setattr(settlement, "confirm", crash)
        assert till.result(order) != []
    assert till.types(window_no)[-1] == "TaxDeducted"
    assert till.result(order) == []
    assert till.types(window_no)[-1] == "TreasuryConfirmed"


# --- lateness -----------------------------------------------------------------------------------------------


def test_a_bill_grows_visibly_once_its_term_is_over_and_the_order_takes_what_it_has_grown_to(
    till: Till,
) -> None:
    window_no = till.bill()
    later("2026-12-09T02:00:00Z")
    assert till.shown()["late_payment"]["growing"] is False
    later("2026-12-30T02:00:00Z")  # twenty days late: duty 30.00 is not levied, VAT 133.90 is
    growing = till.shown()["late_payment"]
    assert (growing["today"]["amount"], growing["tomorrow"]["amount"]) == ("133.90", "140.60")
    till.night()
    order = ordered(till)
    assert (order["amount"], order["late_payment"]) == ("16523.90", "133.90")
    till.result(order)
    later("2027-01-09T02:00:00Z")
    assert till.shown()["late_payment"]["today"]["amount"] == "133.90"  # paid: it grows no more
    assert "TaxOverdue" not in till.types(window_no)  # its night was more than a week ago


def test_the_night_after_the_term_makes_a_bill_overdue_once(till: Till) -> None:
    window_no = till.bill()
    later("2026-12-09T17:00:00Z")  # 10 December in Beijing: the last day
    till.night()
    assert till.types(window_no) == ["TaxBilled", "TaxFallsDue"]
    later("2026-12-10T17:00:00Z")
    till.night()
    till.night()
    assert till.types(window_no) == ["TaxBilled", "TaxFallsDue", "TaxOverdue"]
    assert till.events(window_no)[-1].data["since"] == "2026-12-11"
    till.result(ordered(till))
    later("2026-12-11T17:00:00Z")
    till.night()
    assert till.types(window_no)[-1] == "TaxDeducted"


def test_the_payer_is_reminded_once_shortly_before_the_term_is_over(till: Till) -> None:
    window_no, paid = till.bill(), till.bill("T-2", till.declare())
    till.result(ordered(till, "T-2"))
    later("2026-12-05T17:00:00Z")  # 6 December in Beijing
    till.night()
    assert till.types(window_no) == ["TaxBilled"]
    for day in ("06", "07"):
        later(f"2026-12-{day}T17:00:00Z")
        till.night()
    assert till.types(window_no) == ["TaxBilled", "TaxFallsDue"]
    assert till.events(window_no)[-1].data == {"bill_id": "T-1", "due_on": "2026-12-10"}
    assert "TaxFallsDue" not in till.types(paid)


@pytest.mark.parametrize("state", ["RETURNED", "REJECTED"])
def test_nobody_owes_the_bill_of_what_came_back(till: Till, state: str) -> None:
    window_no = till.bill()
    ended = Change(f"Declaration{state.capitalize()}", {"agencies": ["customs"]}, state=state)
    ledger.amend(window_no, lambda _: ended)
    for instant in ("2026-12-08T17:00:00Z", "2026-12-12T17:00:00Z"):
        later(instant)
        till.night()
    assert not {"TaxFallsDue", "TaxOverdue"} & set(till.types(window_no))


def test_what_fails_at_night_stops_no_other_and_is_tried_again(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = till.bill(), till.bill("T-2", till.declare())
    lapse = settlement.lapse

    def failing(bill_id: str, window_no: str) -> None:
        if window_no == bad:
            raise RuntimeError("contended")
        lapse(bill_id, window_no)

    later("2026-12-10T17:00:00Z")
    with monkeypatch.context() as patch:
        patch.setattr(settlement, "lapse", failing)
        failing.__name__ = "lapse"
        with pytest.raises(RuntimeError, match="1 of the night"):
            till.night()
    assert till.types(good)[-1] == "TaxOverdue" and "TaxOverdue" not in till.types(bad)
    till.night()
    assert till.types(bad)[-1] == "TaxOverdue"


def test_a_bill_that_fails_after_its_term_is_overdue_at_once(till: Till) -> None:
    window_no = till.bill()
    later("2026-12-10T02:00:00Z")
    order = ordered(till)
    later("2026-12-30T02:00:00Z")
    till.result(order, "failed")
    assert till.types(window_no)[-2:] == ["TaxDeductionFailed", "TaxOverdue"]


def test_a_word_from_the_future_is_not_believed(till: Till) -> None:
    till.bill()
    order = ordered(till)
    assert till.result(order, at="2026-11-25T03:00:00Z") != []
    assert till.result(order, at="2026-11-25T10:00:00") != []  # of no zone
    assert till.shown()["state"] == "SENT_TO_BANK"


def test_a_paid_or_void_bill_is_never_overdue(till: Till) -> None:
    window_no = till.bill()
    till.bill("T-2", window_no, supersedes="T-1")
    till.result(ordered(till, "T-2"))
    later("2026-12-10T17:00:00Z")
    till.night()
    assert "TaxOverdue" not in till.types(window_no)


# --- guarantees ---------------------------------------------------------------------------------------------


def guaranteed(till: Till, limit: str = "40000.00", id: str = "G-1", **more: Any) -> None:
    said = {"guarantee_id": id, "party": IMPORTER, "guarantor": BANK, "limit": limit,
            "valid_from": "2026-01-01", "valid_to": "2026-12-31"} | more  # fmt: skip
    assert till.say(BANK, "guarantee", **said) == []


def balance(till: Till) -> tuple[str, bool]:
    (one,) = till.get("/payments/guarantees")[1]["items"]
    return one["occupied"], one["warning"]


def test_a_consolidated_bill_goes_on_the_guarantee_and_gives_it_back_when_it_is_paid(till: Till) -> None:
    guaranteed(till)
    window_no = till.bill(regime="consolidated")
    till.stream(window_no, again=True)
    assert till.types(window_no) == ["TaxBilled", "TaxGuaranteed"]
    shown = till.shown()
    assert (shown["settled"], shown["state"], shown["due_on"]) == (True, "ISSUED", "2026-12-07")
    assert balance(till) == ("16390.00", False)
    till.bill("T-2", regime="consolidated")
    assert balance(till) == ("32780.00", True)  # 82 %
    till.result(ordered(till))
    assert balance(till) == ("16390.00", False)


def test_without_room_a_consolidated_bill_stays_open_until_there_is_some(till: Till) -> None:
    guaranteed(till, "20000.00")
    till.bill("T-1", regime="consolidated")
    till.bill("T-2", regime="consolidated")
    assert till.shown("T-2")["settled"] is False
    assert till.pay("T-2", body={"guarantee_id": "G-1"})[1]["code"] == "guarantee-exhausted"
    till.result(ordered(till, "T-1"))
    status, shown = till.pay("T-2", body={"guarantee_id": "G-1"})
    assert (status, shown["guarantee"]) == (202, {"guarantee_id": "G-1", "amount": "16390.00"})
    assert till.pay("T-2", body={"guarantee_id": "G-9"})[0] == 202  # it is secured already


def test_only_consolidated_taxes_go_on_a_guarantee_and_only_on_the_payers_own(till: Till) -> None:
    guaranteed(till)
    till.bill()
    assert till.pay(body={"guarantee_id": "G-1"})[1]["code"] == "not-consolidated"
    body = {"guarantee_id": "G-2", "party": STRANGER, "guarantor": BANK, "limit": "1000000",
            "valid_from": "2026-01-01", "valid_to": "2026-12-31"}  # fmt: skip
    assert till.call("POST", "/payments/guarantees", body, role="operator")[0] == 201
    assert till.call("POST", "/payments/guarantees", body, role="operator")[1]["code"] == "guarantee-known"
    assert till.call("POST", "/payments/guarantees", body)[0] == 403
    till.bill("T-2", lines=[LINES[0] | {"amount": "50000.00"}], regime="consolidated")
    assert till.pay("T-2", body={"guarantee_id": "G-2"})[0] == 404
    assert till.get(f"/payments/guarantees?party={IMPORTER}", party=STRANGER)[0] == 404


def test_a_guarantee_is_used_by_its_party_and_by_the_agents_that_it_names(till: Till) -> None:
    window_no = till.declare(parties=(IMPORTER, STRANGER))
    till.bill(window_no=window_no, regime="consolidated")
    guaranteed(till)
    refused = till.pay(body={"guarantee_id": "G-1"}, party=STRANGER)
    assert (refused[0], refused[1]["code"]) == (403, "not-your-guarantee")
    assert till.shown()["guarantee"] is None
    guaranteed(till, id="G-2", agents=[STRANGER])
    assert till.pay(body={"guarantee_id": "G-2"}, party=STRANGER)[0] == 202
    (event,) = (one for one in till.events(window_no) if one.type == "TaxGuaranteed")
    (entry,) = (one for _, one in store.among("guarantee#G-2", "entry#"))
    assert (event.actor.party, entry["by"]) == (STRANGER, STRANGER)


def test_bills_that_want_the_last_of_a_guarantee_at_once_get_it_once(till: Till) -> None:
    for number in range(4):
        till.bill(f"T-{number}", regime="consolidated")
    guaranteed(till, "40000.00")
    assert at_once(
        lambda number: opening.secure(store.bill(f"T-{number}") or {}, "G-1", Actor("enterprise", IMPORTER))
    ) == [
        None,
        None,
        409,
        409,
    ]
    assert balance(till) == ("32780.00", True)


def test_a_superseded_bill_gives_its_guarantee_back(till: Till) -> None:
    guaranteed(till)
    window_no = till.bill(regime="consolidated")
    till.bill("T-2", window_no, supersedes="T-1", lines=LINES[:1], regime="consolidated")
    assert balance(till) == ("3000.00", False)


def test_a_guarantor_answers_for_nobody_else(till: Till) -> None:
    said = {"guarantee_id": "G", "party": IMPORTER, "guarantor": "another", "limit": "1", "valid_from": TODAY,
            "valid_to": TODAY}  # fmt: skip
    assert till.say(BANK, "guarantee", **said) != []


def withdraw(till: Till, window_no: str) -> None:
    ledger.amend(window_no, lambda _: Change("DeclarationWithdrawn", {}, state="WITHDRAWN"))
    for _ in range(2):
        assert till.heard(on_event, till.events(window_no)[-1].as_json()) == []


def test_a_withdrawn_declaration_owes_nothing_and_gets_back_what_it_paid(till: Till) -> None:
    window_no = till.bill()
    till.result(ordered(till))
    withdraw(till, window_no)
    assert till.shown()["state"] == "VOID"
    assert stray(till) == ("superseded-bill", [f"RF-{BANK}-R1"] * 2)
    assert till.pay()[0] == 409


def test_a_withdrawn_declaration_gives_its_guarantee_back_once(till: Till) -> None:
    guaranteed(till)
    till.bill("T-2", regime="consolidated")
    withdraw(till, till.bill(regime="consolidated"))
    assert balance(till) == ("16390.00", False)
    assert till.shown()["guarantee"] is None


# --- three books --------------------------------------------------------------------------------------------


def test_three_books_that_agree(till: Till) -> None:
    till.bill()
    till.result(ordered(till))
    assert till.kinds(TODAY) == ["no-bank-statement"]
    till.statement(BANK, TODAY, ("T-1", "R1", "16390.00"))
    assert till.kinds(TODAY) == []
    later("2026-11-27T02:00:00Z")
    assert till.kinds(TODAY) == ["treasury-missing", "no-treasury-statement"]
    till.statement(TREASURY, TODAY, ("T-1", "R1", "16390.00"))
    assert till.kinds(TODAY) == []


def test_the_bank_says_deducted_and_the_treasury_says_nothing(till: Till) -> None:
    till.bill()
    till.result(ordered(till))
    till.statement(BANK, TODAY, ("T-1", "R1", "16390.00"), ("T-7", "R7", "5.00"))
    till.statement(TREASURY, TODAY)
    later("2026-11-27T02:00:00Z")
    body = till.get(f"/payments/reconciliations/{TODAY}", role="officer", party="customs")[1]
    assert [one["break_id"] for one in body["breaks"]] == ["bank-unknown:T-7:R7", "treasury-missing:T-1:R1"]
    assert till.shown()["settled"]  # release followed the deduction

    resolve = {"break_id": "treasury-missing:T-1:R1", "action": "confirmed-with-treasury", "note": "次日入库"}
    status, after = till.call(
        "POST", f"/payments/reconciliations/{TODAY}", resolve, role="operator", party="window"
    )
    assert (status, after["open"]) == (200, 1)
    assert after["breaks"][1]["resolution"]["by"] == "window"
    again = till.call("POST", f"/payments/reconciliations/{TODAY}", resolve, role="operator")
    assert again[1]["code"] == "resolved"
    unknown = resolve | {"break_id": "stray:X:Y"}
    assert till.call("POST", f"/payments/reconciliations/{TODAY}", unknown, role="operator")[0] == 404
    assert till.call("POST", f"/payments/reconciliations/{TODAY}", resolve)[0] == 403
    assert till.get("/payments/reconciliations/yesterday", role="operator")[1]["code"] == "bad-parameter"


def test_an_order_that_the_bank_is_silent_about_is_given_up_and_the_bank_may_speak_after_all(
    till: Till,
) -> None:
    window_no = till.bill()
    order = ordered(till)
    assert till.kinds(TODAY) == []
    later("2026-11-27T02:00:00Z")
    assert till.kinds(TODAY) == ["bank-silent"]
    give_up = {"break_id": "bank-silent:T-1:PO-T-1-1", "action": "order-given-up", "note": "银行查无此笔"}
    assert till.call("POST", f"/payments/reconciliations/{TODAY}", give_up, role="operator")[0] == 200
    assert till.shown()["state"] == "FAILED"
    till.result(order)
    assert till.types(window_no)[-1] == "TaxDeducted"
    assert till.kinds(TODAY) == []


def test_an_order_given_up_after_its_term_leaves_the_bill_overdue(till: Till) -> None:
    window_no = till.bill()
    ordered(till)
    later("2026-12-12T02:00:00Z")
    give_up = {"break_id": "bank-silent:T-1:PO-T-1-1", "action": "order-given-up", "note": "银行查无此笔"}
    assert till.call("POST", f"/payments/reconciliations/{TODAY}", give_up, role="operator")[0] == 200
    assert till.types(window_no)[-2:] == ["TaxDeductionFailed", "TaxOverdue"]


def test_a_silent_bank_gets_its_order_again_each_night_until_it_answers(till: Till) -> None:
    till.bill()
    order = ordered(till)
    later("2026-11-26T02:00:00Z")
    till.night()
    assert [one["order_id"] for one in till.orders()] == [order["order_id"]]
    till.result(order)
    later("2026-11-27T02:00:00Z")
    till.night()
    assert till.orders() == []


def test_an_order_for_a_bill_that_is_void_is_not_sent_again(till: Till) -> None:
    window_no = till.bill()
    ordered(till)
    till.bill("T-2", window_no, supersedes="T-1")
    later("2026-11-26T02:00:00Z")
    till.night()
    assert till.orders() == []


def test_a_reversal_is_booked_on_the_day_of_its_deduction(till: Till) -> None:
    till.bill()
    order = ordered(till)
    till.result(order)
    till.receipt()
    till.statement(BANK, TODAY, ("T-1", "R1", "16390.00"))
    later("2026-11-28T02:00:00Z")
    till.result(order, "reversed")
    till.statement(TREASURY, TODAY, ("T-1", "R1", "16390.00"))
    assert till.kinds(TODAY) == ["reversed-in-treasury"]
    assert till.kinds("2026-11-28") == []


def test_a_page_of_a_statement_counts_once(till: Till) -> None:
    till.bill()
    till.result(ordered(till))
    till.statement(BANK, TODAY, ("T-1", "R1", "16390.00"))
    till.statement(BANK, TODAY)
    assert till.kinds(TODAY) == []


def test_the_examples_of_the_interface_keep_their_schemas() -> None:
    found = sorted((ROOT / "functions/payments/examples").glob("*.json"))
    views: list[Any] = [view for methods in app.routes.values() for view in methods.values()]
    access = {view.view_name: view.view_function.access for view in views}
    assert {path.stem for path in found} == access.keys()
    for path in found:
        for status, body in json.loads(path.read_text())["responses"].items():
            keeps_its_schema(access[path.stem].responses[int(status)], body)


# --- look-ups -----------------------------------------------------------------------------------------------


def test_a_refund_rate_and_its_estimate_with_the_formula(till: Till) -> None:
    status, body = till.get("/payments/refund-rates?hs_code=6109100022&amount=100000&class=2")
    assert (status, body["rate"], body["sample"], body["opened"]) == (200, "13", True, None)
    assert body["estimate"] == {
        "refund": "13000.00", "offset": "0.00", "working_days": 10, "trace": ["100000 × 13% = 13000.00"]}  # fmt: skip
    assert till.get("/payments/refund-rates?hs_code=8517120090&as_at=2026-11-25")[0] == 404  # ended in 2021
    assert till.get("/payments/refund-rates?hs_code=85&method=x")[0] == 422


def test_the_fee_for_late_declaration_is_visible_while_it_grows(till: Till) -> None:
    path = "/payments/late-declaration?entered_on=2026-11-02&value=100000"
    body = till.get(path)[1]
    assert (body["today"]["amount"], body["tomorrow"]["amount"]) == ("450.00", "500.00")
    assert till.get(f"{path}&as_at=2026-11-16")[1]["today"]["amount"] == "0.00"
    assert till.get("/payments/late-declaration?entered_on=soon")[0] == 422


def test_a_refund_is_opened_by_the_exports_clearance(till: Till) -> None:
    window_no = till.declare(DOCUMENT | {"head": DOCUMENT["head"] | {"ie_flag": "E"}})
    path = f"/payments/refund-rates?hs_code=6109100022&window_no={window_no}"
    assert till.get(path)[1]["opened"] is False
    ledger.amend(window_no, lambda _: Change("DeclarationCleared", {}, state="CLEARED"))
    assert till.get(path)[1]["opened"] is True
    assert till.get(path, party=STRANGER)[0] == 404


def test_a_foreign_exchange_class_is_the_firms_and_the_regulators_to_know(till: Till) -> None:
    for cls, begins in (("A", "2026-01-01"), ("C", "2026-12-01")):
        body = {"party": IMPORTER, "class": cls, "effective_from": begins, "basis": "汇发公告"}
        assert till.call("POST", "/payments/fx-class", body, role="officer", party="safe")[0] == 201
    assert till.get("/payments/fx-class")[1]["class"] == "A"
    assert till.get("/payments/fx-class?as_at=2026-12-01")[1]["class"] == "C"
    assert till.get("/payments/fx-class?as_at=2025-12-31")[0] == 404
    assert till.get(f"/payments/fx-class?party={IMPORTER}", party=STRANGER)[0] == 404
    assert till.get(f"/payments/fx-class?party={IMPORTER}", role="operator", party="window")[1]["means_en"]
    assert till.get(f"/payments/fx-class?party={IMPORTER}", role="agency", party="customs")[0] == 403
    assert till.call("POST", "/payments/fx-class", {}, role="enterprise")[0] == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/payments/reconciliations/{TODAY}"),
        ("POST", f"/payments/reconciliations/{TODAY}"),
        ("POST", "/payments/guarantees"),
        ("POST", "/payments/fx-class"),
    ],
)
def test_an_officer_acts_for_his_own_office(till: Till, method: str, path: str) -> None:
    status, answer = till.call(method, path, None if method == "GET" else {}, role="officer", party="maritime")
    assert (status, answer["code"]) == (403, "not-your-office")
