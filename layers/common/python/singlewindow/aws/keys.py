"""KMS: secrets that follow from a key which never leaves it, and what such a key signs."""

import base64
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any

from singlewindow import canonical, settings
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


def signature(key: str, data: bytes) -> bytes:
    """ECDSA over P-256 and SHA-256 by the key `key` (a setting's name), in DER."""
    answer = client("kms").sign(
        KeyId=settings.get(key),
        Message=sha256(data).digest(),
        MessageType="DIGEST",
        SigningAlgorithm="ECDSA_SHA_256",
    )
    made: bytes = answer["Signature"]
    return made


def sign(key: str, payload: Mapping[str, Any]) -> str:
    """A compact JWS (ES256) over `payload` as canonical JSON, by the P-256 key `key` (a setting's name)."""
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    arn = settings.get(key)
    header = canonical.dumps({"alg": "ES256", "kid": _kid(arn)})
    signing = f"{_encoded(header)}.{_encoded(canonical.dumps(dict(payload)))}"
    r, s = decode_dss_signature(signature(key, signing.encode()))
    return f"{signing}.{_encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def published(key: str) -> Mapping[str, str]:
    """The public half of the P-256 key `key` (a setting's name), as a JWK."""
    return _published(settings.get(key))


@lru_cache(maxsize=16)
def _published(arn: str) -> Mapping[str, str]:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    public = load_der_public_key(client("kms").get_public_key(KeyId=arn)["PublicKey"])
    assert isinstance(public, EllipticCurvePublicKey)
    point = public.public_numbers()
    place = {"x": _encoded(point.x.to_bytes(32, "big")), "y": _encoded(point.y.to_bytes(32, "big"))}
    return {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": _kid(arn)} | place


def _kid(arn: str) -> str:
    """A key's own id; the account before it is nobody's business."""
    return arn.rsplit("/", 1)[-1]


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
