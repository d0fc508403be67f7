"""Which agencies a declaration concerns, in what part and why: the union of their triggers (`catalogue/agencies`)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


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


def holds(trigger: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    """Whether a trigger is met: `always`, `all`, `any`, or a place (`at`) that is `present`, `in` or `has`."""
    if trigger.get("always"):
        return True
    if "all" in trigger:
        return all(holds(one, document) for one in trigger["all"])
    if "any" in trigger:
        return any(holds(one, document) for one in trigger["any"])
    values = list(at(document, trigger["at"]))
    if "in" in trigger:
        return any(value in trigger["in"] for value in values)
    if "has" in trigger:  # a comma-separated list of codes
        return any(set(str(value).split(",")) & set(trigger["has"]) for value in values)
    return bool(values)


def at(document: Any, pointer: str) -> Iterator[Any]:
    """The values at a JSON Pointer in which `*` stands for every item of an array."""
    values = [document]
    for part in pointer.split("/")[1:]:
        if part == "*":
            values = [item for value in values if isinstance(value, list) for item in value]
        else:
            values = [value[part] for value in values if isinstance(value, Mapping) and part in value]
    return iter(values)
