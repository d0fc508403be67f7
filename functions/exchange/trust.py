"""The commands that register a certificate, bind a party to sign, and give a DXP number to whom it belongs."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from exchange import receivers


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


_Party = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")]


class MoveNumber(BaseModel):
    """Whose a DXP number is, whom it is with now, and why it moves."""

    model_config = ConfigDict(extra="forbid", strict=True)

    party: _Party = Field(description="its rightful owner: a unified social credit code or an agency's id")
    holder: _Party = Field(description="with whom you found it: where that is no more so, nothing moves")
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]

    @model_validator(mode="after")
    def _is_a_party(self) -> Self:
        if not receivers.is_party(self.party):
            raise ValueError("party: a unified social credit code or an agency's id")
        return self
