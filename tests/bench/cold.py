"""Cold starts: every function of the template, from its staged package, in fresh processes."""

from statistics import median

from tests.bench import staged
from tests.bench.recording import Invocation, Recording
from tests.bench.report import Breakdown, Figure
from tests.bench.staged import Times
from tests.bench.window import Window

PROCESSES = 10
REACH = 0.250


def measure(window: Window, recording: Recording) -> Figure:
    first = [(function, recording.of(function.logical_id)[:1]) for function in window.stage.functions]
    times: dict[str, list[Times]] = {function.logical_id: [] for function, _ in first}
    # In turns: where the machine is slow for a while, it is slow for all of them.
    for _ in range(PROCESSES):
        for function, invocations in first:
            if invocations:
                times[function.logical_id].append(staged.run(function, invocations))
    rows = [
        (function.logical_id, *_cells(times[function.logical_id]), _first(invocations[0]))
        if invocations
        else (function.logical_id, *["not called"] * 6)
        for function, invocations in first
    ]
    slowest = max(median(one.cold for one in taken) for taken in times.values() if taken)
    cpu = max(median(one.cold_cpu for one in taken) for taken in times.values() if taken)
    return Figure(
        name="Cold start of the slowest function",
        value=f"{slowest * 1000:.0f} ms ({cpu * 1000:.0f} ms of CPU)",
        reach="≤ 250 ms, each function",
        met=slowest <= REACH,
        conditions=(
            f"from the birth of a Python process to the answer to its first event: wall clock, median of {PROCESSES}",
            "python -I -S; on its path the staged function and the staged layer alone; files in the page cache",
            "the event is one recorded on the local stack; AWS answers at botocore's before-send, as recorded",
            "not in it: Lambda's own start of a sandbox, its bootstrap, and the network",
        ),
        breakdowns=(
            Breakdown(
                "Cold starts, ms",
                ("function", "median", "fastest", "slowest", "imports", "CPU", "first event"),
                tuple(sorted(rows)),
            ),
        ),
    )


def _cells(times: list[Times]) -> tuple[str, ...]:
    figures = (
        median(one.cold for one in times),
        min(one.cold for one in times),
        max(one.cold for one in times),
        median(one.imports for one in times),
        median(one.cold_cpu for one in times),
    )
    return tuple(f"{figure * 1000:.0f}" for figure in figures)


def _first(invocation: Invocation) -> str:
    calls = len(invocation.calls)
    return f"{invocation.says}, {calls} AWS call{'' if calls == 1 else 's'}"
