"""What the exchange has judged, read from its table: this capability may read it, and writes nothing there."""

from typing import Any

from channels.routing import Message
from singlewindow import canonical, settings
from singlewindow.aws.clients import client


def message(message_id: str) -> Message | None:
    """A message that is valid and may go on; None for any other. Read consistently: the pointer comes at once."""
    answer = client("dynamodb").get_item(
        TableName=settings.get("RECEIVED_TABLE"),
        Key={"key": {"S": f"receipt#{message_id}"}, "item": {"S": "message"}},
        ConsistentRead=True,
    )
    item = answer.get("Item")
    if item is None or item["state"]["S"] != "VALIDATED":
        return None
    outcome: dict[str, Any] = canonical.load(item["outcome"]["S"])
    timeline: list[list[str]] = canonical.load(item["timeline"]["S"])
    receivers = canonical.load(item["receivers"]["S"]) if "receivers" in item else []
    return Message(
        message_id=message_id,
        sender=item["sender"]["S"],
        type=item["type"]["S"],
        syntax=item["syntax"]["S"],
        raw_key=item["raw_key"]["S"],
        sha256=item["sha256"]["S"],
        # The rules of the day on which it came, whenever it is routed.
        at=timeline[-2][1] if len(timeline) > 1 else timeline[-1][1],
        correlation_id=item["correlation_id"]["S"],
        receivers=tuple(receivers),
        canonical=outcome.get("canonical", {}),
    )
