"""How the sandbox bank and the sandbox treasury behave; `for` names a bill."""

from typing import Any, Literal

from infra.steering import Steered

# Seconds where nothing else is said: before the answer, or between a deduction and its reversal.
_DELAYS = {"slow": 5.0, "reverse": 1.0}


class Conduct(Steered):
    behaviour: str

    @property
    def delay(self) -> float:
        return _DELAYS.get(self.behaviour, 0.0) if self.delay_seconds is None else self.delay_seconds

    def as_json(self) -> dict[str, Any]:
        shown = {"behaviour": self.behaviour, "delay_seconds": self.delay}
        return shown | ({"for": self.only_for} if self.only_for else {})


class AtBank(Conduct):
    """`double` deducts twice under two references; `duplicate` says it twice; `forged` signs with a foreign key."""

    behaviour: Literal[
        "pay", "refuse", "slow", "silent", "duplicate", "double", "wrong-amount", "forged", "reverse"
    ]


class AtTreasury(Conduct):
    behaviour: Literal["confirm", "slow", "silent", "duplicate", "wrong-amount", "forged"]
