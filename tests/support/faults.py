"""Faults of AWS as our code meets them, injected at botocore's before-send, in front of moto.

Throttling answers instead of the service and has no effect. A lost answer has its effect, and the caller never hears
of it: the connection breaks, botocore sends the same request again. Every fault that fired is counted.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from threading import Lock
from types import SimpleNamespace
from typing import Any

import botocore.endpoint
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError
from botocore.retries.quota import RetryQuota
from moto.core.models import botocore_stubber

from infra import sdk

THROTTLED, LOST = "throttled", "lost"
Wanted = Callable[[str], bool]

# How each service says that it is asked too much: status, content type, body.
_TOO_MUCH = {
    "dynamodb": (
        400,
        "application/x-amz-json-1.0",
        '{"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}',
    ),
    "s3": (503, "application/xml", "<Error><Code>SlowDown</Code><Message>slow down</Message></Error>"),
    "sns": (
        400,
        "text/xml",
        "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code></Error></ErrorResponse>",
    ),
    "sqs": (400, "application/x-amz-json-1.0", '{"__type": "com.amazonaws.sqs#RequestThrottled"}'),
}
_OF_OTHERS = (400, "application/x-amz-json-1.0", '{"__type": "ThrottlingException"}')


@dataclass
class Faults:
    """What fired, by (kind, `service.Operation`)."""

    random: random.Random
    throttled: float
    lost: float
    wanted: Wanted
    fired: Counter[tuple[str, str]] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)

    def of(self, kind: str) -> int:
        """How often a kind of fault fired."""
        return sum(number for (one, _), number in self.fired.items() if one == kind)

    def answer(self, event_name: str, request: Any, **_: Any) -> AWSResponse:
        """In the place of moto's own handler: the fault that chance has chosen, or what moto answers."""
        operation = event_name.removeprefix("before-send.")
        kind = self._chosen(operation)
        if kind == THROTTLED:
            status, media_type, body = _TOO_MUCH.get(operation.split(".")[0], _OF_OTHERS)
            return AWSResponse(request.url, status, {"Content-Type": media_type}, _Raw(body.encode()))
        response = botocore_stubber(event_name, request)
        if kind == LOST:
            raise ReadTimeoutError(endpoint_url=request.url)
        assert response is not None, f"moto does not know {request.url}"
        return response

    def _chosen(self, operation: str) -> str | None:
        if not self.wanted(operation):
            return None
        with self._lock:
            drawn = self.random.random()
            kind = (
                THROTTLED if drawn < self.throttled else LOST if drawn < self.throttled + self.lost else None
            )
            if kind:
                self.fired[kind, operation] += 1
            return kind


@contextmanager
def injected(
    *, throttled: float = 0.0, lost: float = 0.0, seed: int = 7, wanted: Wanted = lambda _operation: True
) -> Iterator[Faults]:
    """Let every call of our code fail with these chances inside the block.

    botocore's waits shrink to a hundredth; its quota of retries, which refills while it waits, is lifted with them.
    """
    faults = Faults(random.Random(seed), throttled, lost, wanted)
    events = [one.meta.events for _, one in sdk.clients()]
    patch = pytest.MonkeyPatch()
    hurried = SimpleNamespace(sleep=lambda seconds: time.sleep(seconds / 100))
    try:
        patch.setattr(botocore.endpoint, "time", hurried)
        patch.setattr(RetryQuota, "acquire", lambda _quota, _amount: True)
        for one in events:
            one.unregister("before-send", botocore_stubber)
            one.register_first("before-send", faults.answer)
        yield faults
    finally:
        for one in events:
            one.unregister("before-send", faults.answer)
            one.register_last("before-send", botocore_stubber)
        patch.undo()


class _Raw(BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()
