"""SNS: small messages to whom it concerns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from singlewindow import canonical, settings
from singlewindow.aws.clients import client

_BATCH = 10


@dataclass(frozen=True, slots=True)
class Notice:
    """A pointer message of at most 4 KB, and the attributes that subscriptions filter on."""

    body: dict[str, Any]
    attributes: dict[str, str]


def publish(topic: str, notices: Sequence[Notice]) -> None:
    """Publish in batches of ten to `topic` (a setting's name). Raises where any was refused; repeat all then."""
    for start in range(0, len(notices), _BATCH):
        entries = [
            {
                "Id": str(position),
                "Message": canonical.dumps(notice.body).decode(),
                "MessageAttributes": {
                    name: {"DataType": "String", "StringValue": value}
                    for name, value in notice.attributes.items()
                },
            }
            for position, notice in enumerate(notices[start : start + _BATCH])
        ]
        answer = client("sns").publish_batch(TopicArn=settings.get(topic), PublishBatchRequestEntries=entries)
        if answer.get("Failed"):
            raise RuntimeError(f"{len(answer['Failed'])} notice(s) refused: {answer['Failed'][0]['Code']}")
