"""What stands twice in one message: a document under the same numbers, a line under the same line number.

Which numbers those are is dated data, `catalogue/rules/duplicates.json`.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from typing import Any

from singlewindow import catalogue
from singlewindow.findings import Finding, Severity
from singlewindow.messages.xml import local
from singlewindow.rules import RuleBook


def findings(root: Any, type: str, as_at: date) -> list[Finding]:
    """One at each place that repeats an earlier one.

    A line is an error; a document a warning, for the published samples of customs say each up to ten times.
    """
    rule = _book().parameters("MSG-DUPLICATE", as_at)
    top = f"/{local(root.tag)}"
    found: list[Finding] = []
    if wanted := rule["documents"].get(type):
        found += _repeated(list(_children(root, wanted["each"], top)), wanted["key"], "warn")
    if wanted := rule["lines"].get(type):
        for node, path in _below(root, wanted["each"], top):
            found += _repeated(list(_children(node, wanted["item"], path)), wanted["key"], "error")
    return found


def _repeated(nodes: Sequence[tuple[Any, str]], key: Sequence[str], severity: Severity) -> Iterator[Finding]:
    first: dict[tuple[str, ...], str] = {}
    for node, path in nodes:
        numbers = tuple(_text(node, part) for part in key)
        if not all(numbers):
            continue
        if numbers in first:
            named = key[-1]
            yield Finding(
                code="MSG-DUPLICATE", severity=severity, pointer=f"{path}/{named}", rule="MSG-DUPLICATE",
                given=numbers[-1][:80], message_zh=f"{named} 重复：已在 {first[numbers]} 出现",
                message_en=f"{named} stands already at {first[numbers]}", source="catalogue/rules/duplicates.json",
            )  # fmt: skip
        first.setdefault(numbers, path)


def _below(root: Any, path: str, above: str) -> Iterator[tuple[Any, str]]:
    nodes = [(root, above)]
    for tag in path.split("/") if path else ():
        nodes = [found for node, place in nodes for found in _children(node, tag, place)]
    yield from nodes


def _children(node: Any, tag: str, above: str) -> Iterator[tuple[Any, str]]:
    number = 0
    for child in node:
        if local(child.tag) == tag:
            number += 1
            yield child, f"{above}/{tag}[{number}]"


def _text(node: Any, path: str) -> str:
    for tag in path.split("/"):
        node = next((child for child in node if local(child.tag) == tag), None)
        if node is None:
            return ""
    return (node.text or "").strip()


@cache
def _book() -> RuleBook:
    return RuleBook(catalogue.load("rules/duplicates.json"), ())
