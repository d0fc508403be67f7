"""The commands that register a certificate and bind a party to sign."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class RegisterCertificate(BaseModel):
    """One X.509 certificate, never a private key."""

    model_config = ConfigDict(extra="forbid", strict=True)

    pem: Annotated[str, StringConstraints(min_length=1, max_length=16_384)]
    dxp_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,16}$")] | None = Field(
        default=None,
        description="the number under which its owner sends by DXP: envelopes name none but what is registered",
    )


class MustSign(BaseModel):
    """The types of messages that must be signed: their ids, or `*` for all."""

    model_config = ConfigDict(extra="forbid", strict=True)

    types: Annotated[
        list[Annotated[str, StringConstraints(pattern=r"^(\*|[A-Za-z][A-Za-z0-9-]{0,63})$")]],
        Field(max_length=100),
    ]
