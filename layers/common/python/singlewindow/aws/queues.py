"""SQS, for what event source mappings leave to us: what we send ourselves, and when a failed message comes back."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from singlewindow import canonical, settings
from singlewindow.aws.clients import client

LONGEST_DELAY = 900  # seconds; what shall wait longer is sent again when it has waited so long
_BATCH = 10


def send(queue: str, messages: Sequence[tuple[Mapping[str, Any], str]], delay: int = 0) -> None:
    """Queue small messages, each with its correlation id, received in `delay` seconds; `queue` is a setting's name.

    Raises where any was refused; repeat all then.
    """
    for start in range(0, len(messages), _BATCH):
        entries = [
            {
                "Id": str(position),
                "MessageBody": canonical.dumps(dict(body)).decode(),
                "DelaySeconds": delay,
                "MessageAttributes": {
                    "correlation_id": {"DataType": "String", "StringValue": correlation_id}
                },
            }
            for position, (body, correlation_id) in enumerate(messages[start : start + _BATCH])
        ]
        answer = client("sqs").send_message_batch(QueueUrl=settings.get(queue), Entries=entries)
        if answer.get("Failed"):
            raise RuntimeError(f"{len(answer['Failed'])} message(s) refused: {answer['Failed'][0]['Code']}")


def come_back(queue_arn: str, receipt_handle: str, seconds: int) -> None:
    """Let a message that this invocation failed on be received again after `seconds` (0: at once)."""
    client("sqs").change_message_visibility(
        QueueUrl=_url(queue_arn), ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
    )


@cache
def _url(queue_arn: str) -> str:
    account, name = queue_arn.split(":")[-2:]
    url: str = client("sqs").get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
    return url
