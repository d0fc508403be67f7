"""The archive: immutable objects under the hash of their content; writing twice adds a version of the same bytes."""

from singlewindow import canonical, settings
from singlewindow.aws.clients import client


def keep(data: bytes, media_type: str) -> str:
    """Store `data` and return its key, `<first 4 of the hash>/<SHA-256>`: a spread prefix, a verifiable name."""
    digest = canonical.sha256(data)
    key = f"{digest[:4]}/{digest}"
    client("s3").put_object(Bucket=settings.get("ARCHIVE_BUCKET"), Key=key, Body=data, ContentType=media_type)
    return key


def fetch(key: str) -> bytes:
    """The object under `key`; raises `LookupError` where its content no longer matches its name."""
    data: bytes = client("s3").get_object(Bucket=settings.get("ARCHIVE_BUCKET"), Key=key)["Body"].read()
    if canonical.sha256(data) != key.rsplit("/", 1)[1]:
        raise LookupError(f"archived object {key} was altered")
    return data
