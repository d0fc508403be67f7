"""Lambda in this process: capabilities imported once, invoked as AWS would, one environment per invocation.

What holds as in AWS: payloads go through JSON both ways and end at 6 MB; an exception becomes a FunctionError
with `errorType`, `errorMessage` and `stackTrace` (what the States Language's Retry and Catch match); settings
are the function's own environment, the stage's `surroundings` (where AWS is), and nothing else; a context
object. One lock per app, because a Chalice app is not thread-safe: functions of one capability run one at a
time, those of different capabilities side by side. A function whose queue mapping has a `ScalingConfig` runs beside
itself and without that lock: a queue handler touches no request of the app.

A redeploy (`replace`) brings modules that are imported anew, and kills what runs before it has answered.

What does not: a handler that exceeds its timeout is noticed (a warning in the logs), not killed; memory,
concurrency limits, permissions (IAM) and cold starts are not simulated.
"""

import importlib
import json
import logging
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import Lock, RLock, Thread
from types import ModuleType
from typing import Any
from uuid import uuid4

from moto.awslambda_simple.models import LambdaSimpleBackend

from infra.stage.template import StageError
from singlewindow import settings

PAYLOAD_LIMIT = 6_291_556  # bytes, the figure in Lambda's own error message
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the template: `handler` is `module.attribute`, `timeout` in seconds, `memory` in MB.

    `concurrent`: it runs beside itself, as its event source mapping asks (`ScalingConfig`).
    """

    logical_id: str
    name: str
    arn: str
    handler: str
    environment: Mapping[str, str]
    timeout: int = 3
    memory: int = 128
    concurrent: bool = False


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """What a handler gets as its second argument."""

    function_name: str
    memory_limit_in_mb: int
    invoked_function_arn: str
    aws_request_id: str
    deadline: float
    function_version: str = "$LATEST"
    log_group_name: str = ""
    log_stream_name: str = "local"
    identity: None = None
    client_context: None = None

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self.deadline - time.monotonic()) * 1000))


class FunctionError(Exception):
    """A handler failed: `payload` is Lambda's `{errorType, errorMessage, stackTrace, requestId}`."""

    def __init__(self, function: str, payload: dict[str, Any]) -> None:
        super().__init__(f"{function}: {payload['errorType']}: {payload['errorMessage']}")
        self.payload = payload

    @property
    def error_type(self) -> str:
        return str(self.payload["errorType"])


class Replaced(Exception):
    """A new version came while the function ran, and nobody hears its answer."""


class PayloadTooLarge(Exception):
    """The event is over 6 MB (`RequestEntityTooLargeException`)."""


@dataclass(slots=True)
class Injection:
    """A planted fault: `before(event)` and `after(event, result)` run around the handler, `times` times
    (None: always).

    What they raise is what the function raises; an exception given instead of a callable is raised.
    """

    before: Callable[[Any], None] | BaseException | None
    after: Callable[[Any, Any], None] | BaseException | None
    times: int | None
    fired: int = 0
    lock: Lock = field(default_factory=Lock)

    def take(self) -> bool:
        with self.lock:
            if self.times is not None and self.fired >= self.times:
                return False
            self.fired += 1
            return True


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a function wrote to its standard output, or that the stage has to say about it."""

    function: str
    request_id: str
    text: str


class Functions:
    """All functions of a stage, by logical id, name or ARN."""

    def __init__(self, logs: "deque[LogLine]") -> None:
        self._by_id: dict[str, Function] = {}
        self._by_name: dict[str, Function] = {}
        self._handlers: dict[str, Callable[[Any, Any], Any]] = {}
        self._injections: dict[str, list[Injection]] = {}
        self._running = 0
        self._version = 0
        self._replaced: dict[str, ModuleType] = {}
        self._count = Lock()
        self.killed = 0
        self.invocations: dict[str, int] = {}
        self.logs = logs
        # What every function finds in its environment beside its own.
        self.surroundings: dict[str, str] = {}

    def __iter__(self) -> Iterator[Function]:
        return iter(self._by_id.values())

    def add(self, function: Function) -> None:
        self._by_id[function.logical_id] = self._by_name[function.name] = function

    def find(self, which: str) -> Function:
        """By logical id, name or ARN. Raises `StageError` where there is none."""
        name = which.split(":function:")[-1].split(":")[0] if ":" in which else which
        found = self._by_id.get(name) or self._by_name.get(name)
        if found is None:
            raise StageError(f"no function {which} in the template")
        return found

    @property
    def busy(self) -> bool:
        """Whether any handler runs at this moment."""
        return self._running > 0

    def load(self) -> None:
        """Import every handler now: a template that names a missing one fails at the start, not at the first
        call.
        """
        for function in self._by_id.values():
            self._handlers[function.logical_id] = _imported(function)

    def replace(self, functions: Iterable[Function]) -> None:
        """Put these in the place of those of the same name: a new version, whose modules are imported anew.

        What runs of the old version is killed before its answer: its work may be done, and nobody hears of it. The
        kernel stays as it is, as a layer does whose version is the same.
        """
        with self._count:
            self._version += 1
        for function in functions:
            self.add(function)
        packages = {function.handler.split(".")[0] for function in self}
        for name in [name for name in sys.modules if name.split(".")[0] in packages]:
            self._replaced.setdefault(name, sys.modules.pop(name))
        with _locks_lock:
            _locks.clear()
        self._handlers = {function.logical_id: _imported(function) for function in self}

    def put_back(self) -> None:
        """The modules of the first version, which others in this process have imported too."""
        sys.modules.update(self._replaced)
        self._replaced.clear()

    @contextmanager
    def inject(
        self,
        which: str,
        *,
        before: Callable[[Any], None] | BaseException | None = None,
        after: Callable[[Any, Any], None] | BaseException | None = None,
        times: int | None = 1,
    ) -> Iterator[Injection]:
        """Plant a fault in a function for the length of the block (see `Injection`)."""
        planted = self._injections.setdefault(self.find(which).logical_id, [])
        injection = Injection(before, after, times)
        planted.append(injection)
        try:
            yield injection
        finally:
            planted.remove(injection)

    def invoke(self, which: str, event: Any) -> Any:
        """The handler's answer to `event`, both through JSON. Raises `FunctionError`, `PayloadTooLarge`."""
        return json.loads(self.invoke_raw(which, json.dumps(event, ensure_ascii=False)))

    def invoke_raw(self, which: str, payload: str) -> str:
        """As `invoke`, on JSON texts."""
        function = self.find(which)
        size = len(payload.encode("utf-8", "surrogatepass"))
        if size > PAYLOAD_LIMIT:
            raise PayloadTooLarge(f"{size} bytes; at most {PAYLOAD_LIMIT}")
        request_id = str(uuid4())
        event = json.loads(payload)
        with (
            self._counted(function),
            _lock_of(function),
            _writing_to(self.logs, function.logical_id, request_id),
        ):
            function = self._by_id[function.logical_id]  # a new version may have come while it waited
            started, version = time.monotonic(), self._version
            context = LambdaContext(
                function_name=function.name,
                memory_limit_in_mb=function.memory,
                invoked_function_arn=function.arn,
                aws_request_id=request_id,
                deadline=started + function.timeout,
                log_group_name=f"/aws/lambda/{function.name}",
            )
            try:
                with settings.using({**self.surroundings, **function.environment}):
                    result = self._run(function, event, context)
                if version != self._version:
                    with self._count:
                        self.killed += 1
                    raise Replaced(f"{function.name} was replaced while it ran")
            except Exception as error:
                raise FunctionError(function.name, _error_payload(error, request_id)) from error
            finally:
                elapsed = time.monotonic() - started
                if elapsed > function.timeout:
                    self._say(
                        function, request_id, f"took {elapsed:.1f} s, its timeout is {function.timeout} s"
                    )
        return _answered(function, result, request_id)

    def invoke_later(self, which: str, payload: str) -> None:
        """InvocationType=Event: in a thread of its own, two more tries after a failure."""

        def run() -> None:
            for attempt in range(3):
                try:
                    self.invoke_raw(which, payload)
                except FunctionError as error:
                    self._say(
                        self.find(which), error.payload["requestId"], f"attempt {attempt + 1} failed: {error}"
                    )
                    time.sleep(0.05)
                else:
                    return

        Thread(target=run, name=f"event:{which}", daemon=True).start()

    def _run(self, function: Function, event: Any, context: LambdaContext) -> Any:
        injections = [each for each in self._injections.get(function.logical_id, ()) if each.take()]
        for injection in injections:
            _strike(injection.before, event)
        if function.logical_id not in self._handlers:
            self._handlers[function.logical_id] = _imported(function)
        result = self._handlers[function.logical_id](event, context)
        for injection in injections:
            _strike(injection.after, event, result)
        return result

    @contextmanager
    def _counted(self, function: Function) -> Iterator[None]:
        with self._count:
            self._running += 1
            self.invocations[function.logical_id] = self.invocations.get(function.logical_id, 0) + 1
        try:
            yield
        finally:
            with self._count:
                self._running -= 1

    def _say(self, function: Function, request_id: str, text: str) -> None:
        log.warning("%s %s", function.logical_id, text)
        self.logs.append(LogLine(function.logical_id, request_id, text))

    def bridge(self, backend: LambdaSimpleBackend) -> Callable[..., bytes]:
        """What replaces the backend's `invoke`: Step Functions' tasks and boto3's `lambda.invoke` come this
        way.
        """

        def invoke(
            name: str, qualifier: str | None, body: Any, headers: Any, response_headers: dict[str, str]
        ) -> bytes:
            backend.get_function(name, qualifier)  # unknown: ResourceNotFoundException
            payload = (body.decode() if isinstance(body, bytes) else body) or "{}"
            if headers.get("X-Amz-Invocation-Type") == "Event":
                self.invoke_later(name, payload)
                return b""
            try:
                answer = self.invoke_raw(name, payload)
            except FunctionError as error:
                response_headers["x-amz-function-error"] = "Unhandled"
                answer = json.dumps(error.payload)
            response_headers["Content-Length"] = str(len(answer.encode()))
            return answer.encode()

        return invoke


def _imported(function: Function) -> Callable[[Any, Any], Any]:
    module_name, _, attribute = function.handler.rpartition(".")
    try:
        with _TAP:
            return getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise StageError(f"{function.logical_id}: handler {function.handler}: {error}") from error


def _strike(fault: Callable[..., None] | BaseException | None, *args: Any) -> None:
    if isinstance(fault, BaseException):
        raise fault
    if fault is not None:
        fault(*args)


def _error_payload(error: Exception, request_id: str) -> dict[str, Any]:
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "requestId": request_id,
        "stackTrace": traceback.format_tb(error.__traceback__),
    }


def _answered(function: Function, result: Any, request_id: str) -> str:
    try:
        answer = json.dumps(result, ensure_ascii=False)
        size = len(answer.encode())
    except (TypeError, ValueError) as error:
        message = f"Unable to marshal response: {error}"
        raise FunctionError(
            function.name,
            {
                "errorMessage": message,
                "errorType": "Runtime.MarshalError",
                "requestId": request_id,
                "stackTrace": [],
            },
        ) from None
    if size > PAYLOAD_LIMIT:
        message = f"Response payload size exceeded maximum allowed payload size (6291556 bytes): {size}"
        raise FunctionError(
            function.name,
            {
                "errorMessage": message,
                "errorType": "Function.ResponseSizeTooLarge",
                "requestId": request_id,
                "stackTrace": [],
            },
        )
    return answer


# Apps live as long as the process and outlive a stage; so do their locks.
_locks: dict[str, RLock] = {}
_locks_lock = Lock()


def _lock_of(function: Function) -> Any:
    if function.concurrent:
        return nullcontext()
    module_name = function.handler.rpartition(".")[0]
    with _locks_lock:
        return _locks.setdefault(module_name, RLock())


# --- what functions print -----------------------------------------------------------------------------------

_sink: ContextVar["tuple[deque[LogLine], str, str] | None"] = ContextVar("sink", default=None)


class _Tap:
    """A standard output for functions: lines of an invocation go to the stage's logs, all else to what it
    stands for.

    Loggers bind it when a capability is imported, so there is one for the process; while a function runs it
    is `sys.stdout` too, for what prints.
    """

    def __init__(self) -> None:
        self._behind: Any = sys.__stdout__
        self._users = 0
        self._lock = Lock()

    def write(self, text: str) -> int:
        sink = _sink.get()
        if sink is None:
            return int(self._behind.write(text))
        logs, function, request_id = sink
        logs.extend(LogLine(function, request_id, line) for line in text.splitlines() if line)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)

    def __enter__(self) -> None:
        with self._lock:
            self._users += 1
            if sys.stdout is not self:
                self._behind = sys.stdout
                sys.stdout = self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if not self._users and sys.stdout is self:
                sys.stdout = self._behind


_TAP = _Tap()


@contextmanager
def _writing_to(logs: "deque[LogLine]", function: str, request_id: str) -> Iterator[None]:
    token = _sink.set((logs, function, request_id))
    try:
        with _TAP:
            yield
    finally:
        _sink.reset(token)
