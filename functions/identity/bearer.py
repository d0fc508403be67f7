"""Bearer tokens: which JWTs the window believes, and what it takes from them.

The issuer's keys come from the configured JWKS address alone, never from a URL in a token. Time is the
world's: a demonstration that travels (`clock.travel`) neither expires tokens nor revives them.
"""

import json
import re
import time
from typing import Any, Protocol
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, build_opener

import jwt

from singlewindow import ids
from singlewindow.parties import TOKEN_LEEWAY, TRADERS, Caller, Role

ALGORITHMS = ("RS256", "ES256")
_LONGEST = 8 * 1024  # characters; the gateway takes 10,240 bytes of headers
_COMPACT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_PARTY = re.compile(r"[a-z][a-z0-9-]{1,31}")

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
        self._keys = {key.key_id: key for key in map(_usable, published) if key and key.key_id}
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


def verify(token: str, keys: Keys, issuer: str, audience: str) -> Caller:
    """The caller that a token speaks for. Raises `Unbelievable`."""
    if len(token) > _LONGEST or not _COMPACT.fullmatch(token):
        raise Unbelievable("not a JWT, or overlong")
    try:
        header = jwt.get_unverified_header(token)
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in ALGORITHMS or not isinstance(kid, str):
            raise Unbelievable(f"algorithm {algorithm!r}, key {kid!r}")
        key = keys.find(kid)
        if key.algorithm_name != algorithm:
            raise Unbelievable(f"key {kid!r} is not for {algorithm}")
        claims = jwt.decode(
            token,
            key.key,
            algorithms=[algorithm],
            issuer=issuer,
            audience=audience,
            leeway=TOKEN_LEEWAY,
            options={"require": ["exp", "iat", "iss", "aud", "sub"], "enforce_minimum_key_length": True},
        )
    except (jwt.PyJWTError, RecursionError) as error:
        raise Unbelievable(f"{type(error).__name__}: {error}") from error
    return _caller(claims)


def _caller(claims: dict[str, Any]) -> Caller:
    subject, role, party = claims["sub"], claims.get("role"), claims.get("party")
    if not isinstance(subject, str) or not 1 <= len(subject) <= 255:
        raise Unbelievable("no subject")
    if role not in tuple(Role):
        raise Unbelievable(f"role {role!r}")
    if not isinstance(party, str) or not is_party(Role(role), party):
        raise Unbelievable(f"party {party!r} of a role {role}")
    return Caller(subject, Role(role), party, int(claims["exp"]))


def is_party(role: Role, party: str) -> bool:
    """Whether this role can speak for `party`: traders for a USCC, others for an agency's id."""
    return ids.is_uscc(party) if role in TRADERS else bool(_PARTY.fullmatch(party))
