"""What a key in KMS signs is verified by the half of it that is published, and by no other."""

import json
from collections.abc import Iterator

import jwt
import pytest
from moto import mock_aws

from infra.stage.moto_faults import mended
from singlewindow import settings
from singlewindow.aws import clients, keys

PAYLOAD = {"order_id": "PO-1", "amount": "12.50"}


@pytest.fixture(autouse=True)
def _two_keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "cn-northwest-1")
    clients.client.cache_clear()
    with mock_aws(), mended():
        made = [
            clients.client("kms").create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"][
                "Arn"
            ]
            for _ in range(2)
        ]
        with settings.using({"ONE_KEY": made[0], "OTHER_KEY": made[1]}):
            yield
    clients.client.cache_clear()


def test_a_signature_is_that_of_the_published_key() -> None:
    token = keys.sign("ONE_KEY", PAYLOAD)
    one, other = jwt.PyJWK(dict(keys.published("ONE_KEY"))), jwt.PyJWK(dict(keys.published("OTHER_KEY")))
    assert json.loads(jwt.api_jws.decode(token, one.key, algorithms=["ES256"])) == PAYLOAD
    assert jwt.get_unverified_header(token)["kid"] == one.key_id
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.api_jws.decode(token, other.key, algorithms=["ES256"])
    assert one.key_id not in ("", other.key_id)
