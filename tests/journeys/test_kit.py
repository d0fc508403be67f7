"""The reference clients of docs/kit, each in a process of its own, as a party would run them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from infra.stage import Stage
from tests.journeys.window import IMPORTER, ROOT, STRANGER, Desk, Trader, quiet, sample

Token = Callable[[str, str], str]


def kit(stage: Stage, program: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    surroundings = {
        "PATH": os.environ["PATH"],
        "WINDOW": stage.url,
        "AWS_ENDPOINT_URL": stage.aws_url,
        "AWS_ACCESS_KEY_ID": "customs",
        "AWS_SECRET_ACCESS_KEY": "customs",
    }
    return subprocess.Popen(
        [sys.executable, str(ROOT / "docs/kit" / program), *arguments],
        env=surroundings | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(program: subprocess.Popen[str], code: int = 0) -> str:
    out, err = program.communicate(timeout=60)
    assert program.returncode == code, err
    return out


def test_an_enterprise_declares_and_customs_releases(
    trader: Trader, desk: Callable[[str], Desk], stage: Stage, token: Token, tmp_path: Path
) -> None:
    (tmp_path / "import.json").write_text(json.dumps(sample()))
    declaring = kit(
        stage, "enterprise.py", "declare", str(tmp_path / "import.json"), TOKEN=token("enterprise", IMPORTER)
    )
    assert declaring.stdout is not None
    window_no = declaring.stdout.readline().split()[0]
    customs = kit(stage, "agency.py", "customs", "--seconds", "4", TOKEN=token("agency", "customs"))
    for one in trader.show(window_no)["agencies"]:
        if one["part"] in ("decides", "verifies") and one["agency"] != "customs":
            desk(one["agency"]).agree(window_no)

    assert ended(declaring).splitlines()[-1] == f"{window_no} RELEASED"
    assert f"{window_no}: release" in ended(customs).splitlines()


def test_what_is_wrong_with_a_declaration_is_printed(stage: Stage, token: Token, tmp_path: Path) -> None:
    wrong = sample(trade_mode="9999")
    (tmp_path / "import.json").write_text(json.dumps(wrong))
    said = ended(
        kit(
            stage,
            "enterprise.py",
            "declare",
            str(tmp_path / "import.json"),
            TOKEN=token("enterprise", IMPORTER),
        ),
        code=1,
    )
    assert "/head/trade_mode" in said


def test_a_message_is_sent_fetched_and_acknowledged(stage: Stage, trader: Trader, token: Token) -> None:
    receiver = {"TOKEN": token("enterprise", STRANGER)}
    channel = ended(kit(stage, "enterprise.py", "pull", **receiver)).split()[-1]
    order = str(ROOT / "catalogue/examples/ecommerce-order.v1.json")
    sent = ended(
        kit(stage, "enterprise.py", "send", order, "--to", STRANGER, TOKEN=token("enterprise", IMPORTER))
    )
    message_id, state = sent.split()[:2]
    assert state == "VALIDATED"
    quiet(stage)

    assert "ecommerce-order" in ended(kit(stage, "enterprise.py", "pull", "--channel", channel, **receiver))

    shown = trader.get(f"/exchange/messages/{message_id}").json["destinations"]
    assert {one["state"] for one in shown if one["party"] == STRANGER} == {"ACKED"}
