"""The rules that ask the national tariff: judged on the sample, asleep in the window until a whole one is imported."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from time import process_time
from typing import Any

import pytest

from declarations.check import check, rulebook
from declarations.checks.sound import Sound
from singlewindow import tariff
from singlewindow.findings import Finding
from singlewindow.tariff import Tariff
from tests.support.sample_documents import GONE, ROOT, TODAY, edited, patched, sample

HS = {edition.id for edition in rulebook().editions if "tariff" in edition.needs}
FIRST_ERA = date(2018, 7, 31)
SAMPLE = ROOT / "catalogue/tariff/sample-2026-01-01.json"

# One line each that the sample's tariff line finds nothing against.
VALVES = {
    "hs_code": "8481804090",
    "declared_elements": "4|3|控制流体|ZENTRA牌|V-20",
    "unit": "006",
    "first_unit": "006",
    "first_quantity": "24",
    "quantity": "24",
    "second_unit": "035",
    "second_quantity": "216",
}
PHONES = VALVES | {
    "hs_code": "8517130000",
    "unit": "001",
    "first_unit": "001",
    "goods_attributes": "12,19",
}
BEEF = VALVES | {
    "hs_code": "0201300090",
    "ciq_code": "101",
    "declared_elements": "0|3|鲜|去骨|肩肉|无品牌|0001",
    "unit": "035",
    "first_unit": "035",
    "second_unit": GONE,
    "second_quantity": GONE,
}
TYPE_7 = {"/licence_documents": [{"document_code": "7", "document_no": "26-510-003417"}]}


def filed(
    line: dict[str, Any], edits: dict[str, Any] | None = None, direction: str = "import"
) -> dict[str, Any]:
    """The sample declaration with one line, of which these members are set."""
    document = sample(f"{direction}-chengdu")
    document["lines"] = document["lines"][:1]
    return edited(
        document,
        {
            f"/lines/0/{name}": value
            for name, value in line.items()
            if value is not GONE or name in document["lines"][0]
        }
        | (edits or {}),
    )


def judged(document: dict[str, Any], as_at: date = TODAY) -> list[Finding]:
    """What the tariff's rules find, with the sample as the tariff."""
    subject = Sound(document, (), as_at)
    data = {"tariff": tariff.sample(), "trade-remedies": tariff.sample()}
    found, asleep = rulebook(*data).evaluate(subject, as_at, subject.facts, data)
    assert not {rule.rule for rule in asleep} & HS
    return [finding for finding in found if finding.rule in HS]


def pairs(document: dict[str, Any], as_at: date = TODAY) -> set[tuple[str, str]]:
    return {(finding.rule, finding.pointer.removeprefix("/lines/0/")) for finding in judged(document, as_at)}


# (rule, line, further edits, direction, the place of the finding)
BROKEN: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [
    ("HS-ALIVE", VALVES | {"hs_code": "8481804099"}, {}, "import", "hs_code"),
    ("HS-ALIVE", PHONES | {"hs_code": "8517120090"}, {}, "import", "hs_code"),
    ("HS-PROHIBITED", VALVES | {"hs_code": "0501000000"}, {}, "import", "hs_code"),
    ("HS-PROHIBITED", VALVES | {"hs_code": "4402900090"}, {}, "export", "hs_code"),
    ("HS-DOCUMENTS", BEEF, {"/licence_documents": []}, "import", "hs_code"),
    ("HS-DOCUMENTS", VALVES | {"hs_code": "2903710000"}, {}, "import", "hs_code"),
    ("HS-DOCUMENTS", VALVES | {"hs_code": "2704001000"}, {}, "export", "hs_code"),
    ("HS-ELEMENTS", VALVES | {"declared_elements": "4|3|控制流体|ZENTRA牌"}, {}, "import", "declared_elements"),
    ("HS-ELEMENTS", VALVES | {"declared_elements": "4|3|" + "|".join("abcdefg")}, {}, "import", "declared_elements"),
    ("HS-UNITS", VALVES | {"first_unit": "001"}, {}, "import", "first_unit"),
    ("HS-UNITS", VALVES | {"second_unit": GONE, "second_quantity": GONE}, {}, "import", "second_unit"),
    ("HS-UNITS", BEEF | {"second_unit": "011", "second_quantity": "3"}, {}, "import", "second_unit"),
    ("HS-INSPECTION", BEEF, {"/head/acceptance_org": GONE}, "import", "/head/acceptance_org"),
    ("HS-INSPECTION", BEEF | {"ciq_code": GONE}, {}, "import", "ciq_code"),
    ("HS-INSPECTION", BEEF | {"ciq_code": "999"}, {}, "import", "ciq_code"),
    ("HS-INSPECTION", BEEF, {}, "export", "/licence_documents"),
    ("HS-CCC", PHONES | {"goods_attributes": "19"}, {}, "import", "goods_attributes"),
    ("HS-CCC", PHONES | {"goods_attributes": "11,19"}, {}, "import", "goods_limits"),
    ("HS-TRADE-REMEDY", VALVES | {"hs_code": "2907111000", "origin_country": "KOR"}, {}, "import", "origin_country"),
]  # fmt: skip

SOUND: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("HS-ALIVE", VALVES, {}, "import"),
    ("HS-PROHIBITED", VALVES | {"hs_code": "0501000000"}, {}, "export"),
    ("HS-DOCUMENTS", BEEF, TYPE_7, "import"),
    ("HS-DOCUMENTS", VALVES | {"hs_code": "2903710000"}, {"/head/licence_no": "26-AB-100001"}, "import"),
    ("HS-DOCUMENTS", VALVES | {"hs_code": "2704001000"}, {}, "import"),  # 4 is a paper of exports
    ("HS-DOCUMENTS", BEEF, {"/licence_documents": [], "/head/trade_mode": "0615"}, "import"),
    ("HS-DOCUMENTS", BEEF, {"/licence_documents": [{"document_no": "1"}]}, "import"),  # its kind is broken: may be 7
    ("HS-ELEMENTS", VALVES, {}, "import"),
    ("HS-ELEMENTS", VALVES | {"declared_elements": "4|3|控制流体|ZENTRA牌|V-20|0|0|无"}, {}, "import"),
    ("HS-ELEMENTS", VALVES | {"declared_elements": GONE}, {}, "import"),  # its absence is the shape's matter
    ("HS-UNITS", VALVES, {}, "import"),
    ("HS-UNITS", BEEF, {}, "import"),
    ("HS-INSPECTION", BEEF, {}, "import"),
    ("HS-INSPECTION", BEEF, {"/licence_documents": [{"document_code": "B", "document_no": "1"}]}, "export"),
    ("HS-INSPECTION", VALVES | {"ciq_code": GONE}, {"/head/acceptance_org": GONE}, "import"),
    ("HS-CCC", PHONES, {}, "import"),
    ("HS-CCC", PHONES | {"goods_attributes": "11", "goods_limits": [{"licence_type": "411"}]}, {}, "import"),
    ("HS-CCC", PHONES | {"goods_attributes": "19"}, {}, "export"),
    ("HS-TRADE-REMEDY", VALVES | {"hs_code": "2907111000", "origin_country": "DEU"}, {}, "import"),
]  # fmt: skip


def name(case: Any) -> str | None:
    return case if isinstance(case, str) and case.startswith("HS-") else ""


@pytest.mark.parametrize(("rule", "line", "edits", "direction", "place"), BROKEN, ids=name)
def test_a_rule_finds_its_fault(
    rule: str, line: dict[str, Any], edits: dict[str, Any], direction: str, place: str
) -> None:
    assert (rule, place) in pairs(filed(line, edits, direction))


@pytest.mark.parametrize(("rule", "line", "edits", "direction"), SOUND, ids=name)
def test_a_rule_finds_nothing_where_nothing_is(
    rule: str, line: dict[str, Any], edits: dict[str, Any], direction: str
) -> None:
    assert rule not in {found for found, _ in pairs(filed(line, edits, direction))}


def test_every_rule_has_a_broken_and_a_sound_case() -> None:
    assert {case[0] for case in BROKEN} == {case[0] for case in SOUND} == HS


def test_a_sound_line_yields_nothing_at_all() -> None:
    for line, edits in ((VALVES, {}), (PHONES, {}), (BEEF, TYPE_7)):
        assert judged(filed(line, edits)) == []


@pytest.mark.parametrize(("rule", "line", "edits", "direction", "place"), BROKEN, ids=name)
def test_a_fix_mends_what_it_was_given_for_and_both_languages_speak(
    rule: str, line: dict[str, Any], edits: dict[str, Any], direction: str, place: str
) -> None:
    document = filed(line, edits, direction)
    finding = next(f for f in judged(document) if f.rule == rule and f.pointer.endswith(place))
    if finding.fix:
        assert (rule, place) not in pairs(patched(document, finding.fix))
    for message in (finding.message_zh, finding.message_en):
        assert "{" not in message and "None" not in message
    assert finding.element or finding.pointer.count("/") == 1 or place == "goods_limits"


def test_an_ended_code_names_its_successor_and_an_unknown_one_its_neighbours() -> None:
    (ended,) = [one for one in judged(filed(PHONES | {"hs_code": "8517120090"})) if one.rule == "HS-ALIVE"]
    assert ended.expected == "8517130000" and ended.fix
    (slip,) = [one for one in judged(filed(VALVES | {"hs_code": "8481804099"})) if one.rule == "HS-ALIVE"]
    assert slip.expected == "8481804090" and not slip.fix
    (far,) = [one for one in judged(filed(VALVES | {"hs_code": "9999999999"})) if one.rule == "HS-ALIVE"]
    assert far.expected is None and "—" in far.message_zh


def test_a_code_lives_from_its_first_day_to_its_last() -> None:
    old, new = PHONES | {"hs_code": "8517120090"}, PHONES
    assert ("HS-ALIVE", "hs_code") not in pairs(filed(old), date(2021, 12, 31))
    assert ("HS-ALIVE", "hs_code") in pairs(filed(old), date(2022, 1, 1))
    assert ("HS-ALIVE", "hs_code") in pairs(filed(new), date(2021, 12, 31))
    assert ("HS-ALIVE", "hs_code") not in pairs(filed(new), date(2022, 1, 1))


def test_a_remedy_lasts_from_its_first_day() -> None:
    phenol = filed(VALVES | {"hs_code": "2907111000", "origin_country": "KOR"})
    assert ("HS-TRADE-REMEDY", "origin_country") not in pairs(phenol, date(2019, 9, 5))
    assert ("HS-TRADE-REMEDY", "origin_country") in pairs(phenol, date(2019, 9, 6))


def test_the_clearance_form_was_a_paper_until_it_was_abolished() -> None:
    beef = filed(BEEF, TYPE_7)
    (found,) = [one for one in judged(beef, date(2018, 5, 31)) if one.rule == "HS-DOCUMENTS"]
    assert found.expected == "A 入境货物通关单"
    assert "HS-DOCUMENTS" not in {rule for rule, _ in pairs(beef, date(2018, 6, 1))}


def test_inspection_was_not_on_the_declaration_before_the_merger() -> None:
    beef = filed(BEEF | {"ciq_code": GONE})
    assert ("HS-INSPECTION", "ciq_code") not in pairs(beef, FIRST_ERA)
    assert ("HS-INSPECTION", "ciq_code") in pairs(beef, date(2018, 8, 1))


def test_a_wrong_unit_is_mended_only_where_the_quantity_is_known() -> None:
    (mended,) = judged(filed(VALVES | {"first_unit": "011", "first_quantity": "12"}))
    assert [patch["value"] for patch in mended.fix] == ["006", "24"]
    (unknown,) = judged(filed(VALVES | {"first_unit": "011", "unit": "011"}))
    assert unknown.fix == ()


def test_a_broken_code_is_nobody_elses_matter() -> None:
    document = filed(VALVES | {"hs_code": "84818"})
    subject = Sound(document, ("/lines/0/hs_code",), TODAY)
    data = {"tariff": tariff.sample(), "trade-remedies": tariff.sample()}
    found, _ = rulebook(*data).evaluate(subject, TODAY, subject.facts, data)
    assert not {finding.rule for finding in found} & HS


# ---------------------------------------------------------------- asleep and awake in the window


@pytest.fixture
def editions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for editions that the window reads in place of the catalogue's."""
    monkeypatch.setattr(tariff, "folder", lambda: tmp_path)
    tariff._editions.cache_clear()
    yield tmp_path
    tariff._editions.cache_clear()


def write(folder: Path, effective: str, **changes: Any) -> None:
    """The sample's lines as an edition."""
    first, _, rest = SAMPLE.read_text("utf-8").partition("\n")
    header = json.loads(first + "]}")
    header |= {"effective_from": effective, "effective_to": f"{effective[:4]}-12-31"}
    header |= {"complete": True, "sample": False} | changes
    del header["rows"]
    head = json.dumps(header, ensure_ascii=False)[:-1] + ',"rows":[\n'
    (folder / f"{effective}.json").write_text(head + rest, "utf-8")


def asleep(as_at: date = TODAY) -> set[str]:
    return {rule.rule for rule in check(filed(VALVES), as_at).asleep}


def test_the_product_has_no_tariff_and_says_that_its_rules_sleep() -> None:
    assert tariff.edition(TODAY) is None
    report = check(filed(VALVES | {"hs_code": "9999999999"}), TODAY)
    assert not {finding.rule for finding in report.findings} & HS
    said = {rule.rule: rule for rule in report.asleep}
    assert said.keys() >= HS
    assert said["HS-TRADE-REMEDY"].needs == ("tariff", "trade-remedies")
    for id in HS:
        assert "{" not in said[id].reason_zh + said[id].reason_en
        assert "税则" in said[id].reason_zh and "tariff" in said[id].reason_en


def test_the_sample_wakes_nothing(editions: Path) -> None:
    write(editions, "2026-01-01", complete=False, sample=True)
    assert asleep() >= HS
    tariff._editions.cache_clear()
    (editions / "2026-01-01.json").rename(editions / "sample-2026-01-01.json")
    assert tariff.edition(TODAY) is None and tariff.sample().is_sample
    assert asleep() >= HS


def test_an_edition_that_is_not_complete_wakes_nothing(editions: Path) -> None:
    """A code that it lacks may be alive: nobody is told otherwise."""
    write(editions, "2026-01-01", complete=False)
    assert tariff.edition(TODAY) is not None
    assert asleep() >= HS


def test_a_complete_edition_wakes_the_rules_for_its_dates(editions: Path) -> None:
    write(editions, "2025-01-01")
    write(editions, "2026-01-01")
    assert not asleep() & HS
    assert asleep(date(2024, 12, 31)) >= HS
    assert not asleep(date(2025, 1, 1)) & HS
    assert asleep(date(2027, 1, 1)) >= HS, "nobody knows next year's tariff by this year's"
    found = check(filed(VALVES | {"hs_code": "8481804099"}), TODAY).findings
    assert ("HS-ALIVE", "/lines/0/hs_code") in {(one.rule, one.pointer) for one in found}


def test_the_newest_edition_counts_and_an_incomplete_one_does_not_fall_back(editions: Path) -> None:
    write(editions, "2026-01-01")
    write(editions, "2026-07-01", complete=False)
    assert not asleep(date(2026, 6, 30)) & HS
    assert asleep(date(2026, 7, 1)) >= HS, "an older edition would call new codes dead"


def test_without_remedies_only_their_rule_sleeps(editions: Path) -> None:
    columns = ["name" if column == "remedies" else column for column in Tariff(SAMPLE).columns]
    write(editions, "2026-01-01", columns=columns)
    assert asleep() & HS == {"HS-TRADE-REMEDY"}


def test_the_functions_are_imported_only_where_there_is_a_tariff() -> None:
    """A cold start pays for neither the module nor the sample."""
    program = (
        "import sys, json, datetime; from declarations.check import check; check({}, datetime.date(2026, 11, 23));"
        "print(json.dumps([name for name in sys.modules if name == 'declarations.checks.tariff']))"
    )
    paths = [path for path in sys.path if path]
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(paths)},
    )
    assert json.loads(done.stdout) == []


# ---------------------------------------------------------------- the kernel's reader


def test_lines_are_found_by_bisection_and_all_of_them() -> None:
    of = tariff.sample()
    lines = list(of.lines())
    assert 12 <= len(lines) <= 20
    assert [line.code for line in lines] == sorted(line.code for line in lines)
    for line in lines:
        assert of.line(line.code) == line
    for absent in (
        "",
        "0",
        "0201300089",
        "0201300091",
        "9999999999",
        "020130009",
        "02013000901",
        "]}",
        '"',
        "汉字",
    ):
        assert of.line(absent) is None


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    of = Tariff(SAMPLE)
    monkeypatch.setattr(tariff, "_MOST_REMEMBERED", 10)
    for number in range(100):
        of.line(f"{number:010}")
    assert len(of._known) <= 10
    assert of.line("8481804090")


def test_rates_are_decimals_or_said_to_be_none() -> None:
    line = tariff.sample().line("2903710000")
    assert line and line.mfn == "5.5" and str(line.rate("mfn")) == "5.5"
    assert line.rate("consumption") is None
    assert tariff.TariffLine("0", "", consumption="20%+1元/升").rate("consumption") is None


def test_the_sample_covers_what_the_rules_ask_and_says_what_it_is() -> None:
    lines = list(tariff.sample().lines())
    assert set("AB1478") | {"9"} <= set("".join(line.conditions for line in lines))
    assert set("MPLRNQS") <= set("".join(line.inspection for line in lines))
    assert any(line.unit_2 for line in lines) and any(line.unit_2 is None for line in lines)
    assert any(line.consumption for line in lines) and any(line.remedies for line in lines)
    assert any(line.effective_to and line.successor for line in lines)
    header = SAMPLE.read_text("utf-8").partition("\n")[0]
    assert "sample, not for duty assessment" in header and "样本" in header


def test_the_hot_path_asks_for_an_edition_in_microseconds() -> None:
    """A submission asks once: the folder is not read again."""
    tariff.edition(TODAY)
    began = process_time()
    for _ in range(1000):
        tariff.edition(TODAY)
    assert process_time() - began < 0.05
