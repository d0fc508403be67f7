"""The tables and buckets of the exchange on moto, for tests of its parts."""

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest
from moto import mock_aws

from exchange import certificates
from infra.stage.moto_faults import mended
from singlewindow import settings
from singlewindow.aws import clients

SETTINGS = {
    "RECEIVED_TABLE": "received", "CERTIFICATES_TABLE": "certificates", "LEDGER_TABLE": "ledger",
    "ARCHIVE_BUCKET": "archive", "UPLOADS_BUCKET": "uploads", "DROP_BUCKET": "drop",
}  # fmt: skip
_TABLES = {"received": ("key", "item"), "certificates": ("party", "item"), "ledger": ("consignment", "item")}


@contextmanager
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "cn-northwest-1")
    clients.client.cache_clear()
    certificates._bound.clear()
    with mock_aws(), mended(), settings.using(SETTINGS):
        for table, keys in _TABLES.items():
            boto3.client("dynamodb").create_table(
                TableName=table,
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                KeySchema=[
                    {"AttributeName": key, "KeyType": kind}
                    for key, kind in zip(keys, ("HASH", "RANGE"), strict=True)
                ],
                BillingMode="PAY_PER_REQUEST",
            )
        for bucket in ("archive", "uploads", "drop"):
            boto3.client("s3").create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "cn-northwest-1"}
            )
        boto3.client("s3").put_bucket_versioning(Bucket="drop", VersioningConfiguration={"Status": "Enabled"})
        yield
    clients.client.cache_clear()
