"""What is made faster in moto answers as before: the same calls, with and without."""

from contextlib import ExitStack
from inspect import getattr_static
from typing import Any
from unittest.mock import patch

import pytest
from moto.dynamodb.models.table import Table

from infra.stage import Stage
from infra.stage.moto_pace import REPLACED

# As moto has them: this is read before any stack is up.
SLOW = [(target, name, getattr_static(target, name)) for target, name, _ in REPLACED]


def twice(ask: Any) -> tuple[Any, Any]:
    """What `ask` answers as it is, and as moto would have it."""
    fast = ask()
    with ExitStack() as undo:
        for target, name, original in SLOW:
            undo.enter_context(patch.object(target, name, original))
        return fast, ask()


def told(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


@pytest.fixture
def table(stage: Stage) -> Any:
    dynamodb = stage.client("dynamodb")
    dynamodb.create_table(
        TableName="paced",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "key", "KeyType": "HASH"},
            {"AttributeName": "place", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "key", "AttributeType": "S"},
            {"AttributeName": "place", "AttributeType": "N"},
        ],
    )
    values = {"text": {"S": "字"}, "yes": {"BOOL": True}, "none": {"NULL": True}, "set": {"SS": ["b", "a"]}}
    for key in ("b", "a"):
        for place in (10, 9, -1, 100):
            item = {"key": {"S": key}, "place": {"N": str(place)}, "bytes": {"B": b"\x00\xff"}, **values}
            dynamodb.put_item(
                TableName="paced", Item=item | {"nested": {"M": values | {"list": {"L": [*values.values()]}}}}
            )
    yield dynamodb
    dynamodb.delete_table(TableName="paced")


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"ScanIndexForward": False, "Limit": 3},
        {"Limit": 1, "ExclusiveStartKey": {"key": {"S": "a"}, "place": {"N": "9"}}},
        {"more": " AND place BETWEEN :low AND :high", ":low": {"N": "9"}, ":high": {"N": "10"}},
        {"more": " AND place > :low", ":low": {"N": "9"}, "Limit": 1},
        {"key": "c"},
    ],
)
def test_a_query_finds_the_same(table: Any, asked: dict[str, Any]) -> None:
    asked = dict(asked)
    values = {":key": {"S": asked.pop("key", "a")}} | {n: asked.pop(n) for n in [*asked] if n[0] == ":"}
    condition = "#k = :key" + asked.pop("more", "")
    fast, slow = twice(
        lambda: table.query(
            TableName="paced", KeyConditionExpression=condition, ExpressionAttributeNames={"#k": "key"},
            ExpressionAttributeValues=values, **asked,
        )
    )  # fmt: skip
    assert told(fast) == told(slow)


def test_a_scan_reads_in_the_same_order_page_by_page(table: Any) -> None:
    page = {"TableName": "paced", "Limit": 3}
    last: dict[str, Any] | None = None
    for _ in range(3):
        start: dict[str, Any] = {"ExclusiveStartKey": last} if last else {}
        fast, slow = twice(lambda start=start: table.scan(**page, **start))
        assert told(fast) == told(slow)
        last = fast.get("LastEvaluatedKey")
    assert last is None


def test_a_query_does_not_change_what_it_reads(stage: Stage, table: Any) -> None:
    table.update_item(
        TableName="paced",
        Key={"key": {"S": "a"}, "place": {"N": "9"}},
        UpdateExpression="SET seen = :one REMOVE yes",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    query = {
        "TableName": "paced",
        "KeyConditionExpression": "#k = :key AND place = :place",
        "ExpressionAttributeNames": {"#k": "key"},
        "ExpressionAttributeValues": {":key": {"S": "a"}, ":place": {"N": "9"}},
    }
    (item,) = table.query(**query)["Items"]
    assert (item["seen"], "yes" in item) == ({"N": "1"}, False)
    assert Table.query is not SLOW[0][2]


def test_a_queue_counts_and_gives_the_same(stage: Stage) -> None:
    sqs, url = stage.client("sqs"), stage.client("sqs").create_queue(QueueName="paced")["QueueUrl"]
    attribute = {"colour": {"DataType": "String", "StringValue": "blue"}}
    sqs.send_message(QueueUrl=url, MessageBody="now", MessageAttributes=attribute)
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=60)
    (message,) = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert (message["Body"], "MessageAttributes" in message) == ("now", False)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)  # one is in flight, one is delayed

    fast, slow = twice(lambda: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]))
    assert told(fast) == told(slow)
    counted = {name: n for name, n in fast["Attributes"].items() if name.startswith("Approximate")}
    assert counted == {
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesNotVisible": "1",
        "ApproximateNumberOfMessagesDelayed": "1",
    }

    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    asked = {"QueueUrl": url, "MessageAttributeNames": ["All"], "AttributeNames": ["All"]}
    (again,) = sqs.receive_message(**asked)["Messages"]
    assert again["MessageAttributes"] == attribute
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"
    for _ in range(2):  # the older handle serves as well, and once more does no harm
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    with pytest.raises(sqs.exceptions.ReceiptHandleIsInvalid):
        sqs.delete_message(QueueUrl=url, ReceiptHandle="made up")
    sqs.delete_queue(QueueUrl=url)


def test_answers_in_xml_keep_their_lists(stage: Stage) -> None:
    sns, s3 = stage.client("sns"), stage.client("s3")
    queue = stage.attribute("Inbox", "Arn")
    topic = sns.create_topic(Name="paced")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    s3.create_bucket(Bucket="paced", CreateBucketConfiguration={"LocationConstraint": "cn-northwest-1"})
    for key in ("a", "b"):
        s3.put_object(Bucket="paced", Key=key, Body=b"x")

    fast, slow = twice(lambda: told(sns.list_subscriptions_by_topic(TopicArn=topic)))
    assert fast == slow
    assert [one["Endpoint"] for one in fast["Subscriptions"]] == [queue]
    fast, slow = twice(lambda: told(s3.list_objects_v2(Bucket="paced")))
    assert fast == slow
    assert [one["Key"] for one in fast["Contents"]] == ["a", "b"]

    sns.delete_topic(TopicArn=topic)
    for key in ("a", "b"):
        s3.delete_object(Bucket="paced", Key=key)
    s3.delete_bucket(Bucket="paced")
