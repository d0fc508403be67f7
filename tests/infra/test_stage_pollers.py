"""Deliveries from queues, streams and schedules."""

import json
from typing import Any

import pytest

from infra.stage import FunctionError, Stage


def send(stage: Stage, queue: str, *bodies: str, **attributes: str) -> None:
    named = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
    for body in bodies:
        stage.client("sqs").send_message(
            QueueUrl=stage.resource(queue), MessageBody=body, MessageAttributes=named
        )


def publish(stage: Stage, kind: str, body: str = "x") -> None:
    stage.client("sns").publish(
        TopicArn=stage.resource("Events"),
        Message=body,
        MessageAttributes={"type": {"DataType": "String", "StringValue": kind}},
    )


def put(stage: Stage, name: str, n: int) -> None:
    stage.client("dynamodb").put_item(
        TableName=stage.resource("Things"), Item={"name": {"S": name}, "n": {"N": str(n)}}
    )


def test_a_message_arrives_in_lambdas_shape(stage: Stage, probe: Any) -> None:
    send(stage, "Inbox", "hello", colour="blue")
    stage.settle()
    (record,) = probe.seen
    assert record["body"] == "hello"
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == "arn:aws-cn:sqs:cn-northwest-1:123456789012:singlewindow-inbox"
    assert record["awsRegion"] == "cn-northwest-1"
    assert record["md5OfBody"] == "5d41402abc4b2a76b9719d911017c592"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["messageAttributes"]["colour"] == {
        "stringValue": "blue",
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": "String",
    }
    assert stage.depth("Inbox") == 0


def test_only_the_failed_message_of_a_batch_comes_back(stage: Stage, probe: Any) -> None:
    probe.failing["poor"] = 1
    with stage.paused("Inbox"):
        send(stage, "Inbox", "good", "poor", "fine")
    stage.settle()
    assert [record["body"] for record in probe.seen] == ["good", "poor", "fine", "poor"]
    assert probe.seen[-1]["attributes"]["ApproximateReceiveCount"] == "2"


def test_a_poisoned_message_ends_in_the_dead_letter_queue_alone(stage: Stage, probe: Any) -> None:
    probe.failing["poison"] = 99
    with stage.paused("ProbeOnMessage"):
        send(stage, "Inbox", "good", "poison")
    stage.settle()
    assert [record["body"] for record in probe.seen] == ["good", "poison", "poison", "poison"]
    assert stage.dead_letters()["InboxDlq"] == 1


def test_without_partial_failures_the_whole_batch_comes_back(stage: Stage, probe: Any) -> None:
    probe.failing["second"] = 1
    with stage.paused("Plain"):
        send(stage, "Plain", "first", "second", "third")
    stage.settle()
    bodies = [record["body"] for record in probe.seen]
    assert bodies[:3] == ["first", "second", "third"]
    assert sorted(bodies[3:]) == ["first", "second"]


def test_a_message_that_no_filter_wants_is_deleted_unseen(stage: Stage, probe: Any) -> None:
    send(stage, "Inbox", "unwanted")
    stage.settle()
    assert probe.seen == []
    assert stage.depth("Inbox") == 0


@pytest.mark.parametrize(
    "answer",
    [{"batchItemFailures": [{"itemIdentifier": "unknown"}]}, {"batchItemFailures": [{"wrong": "key"}]}],
)
def test_a_senseless_partial_answer_fails_the_batch(stage: Stage, probe: Any, answer: Any) -> None:
    with stage.inject("ProbeOnMessage", after=lambda _event, result: result.update(answer)) as injection:
        send(stage, "Inbox", "a")
        stage.settle()
    assert injection.fired == 1
    assert [record["body"] for record in probe.seen] == ["a", "a"]


def test_a_topic_delivers_raw_by_filter_policy(stage: Stage, probe: Any) -> None:
    for kind in ("Made", "Replied", "Other", "made", "Odd"):
        publish(stage, kind, json.dumps({"kind": kind}))
    stage.settle(ignore=("Elsewhere",))
    assert [json.loads(record["body"])["kind"] for record in probe.seen] == ["Made", "Replied"]
    assert probe.seen[0]["messageAttributes"]["type"]["stringValue"] == "Made"
    (other,) = stage.client("sqs").receive_message(QueueUrl=stage.resource("Elsewhere"))["Messages"]
    envelope = json.loads(other["Body"])
    assert (envelope["Type"], envelope["Message"]) == ("Notification", '{"kind": "Odd"}')


def test_a_stream_delivers_in_order_what_the_filter_wants(stage: Stage, probe: Any) -> None:
    put(stage, "thing-a", 1)
    put(stage, "thing-a", 2)
    put(stage, "other", 1)
    stage.client("dynamodb").delete_item(TableName=stage.resource("Things"), Key={"name": {"S": "thing-a"}})
    stage.settle()
    assert probe.seen == [("INSERT", "thing-a", "1"), ("MODIFY", "thing-a", "2"), ("REMOVE", "thing-a", None)]


def test_a_failing_record_is_repeated_from_where_it_failed(stage: Stage, probe: Any) -> None:
    probe.failing["thing-c"] = 1
    with stage.paused("ProbeOnChange"):
        for number, name in enumerate(("thing-b", "thing-c", "thing-d")):
            put(stage, name, number)
    stage.settle()
    assert [name for _, name, _ in probe.seen] == ["thing-b", "thing-c", "thing-c", "thing-d"]


def test_what_a_partial_answer_names_is_given_up_with_all_behind_it(stage: Stage, probe: Any) -> None:
    probe.failing["thing-f"] = 99
    with stage.paused("Things"):
        for number, name in enumerate(("thing-e", "thing-f", "thing-g")):
            put(stage, name, number)
    stage.settle()
    handled = [name for _, name, _ in probe.seen]
    assert handled[0] == "thing-e"
    assert handled.count("thing-e") == 1
    assert (
        "thing-g" not in handled
    )  # AWS halves a batch when the invocation fails, not when its answer says where
    assert stage.dead_letters()["LostChanges"] == 1
    (notice,) = stage.client("sqs").receive_message(QueueUrl=stage.resource("LostChanges"))["Messages"]
    body = json.loads(notice["Body"])
    assert body["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert body["DDBStreamBatchInfo"]["batchSize"] == 2


def test_a_crash_between_write_and_publish_loses_nothing(stage: Stage, probe: Any) -> None:
    with stage.inject("ProbeOnChange", before=RuntimeError("crash")) as injection:
        put(stage, "thing-h", 1)
        stage.settle()
    assert injection.fired == 1
    assert probe.seen == [("INSERT", "thing-h", "1")]


def test_a_paused_mapping_delivers_after_it_resumes(stage: Stage, probe: Any) -> None:
    with stage.paused("ProbeOnMessage.Inbox"):
        send(stage, "Inbox", "later")
        stage.settle()
        assert probe.seen == []
    stage.settle()
    assert [record["body"] for record in probe.seen] == ["later"]


def test_a_window_gathers_a_batch(stage: Stage, probe: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (poller,) = stage._those("Inbox")
    monkeypatch.setattr(poller, "window", 0.2)
    before = stage.functions.invocations.get("ProbeOnMessage", 0)
    send(stage, "Inbox", "a", "b", "c")
    stage.settle()
    assert stage.functions.invocations["ProbeOnMessage"] == before + 1
    assert [record["body"] for record in probe.seen] == ["a", "b", "c"]


def test_settle_says_what_is_not_quiet(stage: Stage) -> None:
    send(stage, "Elsewhere", "nobody reads this")
    with pytest.raises(TimeoutError, match="Elsewhere"):
        stage.settle(0.1)


def test_a_schedule_fires_on_demand(stage: Stage, probe: Any) -> None:
    stage.fire("ProbeTick")
    (event,) = probe.seen
    assert event["detail-type"] == "Scheduled Event"
    assert '{"message": "tick"}' in [line.text for line in stage.logs if line.function == "ProbeTick"]


def test_an_invocation_fails_as_lambda_reports_it(stage: Stage, probe: Any) -> None:
    probe.failing["decide"] = 1
    with pytest.raises(FunctionError) as failed:
        stage.invoke("ProbeDecide", {"answers": []})
    assert failed.value.error_type == "Soft"
    assert failed.value.payload["errorMessage"] == "try again"
    assert failed.value.payload["stackTrace"]
    answer = stage.client("lambda").invoke(
        FunctionName="singlewindow-ProbeDecide", Payload=b'{"answers": [1]}'
    )
    assert json.load(answer["Payload"]) == {"decided": [1]}
    probe.failing["decide"] = 1
    answer = stage.client("lambda").invoke(FunctionName="singlewindow-ProbeDecide", Payload=b"{}")
    assert (answer["FunctionError"], json.load(answer["Payload"])["errorType"]) == ("Unhandled", "Soft")


def test_a_slow_handler_is_noticed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    function = stage.functions.find("ProbeDecide")
    impatient = type(function)(
        **{name: getattr(function, name) for name in function.__slots__} | {"timeout": 0}
    )
    monkeypatch.setitem(stage.functions._by_id, "ProbeDecide", impatient)
    stage.invoke("ProbeDecide", {"answers": [], "slow": 0.01})
    assert any("its timeout is 0 s" in line.text for line in stage.logs)
