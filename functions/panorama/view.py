"""Journeys as answers."""

from collections.abc import Iterable, Mapping
from typing import Any

from panorama.fold import DOCUMENTS, LOGISTICS, Entry, Journey
from panorama.identifiers import Kind
from panorama.search import Found


def whole(window_no: str, journey: Journey) -> dict[str, Any]:
    """The answer of `GET /panorama/{window_no}`."""
    return _standing(window_no, journey) | {
        "waiting_on": [
            {"holder": one.holder, "since": one.since, "why_zh": one.why.zh, "why_en": one.why.en}
            for one in journey.waiting_on
        ],
        "missing": list(journey.missing),
        "identifiers": journey.identifiers,
        "lanes": {lane: [entry.as_json() for entry in journey.lane(lane)] for lane in (DOCUMENTS, LOGISTICS)},
    }


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
