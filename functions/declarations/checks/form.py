"""What the head says of itself: numbers, offices, fields that the form demands, and what the sender wants."""

from collections.abc import Iterator

from declarations.checks.sound import Sound
from singlewindow.ids import parse_entry_id
from singlewindow.rules import Params, Violation, rule


@rule("RELATED-ENTRY-ID")
def related_entry_id(declaration: Sound, _: Params) -> Iterator[Violation]:
    """The related declaration is a declaration number."""
    number = declaration.free_text.get("related_entry_id")
    if number is not None and parse_entry_id(number) is None:
        yield Violation(declaration.free_text.at("related_entry_id"), given=number)


@rule("ENTRY-ID-PARTS")
def entry_id_parts(declaration: Sound, _: Params) -> Iterator[Violation]:
    """This declaration's own number: its customs office, its direction, no year to come."""
    head = declaration.head
    number = head.get("entry_id")
    parts = parse_entry_id(number) if number else None
    if parts is None:
        return
    office, direction = head.get("customs_master"), head.get("ie_flag")
    wrong = (
        (office is not None and parts.customs != office)
        or (direction is not None and parts.direction != direction)
        or parts.year > declaration.as_at.year
    )
    if wrong:
        flag = {"I": "1", "E": "0"}.get(direction or "", "?")
        yield Violation(head.at("entry_id"), given=number, expected=f"{office or '????'} yyyy {flag} …")


@rule("FIELD-MISSING")
def field_missing(declaration: Sound, params: Params) -> Iterator[Violation]:
    """Fields that the entry guide demands although the message schema does not."""
    wanted = params["fields"].get(declaration.head.get("ie_flag") or "")
    if wanted is None:
        return
    for name in wanted["head"]:
        if declaration.head.absent(name):
            yield Violation(declaration.head.at(name))
    for line in declaration.lines:
        for name in wanted["lines"]:
            if line.absent(name):
                yield Violation(line.at(name))


@rule("CUSTOMS-OFFICE")
def customs_office(declaration: Sound, params: Params) -> Iterator[Violation]:
    """One declares at an office, not at a whole customs district."""
    office = declaration.head.get("customs_master")
    if office is not None and office.endswith(params["district_ending"]):
        yield Violation(declaration.head.at("customs_master"), given=office)


@rule("DRAFT")
def draft(declaration: Sound, params: Params) -> Iterator[Violation]:
    """暂存: this makes a draft, never a submission."""
    kind = declaration.sign.get("oper_type")
    if kind == params["oper_type"]:
        yield Violation(declaration.sign.at("oper_type"), given=kind)
