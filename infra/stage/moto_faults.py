"""Where moto 5.2.5 differs from AWS in a way that matters to us, mended in one place.

`mended()` patches moto for as long as a stage is up. Each patch says what moto does, what AWS does and why we
care; `tests/infra/test_stage_moto_faults.py` shows each of them and will tell when moto has caught up.

Left as they are, and avoided by `resources` or by convention: a state machine made through moto's
CloudFormation does not execute (we use the API); `Fn::Sub` of `$$` (we resolve it ourselves); SNS'
`RawMessageDelivery: "false"` counts as true (we leave it out); FIFO queues, task heartbeats and EXPRESS
machines (refused with a clear error).
"""

import base64
import copy
import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, wraps
from threading import Condition, RLock
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import boto3
import moto.backends
from botocore.config import Config
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from moto.backend_index import backend_url_patterns
from moto.core.base_backend import BackendDict
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.request import normalize_request
from moto.core.responses import EmptyResult
from moto.core.utils import get_equivalent_url_in_aws_domain
from moto.dynamodb.comparisons import get_filter_expression
from moto.dynamodb.exceptions import (
    ConditionalCheckFailed,
    MultipleTransactionsException,
    TooManyTransactionsException,
    TransactionCanceledException,
)
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import StreamShard, Table
from moto.dynamodb.responses import DynamoHandler
from moto.kms.responses import KmsResponse
from moto.sqs.models import SQSBackend
from moto.stepfunctions.parser.api import ExecutionStatus, InvalidToken, TaskDoesNotExist, TaskTimedOut
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_callback
from moto.stepfunctions.parser.asl.eval.callback.callback import (
    CallbackEndpoint,
    CallbackOutcomeFailure,
    CallbackOutcomeSuccess,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.program_state import ProgramStopped
from moto.stepfunctions.parser.asl.utils import boto_client
from moto.stepfunctions.parser.backend.execution import Execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse
from werkzeug.exceptions import HTTPException

from infra.stage import moto_pace
from infra.stage.template import ACCOUNT

StateTaskServiceCallback = state_task_service_callback.StateTaskServiceCallback

log = logging.getLogger(__name__)

# DynamoDB's one lock: held by every API call, and by whoever reads a stream.
DATABASE = RLock()
# Notified on every new stream record (of any table).
STREAMS = Condition(DATABASE)
# Held while an execution starts or a token is answered.
MACHINES = RLock()


@contextmanager
def mended() -> Iterator[None]:
    """moto with all patches of this module applied."""
    with ExitStack() as stack:
        for fault in FAULTS:
            stack.enter_context(patch.object(fault.target, fault.name, fault.replacement))
        for target, name, replacement in moto_pace.REPLACED:
            stack.enter_context(patch.object(target, name, replacement))
        yield
        _client.cache_clear()


# --- DynamoDB -----------------------------------------------------------------------------------------------


def _call_action(handler: DynamoHandler) -> Any:
    """moto has no locks: two threads pass the same condition and both write. AWS serialises writes of an
    item.
    """
    with DATABASE:
        return _unpatched_call_action(handler)


_unpatched_call_action = DynamoHandler.call_action


def _transact_write_items(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    """moto copies the whole table first (slower with every item) and restores the copy on failure: the stream
    has shown the phantom writes by then. Here all conditions are judged first, then all is written, or undone
    by item.
    """
    if len(transact_items) > 100:
        raise TooManyTransactionsException()
    writes = [_Write(backend, *next(iter(item.items()))) for item in transact_items]
    if len({write.identity for write in writes}) < len(writes):
        raise MultipleTransactionsException()
    verdicts = [write.verdict() for write in writes]
    done: list[_Write] = []
    if not any(code for code, _, _ in verdicts):
        for index, write in enumerate(writes):
            try:
                write.apply()
            except Exception as error:  # a faulty update expression, an item too large
                verdicts[index] = (type(error).__name__, str(error), None)
                for each in reversed(done):
                    each.undo()
                break
            done.append(write)
    if any(code for code, _, _ in verdicts):
        raise TransactionCanceledException(verdicts)


class _Write:
    """One operation of a transaction: its condition judged, applied, undone."""

    def __init__(self, backend: DynamoDBBackend, kind: str, operation: dict[str, Any]) -> None:
        self.backend, self.kind, self.operation = backend, kind, operation
        self.table: Table = backend.get_table(operation["TableName"])
        self.key = {
            name: (operation["Item"] if kind == "Put" else operation["Key"])[name]
            for name in self.table.table_key_attrs
        }
        self.identity = (self.table.name, str(sorted(self.key.items())))
        self.before: Item | None = copy.deepcopy(backend.get_item(self.table.name, self.key))
        self.recorded = len(self.table.stream_shard.items) if self.table.stream_shard else 0

    @property
    def _names(self) -> dict[str, Any]:
        return {
            "expression_attribute_names": self.operation.get("ExpressionAttributeNames"),
            "expression_attribute_values": self.operation.get("ExpressionAttributeValues"),
        }

    def verdict(self) -> tuple[str | None, str | None, dict[str, Any] | None]:
        condition = get_filter_expression(self.operation.get("ConditionExpression"), *self._names.values())
        if condition.expr(self.before):
            return None, None, None
        wanted = self.operation.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and self.before
        old = self.before.to_json()["Attributes"] if wanted and self.before else None
        return "ConditionalCheckFailed", str(ConditionalCheckFailed().message), old

    def apply(self) -> None:
        name = self.table.name
        if self.kind == "Put":
            self.backend.put_item(name, self.operation["Item"])
        elif self.kind == "Delete":
            self.backend.delete_item(name, self.key)
        elif self.kind == "Update":
            self.backend.update_item(name, self.key, self.operation["UpdateExpression"], **self._names)

    def undo(self) -> None:
        shard, self.table.stream_shard = self.table.stream_shard, None
        try:
            if self.before is None:
                self.backend.delete_item(self.table.name, self.key)
            else:
                self.table.put_item(self.before.to_json()["Attributes"])
        finally:
            self.table.stream_shard = shard
            if shard:
                del shard.items[self.recorded :]


def _update_item(backend: DynamoDBBackend, table_name: str, *args: Any, **kwargs: Any) -> Item:
    """An update that creates its item leaves two INSERT records in moto's stream (the bare key first), one in
    AWS.
    """
    shard = backend.get_table(table_name).stream_shard
    before = len(shard.items) if shard else 0
    item = _unpatched_update_item(backend, table_name, *args, **kwargs)
    if shard and len(shard.items) == before + 2:
        del shard.items[before]
        shard.items[before].record["dynamodb"]["SequenceNumber"] = str(
            before + shard.starting_sequence_number
        )
    return item


_unpatched_update_item = DynamoDBBackend.update_item


def _add_to_stream(shard: StreamShard, old: Item | None, new: Item | None) -> None:
    """A write that changes nothing leaves no record in AWS. And moto wakes nobody: pollers wait here."""
    if old is not None and new is not None and old.to_json() == new.to_json():
        return
    with STREAMS:
        _unpatched_add_to_stream(shard, old, new)
        STREAMS.notify_all()


_unpatched_add_to_stream = StreamShard.add


# --- SQS ----------------------------------------------------------------------------------------------------


def _locked(method: Callable[..., Any]) -> Callable[..., Any]:
    """moto's queue operations don't exclude each other: a delete loses a message that is sent meanwhile, two
    receivers get the same one. A queue has a re-entrant lock in its condition, which moto uses for adding
    only.
    """

    @wraps(method)
    def run(backend: SQSBackend, queue_name: str, *args: Any, **kwargs: Any) -> Any:
        with backend.get_queue(queue_name)._messages_lock:
            return method(backend, queue_name, *args, **kwargs)

    return run


# --- Step Functions -----------------------------------------------------------------------------------------


def _custom_error_name(error: CustomErrorName, error_name: str | None) -> None:
    """moto forbids `States.…` here, and so dies when a branch or an iteration ends in States.Timeout or
    TaskFailed.
    """
    ErrorName.__init__(error, error_name=error_name)


def _send_task_success(backend: StepFunctionsParserBackend, task_token: str, outcome: str) -> None:
    with MACHINES:
        _waiting(backend, task_token).notify(CallbackOutcomeSuccess(task_token, outcome))


def _send_task_failure(
    backend: StepFunctionsParserBackend, task_token: str, error: str | None = None, cause: str | None = None
) -> None:
    with MACHINES:
        _waiting(backend, task_token).notify(CallbackOutcomeFailure(task_token, error, cause))


def _waiting(backend: StepFunctionsParserBackend, token: str) -> CallbackEndpoint:
    """Who waits on the token. moto takes a second answer, and one to a task that has ended, as if somebody
    waited; and fails while any other execution is just starting. AWS says TaskTimedOut to the first two. Its
    own errors have no code, so no caller can tell them apart.
    """
    for execution in list(backend._get_executions()):
        env = execution.exec_worker.env
        endpoint = env.callback_pool_manager.get(token) if env else None
        if endpoint is not None:
            if (
                execution.exec_status != ExecutionStatus.RUNNING
                or endpoint.consumer_error
                or endpoint.get_outcome()
            ):
                raise TaskTimedOut("Task Timed Out: 'Provided task does not exist anymore'", "TaskTimedOut")
            return endpoint
    if len(token) < 30:
        raise InvalidToken()  # type: ignore[no-untyped-call]
    raise TaskDoesNotExist("Task does not exist", "TaskDoesNotExist")


def _eval_integration_pattern(state: StateTaskServiceCallback, env: Any, *args: Any, **kwargs: Any) -> None:
    """moto never tells a token's endpoint that its task has ended: see `_waiting`."""
    token = env.states.context_object.context_object_data.get("Task", {}).get("Token")
    try:
        _unpatched_eval_integration_pattern(state, env, *args, **kwargs)
    finally:
        endpoint = env.callback_pool_manager.get(token) if token else None
        if endpoint is not None:
            endpoint.report(_TASK_ENDED)


_TASK_ENDED: Any = "the task has ended"
_unpatched_eval_integration_pattern = StateTaskServiceCallback._eval_integration_pattern


def _task_failure_with_cause(response: StepFunctionResponse) -> Any:
    """moto drops the cause."""
    response.stepfunction_backend.send_task_failure(  # type: ignore[call-arg]
        response._get_param("taskToken"), response._get_param("error"), response._get_param("cause")
    )
    return EmptyResult()


def _stop(execution: Execution, stop_date: Any, error: str | None, cause: str | None) -> None:
    """moto's StopExecution leaves a task that waits on a token waiting, and the execution RUNNING."""
    _unpatched_stop(execution, stop_date, error, cause)
    env = execution.exec_worker.env if execution.exec_worker else None
    for endpoint in list(env.callback_pool_manager._pool.values()) if env else ():
        endpoint.report(_TASK_ENDED)
        endpoint.interrupt_all()


_unpatched_stop = Execution.stop


def _set_error(env: Environment, error: Any) -> None:
    """What was stopped is ABORTED; in moto FAILED, by the errors that stopping causes in its branches."""
    with env._state_mutex:
        if not isinstance(env._program_state, ProgramStopped):
            _unpatched_set_error(env, error)


_unpatched_set_error: Any = Environment.set_error


def _execution_logic(worker: ExecutionWorker) -> None:
    """An interpreter that dies takes its thread along in moto, and the execution stays RUNNING for ever."""
    try:
        _unpatched_execution_logic(worker)
    except Exception as error:
        execution = worker._execution_communication.execution  # type: ignore[attr-defined]
        log.exception("the interpreter failed in %s", execution.exec_arn)
        execution.exec_status = ExecutionStatus.FAILED
        execution.error, execution.cause = "States.Runtime", str(error)


_unpatched_execution_logic: Any = ExecutionWorker._execution_logic


def _start_execution(backend: StepFunctionsParserBackend, *args: Any, **kwargs: Any) -> Execution:
    """Two starts under one name at once both pass moto's check for it."""
    with MACHINES:
        return _unpatched_start_execution(backend, *args, **kwargs)


_unpatched_start_execution = StepFunctionsParserBackend.start_execution


@cache
def _client(service_name: str, region_name: str) -> Any:
    with MACHINES:
        return boto3.client(
            service_name,
            region_name=region_name,
            config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
        )


def _client_of_a_task(service_name: str, region_name: str, **_options: Any) -> Any:
    return _client(service_name, region_name)


# --- all services -------------------------------------------------------------------------------------------


def _process_request(_stubber: BotocoreStubber, request: Any) -> Any:
    """moto tries 200 services' patterns and compiles a service's routes anew for each call: 1 to 4 ms."""
    url, _ = get_equivalent_url_in_aws_domain(request.url)
    base = f"{url.scheme}://{url.netloc}"
    for pattern, handler in _routes(base):
        if pattern.match(base + url.path):
            normal = normalize_request(request)
            try:
                return handler(normal, normal.raw_url, normal.headers)
            except HTTPException as error:
                return error.code, error.get_headers(), error.get_body()
    return None


@cache
def _routes(base: str) -> list[tuple[re.Pattern[str], Callable[..., Any]]]:
    """What answers at a host, in moto's order."""
    routes = []
    for service, pattern in backend_url_patterns:
        if pattern.match(f"{base}/"):
            backends: Any = moto.backends.get_backend(service)  # type: ignore[call-overload]
            if isinstance(backends, BackendDict):
                regions = backends[ACCOUNT]
                backend = regions["us-east-1" if "us-east-1" in regions else "aws"]
            else:
                backend = backends["global"]
            routes += [(re.compile(url), handler) for url, handler in backend.urls.items()]
    return routes


def _sign(response: KmsResponse) -> str:
    """moto takes a digest for a message and hashes it again; AWS signs what MessageType DIGEST brings as it is."""
    if response._get_param("MessageType") != "DIGEST":
        return _unpatched_sign(response)
    key = response.kms_backend.describe_key(response._get_param("KeyId"))
    algorithm = response._get_param("SigningAlgorithm")
    if algorithm != "ECDSA_SHA_256":
        raise NotImplementedError(algorithm)
    signature = key.private_key.private_key.sign(  # type: ignore[attr-defined]
        response._get_param("Message"), ECDSA(Prehashed(SHA256()))
    )
    told = {
        "KeyId": key.arn,
        "Signature": base64.b64encode(signature).decode(),
        "SigningAlgorithm": algorithm,
    }
    return json.dumps(told)


_unpatched_sign = KmsResponse.sign


@dataclass(frozen=True, slots=True)
class Fault:
    """One attribute of moto, ours and its own."""

    target: Any
    name: str
    replacement: Any
    original: Any


def _fault(target: Any, name: str, replacement: Any) -> Fault:
    return Fault(target, name, replacement, getattr(target, name))


FAULTS = (
    _fault(BotocoreStubber, "process_request", _process_request),
    _fault(DynamoHandler, "call_action", _call_action),
    _fault(DynamoDBBackend, "transact_write_items", _transact_write_items),
    _fault(DynamoDBBackend, "update_item", _update_item),
    _fault(StreamShard, "add", _add_to_stream),
    _fault(KmsResponse, "sign", _sign),
    _fault(SQSBackend, "receive_message", _locked(SQSBackend.receive_message)),
    _fault(SQSBackend, "delete_message", _locked(SQSBackend.delete_message)),
    _fault(SQSBackend, "change_message_visibility", _locked(SQSBackend.change_message_visibility)),
    _fault(SQSBackend, "purge_queue", _locked(SQSBackend.purge_queue)),
    _fault(CustomErrorName, "__init__", _custom_error_name),
    _fault(StepFunctionsParserBackend, "send_task_success", _send_task_success),
    _fault(StepFunctionsParserBackend, "send_task_failure", _send_task_failure),
    _fault(StepFunctionsParserBackend, "start_execution", _start_execution),
    _fault(StepFunctionResponse, "send_task_failure", _task_failure_with_cause),
    _fault(StateTaskServiceCallback, "_eval_integration_pattern", _eval_integration_pattern),
    _fault(Execution, "stop", _stop),
    _fault(Environment, "set_error", _set_error),
    _fault(ExecutionWorker, "_execution_logic", _execution_logic),
    # moto makes a boto3 client for every task that it runs: 10 to 30 ms, and not safe in threads.
    _fault(boto_client, "boto3", SimpleNamespace(client=_client_of_a_task)),
)
