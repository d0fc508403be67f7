"""The archive: immutable objects under the hash of their content; writing twice adds a version of the same bytes."""

from singlewindow import canonical, settings
from singlewindow.aws.clients import client, public_client


def keep(data: bytes, media_type: str) -> str:
    """Store `data` and return its key, `<first 4 of the hash>/<SHA-256>`: a spread prefix, a verifiable name."""
    key = key_of(canonical.sha256(data))
    client("s3").put_object(Bucket=settings.get("ARCHIVE_BUCKET"), Key=key, Body=data, ContentType=media_type)
    return key


def keep_once(data: bytes, media_type: str) -> str:
    """As `keep`, for what is asked for again and again: bytes that are there are not written anew."""
    key = key_of(canonical.sha256(data))
    s3 = client("s3")
    try:
        s3.head_object(Bucket=settings.get("ARCHIVE_BUCKET"), Key=key)
    except s3.exceptions.ClientError as error:
        # Who may not list a bucket is told «denied» of an object that is not there.
        if error.response["Error"]["Code"] not in ("404", "403", "NoSuchKey", "AccessDenied"):
            raise
        return keep(data, media_type)
    return key


# How long the address in a pointer holds, or less, where the function's own credentials end before: whoever reads an
# inbox may read the body, without a token and at the archive's price.
POINTER_SECONDS = 3600


def link(key: str, file_name: str, media_type: str, seconds: int = POINTER_SECONDS) -> str:
    """An address from which anyone may read the object under `key` for some time, as a file of that name."""
    params = {
        "Bucket": settings.get("ARCHIVE_BUCKET"),
        "Key": key,
        "ResponseContentDisposition": f'attachment; filename="{file_name}"',
        "ResponseContentType": media_type,
    }
    url: str = public_client("s3").generate_presigned_url("get_object", Params=params, ExpiresIn=seconds)
    return url


def fetch(key: str) -> bytes:
    """The object under `key`; raises `LookupError` where its content no longer matches its name."""
    data: bytes = client("s3").get_object(Bucket=settings.get("ARCHIVE_BUCKET"), Key=key)["Body"].read()
    if canonical.sha256(data) != key.rsplit("/", 1)[1]:
        raise LookupError(f"archived object {key} was altered")
    return data


def key_of(sha256: str) -> str:
    """Where the archive keeps content of this hash."""
    return f"{sha256[:4]}/{sha256}"
