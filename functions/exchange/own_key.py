"""The window's own key: what it wrote itself it signs, and whoever gets it can verify that with the public half."""

import base64
from functools import lru_cache
from hashlib import sha256
from typing import Any

from singlewindow import canonical, settings
from singlewindow.aws import keys

_KEY = "SIGNING_KEY"


def public() -> dict[str, Any]:
    """A JSON Web Key Set (RFC 7517)."""
    return {"keys": [_jwk(settings.get(_KEY))]}


def signature(content: bytes) -> str:
    """The detached JWS over what the window sends."""
    from singlewindow.aws import signer
    from singlewindow.signatures import jws

    return jws.detached(content, "ES256", _KEY, kid=_jwk(settings.get(_KEY))["kid"], signer=signer)


@lru_cache(maxsize=4)
def _jwk(_key_arn: str) -> dict[str, str]:
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    numbers = load_der_public_key(keys.public_key(_KEY)).public_numbers()  # type: ignore[union-attr]
    x, y = (_base64(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))  # type: ignore[union-attr]
    # RFC 7638: the thumbprint of a key is that of its members in this order.
    kid = _base64(sha256(canonical.dumps({"crv": "P-256", "kty": "EC", "x": x, "y": y})).digest())
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid, "alg": "ES256", "use": "sig"}


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
