"""Shipments whose events are the golden examples: `python -m tests.support.stories` writes them anew."""

import json
from datetime import date, datetime
from decimal import Decimal

from declarations import two_step
from payments import billing, orders
from payments.bill import standings
from payments.billing import Draft
from payments.deduction import Result, judge
from payments.opening import refusal
from singlewindow.consignment import Change
from singlewindow.events import Actor, Event
from tests.support.bills import bill
from tests.support.clearances import IMPORTER, ROOT, Clearance
from tests.support.inspections import BOX, Inspected

EXAMPLES = ROOT / "events/examples"
ENTRY_ID = "790120241000000851"
BILL = bill(f"{ENTRY_ID}-01")


IMPORTED = {
    "head": {"ie_flag": "I", "transaction_mode": "1", "trade_uscc": IMPORTER, "ie_date": "2024-11-20"},
    "lines": [
        {"hs_code": "8481804090", "total_price": "1010", "currency": "CNY", "duty_mode": "1"},
    ],
}


def released(window_no: str = "I20240000000000101") -> Clearance:
    """Held, cleared, accepted, arrived with a piece missing, released, and the tax office told."""
    case = Clearance("customs", "ciq", "port", "tax", asked=False, window_no=window_no)
    case.ask("customs", "ciq", "port")
    finding = {
        "code": "CONTAINER",
        "pointer": "/containers/0/container_no",
        "message_zh": "箱号不符",
        "message_en": "the container number differs",
    }
    case.reply("customs", "hold", findings=[finding])
    case.settle()
    case.play(("customs", "clear"))
    report = {
        "bill_no": "CTUAI2024",
        "pack_no": "119",
        "gross_weight": "1234.5",
        "arrived_at": "2024-11-23T00:30:00Z",
    }
    case.reply("port", "accept", report=report)
    case.report({"field": "/head/pack_no", "declared": "120", "reported": "119"})
    case.reply("customs", "release", entry_id=ENTRY_ID)
    case.settle()
    case.play(("ciq", "clear"))
    case.conclude()
    case.ask("tax")
    return case


def returned_then_rejected() -> Clearance:
    """From a draft: inspection returns the first version, customs rejects the second."""
    case = Clearance("customs", "ciq", asked=False, window_no="I20240000000000202")
    case.draft()
    case.submit()
    case.ask("customs", "ciq")
    case.play(("customs", "release"), ("ciq", "return"))
    case.conclude()
    case.submit()
    case.ask("customs", "ciq")
    case.play(("customs", "reject"), ("ciq", "accept"))
    case.conclude()
    return case


def held_past_the_time() -> Clearance:
    """Inspection holds when the time for answers ends."""
    case = Clearance("customs", "ciq", window_no="I20240000000000303").play(
        ("customs", "release"), ("ciq", "hold")
    )
    case.conclude()
    return case


def silent() -> Clearance:
    """Customs never answers an export."""
    case = Clearance("customs", window_no="E20240000000000404")
    case.conclude()
    return case


def amended_then_withdrawn() -> Clearance:
    """Accepted, amended with customs' consent, then withdrawn and filed again."""
    case = Clearance("customs", "ciq", "port", window_no="I20240000000000707")
    case.reply("customs", "accept", entry_id=ENTRY_ID)
    case.settle()
    number = case.want("amendment", "customs", tells=["port"])
    case.answer("customs", "accept", number)
    case.follow()
    number = case.want("withdrawal")
    case.answer("customs", "accept", number)
    case.follow()
    case.apply(Change("DeclarationReplaced", {"by": "I20240000000000808"}))
    return case


def inspected() -> Clearance:
    """Two agencies see the goods at once: booked, moved, started; a defect, and a sample for the laboratory."""
    case = Inspected("customs", "ciq", window_no="I20240000000000909")
    case.hold("customs", "C1", at=3, place="qbj-rail", containers=[BOX], instructions=["核对唛头"])
    case.join()
    case.hold("ciq", "Q1", at=4, kind="quarantine", gate="use", qualifications=["quarantine"])
    case.join().book("qbj-rail.A2.20241125.0900").book()
    case.start()
    case.result("customs", "defect", seals_after=[{"container_no": BOX, "seal_no": "CN0000002"}])
    case.result("ciq", "sample")
    case.follow_up("customs", "supplement")
    return case


def never_inspected() -> Clearance:
    """The bay no longer does when inspection joins; then nobody wants to see the goods any more."""
    case = Inspected("customs", "ciq", window_no="I20240000000001010")
    case.hold("customs", "C1", at=3)
    case.join().book()
    case.hold("ciq", "Q1", at=4, qualifications=["cold"])
    case.join()
    case.clear("customs", at=8)
    case.clear("ciq", "Q1", at=9)
    case.join()
    return case


def examined_and_billed() -> Clearance:
    """Customs accepts it, looks into it by hand, then bills it."""
    case = Clearance("customs", window_no="I20240000000000505")
    case.reply("customs", "accept", entry_id=ENTRY_ID)
    case.settle()
    case.play(("customs", "review"), ("customs", "clear"))
    case.reply("customs", "tax", tax=BILL)
    case.settle()
    return case


def revoked_then_gone() -> Clearance:
    """Released under conditions, taken back before gate-out, released again, gone and closed."""
    case = Clearance("customs", "port", window_no="I20240000000000606")
    case.reply("customs", "release", entry_id=ENTRY_ID, release={"conditional": True, "guaranteed": True})
    case.settle()
    case.conclude()
    case.reply(
        "customs", "revoke", findings=[{"code": "REV", "message_zh": "误放", "message_en": "by mistake"}]
    )
    case.settle()
    case.reply("customs", "hold", hold={"hold_id": "H-1", "gate": "use", "kind": "quarantine"})
    case.play(("customs", "release"))
    case.reply("port", "accept", report={"gate_out_at": "2024-11-23T04:00:00Z", "tallied": True})
    case.settle()
    return case


def never_completed() -> Clearance:
    """Released for removal on its summary; reminded, and overdue in the end."""
    case = Clearance("customs", window_no="I20240000000001111")
    case.reply("customs", "release", entry_id=ENTRY_ID, release={"removal": True})
    case.conclude()
    for day in ("2024-12-01", "2024-12-05"):
        now = datetime.fromisoformat(f"{day}T00:00:00+08:00")
        case.apply(two_step.told(case.consignment, date(2024, 12, 4), 3, now))
    return case


def paid_in_the_end() -> Clearance:
    """Billed on a guarantee, overdue, refused by the bank, deducted, received by the treasury, reversed."""
    case = Clearance("customs", window_no="I20240000000000707")
    case.reply("customs", "accept", entry_id=ENTRY_ID)
    case.reply("customs", "tax", tax=bill("79012024100000085102") | {"regime": "consolidated"})
    content = billing.opened(Draft.of_reply(case.consignment.events[-1]), case.consignment, 1, IMPORTED)
    bill_id, bank = content["bill_id"], Actor("partner", "sandbox-bank")
    case.apply(Change("TaxBilled", billing.event_data(content), of_version=1))
    guaranteed = {"bill_id": bill_id, "guarantee_id": "G-2024-0031", "amount": content["to_pay"]}
    case.apply(Change("TaxGuaranteed", guaranteed, of_version=1))
    case.apply(Change("TaxOverdue", {"bill_id": bill_id, "since": "2024-12-07"}, of_version=1))
    for number, outcomes in enumerate((("failed",), ("deducted", "reversed")), 1):
        order_id = orders.payment_id(bill_id, number)
        sent = {"bill_id": bill_id, "order_id": order_id, "bank": bank.party}
        case.apply(Change("TaxSent", sent, Actor("enterprise", IMPORTER), of_version=1))
        for outcome in outcomes:
            amount = Decimal(content["to_pay"])
            result = Result(
                order_id, bank.party, outcome, amount, "SB-000017", "2024-12-09T02:00:00.000Z", "余额不足"
            )
            verdict = judge(standings(case.consignment)[bill_id], amount, result)
            case.apply(Change(str(verdict.event), verdict.data or {}, bank, of_version=1))
            if outcome == "deducted":
                received = {"bill_id": bill_id, "treasury_ref": "TR-000018", "at": "2024-12-09T08:00:00.000Z"}
                case.apply(
                    Change("TreasuryConfirmed", received, Actor("partner", "sandbox-treasury"), of_version=1)
                )
    case.reply("customs", "tax", tax=bill(bill_id))  # the same number, and not the same bill
    again = case.consignment.events[-1]
    case.apply(refusal(again, Draft.of_reply(again), content, case.consignment))
    case.apply(Change("TaxFallsDue", {"bill_id": bill_id, "due_on": content["due_on"]}, of_version=1))
    return case


def all_of_them() -> list[Clearance]:
    return [
        released(),
        returned_then_rejected(),
        held_past_the_time(),
        silent(),
        examined_and_billed(),
        revoked_then_gone(),
        never_completed(),
        paid_in_the_end(),
        amended_then_withdrawn(),
        inspected(),
        never_inspected(),
    ]


def examples() -> dict[str, Event]:
    """The first event of each type, by type; of replies, the one that says most."""
    found: dict[str, Event] = {}
    for case in all_of_them():
        for event in case.consignment.events:
            richest = found.setdefault(event.type, event)
            if len(event.data) > len(richest.data):
                found[event.type] = event
    return found


if __name__ == "__main__":
    for name, event in examples().items():
        text = json.dumps(event.as_json(), ensure_ascii=False, indent=2)
        (EXAMPLES / f"{name}.v1.json").write_text(text + "\n")
