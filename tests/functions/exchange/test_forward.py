"""The outbox of what was received: a pointer a row, again where the queue failed, none held up by another."""

from typing import Any

import pytest

from exchange.app import forward
from singlewindow import settings
from singlewindow.aws import queues


class Queue:
    """SQS as `send` uses it; `refuses`: how many batches in all it refuses an entry of."""

    def __init__(self, refuses: int = 0) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self._refuses = refuses

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        assert QueueUrl == "https://ingest"
        self.batches.append(Entries)
        if self._refuses:
            self._refuses -= 1
            return {"Failed": [{"Id": "0", "Code": "Throttled"}]}
        return {}


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Queue:
    one = Queue(getattr(request, "param", 0))
    monkeypatch.setattr(queues, "client", lambda _: one)
    return one


def stream(*images: dict[str, Any]) -> dict[str, Any]:
    records = [
        {"eventName": "INSERT", "dynamodb": {"SequenceNumber": str(number), "NewImage": image}}
        for number, image in enumerate(images, 1)
    ]
    with settings.using({"INGEST_QUEUE": "https://ingest"}):
        answer: dict[str, Any] = forward({"Records": records}, None)
    return answer


def row(id: str) -> dict[str, Any]:
    return {"key": {"S": f"receipt#{id}"}, "item": {"S": "message"}, "correlation_id": {"S": f"c-{id}"}}


def test_pointers_go_in_tens_with_their_correlation_ids(queue: Queue) -> None:
    assert stream(*(row(str(number)) for number in range(23))) == {"batchItemFailures": []}
    assert [len(batch) for batch in queue.batches] == [10, 10, 3]
    last = queue.batches[-1][-1]
    assert last["MessageBody"] == '{"receipt_id":"22"}'
    assert last["MessageAttributes"]["correlation_id"]["StringValue"] == "c-22"


def test_a_row_that_nobody_can_read_holds_up_no_other(queue: Queue) -> None:
    assert stream(row("a"), {"item": {"S": "message"}}, row("b")) == {"batchItemFailures": []}
    bodies = [entry["MessageBody"] for entry in queue.batches[0]]
    assert bodies == ['{"receipt_id":"a"}', '{"receipt_id":"b"}']


@pytest.mark.parametrize("queue", [1], indirect=True)
def test_what_the_queue_refused_comes_again(queue: Queue) -> None:
    assert stream(row("a"), row("b")) == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert stream(row("a"), row("b")) == {"batchItemFailures": []}
    assert len(queue.batches) == 2
