"""The command that announces an upload."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from singlewindow.aws import uploads


class AnnouncedUpload(BaseModel):
    """What somebody is about to upload."""

    model_config = ConfigDict(extra="forbid", strict=True)

    bytes: int = Field(gt=0, le=uploads.MOST_BYTES, description="size of the file, exactly; at most 50 MB")
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] = Field(
        description="SHA-256 of the file, in hexadecimal"
    )
