"""Each mended fault of moto: right while mended; and a patch that moto has caught up with is named."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from importlib import import_module
from itertools import count
from typing import Any
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from moto.dynamodb.models import dynamodb_backends

from infra.stage import ACCOUNT, REGION, Stage, moto_faults

numbers = count()


def stream_of(stage: Stage) -> list[str]:
    """The stream's events so far, undelivered ones included."""
    (poller,) = stage._those("Things")
    return [record.record["eventName"] for record in poller.shard.items]  # type: ignore[attr-defined]


def update(stage: Stage, name: str, value: int) -> None:
    stage.client("dynamodb").update_item(
        TableName=stage.resource("Things"),
        Key={"name": {"S": name}},
        UpdateExpression="SET n = :n",
        ExpressionAttributeValues={":n": {"N": str(value)}},
    )


def write(name: str, condition: str | None = None, table: str = "singlewindow-Things") -> dict[str, Any]:
    put: dict[str, Any] = {"TableName": table, "Item": {"name": {"S": name}, "n": {"N": "1"}}}
    return {"Put": put | ({"ConditionExpression": condition} if condition else {})}


def start(stage: Stage, machine: str, definition: dict[str, Any], given: str = "{}") -> str:
    name = f"{machine}-{next(numbers)}"
    sfn = stage.client("stepfunctions")
    arn = sfn.create_state_machine(name=name, definition=json.dumps(definition), roleArn=_ROLE)[
        "stateMachineArn"
    ]
    execution: str = sfn.start_execution(stateMachineArn=arn, name=name, input=given)["executionArn"]
    return execution


def ended(stage: Stage, execution: str, timeout: float = 5.0) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        (found,) = [each for each in stage.executions() if each["executionArn"] == execution]
        return found if found["status"] != "RUNNING" else None

    found: dict[str, Any] = stage.wait_until(look, timeout)
    return found


_ROLE = "arn:aws-cn:iam::123456789012:role/singlewindow-local"
_WAIT = {
    "Type": "Task",
    "Resource": "arn:aws-cn:states:::lambda:invoke.waitForTaskToken",
    "Parameters": {
        "FunctionName": "singlewindow-ProbeAsk",
        "Payload": {"name": "x", "token.$": "$$.Task.Token"},
    },
    "End": True,
}
_ASK = {"StartAt": "A", "States": {"A": _WAIT}}


def asked(stage: Stage, definition: dict[str, Any] = _ASK) -> tuple[str, str]:
    """An execution that waits, and its token."""
    probe = import_module("probe.app")
    probe.seen.clear()
    execution = start(stage, "ask", definition)
    stage.wait_until(lambda: probe.seen)
    stage.settle()
    return execution, probe.seen[0]["token"]


def code_of(call: Callable[[], Any]) -> str:
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


# --- what AWS does, as questions to the stage ---


def an_update_that_creates_is_one_insert(stage: Stage) -> bool:
    before = len(stream_of(stage))
    update(stage, f"row-{next(numbers)}", 1)
    return stream_of(stage)[before:] == ["INSERT"]


def a_write_that_changes_nothing_leaves_no_record(stage: Stage) -> bool:
    name = f"row-{next(numbers)}"
    update(stage, name, 1)
    before = len(stream_of(stage))
    update(stage, name, 1)
    return len(stream_of(stage)) == before


def a_failed_transaction_leaves_the_stream_alone(stage: Stage) -> bool:
    # A table of its own: moto replaces the table by a copy, and the running poller would lose its stream.
    table, client = f"scratch-{next(numbers)}", stage.client("dynamodb")
    client.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    shard: Any = dynamodb_backends[ACCOUNT][REGION].get_table(table).stream_shard
    client.transact_write_items(TransactItems=[write("taken", table=table)])
    with pytest.raises(client.exceptions.TransactionCanceledException):
        client.transact_write_items(
            TransactItems=[write("free", table=table), write("taken", "attribute_not_exists(n)", table=table)]
        )
    return len(shard.items) == 1


def a_branch_may_end_in_a_states_error(stage: Stage) -> bool:
    inner = {"StartAt": "W", "States": {"W": _WAIT | {"TimeoutSeconds": 1}}}
    mapped = {
        "Type": "Map",
        "ItemsPath": "$.items",
        "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, **inner},
        "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "Caught"}],
        "End": True,
    }
    machine = {"StartAt": "M", "States": {"M": mapped, "Caught": {"Type": "Pass", "End": True}}}
    execution = start(stage, "branch", machine, '{"items": [1]}')
    try:
        return bool(ended(stage, execution, 3)["status"] == "SUCCEEDED")
    except TimeoutError:
        return False


def a_failures_cause_is_kept(stage: Stage) -> bool:
    execution, token = asked(stage)
    stage.client("stepfunctions").send_task_failure(taskToken=token, error="E", cause="why")
    return ended(stage, execution).get("cause") == "why"


def a_token_is_answered_once(stage: Stage) -> bool:
    execution, token = asked(stage)
    answer = stage.client("stepfunctions").send_task_success
    answer(taskToken=token, output="{}")
    second = code_of(lambda: answer(taskToken=token, output="{}"))
    ended(stage, execution)
    return second == "TaskTimedOut"


def stopping_ends_an_execution_that_waits(stage: Stage) -> bool:
    execution, _token = asked(stage)
    stage.client("stepfunctions").stop_execution(executionArn=execution)
    try:
        return bool(ended(stage, execution, 1)["status"] == "ABORTED")
    except TimeoutError:
        return False


def what_was_stopped_is_aborted(stage: Stage) -> bool:
    execution, _token = asked(stage)
    stage.client("stepfunctions").stop_execution(executionArn=execution)
    return bool(ended(stage, execution)["status"] == "ABORTED")


def a_digest_is_signed_as_it_is(stage: Stage) -> bool:
    kms, digest = stage.client("kms"), sha256(b"message").digest()
    key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    asked = {"KeyId": key, "SigningAlgorithm": "ECDSA_SHA_256"}
    signature = kms.sign(**asked, Message=digest, MessageType="DIGEST")["Signature"]
    public: Any = load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
    try:
        public.verify(signature, b"message", ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


FAULTS = [
    (a_digest_is_signed_as_it_is, "KmsResponse.sign"),
    (an_update_that_creates_is_one_insert, "update_item"),
    (a_write_that_changes_nothing_leaves_no_record, "add"),
    (a_failed_transaction_leaves_the_stream_alone, "transact_write_items"),
    (a_branch_may_end_in_a_states_error, "__init__"),
    (a_failures_cause_is_kept, "StepFunctionResponse.send_task_failure"),
    (stopping_ends_an_execution_that_waits, "stop"),
    (what_was_stopped_is_aborted, "set_error"),
]


# Wrong in moto only when the second answer overtakes the first one's effect: tested as mended alone.
RACES = [a_token_is_answered_once]


@contextmanager
def unmended(which: str) -> Iterator[None]:
    """moto as it is in one place."""
    (fault,) = [
        each for each in moto_faults.FAULTS if which in (each.name, f"{each.target.__name__}.{each.name}")
    ]
    with patch.object(fault.target, fault.name, fault.original):
        yield
    with moto_faults.STREAMS:  # whoever was not woken meanwhile
        moto_faults.STREAMS.notify_all()


@pytest.mark.parametrize(
    "as_in_aws", [*(question for question, _ in FAULTS), *RACES], ids=lambda each: each.__name__
)
def test_while_mended(stage: Stage, as_in_aws: Callable[[Stage], bool]) -> None:
    assert as_in_aws(stage)


@pytest.mark.parametrize(
    ("as_in_aws", "patched"), FAULTS, ids=lambda each: each if isinstance(each, str) else each.__name__
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_moto_still_needs_the_patch(stage: Stage, as_in_aws: Callable[[Stage], bool], patched: str) -> None:
    with unmended(patched):
        assert not as_in_aws(stage), f"moto has caught up: drop the patch of {patched}"
    for execution in stage.executions():
        if execution["status"] == "RUNNING":
            stage.client("stepfunctions").stop_execution(executionArn=execution["executionArn"])


# --- races: right while mended, and only sometimes wrong without ---


def test_one_of_many_conditional_writes_wins(stage: Stage) -> None:
    def attempt(_n: int) -> str:
        return code_of(
            lambda: stage.client("dynamodb").transact_write_items(
                TransactItems=[write("race", "attribute_not_exists(n)")]
            )
        )

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(attempt, range(16))) == [""] + ["TransactionCanceledException"] * 15


def test_a_failing_update_undoes_what_the_transaction_wrote_before(stage: Stage) -> None:
    name, before = f"row-{next(numbers)}", len(stream_of(stage))
    bad = {
        "TableName": "singlewindow-Things",
        "Key": {"name": {"S": "bad"}},
        "UpdateExpression": "SET n = missing + :n",
        "ExpressionAttributeValues": {":n": {"N": "1"}},
    }
    with pytest.raises(ClientError):
        stage.client("dynamodb").transact_write_items(TransactItems=[write(name), {"Update": bad}])
    key = {"name": {"S": name}}
    assert "Item" not in stage.client("dynamodb").get_item(TableName="singlewindow-Things", Key=key)
    assert len(stream_of(stage)) == before


def test_no_message_is_lost_or_seen_twice_between_threads(stage: Stage) -> None:
    sqs, url = stage.client("sqs"), stage.resource("Elsewhere")

    def send(n: int) -> None:
        sqs.send_message(QueueUrl=url, MessageBody=str(n))

    def receive(_n: int) -> list[str]:
        bodies = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=3, WaitTimeSeconds=1).get(
            "Messages"
        ):
            for message in messages:
                bodies.append(message["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    with ThreadPoolExecutor(6) as pool:
        received = [pool.submit(receive, n) for n in range(3)]
        list(pool.map(send, range(120)))
        bodies = [body for future in received for body in future.result()]
    assert sorted(map(int, bodies)) == list(range(120))
    assert stage.depth("Elsewhere") == 0
