"""KMS: secrets that follow from a key, and signatures by one, which never leaves it."""

from functools import lru_cache
from hashlib import sha256

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


def sign(key: str, data: bytes) -> bytes:
    """ECDSA over P-256 and SHA-256 by the key `key` (a setting's name), in DER."""
    answer = client("kms").sign(
        KeyId=settings.get(key),
        Message=sha256(data).digest(),
        MessageType="DIGEST",
        SigningAlgorithm="ECDSA_SHA_256",
    )
    signature: bytes = answer["Signature"]
    return signature


def public_key(key: str) -> bytes:
    """The public half of the key `key` (a setting's name), in DER."""
    return _public(settings.get(key))


@lru_cache(maxsize=8)
def _public(key_arn: str) -> bytes:
    found: bytes = client("kms").get_public_key(KeyId=key_arn)["PublicKey"]
    return found
