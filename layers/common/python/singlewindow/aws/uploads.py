"""Uploads: bodies too large for a request go straight to a bucket that forgets them after a day.

The address is good for one object of the size that was stated, and for some minutes; where its hash was stated too, for
that object alone.
"""

from base64 import b64encode
from typing import Any

from singlewindow import settings
from singlewindow.aws.clients import client, public_client

SECONDS = 900
MOST_BYTES = 50 * 1024 * 1024


def address(key: str, size: int, sha256: str | None = None) -> str:
    """A URL that takes one PUT of exactly `size` bytes under `key`.

    With `sha256` (hex) the PUT must carry `headers(sha256)`, which are signed: the store refuses any other content.
    """
    params: dict[str, Any] = {"Bucket": settings.get("UPLOADS_BUCKET"), "Key": key, "ContentLength": size}
    if sha256:
        params["ChecksumSHA256"] = _base64(sha256)
    url: str = public_client("s3").generate_presigned_url("put_object", Params=params, ExpiresIn=SECONDS)
    return url


def headers(sha256: str) -> dict[str, str]:
    """What a PUT to an address with a hash must say."""
    return {"x-amz-checksum-sha256": _base64(sha256)}


def _base64(sha256: str) -> str:
    return b64encode(bytes.fromhex(sha256)).decode()


def fetch(key: str) -> bytes | None:
    """What came under `key`; None where nothing has come, or a day has gone by. Raises `ValueError` over MOST_BYTES."""
    s3 = client("s3")
    try:
        answer = s3.get_object(Bucket=settings.get("UPLOADS_BUCKET"), Key=key)
    except s3.exceptions.NoSuchKey:
        return None
    except s3.exceptions.ClientError as error:
        # Who may not list a bucket is told «denied» of an object that is not there.
        if error.response["Error"]["Code"] in ("AccessDenied", "403"):
            return None
        raise
    if answer["ContentLength"] > MOST_BYTES:
        raise ValueError(f"{answer['ContentLength']} bytes; at most {MOST_BYTES}")
    body: bytes = answer["Body"].read()
    return body
