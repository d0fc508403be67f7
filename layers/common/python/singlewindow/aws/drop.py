"""The drop folder: a bucket in which each party has `<party>/in/`, `<party>/receipts/` and `<party>/out/`.

Who may put where is the bucket's policy, so the folder names the sender as a queue does.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from singlewindow import settings
from singlewindow.aws.clients import client

MOST_BYTES = 50 * 1024 * 1024
_IN = re.compile(r"([A-Za-z0-9-]{1,64})/in/([^/]{1,200})")


@dataclass(frozen=True, slots=True)
class File:
    """One version of a file that a party put into its folder. `version`: the bucket's, or the ETag."""

    party: str
    name: str
    key: str
    version: str
    size: int
    versioned: bool = True


def arrivals(notification: Any) -> list[File]:
    """What a notification of the bucket tells of; nothing where it is a test, or of our own files.

    Raises `ValueError` for what is no notification.
    """
    if not isinstance(notification, Mapping) or not (notification.keys() & {"Records", "Event"}):
        raise ValueError("no notification of a bucket")
    found = []
    for record in notification.get("Records", ()):
        told = record["s3"]["object"]
        key = unquote_plus(told["key"])
        place = _IN.fullmatch(key)
        if place and record["eventName"].startswith("ObjectCreated:"):
            version = told.get("versionId")
            at = version or told["eTag"]
            found.append(File(place[1], place[2], key, at, int(told["size"]), bool(version)))
    return found


def fetch(file: File) -> tuple[bytes, str] | None:
    """(its bytes, the detached JWS of its metadata `jws-signature`, or ""); None where it is gone, or was replaced."""
    s3 = client("s3")
    wanted = {"VersionId": file.version} if file.versioned else {"IfMatch": file.version}
    try:
        answer = s3.get_object(Bucket=settings.get("DROP_BUCKET"), Key=file.key, **wanted)
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in (
            "NoSuchKey",
            "NoSuchVersion",
            "404",
            "412",
            "PreconditionFailed",
        ):
            return None
        raise
    body: bytes = answer["Body"].read()
    return body, answer.get("Metadata", {}).get("jws-signature", "")


def answer(party: str, name: str, content: bytes) -> None:
    """What became of a file, beside it: `<party>/receipts/<name>.json`; a later word replaces an earlier one."""
    put(f"{party}/receipts/{name}.json", content, "application/json")


def put(key: str, content: bytes, media_type: str) -> None:
    client("s3").put_object(Bucket=settings.get("DROP_BUCKET"), Key=key, Body=content, ContentType=media_type)
