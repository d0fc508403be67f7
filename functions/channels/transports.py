"""How a delivery is handed over, a way for each protocol. What is handed over is a pointer, unless the channel wants
the document itself."""

from base64 import b64encode
from typing import Any, Final

from channels.bodies import JSON, Body
from channels.channel import Channel
from channels.dispatch import Delivery
from singlewindow import canonical, clock, settings
from singlewindow.aws import archive, drop, keys, topics
from singlewindow.outbound import signing
from singlewindow.outbound.post import Outcome, post

DELIVERED_TYPE: Final = "exchange.delivery"
TEST_TYPE: Final = "exchange.test"
# A webhook that wants the document itself gets a larger one by pointer all the same.
MOST_CARRIED: Final = 256 * 1024
_SUFFIXES: Final = {JSON: "json", "application/edifact": "edi"}


def pointer(one: Delivery, body: Body) -> dict[str, Any]:
    """What a receiver is told of a delivery: no name, no figure; the document is fetched with its token."""
    return {
        "delivery_id": one.id,
        "message_id": one.message_id,
        "type": one.type,
        "document": one.document,
        "format": body.format,
        "media_type": body.media_type,
        "bytes": body.bytes,
        "sha256": body.sha256,
        "round": one.round,
        "body": f"/exchange/deliveries/{one.id}/body",
        "ack": f"/exchange/deliveries/{one.id}/ack",
    }


def into_inbox(one: Delivery, body: Body) -> None:
    """Put a pointer into the inbox of an agency: the topic filters by its id."""
    attributes = {"type": one.type, "correlation_id": one.correlation_id, "agency": one.party}
    link = archive.link(body.key, f"{one.id}.{_suffix(body)}", body.media_type)
    told = {"kind": DELIVERED_TYPE, **pointer(one, body), "link": link}
    topics.publish("MESSAGES_TOPIC", [topics.Notice(told, attributes)])


def into_folder(one: Delivery, body: Body) -> str:
    """Put the document itself into the party's folder; its place there: the same for every attempt and replay."""
    place = f"{one.party}/out/{one.id}.{_suffix(body)}"
    drop.put(place, archive.fetch(body.key), body.media_type)
    return place


def _suffix(body: Body) -> str:
    return _SUFFIXES.get(body.media_type, "xml")


def by_webhook(channel: Channel, one: Delivery, body: Body) -> Outcome:
    """One attempt, signed; `webhook-id` is the delivery's at every attempt and replay."""
    assert channel.url is not None  # a webhook without an address is refused at the door
    at = clock.now()
    data = pointer(one, body)
    if channel.carries and body.bytes <= MOST_CARRIED:
        data["content"] = _content(body)
    kind = TEST_TYPE if one.test else DELIVERED_TYPE
    text = canonical.dumps({"type": kind, "timestamp": clock.stamp(at), "data": data}).decode()
    secrets = [secret(channel, generation) for generation in channel.signing(at)]
    headers = signing.headers(secrets, f"msg_{one.id.replace('-', '')}", int(at.timestamp()), text)
    return post(channel.url, text, headers, private=private_allowed(), seconds=float(channel.timeout_seconds))


def secret(channel: Channel, generation: int) -> bytes:
    """The secret of one generation: it is nowhere stored, it follows from the key in KMS."""
    return keys.derive("CHANNEL_SECRETS_KEY", f"channel:{channel.id}:{generation}")


def private_allowed() -> bool:
    return settings.get("PRIVATE_WEBHOOKS") == "on"


def _content(body: Body) -> Any:
    """JSON as it is; anything else in base64, for its encoding is its own."""
    stored = archive.fetch(body.key)
    return canonical.load(stored) if body.media_type == JSON else b64encode(stored).decode()
