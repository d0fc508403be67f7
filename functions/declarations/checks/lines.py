"""Goods lines: numbering, grouping, declared elements, regions."""

from collections.abc import Iterator

from declarations.checks.sound import Line, Sound
from singlewindow.rules import Params, Patch, Violation, replace, rule


@rule("LINE-NUMBERS")
def line_numbers(declaration: Sound, _: Params) -> Iterator[Violation]:
    """Lines count 1, 2, 3 … in their order."""
    for line in declaration.lines:
        number, expected = line.get("line_no"), str(line.index + 1)
        if number is not None and number != expected:
            pointer = line.at("line_no")
            yield Violation(pointer, given=number, expected=expected, fix=(replace(pointer, expected),))


@rule("LINE-REPEATED")
def line_repeated(declaration: Sound, params: Params) -> Iterator[Violation]:
    """归并: lines that differ in nothing but their amounts are one line."""
    alike: dict[tuple[str, str], list[Line]] = {}
    for line in declaration.lines:
        code, elements = line.get("hs_code"), line.get("declared_elements")
        if code and elements:
            alike.setdefault((code, elements), []).append(line)
    if len(alike) == len(declaration.lines):
        return  # no two lines share even these
    for lines in alike.values():
        first: dict[tuple[str | None, ...], int] = {}
        for line in lines:
            index = first.setdefault(tuple(line.get(name) for name in params["same"]), line.index)
            if index != line.index:
                yield Violation(line.pointer, says={"line": line.index + 1, "first": index + 1})


@rule("ELEMENTS-BRAND")
def elements_brand(declaration: Sound, params: Params) -> Iterator[Violation]:
    """The first declared element is the kind of brand."""
    for line in declaration.lines:
        elements = line.elements
        if elements and elements[0].strip() not in params["brand_types"]:
            yield Violation(
                line.at("declared_elements"),
                given=elements[0],
                expected=" / ".join(params["brand_types"]),
                says={"line": line.index + 1},
            )


@rule("ELEMENTS-PREFERENCE")
def elements_preference(declaration: Sound, params: Params) -> Iterator[Violation]:
    """The second declared element is the export preference: 3 on imports, 0 to 2 on exports."""
    allowed = params["flags"].get(declaration.head.get("ie_flag") or "")
    if allowed is None:
        return
    for line in declaration.lines:
        elements = line.elements
        if len(elements) < 2 or elements[1].strip() in allowed:
            continue  # without a second element the first finding says enough
        pointer = line.at("declared_elements")
        fix: tuple[Patch, ...] = ()
        if len(allowed) == 1:
            fix = (replace(pointer, "|".join([elements[0], allowed[0], *elements[2:]])),)
        says = {"line": line.index + 1}
        yield Violation(pointer, given=elements[1], expected=" / ".join(allowed), fix=fix, says=says)


@rule("REGION-PROVINCE")
def region_province(declaration: Sound, _: Params) -> Iterator[Violation]:
    """The domestic region and the administrative division are in one province (their first two digits)."""
    for line in declaration.lines:
        region, division = line.get("domestic_region"), line.get("destination_division")
        if region and division and region[:2] != division[:2]:
            yield Violation(
                line.at("destination_division"),
                given=division,
                expected=f"{region[:2]}xxxx",
                says={"line": line.index + 1, "region": region},
            )
