"""How a simulated agency behaves: by default, and for one declaration or bill."""

from threading import Lock
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from singlewindow import commands

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


class Behaviour(BaseModel):
    """What the agency does with a question. `for`: a window or bill number; without it, with every question."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    behaviour: Name
    delay_seconds: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] | None = None
    via: Literal["queue", "rest"] = "queue"
    only_for: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = Field(
        default=None, alias="for"
    )

    @property
    def delay(self) -> float:
        return _DELAYS.get(self.behaviour, 0.0) if self.delay_seconds is None else self.delay_seconds

    def as_json(self) -> dict[str, Any]:
        shown = {"behaviour": self.behaviour, "delay_seconds": self.delay, "via": self.via}
        return shown | ({"for": self.only_for} if self.only_for else {})


class Rules:
    """One agency's behaviours: one for every question, and those for single declarations."""

    def __init__(self) -> None:
        self._usual = Behaviour(behaviour="accept")
        self._single: dict[str, Behaviour] = {}
        self._lock = Lock()

    def set(self, value: Any) -> None:
        """Take over a behaviour as JSON. Raises 422 naming what is wrong in it."""
        behaviour = commands.parse(Behaviour, value)
        with self._lock:
            if behaviour.only_for:
                self._single[behaviour.only_for] = behaviour
            else:
                self._usual = behaviour

    @property
    def single(self) -> bool:
        """Whether anything is said of single declarations."""
        return bool(self._single)

    def of(self, *numbers: str | None) -> Behaviour:
        """The behaviour for a question that is known by these numbers, the most telling first."""
        with self._lock:
            return next((self._single[one] for one in numbers if one in self._single), self._usual)

    def as_json(self) -> dict[str, Any]:
        with self._lock:
            return self._usual.as_json() | {"single": [one.as_json() for one in self._single.values()]}
