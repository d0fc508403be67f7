"""A development OIDC issuer and trust list, for the local stack only: whoever runs the window may be anybody in it.

The key pair is made at first use and kept in `.local/`, so that `make token` in another process signs what the
running window believes. Not part of the template; production names a real issuer in its parameters.
"""

import hmac
import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from werkzeug.wrappers import Request, Response

from infra import ROOT
from singlewindow import canonical, catalogue, clock

KEY_FILE = ROOT / ".local" / "issuer.pem"
ISSUER = "https://issuer.local.invalid"
AUDIENCE = "singlewindow"
JWKS_PATH = "/_local/jwks.json"
DISCOVERY_PATH = "/_local/openid-configuration"
PARTNERS_PATH = "/_local/partners.json"
# Those that sign beside the agencies of the catalogue; all simulated.
SIGNERS = ("sandbox-bank", "sandbox-treasury")
_KID = "local"
_HOURS_12 = 12 * 3600
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256 (FIPS 186)


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
    return {"keys": [_published(_key(), _KID)]}


def sign(party: str, payload: Mapping[str, Any]) -> str:
    """A compact JWS over `payload` by the (simulated) partner's own key."""
    return jwt.api_jws.encode(
        canonical.dumps(payload), _key_of(party), algorithm="ES256", headers={"kid": f"local-{party}"}
    )


def partners() -> dict[str, Any]:
    """The trust list: the public key of every partner that signs here, with its `party`."""
    parties = [one["id"] for one in catalogue.agencies(clock.business_date())]
    return {
        "keys": [_published(_key_of(one), f"local-{one}") | {"party": one} for one in (*parties, *SIGNERS)]
    }


def parameters(url: str) -> dict[str, str]:
    """The template parameters that make a window at `url` believe this issuer."""
    return {
        "OidcIssuer": ISSUER,
        "OidcAudience": AUDIENCE,
        "OidcJwksUrl": url + JWKS_PATH,
        "PartnersJwksUrl": url + PARTNERS_PATH,
    }


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

    def trusted(_: Request) -> Response:
        return Response(json.dumps(partners()), content_type="application/json")

    return {JWKS_PATH: keys, DISCOVERY_PATH: configuration, PARTNERS_PATH: trusted}


def _published(key: ec.EllipticCurvePrivateKey, kid: str) -> dict[str, Any]:
    public: dict[str, Any] = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    return public | {"kid": kid, "alg": "ES256", "use": "sig"}


def _key_of(party: str) -> ec.EllipticCurvePrivateKey:
    """A partner's own key: it follows from the issuer's, so that no file is kept for each."""
    seed = _key().private_numbers().private_value.to_bytes(32, "big")
    derived = hmac.digest(seed, f"partner:{party}".encode(), "sha512")
    return ec.derive_private_key(int.from_bytes(derived, "big") % (_ORDER - 1) + 1, ec.SECP256R1())


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
