"""One correlation id from the HTTP request to the last queue consumer."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import uuid4

_FORM = re.compile(r"[A-Za-z0-9._:-]{8,128}")
_current: ContextVar[str | None] = ContextVar("correlation_id", default=None)


def current() -> str:
    """The id in force; a new one where nothing has been bound."""
    return _current.get() or new()


def new() -> str:
    return str(uuid4())


@contextmanager
def bound(candidate: str | None) -> Iterator[str]:
    """Bind `candidate` for the block; a missing or ill-formed one is replaced, never echoed."""
    chosen = candidate if candidate and _FORM.fullmatch(candidate) else new()
    token = _current.set(chosen)
    try:
        yield chosen
    finally:
        _current.reset(token)
