"""The exchange seen from outside, and its operators' view: what stands in tables and queues, put beside each other."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from channels import answered, dispatch, registry, status, tally
from channels.channel import DROP, PULL, WEBHOOK, Channel, inbox_of
from channels.status import Waiting
from singlewindow import catalogue, clock, settings
from singlewindow.deliveries import FAILED
from singlewindow.rules import RuleBook

_BUDGET: Final = timedelta(days=30)
# Latency is of yesterday and today: yesterday's beginning would be too long ago to say how things are, an hour too few.
_LATENCY: Final = timedelta(days=1)
_ANSWERS: Final = timedelta(days=30)


def public() -> dict[str, Any]:
    """Every agency's channels, traders' in sum, and the whole stack's figures; no party but agencies, no address."""
    today = clock.business_date()
    targets, declared = _targets(), settings.get("SIMULATED_AGENCIES")
    shown, counted = [], []
    for agency, channel in _agencies():
        shown.append(_channel(agency, channel, targets, declared))
        counted.append(tally.since(channel.id, today))
    parties = registry.traders()
    by_protocol = {p: tally.since(tally.traders(p), today - _LATENCY) for p in (PULL, WEBHOOK, DROP)}
    counted += [
        tally.since(tally.traders(p), today) for p in by_protocol if parties.get(p, 0) >= status.FEWEST
    ]
    delivered, lost = status.delivered_today(counted)
    return {
        "at": clock.stamp(),
        "channels": shown,
        "traders": status.sums(by_protocol, parties),
        "today": {
            "date": today.isoformat(),
            "accepted": tally.since(tally.ACCEPTED, today).accepted,
            "delivered": delivered,
            "dead_letters": lost,
        },
        "feeds": [{"source": name, "last_heard": at} for name, at in sorted(answered.feeds().items())],
    }


def budgets() -> list[dict[str, Any]]:
    """Of every agency's channel, what was within target in the last 30 days; its answers beside."""
    since, targets = clock.business_date() - _BUDGET, _targets()
    found = []
    for agency, channel in _agencies():
        counted = tally.since(channel.id, since)
        found.append(
            {
                "channel": channel.id,
                "agency": agency["id"],
                "deliveries": status.budget(counted.took, counted.lost, targets["deliveries"]),
                "answers": status.budget(answered.durations(agency["id"], since), 0, targets["answers"])
                if inbox_of(channel.id)
                else None,
            }
        )
    return found


def _agencies() -> Iterator[tuple[dict[str, Any], Channel]]:
    """The standing inboxes, and what agencies have registered beside them."""
    now = clock.now()
    for agency in catalogue.agencies(clock.business_date()):
        inbox = registry.inbox(agency["id"])
        own = [one for one in registry.of_party(agency["id"]) if not one.is_over(now)]
        for channel in [*([inbox] if inbox else []), *own]:
            yield agency, channel


def _channel(
    agency: dict[str, Any], channel: Channel, targets: Mapping[str, Any], declared: str
) -> dict[str, Any]:
    now, today = clock.now(), clock.business_date()
    circuit, waiting = dispatch.breaker(channel.id).read(), _waiting(channel)
    aim = float(targets["deliveries"]["seconds"])
    counted = tally.since(channel.id, today - _LATENCY)
    asked = inbox_of(channel.id) is not None
    answers = status.percentiles(answered.durations(agency["id"], today - _ANSWERS)) if asked else None
    return {
        "id": channel.id,
        "agency": agency["id"],
        "name_zh": agency["name_zh"],
        "name_en": agency["name_en"],
        "protocol": channel.protocol,
        "standing": asked,
        "simulated": status.is_simulated(channel, declared),
        "state": status.state(channel, circuit, waiting, aim, now),
        "incident": status.incident(channel, circuit, waiting, aim, now),
        "oldest_waiting_since": waiting.since if waiting else None,
        "oldest_waiting_seconds": status.age(waiting.since if waiting else None, now),
        "dead_letters": status.letters(dispatch.dead_waiting(channel.id), dispatch.MOST_COUNTED),
        "delivery": status.percentiles(counted.took),
        "failed_attempts": counted.failed,
        "answer": answers,
        "maintenance": status.planned(channel, now),
    }


def _waiting(channel: Channel) -> Waiting | None:
    oldest = dispatch.oldest_waiting(channel.id)
    if oldest is None:
        return None
    since, id = oldest
    one = dispatch.find(id)
    said = [said for _, state, said in one.timeline if state == FAILED] if one else []
    return Waiting(since, said[-1] if said else None)


def _targets() -> Mapping[str, Any]:
    book = RuleBook(catalogue.load("rules/exchange-targets.json"), ())
    return book.parameters("EXCHANGE-TARGETS", clock.business_date())
