"""A finding: one thing that is wrong, or worth knowing, about a document."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Literal

Severity = Literal["error", "warn", "info"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Where (`pointer`, RFC 6901), what, by which rule, and how to mend it.

    `fix` holds RFC 6902 operations that a program may apply; it is empty where only a person can know the answer.
    `verified` is False where the rule was not checked against the current announcement.
    """

    code: str
    severity: Severity
    pointer: str
    rule: str
    message_zh: str
    message_en: str
    rule_version: int = 1
    element: str | None = None
    agency: str | None = None
    legal_basis: str | None = None
    source: str | None = None
    verified: bool = True
    given: Any = None
    expected: Any = None
    fix: tuple[dict[str, Any], ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _NAMES} | {"fix": list(self.fix)}


_NAMES = tuple(f.name for f in fields(Finding))


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Sorted by place in the document (line 2 before line 10), then rule."""
    return sorted(findings, key=lambda f: (_place(f.pointer), f.rule))


def _place(pointer: str) -> tuple[tuple[int, int | str], ...]:
    return tuple((0, int(part)) if part.isdigit() else (1, part) for part in pointer.split("/")[1:])
