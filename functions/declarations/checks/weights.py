"""Weights: net within gross, lines within net."""

from collections.abc import Iterator
from decimal import Decimal

from declarations.checks.sound import Line, Sound
from singlewindow.canonical import plain
from singlewindow.rules import Params, Violation, replace, rule


@rule("WEIGHT-NET-GROSS")
def net_within_gross(declaration: Sound, _: Params) -> Iterator[Violation]:
    head = declaration.head
    net, gross = head.number("net_weight"), head.number("gross_weight")
    if net is not None and gross is not None and net > gross:
        yield Violation(
            head.at("net_weight"),
            given=plain(net),
            expected=f"<= {plain(gross)}",
            says={"gross": plain(gross)},
        )


@rule("WEIGHT-BELOW-ONE")
def weight_below_one(declaration: Sound, params: Params) -> Iterator[Violation]:
    """Less than one kilogram is filed as 1."""
    least = params["least"]
    for name in ("gross_weight", "net_weight"):
        weight = declaration.head.number(name)
        if weight is not None and weight < Decimal(least):
            pointer = declaration.head.at(name)
            yield Violation(pointer, given=plain(weight), expected=least, fix=(replace(pointer, least),))


@rule("WEIGHT-LINES")
def weight_of_lines(declaration: Sound, params: Params) -> Iterator[Violation]:
    """Where every line is in kilograms, the lines weigh what the head says."""
    net = declaration.head.number("net_weight")
    if net is None or not declaration.lines:
        return
    total = Decimal(0)
    for line in declaration.lines:
        weight = _kilograms(line, params["kilogram"])
        if weight is None or _has_own_weight(line, params):
            return
        total += weight
    slack = Decimal(params["slack_per_line"]) * len(declaration.lines)
    if net == net.to_integral_value():
        slack += Decimal(params["slack_of_whole_kilograms"])
    filed_as_one = net == 1 and total < 1
    if abs(net - total) > slack and not filed_as_one:
        pointer = declaration.head.at("net_weight")
        yield Violation(
            pointer, given=plain(net), expected=plain(total), fix=(replace(pointer, plain(total)),)
        )


@rule("WEIGHT-LINES-GROSS")
def lines_within_gross(declaration: Sound, params: Params) -> Iterator[Violation]:
    """Where only some lines are in kilograms, even they cannot outweigh the shipment."""
    gross = declaration.head.number("gross_weight")
    weights = [_kilograms(line, params["kilogram"]) for line in declaration.lines]
    some = [weight for weight in weights if weight is not None]
    if gross is None or gross <= 1 or len(some) == len(weights):
        return
    if (total := sum(some, Decimal(0))) > gross:
        pointer = declaration.head.at("gross_weight")
        yield Violation(
            pointer, given=plain(gross), expected=f">= {plain(total)}", says={"total": plain(total)}
        )


@rule("PACKS-ZERO")
def packs_zero(declaration: Sound, _: Params) -> Iterator[Violation]:
    """Unpacked goods are one piece; none is never right."""
    packs = declaration.head.number("pack_no")
    if packs is not None and packs <= 0:
        pointer = declaration.head.at("pack_no")
        yield Violation(pointer, given=plain(packs), expected=">= 1", fix=(replace(pointer, "1"),))


def _kilograms(line: Line, kilogram: str) -> Decimal | None:
    """The line's weight, from the first of its units that is the kilogram."""
    if line.get("first_unit") == kilogram:
        return line.first_quantity
    if line.get("second_unit") == kilogram:
        return line.second_quantity
    if line.get("unit") == kilogram:
        return line.quantity
    return None


def _has_own_weight(line: Line, params: Params) -> bool:
    """Goods whose legal kilograms are not their net weight (conditioned, liquid content, gross for net)."""
    return (line.get("hs_code") or "").startswith(tuple(params["own_weight_chapters"]))
