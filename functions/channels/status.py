"""How a channel fares, for everybody to see: pure rules over what the window itself knows. Nobody asks the agency."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any, Final

from channels import maintenance
from channels.channel import SUSPENDED, Channel
from channels.tally import Tally
from singlewindow import clock, histogram
from singlewindow.outbound.retry import TOLERATED, Circuit

UP, DEGRADED, DOWN, MAINTENANCE = "up", "degraded", "down", "maintenance"

# Of traders only sums are shown, and only of so many at least.
FEWEST: Final = 3
_SHARES: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
# What an attempt came to, in words. The first two are of codes: whose fault it is.
_REASONS: Final = {
    "4": ("对方拒绝接收（HTTP {said}）", "the other side refuses it (HTTP {said})"),
    "5": ("对方系统出错（HTTP {said}）", "the other side fails (HTTP {said})"),
    "timeout": ("对方未在时限内应答", "the other side does not answer in time"),
    "no-connection": ("无法与对方建立连接", "no connection to the other side"),
    "name-not-resolved": ("对方域名无法解析", "the other side's name is not resolved"),
    "tls": ("与对方的加密连接失败", "the encrypted connection to the other side fails"),
    "address-refused": ("对方地址不允许访问", "the other side's address is not one that may be called"),
}
_UNKNOWN: Final = ("投递失败", "deliveries fail")
_SLOW: Final = ("投递等待时间超过目标", "deliveries wait longer than is aimed at")
_SUSPENDED: Final = ("通道已暂停", "the channel is suspended by whoever manages it")


@dataclass(frozen=True, slots=True)
class Waiting:
    """The oldest delivery that is not concluded: since when (an instant), and what its last failure was."""

    since: str
    said: str | None = None


def state(channel: Channel, circuit: Circuit, waiting: Waiting | None, aim: float, now: datetime) -> str:
    """`aim`: seconds that a delivery is to take at most."""
    if maintenance.end(channel.maintenance, now):
        return MAINTENANCE
    if channel.status == SUSPENDED or circuit.failures >= TOLERATED:
        return DOWN
    late = waiting is not None and (now - datetime.fromisoformat(waiting.since)).total_seconds() > aim
    return DEGRADED if circuit.failures or late else UP


def incident(
    channel: Channel, circuit: Circuit, waiting: Waiting | None, aim: float, now: datetime
) -> dict[str, Any] | None:
    """What is wrong, since when, in words; None where nothing is, or it is planned."""
    found = state(channel, circuit, waiting, aim, now)
    if found in (UP, MAINTENANCE):
        return None
    if circuit.failures:
        began = _stamp(circuit.since) if circuit.since is not None else None
        zh, en = reason(waiting.said if waiting else None)
    elif channel.status == SUSPENDED:
        began, (zh, en) = None, _SUSPENDED
    else:
        began, (zh, en) = waiting.since if waiting else None, _SLOW
    opens = circuit.opens if circuit.opens > now.timestamp() else None
    return {
        "since": began,
        "reason_zh": zh,
        "reason_en": en,
        "failures_in_a_row": circuit.failures,
        "next_attempt_at": _stamp(opens) if opens else None,
    }


def reason(said: str | None) -> tuple[str, str]:
    """(zh, en) of what an attempt came to."""
    code = said is not None and said.isdigit() and len(said) == 3
    zh, en = _REASONS.get(said[0] if code and said else said or "", _UNKNOWN)
    return zh.format(said=said), en.format(said=said)


def age(since: str | None, now: datetime) -> int | None:
    """Whole seconds since an instant; None since none."""
    return None if since is None else max(0, int((now - datetime.fromisoformat(since)).total_seconds()))


def letters(number: int, most: int) -> dict[str, Any]:
    """Dead letters that nobody has replayed; `more` where they were counted no further."""
    return {"number": min(number, most), "more": number > most}


def planned(channel: Channel, now: datetime) -> list[dict[str, Any]]:
    """Maintenance that is not over, as it was registered: absolute, or weekly in China's time."""
    return [
        dict(one)
        for one in channel.maintenance
        if "weekday" in one or datetime.fromisoformat(one["to"]) > now
    ]


def is_simulated(channel: Channel, declared: str) -> bool:
    """Whether nobody real is behind a channel. `declared`: agencies that the deployment says so of, or `all`."""
    return channel.simulated is True or declared == "all" or channel.party in declared.split(",")


def percentiles(took: Mapping[int, int]) -> dict[str, Any]:
    """Seconds by percentile, in words of the histogram: off by an eighth at most; null of nothing."""
    found = {name: histogram.percentile(took, share) for name, share in _SHARES.items()}
    seconds = {name: None if one is None else f"{one:.1f}" for name, one in found.items()}
    return {"number": sum(took.values()), "seconds": seconds}


def sums(counted: Mapping[str, Tally], parties: Mapping[str, int]) -> list[dict[str, Any]]:
    """Traders' channels by protocol, where enough parties have one that no one of them is seen."""
    return [
        {"protocol": protocol, "delivered": one.delivered, "delivery": percentiles(one.took)}
        for protocol, one in sorted(counted.items())
        if parties.get(protocol, 0) >= FEWEST
    ]


def budget(took: Mapping[int, int], lost: int, target: Mapping[str, Any]) -> dict[str, Any]:
    """How much of what may fail has failed. `target`: `seconds`, and the `share` that is to be within them."""
    total, good = sum(took.values()) + lost, histogram.within(took, float(target["seconds"]))
    share, allowed = Decimal(target["share"]), Decimal(total) * (1 - Decimal(target["share"]))
    left = 1 - Decimal(total - good) / allowed if allowed else None
    return {
        "within_seconds": target["seconds"],
        "target": str(share),
        "number": total,
        "share": _rounded(Decimal(good) / total) if total else None,
        "budget_left": _rounded(left) if left is not None else None,
    }


def delivered_today(shown: Sequence[Tally]) -> tuple[int, int]:
    """(delivered, lost) of what is shown: of what is not, no sum gives anything away."""
    return sum(one.delivered for one in shown), sum(one.lost for one in shown)


def _rounded(share: Decimal) -> str:
    return str(share.quantize(Decimal("0.0001"), ROUND_DOWN))


def _stamp(seconds: float) -> str:
    return clock.stamp(datetime.fromtimestamp(seconds, clock.now().tzinfo))
