"""`python -m infra.import_tariff <workbook.xlsx|.csv> --effective 2026-01-01 [--until DATE] [--complete] [--apply]`.

The national tariff is not public in machine form; customs and its users have it as a workbook. This reads one, names
all its bad rows at once, and shows what it would change against the edition in force. Nothing is written without
`--apply`. `--complete` is the importer's word that the workbook is the whole tariff: only then do rules judge by it.
"""

import argparse
import csv
import io
import json
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from singlewindow import catalogue, tariff
from singlewindow.tariff import COLUMNS, JUDGED_BY, Tariff, TariffLine

# Column of an edition → what workbooks call it. `units` holds both units in one cell: 千克/台.
HEADINGS: Mapping[str, tuple[str, ...]] = {
    "code": ("商品编码", "商品编号", "税则号列", "税号", "HS编码", "海关编码", "编码"),
    "name": ("商品名称", "货品名称", "商品名称及备注", "品名", "名称"),
    "unit_1": ("法定第一单位", "第一法定单位", "法定第一计量单位", "第一法定计量单位", "第一计量单位", "第一单位"),
    "unit_2": ("法定第二单位", "第二法定单位", "法定第二计量单位", "第二法定计量单位", "第二计量单位", "第二单位"),
    "units": ("计量单位", "法定单位", "法定计量单位"),
    "elements": ("申报要素", "规范申报要素", "商品申报要素"),
    "conditions": ("监管条件", "海关监管条件", "监管证件代码", "监管证件"),
    "inspection": ("检验检疫类别", "检验检疫", "检疫类别", "检验检疫条件"),
    "ciq_codes": ("检验检疫编码", "CIQ代码", "CIQ编码"),
    "mfn": ("最惠国税率", "进口最惠国税率", "最惠国进口税率", "最惠国"),
    "general": ("普通税率", "进口普通税率", "普通进口税率", "普通"),
    "provisional": ("暂定税率", "进口暂定税率", "暂定进口税率", "最惠国暂定税率"),
    "vat": ("增值税率", "增值税税率", "增值税"),
    "consumption": ("消费税率", "消费税税率", "消费税"),
    "export": ("出口税率", "出口关税税率", "出口关税率", "出口关税"),
    "export_provisional": ("出口暂定税率", "暂定出口税率"),
    "refund": ("出口退税率", "退税率", "出口退税"),
    "remedies": ("贸易救济", "贸易救济措施"),
    "effective_from": ("启用日期", "生效日期", "开始日期"),
    "effective_to": ("停用日期", "失效日期", "截止日期"),
    "successor": ("替代编码", "替代商品编码", "新编码"),
}  # fmt: skip
NOTICE = {
    "notice_zh": "样本，不得用于征税或申报判断",
    "notice_en": "sample, not for duty assessment",
}
_BY_HEADING = {heading: column for column, names in HEADINGS.items() for heading in names}
_RATES = ("mfn", "general", "provisional", "vat", "consumption", "export", "export_provisional", "refund")
_DATES = ("effective_from", "effective_to")
# Chapter 77 is reserved; 98 is national and may be lacking.
CHAPTERS = frozenset(f"{number:02}" for number in range(1, 98)) - {"77"}
_HEADING_WITHIN = 20
_NOTHING = frozenset(("", "-", "--", "—", "/", "无", "无。"))
_INSPECTION = "inspection-category"
_MEASURES = ("AD", "CVD", "SG")
_PLAIN = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,9})?").fullmatch
_FORMULA = re.compile("元|税率")

Row = dict[str, Any]


class Unreadable(ValueError):
    """Not a tariff workbook, or a broken one."""


@dataclass
class Reading:
    """What a workbook holds. `rows` by code; `bad` as (row number, what is wrong)."""

    rows: dict[str, Row] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    unknown: list[str] = field(default_factory=list)
    bad: list[tuple[int, str]] = field(default_factory=list)
    headings: int = 0
    formulas: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def lacking(self) -> list[str]:
        """The columns without which no rule can judge."""
        return [name for name in JUDGED_BY if name not in self.columns]

    @property
    def in_fractions(self) -> list[str]:
        """Columns of rates that look like 0.13 for 13 per cent: some between nought and one, none above."""
        found = []
        for name in _RATES:
            rates = [Decimal(text) for row in self.rows.values() if _PLAIN(text := row.get(name) or "")]
            if any(0 < rate < 1 for rate in rates) and max(rates) <= 1:
                found.append(name)
        return found

    @property
    def chapters_missing(self) -> list[str]:
        return sorted(CHAPTERS - {code[:2] for code in self.rows})


def read(path: Path) -> Reading:
    """All lines of the first sheet that has the headings of a tariff. Raises `Unreadable`."""
    for sheet in _sheets(path):
        before = list(islice(sheet, _HEADING_WITHIN))
        for at, cells in enumerate(before):
            named = [_BY_HEADING.get(_heading(cell)) for cell in cells]
            if "code" in named and "name" in named:
                return _reading(cells, named, [*before[at + 1 :], *sheet], at + 2)
    raise Unreadable(f"{path.name}: no row within the first {_HEADING_WITHIN} names 商品编码 and 商品名称")


def _sheets(path: Path) -> Iterator[Iterator[list[Any]]]:
    if path.suffix.lower() == ".csv":
        yield iter(_csv(path))
    elif path.suffix.lower() == ".xlsx":
        from openpyxl import load_workbook  # type: ignore[import-untyped]

        try:
            book = load_workbook(path, read_only=True, data_only=True)
        except Exception as error:  # openpyxl says «not a workbook» in a dozen ways
            raise Unreadable(f"{path.name}: {error}") from None
        for sheet in book.worksheets:
            yield ([_cell(cell) for cell in cells] for cells in sheet.iter_rows())
    else:
        raise Unreadable(f"{path.name}: neither .xlsx nor .csv; save an old .xls as .xlsx")


def _csv(path: Path) -> list[list[Any]]:
    raw = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return list(csv.reader(io.StringIO(raw.decode(encoding), newline=""), strict=True))
        except UnicodeDecodeError:
            continue
        except csv.Error as error:
            raise Unreadable(f"{path.name}: {error}") from None
    raise Unreadable(f"{path.name}: neither UTF-8 nor GB18030")


def _cell(cell: Any) -> Any:
    """A number as the Decimal that the workbook shows, 0.13 under a format of per cent as 13."""
    value = cell.value
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = Decimal(str(value))
        return number * 100 if "%" in (cell.number_format or "") else number
    return value


def _reading(headings: list[Any], named: list[str | None], rows: Iterable[list[Any]], first: int) -> Reading:
    twice = sorted({name for name, times in Counter(filter(None, named)).items() if times > 1})
    if twice:
        raise Unreadable(f"two columns for {', '.join(twice)}")
    found = Reading(
        unknown=[_text(cell) for cell, name in zip(headings, named, strict=True) if not name and _text(cell)]
    )
    ours = {"unit_1", "unit_2"} if "units" in named else set()
    found.columns = tuple(name for name in COLUMNS if name in named or name in ours)
    lines_of: dict[str, int] = {}
    for number, cells in enumerate(rows, first):
        raw = {name: cell for name, cell in zip(named, cells, strict=False) if name}
        code = _code(raw.get("code"))
        if not any(_text(cell) for cell in cells):
            continue
        if _is_heading(code, raw):
            found.headings += 1
            continue
        row: Row = {}
        complaints = list(_fill(row, code, raw, found))
        if code in lines_of:
            complaints.append(f"{code} stands in row {lines_of[code]} already")
        found.bad += [(number, complaint) for complaint in complaints]
        lines_of.setdefault(code, number)
        found.rows.setdefault(code, row)
    for code, row in found.rows.items():
        if (successor := row.get("successor")) and successor not in found.rows:
            found.bad.append((lines_of[code], f"successor {successor} is not a line"))
    found.bad.sort()
    return found


def _is_heading(code: str, raw: Mapping[str, Any]) -> bool:
    """A chapter, heading or subheading: a title and nothing else."""
    told = [name for name, cell in raw.items() if name not in ("code", "name") and not _is_nothing(cell)]
    return not told and (len(code) < 10 and (not code or code.isdigit()))


def _fill(row: Row, code: str, raw: Mapping[str, Any], found: Reading) -> Iterator[str]:
    """Writes the row; yields what is wrong with it."""
    row["code"] = code
    if not re.fullmatch("[0-9]{10}", code):
        yield f"商品编码 {_text(raw.get('code'))!r} is not ten digits"
    row["name"] = _text(raw.get("name"))
    if not row["name"]:
        yield "without 商品名称"
    units = re.split("[/、]", _text(raw.get("units"))) if "units" in raw else []
    for column, unit in zip(("unit_1", "unit_2"), [*units, "", ""], strict=False):
        given = unit or raw.get(column)
        if not _is_nothing(given):
            row[column] = _unit(_text(given))
            if row[column] is None:
                yield f"unknown unit {_text(given)!r}"
    if "unit_1" in found.columns and "unit_1" not in row:
        yield "without 法定第一单位"
    for column in _RATES:
        if not _is_nothing(raw.get(column)):
            text, plain = _rate(raw[column])
            row[column] = text
            if plain is None:
                yield f"{HEADINGS[column][0]} {text!r} is neither per cent nor a formula"
            elif not plain:
                found.formulas.append((code, column, text))
    for column in _DATES:
        if not _is_nothing(raw.get(column)):
            row[column] = _day(raw[column])
            if row[column] is None:
                yield f"{HEADINGS[column][0]} {_text(raw[column])!r} is no date"
    for column, codes in (("conditions", "regulatory-document"), ("inspection", _INSPECTION)):
        if not _is_nothing(raw.get(column)):
            row[column] = re.sub(r"[\s/,，、.]", "", _text(raw[column]))
            known = catalogue.codelist(codes).rows
            if unknown := [letter for letter in row[column] if letter not in known]:
                yield f"{HEADINGS[column][0]}: unknown {''.join(unknown)!r}"
    if not _is_nothing(raw.get("elements")):
        row["elements"] = _elements(_text(raw["elements"]))
    if not _is_nothing(raw.get("ciq_codes")):
        row["ciq_codes"] = re.findall(r"[0-9]{3}", _text(raw["ciq_codes"]))
    if not _is_nothing(raw.get("successor")):
        row["successor"] = _code(raw["successor"])
    if not _is_nothing(raw.get("remedies")):
        row["remedies"] = [_remedy(one) for one in re.split("[;；\n]", _text(raw["remedies"])) if one.strip()]
        if None in row["remedies"]:
            yield f"贸易救济 {_text(raw['remedies'])!r} is not kind:countries:first day:last day:basis"


def _heading(cell: Any) -> str:
    """A heading without spaces, line breaks and its unit in brackets."""
    text = unicodedata.normalize("NFKC", _text(cell))
    return re.sub(r"\(%\)|[\s:*%]", "", text)


def _code(cell: Any) -> str:
    """A code without dots and spaces. A number lost the nought before it; no code has nine digits."""
    text = re.sub(r"[.\s]", "", unicodedata.normalize("NFKC", _text(cell)))
    return text.zfill(10) if isinstance(cell, Decimal) and len(text) == 9 else text


def _unit(text: str) -> str | None:
    units = catalogue.codelist("unit")
    if text in units.rows:
        return text
    return next((code for code in units.rows if units.label(code, "zh") == text), None)


def _rate(cell: Any) -> tuple[str, bool | None]:
    """A rate, and whether it is plain: False for a formula in yuan, None for what is neither."""
    text = unicodedata.normalize("NFKC", _text(cell)).removesuffix("%").strip()
    if _PLAIN(text):
        return f"{Decimal(text).normalize():f}", True
    return text, False if _FORMULA.search(text) else None


def _day(cell: Any) -> str | None:
    if isinstance(cell, date | datetime):
        return cell.strftime("%Y-%m-%d")
    digits = re.sub(r"[-/.年月日]", "", _text(cell))
    try:
        return datetime.strptime(digits, "%Y%m%d").date().isoformat()  # noqa: DTZ007 a day has no zone
    except ValueError:
        return None


def _elements(text: str) -> list[str]:
    """`0:品牌类型;1:出口享惠情况;…`: the names alone, in their order."""
    parts = (re.sub(r"^\s*[0-9]+\s*[:：.、]\s*", "", part).strip() for part in re.split("[;；|\n]", text))
    return [part for part in parts if part]


def _remedy(text: str) -> list[Any] | None:
    kind, countries, first, last, basis = [
        *(part.strip() for part in text.split(":", 4)),
        "",
        "",
        "",
        "",
        "",
    ][:5]
    known = catalogue.codelist("country").rows
    origins = [one.strip() for one in countries.split(",")]
    days = [_day(one) if one else None for one in (first, last)]
    is_sound = (
        kind in _MEASURES
        and all(one in known for one in origins)
        and all(day or not given for day, given in zip(days, (first, last), strict=True))
        and basis
    )
    return [kind, origins, *days, basis] if is_sound else None


def _text(cell: Any) -> str:
    return f"{cell:f}" if isinstance(cell, Decimal) else "" if cell is None else str(cell).strip()


def _is_nothing(cell: Any) -> bool:
    return _text(cell) in _NOTHING


# ---------------------------------------------------------------- what changes


@dataclass(frozen=True)
class Difference:
    """Against an edition: lines added and removed, and what changed in the others, field by field."""

    added: tuple[TariffLine, ...]
    removed: tuple[TariffLine, ...]
    changed: tuple[tuple[str, str, Any, Any], ...]

    @property
    def lines_changed(self) -> int:
        return len({code for code, *_ in self.changed})


def difference(old: Iterable[TariffLine], new: Iterable[TariffLine], columns: Iterable[str]) -> Difference:
    """`columns`: those that both sides have; what one side never told did not change."""
    before, after = ({line.code: line for line in side} for side in (old, new))
    compared = [name for name in columns if name != "code"]
    changed = [
        (code, name, getattr(before[code], name), getattr(line, name))
        for code, line in after.items()
        if code in before
        for name in compared
        if getattr(before[code], name) != getattr(line, name)
    ]
    return Difference(
        tuple(line for code, line in sorted(after.items()) if code not in before),
        tuple(line for code, line in sorted(before.items()) if code not in after),
        tuple(sorted(changed, key=lambda one: one[:2])),
    )


def text(reading: Reading, header: Mapping[str, Any]) -> str:
    """An edition as it is written: the header one line, each tariff line one, ascending."""
    columns = reading.columns
    rows = []
    for code in sorted(reading.rows):
        values = [reading.rows[code].get(name) for name in columns]
        while values[-1] is None:
            values.pop()
        rows.append(_compact(values))
    head = _compact({**header, "lines": len(rows), "columns": columns})
    return f'{head[:-1]},"rows":[\n' + ",\n".join(rows) + "\n]}\n"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def replaced(folder: Path, effective: date) -> Tariff | None:
    """The edition in force the day before, or the one of the same day that would be written anew."""
    dated = [path for path in folder.glob("[0-9]*.json") if path.stem <= effective.isoformat()]
    return Tariff(max(dated)) if dated else None


# ---------------------------------------------------------------- the command


def main(arguments: list[str], console: Console | None = None) -> int:
    console = console or Console()
    options = _options(arguments)
    try:
        reading = read(options.workbook)
    except (Unreadable, OSError) as error:
        console.print(f"[red]{escape(str(error))}")
        return 1
    _show_reading(console, reading, options.first)
    refusals = list(_refusals(reading, options))
    for why in refusals:
        console.print(f"[red]refused: {why}")
    if refusals:
        return 1
    _show_difference(
        console, reading, None if options.sample else replaced(options.folder, options.effective), options
    )
    path = options.folder / f"{'sample-' if options.sample else ''}{options.effective}.json"
    if not options.apply:
        console.print(f"nothing is written; --apply writes {path.name}")
        return 0
    beside = path.with_suffix(".new")
    beside.write_text(text(reading, _header(options)), "utf-8")
    beside.replace(path)
    console.print(
        f"written: {path.name}, {len(reading.rows)} lines, in force {options.effective} to {options.until}"
    )
    if not options.complete:
        console.print("[yellow]not --complete: the rules that need a tariff stay asleep")
    return 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.import_tariff")
    parser.add_argument("workbook", type=Path, help=".xlsx, or .csv in UTF-8 or GB18030")
    parser.add_argument("--effective", type=date.fromisoformat, required=True, help="its first day")
    parser.add_argument("--until", type=date.fromisoformat, help="its last day; else the last of that year")
    parser.add_argument("--source", help="where the workbook is from; else its file name")
    parser.add_argument("--complete", action="store_true", help="it is the whole national tariff")
    parser.add_argument("--sample", action="store_true", help="it is a sample: nothing is judged by it")
    parser.add_argument("--apply", action="store_true", help="write the edition")
    parser.add_argument("--first", type=int, default=20, help="how many of each kind to show")
    parser.add_argument("--folder", type=Path, default=tariff.folder(), help="where the editions stand")
    options = parser.parse_args(arguments)
    options.until = options.until or date(options.effective.year, 12, 31)
    if options.until < options.effective:
        parser.error("--until lies before --effective")
    if options.complete and options.sample:
        parser.error("a sample is not complete")
    return options


def _header(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "effective_from": options.effective.isoformat(),
        "effective_to": options.until.isoformat(),
        "complete": options.complete,
        "sample": options.sample,
        "source": options.source or options.workbook.name,
        **(NOTICE if options.sample else {}),
    }


def _refusals(reading: Reading, options: argparse.Namespace) -> Iterator[str]:
    if not reading.rows:
        yield "it has no line"
    if reading.bad:
        yield f"{len(reading.bad)} faults in {len({number for number, _ in reading.bad})} rows"
    for name in reading.in_fractions:
        yield f"{HEADINGS[name][0]} is in fractions of one, not in per cent: format the column as per cent"
    if options.complete and reading.lacking:
        yield f"not complete: no column {', '.join(HEADINGS[name][0] for name in reading.lacking)}"
    if options.complete and reading.chapters_missing:
        yield f"not complete: no line of chapters {', '.join(reading.chapters_missing)}"


def _show_reading(console: Console, reading: Reading, first: int) -> None:
    console.print(f"{len(reading.rows)} lines, {reading.headings} headings passed over")
    if reading.unknown:
        console.print(f"[yellow]columns not taken: {escape('、'.join(reading.unknown))}")
    if lacking := [HEADINGS[name][0] for name in COLUMNS if name not in reading.columns]:
        console.print(f"columns it lacks: {'、'.join(lacking)}")
    if reading.formulas:
        _table(
            console,
            "rates that are formulas, kept as they stand",
            ("code", "rate", "formula"),
            reading.formulas,
            first,
        )
    if reading.bad:
        _table(console, "bad rows", ("row", "fault"), reading.bad, len(reading.bad))


def _show_difference(
    console: Console, reading: Reading, old: Tariff | None, options: argparse.Namespace
) -> None:
    new = [line_of(row) for row in reading.rows.values()]
    if old is None:
        console.print(f"no edition is in force before {options.effective}: all {len(new)} lines are new")
        return
    shared = [name for name in reading.columns if name in old.columns]
    found = difference(old.lines(), new, shared)
    console.print(
        f"against the edition of {old.effective_from}: {len(found.added)} added, {len(found.removed)} removed, "
        f"{found.lines_changed} changed"
    )
    for column in old.columns:
        if column not in reading.columns:
            console.print(f"[yellow]{HEADINGS[column][0]} was in that edition and is not in this one")
    by_field = Counter(name for _, name, *_ in found.changed).most_common()
    if by_field:
        _table(console, "changed, by field", ("field", "lines"), by_field, len(by_field))
        _table(console, "changed", ("code", "field", "before", "after"), found.changed, options.first)
    for title, lines in (("added", found.added), ("removed", found.removed)):
        if lines:
            _table(
                console, title, ("code", "name"), [(line.code, line.name) for line in lines], options.first
            )


def line_of(row: Mapping[str, Any]) -> TariffLine:
    return TariffLine(**{name: tariff.frozen(value) for name, value in row.items()})


def _table(
    console: Console, title: str, headings: tuple[str, ...], rows: Sequence[tuple[Any, ...]], first: int
) -> None:
    rest = len(rows) - first
    shown = Table(title=title, caption=f"… and {rest} more" if rest > 0 else None, title_justify="left")
    for heading in headings:
        shown.add_column(heading, overflow="fold")
    for row in rows[:first]:
        shown.add_row(*(escape(_shown(value)) for value in row))
    console.print(shown)


def _shown(value: Any) -> str:
    if value is None or value == ():
        return "—"
    return "|".join(map(_shown, value)) if isinstance(value, tuple) else str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
