"""Channels, deliveries and routes as callers see them."""

from datetime import datetime
from typing import Any

from channels.channel import WEBHOOK, Channel, inbox_of
from channels.dispatch import Delivery
from singlewindow import clock
from singlewindow.deliveries import holder
from singlewindow.outbound.retry import Circuit


def channel(one: Channel, circuit: Circuit | None = None) -> dict[str, Any]:
    """`circuit`: how the destination fares, where one is asked for."""
    now = clock.now()
    until = one.previous_until
    told = one.as_json() | {
        "standing": inbox_of(one.id) is not None,
        "previous_secret_until": clock.stamp(until) if until and until > now else None,
    }
    generation = told.pop("generation")
    told["secret_generation"] = generation if one.protocol == WEBHOOK else None
    del told["rotated_at"]
    if circuit:
        told["failures_in_a_row"] = circuit.failures
        told["resting_for_seconds"] = round(max(circuit.opens - now.timestamp(), 0.0))
    return told


def delivery(one: Delivery) -> dict[str, Any]:
    """A delivery with its timeline, and who holds it now."""
    return {
        "delivery_id": one.id,
        "message_id": one.message_id,
        "channel": one.channel,
        "party": one.party,
        "type": one.type,
        "document": one.document,
        "state": one.state,
        "held_by": holder(one.state, one.waits),
        "queued_at": one.queued_at,
        "attempts": one.attempts,
        "round": one.round,
        "next_attempt_at": _instant(one.due),
        "reason": one.reason,
        "findings": list(one.findings),
        "view": {
            "format": one.body.format,
            "sha256": one.body.sha256,
            "bytes": one.body.bytes,
            "media_type": one.body.media_type,
            "body": f"/exchange/deliveries/{one.id}/body",
        }
        if one.body
        else None,
        "timeline": [{"at": at, "state": state, "said": said} for at, state, said in one.timeline],
    }


def _instant(due: float | None) -> str | None:
    return clock.stamp(datetime.fromtimestamp(due, clock.now().tzinfo)) if due is not None else None
