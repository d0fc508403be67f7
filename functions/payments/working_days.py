"""Days that offices work: weekdays, less public holidays, and the weekend days that are worked instead."""

from dataclasses import dataclass
from datetime import date, timedelta

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """`years`: those whose holidays are known; in others only weekends are days off, and `knows` says so."""

    years: frozenset[int]
    off: frozenset[date]
    worked: frozenset[date]

    def knows(self, day: date) -> bool:
        return day.year in self.years

    def works(self, day: date) -> bool:
        return day in self.worked or (day.weekday() < 5 and day not in self.off)

    def on_or_after(self, day: date) -> date:
        """The day itself where it is worked, else the first one after it that is."""
        while not self.works(day):
            day += _DAY
        return day

    def nth_of_month(self, year: int, month: int, number: int) -> date:
        """The `number`th working day of a month, counted from 1."""
        day = self.on_or_after(date(year, month, 1))
        for _ in range(number - 1):
            day = self.on_or_after(day + _DAY)
        return day

    def after(self, day: date, number: int) -> date:
        """The `number`th working day after a day."""
        for _ in range(number):
            day = self.on_or_after(day + _DAY)
        return day
