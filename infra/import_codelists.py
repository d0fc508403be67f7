"""`python -m infra.import_codelists [--check] [<folder of codes-cn>]`: code lists from the published tables.

Facts come from CSV tables, which only developers have; what the project knows beside them, corrects or leaves out
stands below, each with its reason, and in the header of the list that it concerns. A row that is neither taken nor
named here stops the import: nothing is dropped silently. `--check` writes nothing and exits 1 where a committed list
differs. Lists that the field specification spells out (types of entry and the like) are kept by hand, not touched.
"""

import csv
import json
import re
import sys
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra import ROOT

TABLES = ROOT.parent / "shared" / "data" / "codes-cn"
CODELISTS = ROOT / "catalogue" / "codelists"

MERGED = "parameter tables published with the merged declaration (关检融合), 2018-08-01"
CUSTOMS = "published customs parameter table; date not stated"

Row = dict[str, Any]


class Unaccounted(ValueError):
    """A table does not look as it did, or a row of it would be lost."""


@dataclass(frozen=True, kw_only=True)
class Crosswalk:
    """A column that the table itself lacks, found in another one. `find`: rows by code, folder → code → value."""

    column: str
    source: str
    how: str
    find: Callable[[Mapping[str, Row], Path], Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class Table:
    """One code list and the CSV table that it is made of.

    `columns`: column of the list → header of the table. `names`: English names by code, all of them or none.
    `left_out`: (code, zh) → why; `corrected`: code → what the table has wrong, and why; `added`: rows that it lacks,
    and why. `retired`: an older table, and the last day of the codes that only it has; each has one of `successors`
    or a reason in `ended`. `stands`: which row a shared code of another set stands for. `same_as`: an older table that
    must have the same codes and names. `crosswalks` are matched by the project, so they are not verified.
    """

    id: str
    zh: str
    en: str
    file: str
    columns: Mapping[str, str]
    source: str = MERGED
    source_date: str | None = "2018-08-01"
    names: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[tuple[str, str], str] = field(default_factory=dict)
    corrected: Mapping[str, tuple[Row, str]] = field(default_factory=dict)
    added: tuple[tuple[Row, str], ...] = ()
    retired: tuple[str, str] | None = None
    successors: Mapping[str, str] = field(default_factory=dict)
    ended: Mapping[str, str] = field(default_factory=dict)
    same_as: str | None = None
    crosswalks: tuple[Crosswalk, ...] = ()
    stands: Callable[[Row], bool] = lambda row: True
    note: str | None = None


def imported(table: Table, folder: Path) -> dict[str, Any]:
    """The code list as it is written. Raises `Unaccounted`."""
    rows: dict[str, Row] = {}
    left = set(table.left_out)
    for row in _rows(folder / table.file, table.columns):
        if (row["code"], row["zh"]) in left:
            left.remove((row["code"], row["zh"]))
        elif not row["code"] or row["code"] in rows:
            raise Unaccounted(f"{table.file}: without a code, or twice: {row}")
        else:
            rows[row["code"]] = row
    if left:
        raise Unaccounted(f"{table.file}: to be left out, but not there: {sorted(left)}")
    for code, (values, why) in table.corrected.items():
        rows[code] |= values | _doubt(why)
    for row, why in table.added:
        if row["code"] in rows:
            raise Unaccounted(f"{table.file}: has {row['code']} by now")
        rows[row["code"]] = row | _doubt(why)
    rows |= _retired(table, folder, rows)
    _compare(table, folder, rows)
    for crosswalk in table.crosswalks:
        for code, value in crosswalk.find(rows, folder).items():
            rows[code][crosswalk.column] = value
    for code, name in _names(table, rows).items():
        rows[code]["en"] = name
    columns = [name for name in _COLUMNS if any(row.get(name) not in (None, "") for row in rows.values())]
    ordered = sorted(rows.values(), key=_second(list(rows.values()), table.stands))
    return _header(table) | {
        "columns": columns,
        "rows": [
            _trimmed([None if row.get(name) == "" else row.get(name) for name in columns]) for row in ordered
        ],
    }


def text(codelist: Mapping[str, Any]) -> str:
    """The header indented, a row a line: differences that read."""
    header = [
        f" {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}"
        for name, value in codelist.items()
        if name != "rows"
    ]
    rows = ["  " + json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in codelist["rows"]]
    return "{\n" + ",\n".join(header) + ',\n "rows": [\n' + ",\n".join(rows) + "\n ]\n}\n"


def _rows(path: Path, columns: Mapping[str, str]) -> list[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        table = csv.DictReader(file, strict=True)
        if missing := set(columns.values()) - set(table.fieldnames or ()):
            raise Unaccounted(f"{path.name}: no column {sorted(missing)}")
        found = list(table)
    if any(None in row or None in row.values() for row in found):
        raise Unaccounted(f"{path.name}: a row is longer or shorter than the header")
    return [{ours: row[theirs].strip() for ours, theirs in columns.items()} for row in found]


def _retired(table: Table, folder: Path, rows: Mapping[str, Row]) -> dict[str, Row]:
    """What an older table has and this one lacks."""
    if table.retired is None:
        return {}
    file, last_day = table.retired
    older = {row["code"]: row for row in _rows(folder / file, _CODE_NAME)}
    gone = {code: row for code, row in older.items() if code not in rows}
    if gone.keys() != table.successors.keys() | table.ended.keys():
        raise Unaccounted(f"{file}: retired, with neither a successor nor a reason: {sorted(gone)}")
    return {
        code: row | {"effective_to": last_day, "successor": table.successors.get(code)}
        for code, row in gone.items()
    }


def _compare(table: Table, folder: Path, rows: Mapping[str, Row]) -> None:
    if table.same_as is None:
        return
    older = {row["code"]: row["zh"] for row in _rows(folder / table.same_as, _CODE_NAME)}
    if older != {code: row["zh"] for code, row in rows.items()}:
        raise Unaccounted(f"{table.same_as}: no longer the same codes and names as {table.file}")


def _alpha2(rows: Mapping[str, Row], folder: Path) -> Mapping[str, str]:
    columns = {"alpha3": "ISO3166-1-Alpha-3", "alpha2": "ISO3166-1-Alpha-2"}
    iso = _rows(_international(folder, "iso3166-country-codes.csv"), columns)
    return {row["alpha3"]: row["alpha2"] for row in iso if row["alpha3"] in rows}


def _locodes(rows: Mapping[str, Row], folder: Path) -> Mapping[str, str]:
    """Ports whose English name is one place's alone in their country, and that place no other port's."""
    alpha2 = _alpha2(_countries(folder), folder)
    columns = {
        "locode": "locode",
        "name": "name",
        "plain": "name_ascii",
        "function": "function",
        "change": "change",
    }
    places: dict[tuple[str, str], set[str]] = defaultdict(set)
    reached = set()
    for row in _rows(_international(folder, "unlocode-2024.csv"), columns):
        if row["change"].upper() == "X":
            continue
        for name in {_bare(row["name"]), _bare(row["plain"])}:
            places[row["locode"][:2], name].add(row["locode"])
        if set(row["function"]) & _WHERE_GOODS_CHANGE:
            reached.add(row["locode"])
    suffixes = _countries_as_ports_name_them(rows)
    found: dict[str, list[str]] = defaultdict(list)
    for code, row in rows.items():
        name, _, country = row["en"].partition(", ")
        here = places.get((alpha2.get(code[:3], ""), _bare(name)), set())
        if len(here) == 1 and here <= reached and country == suffixes.get(code[:3]):
            found[next(iter(here))].append(code)
    return {codes[0]: locode for locode, codes in found.items() if len(codes) == 1}


def _own_numbers(rows: Mapping[str, Row], folder: Path) -> Mapping[str, str]:
    """Ports to which the table gives their country's number though the older table has one of their own."""
    return {code: old for code, old in _older_ports(rows, folder).items() if len(rows[code]["legacy"]) < 4}


def _second_numbers(rows: Mapping[str, Row], folder: Path) -> Mapping[str, str]:
    """Ports that had two numbers, of which the table names one."""
    older = _older_ports(rows, folder).items()
    return {
        code: old for code, old in older if len(rows[code]["legacy"]) == 4 and rows[code]["legacy"] != old
    }


def _older_ports(rows: Mapping[str, Row], folder: Path) -> Mapping[str, str]:
    """Numbers of ports that the newer table does not name, by the port of that country and English name."""
    columns = {"code": "code", "country": "country_code", "en": "name_en"}
    countries: dict[str, list[str]] = defaultdict(list)
    for code, row in _countries(folder).items():
        countries[row["numeric"]].append(code)
    ports: dict[tuple[str, str], list[str]] = defaultdict(list)
    for code, row in rows.items():
        if not code.endswith("000"):
            ports[code[:3], _bare(row["en"].partition(", ")[0])].append(code)
    named = {row["legacy"] for row in rows.values()}
    found: dict[str, list[str]] = defaultdict(list)
    for row in _rows(folder / "port-code-legacy4.csv", columns):
        if len(row["code"]) == 4 and row["code"] not in named:
            here = [port for one in countries[row["country"]] for port in ports[one, _bare(row["en"])]]
            if len(here) == 1:
                found[here[0]].append(row["code"])
    return {code: numbers[0] for code, numbers in found.items() if len(numbers) == 1}


def _countries(folder: Path) -> dict[str, Row]:
    table = next(one for one in LISTS if one.id == "country")
    return {row["code"]: row for row in _rows(folder / table.file, table.columns)}


def _countries_as_ports_name_them(rows: Mapping[str, Row]) -> dict[str, str]:
    """What stands behind the comma with most ports of a country: one that says otherwise is in doubt."""
    said: dict[str, Counter[str]] = defaultdict(Counter)
    for code, row in rows.items():
        said[code[:3]][row["en"].partition(", ")[2]] += not code.endswith("000")
    return {code: names.most_common(1)[0][0] for code, names in said.items()}


def _bare(name: str) -> str:
    """A name without accents, case and punctuation."""
    letters = "".join(one for one in unicodedata.normalize("NFKD", name) if not unicodedata.combining(one))
    return re.sub(r"[^a-z0-9]+", " ", letters.casefold()).strip()


def _international(folder: Path, file: str) -> Path:
    return folder.parent / "codes-intl" / file


def _names(table: Table, rows: Mapping[str, Row]) -> Mapping[str, str]:
    if table.names and table.names.keys() != rows.keys():
        raise Unaccounted(
            f"{table.id}: English names and codes differ: {sorted(table.names.keys() ^ rows.keys())}"
        )
    return table.names


def _doubt(why: str) -> Row:
    return {"verified": False} if _KNOWN in why else {}


def _second(rows: list[Row], stands: Callable[[Row], bool]) -> Callable[[Row], bool]:
    """Sort key: True for a row that shares a code of another set and is not what that code stands for."""
    shared = {
        (column, value)
        for column in _OTHER_SETS
        for value, times in Counter(row.get(column) for row in rows).items()
        if value and times > 1
    }
    return lambda row: not stands(row) and any((column, row.get(column)) in shared for column in _OTHER_SETS)


def _header(table: Table) -> dict[str, Any]:
    """What a reader must know of the list; members that say nothing are left out."""
    more = {
        "names_en": "translated by the project" if table.names else None,
        "added": {row["code"]: why for row, why in table.added},
        "corrected": {code: why for code, (_, why) in table.corrected.items()},
        "left_out": {" ".join(row): why for row, why in table.left_out.items()},
        "no_successor": dict(table.ended),
        "same_as": table.same_as and f"{table.same_as}: the older table has the same codes and names",
        "crosswalks": {
            one.column: {"source": one.source, "how": one.how, "verified": False} for one in table.crosswalks
        },
        "note": table.note,
    }
    return {
        "id": table.id,
        "name_zh": table.zh,
        "name_en": table.en,
        "source": table.source,
        "source_date": table.source_date,
        "verified": True,
    } | {member: value for member, value in more.items() if value}


def _trimmed(row: list[Any]) -> list[Any]:
    while row[-1] is None:
        row.pop()
    return row


def _named(names: str) -> dict[str, str]:
    """`0 non-bonded area | 1 …` as a mapping."""
    return dict(one.strip().split(" ", 1) for one in names.split("|"))


_OTHER_SETS = ("numeric", "legacy", "ciq")
_COLUMNS = (
    "code", "zh", "en", *_OTHER_SETS, "legacy_also", "alpha2", "locode",
    "effective_from", "effective_to", "successor", "verified",
)  # fmt: skip
# Functions of UN/LOCODE: sea port, rail, airport, multimodal, inland port. A place with roads alone may be a namesake.
_WHERE_GOODS_CHANGE = frozenset("12468")
_CODE_NAME = {"code": "code", "zh": "name"}
# Codes of before the merger: customs' (numeric ones where the new are letters), and the inspection service's.
_NUMERIC = {"numeric": "原报关代码", "ciq": "原报检代码"}
_LEGACY = {"legacy": "原报关代码", "ciq": "原报检代码"}
_IN_FORCE = "numeric: customs' codes, still in force in bonded and e-commerce messages"
_SHARED = (
    "entries may share a code of the older tables: the one that it stood for comes first, others at the end"
)
_KNOWN = "known in the trade, not in the table: check against the current announcement"

# Without a code of its own in the table of 2018: to translate the number would make one territory of another.
_NOBODYS = "the table gives it the number of {}, which it does not stand for: it has none of its own"

# Territories to which the table of 2018 gives the numeric code of a country or of the rest of a continent:
# the older table says what the code stands for (326: Norway, not Bouvet Island).
_SHARING = frozenset(
    ("ATA", "ASM", "CXR", "CCK", "GUM", "HMD", "NIU", "MNP", "UMI", "PCN", "TKL", "BVT", "FLK", "SGS", "BLM",
     "AIA", "VIR", "ALA", "SJM", "GGY", "JEY", "IMN")
)  # fmt: skip

LISTS = (
    Table(
        id="country", zh="国别（地区）", en="countries and regions", file="gj2018-country.csv",
        columns={"code": "代码", "zh": "中文名称", "en": "英文名称", **_NUMERIC},
        left_out={("ZAF", "非洲其他国家(地区)"): "the table gives South Africa's code to the rest of Africa (299)"},
        corrected={
            code: ({"numeric": ""}, _NOBODYS.format(whose))
            for code, whose in (
                ("IOT", "the rest of Africa (299)"), ("ATF", "the rest of Africa (299)"),
                ("SHN", "the rest of Africa (299)"), ("SXM", "the Netherlands Antilles (449), dissolved 2010"),
                ("BES", "the Netherlands Antilles (449), dissolved 2010"),
            )
        },
        crosswalks=(
            Crosswalk(column="alpha2", source="ISO 3166-1", how="same alpha-3 code", find=_alpha2),
        ),
        stands=lambda row: row["code"] not in _SHARING,
        note=f"{_IN_FORCE}; {_SHARED}",
    ),
    Table(
        id="currency", zh="币制", en="currencies", file="gj2018-currency.csv",
        columns={"code": "代码", "zh": "中文名称", "en": "英文名称", **_NUMERIC},
        note=f"all 22 that the table of 2018 has; {_IN_FORCE}",
    ),
    Table(
        id="port", zh="港口", en="ports", file="gj2018-port.csv",
        columns={"code": "代码", "zh": "中文名称", "en": "英文名称", **_LEGACY},
        left_out={
            ("ZAF000", "非洲其他国家(地区)"): "the table gives South Africa's code to the rest of Africa (299)",
            ("NZL008", "阿卡罗亚（瓦努阿图）"): "the table gives it the code of Christchurch, and a wrong country",
        },
        crosswalks=(
            Crosswalk(
                column="legacy", source="port-code-legacy4", find=_own_numbers,
                how="where the table has but the country's number: same country and English name in the older table",
            ),
            Crosswalk(
                column="legacy_also", source="port-code-legacy4", find=_second_numbers,
                how="a second number of the older table: same country and English name",
            ),
            Crosswalk(
                column="locode", source="UN/LOCODE 2024", find=_locodes,
                how="same country and English name (but for accents and punctuation), where one place of that"
                " country has it, more than roads lead there, and no other port has the place; others left out",
            ),
        ),
        stands=lambda row: row["code"].endswith("000"),
        note=_SHARED,
    ),
    Table(
        id="package", zh="包装种类", en="kinds of package", file="gj2018-package.csv",
        columns={"code": "国标码", "zh": "中文名称", **_LEGACY},
        names=_named(
            "00 in bulk | 01 unpacked | 22 box of paper or fibreboard | 23 box of wood, bamboo or rattan"
            " | 29 box of other material | 32 drum of paper or fibreboard | 33 drum of wood, bamboo or rattan"
            " | 39 drum of other material | 04 spherical tank | 06 bag | 92 pallet of reconstituted wood"
            " | 93 pallet of natural wood | 99 other"
        ),
    ),
    Table(
        id="container-spec", zh="集装箱规格", en="container specifications", file="gj2018-container-spec.csv",
        columns={"code": "代码", "zh": "中文名称", **_LEGACY},
        names=_named(
            "11 general, two units (L) | 12 refrigerated, two units (L) | 13 tank, two units (L)"
            " | 21 general, one unit (S) | 22 refrigerated, one unit (S) | 23 tank, one unit (S)"
            " | 31 other, one unit (S) | 32 other, two units (L)"
        ),
    ),
    Table(
        id="trade-mode", zh="监管方式", en="customs procedures (trade modes)", file="gj2018-trade-mode.csv",
        columns={"code": "代码", "zh": "中文名称"},
        added=tuple(
            ({"code": code, "zh": zh, "effective_from": "2020-07-01"}, f"announcement 75 of 2020; {_KNOWN}")
            for code, zh in (("9710", "跨境电商B2B直接出口"), ("9810", "跨境电商出口海外仓"))
        ),
        retired=("trade-mode-with-note.csv", "2018-07-31"),
        # 货样广告品Ａ and Ｂ became 货样广告品: the newer table's own name says so.
        successors={"3039": "3010"},
        ended={
            "0139": "ended; market procurement (1039) is another procedure, for registered markets alone",
            "5200": "ended; the table of 2018 names nothing in its place",
        },
        note="effective_to: an older table has the code, that of 2018-08-01 no longer does",
    ),
    Table(
        id="transport-mode", zh="运输方式", en="modes of transport", file="gj2018-transport-mode.csv",
        columns={"code": "代码", "zh": "中文名称", **_LEGACY},
        names=_named(
            "0 non-bonded area | 1 supervised export warehouse | 2 water | 3 rail | 4 road | 5 air | 6 mail"
            " | 7 bonded area | 8 bonded warehouse | 9 other | H special border operation area"
            " | T comprehensive pilot zone | W bonded logistics centre | X bonded logistics park"
            " | Y bonded port area | Z export processing zone | L carried by passengers"
            " | G fixed installation: pipeline, power line"
        ),
        stands=lambda row: row["code"] == row["legacy"],
        note=f"the older table also had A, all modes, in parameters alone; {_SHARED}",
    ),
    Table(
        id="unit", zh="计量单位", en="units of measure", file="gj2018-unit.csv",
        columns={"code": "代码", "zh": "中文名称"},
        same_as="unit-legacy.csv",
    ),
    Table(
        id="domestic-port-of-entry", zh="国内口岸", en="domestic ports of entry",
        file="gj2018-domestic-port-of-entry.csv", columns={"code": "国内口岸代码", "zh": "国内口岸中文名称"},
    ),
    Table(
        id="domestic-region", zh="国内地区", en="domestic regions", file="gj2018-domestic-region.csv",
        columns={"code": "国内地区代码", "zh": "国内地区名称"},
        left_out={("4724", "襄阳保税物流中心（B型）"): "four digits: its customs office's code, regions have five"},
    ),
    Table(
        id="admin-division", zh="行政区划", en="administrative divisions", file="gj2018-admin-division.csv",
        columns={"code": "行政区划代码", "zh": "单位名称"},
    ),
    Table(
        id="ciq-org", zh="检验检疫机关", en="inspection and quarantine offices", file="gj2018-ciq-org.csv",
        columns={"code": "机关代码", "zh": "中文名称"},
    ),
    Table(
        id="customs-district", zh="关区", en="customs districts", file="customs-district.csv",
        columns=_CODE_NAME, source=CUSTOMS, source_date=None,
    ),
    Table(
        id="duty-mode", zh="征减免税方式", en="modes of duty", file="duty-mode.csv",
        columns=_CODE_NAME, source=CUSTOMS, source_date=None,
        names=_named(
            "1 levied in full | 2 levied at half | 3 exempt | 4 special case | 5 by levy nature | 6 cash deposit"
            " | 7 letter of guarantee | 8 half repaid | 9 refunded in full"
        ),
    ),
    Table(
        id="levy-nature", zh="征免性质", en="levy natures", file="levy-nature.csv",
        columns=_CODE_NAME, source=CUSTOMS, source_date=None,
    ),
    Table(
        id="goods-use", zh="用途", en="uses of goods", file="goods-use.csv",
        columns=_CODE_NAME, source=CUSTOMS, source_date=None,
        names=_named(
            "01 foreign trade, sold in China | 02 sold in a special zone | 03 sold in China otherwise"
            " | 04 own use of the enterprise | 05 processed and sold back | 06 on loan | 07 against a deposit"
            " | 08 supplied free | 09 supplied at a price | 10 sample or advertising matter | 11 other"
            " | 13 sold in China instead of imports"
        ),
    ),
    Table(
        id="transaction-mode", zh="成交方式", en="terms of delivery", file="transaction-mode.csv",
        columns=_CODE_NAME, source=CUSTOMS, source_date=None,
        added=(({"code": "7", "zh": "EXW"}, _KNOWN),),
        names=_named("1 CIF | 2 C&F | 3 FOB | 4 C&I | 5 market price | 6 stowage | 7 EXW"),
    ),
    Table(
        id="regulatory-document", zh="监管证件", en="regulatory documents", file="regulatory-document.csv",
        columns={"code": "许可证或批文代码", "zh": "许可证或批文名称"}, source=CUSTOMS, source_date=None,
        corrected={
            "D": ({"zh": "出/入境货物通关单（毛坯钻石用）"}, "the table lacks the closing bracket"),
            "a": ({"zh": "保税核注清单"}, f"the table has 请审查预核签章, its older meaning; {_KNOWN}"),
        },
        added=tuple(
            ({"code": code, "zh": zh}, _KNOWN)
            for code, zh in (
                ("M", "密码产品和设备进口许可证"), ("R", "进口兽药通关单"), ("U", "合法捕捞产品通关证明"),
                ("V", "人类遗传资源材料出口、出境证明"), ("b", "进口广播电影电视节目带（片）提取单"),
                ("d", "援外项目任务通知函"), ("f", "音像制品（成品）进口批准单"), ("g", "技术出口合同登记证"),
                ("i", "技术出口许可证"), ("k", "民用爆炸物品进出口审批单"), ("m", "银行调运人民币现钞进出境证明"),
                ("n", "音像制品（版权引进）批准单"), ("q", "国别关税配额证明"), ("r", "预归类标志"),
                ("u", "钟乳石出口批件"), ("z", "古生物化石出境批件"),
            )
        ),
    ),
)  # fmt: skip


def main(arguments: list[str]) -> int:
    checking = "--check" in arguments
    folders = [Path(one) for one in arguments if one != "--check"]
    differ = []
    for table in LISTS:
        path = CODELISTS / f"{table.id}.json"
        new = text(imported(table, folders[0] if folders else TABLES))
        if not path.exists() or path.read_text("utf-8") != new:
            differ.append(table.id)
            if not checking:
                path.write_text(new, "utf-8")
    print(f"{len(LISTS)} code lists; {'differ' if checking else 'changed'}: {', '.join(differ) or 'none'}")
    return 1 if checking and differ else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
