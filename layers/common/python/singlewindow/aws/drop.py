"""The drop folder: a bucket in which each party has `<party>/out/`, for us to fill and for it to empty."""

from singlewindow import settings
from singlewindow.aws.clients import client


def put(key: str, content: bytes, media_type: str) -> None:
    client("s3").put_object(Bucket=settings.get("DROP_BUCKET"), Key=key, Body=content, ContentType=media_type)
