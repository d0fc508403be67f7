"""State machines, executed: tokens, timeouts, retries, what is left behind."""

import json
from threading import Thread
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.stage import Stage


def start(stage: Stage, name: str, *names: str, timeout: int = 30) -> str:
    answer = stage.client("stepfunctions").start_execution(
        stateMachineArn=stage.resource("Asking"),
        name=name,
        input=json.dumps({"names": names, "timeout": timeout}),
    )
    return str(answer["executionArn"])


def ended(stage: Stage, arn: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        (execution,) = [each for each in stage.executions() if each["executionArn"] == arn]
        return execution if execution["status"] != "RUNNING" else None

    execution: dict[str, Any] = stage.wait_until(look)
    return execution


def tokens(stage: Stage, probe: Any, count: int) -> dict[str, str]:
    stage.wait_until(lambda: len(probe.seen) == count)
    stage.settle()
    return {event["name"]: event["token"] for event in probe.seen}


def test_tokens_answered_in_any_order_complete_the_map(stage: Stage, probe: Any) -> None:
    arn = start(stage, "order", "customs", "port")
    sfn, held = stage.client("stepfunctions"), tokens(stage, probe, 2)
    sfn.send_task_success(taskToken=held["port"], output='{"outcome": "clear"}')
    sfn.send_task_success(taskToken=held["customs"], output='{"outcome": "accept"}')
    execution = ended(stage, arn)
    assert execution["status"] == "SUCCEEDED"
    assert json.loads(execution["output"]) == {"decided": [{"outcome": "accept"}, {"outcome": "clear"}]}
    types = {event["type"] for event in stage.history(arn)}
    assert {"MapStateEntered", "TaskSubmitted", "LambdaFunctionScheduled", "ExecutionSucceeded"} <= types


def test_silence_is_caught_inside_its_iteration(stage: Stage, probe: Any) -> None:
    arn = start(stage, "silence", "customs", "port", timeout=1)
    held = tokens(stage, probe, 2)
    stage.client("stepfunctions").send_task_success(taskToken=held["customs"], output='{"outcome": "accept"}')
    execution = ended(stage, arn)
    assert json.loads(execution["output"])["decided"] == [{"outcome": "accept"}, {"outcome": "silent"}]


def test_a_failures_cause_reaches_the_catcher(stage: Stage, probe: Any) -> None:
    arn = start(stage, "cause", "customs")
    token = tokens(stage, probe, 1)["customs"]
    stage.client("stepfunctions").send_task_failure(taskToken=token, error="Refused", cause="no licence")
    execution = ended(stage, arn)
    assert json.loads(execution["output"])["decided"] == [{"outcome": "refused", "cause": "no licence"}]


def test_an_error_is_retried_by_its_class_name(stage: Stage, probe: Any) -> None:
    probe.failing["decide"] = 1
    assert ended(stage, start(stage, "retry"))["status"] == "SUCCEEDED"


def test_an_injected_fault_fails_the_execution(stage: Stage, probe: Any) -> None:
    with stage.inject("ProbeDecide", before=probe.Soft("down"), times=None):
        execution = ended(stage, start(stage, "fault"))
    assert (execution["status"], execution["error"]) == ("FAILED", "GaveUp")


def test_a_waiting_execution_counts_as_quiet_and_can_be_stopped(stage: Stage, probe: Any) -> None:
    arn = start(stage, "waiting", "customs")
    tokens(stage, probe, 1)
    stage.settle()
    stage.client("stepfunctions").stop_execution(executionArn=arn)
    assert ended(stage, arn)["status"] == "ABORTED"


def test_a_name_starts_once_even_from_two_threads(stage: Stage, probe: Any) -> None:
    taken = []

    def attempt(_n: int) -> None:
        try:
            start(stage, "once", "customs", timeout=20 + _n)
        except ClientError as error:
            taken.append(error.response["Error"]["Code"])

    threads = [Thread(target=attempt, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken == ["ExecutionAlreadyExists"] * 3
    (execution,) = [each for each in stage.executions("Asking") if each["name"] == "once"]
    stage.wait_until(lambda: probe.seen)
    stage.client("stepfunctions").stop_execution(executionArn=execution["executionArn"])
    ended(stage, execution["executionArn"])


@pytest.mark.parametrize("again", ["answered", "stopped"])
def test_a_token_nobody_waits_on_any_more_is_refused(stage: Stage, probe: Any, again: str) -> None:
    arn = start(stage, f"late-{again}", "customs")
    sfn, token = stage.client("stepfunctions"), tokens(stage, probe, 1)["customs"]
    if again == "answered":
        sfn.send_task_success(taskToken=token, output="{}")
    else:
        sfn.stop_execution(executionArn=arn)
    with pytest.raises(ClientError, match="TaskTimedOut"):
        sfn.send_task_success(taskToken=token, output="{}")
    ended(stage, arn)
    with pytest.raises(ClientError, match="TaskTimedOut"):
        sfn.send_task_failure(taskToken=token, error="x", cause="y")
    with pytest.raises(ClientError, match="InvalidToken"):
        sfn.send_task_success(taskToken="nonsense", output="{}")
