"""The drop folder: a bucket in which each party has `<party>/in/`, `<party>/receipts/` and `<party>/out/`.

Who may put where is the bucket's policy, so the folder names the sender as a queue does.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from random import uniform
from time import sleep
from typing import Any
from urllib.parse import unquote_plus

from singlewindow import settings
from singlewindow.aws.clients import client
from singlewindow.aws.uploads import MOST_BYTES
from singlewindow.errors import WindowError

_ATTEMPTS = 8
# Another wrote between our look and our write; the second where both wrote in the same moment.
_OVERTAKEN = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409")
_STANDING = "standing"
_IN = re.compile(r"([A-Za-z0-9-]{1,64})/in/([^/]{1,200})")


@dataclass(frozen=True, slots=True)
class File:
    """One version of a file that a party put into its folder. `version`: the bucket's, or the ETag; `at`: when it came
    by the bucket's clock, one for all versions."""

    party: str
    name: str
    key: str
    version: str
    size: int
    versioned: bool = True
    at: str = ""


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
            came = str(record.get("eventTime", ""))
            found.append(File(place[1], place[2], key, at, int(told["size"]), bool(version), came))
    return found


def fetch(file: File) -> tuple[bytes, str] | None:
    """(its bytes, the detached JWS of its metadata `jws-signature`, or ""); None where it is gone, or was replaced.

    Raises 413 over MOST_BYTES, and reads nothing of it: who fills a bucket is bound by no gateway.
    """
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
    if answer["ContentLength"] > MOST_BYTES:
        answer["Body"].close()
        raise WindowError(
            413,
            "too-large",
            f"{answer['ContentLength']} bytes; at most {MOST_BYTES}, here and by POST /exchange/uploads: send its "
            "documents in several messages",
            detail_zh=f"文件过大：投递目录与 POST /exchange/uploads 均最多 {MOST_BYTES} 字节，请分多个报文发送",
        )
    body: bytes = answer["Body"].read()
    return body, answer.get("Metadata", {}).get("jws-signature", "")


def answer(party: str, name: str, content: bytes, standing: tuple[str, int]) -> None:
    """What became of a file, beside it: `<party>/receipts/<name>.json`.

    `standing`: (when that version came, how far its word goes): a word replaces one that stands no higher and is lost
    against a higher one, in whatever order they are written. Raises 503 where others write all the time.
    """
    key, ours = f"{party}/receipts/{name}.json", f"{standing[0]}#{standing[1]}"
    s3, bucket = client("s3"), settings.get("DROP_BUCKET")
    condition = {"IfNoneMatch": "*"}  # the first word of most files: nothing to look for
    for attempt in range(_ATTEMPTS):
        try:
            s3.put_object(
                Bucket=bucket, Key=key, Body=content, ContentType="application/json",
                Metadata={_STANDING: ours}, **condition,
            )  # fmt: skip
            return
        except s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in _OVERTAKEN:
                raise
            sleep(uniform(0, 0.01 * 2**attempt) if attempt else 0)
        there = s3.head_object(Bucket=bucket, Key=key)
        if there["Metadata"].get(_STANDING, "") > ours:
            return
        condition = {"IfMatch": there["ETag"]}
    raise WindowError(503, "contended", f"{key} is being written by others", detail_zh="并发冲突，请重试")


def put(key: str, content: bytes, media_type: str) -> None:
    client("s3").put_object(Bucket=settings.get("DROP_BUCKET"), Key=key, Body=content, ContentType=media_type)
