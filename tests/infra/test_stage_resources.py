"""Bringing a template up: what stands, and what is refused."""

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.stage import Stage, StageError
from infra.stage.functions import Function, Functions
from infra.stage.resources import Builder
from infra.stage.template import Template

QUEUE = {"Type": "AWS::SQS::Queue"}
numbers = count()  # of stacks: the running stage's moto also serves the small ones here

pytestmark = pytest.mark.usefixtures("stage")


def test_names_outputs_and_references_are_those_of_the_template(stage: Stage) -> None:
    assert stage.resource("Things") == "singlewindow-Things"
    assert stage.resource("Inbox").endswith("/123456789012/singlewindow-inbox")
    assert stage.attribute("ProbeApi", "Arn") == (
        "arn:aws-cn:lambda:cn-northwest-1:123456789012:function:singlewindow-probe-api"
    )
    assert stage.outputs == {
        "Address": stage.url,
        "Archive": "s3://singlewindow-archive-123456789012",
        "First": "cn",
    }
    assert stage.dead_letters() == {"InboxDlq": 0, "LostChanges": 0, "PlainDlq": 0}


def test_a_locked_object_version_cannot_be_removed(stage: Stage) -> None:
    s3, bucket = stage.client("s3"), stage.resource("Archive")
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"2")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=version)["Body"].read() == b"1"


def test_alarms_keys_and_log_groups_stand(stage: Stage) -> None:
    alarms = stage.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert [alarm["MetricName"] for alarm in alarms] == ["ApproximateNumberOfMessagesVisible"]
    assert stage.client("kms").describe_key(KeyId="alias/singlewindow")["KeyMetadata"]["Enabled"]
    groups = stage.client("logs").describe_log_groups()["logGroups"]
    assert [group["logGroupName"] for group in groups] == ["/aws/lambda/singlewindow-probe-api"]


@pytest.mark.parametrize(
    ("resources", "complaint"),
    [
        ({"X": {"Type": "AWS::EC2::Instance"}}, r"X: .* type AWS::EC2::Instance"),
        ({"X": {**QUEUE, "CreationPolicy": {}}}, r"X .* attribute CreationPolicy"),
        ({"X": {**QUEUE, "Properties": {"Colour": "red"}}}, r"X \(AWS::SQS::Queue\): .* property Colour"),
        ({"X": {**QUEUE, "Properties": {"FifoQueue": True}}}, "X: .* FIFO"),
        ({"X": {**QUEUE, "Properties": {"QueueName": "no spaces"}}}, r"X \(AWS::SQS::Queue\): "),
        (
            {
                "T": {"Type": "AWS::SNS::Topic"},
                "Q": QUEUE,
                "X": {
                    "Type": "AWS::SNS::Subscription",
                    "Properties": {
                        "TopicArn": {"Ref": "T"},
                        "Protocol": "sqs",
                        "Endpoint": {"Fn::GetAtt": ["Q", "Arn"]},
                    },
                },
            },
            "X: no queue policy lets .*-T send to .*-Q",
        ),
        (
            {
                "X": {
                    "Type": "AWS::Serverless::Function",
                    "Properties": {
                        "CodeUri": ".build/functions/probe",
                        "Handler": "app.on_message",
                        "Events": {"E": {"Type": "SQS", "Properties": {"Queue": "q", "Speed": 1}}},
                    },
                }
            },
            r"X\.E \(SQS\): .* property Speed",
        ),
    ],
)
def test_what_the_stage_does_not_know_is_named(
    tmp_path: Path, resources: dict[str, Any], complaint: str
) -> None:
    template = Template({"Resources": resources}, stack=f"s{next(numbers)}", parameters={})
    with pytest.raises(StageError, match=complaint):
        Builder(template, tmp_path).build()


def test_a_state_machine_with_an_open_placeholder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(
        '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "${Missing}"}}}'
    )
    machine = {"Type": "AWS::Serverless::StateMachine", "Properties": {"DefinitionUri": "m.json"}}
    template = Template({"Resources": {"X": machine}}, stack=f"s{next(numbers)}", parameters={})
    with pytest.raises(StageError, match=r"m\.json names \$\{Missing}"):
        Builder(template, tmp_path).build()


def test_a_state_machine_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    inner = {"StartAt": "B", "States": {"B": {"Type": "Pass", "Next": "Nowhere"}}}
    outer = {"StartAt": "A", "States": {"A": {"Type": "Map", "ItemProcessor": inner, "End": True}}}
    (tmp_path / "m.json").write_text(json.dumps(outer))
    machine = {"Type": "AWS::Serverless::StateMachine", "Properties": {"DefinitionUri": "m.json"}}
    template = Template({"Resources": {"X": machine}}, stack=f"s{next(numbers)}", parameters={})
    with pytest.raises(StageError, match="X: no state Nowhere"):
        Builder(template, tmp_path).build()


def test_a_missing_handler_is_found_at_the_start(stage: Stage) -> None:
    functions = Functions(stage.logs)
    functions.add(Function("X", "x", "arn:x", "probe.app.nothing", {}))
    with pytest.raises(StageError, match=r"X: handler probe\.app\.nothing"):
        functions.load()


def test_one_stage_at_a_time(stage: Stage) -> None:
    with pytest.raises(StageError, match="another stage"):
        Stage(stage.template_path).start()
    assert stage.dead_letters()
