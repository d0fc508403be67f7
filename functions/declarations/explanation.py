"""Why a declaration stands where it stands: who holds it, since when, by which rule, and what its trader can do now.

A pure function over the same fold that decides the state, so that it never says anything else than the state does.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from declarations import lifecycle, two_step
from declarations.holds import PORT, Hold, Holds
from declarations.positions import Position
from declarations.tax import Bill, Bills
from singlewindow.consignment import Consignment
from singlewindow.events import Event

TRADER, WINDOW, BANK, TERMINAL = "trader", "window", "bank", "terminal"


class Rule(NamedTuple):
    """By what it stands so. `verified`: whether the source was checked against the current announcement."""

    id: str
    zh: str
    en: str
    source: str
    verified: bool


_RULES: Final = {
    rule.id: rule
    for rule in (
        Rule(
            "HOLD-PORT",
            "布控未解除，货物不得提离口岸",
            "held goods do not leave the port",
            "domain.md A.5",
            False,
        ),
        Rule(
            "REVIEW", "人工审核期间不放行", "nothing is released while it is examined", "domain.md C0", False
        ),
        Rule(
            "TAX-FIRST", "税款缴清后放行", "release follows the deduction of the taxes", "domain.md A.7", True
        ),
        Rule("SILENCE", "逾期未答复不放行", "silence never releases", "domain.md A.1", True),
        Rule("CUSTOMS-RELEASES", "放行由海关作出", "customs releases", "domain.md A.1", True),
        Rule(
            "RETURNED",
            "退单须修改后重新申报",
            "what was returned is corrected and declared again",
            "domain.md A.6",
            True,
        ),
        Rule(
            "USE-GATE",
            "附条件提离，未解除前不得销售使用",
            "not to be sold or used before it is cleared",
            "domain.md A.5",
            False,
        ),
        Rule(
            "CLOSING",
            "进口出卡口且税款缴清、出口离境并理货后结关",
            "closed by gate-out and taxes, or departure and tally",
            "domain.md A.9",
            True,
        ),
        Rule(
            "TWO-STEP-FULL",
            "概要申报提离后应在期限内完整申报",
            "a summary is completed in time",
            "domain.md C0",
            False,
        ),
        Rule("ENDED", "已办结", "ended", "domain.md C0", True),
    )
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """`holder`: `trader`, `window`, `bank`, `terminal`, an agency's id, or None. `can`: (what, zh, en, path)."""

    holder: str | None
    since: str
    rule: Rule
    zh: str
    en: str
    can: tuple[tuple[str, str, str, str], ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "holder": self.holder,
            "since": self.since,
            "rule": self.rule._asdict(),
            "zh": self.zh,
            "en": self.en,
            "can": [{"do": do, "zh": zh, "en": en, "href": href} for do, zh, en, href in self.can],
        }


def explain(consignment: Consignment, found: Iterable[Position], holds: Holds, bills: Bills) -> Explanation:
    """The one thing to know now; of several that stand in the way the one that the state is named for."""
    positions, since = list(found), consignment.snapshot.changed_at
    address = f"/declarations/{consignment.window_no}"
    match consignment.state:
        case lifecycle.DRAFT:
            send = ("submit", "提交申报", "submit it", address)
            return Explanation(
                TRADER, since, _RULES["RETURNED"], "草稿尚未提交", "the draft was not submitted", (send,)
            )
        case lifecycle.RETURNED:
            correct = ("supplement", "修改后重新申报", "correct it and declare again", address)
            return Explanation(TRADER, since, _RULES["RETURNED"], "已退单", "it was returned", (correct,))
        case lifecycle.HELD:
            return _held(consignment, positions, holds)
        case lifecycle.IN_REVIEW:
            return _with_agency(
                positions, ("in-review",), "REVIEW", "人工审核中", "is examining it by hand", since
            )
        case lifecycle.TAX_DUE:
            return _owed(bills.open(), since)
        case lifecycle.SUSPENDED:
            return _with_agency(
                positions, ("silent", "pending"), "SILENCE", "逾期未答复", "has not answered in time", since
            )
        case lifecycle.RELEASED:
            return _released(consignment, positions, holds, bills)
        case lifecycle.SUBMITTED | lifecycle.ACCEPTED:
            return _waiting(positions, since)
    return Explanation(None, since, _RULES["ENDED"], "已办结，无待办", "it has ended: nothing is to be done")


def _held(consignment: Consignment, positions: list[Position], holds: Holds) -> Explanation:
    holding = {p.agency for p in positions if p.decides and p.state == "held"}
    open_ones = [
        hold for hold in holds.all() if hold.is_open and hold.gate == PORT and hold.agency in holding
    ]
    if not open_ones:
        return _drawing(consignment.snapshot.changed_at)
    first = open_ones[0]
    rule, names = _RULES["HOLD-PORT"], "、".join(sorted(holding))
    order = _inspection(consignment.of_version()) if any(hold.is_inspected for hold in open_ones) else None
    if order is None:
        said = f"{names} 布控", f"held by {', '.join(sorted(holding))}"
        return Explanation(first.agency, first.since, rule, *said)
    path = f"/inspections/{order.data['inspection_id']}"
    if order.type in ("InspectionBooked", "InspectionStarted"):
        begun = order.type == "InspectionStarted"
        zh, en = (
            ("查验进行中", "the inspection is on") if begun else ("已预约查验", "the inspection is booked")
        )
        see = ("see", "查看或改约", "see it, or book another slot", path)
        return Explanation(first.agency, order.at, rule, zh, en, () if begun else (see,))
    if order.type in ("InspectionResult", "InspectionDone"):
        see = ("see", "查看查验结果与后续处置", "see the result and what follows from it", path)
        return Explanation(
            first.agency, order.at, rule, "查验已毕，布控未解除", "inspected; the hold stands", (see,)
        )
    book = ("book", "预约查验时段", "book a slot for the inspection", f"{path}/slots")
    return Explanation(TRADER, order.at, rule, "待预约查验", "waits for you to book the inspection", (book,))


def _inspection(events: tuple[Event, ...]) -> Event | None:
    """The last word on the inspection of this version; None where there is no order in force."""
    told = [event for event in events if event.type.startswith("Inspection")]
    last = next((e for e in reversed(told) if e.type != "InspectionRevised"), None)
    return None if last is None or last.type == "InspectionCancelled" else last


def _owed(open_ones: list[Bill], since: str) -> Explanation:
    if not open_ones:
        return _drawing(since)
    first, rule = open_ones[0], _RULES["TAX-FIRST"]
    if refused := next((bill for bill in open_ones if bill.state == "refused"), None):
        zh = f"税单号 {refused.bill_id} 已被占用，待海关重新开具"
        en = f"the number {refused.bill_id} is another bill's: customs is to bill anew"
        return Explanation(refused.agency, since, rule, zh, en)
    if all(bill.state == "sent" for bill in open_ones):
        return Explanation(BANK, since, rule, "扣款指令已发银行", "the bank is to deduct it")
    pay = tuple(
        ("pay", f"缴纳税单 {bill.bill_id}", f"pay bill {bill.bill_id}", f"/payments/bills/{bill.bill_id}/pay")
        for bill in open_ones
        if bill.state != "sent"
    )
    due = (f"，{first.due_on} 前缴纳", f", due on {first.due_on}") if first.due_on else ("", "")
    return Explanation(
        TRADER,
        since,
        rule,
        f"税款 {first.amount} 元未缴{due[0]}",
        f"{first.amount} yuan are due{due[1]}",
        pay,
    )


def _released(consignment: Consignment, positions: list[Position], holds: Holds, bills: Bills) -> Explanation:
    since = consignment.snapshot.changed_at
    notice = (
        "notice",
        "查看放行通知",
        "see the release notice",
        f"/declarations/{consignment.window_no}/release-notice",
    )
    if two_step.is_summary(consignment):
        complete = (
            "complete",
            "完成完整申报",
            "file the full declaration",
            f"/declarations/{consignment.window_no}",
        )
        zh, en = (
            "概要申报已放行提离，待完整申报",
            "released on its summary: the full declaration is to follow",
        )
        return Explanation(TRADER, since, _RULES["TWO-STEP-FULL"], zh, en, (complete, notice))
    barring = use_holds(holds)
    if barring:
        zh, en = (
            "已放行，可提离；解除前不得销售使用",
            "released: it may leave, and not be sold or used before it is cleared",
        )
        return Explanation(barring[0].agency, barring[0].since, _RULES["USE-GATE"], zh, en, (notice,))
    owed = bills.open()
    if owed:  # deducted, released, and the deduction reversed since; or billed afterwards
        whose = _owed(owed, since)
        return Explanation(
            whose.holder,
            since,
            _RULES["CLOSING"],
            f"已放行，税款待缴清：{whose.zh}",
            f"released; taxes are open: {whose.en}",
            (notice, *whose.can),
        )
    return Explanation(
        TERMINAL, since, _RULES["CLOSING"], "已放行，待提离或离境", "released: the goods may leave", (notice,)
    )


def use_holds(holds: Holds) -> list[Hold]:
    """What follows the goods after they have left the port, until it is cleared."""
    return [hold for hold in holds.all() if hold.is_open and hold.gate != PORT]


def _waiting(positions: list[Position], since: str) -> Explanation:
    deciding = [p for p in positions if p.decides]
    for state in ("pending", "to-ask"):
        for position in deciding:
            if position.state == state:
                zh, en = f"等待{position.agency}答复", f"waiting for the answer of {position.agency}"
                return Explanation(position.agency, position.since, _RULES["SILENCE"], zh, en)
    examining = next((p for p in deciding if p.state == "examining"), None)
    if examining:
        zh, en = "已受理，待放行", "accepted, and waiting for its release"
        return Explanation(examining.agency, examining.since, _RULES["CUSTOMS-RELEASES"], zh, en)
    return _drawing(since)


def _drawing(since: str) -> Explanation:
    """What stood in the way has gone, and the state is about to say so."""
    said = "窗口正在汇总", "the window is drawing the conclusion"
    return Explanation(WINDOW, since, _RULES["CUSTOMS-RELEASES"], *said)


def _with_agency(
    positions: list[Position], states: tuple[str, ...], rule: str, zh: str, en: str, since: str
) -> Explanation:
    named = [position for position in positions if position.decides and position.state in states]
    if not named:
        return _drawing(since)
    who = "、".join(p.agency for p in named), ", ".join(p.agency for p in named)
    return Explanation(named[0].agency, named[0].since, _RULES[rule], f"{who[0]}{zh}", f"{who[1]} {en}")
