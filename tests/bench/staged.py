"""Functions run from the staged packages (`make build`), each in a fresh process: what `replay` measures."""

import marshal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.packaging import BUILD
from infra.stage.functions import Function
from tests.bench.recording import Invocation

_REPLAY = Path(__file__).with_name("replay.py")
# As Lambda sets them.
_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_SESSION_TOKEN": "none",
    "AWS_REGION": "cn-northwest-1",
    "AWS_DEFAULT_REGION": "cn-northwest-1",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "en_US.UTF-8",
}


@dataclass(frozen=True)
class Times:
    """Seconds. `cold`: from the process's birth to the first answer, its CPU time, the imports in it; `warm`: CPU of
    each event, median of the rounds.
    """

    cold: float
    cold_cpu: float
    imports: float
    warm: tuple[float, ...] = ()


def run(function: Function, invocations: Iterable[Invocation], rounds: int = 0) -> Times:
    """A fresh process: the first of `invocations` as its first event, then each of them `rounds` times."""
    capability, _, handler = function.handler.partition(".app.")
    events = [_replayable(one) for one in invocations]
    plan = {
        "paths": [str(BUILD / "functions" / capability), str(BUILD / "layer/python")],
        "module": f"{capability}.app",
        "handler": handler,
        "environment": {**function.environment, **_CREDENTIALS, "CATALOGUE": str(BUILD / "layer/catalogue")},
        "events": events,
        "calls": any(one["answers"] for one in events),
        "rounds": rounds,
    }
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder, "plan"), Path(folder, "answer")
        # The time of birth is known only when all else is written.
        asked.write_bytes(marshal.dumps(plan | {"born": time.monotonic()}))
        command = [sys.executable, "-I", "-S", str(_REPLAY), str(asked), str(answered)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(
                f"{function.logical_id} from its package:\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
            )
        said: dict[str, Any] = marshal.loads(answered.read_bytes())
    cold, cpu = said["cold"]
    return Times(cold, cpu, said["imports"], tuple(said.get("warm", ())))


def _replayable(invocation: Invocation) -> dict[str, Any]:
    answers = [(call.operation, call.status, call.headers, call.body) for call in invocation.calls]
    return {"event": invocation.event, "answers": answers}
