"""Who is on the declaration: trader, owner, declarant, and the counterpart abroad."""

import re
from collections.abc import Iterator

from declarations.checks.sound import Sound
from singlewindow.rules import Params, Violation, move, rule

_SIDES = {"trade": "境内收发货人", "owner": "消费使用（生产销售）单位", "agent": "申报单位"}


@rule("PARTY-CODE-MISSING")
def party_code_missing(declaration: Sound, _: Params) -> Iterator[Violation]:
    """Each party has its unified social credit code or, for want of one, its customs code."""
    head = declaration.head
    for side, name_zh in _SIDES.items():
        if head.absent(f"{side}_uscc") and head.absent(f"{side}_code"):
            yield Violation(head.at(f"{side}_uscc"), says={"party": side, "party_zh": name_zh})


@rule("PARTY-CODE-CLASH")
def party_code_clash(declaration: Sound, _: Params) -> Iterator[Violation]:
    """One customs code, one enterprise: not two unified social credit codes."""
    head = declaration.head
    owner_of: dict[str, str] = {}
    for side in _SIDES:
        code, uscc = head.get(f"{side}_code"), head.get(f"{side}_uscc")
        if not code or not uscc or code == "NO":
            continue
        first = owner_of.setdefault(code, uscc)
        if first != uscc:
            yield Violation(head.at(f"{side}_uscc"), given=uscc, expected=first, says={"code": code})


@rule("PARTY-NAME-CLASH")
def party_name_clash(declaration: Sound, _: Params) -> Iterator[Violation]:
    """One enterprise, one name."""
    head = declaration.head
    name_of: dict[str, str] = {}
    for side in _SIDES:
        uscc, name = head.get(f"{side}_uscc"), head.get(f"{side}_name")
        if not uscc or not name or uscc == "NO":
            continue
        first = name_of.setdefault(uscc, name)
        if first != name:
            yield Violation(head.at(f"{side}_name"), given=name, expected=first, says={"uscc": uscc})


@rule("PARTY-ORGANISATION-CODE")
def party_organisation_code(declaration: Sound, _: Params) -> Iterator[Violation]:
    """A unified social credit code contains the organisation code: its characters 9 to 17."""
    uscc = declaration.head.get("input_uscc")
    if uscc is None or len(uscc) != 18:
        return
    inside = uscc[8:17]
    for pointer, code in (
        ("/head/input_code", declaration.head.get("input_code")),
        ("/sign/operator_code", declaration.sign.get("operator_code")),
    ):
        if code is not None and len(code) == 9 and code != inside:
            yield Violation(pointer, given=code, expected=inside, says={"uscc": uscc})


@rule("OVERSEAS-PARTY-MISSING")
def overseas_party_missing(declaration: Sound, params: Params) -> Iterator[Violation]:
    """An import has a consignor abroad, an export a consignee; `NO` where there is none."""
    head = declaration.head
    here = params["names"].get(head.get("ie_flag") or "")
    if here is None or not head.absent(here):
        return
    there = next(name for name in params["names"].values() if name != here)
    filed_there = head.get(there)
    fix = (move(head.at(there), head.at(here)),) if filed_there else ()
    yield Violation(head.at(here), expected=filed_there or "NO", fix=fix)


@rule("OVERSEAS-CODE-CHINESE")
def overseas_code_chinese(declaration: Sound, params: Params) -> Iterator[Violation]:
    """The code of a party abroad is its AEO code, not a Chinese unified social credit code."""
    for name in ("overseas_consignor_code", "overseas_consignee_code"):
        code = declaration.head.get(name)
        if code is not None and re.fullmatch(params["uscc_pattern"], code):
            yield Violation(declaration.head.at(name), given=code)
