"""Messages too large for a request: an address to send one to, and what came there."""

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from singlewindow import ids
from singlewindow.aws import uploads
from singlewindow.errors import WindowError

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch


class Upload(BaseModel):
    """What somebody wants to upload."""

    model_config = ConfigDict(extra="forbid", strict=True)

    bytes: int = Field(gt=0, le=uploads.MOST_BYTES, description="size of the file, exactly; at most 50 MB")


def granted(upload: Upload) -> dict[str, Any]:
    """Where to PUT the file, for how long, and where its report will be. Whoever has the id may read the report."""
    id = ids.new_id()
    return {
        "id": id,
        "url": uploads.address(_key(id), upload.bytes),
        "method": "PUT",
        "bytes": upload.bytes,
        "expires_in": uploads.SECONDS,
        "report": f"/standards/conformance/uploads/{id}",
    }


def received(id: str) -> bytes:
    """What came. Raises 404 where nothing has come yet or no longer is, 413 for what is larger than it may be."""
    if not _ID(id):
        raise _nothing()
    try:
        raw = uploads.fetch(_key(id))
    except ValueError as error:
        raise WindowError(413, "too-large", str(error), detail_zh="文件超过大小限制") from None
    if raw is None:
        raise _nothing()
    return raw


def _key(id: str) -> str:
    return f"{id[:4]}/conformance/{id}"


def _nothing() -> WindowError:
    return WindowError(
        404,
        "not-uploaded",
        "nothing has come under this address yet, or a day has gone by: PUT the file first",
        detail_zh="尚未收到文件，或已超过一天：请先上传文件",
    )
