"""The rule book: metadata bound to functions, judged as at a date; and the files that it is made of."""

import json
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from singlewindow import catalogue
from singlewindow.catalogue import Element
from singlewindow.rules import Edition, Params, RuleBook, Violation, place, rule

CATALOGUE = Path(__file__).resolve().parents[2] / "catalogue"
FILES = sorted((CATALOGUE / "rules").glob("*.json"))
PACKS = [path for path in FILES if "rules" in json.loads(path.read_bytes())]

AMOUNT = Element("SCSW-0001", "amount", "金额", "Amount", "N19,5", "internal", "a book", True)
DATA_SETS = {"tariff": {"zh": "无税则", "en": "no tariff"}}


def metadata(id: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": id,
        "version": 1,
        "severity": "error",
        "effective_from": None,
        "effective_to": None,
        "scope": {},
        "agency": "customs",
        "source": "a book",
        "legal_basis": None,
        "verified": True,
        "params": [],
        "needs": [],
        "message_zh": "{name_zh} {given} 应为 {expected}",
        "message_en": "{given} should be {expected}",
    } | changes


def parameters(id: str, **changes: Any) -> dict[str, Any]:
    judged = ("severity", "needs", "message_zh", "message_en")
    raw = {name: value for name, value in metadata(id).items() if name not in judged}
    return raw | {"kind": "parameters", "name_zh": "等级", "name_en": "classes"} | changes


@rule("LIMIT")
def limit(subject: dict[str, Any], params: Params) -> Iterator[Violation]:
    if subject["amount"] > params["most"]:
        yield Violation("/lines/3/amount", given=subject["amount"], expected=params["most"])
        yield Violation("/lines/3/amount", given=subject["amount"], expected="said twice")


def book(*rules: dict[str, Any], **options: Any) -> RuleBook:
    found = {"jurisdiction": "CN", "data_sets": DATA_SETS, "tables": {"limits": 7}, "rules": list(rules)}
    return RuleBook(found, (SimpleNamespace(limit=limit),), **options)


def params(*dated: tuple[str | None, str | None, Any]) -> list[dict[str, Any]]:
    return [
        {"effective_from": first, "effective_to": last, "values": {"most": most}}
        for first, last, most in dated
    ]


def findings(of: RuleBook, day: date, amount: int = 10, **facts: str | None) -> list[Any]:
    return of.evaluate({"amount": amount}, day, facts)[0]


def test_a_finding_carries_the_metadata_and_names_its_element() -> None:
    elements = {"/lines/*/amount": AMOUNT}
    (found,) = findings(
        book(metadata("LIMIT", params=params((None, None, 5))), elements=elements), date(2026, 1, 1)
    )
    assert (found.rule, found.severity, found.source, found.verified) == ("LIMIT", "error", "a book", True)
    assert (found.message_zh, found.message_en) == ("金额 10 应为 5", "10 should be 5")
    assert found.element == "SCSW-0001"
    assert place("/lines/3/amount") == "/lines/*/amount"


def test_parameters_change_on_their_day() -> None:
    of = book(metadata("LIMIT", params=params((None, "2018-12-31", 5), ("2019-01-01", None, 20))))
    assert findings(of, date(2018, 12, 31))
    assert not findings(of, date(2019, 1, 1))


def test_a_rule_is_in_force_from_its_first_day_to_its_last() -> None:
    of = book(
        metadata(
            "LIMIT", effective_from="2018-08-01", effective_to="2019-07-31", params=params((None, None, 5))
        )
    )
    days = (date(2018, 7, 31), date(2018, 8, 1), date(2019, 7, 31), date(2019, 8, 1))
    assert [bool(findings(of, day)) for day in days] == [False, True, True, False]


def test_versions_of_a_rule_follow_each_other() -> None:
    of = book(
        metadata("LIMIT", effective_to="2018-07-31", params=params((None, None, 5))),
        metadata(
            "LIMIT", version=2, effective_from="2018-08-01", severity="warn", params=params((None, None, 5))
        ),
    )
    assert [(f.rule_version, f.severity) for f in findings(of, date(2018, 7, 31))] == [(1, "error")]
    assert [(f.rule_version, f.severity) for f in findings(of, date(2018, 8, 1))] == [(2, "warn")]


def test_a_scope_that_asks_for_an_unknown_fact_keeps_the_rule_silent() -> None:
    of = book(metadata("LIMIT", scope={"ie_flag": ["I"]}, params=params((None, None, 5))))
    assert findings(of, date(2026, 1, 1), ie_flag="I")
    for other in ("E", None, "nonsense"):
        assert not findings(of, date(2026, 1, 1), ie_flag=other)
    assert not findings(of, date(2026, 1, 1))


def test_plans_do_not_grow_with_what_senders_write() -> None:
    of = book(metadata("LIMIT", scope={"ie_flag": ["I"]}, params=params((None, None, 5))))
    for number in range(100):
        findings(of, date(2000 + number, 1, 1), ie_flag=f"fact {number}")
    assert len(of._plans) == 1


HS = metadata("HS", needs=["tariff"], message_en="HS in force")


@rule("HS")
def hs(subject: dict[str, Any], params: Params) -> Iterator[Violation]:
    if subject["amount"] not in params["tariff"]:
        yield Violation("/amount", given=subject["amount"])


def with_hs(*rules: dict[str, Any], **options: Any) -> RuleBook:
    found = {"jurisdiction": "CN", "data_sets": DATA_SETS, "rules": list(rules)}
    return RuleBook(found, (SimpleNamespace(hs=hs),), **options)


def test_a_rule_without_its_data_is_asleep_and_needs_no_function_yet() -> None:
    of = book(metadata("LIMIT", params=params((None, None, 5))), HS)
    _, asleep = of.evaluate({"amount": 1}, date(2026, 1, 1), {})
    assert [(one.rule, one.needs, one.reason_en) for one in asleep] == [
        ("HS", ("tariff",), "HS in force; no tariff")
    ]


def test_a_rule_with_its_data_must_have_a_function() -> None:
    """The other direction: nobody may believe that it is judged when nothing judges it."""
    with pytest.raises(ValueError, match=r"without a function: \['HS'\]"):
        book(metadata("LIMIT"), HS, data_sets=["tariff"])
    assert book(metadata("LIMIT"), HS).editions[1].id == "HS"


def test_a_function_may_be_there_before_its_data() -> None:
    of = with_hs(HS)
    found, asleep = of.evaluate({"amount": 1}, date(2026, 1, 1), {})
    assert found == [] and [one.rule for one in asleep] == ["HS"]


def test_a_rule_is_fed_the_data_set_that_is_at_hand_on_the_date() -> None:
    of = with_hs(HS, data_sets=["tariff"])
    day = date(2026, 1, 1)
    for tariff, faults in (((1, 2), 0), ((3,), 1), ((1,), 0)):  # one plan, whatever the edition
        found, asleep = of.evaluate({"amount": 1}, day, {}, {"tariff": tariff})
        assert (len(found), asleep) == (faults, ())
    with pytest.raises(KeyError, match="tariff"):
        of.evaluate({"amount": 1}, day, {})


def test_a_rule_asleep_says_what_it_is_about_and_not_its_blanks() -> None:
    named = HS | {"name_zh": "编号有效", "name_en": "The code is alive", "message_en": "{given} is dead"}
    ((asleep,),) = (with_hs(named).evaluate({}, date(2026, 1, 1), {})[1],)
    assert (asleep.reason_zh, asleep.reason_en) == ("编号有效；无税则", "The code is alive; no tariff")


def test_parameters_are_listed_and_looked_up_and_never_judged() -> None:
    of = book(
        metadata("LIMIT", params=params((None, None, 5))),
        parameters("CLASSES", effective_to="2018-04-30", params=params((None, None, 4))),
        parameters("CLASSES", version=2, effective_from="2018-05-01", params=params((None, None, 3))),
    )
    assert [(one.id, one.kind, one.severity) for one in of.editions] == [
        ("LIMIT", "rule", "error"), ("CLASSES", "parameters", None), ("CLASSES", "parameters", None),
    ]  # fmt: skip
    found, asleep = of.evaluate({"amount": 1}, date(2018, 4, 30), {})
    assert (found, asleep) == ([], ())
    assert of.parameters("CLASSES", date(2018, 4, 30)) == {"most": 4}
    assert of.parameters("CLASSES", date(2018, 5, 1)) == {"most": 3}
    with pytest.raises(LookupError, match="OTHERS"):
        of.parameters("OTHERS", date(2018, 5, 1))


def test_a_function_for_parameters_and_members_of_the_other_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="LIMIT"):
        book(parameters("LIMIT", params=params((None, None, 5))))
    with pytest.raises(ValueError, match="severity"):
        book(metadata("LIMIT"), parameters("CLASSES", severity="error"))
    with pytest.raises(KeyError, match="name_zh"):
        book(metadata("LIMIT"), {k: v for k, v in parameters("CLASSES").items() if k != "name_zh"})
    with pytest.raises(ValueError, match="kind poem"):
        book(metadata("LIMIT", kind="poem"))


def test_an_entry_has_its_files_jurisdiction_or_its_own() -> None:
    of = book(metadata("LIMIT"), HS | {"jurisdiction": "SG"})
    assert [one.jurisdiction for one in of.editions] == ["CN", "SG"]


def test_rules_share_a_table() -> None:
    of = book(metadata("LIMIT", params=params((None, None, {"table": "limits"}))))
    assert [found.expected for found in findings(of, date(2026, 1, 1))] == [7]
    assert not findings(of, date(2026, 1, 1), amount=7)


def test_a_function_without_metadata_and_unknown_members_are_refused() -> None:
    with pytest.raises(ValueError, match="LIMIT"):
        book()
    with pytest.raises(ValueError, match="colour"):
        book(metadata("LIMIT", colour="red"))
    with pytest.raises(KeyError, match="source"):
        book({name: value for name, value in metadata("LIMIT").items() if name != "source"})


# ---------------------------------------------------------------- the files of the catalogue

SCHEMA = json.loads((CATALOGUE / "schema/rules.schema.json").read_bytes())


def editions(path: Path) -> list[Edition]:
    raw = json.loads(path.read_bytes())
    return [Edition.read(one, raw.get("tables", {}), raw["jurisdiction"]) for one in raw["rules"]]


def test_the_schema_of_the_rules_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert len(FILES) >= 4 and len(PACKS) >= 3


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_of_rules_has_the_form_of_its_schema(path: Path) -> None:
    raw = json.loads(path.read_bytes())
    # Its own branch alone, for a message that says what is wrong.
    branch = "rules" if "rules" in raw else "decision"
    schema = {"$defs": SCHEMA["$defs"], "$ref": f"#/$defs/{branch}"}
    errors = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).iter_errors(raw)
    assert [f"{error.json_path}: {error.message[:200]}" for error in errors] == []
    assert Draft202012Validator(SCHEMA).is_valid(raw)


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 0}, {"severity": "fatal"}, {"jurisdiction": "China"}, {"effective_from": "2018"}, {"colour": "red"},
        {"scope": {"ie_flag": []}}, {"name_zh": "无英文"}, {"verified": None}, {"kind": "parameters"},
        {"params": [{"effective_from": None, "effective_to": None, "values": {}}]},
    ],
    ids=lambda changes: next(iter(changes)),
)  # fmt: skip
def test_the_schema_refuses_what_the_registry_could_not_show(changes: dict[str, Any]) -> None:
    pack = {"jurisdiction": "CN", "data_sets": {}, "rules": [metadata("LIMIT")]}
    assert Draft202012Validator(SCHEMA).is_valid(pack)
    assert not Draft202012Validator(SCHEMA).is_valid(pack | {"rules": [metadata("LIMIT", **changes)]})


@pytest.mark.parametrize("path", PACKS, ids=lambda path: path.stem)
def test_editions_of_an_id_follow_each_other_and_so_do_their_parameters(path: Path) -> None:
    known = editions(path)
    for id in {one.id for one in known}:
        mine = [one for one in known if one.id == id]
        assert [one.version for one in mine] == list(range(1, len(mine) + 1)), id
        spans = [[one.span for one in mine], *([span for span, _ in one.params] for one in mine)]
        for one, next_one in (pair for each in spans for pair in pairwise(each)):
            assert one.last and next_one.first and one.last < next_one.first, id


@pytest.mark.parametrize("path", PACKS, ids=lambda path: path.stem)
def test_every_edition_names_a_known_agency_and_where_it_was_read(path: Path) -> None:
    """Rules are made by more than those who have an inbox: the exchange administration, and the window for itself."""
    known = {path.stem for path in (CATALOGUE / "agencies").glob("*.json")} | {"safe", "window"}
    for one in editions(path):
        assert one.agency in known, one.id
        assert one.source and one.jurisdiction == "CN", one.id
        assert not (one.verified and "memory" in one.source), one.id


def test_an_id_is_one_files() -> None:
    owners: dict[str, set[str]] = {}
    for path in PACKS:
        for one in editions(path):
            owners.setdefault(one.id, set()).add(path.stem)
    assert [id for id, files in owners.items() if len(files) > 1] == []


# ---------------------------------------------------------------- customs' credit classes


@pytest.mark.parametrize(
    ("day", "order", "classes", "below"),
    [
        (date(2018, 4, 30), "225", "CERTIFIED_ADVANCED CERTIFIED_GENERAL GENERAL DISCREDITED", None),
        (date(2018, 5, 1), "237", "CERTIFIED_ADVANCED CERTIFIED_GENERAL GENERAL DISCREDITED", "0.2"),
        (date(2021, 11, 1), "251", "CERTIFIED_ADVANCED ORDINARY DISCREDITED", "0.2"),
        (
            date(2026, 4, 1),
            "282",
            "CERTIFIED_ADVANCED CERTIFIED ORDINARY DISCREDITED SERIOUSLY_DISCREDITED",
            "0.2",
        ),
    ],
    ids=["225", "237", "251", "282"],
)
def test_the_credit_ladder_is_read_as_at_a_date(
    day: date, order: str, classes: str, below: str | None
) -> None:
    of = RuleBook(catalogue.load("rules/enterprise-credit.json"), ())
    found = of.parameters("CREDIT-CLASSES", day)
    ladder = [one["class"] for one in found["classes"]]
    assert ladder == classes.split()
    listed = catalogue.codelist(found["code_list"])
    assert set(ladder) == {code for code in listed.rows if listed.get(code, day)}
    assert found["inspection_rates"].get("advanced", {}).get("below") == below
    (edition,) = [one for one in of.editions if one.span.holds(day)]
    assert order in (edition.legal_basis or "") and not edition.verified
    known = {"lower", "higher", "ordinary", *found["inspection_rates"]}
    assert {one["inspection"] for one in found["classes"]} <= known


def test_there_was_no_credit_ladder_before_the_first_order() -> None:
    of = RuleBook(catalogue.load("rules/enterprise-credit.json"), ())
    with pytest.raises(LookupError):
        of.parameters("CREDIT-CLASSES", date(2014, 11, 30))
    assert of.parameters("CREDIT-CLASSES", date(2026, 3, 31)) != of.parameters(
        "CREDIT-CLASSES", date(2026, 4, 1)
    )
