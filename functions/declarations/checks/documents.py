"""Papers: licences, proofs of origin and their lines, ledgers, inspection, and what the note must say."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

from declarations.checks.sound import Sound
from singlewindow.rules import Params, Patch, Violation, add, remove, replace, rule

_PROOF = re.compile(r"<(\d{2})>(.+)", re.ASCII | re.DOTALL).fullmatch
_ORIGIN = "Y"
_DAY_IN_NOTE = re.compile(r"\d{8}", re.ASCII).search


@rule("LICENCE-BLOCK")
def licence_block(declaration: Sound, params: Params) -> Iterator[Violation]:
    """Import and export licences and dual-use permits have their own field; the list is for the rest."""
    for paper in declaration.licence_documents:
        code, number = paper.get("document_code"), paper.get("document_no")
        if code not in params["own_field"]:
            continue
        fix: tuple[Patch, ...] = ()
        if number and declaration.head.absent("licence_no"):
            fix = (add("/head/licence_no", number), remove(paper.pointer))
        yield Violation(paper.at("document_code"), given=code, expected="/head/licence_no", fix=fix)


@rule("ORIGIN-PROOF-FORM")
def origin_proof_form(declaration: Sound, params: Params) -> Iterator[Violation]:
    """A proof of origin is `<agreement>` and its number."""
    for paper in declaration.licence_documents:
        number = paper.get("document_no")
        if paper.get("document_code") == _ORIGIN and number is not None and not _PROOF(number):
            yield Violation(paper.at("document_no"), given=number, expected=params["style"])


@rule("ORIGIN-PROOF-ONE")
def origin_proof_one(declaration: Sound, _: Params) -> Iterator[Violation]:
    """One declaration, one proof of origin."""
    proofs = [paper for paper in declaration.licence_documents if paper.get("document_code") == _ORIGIN]
    for paper in proofs[1:]:
        yield Violation(paper.at("document_no"), given=paper.get("document_no"))


@rule("ORIGIN-AGREEMENT")
def origin_agreement(declaration: Sound, params: Params) -> Iterator[Violation]:
    """The agreement that a proof names exists at the date."""
    for paper in declaration.licence_documents:
        agreement = _agreement(paper.get("document_code"), paper.get("document_no"))
        if agreement and not _members(params, agreement, declaration.as_at):
            yield Violation(
                paper.at("document_no"), given=paper.get("document_no"), says={"agreement": agreement}
            )


@rule("ORIGIN-COUNTRY")
def origin_country(declaration: Sound, params: Params) -> Iterator[Violation]:
    """A line under a proof of origin comes from a country of that agreement."""
    for relation in declaration.origin_relations:
        agreement = _agreement(relation.get("certificate_type"), relation.get("certificate_no"))
        line = declaration.line(relation.get("line_no") or "")
        members = _members(params, agreement, declaration.as_at) if agreement else None
        country = line.get("origin_country") if line else None
        if line is None or country is None or not members or "*" in members or country in members:
            continue
        yield Violation(
            line.at("origin_country"),
            given=country,
            expected=" / ".join(members),
            says={"line": line.index + 1, "agreement": agreement, "proof": relation.get("certificate_no")},
        )


@rule("RELATION-LINE")
def relation_line(declaration: Sound, _: Params) -> Iterator[Violation]:
    """The relation table points to lines that exist."""
    for relation in declaration.origin_relations:
        number = relation.get("line_no")
        if number is not None and number not in declaration.line_numbers:
            yield Violation(relation.at("line_no"), given=number, says={"lines": len(declaration.lines)})


@rule("RELATION-TWICE")
def relation_twice(declaration: Sound, _: Params) -> Iterator[Violation]:
    """A line belongs to one line of the proof."""
    seen: set[str] = set()
    for relation in declaration.origin_relations:
        number = relation.get("line_no")
        if number is None:
            continue
        if number in seen:
            yield Violation(relation.at("line_no"), given=number)
        seen.add(number)


@rule("RELATION-PROOF")
def relation_proof(declaration: Sound, _: Params) -> Iterator[Violation]:
    """The proof that the relation table names is among the papers."""
    papers = declaration.licence_documents
    numbers = {paper.get("document_no") for paper in papers}
    if None in numbers:
        return  # one of the numbers is missing or broken: it may be this one
    for relation in declaration.origin_relations:
        number = relation.get("certificate_no")
        if number is not None and number not in numbers:
            proof = next((p.get("document_no") for p in papers if p.get("document_code") == _ORIGIN), None)
            yield Violation(relation.at("certificate_no"), given=number, expected=proof)


@rule("RELATION-MISSING")
def relation_missing(declaration: Sound, _: Params) -> Iterator[Violation]:
    """A proof of origin without the lines that enjoy it."""
    if declaration.origin_relations:
        return
    for paper in declaration.licence_documents:
        if paper.get("document_code") == _ORIGIN:
            yield Violation("/origin_relations", says={"proof": paper.get("document_no") or ""})
            return


@rule("LEDGER-LINE")
def ledger_line(declaration: Sound, _: Params) -> Iterator[Violation]:
    """Under a ledger, handbook or exemption certificate every line names its line there."""
    manual = declaration.head.get("manual_no")
    if manual is None:
        return
    for line in declaration.lines:
        if line.absent("contract_item"):
            yield Violation(line.at("contract_item"), says={"line": line.index + 1, "manual": manual})


@rule("LEDGER-MISSING")
def ledger_missing(declaration: Sound, _: Params) -> Iterator[Violation]:
    """A ledger line without a ledger."""
    if not declaration.head.absent("manual_no"):
        return
    for line in declaration.lines:
        if line.get("contract_item") is not None:
            yield Violation("/head/manual_no", says={"line": line.index + 1})
            return


@rule("CLEARANCE-FORM")
def clearance_form(declaration: Sound, params: Params) -> Iterator[Violation]:
    """Before the merger: goods that quarantine inspects have its clearance form before they are declared."""
    yield from _inspection_paper(declaration, params)


@rule("EXPORT-PRE-INSPECTION")
def export_pre_inspection(declaration: Sound, params: Params) -> Iterator[Violation]:
    """Since then: exports that are inspected quote the number of the electronic record."""
    yield from _inspection_paper(declaration, params)


@rule("WOOD-PACKAGING")
def wood_packaging(declaration: Sound, params: Params) -> Iterator[Violation]:
    """Wood triggers quarantine whatever is in it: the inspection offices must be named."""
    head = declaration.head
    wood = [(head.at("wrap_type"), head.get("wrap_type"))]
    wood += [(pack.at("pack_type"), pack.get("pack_type")) for pack in declaration.other_packs]
    for pointer, code in wood:
        if code in params["wood"]:
            for name in params["offices"]:
                if head.absent(name):
                    yield Violation(head.at(name), says={"because": pointer, "code": code})
            return


@rule("OTHER-PACKS")
def other_packs(declaration: Sound, _: Params) -> Iterator[Violation]:
    """«No other packaging» and a list of it."""
    flag = declaration.head.get("no_other_pack")
    if flag == "1" and declaration.other_packs:
        yield Violation(
            declaration.head.at("no_other_pack"), given=flag, says={"packs": len(declaration.other_packs)}
        )


@rule("DANGEROUS-GOODS")
def dangerous_goods(declaration: Sound, params: Params) -> Iterator[Violation]:
    """A UN number comes with the name and the packing class."""
    for line in declaration.lines:
        number = line.get("un_number")
        if number is None:
            continue
        for name in params["with"]:
            if line.absent(name):
                yield Violation(line.at(name), says={"line": line.index + 1, "number": number})


@rule("DANGEROUS-OR-NOT")
def dangerous_or_not(declaration: Sound, _: Params) -> Iterator[Violation]:
    """Not a dangerous chemical, yet with a UN number."""
    for line in declaration.lines:
        number, flag = line.get("un_number"), line.get("non_dangerous_flag")
        if number is not None and flag == "1":
            yield Violation(
                line.at("non_dangerous_flag"),
                given=flag,
                expected="0",
                says={"line": line.index + 1, "number": number},
            )


@rule("GOODS-LIMIT-LINE")
def goods_limit_line(declaration: Sound, _: Params) -> Iterator[Violation]:
    """A product licence hangs on the line that it names."""
    for line, limit in declaration.goods_limits:
        number, own = limit.get("line_no"), line.get("line_no")
        if number is not None and own is not None and number != own:
            yield Violation(limit.at("line_no"), given=number, expected=own, says={"line": line.index + 1})


@rule("CORRELATION-PAIR")
def correlation_pair(declaration: Sound, _: Params) -> Iterator[Violation]:
    """A related declaration and the reason come together."""
    head = declaration.head
    for here, missing in (("correlation_no", "correlation_reason"), ("correlation_reason", "correlation_no")):
        if head.get(here) is not None and head.absent(missing):
            yield Violation(head.at(missing), says={"because": head.at(here)})


@rule("CERTIFICATE-FIELDS")
def certificate_fields(declaration: Sound, params: Params) -> Iterator[Violation]:
    """What inspection needs to write the certificates that are asked for."""
    if not declaration.requested_certificates:
        return
    for name in params["head"]:
        if declaration.head.absent(name):
            yield Violation(declaration.head.at(name))
    for line in declaration.lines:
        for name in params["lines"]:
            if line.absent(name):
                yield Violation(line.at(name))


@rule("PAPER-ATTACHMENTS")
def paper_attachments(declaration: Sound, params: Params) -> Iterator[Violation]:
    """A declaration on paper carries no electronic documents."""
    kind = declaration.head.get("entry_type")
    if kind in params["paper"] and declaration.electronic_documents:
        yield Violation(declaration.head.at("entry_type"), given=kind, expected=params["paperless"])


@rule("NOTE-TEMPORARY")
def note_temporary(declaration: Sound, params: Params) -> Iterator[Violation]:
    """Temporary entry: the note says which kind and until when, within six months."""
    head = declaration.head
    if head.get("trade_mode") not in params["trade_modes"] or not (head.get("note") or head.absent("note")):
        return
    note = head.get("note") or ""
    if not re.search(params["pattern"], note):
        yield Violation(head.at("note"), given=note or None, expected=params["style"])
        return
    entered, match = head.day("ie_date"), _DAY_IN_NOTE(note)
    back = _compact_day(match[0]) if match else None
    if entered and back and back > entered + timedelta(days=params["days"]):
        yield Violation(head.at("note"), given=note, expected=params["style"])


@rule("MARKS-NONE")
def marks_none(declaration: Sound, params: Params) -> Iterator[Violation]:
    """No marks is written N/M."""
    marks = declaration.head.get("marks")
    if marks in params["variants"]:
        fix = (replace("/head/marks", params["right"]),)
        yield Violation("/head/marks", given=marks, expected=params["right"], fix=fix)


def _inspection_paper(declaration: Sound, params: Params) -> Iterator[Violation]:
    """Goods for inspection, seen by their inspection office, without the paper of their direction."""
    head = declaration.head
    wanted = params["papers"].get(head.get("ie_flag") or "")
    offices = [name for name in params["offices"] if head.get(name)]
    codes = {paper.get("document_code") for paper in declaration.licence_documents}
    if wanted and offices and wanted not in codes and None not in codes:
        yield Violation("/licence_documents", expected=wanted, says={"because": head.at(offices[0])})


def _agreement(code: str | None, number: str | None) -> str | None:
    match = _PROOF(number) if code == _ORIGIN and number else None
    return match[1] if match else None


def _members(params: Params, agreement: str, day: date) -> list[str] | None:
    """The countries of an agreement at the date; None where it isn't known then. `*` is any country."""
    entry = params["agreements"].get(agreement)
    if entry is None or (entry["effective_from"] or "") > day.isoformat():
        return None
    return [
        country for country, since in entry["members"].items() if since is None or since <= day.isoformat()
    ]


def _compact_day(text: str) -> date | None:
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None
