"""Step Functions: start an execution once, complete a task token at least once."""

from typing import Any

from botocore.exceptions import ClientError

from singlewindow import canonical, settings
from singlewindow.aws.clients import client


def start(workflow: str, name: str, payload: dict[str, Any]) -> None:
    """Start `workflow` (a setting's name) under a name of its own; one that runs or ran already is left alone.

    Names are free again after 90 days: the caller's ledger is the guard, this is the belt.
    """
    try:
        client("stepfunctions").start_execution(
            stateMachineArn=settings.get(workflow), name=name, input=canonical.dumps(payload).decode()
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
            raise


def complete(token: str, output: dict[str, Any]) -> bool:
    """Hand `output` to the state that waits on `token`; False where nobody waits any more."""
    try:
        client("stepfunctions").send_task_success(taskToken=token, output=canonical.dumps(output).decode())
    except ClientError as error:
        if error.response["Error"]["Code"] in ("TaskDoesNotExist", "TaskTimedOut", "InvalidToken"):
            return False
        raise
    return True
