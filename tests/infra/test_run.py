"""`make run`, as a newcomer and as other processes meet it: a window of its own, spoken to over the network only."""

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import boto3
import pytest
from rich.console import Console

from declarations.check import check
from infra import ROOT, issuer
from infra.agencies import Hall
from infra.run.demonstration import sample
from infra.run.screen import Progress, screen
from singlewindow import clock

IMPORTER = "91510100569680768F"
PATIENCE = 30.0
TIMEOUT = 4


@dataclass
class Window:
    """A running `python -m infra.run`: its address and its process."""

    port: int
    process: subprocess.Popen[str]

    def call(
        self, method: str, path: str, body: Any = None, token: str | None = None, **headers: str
    ) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def submit(self, document: dict[str, Any]) -> str:
        status, answer = self.call("POST", "/declarations", document, trader(), Idempotency_Key=str(uuid4()))
        assert status == 202, answer
        return str(answer["window_no"])

    def wait(self, window_no: str, *states: str) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while True:
            _, shown = self.call("GET", f"/declarations/{window_no}", token=trader())
            if shown["state"] in states:
                return dict(shown)
            assert time.monotonic() < deadline, shown
            time.sleep(0.05)

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, float, str]:
        """The exit code, the seconds it took, all output."""
        started = time.monotonic()
        self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=10)
        return self.process.returncode, time.monotonic() - started, output


def trader() -> str:
    return issuer.token("enterprise", IMPORTER)


def free_ports() -> int:
    """A port that is free, and the one above it."""
    while True:
        with socket.socket() as low, socket.socket() as high:
            low.bind(("127.0.0.1", 0))
            port: int = low.getsockname()[1]
            try:
                high.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


@contextmanager
def running(*options: str) -> Iterator[Window]:
    port = free_ports()
    command = [sys.executable, "-m", "infra.run", "--port", str(port), "--log", os.devnull, *options]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    window = Window(port, process)
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            try:
                assert window.call("GET", "/health")[0] == 200
                break
            except OSError:
                time.sleep(0.1)
        yield window
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def window() -> Iterator[Window]:
    """One for all of these tests; at the end it is seen to stop cleanly."""
    with running("--no-demo", "--answer-timeout", str(TIMEOUT)) as window:
        yield window
        code, seconds, output = window.stop(signal.SIGTERM)
    assert code == 0, output
    assert seconds < 3
    assert "Traceback" not in output


def declaration(bill_no: str) -> dict[str, Any]:
    document = deepcopy(sample(clock.business_date()))
    document["head"]["bill_no"] = bill_no
    return document


# --- the command ----------------------------------------------------------------------------------------------


def test_a_newcomer_sees_the_sample_released_by_simulated_agencies_and_every_address() -> None:
    with running() as window:
        deadline = time.monotonic() + PATIENCE
        while not (items := window.call("GET", "/declarations?state=RELEASED", token=trader())[1]["items"]):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        while any(
            one["state"] == "to-ask" for one in window.wait(items[0]["window_no"], "RELEASED")["agencies"]
        ):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        time.sleep(1.5)  # the tax office has its say, then the addresses are shown
        code, seconds, output = window.stop(signal.SIGINT)

    assert (code, seconds < 3) == (0, True), output
    assert "Released 放行 after" in output
    assert len(re.findall(r"\(simulated 模拟\)", output)) >= 6
    for step in ("2 holds, one inspection", "taxes deducted: ", "by the sandbox bank (simulated 模拟)"):
        assert step in output
    assert re.search(r"declaration number 7901\d{14}", output)
    for said in (
        f"http://127.0.0.1:{window.port}/docs",
        f"http://127.0.0.1:{window.port + 1}",
        "123456789012",
        "cn-northwest-1",
        "singlewindow-customs-inbox",
        "singlewindow-tax-replies",
        "make -s token ROLE=enterprise",
        "curl -s",
    ):
        assert said in output
    assert "failed" not in output
    assert "\x1b" not in output


def test_it_may_be_stopped_while_it_comes_up() -> None:
    command = [sys.executable, "-m", "infra.run", "--port", str(free_ports())]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    assert "bringing" in process.stdout.readline()
    code, _, output = Window(0, process).stop()
    assert (code, "Traceback" in output) == (0, False), output


@pytest.mark.parametrize("above", [0, 1])
def test_a_taken_port_is_said_and_is_exit_2(above: int) -> None:
    port = free_ports()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port + above))
        taken.listen()
        command = [sys.executable, "-m", "infra.run", "--port", str(port)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 2
    assert f"port {port + above} is in use" in done.stderr


@pytest.mark.parametrize("port", ["0", "65535", "x", "-1"])
def test_what_is_no_port_is_exit_2(port: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "infra.run"],
        cwd=ROOT,
        env={**os.environ, "PORT": port},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "port" in done.stderr


# --- other processes ------------------------------------------------------------------------------------------


def test_a_token_made_in_another_process_is_believed_and_others_are_not(window: Window) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "infra.token", "enterprise", IMPORTER],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()

    assert window.call("GET", "/declarations", token=made)[0] == 200
    assert window.call("GET", "/declarations", token=made[:-2])[0] == 401
    assert (
        window.call("GET", "/declarations", token=issuer.token("enterprise", IMPORTER, aud="another"))[0]
        == 401
    )
    assert (
        window.call("GET", "/declarations", token=issuer.token("enterprise", IMPORTER, seconds=-60))[0] == 401
    )
    assert window.call("GET", "/declarations")[0] == 401
    assert window.call("GET", "/declarations", token=issuer.token("agency", "customs"))[0] == 403


def test_the_issuer_is_served_beside_the_window(window: Window) -> None:
    assert window.call("GET", "/_local/jwks.json") == (200, issuer.jwks())
    assert window.call("GET", "/_local/openid-configuration")[1]["issuer"] == issuer.ISSUER


def test_customs_of_the_kit_and_the_others_play_from_outside() -> None:
    """docs/kit/agency.py as the quick start runs it, in a process of its own, beside simulated agencies."""
    with running("--no-demo", "--no-agencies") as window:
        endpoint = f"http://127.0.0.1:{window.port + 1}"
        environment = {
            "PATH": os.environ["PATH"],
            "WINDOW": f"http://127.0.0.1:{window.port}",
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "TOKEN": issuer.token("agency", "customs"),
        }
        customs = subprocess.Popen(
            [sys.executable, str(ROOT / "docs/kit/agency.py"), "customs"],
            env=environment, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        sqs = boto3.client(
            "sqs",
            endpoint_url=endpoint,
            region_name="cn-northwest-1",
            aws_access_key_id="others",
            aws_secret_access_key="others",
        )
        try:
            with Hall(
                sqs,
                url=f"http://127.0.0.1:{window.port}",
                token=lambda agency: issuer.token("agency", agency),
                only=("ciq", "maritime", "mofcom"),
            ):
                window_no = window.submit(declaration("QUICKSTART1"))
                shown = window.wait(window_no, "RELEASED", "SUSPENDED")
        finally:
            customs.terminate()
            said, _ = customs.communicate()
            sqs.close()
    assert shown["state"] == "RELEASED", shown
    assert re.fullmatch(r"7901\d{4}1\d{9}", shown["entry_id"])
    assert window_no in said


# --- every behaviour, end to end ------------------------------------------------------------------------------

ENDS = {
    "accept": "RELEASED",
    "reject": "REJECTED",
    "return": "RETURNED",
    "hold-then-accept": "RELEASED",
    "hold-then-clear": "RELEASED",
    "slow": "RELEASED",
    "silent": "SUSPENDED",
    "duplicate": "RELEASED",
    "out-of-order": "RELEASED",
    "malformed": "SUSPENDED",
    "forged": "SUSPENDED",
    "foreign": "SUSPENDED",
}
CASES = [
    (agency, via, behaviour)
    for agency, via, behaviours in (
        ("ciq", "queue", ENDS),
        ("ciq", "rest", ("accept", "duplicate", "malformed", "forged", "foreign")),
        ("customs", "queue", ("accept", "reject", "return", "hold-then-accept", "hold-then-clear", "silent")),
    )
    for behaviour in behaviours
]


@pytest.fixture(scope="module")
def declared(window: Window) -> dict[tuple[str, str, str], str]:
    """All cases at once, each told apart by its bill of lading; window numbers by case."""
    found = {}
    for number, (agency, via, behaviour) in enumerate(CASES):
        bill = f"CASE{number:03d}"
        wish: dict[str, Any] = {"behaviour": behaviour, "via": via, "for": bill}
        if behaviour in ("hold-then-accept", "hold-then-clear", "slow"):
            wish["delay_seconds"] = 1
        status, answer = window.call("PUT", f"/_local/agencies/{agency}/behaviour", wish)
        assert status == 200, answer
        found[agency, via, behaviour] = window.submit(declaration(bill))
    return found


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_a_behaviour_leads_where_it_should(
    window: Window, declared: dict[tuple[str, str, str], str], case: tuple[str, str, str]
) -> None:
    agency, _, behaviour = case
    shown = window.wait(declared[case], ENDS[behaviour])

    position = next(one for one in shown["agencies"] if one["agency"] == agency)
    if position["findings"]:
        assert all(finding["message_en"].startswith("[simulated] ") for finding in position["findings"])
    if shown["state"] == "SUSPENDED":
        assert position["state"] == "silent"
    if shown["state"] == "RELEASED":
        assert shown["entry_id"].startswith("7901")


# --- what is shown --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [-200, 0, 31, 400])
def test_the_sample_is_sound_on_any_day(days: int) -> None:
    day = date(2026, 11, 23) + timedelta(days=days)
    assert not check(sample(day), day).findings


SHOWN: dict[str, Any] = {
    "state": "SUBMITTED",
    "entry_id": None,
    "holds": [],
    "bills": [],
    "agencies": [
        {"agency": "customs", "part": "decides", "state": "to-ask", "findings": []},
        {"agency": "port", "part": "informed", "state": "informed", "findings": []},
    ],
}


def shown(state: str, customs: str, entry_id: str | None = None) -> dict[str, Any]:
    said = [{"message_en": "[simulated] fine"}] if customs == "released" else []
    agencies = [{**SHOWN["agencies"][0], "state": customs, "findings": said}, SHOWN["agencies"][1]]
    return SHOWN | {"state": state, "entry_id": entry_id, "agencies": agencies}


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("simulated", [True, False])
def test_progress_reads_the_same_live_and_in_lines(terminal: bool, simulated: bool) -> None:
    written = io.StringIO()
    console = Console(file=written, force_terminal=terminal, width=150)
    progress = Progress("成都锦西", 22, "BILL1", simulated)
    with screen(console, progress) as show:
        progress.submitted("I1")
        for state, customs, entry_id in (
            ("SUBMITTED", "to-ask", None),
            ("SUBMITTED", "pending", None),
            ("HELD", "held", None),
            ("ACCEPTED", "examining", "790120261000000001"),
            ("TAX_DUE", "tax-due", "790120261000000001"),
            ("RELEASED", "released", "790120261000000001"),
        ):
            progress.seen(shown(state, customs, entry_id))
            show()
    text = written.getvalue()

    assert list(progress.reached) == ["submitted", "asked", "accepted", "released"]
    assert "成都海关 Chengdu Customs" in text
    assert "[simulated] fine" in text  # not swallowed as markup
    assert ("(simulated 模拟)" in text) == simulated
    assert ("\x1b" in text) == terminal
    assert "Released" in progress.summary("http://x").plain


def test_whoever_left_the_agencies_out_is_told_why_it_waits() -> None:
    progress = Progress("成都锦西", 22, "BILL1", simulated=False)
    progress.seen(shown("SUSPENDED", "silent"))
    assert "nobody has answered" in progress.summary("http://x").plain
