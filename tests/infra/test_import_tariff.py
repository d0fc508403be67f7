"""A tariff workbook: read whatever it calls its columns, refused with all its faults, shown before it takes effect."""

import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook  # type: ignore[import-untyped]
from rich.console import Console

from infra import ROOT, import_tariff
from infra.import_tariff import CHAPTERS, HEADINGS, Unreadable, difference, line_of, read
from singlewindow.tariff import COLUMNS, Tariff

HEADER = "商品编码,商品名称,申报要素,法定第一单位,法定第二单位,最惠国税率,监管条件,检验检疫类别"
VALVE = "8481804090,其他阀门,0:品牌类型;1:出口享惠情况;2:用途,套,千克,5,,"
BEEF = "0201300090,其他鲜或冷的去骨牛肉,0:品牌类型;1:出口享惠情况,千克,,12,7AB,P.R/Q.S"


def csv(folder: Path, *rows: str, header: str = HEADER, encoding: str = "utf-8") -> Path:
    path = folder / "tariff.csv"
    path.write_bytes("\n".join((header, *rows, "")).encode(encoding))
    return path


def xlsx(folder: Path, *rows: list[Any], formats: dict[str, str] | None = None) -> Path:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "税则"
    for row in rows:
        sheet.append(row)
    for cell, form in (formats or {}).items():
        sheet[cell].number_format = form
    path = folder / "tariff.xlsx"
    book.save(path)
    return path


def run(*arguments: Any) -> tuple[int, str]:
    out = io.StringIO()
    code = import_tariff.main([str(one) for one in arguments], Console(file=out, width=200))
    return code, out.getvalue()


# ---------------------------------------------------------------- reading


def test_a_line_is_read_whole(tmp_path: Path) -> None:
    found = read(csv(tmp_path, BEEF))
    assert found.bad == []
    assert found.rows["0201300090"] == {
        "code": "0201300090",
        "name": "其他鲜或冷的去骨牛肉",
        "unit_1": "035",
        "elements": ["品牌类型", "出口享惠情况"],
        "mfn": "12",
        "conditions": "7AB",
        "inspection": "PRQS",
    }


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_csv_comes_in_utf_8_or_gb18030(tmp_path: Path, encoding: str) -> None:
    assert read(csv(tmp_path, VALVE, encoding=encoding)).rows["8481804090"]["name"] == "其他阀门"


def test_a_workbook_has_titles_above_headings_of_chapters_and_numbers_for_texts(tmp_path: Path) -> None:
    path = xlsx(
        tmp_path,
        ["中华人民共和国进出口税则", None, None, None, None],
        [],
        ["序号", " 税则\n号列", "货品名称", "最惠国税率（%）", "增值税率", "计量单位", "停用日期"],
        [None, "01", "第一章 活动物"],
        [None, "01.01", "马、驴、骡"],
        [1, 101210010, "改良种用濒危野马", 0, 0.09, "千克/头", date(2026, 6, 30)],
        [2, "8481.8040.90", "其他阀门", 5.5, 0.13, "套/千克", None],
        formats={"E6": "0%", "E7": "0%"},
    )
    found = read(path)
    assert found.bad == [] and found.headings == 2 and found.unknown == ["序号"]
    assert found.rows["0101210010"] == {
        "code": "0101210010", "name": "改良种用濒危野马", "unit_1": "035", "unit_2": "009",
        "mfn": "0", "vat": "9", "effective_to": "2026-06-30",
    }  # fmt: skip
    assert found.rows["8481804090"]["mfn"] == "5.5"
    assert found.lacking == ["elements", "conditions", "inspection"]


def test_every_column_has_its_heading_and_no_heading_two_columns() -> None:
    assert HEADINGS.keys() - {"units"} == set(COLUMNS)
    names = [heading for names in HEADINGS.values() for heading in names]
    assert len(names) == len(set(names))


def test_all_bad_rows_are_named_at_once(tmp_path: Path) -> None:
    found = read(
        csv(
            tmp_path,
            VALVE,
            VALVE,
            VALVE.replace("8481804090", "84818040"),
            VALVE.replace("8481804090", "8481804091").replace("套", "堆"),
            VALVE.replace("8481804090", "8481804092").replace(",5,", ",five,"),
            BEEF.replace("7AB", "7A!").replace("P.R", "P.X"),
            "8481804093,,,,,,,",
        )
    )
    assert [(row, fault.partition(" is ")[0]) for row, fault in found.bad] == [
        (3, "8481804090 stands in row 2 already"),
        (4, "商品编码 '84818040'"),
        (5, "unknown unit '堆'"),
        (6, "最惠国税率 'five'"),
        (7, "检验检疫类别: unknown 'X'"),
        (7, "监管条件: unknown '!'"),
        (8, "without 商品名称"),
        (8, "without 法定第一单位"),
    ]


@pytest.mark.parametrize(
    ("rate", "told", "plain"),
    [
        ("5", "5", True), ("5.50", "5.5", True), ("5%", "5", True), ("10", "10", True), ("0", "0", True),
        ("13％", "13", True), ("20%+0.912元/升", "20%+0.912元/升", False), ("1.2元/千克", "1.2元/千克", False),
        ("-1", "-1", None), ("nan", "nan", None), ("1e400000000", "1e400000000", None), ("见注释", "见注释", None),
    ],
)  # fmt: skip
def test_a_rate_is_a_decimal_or_a_formula_that_a_person_reads(
    tmp_path: Path, rate: str, told: str, plain: bool | None
) -> None:
    found = read(csv(tmp_path, VALVE.replace(",5,", f",{rate},")))
    assert found.rows["8481804090"]["mfn"] == told
    assert bool(found.formulas) is (plain is False)
    assert bool(found.bad) is (plain is None)


def test_fractions_are_not_taken_for_per_cent(tmp_path: Path) -> None:
    """0.13 written where 13 is meant would make a duty a hundredth of itself."""
    fractions = csv(tmp_path, VALVE.replace(",5,", ",0.05,"), BEEF.replace(",12,", ",0.12,"))
    code, said = run(fractions, "--effective", "2026-01-01", "--folder", tmp_path, "--apply")
    assert code == 1 and "最惠国税率 is in fractions" in said
    mixed = csv(tmp_path, VALVE.replace(",5,", ",0.5,"), BEEF)
    assert run(mixed, "--effective", "2026-01-01", "--folder", tmp_path)[0] == 0


def test_remedies_dates_and_successors_are_judged(tmp_path: Path) -> None:
    header = f"{HEADER},贸易救济,停用日期,替代编码"
    sound = read(csv(tmp_path, f"{VALVE},AD:USA:2019-09-06::公告,20260630,8481804091",
                     VALVE.replace("090,", "091,") + ",,,", header=header))  # fmt: skip
    assert sound.bad == []
    assert sound.rows["8481804090"]["remedies"] == [["AD", ["USA"], "2019-09-06", None, "公告"]]
    assert sound.rows["8481804090"]["effective_to"] == "2026-06-30"
    bad = read(csv(tmp_path, f"{VALVE},XX:USA::,2026-02-30,8481804099", header=header))
    assert [fault.split(" ")[0] for _, fault in bad.bad] == ["successor", "停用日期", "贸易救济"]


@pytest.mark.parametrize(
    ("name", "raw", "complaint"),
    [
        ("a.csv", b"hs8,name_as_in_source\n01012100,x\n", "names 商品编码"),
        ("a.csv", b"\xff\xff\xff", "neither UTF-8 nor GB18030"),
        ("a.csv", "商品编码,商品名称,税号\n".encode(), "two columns for code"),
        ("a.csv", '商品编码,商品名称\n8481804090,"阀门\n'.encode(), "unexpected end"),
        ("a.xlsx", b"not a workbook", "a.xlsx"),
        ("a.xls", b"\xd0\xcf", "neither .xlsx nor .csv"),
    ],
)
def test_what_is_no_tariff_is_refused(tmp_path: Path, name: str, raw: bytes, complaint: str) -> None:
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(Unreadable, match=complaint):
        read(tmp_path / name)
    assert run(tmp_path / name, "--effective", "2026-01-01", "--folder", tmp_path)[0] == 1


def test_the_transcribed_subset_in_english_headings_is_not_taken_for_the_workbook() -> None:
    subset = ROOT.parent / "shared/data/tariff-cn/cn-tariff-2026-subset.csv"
    if not subset.exists():
        pytest.skip("stands in ../shared, which a user's machine does not have")
    with pytest.raises(Unreadable, match="商品编码"):
        read(subset)


# ---------------------------------------------------------------- showing and writing


def test_nothing_is_written_without_apply_nor_with_faults(tmp_path: Path) -> None:
    arguments = ("--effective", "2026-01-01", "--folder", tmp_path)
    code, said = run(csv(tmp_path, VALVE), *arguments)
    assert code == 0 and "all 1 lines are new" in said and "nothing is written" in said
    code, said = run(csv(tmp_path, VALVE, VALVE), *arguments, "--apply")
    assert code == 1 and "refused: 1 faults in 1 rows" in said and "stands in row 2" in said
    assert list(tmp_path.glob("*.json")) == []


def test_an_edition_is_shown_against_the_one_in_force_field_by_field(tmp_path: Path) -> None:
    first = csv(tmp_path, BEEF, VALVE, VALVE.replace("090,", "010,"))
    assert run(first, "--effective", "2026-01-01", "--folder", tmp_path, "--apply")[0] == 0
    later = csv(
        tmp_path, BEEF.replace(",12,", ",10,").replace("7AB", "AB"), VALVE, VALVE.replace("090,", "020,")
    )
    code, said = run(later, "--effective", "2026-07-01", "--folder", tmp_path)
    assert code == 0
    assert "against the edition of 2026-01-01: 1 added, 1 removed, 1 changed" in said
    lines = [
        tuple(cell.strip() for cell in line.split("│")[1:-1]) for line in said.splitlines() if "│" in line
    ]
    assert ("0201300090", "conditions", "7AB", "AB") in lines
    assert ("0201300090", "mfn", "12", "10") in lines
    assert ("8481804020", "其他阀门") in lines and ("8481804010", "其他阀门") in lines
    assert sorted(path.name for path in tmp_path.glob("*.json")) == ["2026-01-01.json"]


def test_an_edition_that_lost_a_column_says_so_and_shows_no_change_of_it(tmp_path: Path) -> None:
    run(csv(tmp_path, BEEF), "--effective", "2026-01-01", "--folder", tmp_path, "--apply")
    without = csv(tmp_path, "0201300090,其他鲜或冷的去骨牛肉,千克", header="商品编码,商品名称,法定第一单位")
    said = run(without, "--effective", "2026-07-01", "--folder", tmp_path)[1]
    assert "0 added, 0 removed, 0 changed" in said
    assert "监管条件 was in that edition and is not in this one" in said


def test_only_so_many_differences_are_shown_and_the_rest_counted(tmp_path: Path) -> None:
    run(csv(tmp_path, VALVE), "--effective", "2026-01-01", "--folder", tmp_path, "--apply")
    many = csv(tmp_path, VALVE, *(VALVE.replace("090,", f"{number},") for number in range(100, 130)))
    said = run(many, "--effective", "2026-07-01", "--folder", tmp_path, "--first", "3")[1]
    assert "30 added" in said and "and 27 more" in said


def test_what_is_written_is_read_back_line_by_line(tmp_path: Path) -> None:
    rows = [VALVE.replace("8481804090", f"{number:010}") for number in (5, 17, 101210010, 9999999999)]
    source = csv(tmp_path, *reversed(rows))
    code, said = run(source, "--effective", "2026-01-01", "--folder", tmp_path, "--apply")
    assert code == 0 and "stay asleep" in said
    path = tmp_path / "2026-01-01.json"
    written = Tariff(path)
    raw = json.loads(path.read_text("utf-8"))
    assert raw["lines"] == 4 and raw["complete"] is False and raw["sample"] is False
    assert (written.effective_from, written.effective_to) == ("2026-01-01", "2026-12-31")
    assert list(written.lines()) == sorted(
        (line_of(row) for row in read(source).rows.values()), key=lambda line: line.code
    )
    assert all(written.line(line.code) == line for line in written.lines())
    assert not any(isinstance(value, float) for row in raw["rows"] for value in row)


def test_complete_is_the_importers_word_and_is_held_against_the_workbook(tmp_path: Path) -> None:
    arguments = ("--effective", "2026-01-01", "--folder", tmp_path, "--complete", "--apply")
    code, said = run(csv(tmp_path, VALVE), *arguments)
    assert code == 1 and "no line of chapters 01, 02" in said
    lacking = csv(tmp_path, "8481804090,阀门,套", header="商品编码,商品名称,法定第一单位")
    assert "no column 法定第二单位, 申报要素, 监管条件, 检验检疫类别" in run(lacking, *arguments)[1]
    whole = csv(
        tmp_path, *(VALVE.replace("8481804090", f"{chapter}01000000") for chapter in sorted(CHAPTERS))
    )
    assert run(whole, *arguments)[0] == 0
    assert Tariff(tmp_path / "2026-01-01.json").data_sets().keys() == {"tariff"}


def test_dates_and_kinds_that_contradict_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = csv(tmp_path, VALVE)
    for more in (["--until", "2025-12-31"], ["--complete", "--sample"]):
        with pytest.raises(SystemExit):
            run(source, "--effective", "2026-01-01", *more)
        assert "usage" in capsys.readouterr().err


def test_a_difference_of_an_edition_with_itself_is_none() -> None:
    lines = list(Tariff(ROOT / "catalogue/tariff/sample-2026-01-01.json").lines())
    found = difference(lines, lines, COLUMNS)
    assert (found.added, found.removed, found.changed) == ((), (), ())


def test_the_committed_sample_is_what_the_importer_makes(tmp_path: Path) -> None:
    committed = ROOT / "catalogue/tariff/sample-2026-01-01.json"
    header = json.loads(committed.read_text("utf-8").partition("\n")[0] + "]}")
    code, _ = run(ROOT / "infra/samples/tariff.csv", "--effective", "2026-01-01", "--sample", "--apply",
                  "--source", header["source"], "--folder", tmp_path)  # fmt: skip
    assert code == 0
    assert (tmp_path / committed.name).read_bytes() == committed.read_bytes()
    assert date.fromisoformat(header["effective_from"]) < date.fromisoformat(header["effective_to"])
