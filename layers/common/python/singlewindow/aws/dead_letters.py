"""The stack's dead-letter queues: how many messages lie there, and back with them to where they came from.

SQS has a task that moves messages; it is asynchronous, one at a time a queue, and not everywhere (moto has none). Here
messages are received, sent to the source, and only then deleted: a crash in between makes one of them come twice, which
every consumer of ours knows.
"""

from collections.abc import Iterator
from typing import Any, Final

from singlewindow import settings
from singlewindow.aws.clients import client

_BATCH: Final = 10
_SUFFIX: Final = "-dlq"
# Longer than one call takes: what was received and not moved comes back by itself.
_HELD: Final = 30


def names() -> tuple[str, ...]:
    """The queues by their short names (`webhooks-dlq`), as the stack says."""
    return tuple(settings.get("DEAD_LETTER_QUEUES").split())


def depths() -> Iterator[tuple[str, int]]:
    """(short name, messages) of every queue."""
    for name in names():
        wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = client("sqs").get_queue_attributes(QueueUrl=_url(name), AttributeNames=wanted)["Attributes"]
        yield name, sum(int(found.get(one, 0)) for one in wanted)


def queues() -> Iterator[dict[str, Any]]:
    """Every queue that has a dead-letter queue: how many wait, are in flight, are put off, and lie dead."""
    for dead, depth in depths():
        name = dead.removesuffix(_SUFFIX)
        wanted = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
        found = client("sqs").get_queue_attributes(QueueUrl=_url(name), AttributeNames=wanted)["Attributes"]
        waiting, in_flight, put_off = (int(found.get(one, 0)) for one in wanted)
        yield {
            "name": name, "waiting": waiting, "in_flight": in_flight, "put_off": put_off,
            "dead_letters": dead, "dead": depth,
        }  # fmt: skip


def redrive(name: str, most: int) -> tuple[int, int]:
    """Move up to `most` messages back to the queue that they came from; (moved, left)."""
    sqs, dead, source = client("sqs"), _url(name), _url(name.removesuffix(_SUFFIX))
    moved = 0
    while moved < most:
        received = sqs.receive_message(
            QueueUrl=dead, MaxNumberOfMessages=min(_BATCH, most - moved), VisibilityTimeout=_HELD,
            MessageAttributeNames=["All"], WaitTimeSeconds=0,
        ).get("Messages", [])  # fmt: skip
        if not received:
            break
        sent = sqs.send_message_batch(
            QueueUrl=source, Entries=[_entry(n, one) for n, one in enumerate(received)]
        )
        done = {one["Id"] for one in sent.get("Successful", [])}
        for number, one in enumerate(received):
            if str(number) in done:
                sqs.delete_message(QueueUrl=dead, ReceiptHandle=one["ReceiptHandle"])
        moved += len(done)
        if len(done) < len(received):
            break
    return moved, dict(depths())[name]


def _entry(number: int, message: dict[str, Any]) -> dict[str, Any]:
    attributes = {
        name: {
            key: value
            for key, value in attribute.items()
            if key in ("DataType", "StringValue", "BinaryValue")
        }
        for name, attribute in message.get("MessageAttributes", {}).items()
    }
    return {"Id": str(number), "MessageBody": message["Body"], "MessageAttributes": attributes}


def _url(name: str) -> str:
    url: str = client("sqs").get_queue_url(QueueName=settings.get("QUEUE_PREFIX") + name)["QueueUrl"]
    return url
