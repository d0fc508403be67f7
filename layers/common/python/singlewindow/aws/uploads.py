"""Uploads: bodies too large for a request go straight to a bucket that forgets them after a day.

The address is good for one object of the size that was stated, and for some minutes; where its hash was stated too, for
that object alone.
"""

from base64 import b64encode
from typing import Any

from singlewindow import canonical, settings
from singlewindow.aws.clients import client, public_client
from singlewindow.errors import WindowError

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


def invitation(key: str, size: int, sha256: str) -> dict[str, Any]:
    """What the uploader is told: where to PUT a file that it announced with its hash, and with which headers."""
    return {
        "url": address(key, size, sha256),
        "method": "PUT",
        "headers": headers(sha256),
        "bytes": size,
        "sha256": sha256,
        "expires_in": SECONDS,
    }


def taken(key: str, sha256: str) -> bytes:
    """What came under `key`, which was announced with that hash.

    Raises 409 where it has not come, 422 where it is not what was announced, 413 where it is too large.
    """
    try:
        raw = fetch(key)
    except ValueError as error:
        raise WindowError(413, "too-large", str(error), detail_zh="文件超过大小限制") from None
    if raw is None:
        raise WindowError(
            409,
            "not-uploaded",
            "nothing has come under the address yet, or a day has gone by: PUT the file first",
            detail_zh="尚未收到文件，或已超过一天：请先上传文件",
        )
    if (got := canonical.sha256(raw)) != sha256:
        raise WindowError(
            422,
            "upload-altered",
            f"{got} came, {sha256} was announced: upload it again",
            detail_zh="上传内容的摘要与声明不符，请重新上传",
        )
    return raw


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
