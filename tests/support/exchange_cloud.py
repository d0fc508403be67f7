"""The tables and buckets of the exchange on moto, for tests of its parts: made once a module, emptied for each test."""

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends
from moto.s3.models import s3_backends

from exchange import certificates
from infra.stage.moto_faults import mended
from singlewindow import settings
from singlewindow.aws import clients

REGION, ACCOUNT = "cn-northwest-1", "123456789012"
SETTINGS = {
    "RECEIVED_TABLE": "received", "CERTIFICATES_TABLE": "certificates", "LEDGER_TABLE": "ledger",
    "ARCHIVE_BUCKET": "archive", "UPLOADS_BUCKET": "uploads", "DROP_BUCKET": "drop",
}  # fmt: skip
_TABLES = {"received": ("key", "item"), "certificates": ("party", "item"), "ledger": ("consignment", "item")}


@contextmanager
def opened() -> Iterator[None]:
    clients.client.cache_clear()
    with pytest.MonkeyPatch.context() as monkeypatch, mock_aws(), mended():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "testing")
        monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
        dynamodb, s3 = boto3.client("dynamodb"), boto3.client("s3")
        for table, keys in _TABLES.items():
            dynamodb.create_table(
                TableName=table,
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                KeySchema=[
                    {"AttributeName": key, "KeyType": kind}
                    for key, kind in zip(keys, ("HASH", "RANGE"), strict=True)
                ],
                BillingMode="PAY_PER_REQUEST",
            )
        for bucket in ("archive", "uploads", "drop"):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket="drop", VersioningConfiguration={"Status": "Enabled"})
        routing = boto3.client("sqs").create_queue(QueueName="routing")["QueueUrl"]
        with settings.using(SETTINGS | {"ROUTING_QUEUE": routing}):
            yield
    clients.client.cache_clear()


def emptied() -> None:
    """As after `opened`, but for the queue; a fault that a test hooked into a client fires once."""
    for table in _TABLES:
        dynamodb_backends[ACCOUNT][REGION].get_table(table).items.clear()
    for bucket in s3_backends[ACCOUNT]["aws-cn"].buckets.values():
        bucket.keys.clear()
    certificates._bound.clear()
