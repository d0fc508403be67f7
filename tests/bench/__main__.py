"""`python -m tests.bench [--only NAME,…] [--write]`."""

import argparse
import logging
import sys
from collections.abc import Iterable, Iterator

from rich.console import Console

from infra import ROOT
from infra.packaging import BUILD
from tests.bench import checks, cold, cost, delivered, ingest, released, report, standards, submit
from tests.bench.recording import Recording, recorded
from tests.bench.report import Figure
from tests.bench.window import Window, declaration, opened

REPORT = ROOT / "docs/bench.md"
FIGURES = ("cold", "submit", "checks", "standards", "cost", "long", "delivered", "released", "ingest")


def main() -> int:
    options = _options()
    if not (BUILD / "functions").is_dir():
        print("no staged packages: `make build`, or `make bench`, which does both", file=sys.stderr)
        return 2
    logging.getLogger("moto").setLevel(logging.CRITICAL + 1)
    console = Console(highlight=False)
    console.width = max(console.width, 110)
    machine = report.machine()
    console.print(f"[dim]{machine}[/dim]\n")
    figures = []
    for figure in _figures(options.only.split(",")):
        report.show(console, figure)
        figures.append(figure)
    report.summary(console, figures)
    if options.write:
        REPORT.write_text(report.markdown(figures, machine), encoding="utf-8")
        console.print(f"wrote {REPORT.relative_to(ROOT)}")
    return 0


def _figures(wanted: Iterable[str]) -> Iterator[Figure]:
    if "checks" in wanted:
        yield from checks.measure()
    if "standards" in wanted:
        yield from standards.measure()
    with opened() as window:
        if "released" in wanted:
            yield released.measure(window)
        recording = _everything(window)
        # While functions are replayed nothing else shall run: the agencies have closed.
        if "cost" in wanted:
            yield from cost.measure(window, recording)
        if "long" in wanted:
            yield from cost.long_path(window)
        if "delivered" in wanted:
            yield from delivered.measure(window)
        wider = _wider(window, recording) if "cold" in wanted else recording
        window.hall.stop()
        if "submit" in wanted:
            yield submit.measure(window, recording)
        if "ingest" in wanted:
            yield from ingest.measure(window)
        if "cold" in wanted:
            yield cold.measure(window, wider)


def _everything(window: Window) -> Recording:
    """A declaration from submission to release, and a call of each function that it does not need."""
    window.release(declaration())
    window.stage.settle(20)
    with recorded(window.stage) as recording:
        window_no, _ = window.release(declaration())
        window.stage.settle(20)
        window.fresh_trader().get(f"/panorama/{window_no}")
        window.trader.get("/health")
        window.stage.invoke("ExchangeRepublish", {"window_no": window_no, "first": 1, "last": 1})
        window.stage.settle(20)
    return recording


def _wider(window: Window, recording: Recording) -> Recording:
    """And what else there is: an inspection, a bill, messages of others, the night."""
    with recorded(window.stage) as more:
        window.see_through(window.submit(cost.long_course(window)))
        delivered.to_customs(window)
        window.stage.invoke("PaymentsDaily", {})
        window.stage.settle(20)
    return Recording([*recording.invocations, *more.invocations])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="figures of speed and cost")
    parser.add_argument("--only", default=",".join(FIGURES), help=f"some of {', '.join(FIGURES)}")
    parser.add_argument("--write", action="store_true", help=f"write {REPORT.relative_to(ROOT)} as well")
    options = parser.parse_args()
    unknown = set(options.only.split(",")) - set(FIGURES)
    if unknown:
        parser.error(f"no figure {', '.join(sorted(unknown))}; there are {', '.join(FIGURES)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
