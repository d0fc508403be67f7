"""Channels on moto: tables, queues, a topic with a listener, an archive; messages as the exchange leaves them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any
from uuid import uuid4

import boto3
import pytest
from moto import mock_aws

from channels import delivery, transports
from channels.app import app
from infra import ROOT
from infra.stage.moto_faults import mended
from singlewindow import canonical, catalogue, clock, settings
from singlewindow.aws import archive, clients, keys, queues
from singlewindow.outbound.post import Outcome
from tests.support.gateway_event import gateway_event

PARTY, OTHER = "91510100569680768F", "913302017532977856"
REGION = "cn-northwest-1"
QUEUES = ("routing", "delivery-a", "delivery-b", "delivery-c", "delivery-d")
SAMPLE: dict[str, Any] = json.loads((ROOT / "catalogue/examples/ecommerce-order.v1.json").read_bytes())
ORDER = catalogue.document("ecommerce-order").normalise(SAMPLE)


WAITING = {
    "IndexName": "waiting",
    "KeySchema": [
        {"AttributeName": "waits_on", "KeyType": "HASH"},
        {"AttributeName": "waits_since", "KeyType": "RANGE"},
    ],
    "Projection": {"ProjectionType": "KEYS_ONLY"},
}

aws = cache(boto3.client)


@pytest.fixture(scope="package", autouse=True)
def fresh() -> Iterator[None]:
    """Clients are dear to make: one set for all tests here, and none of them for anybody else."""
    clients.client.cache_clear()
    yield
    clients.client.cache_clear()
    aws.cache_clear()


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    keys._mac.cache_clear()
    clock.travel(datetime.fromisoformat("2026-11-25T02:00:00Z"))
    monkeypatch.setattr(queues, "LONGEST_DELAY", 0)  # moto's queues know nothing of our clock
    with mock_aws(), mended():
        for table in ("channels", "dispatch", "received", "journeys"):
            index = table == "dispatch"
            names = ("key", "item", "waits_on", "waits_since") if index else ("key", "item")
            aws("dynamodb").create_table(
                TableName=table,
                AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in names],
                **({"GlobalSecondaryIndexes": [WAITING]} if index else {}),
                KeySchema=[
                    {"AttributeName": n, "KeyType": t}
                    for n, t in zip(("key", "item"), ("HASH", "RANGE"), strict=True)
                ],
                BillingMode="PAY_PER_REQUEST",
            )
        for bucket in ("archive", "drop"):
            aws("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        sqs = aws("sqs")
        urls = {name: sqs.create_queue(QueueName=f"w-{name}")["QueueUrl"] for name in QUEUES}
        sqs.create_queue(QueueName="w-routing-dlq")
        inbox = sqs.create_queue(QueueName="customs-inbox")["QueueUrl"]
        topic = aws("sns").create_topic(Name="messages")["TopicArn"]
        aws("sns").subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws-cn:sqs:{REGION}:123456789012:customs-inbox",
            Attributes={"RawMessageDelivery": "true", "FilterPolicy": json.dumps({"agency": ["customs"]})},
        )  # fmt: skip
        key = aws("kms").create_key(KeyUsage="GENERATE_VERIFY_MAC", KeySpec="HMAC_256")
        values = {
            "CHANNELS_TABLE": "channels",
            "DISPATCH_TABLE": "dispatch",
            "RECEIVED_TABLE": "received",
            "JOURNEYS_TABLE": "journeys",
            "SIMULATED_AGENCIES": "port,tax",
            "ARCHIVE_BUCKET": "archive",
            "DROP_BUCKET": "drop",
            "MESSAGES_TOPIC": topic,
            "CHANNEL_SECRETS_KEY": key["KeyMetadata"]["Arn"],
            "PRIVATE_WEBHOOKS": "off",
            "WEBHOOK_DELAY_CAP": "0",
            "QUEUE_PREFIX": "w-",
            "DEAD_LETTER_QUEUES": "routing-dlq",
            "INBOX": inbox,
            **{f"{name.upper().replace('-', '_')}_QUEUE": url for name, url in urls.items()},
        }
        with settings.using(values):
            yield
    clock.travel(None)
    keys._mac.cache_clear()


def judged(
    sender: str = PARTY,
    receivers: tuple[str, ...] = (),
    documents: Any = (ORDER,),
    document: str = "ecommerce-order",
    state: str = "VALIDATED",
) -> str:
    """A message as the exchange leaves it when it was judged; its id."""
    id = str(uuid4())
    raw = b"<raw/>"
    content = canonical.dumps({"document": document, "version": 1, "documents": list(documents)})
    outcome = {
        "verdict": "conforms",
        "canonical": {
            "sha256": canonical.sha256(content), "key": archive.keep(content, "application/json"),
            "document": document, "version": 1,
        },
    }  # fmt: skip
    members = {
        "key": f"receipt#{id}", "item": "message", "receipt_id": id, "sender": sender, "type": "CEB311Message",
        "syntax": "xml", "raw_key": archive.keep(raw, "application/xml"), "sha256": canonical.sha256(raw),
        "state": state, "correlation_id": "c-1",
        "timeline": json.dumps([["RECEIVED", clock.stamp()], [state, clock.stamp()]]),
        "outcome": canonical.dumps(outcome if documents else {}).decode(), "receivers": json.dumps(receivers),
    }  # fmt: skip
    item = {name: {"S": value} for name, value in members.items()}
    aws("dynamodb").put_item(TableName="received", Item=item)
    return id


def call(
    method: str,
    path: str,
    body: Any = None,
    party: str = PARTY,
    role: str = "enterprise",
    headers: dict[str, str] | None = None,
    **query: str,
) -> tuple[int, Any]:
    """One request to the app as the gateway hands it on; (status, body)."""
    event = gateway_event(
        app, method, path, query=query, headers=headers, body=body, caller=(role, party)
    )
    answer = app(event, None)
    return answer["statusCode"], json.loads(answer["body"])


def registered(party: str = PARTY, role: str = "enterprise", **wanted: Any) -> dict[str, Any]:
    status, body = call("POST", "/exchange/channels", {"protocol": "pull"} | wanted, party, role)
    assert status == 201, body
    channel: dict[str, Any] = body
    return channel


def waiting() -> list[str]:
    """The deliveries whose pointers lie in the queues, taken out."""
    sqs, found = aws("sqs"), []
    for name in QUEUES[1:]:
        url = sqs.get_queue_url(QueueName=f"w-{name}")["QueueUrl"]
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(one["Body"])["delivery_id"] for one in messages]
            for one in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
    return found


def carried() -> list[str | None]:
    """Deliver what is queued now, once; what it came to."""
    return [delivery.deliver(id) for id in waiting()]


@dataclass
class Posts:
    """The attempts made, each answered by what `answers` says of its address (else by 204)."""

    made: list[tuple[str, Any, dict[str, str]]] = field(default_factory=list)
    answers: dict[str, Outcome] = field(default_factory=dict)


@pytest.fixture
def posts(monkeypatch: pytest.MonkeyPatch) -> Posts:
    one = Posts()

    def post(url: str, body: str, headers: dict[str, str], *, private: bool, seconds: float) -> Outcome:
        one.made.append((url, json.loads(body), headers))
        return one.answers.get(url, Outcome(True, "204"))

    monkeypatch.setattr(transports, "post", post)
    return one
