"""The only reader of `os.environ`."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_overlay: ContextVar[Mapping[str, str] | None] = ContextVar("settings", default=None)


def get(name: str, default: str | None = None) -> str:
    """The value of a setting. Raises `LookupError` when it is neither set nor defaulted.

    A capability finds here only what its manifest entry grants it: the synthesiser writes the IAM policy and the
    variable from the same line.
    """
    values = _overlay.get()
    value = (os.environ if values is None else values).get(name, default)
    if value is None:
        raise LookupError(f"setting {name} is missing: does chalicefile.json grant this capability its use?")
    return value


@contextmanager
def using(values: Mapping[str, str]) -> Iterator[None]:
    """Read settings from `values` alone inside the block (the local stack: one environment per invocation)."""
    token = _overlay.set(values)
    try:
        yield
    finally:
        _overlay.reset(token)
