"""Which tokens are believed: each way of being wrong, and the few of being right."""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from identity import app as identity
from identity.bearer import verify
from singlewindow import jwks, settings
from singlewindow.jwks import KeySet, Unbelievable
from singlewindow.parties import Caller, Role

ISSUER, AUDIENCE = "https://id.example.cn", "singlewindow"
IMPORTER = "91510100569680768F"

RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())
ALGORITHM = {"r": "RS256", "e": "ES256"}
KEY: dict[str, Any] = {"r": RSA_KEY, "e": EC_KEY}


def published(kid: str, key: Any, algorithm: Any, **members: Any) -> dict[str, Any]:
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, **members}


PUBLISHED = [
    published("r", RSA_KEY, jwt.algorithms.RSAAlgorithm),  # many issuers write no `alg`
    published("e", EC_KEY, jwt.algorithms.ECAlgorithm, alg="ES256", use="sig"),
]


OWN = published("e", OTHER_KEY, jwt.algorithms.ECAlgorithm)


class Issuer:
    """Publishes keys on this machine and counts how often it is asked."""

    def __init__(self) -> None:
        self.status, self.body, self.asked = 200, json.dumps({"keys": PUBLISHED}).encode(), 0
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                self.send_response(issuer.status)
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()
                self.wfile.write(issuer.body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks.json"

    def publish(self, *keys: Any) -> None:
        self.body = json.dumps({"keys": keys}).encode()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    thread = Thread(target=issuer.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield issuer
    issuer.server.shutdown()
    issuer.server.server_close()
    thread.join()


class Held:
    """Keys without a network."""

    def find(self, kid: str) -> jwt.PyJWK:
        return {one["kid"]: jwt.PyJWK(one) for one in PUBLISHED}[kid]


def claims(**over: Any) -> dict[str, Any]:
    now = int(time.time())
    usual = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "li",
        "role": "enterprise",
        "party": IMPORTER,
        "iat": now,
        "exp": now + 60,
    }
    return {name: value for name, value in (usual | over).items() if value is not None}


def signed(kid: str = "e", headers: dict[str, Any] | None = None, **over: Any) -> str:
    return jwt.encode(claims(**over), KEY[kid], ALGORITHM[kid], headers={"kid": kid, **(headers or {})})


def segment(value: Any) -> str:
    return (
        urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode())
        .rstrip(b"=")
        .decode()
    )


def judged(token: str) -> Caller:
    return verify(token, Held(), ISSUER, AUDIENCE)


@pytest.mark.parametrize("kid", ["r", "e"])
def test_a_token_of_the_issuer_is_believed(kid: str) -> None:
    assert judged(signed(kid)) == Caller("li", Role.ENTERPRISE, IMPORTER)


@pytest.mark.parametrize(
    ("role", "party"),
    [("broker", IMPORTER), ("agency", "customs"), ("officer", "maritime"), ("operator", "window")],
)
def test_every_role_speaks_for_its_kind_of_party(role: str, party: str) -> None:
    assert judged(signed(role=role, party=party)) == Caller("li", Role(role), party)


def test_an_audience_may_be_one_of_several() -> None:
    assert judged(signed(aud=["portal", AUDIENCE])).party == IMPORTER


def test_clocks_may_differ_a_little() -> None:
    now = int(time.time())
    assert judged(signed(exp=now - 5, iat=now + 5, nbf=now + 5))


@pytest.mark.parametrize(
    "over",
    [
        {"exp": 1_700_000_000},
        {"exp": None},
        {"exp": "soon"},
        {"iat": 99_999_999_999},
        {"iat": None},
        {"nbf": 99_999_999_999},
        {"aud": "another"},
        {"aud": ["another"]},
        {"aud": None},
        {"iss": "https://evil.example"},
        {"iss": ISSUER + "/"},
        {"iss": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
        {"role": None},
        {"role": "admin"},
        {"role": ["enterprise"]},
        {"role": "ENTERPRISE"},
        {"party": None},
        {"party": ""},
        {"party": [IMPORTER]},
        {"party": IMPORTER[:-1] + "A"},  # check character
        {"party": IMPORTER.lower()},
        {"party": "customs"},
        {"role": "agency", "party": IMPORTER},
        {"role": "agency", "party": "../customs"},
        {"role": "officer", "party": "customs\n"},
        {"role": "agency", "party": "海关"},
    ],
    ids=str,
)
def test_a_signed_token_with_a_wrong_claim_is_refused(over: dict[str, Any]) -> None:
    with pytest.raises(Unbelievable):
        judged(signed(**over))


def forged(name: str) -> str:
    """Tokens that the issuer did not sign."""
    good = signed("e")
    header, payload, signature = good.split(".")
    detached = segment({"alg": "ES256", "kid": "e", "b64": False, "crit": ["b64"]})
    public_pem = RSA_KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    hs256 = f"{segment({'alg': 'HS256', 'kid': 'r', 'typ': 'JWT'})}.{payload}"
    made = {
        "other key": jwt.encode(claims(), OTHER_KEY, "ES256", headers={"kid": "e"}),
        "other payload": f"{header}.{segment(claims(party='91310107132231740K'))}.{signature}",
        "cut signature": good[:-4],
        "no signature": f"{header}.{payload}.",
        "none": f"{segment({'alg': 'none', 'kid': 'e'})}.{payload}.",
        "None with signature": f"{segment({'alg': 'None', 'kid': 'e'})}.{payload}.{signature}",
        "HS256 with the public key": f"{hs256}.{segment(hmac.digest(public_pem, hs256.encode(), 'sha256'))}",
        "RS256 named for the EC key": jwt.encode(claims(), RSA_KEY, "RS256", headers={"kid": "e"}),
        "PS256": jwt.encode(claims(), RSA_KEY, "PS256", headers={"kid": "r"}),
        "RS512": jwt.encode(claims(), RSA_KEY, "RS512", headers={"kid": "r"}),
        "no kid": jwt.encode(claims(), EC_KEY, "ES256"),
        "own key in the header": jwt.encode(claims(), OTHER_KEY, "ES256", headers={"kid": "e", "jwk": OWN}),
        "unknown critical header": signed("e", {"crit": ["exp2"], "exp2": 1}),
        "detached": f"{detached}.{payload}.{signature}",
        "garbage": "garbage",
        "three words": "a.b.c",
        "empty": "",
        "deep header": f"{segment(b'[' * 4000)}.{payload}.{signature}",
        "deep object": f"{segment(b'{' * 1000)}.{payload}.{signature}",
        "header of a list": f"{segment([1])}.{payload}.{signature}",
        "kid of a list": f"{segment({'alg': 'ES256', 'kid': ['e']})}.{payload}.{signature}",
        "algorithm of a list": f"{segment({'alg': ['ES256'], 'kid': 'e'})}.{payload}.{signature}",
        "encrypted": f"{good}.{payload}.{signature}",
        "overlong": signed("e", note="x" * 9000),
        "blank inside": good.replace(".", " .", 1),
        "other alphabet": "头.体.签",
    }
    return made[name]


@pytest.mark.parametrize(
    "name",
    [
        "other key",
        "other payload",
        "cut signature",
        "no signature",
        "none",
        "None with signature",
        "HS256 with the public key",
        "RS256 named for the EC key",
        "PS256",
        "RS512",
        "no kid",
        "own key in the header",
        "unknown critical header",
        "detached",
        "garbage",
        "three words",
        "empty",
        "deep header",
        "deep object",
        "header of a list",
        "kid of a list",
        "algorithm of a list",
        "encrypted",
        "overlong",
        "blank inside",
        "other alphabet",
    ],
)
def test_what_the_issuer_did_not_sign_is_refused(name: str) -> None:
    with pytest.raises(Unbelievable):
        judged(forged(name))


@given(st.text(max_size=200) | st.from_regex(r"[\w-]{0,60}\.[\w-]{0,60}\.[\w-]{0,60}", fullmatch=True))
def test_no_text_is_anything_but_refused(text: str) -> None:
    with pytest.raises(Unbelievable):
        judged(text)


def test_a_short_rsa_key_is_not_trusted() -> None:
    weak = rsa.generate_private_key(65537, 1024)
    key = jwt.PyJWK(published("w", weak, jwt.algorithms.RSAAlgorithm))
    with pytest.warns(UserWarning, match="1024 bits"):
        token = jwt.encode(claims(), weak, "RS256", headers={"kid": "w"})

    class Weak:
        def find(self, kid: str) -> jwt.PyJWK:
            return key

    with pytest.raises(Unbelievable):
        verify(token, Weak(), ISSUER, AUDIENCE)


# --- where the keys come from ------------------------------------------------------------------------------


def test_keys_are_fetched_once_and_kept(issuer: Issuer) -> None:
    keys = KeySet(issuer.url)
    assert keys.find("e").algorithm_name == "ES256"
    assert keys.find("r").algorithm_name == "RS256"
    assert issuer.asked == 1


def test_an_unknown_key_is_looked_up_again_but_not_at_will(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = KeySet(issuer.url)
    keys.find("e")
    issuer.publish(*PUBLISHED, published("new", OTHER_KEY, jwt.algorithms.ECAlgorithm))
    for _ in range(20):
        with pytest.raises(Unbelievable):
            keys.find("new")
    assert issuer.asked == 1
    monkeypatch.setattr(jwks, "_PAUSE", 0.0)
    assert keys.find("new")
    assert issuer.asked == 2


def test_a_withdrawn_key_is_forgotten_when_the_keys_are_looked_up_again(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = KeySet(issuer.url)
    keys.find("e")
    issuer.publish(PUBLISHED[0])
    monkeypatch.setattr(jwks, "_PAUSE", 0.0)
    monkeypatch.setattr(jwks, "_FRESH", 0.0)
    with pytest.raises(Unbelievable):
        keys.find("e")


def test_keys_stay_good_while_the_issuer_is_away(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = KeySet(issuer.url)
    keys.find("e")
    issuer.status = 500
    monkeypatch.setattr(jwks, "_PAUSE", 0.0)
    monkeypatch.setattr(jwks, "_FRESH", 0.0)
    assert keys.find("e")


@pytest.mark.parametrize("status", [301, 302, 404, 500])
def test_an_issuer_that_never_answered_is_not_the_callers_fault(issuer: Issuer, status: int) -> None:
    issuer.status = status
    keys = KeySet(issuer.url)
    for _ in range(3):
        with pytest.raises((OSError, LookupError)):
            keys.find("e")
    assert issuer.asked == 1


UNREADABLE = [b"", b"[]", b"{}", b"<html>", b'{"keys": 1}', b'"' + b"x" * 300_000 + b'"']


@pytest.mark.parametrize("body", UNREADABLE, ids=len)
def test_a_key_set_that_nobody_can_read_is_not_the_callers_fault(issuer: Issuer, body: bytes) -> None:
    issuer.body = body
    with pytest.raises((ValueError, KeyError, TypeError, LookupError)):
        KeySet(issuer.url).find("e")


def test_keys_that_we_do_not_take_are_passed_over(issuer: Issuer) -> None:
    p384 = ec.generate_private_key(ec.SECP384R1())
    issuer.publish(
        {"kty": "oct", "kid": "h", "k": "c2VjcmV0", "alg": "HS256"},
        {"kty": "EC", "kid": "broken", "crv": "P-256", "x": "!", "y": "!"},
        published("p", p384, jwt.algorithms.ECAlgorithm),
        published("enc", RSA_KEY, jwt.algorithms.RSAAlgorithm, use="enc"),
        published("rs512", RSA_KEY, jwt.algorithms.RSAAlgorithm, alg="RS512"),
        "not a key",
        None,
        {**PUBLISHED[0], "kid": None},
        *PUBLISHED,
    )
    keys = KeySet(issuer.url)
    for kid in ("h", "broken", "p", "enc", "rs512", "None"):
        with pytest.raises(Unbelievable):
            keys.find(kid)
    assert keys.find("e")
    assert keys.find("r")


@pytest.mark.parametrize(
    "url",
    [
        "http://id.example.cn/jwks",
        "http://127.0.0.1.example.cn/jwks",
        "http://127.0.0.1@evil.example/jwks",
        "http://localhost/jwks",
        "file:///etc/passwd",
        "ftp://127.0.0.1/jwks",
        "jwks.json",
        "",
    ],
)
def test_keys_come_over_https_or_from_this_machine(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        KeySet(url)


# --- as the gateway's authorizer ---------------------------------------------------------------------------

METHOD = "arn:aws-cn:execute-api:cn-northwest-1:123456789012:abc123/prod/GET/declarations/I1"


@pytest.fixture
def environment(issuer: Issuer) -> Iterator[None]:
    with settings.using({"OIDC_JWKS_URL": issuer.url, "OIDC_ISSUER": ISSUER, "OIDC_AUDIENCE": AUDIENCE}):
        yield


def asked(**headers: str) -> dict[str, Any]:
    return {"type": "REQUEST", "methodArn": METHOD, "headers": headers or None}


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
@pytest.mark.parametrize("kind", ["Bearer", "bearer"])
def test_the_policy_opens_the_whole_stage_because_it_is_cached_across_routes(name: str, kind: str) -> None:
    answer = identity.authorize(asked(**{name: f"{kind} {signed()}"}), None)

    (statement,) = answer["policyDocument"]["Statement"]
    assert statement == {
        "Action": "execute-api:Invoke",
        "Effect": "Allow",
        "Resource": "arn:aws-cn:execute-api:cn-northwest-1:123456789012:abc123/prod/*",
    }
    assert answer["principalId"] == "li"
    assert int(answer["context"].pop("expires_at")) > time.time()
    assert answer["context"] == {"subject": "li", "role": "enterprise", "party": IMPORTER}


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Basic bGk6bGk=", "token", "Bearer a b", "Bearer\tx", "Bearer garbage"]
)
def test_without_a_bearer_token_the_answer_is_the_gateways_word_for_401(value: str) -> None:
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        identity.authorize(asked(Authorization=value), None)


@pytest.mark.usefixtures("environment")
def test_no_headers_at_all_is_401() -> None:
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        identity.authorize(asked(), None)


@pytest.mark.usefixtures("environment")
def test_an_issuer_that_is_away_is_no_401(issuer: Issuer) -> None:
    issuer.status = 503
    with pytest.raises(Exception, match=r"503|not given") as failure:
        identity.authorize(asked(Authorization=f"Bearer {signed()}"), None)
    assert str(failure.value) != "Unauthorized"


@pytest.mark.usefixtures("environment")
def test_the_log_says_why_and_never_the_token(caplog: pytest.LogCaptureFixture) -> None:
    token = signed(aud="another")
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        identity.authorize(
            asked(Authorization=f"Bearer {token}", **{"X-Correlation-Id": "corr-12345678"}), None
        )
    (record,) = caplog.records
    assert "Audience" in str(vars(record)["reason"])
    assert token.split(".")[2] not in str(vars(record))
    assert identity.app.logger.get_correlation_id() == "corr-12345678"
