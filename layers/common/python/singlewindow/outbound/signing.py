"""Signatures as Standard Webhooks has them (https://www.standardwebhooks.com): HMAC-SHA256 over `id.timestamp.body`."""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

PREFIX: Final = "whsec_"
# For how long the secret before the present one signs as well.
OVERLAP: Final = timedelta(hours=24)


class Rotating:
    """Whoever has a secret that is replaced: `generation` counts them, `rotated_at` is when the present one came."""

    __slots__ = ()
    generation: int
    rotated_at: str | None

    @property
    def previous_until(self) -> datetime | None:
        """Until when the secret before the present one signs as well; None where there is none."""
        return datetime.fromisoformat(self.rotated_at) + OVERLAP if self.rotated_at else None

    def signing(self, now: datetime) -> tuple[int, ...]:
        """The generations of the secret that sign now, the newest first."""
        until = self.previous_until
        return (self.generation, self.generation - 1) if until and now < until else (self.generation,)


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
