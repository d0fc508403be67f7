"""Event source mappings: what the Lambda service does between a queue, a stream or a clock and a function.

One thread a mapping, asleep until there is something to do (no polling interval): a sent message or a written
item wakes it, a message's end of invisibility is slept towards.

As in AWS: batches and windows, filter criteria (an unwanted message is deleted, an unwanted record skipped),
partial failures (`ReportBatchItemFailures`, and the whole batch where the answer makes no sense), redrive
after maxReceiveCount, order per stream, bisecting, retry limits and the failure destination of a stream.

Unlike AWS: one batch of a mapping runs at a time, at most eight with a `ScalingConfig` (less reordering than in
reality: tests bring their own); a
failed message comes back after `redelivery` seconds if that is sooner than its visibility timeout, a failed
record after 50 ms to 1 s; records never grow too old.
"""

import base64
import json
import logging
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from threading import Condition, Event, Thread
from typing import Any
from uuid import uuid4

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import StreamRecord
from moto.scheduler.models import Schedule, scheduler_backends
from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import Message, Queue, SQSBackend, sqs_backends

from infra.stage import filters
from infra.stage.functions import FunctionError, Functions
from infra.stage.moto_faults import STREAMS
from infra.stage.resources import Mapped
from infra.stage.template import ACCOUNT, PARTITION, REGION, StageError
from singlewindow import clock

log = logging.getLogger(__name__)
_FOREVER = 3600.0
_MOST_AT_ONCE = 8


class Poller:
    """One mapping and its threads: one, or as many batches as may run at once."""

    def __init__(self, mapping: Mapped, functions: Functions) -> None:
        number = min(mapping.options.get("concurrency", 1), _MOST_AT_ONCE)
        self._threads = [
            Thread(target=self._run, name=f"poller:{mapping.logical_id}", daemon=True) for _ in range(number)
        ]
        self.mapping = mapping
        self.functions = functions
        self.stopping = False
        self.paused = not mapping.options["enabled"]
        self.batch_size: int = mapping.options["batch_size"]
        self.window: float = mapping.options["window"]
        for pattern in mapping.options["filters"]:
            filters.check(pattern, mapping.logical_id)

    @property
    def idle(self) -> bool:
        """Whether nothing waits for this mapping (a paused one does not wait)."""
        raise NotImplementedError

    def wake(self) -> None:
        raise NotImplementedError

    def step(self) -> None:
        """Wait for work and do one batch of it."""
        raise NotImplementedError

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while not self.stopping:
            try:
                self.step()
            except Exception:
                log.exception("%s failed", self.mapping.logical_id)
                time.sleep(0.1)

    def follow(self, other: "Poller") -> None:
        """Go on where another of the same mapping stands, which has stopped."""
        self.paused = other.paused

    def pause(self) -> None:
        self.paused = True
        self.wake()

    def resume(self) -> None:
        self.paused = False
        self.wake()

    def stop(self) -> None:
        """Deliver no more; `join` waits for the batch under way."""
        self.stopping = True
        self.wake()

    def join(self, timeout: float) -> None:
        for thread in self._threads:
            if thread.ident:
                thread.join(timeout)

    def call(self, records: Sequence[dict[str, Any]]) -> Any:
        """The function's answer to a batch, or the `FunctionError` that it ended in."""
        try:
            return self.functions.invoke(self.mapping.function, {"Records": list(records)})
        except FunctionError as error:
            log.info("%s: %s", self.mapping.logical_id, error)
            return error

    def wanted(self, record: dict[str, Any]) -> bool:
        patterns = self.mapping.options["filters"]
        return not patterns or any(filters.matches_message(pattern, record) for pattern in patterns)


class QueuePoller(Poller):
    """SQS → Lambda."""

    def __init__(self, mapping: Mapped, functions: Functions, redelivery: float | None) -> None:
        super().__init__(mapping, functions)
        self.redelivery = redelivery
        self.backend: SQSBackend = sqs_backends[ACCOUNT][REGION]
        self.queue: Queue = self.backend.get_queue(mapping.source.rsplit(":", 1)[-1])

    @property
    def idle(self) -> bool:
        return self.paused or not self.queue._messages

    def wake(self) -> None:
        with self.queue._messages_lock:
            self.queue._messages_lock.notify_all()

    def step(self) -> None:
        messages = self._batch()
        records = {message.id: _message_record(message, self.queue.queue_arn) for message in messages}
        unwanted = [message for message in messages if not self.wanted(records[message.id])]
        for message in unwanted:
            self._delete(message)
        batch = [message for message in messages if message not in unwanted]
        if not batch:
            return
        failed = self._failed(
            self.call([records[message.id] for message in batch]), [message.id for message in batch]
        )
        for message in batch:
            if message.id in failed:
                self._give_back(message)
            else:
                self._delete(message)

    def _batch(self) -> list[Message]:
        """Up to `batch_size` messages, waiting for the first as long as it takes, for more as long as the
        window.
        """
        messages: list[Message] = []
        until: float | None = None
        with self.queue._messages_lock:
            while not self.stopping and not (self.paused and not messages):
                messages += self.backend.receive_message(
                    self.queue.name, min(self.batch_size - len(messages), 10), 0, self._visibility, ["All"]
                )
                if messages and until is None:
                    until = time.monotonic() + self.window
                remaining = _FOREVER if until is None else until - time.monotonic()
                if len(messages) >= self.batch_size or remaining <= 0:
                    break
                if not self.queue.messages:
                    self.queue._messages_lock.wait(min(remaining, self._next_visible()))
            else:
                if not messages:
                    self.queue._messages_lock.wait(0 if self.stopping else _FOREVER)
        return messages

    @property
    def _visibility(self) -> int:
        return int(self.queue.visibility_timeout)  # type: ignore[attr-defined]

    def _next_visible(self) -> float:
        """Seconds until a hidden message shows again."""
        moments = [max(message.visible_at, message.delayed_until) for message in self.queue._messages]
        return max(0.001, (min(moments) - time.time() * 1000) / 1000 + 0.001) if moments else _FOREVER

    def _failed(self, answer: Any, ids: list[str]) -> set[str]:
        """Which messages go back. Senseless answers fail the batch, as AWS has it."""
        if isinstance(answer, FunctionError):
            return set(ids)
        if not self.mapping.options["partial"] or not isinstance(answer, dict):
            return set()
        try:
            failed = [item["itemIdentifier"] for item in answer.get("batchItemFailures") or []]
        except (TypeError, KeyError):
            return set(ids)
        return set(failed) if set(failed) <= set(ids) else set(ids)

    def _delete(self, message: Message) -> None:
        with suppress(ReceiptHandleIsInvalid):  # purged meanwhile
            self.backend.delete_message(self.queue.name, message.receipt_handle)  # type: ignore[arg-type]

    def _give_back(self, message: Message) -> None:
        if self.redelivery is None:
            return
        with self.queue._messages_lock:
            for each in self.queue._messages:
                if each.id == message.id:
                    each.visible_at = min(each.visible_at, time.time() * 1000 + self.redelivery * 1000)
            self.queue._messages_lock.notify_all()


class StreamPoller(Poller):
    """DynamoDB stream → Lambda."""

    def __init__(self, mapping: Mapped, functions: Functions) -> None:
        super().__init__(mapping, functions)
        table = mapping.source.split(":table/")[1].split("/")[0]
        shard = dynamodb_backends[ACCOUNT][REGION].get_table(table).stream_shard
        if shard is None:
            raise StageError(f"{mapping.logical_id}: table {table} has no stream")
        self.shard = shard
        self.position = 0

    @property
    def idle(self) -> bool:
        return self.paused or self.position >= len(self.shard.items)

    def follow(self, other: Poller) -> None:
        assert isinstance(other, StreamPoller)
        super().follow(other)
        self.position = other.position

    def wake(self) -> None:
        with STREAMS:
            STREAMS.notify_all()

    def step(self) -> None:
        with STREAMS:
            STREAMS.wait_for(lambda: self.stopping or not (self.paused or self.idle))
            if self.window and not self.stopping:
                STREAMS.wait_for(lambda: self.stopping or self._waiting >= self.batch_size, self.window)
            taken = self.shard.items[self.position : self.position + self.batch_size]
            records = [_stream_record(record, self.mapping.source) for record in taken]
        if self.stopping:
            return
        if self._deliver([record for record in records if self.wanted(record)]):
            self.position += len(taken)

    @property
    def _waiting(self) -> int:
        return len(self.shard.items) - self.position

    def _deliver(self, records: list[dict[str, Any]], bisected: bool = False) -> bool:
        """Whether the records are done with: handled, or given up. False when the stage stops or pauses
        meanwhile.
        """
        tries = 0
        while records:
            if self.stopping or (self.paused and not bisected):
                return False
            answer = self.call(records)
            first = self._first_failed(answer, records)
            if first is None:
                return True
            if first > 0:
                records, tries = records[first:], 0
            tries += 1
            # A failed invocation is halved; a partial answer names its place, and all from there is repeated.
            if self.mapping.options["bisect"] and isinstance(answer, FunctionError) and len(records) > 1:
                half = len(records) // 2
                return self._deliver(records[:half], True) and self._deliver(records[half:], True)
            if 0 <= self.mapping.options["attempts"] < tries:
                self._give_up(records)
                return True
            time.sleep(min(0.05 * 2**tries, 1.0))
        return True

    def _first_failed(self, answer: Any, records: list[dict[str, Any]]) -> int | None:
        """The index of the first record to be repeated."""
        if isinstance(answer, FunctionError):
            return 0
        if not self.mapping.options["partial"] or not isinstance(answer, dict):
            return None
        numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
        try:
            failed = [numbers.index(item["itemIdentifier"]) for item in answer.get("batchItemFailures") or []]
        except (TypeError, KeyError, ValueError):
            return 0
        return min(failed, default=None)

    def _give_up(self, records: list[dict[str, Any]]) -> None:
        """Send the failure destination what it gets in AWS: where in the stream the batch lies, not its
        content.
        """
        destination = self.mapping.options["failure_destination"]
        log.warning("%s gives up %d record(s)", self.mapping.logical_id, len(records))
        if destination is None:
            return
        if ":sqs:" not in destination:
            raise StageError(f"{self.mapping.logical_id}: failure destination {destination} is not a queue")
        created = [
            datetime.fromtimestamp(record["dynamodb"]["ApproximateCreationDateTime"], UTC).isoformat()
            for record in records
        ]
        notice = {
            "requestContext": {
                "requestId": str(uuid4()),
                "functionArn": self.functions.find(self.mapping.function).arn,
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": self.mapping.options["attempts"] + 1,
            },
            "responseContext": {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                "functionError": "Unhandled",
            },
            "version": "1.0",
            "timestamp": datetime.now(UTC).isoformat(),
            "DDBStreamBatchInfo": {
                "shardId": self.shard.id,
                "startSequenceNumber": records[0]["dynamodb"]["SequenceNumber"],
                "endSequenceNumber": records[-1]["dynamodb"]["SequenceNumber"],
                "approximateArrivalOfFirstRecord": created[0],
                "approximateArrivalOfLastRecord": created[-1],
                "batchSize": len(records),
                "streamArn": self.mapping.source,
            },
        }
        sqs_backends[ACCOUNT][REGION].send_message(destination.rsplit(":", 1)[-1], json.dumps(notice))


class SchedulePoller(Poller):
    """A clock → Lambda. `rate(…)` runs in real time; `cron(…)` never by itself (`Stage.fire` runs either at
    once).
    """

    def __init__(self, mapping: Mapped, functions: Functions) -> None:
        super().__init__(mapping, functions)
        self.alarm = Event()
        found = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", mapping.options["schedule"])
        if not found and not mapping.options["schedule"].startswith("cron("):
            raise StageError(f"{mapping.logical_id}: schedule {mapping.options['schedule']} is not known")
        units = {"minute": 60.0, "hour": 3600.0, "day": 86400.0}
        self.interval = int(found[1]) * units[found[2]] if found else None

    @property
    def idle(self) -> bool:
        return True

    def wake(self) -> None:
        self.alarm.set()

    def step(self) -> None:
        woken = self.alarm.wait(self.interval)
        self.alarm.clear()
        if not woken and not self.paused:
            self.fire()

    def fire(self) -> None:
        """Run the function now, as the scheduler would. Raises `FunctionError`."""
        given = self.mapping.options["input"]
        event = {
            "version": "0",
            "id": str(uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": ACCOUNT,
            "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": REGION,
            "resources": [f"arn:{PARTITION}:events:{REGION}:{ACCOUNT}:rule/{self.mapping.logical_id}"],
            "detail": {},
        }
        self.functions.invoke(self.mapping.function, json.loads(given) if given else event)


class Timers(Poller):
    """EventBridge Scheduler's one-off schedules → their queues, by the window's clock, which may travel (`wake` then).

    Each is delivered once and deleted, in the order in which they are due. Anything but `at(…)`, in UTC, to a queue,
    with `ActionAfterCompletion` DELETE is refused where it is made.
    """

    def __init__(self, functions: Functions) -> None:
        nowhere = {"enabled": True, "batch_size": 1, "window": 0.0, "filters": ()}
        super().__init__(Mapped("Timers", "Timers", "", "", nowhere), functions)
        self.backend = scheduler_backends[ACCOUNT][REGION]
        self._change = Condition()
        self._create = self.backend.create_schedule
        self.backend.create_schedule = self._created  # type: ignore[method-assign,assignment]

    @property
    def idle(self) -> bool:
        """Whether nothing is due: what is to come makes no noise."""
        return self.paused or self._wait() > 0

    def wake(self) -> None:
        with self._change:
            self._change.notify_all()

    def step(self) -> None:
        with self._change:
            while not self.stopping and self.idle:
                self._change.wait(_FOREVER if self.paused else self._wait())
            if self.stopping:
                return
            _, schedule = min(self._set(), key=lambda one: one[0])
            self.backend.get_schedule_group(schedule.group_name).delete_schedule(schedule.name)
            queue = schedule.target["Arn"].rsplit(":", 1)[-1]
            sqs_backends[ACCOUNT][REGION].send_message(queue, schedule.target["Input"])

    def _created(self, **given: Any) -> Schedule:
        schedule_expression, target = given["schedule_expression"], given["target"]
        one_off = _AT.fullmatch(schedule_expression) and given["action_after_completion"] == "DELETE"
        if not one_off or ":sqs:" not in target["Arn"] or given["schedule_expression_timezone"]:
            raise StageError(f"{given['name']}: {schedule_expression} to {target['Arn']} is not known here")
        with self._change:
            schedule = self._create(**given)
            self._change.notify_all()
        return schedule

    def _set(self) -> list[tuple[datetime, Schedule]]:
        with self._change:
            held = [
                one for group in self.backend.schedule_groups.values() for one in group.schedules.values()
            ]
        return [(datetime.fromisoformat(one.schedule_expression[3:-1] + "Z"), one) for one in held]

    def _wait(self) -> float:
        """Seconds until the next is due."""
        instants = [due for due, _ in self._set()]
        return max((min(instants) - clock.now()).total_seconds(), 0.0) if instants else _FOREVER


_AT = re.compile(r"at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)")


def poller_for(mapping: Mapped, functions: Functions, redelivery: float | None) -> Poller:
    if mapping.kind == "SQS":
        return QueuePoller(mapping, functions, redelivery)
    if mapping.kind == "DynamoDB":
        return StreamPoller(mapping, functions)
    return SchedulePoller(mapping, functions)


def _message_record(message: Message, arn: str) -> dict[str, Any]:
    """One record of an SQS event (https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html)."""
    record: dict[str, Any] = {
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": str(message.approximate_receive_count),
            "SentTimestamp": str(message.sent_timestamp),
            "SenderId": message.sender_id,
            "ApproximateFirstReceiveTimestamp": str(message.approximate_first_receive_timestamp),
        },
        "messageAttributes": {name: _attribute(value) for name, value in message.message_attributes.items()},
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": REGION,
    }
    if message.message_attributes:
        record["md5OfMessageAttributes"] = message.attribute_md5
    return record


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    shaped: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    if "StringValue" in value:
        shaped["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        binary = value["BinaryValue"]
        shaped["binaryValue"] = base64.b64encode(binary).decode() if isinstance(binary, bytes) else binary
    return shaped


def _stream_record(record: StreamRecord, arn: str) -> dict[str, Any]:
    """One record of a stream event; moto's names a wrong region and keeps datetimes."""
    moto = record.to_json()
    created = moto["dynamodb"]["ApproximateCreationDateTime"]
    return {
        **moto,
        "eventVersion": "1.1",
        "awsRegion": REGION,
        "eventSourceARN": arn,
        "dynamodb": {
            **moto["dynamodb"],
            "ApproximateCreationDateTime": int(created.replace(tzinfo=UTC).timestamp()),
        },
    }
