"""Event patterns, as event source mappings' FilterCriteria use them.

A pattern is an object; its leaves are lists of alternatives: literals or operators. Source:
https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from infra.stage.template import StageError

_MISSING = object()


def check(pattern: Any, where: str) -> None:
    """Raise `StageError` for anything that `matches` would not understand."""
    if not isinstance(pattern, dict):
        raise StageError(f"{where}: a filter pattern is an object, not {pattern!r}")
    for key, condition in pattern.items():
        if key == "$or":
            for each in condition:
                check(each, where)
        elif isinstance(condition, list):
            for alternative in condition:
                unknown = set(alternative) - set(_OPERATORS) if isinstance(alternative, dict) else set()
                if unknown:
                    raise StageError(
                        f"{where}: filter operator {', '.join(sorted(unknown))} is not known here"
                    )
        else:
            check(condition, f"{where}.{key}")


def matches(pattern: Mapping[str, Any], event: Any) -> bool:
    """Whether `event` has all that `pattern` names."""
    for key, condition in pattern.items():
        if key == "$or":
            if not any(matches(each, event) for each in condition):
                return False
            continue
        value = event.get(key, _MISSING) if isinstance(event, dict) else _MISSING
        if isinstance(condition, dict):
            if not matches(condition, value):
                return False
        elif not any(_holds(alternative, value) for alternative in condition):
            return False
    return True


def matches_message(pattern: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """As `matches` for an SQS record, whose `body` is read as JSON where the pattern looks into it."""
    if isinstance(pattern.get("body"), dict):
        try:
            record = {**record, "body": json.loads(record["body"])}
        except ValueError:
            return False
    return matches(pattern, record)


def _holds(alternative: Any, value: Any) -> bool:
    if isinstance(value, list):
        return any(_holds(alternative, each) for each in value) if value else _holds(alternative, _MISSING)
    if not isinstance(alternative, dict):
        return value is not _MISSING and type(value) is type(alternative) and bool(value == alternative)
    ((operator, operand),) = alternative.items()
    return _OPERATORS[operator](operand, value)


def _anything_but(operand: Any, value: Any) -> bool:
    if value is _MISSING:
        return False
    return not any(_holds(each, value) for each in (operand if isinstance(operand, list) else [operand]))


def _numeric(operand: list[Any], value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return all(_COMPARE[sign](value, bound) for sign, bound in zip(operand[::2], operand[1::2], strict=True))


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda value, bound: value == bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
}
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "exists": lambda operand, value: (value is not _MISSING) == operand,
    "prefix": lambda operand, value: isinstance(value, str) and value.startswith(operand),
    "suffix": lambda operand, value: isinstance(value, str) and value.endswith(operand),
    "equals-ignore-case": lambda operand, value: isinstance(value, str) and value.lower() == operand.lower(),
    "anything-but": _anything_but,
    "numeric": _numeric,
}
