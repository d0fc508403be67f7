"""Where a tax bill stands: a pure function of the events of its consignment, and the table of what may come next.

Release follows the deduction; what the treasury confirms is reconciled afterwards (domain.md A.7). A bill that another
takes the place of, or whose declaration is withdrawn, is void: money that still comes for it goes back.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from payments.term import SELF_ASSESSED
from singlewindow.consignment import Consignment
from singlewindow.errors import conflict
from singlewindow.events import Event

ISSUED, SENT, DEDUCTED = "ISSUED", "SENT_TO_BANK", "DEDUCTED"
CONFIRMED, FAILED, REVERSED = "TREASURY_CONFIRMED", "FAILED", "REVERSED"
OVERDUE, EXEMPT, VOID = "OVERDUE", "NOTHING_TO_PAY", "VOID"

PAID: Final = (DEDUCTED, CONFIRMED)
UNPAID: Final = (ISSUED, FAILED, REVERSED, OVERDUE)

# (state, event) → state. What has no row is illegal.
MOVES: Final[dict[tuple[str, str], str]] = {
    **{(state, "TaxSent"): SENT for state in UNPAID},
    **{(state, "TaxOverdue"): OVERDUE for state in (ISSUED, FAILED, REVERSED)},
    **{(state, "TaxGuaranteed"): state for state in (ISSUED, FAILED, REVERSED, OVERDUE)},
    (SENT, "TaxDeducted"): DEDUCTED,
    (SENT, "TaxDeductionFailed"): FAILED,
    # Given up for want of an answer, and then the bank has the last word after all.
    (FAILED, "TaxDeducted"): DEDUCTED,
    (OVERDUE, "TaxDeducted"): DEDUCTED,
    (DEDUCTED, "TreasuryConfirmed"): CONFIRMED,
    (DEDUCTED, "TaxReversed"): REVERSED,
    (CONFIRMED, "TaxReversed"): REVERSED,
}
STATES: Final = (ISSUED, SENT, DEDUCTED, CONFIRMED, FAILED, REVERSED, OVERDUE, EXEMPT, VOID)
LABELS: Final = {
    ISSUED: ("已开具，待缴", "issued, to be paid"),
    SENT: ("已发送银行", "with the bank"),
    DEDUCTED: ("扣款成功", "deducted"),
    CONFIRMED: ("国库已入库", "confirmed by the treasury"),
    FAILED: ("扣款失败", "the deduction failed"),
    REVERSED: ("已冲正", "reversed"),
    OVERDUE: ("逾期未缴", "overdue"),
    EXEMPT: ("免征，无应缴税款", "nothing to pay"),
    VOID: ("已作废", "void"),
}
EVENTS: Final = (
    "TaxBilled",
    "TaxSent",
    "TaxDeducted",
    "TaxDeductionFailed",
    "TaxGuaranteed",
    "TreasuryConfirmed",
    "TaxReversed",
    "TaxOverdue",
)
_WITHDRAWN: Final = "WITHDRAWN"
_NOT_UNDER_WAY: Final = ("DRAFT", "RETURNED", "REJECTED", _WITHDRAWN)


@dataclass(slots=True)
class Standing:
    """One bill as its events leave it.

    `orders`: order → bank, in the order in which they went out; `refs`: every bank reference that ever stood for its
    deduction, reversed ones included; `deducted`: what is with the bank or the treasury now.
    """

    bill_id: str
    version: int
    regime: str
    payable: Decimal
    due_on: str
    state: str
    since: str
    orders: dict[str, str] = field(default_factory=dict)
    bank_ref: str | None = None
    deducted: Decimal | None = None
    deducted_at: str | None = None
    refs: set[tuple[str, str]] = field(default_factory=set)
    bank: str | None = None
    treasury_ref: str | None = None
    guarantee: tuple[str, Decimal] | None = None
    reason: str | None = None
    superseded_by: str | None = None

    @property
    def order(self) -> str | None:
        """The last order sent."""
        return next(reversed(self.orders), None)

    @property
    def settled(self) -> bool:
        """Whether customs may release as far as this bill goes."""
        return self.state in (*PAID, EXEMPT) or (self.guarantee is not None and self.state != VOID)

    @property
    def allowed(self) -> list[str]:
        """The events that may come next."""
        return [event for (state, event) in MOVES if state == self.state]

    def void(self, by: str | None, at: str) -> None:
        if self.state != VOID:
            self.state, self.since, self.superseded_by = VOID, at, by

    def take(self, event: Event) -> None:
        data = event.data
        after = MOVES.get((self.state, event.type), self.state)  # what is void stays void
        if after != self.state:
            self.since = event.at
        self.state = after
        if event.type == "TaxSent":
            self.orders[data["order_id"]] = data["bank"]
        elif event.type == "TaxDeducted":
            self.bank_ref, self.deducted = data["bank_ref"], Decimal(data["amount"])
            self.deducted_at = data["at"]
            self.bank = data["bank"]
            self.refs.add((data["bank"], data["bank_ref"]))
            self.guarantee = self.reason = None
        elif event.type == "TreasuryConfirmed":
            self.treasury_ref = data["treasury_ref"]
        elif event.type == "TaxGuaranteed":
            self.guarantee = (data["guarantee_id"], Decimal(data["amount"]))
        elif event.type in ("TaxDeductionFailed", "TaxReversed"):
            self.reason = data["reason"]
            if event.type == "TaxReversed":
                self.bank_ref = self.deducted = self.deducted_at = self.treasury_ref = None


def standings(consignment: Consignment) -> dict[str, Standing]:
    """All bills of a consignment, in the order in which they were issued."""
    found: dict[str, Standing] = {}
    for event in consignment.events:
        if event.type not in EVENTS:
            continue
        data = event.data
        bill_id = data["bill_id"]
        if event.type == "TaxBilled":
            if bill_id in found:
                continue
            if (before := found.get(data.get("supersedes") or "")) is not None:
                before.void(bill_id, event.at)
            payable = Decimal(data["payable"])
            state = ISSUED if payable > 0 else EXEMPT
            found[bill_id] = Standing(
                bill_id, event.declaration_version, data["regime"], payable, data["due_on"], state, event.at
            )
        elif bill_id in found:
            found[bill_id].take(event)
    if consignment.state == _WITHDRAWN:
        for one in found.values():
            one.void(None, consignment.snapshot.changed_at)
    return found


def is_owed(consignment: Consignment, standing: Standing) -> bool:
    """Whether anybody waits for a bill that is not void: its version is under way, or was released."""
    if any(event.type == "DeclarationReleased" for event in consignment.of_version(standing.version)):
        return True
    return standing.version == consignment.version and consignment.state not in _NOT_UNDER_WAY


def self_assessed(found: Iterable[Standing], version: int) -> Standing | None:
    """The trader's own bill of a version, where it has made one that still counts."""
    own = (one for one in found if one.version == version and one.regime == SELF_ASSESSED)
    return next((one for one in own if one.state != VOID), None)


def must_allow(standing: Standing, event: str) -> None:
    """Raises 409 with what is allowed instead."""
    if event not in standing.allowed:
        raise conflict(
            "illegal-event",
            f"{event}: not while the bill is {standing.state}",
            f"税单当前状态为“{LABELS[standing.state][0]}”，不允许此操作",
            state=standing.state,
            allowed=standing.allowed,
            superseded_by=standing.superseded_by,
        )
