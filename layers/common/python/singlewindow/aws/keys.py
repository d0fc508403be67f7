"""KMS: secrets that follow from a key which never leaves it."""

from functools import lru_cache

from singlewindow import settings
from singlewindow.aws.clients import client


def derive(key: str, label: str) -> bytes:
    """32 bytes that follow from the HMAC key `key` (a setting's name) and a label; nobody without the key has them."""
    return _mac(settings.get(key), label)


# KMS bills each call; what was derived stays in this process.
@lru_cache(maxsize=4096)
def _mac(key_arn: str, label: str) -> bytes:
    answer = client("kms").generate_mac(KeyId=key_arn, MacAlgorithm="HMAC_SHA_256", Message=label.encode())
    mac: bytes = answer["Mac"]
    return mac
