"""Six shipments whose events are the golden examples: `python -m tests.support.stories` writes them anew."""

import json

from singlewindow.events import Event
from tests.support.clearances import ROOT, Clearance

EXAMPLES = ROOT / "events/examples"
ENTRY_ID = "790120241000000851"
BILL = {
    "bill_id": "79012024100000085101",
    "regime": "customs-assessed",
    "issued_at": "2024-11-23T01:00:00Z",
    "lines": [
        {"line": 1, "tax": "duty", "base": "1000.00", "rate": "0.08", "amount": "80.00"},
        {"line": 1, "tax": "vat", "base": "1080.00", "rate": "0.13", "amount": "140.40"},
    ],
    "total": "220.40",
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


def all_of_them() -> list[Clearance]:
    return [
        released(),
        returned_then_rejected(),
        held_past_the_time(),
        silent(),
        examined_and_billed(),
        revoked_then_gone(),
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
