"""Lines against the national tariff: alive, papers, declared elements, units, inspection, 3C, trade remedies.

Bound only where a complete tariff is in force at the date; until then these rules sleep.
"""

from collections.abc import Iterable, Iterator

from declarations.checks.sound import Block, Line, Sound
from singlewindow import catalogue
from singlewindow.rules import Params, Patch, Violation, remove, replace, rule
from singlewindow.tariff import Tariff, TariffLine

_MEASURES = {"AD": "反倾销 anti-dumping", "CVD": "反补贴 countervailing", "SG": "保障措施 safeguard"}


@rule("HS-ALIVE")
def hs_alive(declaration: Sound, params: Params) -> Iterator[Violation]:
    """The code is in the tariff and did not end before the date."""
    tariff: Tariff = params["tariff"]
    day = declaration.as_at
    for line in declaration.lines:
        code = line.get("hs_code")
        found = tariff.line(code) if code else None
        if code is None or (found and found.in_force(day)):
            continue
        successor = found.successor if found else None
        pointer = line.at("hs_code")
        yield Violation(
            pointer,
            given=code,
            expected=successor or " / ".join(tariff.nearest(code, day)) or None,
            fix=(replace(pointer, successor),) if successor else (),
            says={"line": line.index + 1, "day": day.isoformat()},
        )


@rule("HS-PROHIBITED")
def hs_prohibited(declaration: Sound, params: Params) -> Iterator[Violation]:
    """What must not cross the border in this direction at all."""
    letter = params["letters"].get(declaration.head.get("ie_flag") or "")
    for line, goods in _judged(declaration, params):
        if letter and letter in goods.conditions:
            yield Violation(
                line.at("hs_code"),
                given=goods.code,
                says={
                    "line": line.index + 1,
                    "conditions": goods.conditions,
                    "letter": letter,
                    "paper": _paper(letter),
                },
            )


@rule("HS-DOCUMENTS")
def hs_documents(declaration: Sound, params: Params) -> Iterator[Violation]:
    """Each letter of the conditions that obliges this direction has its paper."""
    head = declaration.head
    obliging = params["papers"].get(head.get("ie_flag") or "", ())
    papers = {paper.get("document_code") for paper in declaration.licence_documents}
    if head.get("trade_mode") not in params["trade_modes"] or None in papers:
        return  # exemptions that no table here states; or a paper that is broken and may be the one
    has_licence = not head.absent("licence_no")
    for line, goods in _judged(declaration, params):
        missing = [
            letter
            for letter in goods.conditions
            if letter in obliging
            and letter not in papers
            and not (has_licence and letter in params["own_field"])
        ]
        if missing:
            yield Violation(
                line.at("hs_code"),
                given=goods.code,
                expected=", ".join(f"{letter} {_paper(letter)}" for letter in missing),
                says={"line": line.index + 1, "conditions": goods.conditions},
            )


@rule("HS-ELEMENTS")
def hs_elements(declaration: Sound, params: Params) -> Iterator[Violation]:
    """As many elements as the template has; the customary last ones may be left out."""
    for line, goods in _judged(declaration, params):
        given, template = line.elements, goods.elements
        if not (given and template):
            continue
        least = len(template)
        while least and template[least - 1] in params["optional"]:
            least -= 1
        if not least <= len(given) <= len(template):
            yield Violation(
                line.at("declared_elements"),
                given=line.get("declared_elements"),
                expected="|".join(template),
                says={"line": line.index + 1, "code": goods.code, "count": len(given)},
            )


@rule("HS-UNITS")
def hs_units(declaration: Sound, params: Params) -> Iterator[Violation]:
    """First and second legal unit are the code's own; without a second one its place stays empty."""
    for line, goods in _judged(declaration, params):
        says = {"line": line.index + 1, "code": goods.code}
        for name, unit in (("first_unit", goods.unit_1), ("second_unit", goods.unit_2)):
            given = line.get(name)
            if unit is None:
                if given and name == "second_unit":
                    yield Violation(line.at(name), given=given, fix=_without_second(line), says=says)
            elif line.absent(name) or (given and given != unit):
                yield Violation(
                    line.at(name), given=given, expected=unit, fix=_as_traded(line, name, unit), says=says
                )


@rule("HS-INSPECTION")
def hs_inspection(declaration: Sound, params: Params) -> Iterator[Violation]:
    """Goods of an inspection category name what inspection needs, and one of the code's own inspection codes."""
    head = declaration.head
    wanted = params.get(head.get("ie_flag") or "")
    if wanted is None:
        return
    papers = {paper.get("document_code") for paper in declaration.licence_documents}
    for line, goods in _judged(declaration, params):
        categories = "".join(one for one in goods.inspection if one in wanted["categories"])
        if not categories:
            continue
        says = {"line": line.index + 1, "code": goods.code, "categories": goods.inspection}
        for block, names in ((head, wanted["head"]), (line, wanted["lines"])):
            for name in names:
                if block.absent(name):
                    yield Violation(block.at(name), expected=_expected(name, goods), says=says)
        if None not in papers:
            for paper in wanted["papers"]:
                if paper not in papers:
                    yield Violation("/licence_documents", expected=f"{paper} {_paper(paper)}", says=says)
        given = line.get("ciq_code")
        if given and goods.ciq_codes and given not in goods.ciq_codes:
            yield Violation(
                line.at("ciq_code"), given=given, expected=_expected("ciq_code", goods), says=says
            )


@rule("HS-CCC")
def hs_ccc(declaration: Sound, params: Params) -> Iterator[Violation]:
    """The attributes say whether the goods are on the list of compulsory certification; if so, a licence is named."""
    for line, goods in _judged(declaration, params):
        if params["category"] not in goods.inspection:
            continue
        says = {"line": line.index + 1, "code": goods.code}
        attributes = _listed(line, "goods_attributes")
        if attributes is None:
            continue
        if not attributes.intersection(params["attributes"]):
            yield Violation(
                line.at("goods_attributes"),
                given=line.get("goods_attributes"),
                expected=" / ".join(params["attributes"]),
                says=says,
            )
        elif params["certified"] in attributes and line.absent("goods_limits"):
            yield Violation(line.at("goods_limits"), expected="licence_type, licence_no", says=says)


@rule("HS-TRADE-REMEDY")
def hs_trade_remedy(declaration: Sound, params: Params) -> Iterator[Violation]:
    """Goods and origin under anti-dumping, countervailing or safeguard duties at the date."""
    day = declaration.as_at.isoformat()
    for line, goods in _judged(declaration, params):
        origin = line.get("origin_country")
        for kind, countries, first, last, basis in goods.remedies:
            if origin in countries and (first or "") <= day <= (last or "9999"):
                yield Violation(
                    line.at("origin_country"),
                    given=origin,
                    says={
                        "line": line.index + 1,
                        "code": goods.code,
                        "measure": _MEASURES.get(kind, kind),
                        "basis": basis,
                    },
                )


def _judged(declaration: Sound, params: Params) -> Iterator[tuple[Line, TariffLine]]:
    """The lines whose code is in force: of others HS-ALIVE says enough."""
    tariff: Tariff = params["tariff"]
    for line in declaration.lines:
        code = line.get("hs_code")
        goods = tariff.line(code) if code else None
        if goods and goods.in_force(declaration.as_at):
            yield line, goods


def _paper(letter: str) -> str:
    return catalogue.codelist("regulatory-document").label(letter, "zh")


def _without_second(line: Line) -> tuple[Patch, ...]:
    names: Iterable[str] = ("second_unit", "second_quantity")
    return tuple(remove(line.at(name)) for name in names if line.get(name) is not None)


def _as_traded(line: Block, name: str, unit: str) -> tuple[Patch, ...]:
    """A legal unit can be mended only where the goods are traded in it: else the quantity is unknown."""
    quantity = line.get("quantity")
    if line.get("unit") != unit or quantity is None or line.get(name) is None:
        return ()
    return (replace(line.at(name), unit), replace(line.at(name.replace("unit", "quantity")), quantity))


def _expected(name: str, goods: TariffLine) -> str:
    return " / ".join(goods.ciq_codes) or name if name == "ciq_code" else name


def _listed(line: Line, name: str) -> set[str] | None:
    """The codes of a list such as `11,19`; None where it is broken."""
    text = line.get(name)
    if text is None:
        return set() if line.absent(name) else None
    return {one.strip() for one in text.replace("，", ",").split(",")}
