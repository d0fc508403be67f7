"""Signatures as Standard Webhooks has them (https://www.standardwebhooks.com): HMAC-SHA256 over `id.timestamp.body`."""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from typing import Final

PREFIX: Final = "whsec_"


def as_text(secret: bytes) -> str:
    """A secret as the customer gets it."""
    return PREFIX + base64.b64encode(secret).decode()


def signature(secret: bytes, webhook_id: str, timestamp: int, body: str) -> str:
    """`v1,<base64>`."""
    signed = f"{webhook_id}.{timestamp}.{body}".encode()
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


def headers(secrets: Iterable[bytes], webhook_id: str, timestamp: int, body: str) -> dict[str, str]:
    """The headers of one attempt: one signature a secret in force, the newest first."""
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(one, webhook_id, timestamp, body) for one in secrets),
    }
