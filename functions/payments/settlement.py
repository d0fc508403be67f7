"""What banks and the treasury say, booked once; money that nobody owed goes back."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from payments import guarantee, orders, store
from payments.bill import DEDUCTED, SENT, UNPAID, VOID, Standing, is_owed, must_allow, standings
from payments.deduction import GIVEN_BACK_TWICE, STRAYS, SUPERSEDED, Result, Verdict, judge
from payments.late_payment import Surcharge
from payments.money import rounded
from singlewindow import clock, correlation
from singlewindow.aws import ledger
from singlewindow.consignment import Change, Consignment, Row, Submission
from singlewindow.errors import WindowError, not_found
from singlewindow.events import Actor


def order(
    content: dict[str, Any], bank: str, late: Surcharge, actor: Actor, submission: Submission
) -> dict[str, Any]:
    """Order the deduction of what a bill comes to today; the ledger's stream takes it to the bank. The stored answer.

    Raises 409 where the bill is not to be paid now: a second order never goes out beside the first.
    """
    if (stored := ledger.answered(submission)) is not None:
        return stored
    bill_id = content["bill_id"]
    answer: dict[str, Any] = {}

    def decide(consignment: Consignment) -> Change:
        standing = standings(consignment)[bill_id]
        must_allow(standing, "TaxSent")
        at = clock.stamp()
        order_id = orders.payment_id(bill_id, len(standing.orders) + 1)
        amount = standing.payable + late.amount
        given = orders.payment(order_id, content, amount, late.amount, bank, at)
        answer.clear()
        answer.update(
            {name: given[name] for name in ("bill_id", "order_id", "amount", "late_payment", "bank")}
        )
        pointer = {
            "window_no": content["window_no"],
            "amount": str(amount),
            "bank": bank,
            "order_id": order_id,
        }
        return Change(
            "TaxSent",
            {"bill_id": bill_id, "order_id": order_id, "bank": bank},
            actor,
            of_version=standing.version,
            rows=(
                store.row(f"order#{order_id}", "order", given),
                store.booked("sent", clock.business_date(), bill_id, order_id, pointer),
            ),
            submission=Submission(
                submission.sender, submission.type, submission.key, submission.sha256, dict(answer)
            ),
        )

    try:
        ledger.amend(content["window_no"], decide)
    except ledger.Duplicate as duplicate:
        return duplicate.answer
    return answer


def hear(result: Result) -> str | None:
    """Take in a bank's word on an order; the event that follows, where one does.

    Raises 404 for an order that was never given, 401 where another bank speaks than the one that was asked.
    """
    ordered = store.order(result.order_id)
    if ordered is None:
        raise not_found(result.order_id)
    if ordered["bank"] != result.bank:
        raise WindowError(401, "not-your-order", f"{result.order_id} went to {ordered['bank']}")
    if result.outcome == "refunded":
        return None  # given back: the bank's statement shows it
    bill_id, window_no = ordered["bill_id"], ordered["window_no"]
    known = store.get(f"bill#{bill_id}", f"stray#{result.bank}#{result.bank_ref}")
    if known is not None and result.outcome == "deducted":
        # Ordered back already, for which it is no payment any more: the same order again.
        amount, at = Decimal(known["amount"]), datetime.fromisoformat(result.at)
        give_back(bill_id, result.bank, result.bank_ref, amount, known["why"], at)
        return None
    verdict = Verdict()

    def decide(consignment: Consignment) -> Change | None:
        nonlocal verdict
        standing = standings(consignment)[bill_id]
        verdict = judge(standing, Decimal(ordered["amount"]), result)
        if verdict.event is None:
            return None
        must_allow(standing, verdict.event)
        rows = [*_booked(verdict.event, standing, result, window_no), *_released(verdict.event, standing)]
        actor = Actor("partner", result.bank)
        return Change(verdict.event, verdict.data or {}, actor, of_version=standing.version, rows=tuple(rows))

    ledger.amend(window_no, decide)
    if result.outcome == "reversed" and verdict.event is None:
        _taken_back(bill_id, result)
    if verdict.stray:
        give_back(
            bill_id,
            result.bank,
            result.bank_ref,
            result.amount,
            verdict.stray,
            datetime.fromisoformat(result.at),
        )
    # Also where the word is repeated: the first time may have ended here.
    if result.outcome == "deducted" and verdict.stray is None:
        confirm(bill_id, window_no)
    else:
        lapse(bill_id, window_no)
    return verdict.event


def lapse(bill_id: str, window_no: str) -> None:
    """`TaxOverdue`, once the term is over and the bill unpaid; again, nothing."""

    def decide(consignment: Consignment) -> Change | None:
        standing = standings(consignment)[bill_id]
        due_on = date.fromisoformat(standing.due_on)
        if clock.business_date() <= due_on or "TaxOverdue" not in standing.allowed:
            return None
        if not is_owed(consignment, standing):
            return None
        since = (due_on + timedelta(days=1)).isoformat()
        return Change("TaxOverdue", {"bill_id": bill_id, "since": since}, of_version=standing.version)

    ledger.amend(window_no, decide)


def remind_payer(bill_id: str, window_no: str) -> None:
    """`TaxFallsDue`, once, where a bill is unpaid shortly before its term is over."""

    def decide(consignment: Consignment) -> Change | None:
        standing = standings(consignment)[bill_id]
        told = any(e.type == "TaxFallsDue" and e.data["bill_id"] == bill_id for e in consignment.events)
        if told or standing.state not in UNPAID or not is_owed(consignment, standing):
            return None
        data = {"bill_id": bill_id, "due_on": standing.due_on}
        return Change("TaxFallsDue", data, of_version=standing.version)

    ledger.amend(window_no, decide)


def receive(bill_id: str, bank_ref: str, amount: Decimal, treasury_ref: str, at: str, treasury: str) -> bool:
    """Take in the treasury's receipt, before the bank's word or after it; whether it confirms the bill.

    Every receipt is kept. Whichever is the second of two that do not agree finds the other, and the books of the day
    show both.
    """
    content = store.bill(bill_id)
    if content is None:
        raise not_found(bill_id)
    said = str(rounded(amount))
    receipt = {"amount": said, "treasury_ref": treasury_ref, "at": at, "treasury": treasury}
    store.put(f"bill#{bill_id}", f"receipt#{bank_ref}#{treasury_ref}#{said}", receipt)
    receipts = _receipts(bill_id, bank_ref)
    if len(receipts) > 1:
        day = clock.business_date(datetime.fromisoformat(min(one["at"] for one in receipts)))
        for one in receipts:
            unlike = {"bill_id": bill_id, "ref": f"{bank_ref}/{one['treasury_ref']}/{one['amount']}"} | one
            store.put(f"day#{day.isoformat()}", f"unlike#{unlike['ref']}", unlike)
    return confirm(bill_id, content["window_no"])


def confirm(bill_id: str, window_no: str) -> bool:
    """`TreasuryConfirmed` once both have spoken of the same deduction and the same sum; a difference is a break."""
    confirmed = False

    def decide(consignment: Consignment) -> Change | None:
        nonlocal confirmed
        standing = standings(consignment)[bill_id]
        confirmed = False
        if standing.state != DEDUCTED:
            return None
        receipts = _receipts(bill_id, str(standing.bank_ref))
        receipt = next((one for one in receipts if Decimal(one["amount"]) == standing.deducted), None)
        if receipt is None:
            return None
        confirmed = True
        data = {"bill_id": bill_id, "treasury_ref": receipt["treasury_ref"], "at": receipt["at"]}
        actor = Actor("partner", receipt["treasury"])
        return Change("TreasuryConfirmed", data, actor, of_version=standing.version)

    ledger.amend(window_no, decide)
    return confirmed


def _receipts(bill_id: str, bank_ref: str) -> list[dict[str, Any]]:
    """What the treasury said of one deduction."""
    return [value for _, value in store.among(f"bill#{bill_id}", f"receipt#{bank_ref}#")]


def remind_bank(order_id: str) -> None:
    """Send an order again, as it was, whose bank is silent and whose bill still waits for it; it is known by its id."""
    ordered = store.order(order_id)
    consignment = ledger.read(ordered["window_no"]) if ordered else None
    if ordered is None or consignment is None:
        raise LookupError(f"{order_id} is in the books of its day and not in the table")
    standing = standings(consignment)[ordered["bill_id"]]
    if standing.state == SENT and standing.order == order_id:
        orders.send(ordered, correlation.current())


def give_back(
    bill_id: str, bank: str, bank_ref: str, amount: Decimal, why: str, deducted_at: datetime
) -> None:
    """Show stray money at the bill and in the books of its day, and order it back. Again, it is the same order."""
    stray = {"bill_id": bill_id, "bank": bank, "ref": bank_ref, "amount": str(amount), "why": why}
    given = orders.refund(bill_id, bank, bank_ref, amount, STRAYS[why][1])
    store.put(f"bill#{bill_id}", f"stray#{bank}#{bank_ref}", stray)
    store.put(f"day#{clock.business_date(deducted_at).isoformat()}", f"stray#{bank}#{bank_ref}", stray)
    new = store.put(f"order#{given['order_id']}", "order", given)
    if store.get(f"bill#{bill_id}", f"reversed#{bank}#{bank_ref}"):
        if new:  # the bank has given it back by itself, before anybody was told to
            store.put(f"order#{given['order_id']}", "spared", {})
        return
    orders.send(given, correlation.current())


def _taken_back(bill_id: str, result: Result) -> None:
    """A reversal that moves no bill. It and the order to give the money back each say so before they look for the
    other: where both may have gone out, the payer may have the money twice, and the day's books show that.
    """
    ref = f"{result.bank}#{result.bank_ref}"
    said = {"bill_id": bill_id, "bank": result.bank, "ref": result.bank_ref, "amount": str(result.amount)}
    store.put(f"bill#{bill_id}", f"reversed#{ref}", said | {"at": result.at})
    order = f"order#{orders.refund_id(result.bank, result.bank_ref)}"
    if store.get(order, "order") and store.get(order, "spared") is None:
        twice = said | {"why": GIVEN_BACK_TWICE}
        store.put(f"bill#{bill_id}", f"stray#{ref}#twice", twice)
        day = clock.business_date(datetime.fromisoformat(result.at))
        store.put(f"day#{day.isoformat()}", f"stray#{ref}#twice", twice)


def give_back_for_void(standing: Standing) -> None:
    """What was paid for a bill that is void now; what is with the bank still, its result will bring up."""
    if standing.deducted is None:
        return
    deducted_at = datetime.fromisoformat(str(standing.deducted_at))
    bank = standing.orders[str(standing.order)]
    give_back(
        standing.bill_id,
        bank,
        str(standing.bank_ref),
        standing.deducted,
        SUPERSEDED,
        deducted_at,
    )


def end(window_no: str) -> None:
    """A withdrawn declaration owes nothing: its money and its guarantees go back, once."""
    consignment = ledger.read(window_no)
    if consignment is None:
        raise not_found(window_no)
    for standing in standings(consignment).values():
        if standing.state == VOID and standing.superseded_by is None:
            give_back_for_void(standing)
            _release_once(standing)


def releasing(standing: Standing) -> tuple[Row, ...]:
    """The entry that gives a guarantee back what this bill has taken of it."""
    if standing.guarantee is None:
        return ()
    id, amount = standing.guarantee
    balance = store.balance(id)
    if balance is None:
        raise LookupError(f"{id} is in the ledger and not in the table")
    return (store.entry(id, guarantee.released(balance, standing.bill_id, amount, clock.stamp())),)


def _release_once(standing: Standing) -> None:
    """Without an event of the ledger to go with: the entry itself says whether it is there."""
    if standing.guarantee is None:
        return
    id, _ = standing.guarantee
    while store.last_of(id, standing.bill_id) == guarantee.OCCUPY:
        for row in releasing(standing):
            store.put_row(row)


def _released(event: str, standing: Standing) -> tuple[Row, ...]:
    return releasing(standing) if event == "TaxDeducted" else ()


def _booked(event: str, standing: Standing, result: Result, window_no: str) -> list[Row]:
    """The day's books are those of the deduction: a reversal is booked on the day of what it takes back."""
    answered = store.row(f"order#{result.order_id}", f"answer#{event}", {"at": result.at})
    at, amount = result.at, str(result.amount)
    kind = {"TaxDeducted": "deducted", "TaxReversed": "reversed"}.get(event)
    if kind is None:
        return [answered]
    if kind == "reversed":
        at, amount = str(standing.deducted_at), str(standing.deducted)
    day = clock.business_date(datetime.fromisoformat(at))
    pointer = {"window_no": window_no, "amount": amount, "bank": result.bank, "order_id": result.order_id}
    return [answered, store.booked(kind, day, standing.bill_id, result.bank_ref, pointer)]
