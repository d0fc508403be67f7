"""Who signed: a partner's own key of the trust list, and nobody else's."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import jwt
import pytest

from infra import issuer
from singlewindow import partners, settings
from singlewindow.errors import WindowError

PAYLOAD = {"notice": "n-1", "amount": "12.50"}


@pytest.fixture(autouse=True)
def _trust_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(issuer, "KEY_FILE", tmp_path / "local" / "issuer.pem")
    body = json.dumps(issuer.partners()).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    with settings.using({"PARTNERS_JWKS_URL": f"http://127.0.0.1:{server.server_port}/partners.json"}):
        yield
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("party", ["customs", "sandbox-bank", "sandbox-treasury"])
def test_what_a_partner_signed_is_its_own(party: str) -> None:
    assert partners.verify(issuer.sign(party, PAYLOAD), party) == PAYLOAD


def test_the_key_that_a_token_was_believed_by_verifies_it_again_offline() -> None:
    token = issuer.sign("customs", PAYLOAD)
    partners.verify(token, "customs")
    key = partners.key_of(token)
    assert (key["party"], "d" in key) == ("customs", False)
    assert json.loads(jwt.api_jws.decode(token, jwt.PyJWK(key).key, algorithms=["ES256"])) == PAYLOAD


def test_nobody_signs_for_another() -> None:
    with pytest.raises(WindowError) as refused:
        partners.verify(issuer.sign("ciq", PAYLOAD), "customs")
    assert (refused.value.status, refused.value.code) == (401, "signature-invalid")


@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_was_altered_is_refused(place: int) -> None:
    parts = issuer.sign("customs", PAYLOAD).split(".")
    parts[place] = parts[place][:-4] + ("AAAA" if parts[place][-4:] != "AAAA" else "BBBB")
    with pytest.raises(WindowError) as refused:
        partners.verify(".".join(parts), "customs")
    assert refused.value.code == "signature-invalid"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        "x" * (partners.LONGEST + 1),
        jwt.encode({}, "s" * 32, "HS256", headers={"kid": "local-customs"}),
        jwt.encode({}, "", "none", headers={"kid": "local-customs"}),
    ],
    ids=["empty", "nothing", "overlong", "shared-secret", "unsigned"],
)
def test_what_is_no_signature_of_ours_is_refused(token: str) -> None:
    with pytest.raises(WindowError) as refused:
        partners.verify(token, "customs")
    assert refused.value.code == "signature-invalid"


def test_a_bearer_token_of_the_issuer_is_no_partners_signature() -> None:
    with pytest.raises(WindowError):
        partners.verify(issuer.token("agency", "customs"), "customs")
