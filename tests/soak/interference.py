"""Whether a dead destination slows the live ones: runs without (A) and with it (B) in turn, the same traffic."""

import statistics
import time
from dataclasses import dataclass
from functools import partial

from tests.journeys.window import until
from tests.soak import traffic
from tests.soak.parties import ALSO_HOOKED, DEAD, HOOKED, Parties
from tests.soak.traffic import Sent

PAIRS, MESSAGES, PACE = 5, 25, 0.3


@dataclass(frozen=True)
class Interference:
    """95th percentiles in seconds from POST to the webhook's arrival, run by run; `ratio`: median of B over A."""

    without: list[float]
    with_dead: list[float]

    @property
    def ratio(self) -> float:
        return statistics.median(b / a for a, b in zip(self.without, self.with_dead, strict=True))


def measured(parties: Parties, sent: Sent, pairs: int = PAIRS, messages: int = MESSAGES) -> Interference:
    runs: dict[bool, list[float]] = {False: [], True: []}
    for pair in range(pairs):
        for to_dead in (False, True) if pair % 2 == 0 else (True, False):
            parties.suspend(DEAD, not to_dead)
            before = set(sent.at)
            for place in range(messages):  # every one to all of them, and no faster than the stack can take
                traffic.send(parties, 1, f"ab:{pair}:{to_dead}:{place}", to_dead, lambda _: None, sent)
                time.sleep(PACE)
            fresh = set(sent.at) - before
            runs[to_dead].append(until(partial(_p95, parties, sent, fresh), bool, 60))
    parties.suspend(DEAD, False)
    return Interference(runs[False], runs[True])


def _p95(parties: Parties, sent: Sent, fresh: set[str]) -> float:
    """0 while not all have come."""
    took = [
        arrived - sent.at[id]
        for who in (HOOKED, ALSO_HOOKED)
        for id, arrived in parties.arrivals(who).items()
        if id in fresh
    ]
    return statistics.quantiles(took, n=20)[-1] if len(took) == 2 * len(fresh) else 0.0
