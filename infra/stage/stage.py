"""`Stage`: a template brought up whole, in this process, on 127.0.0.1."""

import json
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from threading import Thread
from typing import Any
from unittest.mock import patch

import boto3
from moto.awslambda_simple.models import lambda_simple_backends
from moto.core.models import MockAWS, botocore_stubber
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.sqs.models import sqs_backends
from moto.stepfunctions.parser.models import StepFunctionsParserBackend, stepfunctions_parser_backends
from moto.stepfunctions.parser.utils import TMP_THREADS
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from infra.stage.functions import Functions, Injection, LogLine
from infra.stage.gateway import Gateway, HeaderKeeper, LocalRoute
from infra.stage.moto_faults import mended
from infra.stage.pollers import Poller, SchedulePoller, Timers, poller_for
from infra.stage.resources import Builder, Created
from infra.stage.template import ACCOUNT, REGION, URL_SUFFIX, StageError, Template, load_yaml
from singlewindow import clock

HOST = "127.0.0.1"
ROOT = Path(__file__).resolve().parents[2]
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": REGION}
log = logging.getLogger(__name__)


class Stage:
    """The stack of a template, up between `start` and `stop` (or inside `with`). One at a time in a process.

    `port` and `aws_port` 0 mean any free port; `aws_port` None means `port` + 1, or any where `port` is 0.
    `parameters` go over infra/parameters/local.json, which goes over the template's defaults. `redelivery`:
    seconds after which a failed queue message comes back, if that is sooner than its visibility timeout (None: only
    then). `local_routes`: paths beside the template's (the issuer's), served from the first moment. Raises `StageError`
    for whatever of the template cannot be brought up.
    """

    def __init__(
        self,
        template: Path | str = ROOT / "template.yaml",
        *,
        parameters: Mapping[str, str] | None = None,
        port: int = 0,
        aws_port: int | None = None,
        stack: str = "singlewindow",
        root: Path | None = None,
        redelivery: float | None = 0.2,
        local_routes: Mapping[str, LocalRoute] | None = None,
    ) -> None:
        self.template_path = Path(template)
        self.root = root or self.template_path.resolve().parent
        self.stack = stack
        self.redelivery = redelivery
        self._parameters = dict(parameters or {})
        self._local_routes = dict(local_routes or {})
        self._ports = (port, port + 1 if aws_port is None and port else aws_port or 0)
        self._undo = ExitStack()
        self.logs: deque[LogLine] = deque(maxlen=50_000)
        self.url = self.aws_url = ""
        self._clients: dict[str, Any] = {}

    # --- up and down ----------------------------------------------------------------------------------------

    def __enter__(self) -> "Stage":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> "Stage":
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def _start(self) -> None:
        if botocore_stubber.enabled:
            raise StageError("moto is in use in this process: another stage, or a test's own mock")
        template = Template(
            load_yaml(self.template_path), stack=self.stack, parameters=self._settled_parameters()
        )
        self._undo.enter_context(patch.dict(os.environ, _CREDENTIALS))
        self._undo.enter_context(
            _Moto(config={"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}})
        )
        self._undo.enter_context(mended())
        logging.getLogger("moto").setLevel(
            logging.CRITICAL
        )  # it logs what the States Language catches as its own error
        self._builder = Builder(template, self.root)
        self._template = template
        self.created: Created = self._builder.build()
        self.functions = Functions(self.logs)
        for function in self.created.functions:
            self.functions.add(function)
        self.functions.load()
        lambda_backend: Any = lambda_simple_backends[ACCOUNT][REGION]
        lambda_backend.invoke = self.functions.bridge(lambda_backend)
        self._undo.callback(self._abort_executions)
        self._undo.callback(self.functions.put_back)
        self._pollers = self._attached()
        self._timers = Timers(self.functions)
        self._pollers.append(self._timers)
        self._serve_gateway()
        self.aws_url = self._serve(
            DomainDispatcherApplication(create_backend_app), self._ports[1], _QuietMoto
        )
        # An address that a function signs for others must lead to this machine.
        self.functions.surroundings["AWS_ENDPOINT_URL_S3"] = self.aws_url
        self._undo.callback(self._stop_pollers)
        for poller in self._pollers:
            poller.start()

    def stop(self) -> None:
        """Everything down: servers closed, threads ended, moto forgotten. Harmless when down already."""
        self._undo.close()

    def _settled_parameters(self) -> dict[str, str]:
        local = self.root / "infra" / "parameters" / "local.json"
        settled = json.loads(local.read_text(encoding="utf-8")) if local.exists() else {}
        return {**settled, **self._parameters}

    def _serve_gateway(self) -> None:
        if len(self.created.apis) > 1:
            raise StageError("one AWS::Serverless::Api is what the local stack serves")
        for api in self.created.apis.values():
            self.gateway = Gateway(api, self.functions)
            self.gateway.local_routes |= self._local_routes  # before anybody can ask
            self.url = self._serve(self.gateway, self._ports[0], HeaderKeeper)

    def _serve(self, app: Any, port: int, handler: type[WSGIRequestHandler]) -> str:
        try:
            server: BaseWSGIServer = make_server(HOST, port, app, threaded=True, request_handler=handler)
        except SystemExit:
            raise StageError(f"port {port} is taken") from None
        server.daemon_threads = True  # type: ignore[attr-defined]
        server.block_on_close = False  # type: ignore[attr-defined]
        thread = Thread(target=server.serve_forever, args=(0.05,), name=f"server:{server.port}", daemon=True)
        thread.start()
        self._undo.callback(thread.join, 2)
        self._undo.callback(server.shutdown)
        return f"http://{HOST}:{server.port}"

    def _attached(self) -> list[Poller]:
        return [poller_for(mapping, self.functions, self.redelivery) for mapping in self.created.mappings]

    def redeploy(self, parameters: Mapping[str, str] | None = None) -> int:
        """A new version of every function, in mid-flight; how many invocations it killed.

        Environments are read again, by `parameters` over those of the start; modules are imported anew; what runs dies
        before its answer; event sources are attached to the new version where the old one stood. Tables, queues and
        the layer stay.
        """
        killed = self.functions.killed
        self._template.change(self._settled_parameters() | dict(parameters or {}))
        self.functions.replace(self._builder.functions())
        before, now = [one for one in self._pollers if one is not self._timers], self._attached()
        for old in before:
            old.stop()
        for old, new in zip(before, now, strict=True):
            old.join(10)
            new.follow(old)
        self._pollers = [*now, self._timers]
        for new in now:
            new.start()
        return self.functions.killed - killed

    def _stop_pollers(self) -> None:
        for poller in self._pollers:
            poller.stop()
        for poller in self._pollers:
            poller.join(2)

    def _abort_executions(self) -> None:
        """Let the threads go that wait in a state for a token or a moment."""
        for execution in self._machines._get_executions():
            if execution.status == "RUNNING":
                execution.stop(stop_date=None, error=None, cause="the stage stops")
        TMP_THREADS.clear()

    @property
    def _machines(self) -> StepFunctionsParserBackend:
        return stepfunctions_parser_backends[ACCOUNT][REGION]

    # --- what is in it --------------------------------------------------------------------------------------

    def client(self, service: str) -> Any:
        """A boto3 client of this stack, in this process; one a service."""
        if service not in self._clients:
            self._clients[service] = boto3.client(service, region_name=REGION)
        return self._clients[service]

    def resource(self, logical_id: str) -> str:
        """What `Ref` gives: a table's or bucket's name, a queue's URL, a topic's or workflow's ARN."""
        return str(self._template.ref(logical_id))

    def attribute(self, logical_id: str, name: str) -> str:
        """What `Fn::GetAtt` gives."""
        return str(self._template.attribute(logical_id, name))

    @property
    def outputs(self) -> dict[str, str]:
        """The template's outputs; the addresses of the API and of queues are the local ones."""
        aws = f"https://sqs.{REGION}.{URL_SUFFIX}/"
        outputs = {
            name: str(value).replace(aws, f"{self.aws_url}/")
            for name, value in self._template.outputs().items()
        }
        for api in self.created.apis.values():
            host = f"https://{api['RestApiId']}.execute-api.{REGION}.{URL_SUFFIX}/{api['StageName']}"
            outputs = {name: value.replace(host, self.url) for name, value in outputs.items()}
        return outputs

    def invoke(self, function: str, event: Any) -> Any:
        """A function's answer. Raises `FunctionError` with what Lambda would answer."""
        return self.functions.invoke(function, event)

    def executions(self, machine: str | None = None) -> list[dict[str, Any]]:
        """Executions as DescribeExecution gives them, oldest first; of one state machine, or of all."""
        wanted = self.resource(machine) if machine else None
        return [
            dict(execution.to_describe_output()) | {"status": execution.status}
            for execution in self._machines._get_executions()
            if wanted in (None, execution.state_machine_arn)
        ]

    def history(self, execution_arn: str) -> list[dict[str, Any]]:
        """All events of an execution."""
        events: list[dict[str, Any]] = self.client("stepfunctions").get_execution_history(
            executionArn=execution_arn
        )["events"]
        return events

    def depth(self, queue: str) -> int:
        """Messages in a queue, in flight and delayed ones included."""
        return len(self._queue(queue)._messages)

    def dead_letters(self) -> dict[str, int]:
        """Depth of every dead-letter queue, by logical id."""
        return {logical_id: self.depth(logical_id) for logical_id in sorted(self.created.dead_letter_queues)}

    def drain(self, queue: str) -> list[str]:
        """Empty a queue; the bodies of what it held."""
        held = self._queue(queue)
        with held._messages_lock:
            bodies = [message.body for message in held._messages]
            held._messages.clear()
            held._pending_messages.clear()
        return bodies

    def _queue(self, logical_id: str) -> Any:
        try:
            return sqs_backends[ACCOUNT][REGION].get_queue(self.created.queues[logical_id])
        except KeyError:
            raise StageError(f"no queue {logical_id} in the template") from None

    # --- time and quiet -------------------------------------------------------------------------------------

    @contextmanager
    def at(self, instant: datetime) -> Iterator[None]:
        """The window's clock runs on from `instant` inside the block; timers that are over by then go off."""
        clock.travel(instant)
        self._timers.wake()
        try:
            yield
        finally:
            clock.travel(None)

    def settle(self, timeout: float = 10.0, *, ignore: tuple[str, ...] = ()) -> None:
        """Wait until nothing moves: queues empty, streams read, no handler running, executions ended or
        waiting.

        Dead-letter queues, queues of paused mappings and those in `ignore` (logical ids) may hold what they
        hold. An execution that waits on a token or for time counts as quiet, as does a timer that is not over.
        Raises `TimeoutError` saying what is not.
        """
        deadline = time.monotonic() + timeout
        before, since = -1, time.monotonic()
        while True:
            noise, activity, running = self._noise(ignore)
            now = time.monotonic()
            if noise or activity != before:
                before, since = activity, now
            elif now - since >= (0.08 if running else 0.02):
                return
            if now > deadline:
                raise TimeoutError(f"not quiet after {timeout} s: {', '.join(noise) or 'still moving'}")
            time.sleep(0.01)

    def _noise(self, ignore: tuple[str, ...]) -> tuple[list[str], int, bool]:
        """What is not quiet, a figure that grows with whatever happens, whether executions run."""
        noise = [poller.mapping.logical_id for poller in self._pollers if not poller.idle]
        paused = {poller.mapping.source for poller in self._pollers if poller.paused}
        noise += [
            logical_id
            for logical_id in self.created.queues
            if logical_id not in self.created.dead_letter_queues
            and logical_id not in ignore
            and self.attribute(logical_id, "Arn") not in paused
            and self.depth(logical_id)
        ]
        if self.functions.busy:
            noise.append("a function")
        executions = self._machines._get_executions()
        running = [execution for execution in executions if execution.status == "RUNNING"]
        histories = [
            execution.to_history_output()["events"] for execution in running if execution.exec_worker
        ]
        activity = sum(self.functions.invocations.values()) + len(executions) - len(running)
        return noise, activity + sum(map(len, histories)), bool(running)

    def wait_until(self, true: Callable[[], Any], timeout: float = 10.0, what: str = "it") -> Any:
        """The first truthy answer of `true`, asked every 10 ms. Raises `TimeoutError`."""
        deadline = time.monotonic() + timeout
        while not (answer := true()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} did not happen within {timeout} s")
            time.sleep(0.01)
        return answer

    # --- faults ---------------------------------------------------------------------------------------------

    @contextmanager
    def paused(self, which: str) -> Iterator[None]:
        """No deliveries by a mapping inside the block: `pause` and `resume`."""
        self.pause(which)
        try:
            yield
        finally:
            self.resume(which)

    def pause(self, which: str) -> None:
        """Stop deliveries: `which` is a function (all that feeds it), a queue or table (all that it feeds),
        or a mapping `Function.Event`.
        """
        for poller in self._those(which):
            poller.pause()

    def resume(self, which: str) -> None:
        for poller in self._those(which):
            poller.resume()

    def _those(self, which: str) -> list[Poller]:
        sources = self._template.attributes(which).values()
        found = [
            poller
            for poller in self._pollers
            if which in (poller.mapping.logical_id, poller.mapping.function)
            or poller.mapping.source in sources
        ]
        if not found:
            raise StageError(f"nothing is delivered by, from or to {which}")
        return found

    @contextmanager
    def inject(self, function: str, **fault: Any) -> Iterator[Injection]:
        """Plant a fault in a function: `before=`, `after=` (an exception, or a callable), `times=` (1; None:
        always).
        """
        with self.functions.inject(function, **fault) as injection:
            yield injection

    def fire(self, function: str) -> None:
        """Run a scheduled function now, whatever its schedule."""
        for poller in self._pollers:
            if isinstance(poller, SchedulePoller) and function in (
                poller.mapping.function,
                poller.mapping.logical_id,
            ):
                poller.fire()
                return
        raise StageError(f"{function} has no schedule")


class _QuietMoto(MotoRequestHandler):
    """The AWS endpoint does not log its requests."""

    def log(self, type: str, message: str, *args: Any) -> None:
        return


class _Moto(MockAWS):
    """moto without its patch of `requests`: clients of the gateway in this process are not to pass 1,400
    patterns.
    """

    _nested_count = 0
    _mocks_active = False

    def _enable_patching(self, reset: bool = True) -> None:
        botocore_stubber.enabled = True
        self.reset()

    def _disable_patching(self, remove_data: bool) -> None:
        botocore_stubber.enabled = False
        self.reset()
