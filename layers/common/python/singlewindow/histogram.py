"""Counts of durations in buckets that grow by a quarter: any number of days add up, and a percentile is off by at
most an eighth."""

import math
from collections.abc import Iterable, Mapping
from typing import Final

_GROWTH: Final = 1.25
_SMALLEST: Final = 0.1  # seconds; what is shorter is in bucket 0
_LAST: Final = 90  # 1.25 ** 90 * 0.1 s: beyond a year


def bucket(seconds: float) -> int:
    """The bucket of a duration."""
    if seconds <= _SMALLEST:
        return 0
    return min(math.ceil(math.log(seconds / _SMALLEST, _GROWTH)), _LAST)


def total(days: Iterable[Mapping[int, int]]) -> dict[int, int]:
    """Several histograms as one."""
    summed: dict[int, int] = {}
    for day in days:
        for place, number in day.items():
            summed[place] = summed.get(place, 0) + number
    return summed


def percentile(counts: Mapping[int, int], share: float) -> float | None:
    """The duration in seconds that `share` of them does not exceed, at the middle of its bucket; None of nothing."""
    wanted = share * sum(counts.values())
    seen = 0
    for place in sorted(counts):
        seen += counts[place]
        if seen >= wanted and counts[place]:
            return _SMALLEST * _GROWTH ** (place - 0.5) if place else _SMALLEST
    return None


def within(counts: Mapping[int, int], seconds: float) -> int:
    """How many took no longer than `seconds`, to the bucket."""
    last = bucket(seconds)
    return sum(number for place, number in counts.items() if place <= last)
