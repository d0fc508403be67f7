"""Uploads: bodies too large for a request go straight to a bucket that forgets them after a day.

The address is good for one object of the size that was stated, and for some minutes.
"""

from singlewindow import settings
from singlewindow.aws.clients import client, public_client

SECONDS = 900
MOST_BYTES = 50 * 1024 * 1024


def address(key: str, size: int) -> str:
    """A URL that takes one PUT of exactly `size` bytes under `key`."""
    bucket = settings.get("UPLOADS_BUCKET")
    params = {"Bucket": bucket, "Key": key, "ContentLength": size}
    url: str = public_client("s3").generate_presigned_url("put_object", Params=params, ExpiresIn=SECONDS)
    return url


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
