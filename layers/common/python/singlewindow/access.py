"""What a route declares of itself: who may call it, what it reads, how much (default: nobody)."""

from dataclasses import dataclass
from typing import Any, Final

from singlewindow.parties import Role

MEGABYTE = 1024 * 1024


class _Public:
    def __repr__(self) -> str:
        return "PUBLIC"


PUBLIC: Final = _Public()
NO_TOKEN: Final = (
    "a bearer token is needed: there was none, or it is not of this window's issuer, or it has expired",
    "需要有效令牌：未提供、非本窗口认可的机构签发，或已过期",
)
Allow = tuple[Role, ...] | _Public


@dataclass(frozen=True, slots=True)
class Throttle:
    """Requests a second, and how many may come at once."""

    rate: float
    burst: int


@dataclass(frozen=True, slots=True)
class Access:
    """The contract of one route; the synthesiser writes it into the template and the OpenAPI document.

    `request` and `responses` name schemas: a dict is JSON Schema itself, a string `document:declaration:1` one of the
    catalogue's, a pydantic model its own, `command:exchange.reply.Reply` one that is imported only where it is used.
    `max_bytes` bounds the body before anything reads it; `larger` is the call by which a larger one comes.
    """

    allow: Allow
    summary: str
    consumes: tuple[str, ...] = ()
    request: Any = None
    responses: dict[int, Any] | None = None
    query: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    max_bytes: int = MEGABYTE
    larger: str = ""
    throttle: Throttle | None = None
