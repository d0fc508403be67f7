"""Three books of a day held against each other: ours, the banks' statements, the treasury's.

What does not agree is a break: of a kind, with an id that stays the same however often the day is reconciled, and open
until somebody says how it was resolved.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

KINDS: Final = {
    "bank-silent": ("银行逾期未答复扣款指令", "the bank has not answered an order in time"),
    "bank-missing": ("我方已扣款，银行对账单无此笔", "we booked a deduction that the bank's statement lacks"),
    "bank-unknown": (
        "银行对账单有此笔，我方无记录",
        "the bank's statement has a deduction that we do not know",
    ),
    "bank-amount": ("与银行对账金额不符", "bank and window differ in the amount"),
    "bank-duplicate": ("银行对同一税单多次扣款", "the bank deducted for one bill more than once"),
    "treasury-missing": ("银行已扣款，国库逾期未入库", "deducted, and the treasury says nothing"),
    "treasury-unknown": (
        "国库有入库，我方无扣款记录",
        "the treasury has a receipt for which we know no deduction",
    ),
    "treasury-amount": ("与国库入库金额不符", "treasury and window differ in the amount"),
    "treasury-unlike": (
        "国库对同一笔扣款的入库回执不一致",
        "the treasury gave receipts for one deduction that do not agree",
    ),
    "reversed-in-treasury": ("已冲正但国库已入库", "reversed after the treasury had received it"),
    "stray": ("不应收取的款项，待退回", "money that was not owed: to be given back"),
    "no-bank-statement": ("未收到银行对账单", "the bank's statement has not come"),
    "no-treasury-statement": ("未收到国库对账单", "the treasury's statement has not come"),
}


@dataclass(frozen=True, slots=True)
class Booked:
    """One movement in one of the books; `ref` is the bank's number of the deduction."""

    bill_id: str
    ref: str
    amount: Decimal
    party: str = ""


@dataclass(frozen=True, slots=True)
class Break:
    kind: str
    bill_id: str
    ref: str
    ours: Decimal | None = None
    theirs: Decimal | None = None
    detail: str = ""

    @property
    def id(self) -> str:
        return f"{self.kind}:{self.bill_id}:{self.ref}"

    def as_json(self, resolution: Mapping[str, Any] | None) -> dict[str, Any]:
        zh, en = KINDS[self.kind]
        return {
            "break_id": self.id,
            "kind": self.kind,
            "kind_zh": zh,
            "kind_en": en,
            "bill_id": self.bill_id or None,
            "ref": self.ref or None,
            "ours": None if self.ours is None else str(self.ours),
            "theirs": None if self.theirs is None else str(self.theirs),
            "detail": self.detail or None,
            "resolution": dict(resolution) if resolution else None,
        }


@dataclass(frozen=True, slots=True)
class Books:
    """A day as each side has it. A statement that has not come is None, which is not the same as an empty one.

    `unanswered`: orders that the bank's time has run out for; `strays`: money that goes back, by kind;
    `receipts_unlike`: receipts of the treasury that do not agree with one before;
    `reversed`: deductions of the day that were taken back; `treasury_is_due`: whether its time has run out as well.
    """

    deducted: tuple[Booked, ...]
    reversed: tuple[Booked, ...]
    unanswered: tuple[Booked, ...]
    strays: tuple[tuple[str, Booked], ...]
    receipts_unlike: tuple[Booked, ...]
    banks: Mapping[str, tuple[Booked, ...] | None]
    treasury: tuple[Booked, ...] | None
    treasury_is_due: bool


def breaks(books: Books) -> list[Break]:
    """All that does not agree, by kind and bill."""
    found = [Break("bank-silent", one.bill_id, one.ref, one.amount) for one in books.unanswered]
    found += [Break("stray", one.bill_id, one.ref, None, one.amount, kind) for kind, one in books.strays]
    found += [
        Break("treasury-unlike", one.bill_id, one.ref, None, one.amount) for one in books.receipts_unlike
    ]
    found += _with_banks(books)
    found += _with_treasury(books)
    return sorted(found, key=lambda one: (list(KINDS).index(one.kind), one.bill_id, one.ref))


def _with_banks(books: Books) -> Iterable[Break]:
    ours = {one.ref: one for one in books.deducted}
    known = ours.keys() | {one.ref for _, one in books.strays} | {one.ref for one in books.reversed}
    heard: set[str] = set()
    for bank, statement in books.banks.items():
        if statement is None:
            if any(one.party == bank for one in books.deducted):
                yield Break("no-bank-statement", "", bank)
            heard |= {one.ref for one in books.deducted if one.party == bank}
            continue
        by_bill: dict[str, set[str]] = defaultdict(set)
        for one in statement:
            by_bill[one.bill_id].add(one.ref)
            heard.add(one.ref)
            if one.ref not in known:
                yield Break("bank-unknown", one.bill_id, one.ref, None, one.amount)
            elif one.ref in ours and ours[one.ref].amount != one.amount:
                yield Break("bank-amount", one.bill_id, one.ref, ours[one.ref].amount, one.amount)
        reversed_ = {one.ref for one in books.reversed}
        for bill_id, refs in by_bill.items():
            if len(standing := refs - reversed_) > 1:
                yield Break("bank-duplicate", bill_id, ",".join(sorted(standing)))
    for one in books.deducted:
        if one.ref not in heard:
            yield Break("bank-missing", one.bill_id, one.ref, one.amount)


def _with_treasury(books: Books) -> Iterable[Break]:
    taken_back = {one.ref for one in books.reversed}
    ours = {one.ref: one for one in books.deducted}
    if books.treasury is None:
        if books.treasury_is_due and ours:
            yield Break("no-treasury-statement", "", "")
        received: dict[str, Booked] = {}
    else:
        received = {one.ref: one for one in books.treasury}
    for ref, one in received.items():
        if ref in taken_back:
            yield Break("reversed-in-treasury", one.bill_id, ref, None, one.amount)
        elif ref not in ours:
            yield Break("treasury-unknown", one.bill_id, ref, None, one.amount)
        elif ours[ref].amount != one.amount:
            yield Break("treasury-amount", one.bill_id, ref, ours[ref].amount, one.amount)
    if books.treasury_is_due:
        for ref, one in ours.items():
            if ref not in received and ref not in taken_back:
                yield Break("treasury-missing", one.bill_id, ref, one.amount)
