"""A published set of public keys (RFC 7517), looked up over https and kept for an hour.

The address comes from the configuration alone, never from a token. Time is the world's: a demonstration that travels
(`clock.travel`) neither expires keys nor revives them.
"""

import json
import time
from typing import Any, Protocol
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, build_opener

import jwt

ALGORITHMS = ("RS256", "ES256")

# What may be known of a key, whatever else was published by mistake.
_PUBLIC = ("kty", "kid", "alg", "use", "crv", "x", "y", "n", "e", "party")

_FRESH = 3600.0  # seconds after which keys are looked up again
_PAUSE = 10.0  # seconds between two look-ups at least, however many unknown keys are named
_RETRY = 1.0  # the same while the issuer has not answered yet
_PATIENCE = 3.0  # seconds for the issuer to answer
_LARGEST = 256 * 1024  # bytes of a key set


class Unbelievable(Exception):
    """The token is missing, malformed, expired, forged, or not meant for us. Says why, for the log only."""


class Keys(Protocol):
    def find(self, kid: str) -> jwt.PyJWK:
        """The public key of this id. Raises `Unbelievable` where the issuer has none."""


class KeySet:
    """The issuer's public keys by `kid`; looked up again for an unknown one, but at most every 10 s."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        local = parts.scheme == "http" and parts.hostname == "127.0.0.1"
        if parts.scheme != "https" and not local:
            raise ValueError(f"{url}: keys are fetched over https (or from this machine)")
        self._url = url
        # A redirect could lead away from https, a proxy away from this machine.
        self._opener = build_opener(_NoRedirect, *([ProxyHandler({})] if local else []))
        self._keys: dict[str, jwt.PyJWK] = {}
        self._members: dict[str, dict[str, Any]] = {}
        self._asked = self._fetched = float("-inf")

    def find(self, kid: str) -> jwt.PyJWK:
        now = time.monotonic()
        stale = now - self._fetched > _FRESH
        pause = _PAUSE if self._keys else _RETRY
        if (stale or kid not in self._keys) and now - self._asked > pause:
            self._asked = now
            self._fetch(now)
        if self._fetched == float("-inf"):  # not the caller's fault: no 401, but try again
            raise LookupError(f"{self._url} has not given its keys")
        try:
            return self._keys[kid]
        except KeyError:
            raise Unbelievable(f"key {kid!r} is not the issuer's") from None

    def member(self, kid: str, name: str) -> Any:
        """What the publisher says of a key beside the key itself; None where it says nothing."""
        return self._members.get(kid, {}).get(name)

    def published(self, kid: str) -> dict[str, Any]:
        """The public key as its publisher writes it, with what it says beside; empty where there is none."""
        said = self._members.get(kid, {})
        return {name: said[name] for name in _PUBLIC if name in said}

    def _fetch(self, now: float) -> None:
        """Take over what the issuer publishes. Where it does not answer, the keys that we have stay good."""
        try:
            with self._opener.open(self._url, timeout=_PATIENCE) as answer:
                published = json.loads(answer.read(_LARGEST))["keys"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            if isinstance(error, HTTPError):
                error.close()
            if not self._keys:
                raise
            return
        usable = [(key, said) for said in published if (key := _usable(said)) and key.key_id]
        self._keys = {str(key.key_id): key for key, _ in usable}
        self._members = {str(key.key_id): said for key, said in usable}
        self._fetched = now


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:
        raise HTTPError(req.full_url, code, f"the key set has moved to {newurl}", headers, fp)


def _usable(published: Any) -> jwt.PyJWK | None:
    """A signing key of an algorithm that we take; None for another, which is no reason to refuse the rest."""
    try:
        key = jwt.PyJWK(published)
    except (jwt.PyJWTError, AttributeError, TypeError, ValueError):
        return None
    return key if key.algorithm_name in ALGORITHMS and key.public_key_use in (None, "sig") else None
