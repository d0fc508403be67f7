"""The algorithms that software alone can do (RFC 7518, RFC 8037), keys in PEM: what a sandbox signs with."""

from functools import lru_cache
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_der_x509_certificate
from jwt.algorithms import get_default_algorithms

ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)


def verify(algorithm: str, certificate: bytes, signed: bytes, signature: bytes) -> bool:
    try:
        method, key = _methods()[algorithm], _public_key(certificate)
        return bool(method.verify(signed, method.prepare_key(key), signature))
    except (TypeError, ValueError, UnsupportedAlgorithm):  # a key of another kind than the algorithm's
        return False


def sign(algorithm: str, key: str, signed: bytes) -> bytes:
    """`key`: the private key in PEM."""
    method = _methods()[algorithm]
    signature: bytes = method.sign(signed, method.prepare_key(load_pem_private_key(key.encode(), None)))
    return signature


@lru_cache(maxsize=1)
def _methods() -> dict[str, Any]:
    return get_default_algorithms()


@lru_cache(maxsize=256)
def _public_key(certificate: bytes) -> Any:
    return load_der_x509_certificate(certificate).public_key()
