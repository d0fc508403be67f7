"""Quantities of one line against each other: traded, first legal, second legal."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from declarations.checks.sound import Line, Sound
from declarations.checks.values import WIDE
from singlewindow.canonical import plain
from singlewindow.rules import Params, Violation, replace, rule

_FINEST = Decimal("0.00001")
_LEGAL = (("first_quantity", "first_unit"), ("second_quantity", "second_unit"))


@rule("UNIT-QUANTITY")
def unit_quantity(declaration: Sound, params: Params) -> Iterator[Violation]:
    """The same unit twice means the same quantity twice."""
    scales = [Decimal(scale) for scale in params["scales"]]
    slack = Decimal(params["relative_slack"])
    for line, name, given, expected in _comparable(declaration, ()):
        if not _slip(given, expected, scales, slack):
            yield _disagreement(line, name, given, expected)


@rule("QUANTITY-SCALE")
def quantity_scale(declaration: Sound, params: Params) -> Iterator[Violation]:
    """A comparable legal quantity that is out by exactly a power of ten."""
    scales = [Decimal(scale) for scale in params["scales"]]
    slack = Decimal(params["relative_slack"])
    for line, name, given, expected in _comparable(declaration, params["kinds"]):
        if scale := _slip(given, expected, scales, slack):
            yield _disagreement(line, name, given, expected, scale)


@rule("UNIT-CONVERSION")
def unit_conversion(declaration: Sound, params: Params) -> Iterator[Violation]:
    """Different units of one kind (tonnes and kilograms): the quantities must convert."""
    scales = [Decimal(scale) for scale in params["scales"]]
    slack = Decimal(params["relative_slack"])
    for line, name, given, expected in _comparable(declaration, params["kinds"]):
        same_unit = line.get("unit") == line.get(name.replace("quantity", "unit"))
        if same_unit or abs(given - expected) <= expected * slack or _slip(given, expected, scales, slack):
            continue
        yield _disagreement(line, name, given, expected)


@rule("UNIT-PAIR")
def unit_pair(declaration: Sound, _: Params) -> Iterator[Violation]:
    """The second legal unit and its quantity come together or not at all."""
    for line in declaration.lines:
        for here, missing in (("second_unit", "second_quantity"), ("second_quantity", "second_unit")):
            if line.get(here) is not None and line.absent(missing):
                yield Violation(line.at(missing), says={"line": line.index + 1, "because": line.at(here)})


def _comparable(
    declaration: Sound, kinds: Iterable[Mapping[str, str]]
) -> Iterator[tuple[Line, str, Decimal, Decimal]]:
    """Where they differ: line, name of the legal quantity, given, and the traded quantity in that unit."""
    for line in declaration.lines:
        unit = line.get("unit")
        if not line.quantity or unit is None:
            continue
        for name, legal_unit_name in _LEGAL:
            given = line.first_quantity if name == "first_quantity" else line.second_quantity
            legal_unit = line.get(legal_unit_name)
            if not given or legal_unit is None:
                continue
            if legal_unit == unit:
                if given != line.quantity:
                    yield line, name, given, line.quantity
                continue
            for factors in kinds:
                if unit in factors and legal_unit in factors:
                    expected = line.quantity * Decimal(factors[unit]) / Decimal(factors[legal_unit])
                    if given != expected:
                        yield line, name, given, expected


def _slip(given: Decimal, expected: Decimal, scales: list[Decimal], slack: Decimal) -> Decimal | None:
    for scale in scales:
        scaled = expected * scale
        if abs(given - scaled) <= scaled * slack:
            return scale
    return None


def _disagreement(
    line: Line, name: str, given: Decimal, expected: Decimal, scale: Decimal = Decimal(1)
) -> Violation:
    pointer = line.at(name)
    right = plain(expected.quantize(_FINEST, context=WIDE))
    return Violation(
        pointer,
        given=plain(given),
        expected=right,
        fix=(replace(pointer, right),),
        says={"line": line.index + 1, "scale": plain(scale)},
    )
