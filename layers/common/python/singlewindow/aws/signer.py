"""A provider of signatures whose keys stay in KMS (`singlewindow.signatures.provider`); a key is a setting's name."""

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from singlewindow.aws import keys
from singlewindow.signatures import software

ALGORITHMS = frozenset({"ES256"})
verify = software.verify


def sign(algorithm: str, key: str, signed: bytes) -> bytes:
    """JWS wants the two numbers side by side where KMS gives them in DER."""
    first, second = decode_dss_signature(keys.signature(key, signed))
    return first.to_bytes(32, "big") + second.to_bytes(32, "big")
