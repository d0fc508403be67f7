"""Journeys as answers."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from panorama.fold import DOCUMENTS, LOGISTICS, Entry, Journey
from panorama.identifiers import Kind
from panorama.search import Found
from panorama.wording import Text
from singlewindow.histogram import percentile

# Fewer than these say more about a single trader than about an agency.
FEWEST: Final = 3


def whole(window_no: str, journey: Journey, durations: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The answer of `GET /panorama/{window_no}`; `durations`: as `duration` has them, by segment."""
    return _standing(window_no, journey) | {
        "declaration": f"/declarations/{window_no}",
        "waiting_on": [
            {
                "holder": one.holder,
                "since": one.since,
                "why_zh": one.why.zh,
                "why_en": one.why.en,
                "usual": durations[one.segment]["usual"] if one.segment else None,
            }
            for one in journey.waiting_on
        ],
        "running": [durations[name] | {"since": since} for name, since in journey.running.items()],
        "missing": list(journey.missing),
        "identifiers": journey.identifiers,
        "lanes": {lane: [entry.as_json() for entry in journey.lane(lane)] for lane in (DOCUMENTS, LOGISTICS)},
    }


def usual(counts: Mapping[int, int]) -> dict[str, Any] | None:
    """Median and 90th percentile in seconds over how many; None where too few are known."""
    number = sum(counts.values())
    if number < FEWEST:
        return None
    median, slow = percentile(counts, 0.5), percentile(counts, 0.9)
    return {"median_seconds": _rounded(median), "p90_seconds": _rounded(slow), "shipments": number}


def duration(name: str, label: Text, counts: Mapping[int, int]) -> dict[str, Any]:
    """One segment as published."""
    return {"segment": name, "name_zh": label.zh, "name_en": label.en, "usual": usual(counts)}


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else float(f"{seconds:.2g}")


def summary(found: Found, journey: Journey) -> dict[str, Any]:
    """One of the items that a search finds."""
    return _standing(found.window_no, journey) | {
        "opened_at": found.standing.opened_at,
        "matched_by": [
            {
                "kind": match.kind,
                "declaration_version": match.version or journey.version,
                "superseded": 0 < match.version < journey.version,
            }
            for match in found.matches
        ],
        "lanes": {lane: _latest(journey.lane(lane)) for lane in (DOCUMENTS, LOGISTICS)},
    }


def searched(kinds: Iterable[Kind], feeds: Mapping[str, str]) -> list[dict[str, Any]]:
    """What the query could have been, where we looked, and how fresh that source is."""
    return [
        {
            "kind": kind.id,
            "name_zh": kind.name_zh,
            "name_en": kind.name_en,
            "source": kind.source,
            "last_event_at": feeds.get(kind.source),
        }
        for kind in kinds
    ]


def _standing(window_no: str, journey: Journey) -> dict[str, Any]:
    holding = journey.holding
    return {
        "window_no": window_no,
        "state": journey.state,
        "version": journey.version,
        "holder": holding.holder,
        "since": holding.since,
        "why_zh": holding.why.zh,
        "why_en": holding.why.en,
        "complete": not journey.missing,
    }


def _latest(entries: list[Entry]) -> dict[str, Any]:
    if not entries:
        return {"events": 0, "last": None}
    last = entries[-1].as_json()
    return {
        "events": len(entries),
        "last": {k: last[k] for k in ("seq", "event", "at", "text_zh", "text_en")},
    }
