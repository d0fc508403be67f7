"""Containers: each once, every line in one, and heavy enough."""

from collections.abc import Iterator
from decimal import Decimal

from declarations.checks.sound import Block, Sound
from singlewindow.canonical import plain
from singlewindow.rules import Params, Violation, rule


@rule("CONTAINER-TWICE")
def container_twice(declaration: Sound, _: Params) -> Iterator[Violation]:
    seen: set[str] = set()
    for container in declaration.containers:
        number = container.get("container_no")
        if number is None:
            continue
        if number in seen:
            yield Violation(container.at("container_no"), given=number)
        seen.add(number)


@rule("CONTAINER-LINE")
def container_line(declaration: Sound, _: Params) -> Iterator[Violation]:
    """The lines in a container exist."""
    for container in declaration.containers:
        strangers = [number for number in _numbers(container) if number not in declaration.line_numbers]
        if strangers:
            yield Violation(
                container.at("line_nos"),
                given=container.get("line_nos"),
                says={"strangers": ",".join(strangers)},
            )


@rule("CONTAINER-COVERAGE")
def container_coverage(declaration: Sound, _: Params) -> Iterator[Violation]:
    """Where goods travel in containers, every line is in one."""
    containers = declaration.containers
    if not containers or any(container.get("line_nos") is None for container in containers):
        return
    packed = {number for container in containers for number in _numbers(container)}
    for line in declaration.lines:
        number = line.get("line_no")
        if number is not None and number not in packed:
            yield Violation(line.at("line_no"), given=number, says={"line": number})


@rule("CONTAINER-WEIGHT")
def container_weight(declaration: Sound, _: Params) -> Iterator[Violation]:
    """A container's weight includes its own: together they are no lighter than the goods."""
    gross = declaration.head.number("gross_weight")
    weights = [container.number("goods_weight") for container in declaration.containers]
    if not weights or gross is None or None in weights:
        return
    total = sum((weight for weight in weights if weight is not None), Decimal(0))
    if total < gross:
        pointer = declaration.containers[0].at("goods_weight") if len(weights) == 1 else "/containers"
        yield Violation(
            pointer, given=plain(total), expected=f">= {plain(gross)}", says={"gross": plain(gross)}
        )


@rule("CONTAINER-ORIGINAL")
def container_original(declaration: Sound, params: Params) -> Iterator[Violation]:
    """Carried on in the original container, but no container is listed."""
    flag = declaration.head.get("original_container_flag")
    if flag == params["yes"] and not declaration.containers:
        yield Violation(declaration.head.at("original_container_flag"), given=flag)


def _numbers(container: Block) -> list[str]:
    return [number.strip() for number in (container.get("line_nos") or "").split(",") if number.strip()]
