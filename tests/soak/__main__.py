"""python -m tests.soak [--messages 10000] [--write]: exit 0 where all claims hold."""

import argparse
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.soak.run import Outcome, run
from tests.soak.traffic import Sent

REPORT = Path(__file__).parents[2] / "docs/soak.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--write", action="store_true", help=f"keep the outcome in {REPORT.name}")
    options = parser.parse_args()
    console = Console()
    console.print(f"{options.messages} messages, seed {options.seed}")
    outcome = run(options.messages, options.seed, _progress(console, options.messages))
    console.print(_table(outcome))
    if options.write:
        REPORT.write_text(outcome.as_markdown())
    return 0 if outcome.holds else 1


def _progress(console: Console, messages: int) -> Callable[[Sent], None]:
    """A line for each twentieth of them."""
    started, every = time.monotonic(), max(messages // 20, 1)

    def told(sent: Sent) -> None:
        if sent.number % every == 0:
            console.print(f"{time.monotonic() - started:6.0f} s: {sent.number} accepted")

    return told


def _table(outcome: Outcome) -> Table:
    table = Table("must hold", "seen", "")
    for claim in outcome.claims:
        table.add_row(claim.says, claim.seen, "[green]holds[/]" if claim.holds else "[red]DOES NOT HOLD[/]")
    for kind, number in sorted(outcome.fired.items()):
        table.add_row(f"fault: {kind}", f"fired {number} times", "")
    return table


if __name__ == "__main__":
    sys.exit(main())
