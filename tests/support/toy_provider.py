"""A provider of signatures as one for SM2 or a card would be written; its algorithm proves nothing."""

from hashlib import sha256

ALGORITHMS = frozenset({"TOY1"})


def verify(algorithm: str, certificate: bytes, signed: bytes, signature: bytes) -> bool:
    return signature == sha256(sha256(certificate).digest() + signed).digest()


def sign(algorithm: str, key: str, signed: bytes) -> bytes:
    """`key`: the thumbprint of the certificate, which this toy takes for a key."""
    return sha256(bytes.fromhex(key) + signed).digest()
