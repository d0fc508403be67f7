"""Brings the stack, the development issuer and the simulated agencies up, shows the sample, serves until stopped.

Exit codes: 0 stopped by Ctrl-C or SIGTERM, 1 the stack did not come up, 2 it was asked for something impossible.
"""

import argparse
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from io import TextIOWrapper
from pathlib import Path
from threading import Event, Timer
from typing import Any, NoReturn

from rich.console import Console
from rich.text import Text

from infra import ROOT, issuer

_HOST = "127.0.0.1"
_STOPS = (signal.SIGINT, signal.SIGTERM)
_LONGEST_STOP = 2.5  # seconds; everything is in memory, so nothing is lost by not waiting longer


class _Stop(BaseException):
    """Ctrl-C or SIGTERM."""


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without Chinese is no reason to fall
    console = Console(highlight=False)
    for port in (options.port, options.port + 1):
        if _taken(port):
            whose = "HTTP" if port == options.port else "the AWS endpoint, which is PORT+1"
            print(
                f"port {port} is in use ({whose}): stop what listens there, or make run PORT=8100",
                file=sys.stderr,
            )
            return 2
    for number in _STOPS:
        signal.signal(number, _stop)
    with ExitStack() as undo:
        try:
            return _serve(options, console, undo)
        except _Stop:
            console.print("stopping")
            watchdog = Timer(_LONGEST_STOP, os._exit, (0,))
            watchdog.daemon = True
            watchdog.start()
    sys.stdout.flush()
    return 0


def _serve(options: argparse.Namespace, console: Console, undo: ExitStack) -> int:
    console.print("bringing the window up …")
    started = time.monotonic()
    # moto and botocore take a second to import: say something first.
    import boto3
    from botocore.config import Config

    from infra.agencies import Hall
    from infra.banks import Banks
    from infra.run.addresses import show_addresses
    from infra.run.demonstration import demonstrate
    from infra.stage import REGION, Stage, StageError

    url = f"http://{_HOST}:{options.port}"
    parameters = issuer.parameters(url)
    if options.answer_timeout is not None:
        parameters["AnswerTimeoutCap"] = str(options.answer_timeout)
    if not options.agencies:
        parameters["SimulatedAgencies"] = ""
    stage = Stage(parameters=parameters, port=options.port, local_routes=issuer.routes())
    undo.callback(stage.stop)
    try:
        stage.start()
    except StageError as error:
        print(f"the local stack did not come up: {error}", file=sys.stderr)
        return 2 if "is taken" in str(error) else 1
    feed = _Feed(console)
    hall = None
    if options.agencies:
        sqs = boto3.client(
            "sqs",
            endpoint_url=stage.aws_url,
            region_name=REGION,
            aws_access_key_id="agencies",
            aws_secret_access_key="agencies",
            config=Config(proxies={}, max_pool_connections=32),
        )
        hall = Hall(sqs, url=url, token=_agency_token, sign=issuer.sign, stack=stage.stack, told=feed.told)
        stage.gateway.local_routes |= hall.routes
        undo.callback(hall.stop, patience=0)
        hall.start()
        banks = Banks(sqs, url=url, sign=issuer.sign, stack=stage.stack, told=feed.told)
        stage.gateway.local_routes |= banks.routes
        undo.callback(banks.stop, patience=0)
        banks.start()
    console.print(f"{url} is up after {time.monotonic() - started:.1f} s")
    with _logs_kept(stage, options.log, console) as keep_logs:
        if hall is None:  # whoever plays them needs the addresses before anything waits for an answer
            show_addresses(console, stage, simulated=False, log=options.log)
        if options.demo:
            try:
                demonstrate(console, url, issuer.token, hall)
            except Exception as error:  # the window serves all the same
                console.print(Text(f"the demonstration failed: {type(error).__name__}: {error}", style="red"))
        if hall:
            show_addresses(console, stage, simulated=True, log=options.log)
        feed.open = True
        while True:
            keep_logs()
            Event().wait(0.5)


def _agency_token(agency: str) -> str:
    return issuer.token("agency", agency)


class _Feed:
    """What the simulated agencies do, one line each, once the demonstration no longer shows it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.open = False

    def told(self, agency: str, text: str) -> None:
        if self.open:
            self._console.print(
                Text(f"{time.strftime('%H:%M:%S')}  {agency} (simulated)  {text}", style="dim")
            )


@contextmanager
def _logs_kept(stage: Any, path: Path, console: Console) -> Iterator[Callable[[], None]]:
    """A function that moves the functions' log lines to a file; that there was an error is shown as well."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8") as file:

        def keep() -> None:
            while stage.logs:
                line = stage.logs.popleft()
                file.write(line.text.rstrip("\n") + "\n")
                if '"level":"ERROR"' in line.text:
                    console.print(Text(f"{line.function} logged an error; see {path}", style="red"))
            file.flush()

        yield keep


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m infra.run", description="The single window on this machine."
    )
    parser.add_argument(
        "--port", default=os.environ.get("PORT") or "8000", type=_port, help="HTTP; AWS is one above"
    )
    parser.add_argument(
        "--no-demo", dest="demo", action="store_false", default=_on("DEMO"), help="send no sample"
    )
    parser.add_argument(
        "--no-agencies",
        dest="agencies",
        action="store_false",
        default=_on("AGENCIES"),
        help="simulate no agencies: somebody else plays them",
    )
    parser.add_argument(
        "--answer-timeout",
        type=_seconds,
        metavar="SECONDS",
        default=os.environ.get("ANSWER_TIMEOUT") or None,
        help="how long an agency may be silent (10; 0: as long as the catalogue says)",
    )
    parser.add_argument(
        "--log",
        type=Path,
        metavar="FILE",
        help="where the functions' logs go (.local/window-<port>.log)",
    )
    options = parser.parse_args(arguments)
    options.log = options.log or ROOT / f".local/window-{options.port}.log"
    return options


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65534:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 1 to 65534")
    return int(text)


def _seconds(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return int(text)


def _on(name: str) -> bool:
    return os.environ.get(name, "1").lower() not in ("0", "no", "false", "off")


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return True
    return False


def _stop(_signal: int, _frame: Any) -> NoReturn:
    for number in _STOPS:  # once is enough
        signal.signal(number, signal.SIG_IGN)
    raise _Stop


if __name__ == "__main__":
    sys.exit(main())
