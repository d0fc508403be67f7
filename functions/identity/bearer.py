"""Bearer tokens: which JWTs the window believes, and what it takes from them.

The issuer's keys come from the configured JWKS address alone, never from a URL in a token. Time is the
world's: a demonstration that travels (`clock.travel`) neither expires tokens nor revives them.
"""

import re
from typing import Any

import jwt

from singlewindow import ids
from singlewindow.jwks import ALGORITHMS, Keys, Unbelievable
from singlewindow.parties import TOKEN_LEEWAY, TRADERS, Caller, Role

_LONGEST = 8 * 1024  # characters; the gateway takes 10,240 bytes of headers
_COMPACT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_PARTY = re.compile(r"[a-z][a-z0-9-]{1,31}")


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
