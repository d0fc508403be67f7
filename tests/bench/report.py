"""How figures are shown: a table in the terminal, the same as Markdown."""

import os
import platform
import subprocess
import timeit
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Breakdown:
    """A table beneath a figure. Cells are text; all columns but the first stand right."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Figure:
    """One figure: what it is, what came out, what we want to reach, under which conditions.

    `met` is None where nothing is to be reached (a comparison), or nothing came out (`value` says why).
    """

    name: str
    value: str
    reach: str = ""
    met: bool | None = None
    conditions: tuple[str, ...] = ()
    breakdowns: tuple[Breakdown, ...] = field(default_factory=tuple)


_MARKS = {True: "yes", False: "no", None: ""}


def show(console: Console, figure: Figure) -> None:
    """One figure as soon as it is known, breakdowns before it."""
    for each in figure.breakdowns:
        table = Table(title=each.title, title_justify="left", header_style="bold", title_style="bold")
        for position, column in enumerate(each.columns):
            table.add_column(column, justify="left" if position == 0 else "right")
        for row in each.rows:
            table.add_row(*row)
        console.print(table)
    for line in figure.conditions:
        console.print(f"  [dim]{line}[/dim]")
    mark = {True: "[green]reached[/green]", False: "[red]not reached[/red]", None: ""}[figure.met]
    console.print(
        f"[bold]{figure.name}[/bold]: {figure.value}  {figure.reach and f'(reach {figure.reach})'} {mark}\n"
    )


def summary(console: Console, figures: Sequence[Figure]) -> None:
    table = Table(title="\nBenchmark", title_justify="left", header_style="bold", title_style="bold")
    for column in ("figure", "result", "reach", "reached"):
        table.add_column(column)
    for figure in figures:
        colour = {True: "green", False: "red", None: "default"}[figure.met]
        table.add_row(figure.name, f"[{colour}]{figure.value}[/{colour}]", figure.reach, _MARKS[figure.met])
    console.print(table)


def markdown(figures: Iterable[Figure], machine: str) -> str:
    """The whole report."""
    figures = tuple(figures)
    lines = [
        "# Benchmark",
        "",
        "Written by `python -m tests.bench --write` after `make build`: the last run that somebody kept.",
        "",
        machine,
        "",
        *_table(
            ("figure", "result", "reach", "reached"),
            [(f.name, f.value, f.reach, _MARKS[f.met]) for f in figures],
        ),
    ]
    for figure in figures:
        lines += [
            "",
            f"## {figure.name}",
            "",
            f"**{figure.value}**{figure.reach and f' (reach {figure.reach})'}",
            "",
        ]
        lines += [f"- {line}" for line in figure.conditions]
        for each in figure.breakdowns:
            lines += ["", f"### {each.title}", "", *_table(each.columns, each.rows)]
    return "\n".join(lines) + "\n"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    ruler = "|".join("---" if position == 0 else "---:" for position in range(len(columns)))
    return [f"| {' | '.join(columns)} |", f"|{ruler}|", *(f"| {' | '.join(row)} |" for row in rows)]


def machine() -> str:
    """When, on what, of which commit, and how busy the machine was."""
    processor = next(
        (
            line.split(":")[1].strip()
            for line in _read("/proc/cpuinfo").splitlines()
            if line.startswith("model name")
        ),
        platform.processor() or platform.machine(),
    )
    asked = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    commit = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    loop = min(timeit.repeat("for i in range(1000000): pass", number=1, repeat=5)) * 1000
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC · commit {commit} · {os.cpu_count()} cores, {processor} · "
        f"{platform.system()} · Python {platform.python_version()} · load before {load} · an empty loop of a million"
        f" takes {loop:.0f} ms"
    )


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
