"""A development OIDC issuer, for the local stack only: whoever runs the window may be anybody in it.

The key pair is made at first use and kept in `.local/`, so that `make token` in another process signs what the
running window believes. Not part of the template; production names a real issuer in its parameters.
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from werkzeug.wrappers import Request, Response

from infra import ROOT

KEY_FILE = ROOT / ".local" / "issuer.pem"
ISSUER = "https://issuer.local.invalid"
AUDIENCE = "singlewindow"
JWKS_PATH = "/_local/jwks.json"
DISCOVERY_PATH = "/_local/openid-configuration"
_KID = "local"
_HOURS_12 = 12 * 3600


def token(role: str, party: str, *, seconds: int = _HOURS_12, **claims: Any) -> str:
    """A JWT that the local window accepts; `claims` go over the usual ones."""
    now = int(time.time())
    said = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": f"{role}@{party}",
        "role": role,
        "party": party,
        "iat": now,
        "exp": now + seconds,
    }
    return jwt.encode(said | claims, _key(), algorithm="ES256", headers={"kid": _KID})


def jwks() -> dict[str, Any]:
    """The public key, as the issuer publishes it."""
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(_key().public_key()))
    return {"keys": [public | {"kid": _KID, "alg": "ES256", "use": "sig"}]}


def parameters(url: str) -> dict[str, str]:
    """The template parameters that make a window at `url` believe this issuer."""
    return {"OidcIssuer": ISSUER, "OidcAudience": AUDIENCE, "OidcJwksUrl": url + JWKS_PATH}


def routes() -> dict[str, Callable[[Request], Response]]:
    """What the local gateway serves of this issuer, beside the template's paths."""

    def keys(_: Request) -> Response:
        return Response(json.dumps(jwks()), content_type="application/json")

    def configuration(request: Request) -> Response:
        said = {
            "issuer": ISSUER,
            "jwks_uri": request.host_url.rstrip("/") + JWKS_PATH,
            "id_token_signing_alg_values_supported": ["ES256"],
            "subject_types_supported": ["public"],
            "claims_supported": ["sub", "role", "party"],
        }
        return Response(json.dumps(said), content_type="application/json")

    return {JWKS_PATH: keys, DISCOVERY_PATH: configuration}


def _key() -> ec.EllipticCurvePrivateKey:
    if not KEY_FILE.exists():
        _make(KEY_FILE)
    key = serialization.load_pem_private_key(KEY_FILE.read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _make(path: Path) -> None:
    """Write a new key beside and link it into place: of two processes at first use both get the first one's."""
    path.parent.mkdir(exist_ok=True)
    (path.parent / ".gitignore").write_text("*\n")
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_bytes(pem)
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
