"""A guarantee and its ledger: occupied by bills, released when they are paid, never beyond its limit.

Each entry carries the sum that is occupied after it and a number of its own; two that would follow the same entry want
the same number, and one of them is written.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from payments.money import NOUGHT
from singlewindow.errors import WindowError, conflict

OCCUPY, RELEASE = "occupy", "release"


@dataclass(frozen=True, slots=True)
class Guarantee:
    """`party` owes, `guarantor` answers for it up to `limit` yuan from `valid_from` to `valid_to`.

    `agents`: who may put its bills on it beside the party itself, its brokers.
    """

    id: str
    party: str
    guarantor: str
    limit: Decimal
    valid_from: str
    valid_to: str
    simulated: bool = False
    agents: tuple[str, ...] = ()

    def may_use(self, party: str) -> bool:
        return party == self.party or party in self.agents

    def valid(self, day: date) -> bool:
        return self.valid_from <= day.isoformat() <= self.valid_to


@dataclass(frozen=True, slots=True)
class Entry:
    number: int
    kind: str
    bill_id: str
    amount: Decimal
    occupied: Decimal
    at: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class Balance:
    guarantee: Guarantee
    occupied: Decimal = NOUGHT
    number: int = 0

    @property
    def available(self) -> Decimal:
        return self.guarantee.limit - self.occupied

    def warns(self, at: Decimal) -> bool:
        """Whether the share that is occupied has reached the level (0.80) at which its party is warned."""
        return self.occupied >= self.guarantee.limit * at

    def as_json(self, warn_at: Decimal) -> dict[str, Any]:
        one = self.guarantee
        return {
            "guarantee_id": one.id,
            "party": one.party,
            "guarantor": one.guarantor,
            "agents": list(one.agents),
            "limit": str(one.limit),
            "occupied": str(self.occupied),
            "available": str(self.available),
            "valid_from": one.valid_from,
            "valid_to": one.valid_to,
            "warning": self.warns(warn_at),
            "simulated": one.simulated,
        }


def occupied(balance: Balance, bill_id: str, amount: Decimal, at: str, day: date, by: str = "") -> Entry:
    """The entry that takes `amount` for a bill, `by` whom.

    Raises 409 where the guarantee is not valid or has no room."""
    if not balance.guarantee.valid(day):
        raise conflict(
            "guarantee-not-valid", f"{balance.guarantee.id} is not valid on {day}", "担保不在有效期内"
        )
    if amount > balance.available:
        raise conflict(
            "guarantee-exhausted",
            f"{balance.available} of {balance.guarantee.limit} is left, {amount} is needed",
            "担保额度不足",
            available=str(balance.available),
        )
    return Entry(balance.number + 1, OCCUPY, bill_id, amount, balance.occupied + amount, at, by)


def released(balance: Balance, bill_id: str, amount: Decimal, at: str) -> Entry:
    """The entry that gives back what a bill took."""
    if amount > balance.occupied:
        raise WindowError(
            500, "guarantee-unbalanced", f"{balance.guarantee.id} has less than {amount} occupied"
        )
    return Entry(balance.number + 1, RELEASE, bill_id, amount, balance.occupied - amount, at)


def fitting(balances: Iterable[Balance], amount: Decimal, day: date) -> Balance | None:
    """The guarantee that a consolidated bill is put on: valid, with room, the one that ends first."""
    able = [one for one in balances if one.guarantee.valid(day) and one.available >= amount]
    return min(able, key=lambda one: (one.guarantee.valid_to, one.guarantee.id), default=None)
