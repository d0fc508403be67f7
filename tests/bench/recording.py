"""What every function did on the local stack: its events, and each AWS call with what was asked and answered."""

import io
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.response import StreamingBody

from infra import sdk
from infra.stage import Stage


@dataclass
class Call:
    """One AWS operation: `params` as our code gave them, `answer` as botocore read it, the raw answer beside it."""

    service: str
    operation: str
    params: dict[str, Any]
    attempts: int = 0
    answer: dict[str, Any] = field(default_factory=dict)
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Invocation:
    """One run of a function, by its logical id. `done` is False where it raised or has not ended."""

    function: str
    event: Any
    calls: list[Call] = field(default_factory=list)
    answer: Any = None
    done: bool = False

    @property
    def says(self) -> str:
        """What kind of event it was, in words."""
        event = self.event
        if "methodArn" in event:
            return "a token"
        if "httpMethod" in event:
            return f"{event['httpMethod']} {event['resource']}"
        if "Records" in event:
            number = len(event["Records"])
            return f"{number} record{'s' if number > 1 else ''} of {event['Records'][0]['eventSource'].split(':')[1]}"
        return "a step"


@dataclass
class Recording:
    """Invocations in the order of their beginning."""

    invocations: list[Invocation] = field(default_factory=list)

    def of(self, function: str) -> list[Invocation]:
        return [one for one in self.invocations if one.function == function and one.done]

    @property
    def functions(self) -> list[str]:
        return sorted({one.function for one in self.invocations if one.done})

    @property
    def calls(self) -> Iterator[Call]:
        for invocation in self.invocations:
            yield from invocation.calls


@contextmanager
def recorded(stage: Stage) -> Iterator[Recording]:
    """Record all functions of `stage` inside the block. What a thread runs is one function at a time."""
    recording, current = Recording(), threading.local()

    with ExitStack() as undo:
        for function in stage.functions:
            undo.enter_context(
                stage.inject(
                    function.logical_id,
                    before=_beginning(recording, current, function.logical_id),
                    after=_end(current),
                    times=None,
                )
            )
        for service, client in sdk.clients():
            events = client.meta.events
            for name, listen in _listeners(service, current).items():
                events.register_first(name, listen, unique_id=f"bench-{name}")
                undo.callback(events.unregister, name, unique_id=f"bench-{name}")
        yield recording


def _beginning(recording: Recording, current: threading.local, function: str) -> Any:
    def before(event: Any) -> None:
        current.invocation = Invocation(function, event)
        recording.invocations.append(current.invocation)

    return before


def _end(current: threading.local) -> Any:
    def after(_event: Any, result: Any) -> None:
        current.invocation.answer, current.invocation.done = result, True

    return after


def _listeners(service: str, current: threading.local) -> dict[str, Any]:
    def asked(params: dict[str, Any], model: Any, **_: Any) -> None:
        current.invocation.calls.append(Call(service, model.name, params))

    def sent(**_: Any) -> None:
        current.invocation.calls[-1].attempts += 1

    def answered(http_response: Any, parsed: dict[str, Any], **_: Any) -> None:
        call = current.invocation.calls[-1]
        if isinstance(parsed.get("Body"), StreamingBody):
            data = parsed["Body"].read()
            parsed["Body"] = StreamingBody(io.BytesIO(data), len(data))
            call.body = data
        else:
            call.body = http_response.content
        call.answer, call.status, call.headers = (
            parsed,
            http_response.status_code,
            dict(http_response.headers),
        )

    return {"before-parameter-build": asked, "before-send": sent, "after-call": answered}
