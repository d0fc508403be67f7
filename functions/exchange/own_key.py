"""The window's own key: what it wrote itself it signs, and whoever gets it can verify that with the public half."""

from typing import Any

from singlewindow.aws import keys

_KEY = "SIGNING_KEY"


def public() -> dict[str, Any]:
    """A JSON Web Key Set (RFC 7517)."""
    return {"keys": [dict(keys.published(_KEY))]}


def signature(content: bytes) -> str:
    """The detached JWS over what the window sends."""
    from singlewindow.aws import signer
    from singlewindow.signatures import jws

    return jws.detached(content, "ES256", _KEY, kid=keys.published(_KEY)["kid"], signer=signer)
