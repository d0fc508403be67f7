"""How a simulated agency behaves: by default, and for one declaration or bill."""

from typing import Any, Literal

from infra.steering import Steered

Name = Literal[
    "accept",
    "reject",
    "return",
    "hold-then-accept",
    "hold-then-clear",
    "inspect",
    "use-hold",
    "full-course",
    "slow",
    "silent",
    "duplicate",
    "out-of-order",
    "malformed",
    "forged",
    "foreign",
]
# Seconds where nothing else is said: before the reply, between a hold and what follows it, or from look to look.
_DELAYS = {"slow": 5.0, "hold-then-accept": 2.0, "hold-then-clear": 2.0, "inspect": 1.0}


class Behaviour(Steered):
    """What the agency does with a question. `for`: a window or bill number; without it, with every question."""

    behaviour: Name
    via: Literal["queue", "rest"] = "queue"

    @property
    def delay(self) -> float:
        return _DELAYS.get(self.behaviour, 0.0) if self.delay_seconds is None else self.delay_seconds

    def as_json(self) -> dict[str, Any]:
        shown = {"behaviour": self.behaviour, "delay_seconds": self.delay, "via": self.via}
        return shown | ({"for": self.only_for} if self.only_for else {})
