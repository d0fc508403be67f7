"""When a delivery is tried again, and when a destination is left in peace. Pure; times in seconds since the epoch.

A destination is one subscription's or channel's address. It is not shared by host: nobody shall open another's circuit
by giving a failing address on the same host.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Profile:
    """How one delivery is repeated: after `first` seconds, then `factor` times as long, at most `longest`, each
    shortened by up to a half at random; given up after `patience`."""

    first: float
    factor: float
    longest: float
    patience: float


# 5 s, 20 s, 80 s … at most 6 h; given up after three days.
STANDARD: Final = Profile(5.0, 4.0, 6 * 3600.0, 3 * 86400.0)

# One destination: from the fifth failure in a row on no attempt for 30 s, 60 s, 120 s … at most 6 h.
TOLERATED: Final = 5
FIRST_REST: Final = 30.0
LONGEST_REST: Final = 6 * 3600.0
# After so many failures in a row, or when failing for so long, nothing is sent there any more.
MOST_FAILURES: Final = 20
LONGEST_FAILING: Final = 3 * 86400.0

# Attempts at one destination at a time; one while it fails. What hangs there holds no more than these.
SLOTS: Final = 3
SLOT_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class Circuit:
    """What is known of a destination: failures in a row, since when, no attempt before `opens`, slots in use until.

    `paced`: no attempt before it, for its rate; no failure has to do with it.
    """

    failures: int = 0
    since: float | None = None
    opens: float = 0.0
    slots: Mapping[int, float] = field(default_factory=dict)
    paced: float = 0.0

    def slot(self, now: float) -> int | None:
        """A free slot for an attempt now; None where it must wait."""
        if now < max(self.opens, self.paced):
            return None
        usable = range(1 if self.failures else SLOTS)
        return next((slot for slot in usable if self.slots.get(slot, 0.0) <= now), None)

    def wait(self, now: float, chance: float) -> float:
        """Seconds until it is worth asking for a slot again; `chance` in [0, 1) spreads those who wait."""
        return (
            max(self.opens - now, self.paced - now, 0.0)
            + 1.0
            + chance * (SLOT_SECONDS if self.failures else 2.0)
        )

    def is_hopeless(self, now: float) -> bool:
        failing = now - self.since if self.since is not None else 0.0
        return self.failures >= MOST_FAILURES or (self.failures > 0 and failing >= LONGEST_FAILING)


def rest(failures: int) -> float:
    """For how long a destination is left in peace after so many failures in a row."""
    if failures < TOLERATED:
        return 0.0
    return min(FIRST_REST * 2.0 ** min(failures - TOLERATED, 30), LONGEST_REST)


def backoff(attempts: int, chance: float, profile: Profile = STANDARD) -> float:
    """Seconds from the failed attempt number `attempts` to the next."""
    full = min(profile.first * profile.factor ** min(attempts - 1, 20), profile.longest)
    return full * (1.0 - 0.5 * chance)


def is_given_up(first: float, next_due: float, profile: Profile = STANDARD) -> bool:
    """Whether a delivery first due at `first` is not tried at `next_due` any more."""
    return next_due - first > profile.patience
