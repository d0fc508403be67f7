"""Who verifies and signs by which algorithm: software here; a card, an HSM or SM2 by the name of its module.

The setting SIGNATURE_PROVIDERS names modules, separated by commas; the first that knows an algorithm serves it.
"""

from functools import lru_cache
from importlib import import_module
from typing import Protocol, cast

from singlewindow import settings

SOFTWARE = "singlewindow.signatures.software"


class Provider(Protocol):
    """What such a module has. `certificate`: X.509 in DER; `key`: whatever the provider calls its own key by."""

    ALGORITHMS: frozenset[str]

    def verify(self, algorithm: str, certificate: bytes, signed: bytes, signature: bytes) -> bool: ...

    def sign(self, algorithm: str, key: str, signed: bytes) -> bytes: ...


def of(algorithm: str) -> Provider:
    """The provider of an algorithm by its JWS name. Raises `LookupError` where nobody knows it."""
    for name in settings.get("SIGNATURE_PROVIDERS", SOFTWARE).split(","):
        if algorithm in (found := _module(name.strip())).ALGORITHMS:
            return found
    raise LookupError(algorithm)


@lru_cache(maxsize=8)
def _module(name: str) -> Provider:
    return cast(Provider, import_module(name))
