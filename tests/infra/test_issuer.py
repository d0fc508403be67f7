"""The development issuer: one key for every process, tokens that the authorizer believes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jwt
import pytest
from werkzeug.test import EnvironBuilder

from identity.bearer import verify
from infra import ROOT, issuer
from singlewindow.jwks import Unbelievable
from singlewindow.parties import Caller, Role

IMPORTER = "91510100569680768F"


@pytest.fixture
def own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "local" / "issuer.pem"
    monkeypatch.setattr(issuer, "KEY_FILE", path)
    return path


class Published:
    """The issuer's keys as anybody fetches them."""

    def find(self, kid: str) -> jwt.PyJWK:
        return jwt.PyJWKSet.from_dict(issuer.jwks())[kid]


def judged(token: str) -> Caller:
    return verify(token, Published(), issuer.ISSUER, issuer.AUDIENCE)


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.usefixtures("own_key")
def test_its_tokens_are_believed_for_twelve_hours() -> None:
    token = issuer.token("enterprise", IMPORTER)

    assert judged(token) == Caller(f"enterprise@{IMPORTER}", Role.ENTERPRISE, IMPORTER)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 12 * 3600
    with pytest.raises(Unbelievable):
        judged(issuer.token("enterprise", IMPORTER, seconds=-60))
    with pytest.raises(Unbelievable):
        judged(issuer.token("enterprise", IMPORTER, aud="another"))


def test_the_key_is_made_once_and_nobody_else_may_read_it(own_key: Path) -> None:
    first = issuer.jwks()

    assert issuer.jwks() == first
    assert own_key.stat().st_mode & 0o077 == 0
    assert (own_key.parent / ".gitignore").read_text() == "*\n"
    assert list(own_key.parent.glob("*.pem")) == [own_key]


@pytest.mark.usefixtures("own_key")
def test_it_never_publishes_the_private_part() -> None:
    assert all("d" not in key for key in issuer.jwks()["keys"])


def test_of_processes_at_first_use_all_get_one_key(tmp_path: Path) -> None:
    path = tmp_path / "local" / "issuer.pem"
    script = (
        "import sys; from pathlib import Path; from infra import issuer;"
        f"issuer.KEY_FILE = Path({str(path)!r}); print(issuer.jwks())"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert len({process.communicate()[0] for process in started}) == 1


@pytest.mark.usefixtures("own_key")
def test_keys_and_configuration_are_served() -> None:
    routes = issuer.routes()
    request = EnvironBuilder(base_url="http://127.0.0.1:8000").get_request()

    configuration = json.loads(routes["/_local/openid-configuration"](request).get_data())

    assert configuration["issuer"] == issuer.ISSUER
    assert configuration["jwks_uri"] == "http://127.0.0.1:8000/_local/jwks.json"
    assert json.loads(routes["/_local/jwks.json"](request).get_data()) == issuer.jwks()
    assert issuer.parameters("http://127.0.0.1:8000")["OidcJwksUrl"] == configuration["jwks_uri"]


@pytest.mark.parametrize(
    ("role", "party"),
    [
        ("enterprise", IMPORTER),
        ("broker", "91310107132231740K"),
        ("agency", "customs"),
        ("operator", "window"),
    ],
)
def test_another_process_prints_a_token_and_nothing_else(role: str, party: str) -> None:
    done = python("-m", "infra.token", ROLE=role, PARTY=party)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == done.stdout.strip() + "\n"
    caller = judged(done.stdout.strip())
    assert (caller.role, caller.party) == (role, party)


def test_without_a_party_it_is_the_samples_importer() -> None:
    done = python("-m", "infra.token", ROLE="enterprise", PARTY="")
    sample = json.loads((ROOT / "infra/samples/import-chengdu.json").read_text())
    assert judged(done.stdout.strip()).party == sample["head"]["trade_uscc"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["admin", "x"],
        ["enterprise", "123"],
        ["agency", "custom"],
        ["officer", IMPORTER],
        ["agency", "a", "b"],
        [],
    ],
    ids=str,
)
def test_who_cannot_be_gets_no_token(arguments: list[str]) -> None:
    done = python("-m", "infra.token", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr


def test_production_knows_nothing_of_it() -> None:
    text = (ROOT / "template.yaml").read_text()
    assert "_local" not in text
    assert "issuer.local" not in text
