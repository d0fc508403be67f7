"""Conditions on the content of a document, as data: what triggers an agency's part, and where a message goes."""

from collections.abc import Iterator, Mapping
from typing import Any


def holds(condition: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    """Whether it is met: `always`, `all`, `any`, or a place (`at`) that is `present`, `in`, `has` or `starts`."""
    if condition.get("always"):
        return True
    if "all" in condition:
        return all(holds(one, document) for one in condition["all"])
    if "any" in condition:
        return any(holds(one, document) for one in condition["any"])
    values = list(at(document, condition["at"]))
    if "in" in condition:
        return any(value in condition["in"] for value in values)
    if "has" in condition:  # a comma-separated list of codes
        return any(set(str(value).split(",")) & set(condition["has"]) for value in values)
    if "starts" in condition:
        return any(str(value).startswith(tuple(condition["starts"])) for value in values)
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
