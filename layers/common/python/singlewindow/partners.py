"""The trust list: who signs for which partner (customs, a bank, the treasury), and whether a token is its own.

The list is a JWKS at the address of the parameter `PartnersJwksUrl`; each of its keys names its `party`. What a partner
signs is a compact JWS (RFC 7515) whose payload is JSON, with `kid` in its header.
"""

import re
from functools import cache
from typing import Any, Final

import jwt

from singlewindow import canonical, settings
from singlewindow.errors import WindowError
from singlewindow.jwks import ALGORITHMS, KeySet, Unbelievable

# A signed notice names containers and conditions; it carries no document.
LONGEST: Final = 64 * 1024

_COMPACT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)


def verify(token: str, party: str) -> dict[str, Any]:
    """The payload of a compact JWS that `party` signed. Raises 401 `signature-invalid` for any other."""
    try:
        if len(token) > LONGEST or not _COMPACT.fullmatch(token):
            raise Unbelievable("not a compact JWS, or overlong")
        header = jwt.get_unverified_header(token)
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in ALGORITHMS or not isinstance(kid, str):
            raise Unbelievable(f"algorithm {algorithm!r}, key {kid!r}")
        keys = _keys(settings.get("PARTNERS_JWKS_URL"))
        key = keys.find(kid)
        if key.algorithm_name != algorithm or keys.member(kid, "party") != party:
            raise Unbelievable(f"key {kid!r} is not {party}'s for {algorithm}")
        payload = canonical.parse_json(jwt.api_jws.decode(token, key.key, algorithms=[algorithm]))
        if not isinstance(payload, dict):
            raise Unbelievable("the payload is no JSON object")
    except (Unbelievable, jwt.PyJWTError, RecursionError) as error:
        raise WindowError(
            401,
            "signature-invalid",
            f"not signed by {party}: {error}",
            detail_zh=f"签名无效：并非 {party} 的有效签名",
        ) from error
    return payload


def key_of(token: str) -> dict[str, Any]:
    """The public JWK of a token that `verify` has believed: with it anybody verifies the token again, offline."""
    return _keys(settings.get("PARTNERS_JWKS_URL")).published(jwt.get_unverified_header(token)["kid"])


@cache
def _keys(url: str) -> KeySet:
    return KeySet(url)
