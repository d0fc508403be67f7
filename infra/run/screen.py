"""The journey of one declaration in a terminal: a live table, or plain lines where there is none."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from singlewindow import catalogue, clock

_STEPS = (
    ("submitted", "申报 submitted"),
    ("asked", "分送 agencies asked"),
    ("accepted", "受理 accepted by customs"),
    ("held", "布控 held for inspection"),
    ("booked", "预约 one inspection booked"),
    ("inspected", "查验 inspected, holds lifted"),
    ("billed", "税单 tax bill"),
    ("deducted", "扣税 taxes deducted"),
    ("released", "放行 released"),
)
_STATES = {
    "to-ask": ("待发送", "to be asked", "dim"),
    "pending": ("办理中", "considering", "yellow"),
    "informed": ("已告知", "informed", "cyan"),
    "reported": ("已回报", "reported", "green"),
    "held": ("查验中", "holds", "magenta"),
    "accepted": ("同意", "accepted", "green"),
    "released": ("放行", "released", "green"),
    "examining": ("已受理，审核中", "accepted, examining", "yellow"),
    "in-review": ("人工审核", "reviews by hand", "magenta"),
    "tax-due": ("待缴税", "taxes are due", "magenta"),
    "rejected": ("不予受理", "rejected", "red"),
    "returned": ("退单", "returned", "red"),
    "silent": ("超时未答", "silent", "red"),
}
_PARTS = {"decides": "审批 decides", "verifies": "核验 verifies", "informed": "告知 informed"}
_WAITING = ("to-ask", "pending", "held", "informed", "in-review", "examining", "tax-due")


@dataclass
class Progress:
    """What is known of the sample's journey, and when it was first seen (seconds after it was sent)."""

    trader: str
    lines: int
    bill_no: str
    simulated: bool
    started: float = field(default_factory=time.monotonic)
    window_no: str = ""
    state: str = ""
    entry_id: str | None = None
    holds: int = 0
    taxes: Decimal = Decimal(0)
    agencies: list[Mapping[str, Any]] = field(default_factory=list)
    reached: dict[str, float] = field(default_factory=dict)
    changes: list[tuple[float, str]] = field(default_factory=list)
    _reasons: dict[str, str] = field(default_factory=dict)
    _states: dict[str, str] = field(default_factory=dict)
    _asked: dict[str, float] = field(default_factory=dict)
    _done: dict[str, float] = field(default_factory=dict)

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.started

    def submitted(self, window_no: str) -> None:
        self.window_no = window_no
        self._reach("submitted", f"accepted for processing as {window_no}")

    def seen(self, shown: Mapping[str, Any]) -> None:
        """Take over what `GET /declarations/{window_no}` says now."""
        self.state, self.entry_id, self.agencies = shown["state"], shown["entry_id"], shown["agencies"]
        asked = [one for one in self.agencies if one["part"] != "informed"]
        for one in self.agencies:
            agency, now = one["agency"], one["state"]
            if self._states.get(agency, "to-ask") != now:
                said = f": {reason(one)}" if reason(one) != self._reasons.get(agency, "") else ""
                self._reasons[agency] = reason(one)
                self._change(f"{_name(agency)}{self._label} {state(one)}{said}")
            self._states[agency] = now
            if now != "to-ask":
                self._asked.setdefault(agency, self.elapsed)
            if now not in _WAITING:
                self._done.setdefault(agency, self.elapsed)
        if asked and all(one["state"] != "to-ask" for one in asked):
            self._reach("asked")
        if self.entry_id:
            self._reach("accepted", f"declaration number {self.entry_id}")
        self._hindrances(shown["holds"], shown["bills"])
        if self.state == "RELEASED":
            self._reach("released")

    def booked(self, inspection_id: str, slot: str) -> None:
        """The trader has taken a slot: one inspection for all that hold."""
        self._reach("booked", f"{inspection_id}, slot {slot}; the trader{self._label}")

    def ordered(self, amount: str) -> None:
        """The trader has told its bank to pay."""
        self._change(
            f"缴税 {amount} yuan: the trader{self._label} orders the sandbox bank{self._label} to deduct it"
        )

    def _hindrances(self, holds: list[Mapping[str, Any]], bills: list[Mapping[str, Any]]) -> None:
        self.holds = len(holds)
        if holds:
            self._reach("held")
            if "booked" in self.reached and all(one["cleared_at"] for one in holds):
                self._reach("inspected", f"{len(holds)} holds, one inspection{self._label}")
        if bills:
            self.taxes = total = sum((Decimal(one["amount"]) for one in bills), Decimal(0))
            self._reach("billed", f"{total} yuan{self._label}")
            if all(one["state"] == "deducted" for one in bills):
                self._reach("deducted", f"{total} yuan by the sandbox bank{self._label}; no money moves")

    @property
    def _label(self) -> str:
        return " (simulated 模拟)" if self.simulated else ""

    @property
    def all_told(self) -> bool:
        """Whether those who are only informed have heard and said so."""
        return all(one["state"] == "reported" for one in self.agencies if one["part"] == "informed")

    def took(self, agency: str) -> str:
        """How long the agency has had the question, or had it until it answered."""
        if agency not in self._asked:
            return ""
        return f"{self._done.get(agency, self.elapsed) - self._asked[agency]:.1f} s"

    def summary(self, address: str) -> Text:
        if self.state == "RELEASED":
            took = self.reached["released"]
            played = ", the simulated agencies' thinking time included" if self.simulated else ""
            return Text(
                f"Released 放行 after {took:.2f} s{played}: {self.window_no}, {self.entry_id}{self._course}",
                style="bold green",
            )
        if self.state == "SUSPENDED" and not self.simulated:
            why = "nobody has answered for the agencies; a late answer still counts"
            return Text(f"SUSPENDED: {why}. {address}", style="yellow")
        return Text(f"{self.state or 'no answer'} after {self.elapsed:.0f} s: see {address}", style="yellow")

    @property
    def _course(self) -> str:
        """What stood in the way, in short."""
        if "deducted" not in self.reached or "inspected" not in self.reached:
            return ""
        return (
            f"; {self.holds} holds, one inspection, {self.taxes} yuan of taxes deducted, one signed release"
        )

    def _reach(self, step: str, note: str = "") -> None:
        if step not in self.reached:
            self.reached[step] = self.elapsed
            title = dict(_STEPS)[step]
            self._change(f"{title}: {note}" if note else title)

    def _change(self, text: str) -> None:
        self.changes.append((self.elapsed, text))


@contextmanager
def screen(console: Console, progress: Progress) -> Iterator[Callable[[], None]]:
    """A function that shows the progress as it is now."""
    sent = f"{progress.trader} declares an import of {progress.lines} lines, bill {progress.bill_no}"
    console.print(Text(sent, style="bold"), soft_wrap=True)
    if console.is_terminal:
        with Live(_picture(progress), console=console, auto_refresh=False) as live:
            yield lambda: live.update(_picture(progress), refresh=True)
    else:
        shown = 0

        def lines() -> None:
            nonlocal shown
            for at, text in progress.changes[shown:]:
                console.print(Text(f"  {at:6.2f} s  {text}"), soft_wrap=True)
            shown = len(progress.changes)

        yield lines


def _picture(progress: Progress) -> RenderableType:
    steps = Table.grid(padding=(0, 2))
    for step, title in _STEPS:
        at = progress.reached.get(step)
        mark = Text("●", style="green") if at is not None else Text("○", style="dim")
        steps.add_row(
            mark, Text(title, style="" if at is not None else "dim"), f"{at:.2f} s" if at is not None else ""
        )
    agencies = Table(box=None, padding=(0, 2), header_style="bold", pad_edge=False)
    label = " (simulated 模拟)" if progress.simulated else ""
    for column in (f"机构 agency{label}", "职责 part", "状态 state", "用时 took", "说明 what it says"):
        agencies.add_column(column, overflow="fold")
    for one in progress.agencies:
        agencies.add_row(
            Text(_name(one["agency"])),
            _PARTS[one["part"]],
            Text(state(one), style=_STATES[one["state"]][2]),
            progress.took(one["agency"]),
            Text(reason(one)),
        )
    heading = Text(f"{progress.window_no}  {progress.state}  {progress.elapsed:.1f} s", style="bold")
    return Group(heading, steps, Text(), agencies)


def state(one: Mapping[str, Any]) -> str:
    zh, en, _ = _STATES[one["state"]]
    return f"{zh} {en}"


def reason(one: Mapping[str, Any]) -> str:
    """The agency's own words, in English: its last finding."""
    return str(one["findings"][-1].get("message_en", "")) if one["findings"] else ""


@cache
def _name(agency: str) -> str:
    entry = catalogue.capacity(agency, clock.business_date())
    return f"{entry['name_zh']} {entry['name_en']}"
