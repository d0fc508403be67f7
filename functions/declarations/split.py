"""Which agencies a declaration concerns, in what part and why: the union of their triggers (`catalogue/agencies`)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from singlewindow.conditions import holds


@dataclass(frozen=True, slots=True)
class Assignment:
    """One agency's part in one declaration. `timeout_seconds` counts from the question; 0: no answer is awaited."""

    agency: str
    part: str
    releases: bool
    asked_on: str
    timeout_seconds: int
    because: tuple[dict[str, str], ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "agency": self.agency,
            "part": self.part,
            "releases": self.releases,
            "asked_on": self.asked_on,
            "timeout_seconds": self.timeout_seconds,
            "because": list(self.because),
        }


def split(document: Mapping[str, Any], agencies: Iterable[Mapping[str, Any]]) -> list[Assignment]:
    """The assignments that `document` triggers, in the order of `agencies` (each with its capacity in force)."""
    found = []
    for agency in agencies:
        because = [trigger for trigger in agency["triggers"] if holds(trigger, document)]
        if because:
            reasons = tuple({"zh": one["because_zh"], "en": one["because_en"]} for one in because)
            found.append(
                Assignment(
                    agency=agency["id"],
                    part=agency["part"],
                    releases=agency["releases"],
                    asked_on=agency["asked_on"],
                    timeout_seconds=agency["answer_timeout_seconds"],
                    because=reasons,
                )
            )
    return found
