"""The catalogue as files: JSON, CSV and XLSX, the same bytes for the same catalogue, so that the archive has them once.

A file holds all rows whatever the date, with their dates; only who takes what is as at the day.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from singlewindow import catalogue
from standards import contents, matrix, registry, search
from standards.contents import Json

Cell = str | None
Rows = list[list[Cell]]

_MEDIA = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}
# A cell that begins so is a formula to a spreadsheet, whoever wrote it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# Of no day: the same catalogue is the same file.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MOST_WIDE, _LEAST_WIDE = 60, 8


@dataclass(frozen=True, slots=True)
class Table:
    """What one family of files holds: `content` is its JSON, `rows` its table with a head."""

    name: str
    name_zh: str
    name_en: str
    forms: tuple[str, ...]
    content: Callable[[date], Any]
    rows: Callable[[date], Rows]


def tables() -> list[Table]:
    """All of them."""
    return [
        Table("elements", "数据元", "data elements", ("json", "csv", "xlsx"), _elements, _element_rows),
        Table("matrix", "协调矩阵", "harmonisation matrix", ("json", "csv", "xlsx"), _matrix, _matrix_rows),
        Table("rules", "规则", "rules", ("json", "csv", "xlsx"), _rules, _rule_rows),
        *(
            Table(
                f"codelist-{id}",
                f"代码表：{raw['name_zh']}",
                f"code list: {raw['name_en']}",
                ("json", "csv", "xlsx"),
                _listed(id),
                _listed_rows(id),
            )
            for id, raw in contents.codelists().items()
        ),
    ]


def listing() -> list[Json]:
    """Every file that there is, by name."""
    found = [
        {
            "file": f"{table.name}.{form}",
            "media_type": _MEDIA[form],
            "name_zh": table.name_zh,
            "name_en": table.name_en,
        }
        for table in tables()
        for form in table.forms
    ]
    everything = {"name_zh": "全部（JSON 与 CSV）", "name_en": "everything, as JSON and CSV"}
    return [*found, {"file": "all.zip", "media_type": _MEDIA["zip"], **everything}]


def media_type(file: str) -> str:
    return _MEDIA[file.rpartition(".")[2]]


def build(file: str, as_at: date) -> bytes:
    """The bytes of a file of the listing."""
    name, _, form = file.rpartition(".")
    if file == "all.zip":
        return _zip(as_at)
    table = next(one for one in tables() if one.name == name)
    return _written(table, form, as_at)


def _written(table: Table, form: str, as_at: date) -> bytes:
    if form == "json":
        return json.dumps(table.content(as_at), ensure_ascii=False, indent=1).encode()
    rows = table.rows(as_at)
    return _csv(rows) if form == "csv" else _xlsx(table, rows)


def _csv(rows: Rows) -> bytes:
    """With a byte order mark, without which Excel takes it for another encoding; every cell is a text."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    for row in rows:
        writer.writerow([_harmless(cell or "") for cell in row])
    return b"\xef\xbb\xbf" + stream.getvalue().encode()


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _xlsx(table: Table, rows: Rows) -> bytes:
    import xlsxwriter  # type: ignore[import-untyped]  # a twentieth of a second, and only these files need it

    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"in_memory": True})
    book.set_properties({"title": table.name_en, "created": datetime(*_EPOCH)})  # noqa: DTZ001
    sheet = book.add_worksheet(table.name[:31])
    heading = book.add_format({"bold": True, "bottom": 1})
    for column, name in enumerate(rows[0]):
        sheet.write_string(0, column, name or "", heading)
        sheet.set_column(column, column, _width(rows, column))
    for number, row in enumerate(rows[1:], 1):
        for column, cell in enumerate(row):
            if cell:  # a text, never a formula or a link, whatever it begins with
                sheet.write_string(number, column, cell)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, len(rows) - 1, len(rows[0]) - 1)
    book.close()
    return stream.getvalue()


def _width(rows: Rows, column: int) -> int:
    """In characters; a Chinese one takes two."""
    longest = max(sum(1 + (sign > "\u2e7f") for sign in row[column] or "") for row in rows[:200])
    return max(_LEAST_WIDE, min(longest + 2, _MOST_WIDE))


def _zip(as_at: date) -> bytes:
    import zipfile

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for table in tables():
            for form in ("json", "csv"):
                name = zipfile.ZipInfo(f"{table.name}.{form}", _EPOCH)
                name.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(name, _written(table, form, as_at))
    return stream.getvalue()


def _table(head: Sequence[str], entries: Iterator[Json]) -> Rows:
    return [list(head), *([_cell(entry.get(name)) for name in head] for entry in entries)]


def _cell(value: Any) -> Cell:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return " | ".join(value)
    return str(value) if isinstance(value, int) else json.dumps(value, ensure_ascii=False)


def _elements(as_at: date) -> list[Json]:
    return [search.whole(one, as_at) for one in contents.elements().values()]


def _element_rows(as_at: date) -> Rows:
    head = (
        "id", "name", "name_zh", "name_en", "definition_zh", "definition", "representation", "code_list", "unit",
        "untded", "wco", "sensitivity", "owner", "status", "effective_from", "effective_to", "successor", "examples",
        "documents", "tags", "source", "verified",
    )  # fmt: skip
    return _table(
        head,
        (
            one
            | {
                "documents": [f"{use['document']}/{use['version']}{use['place']}" for use in one["used_in"]],
                "tags": [path["path"] for path in one["paths"]],
            }
            for one in _elements(as_at)
        ),
    )


def _matrix(as_at: date) -> Json:
    method = {"method_zh": matrix.METHOD_ZH, "method_en": matrix.METHOD_EN}
    return {"rows": matrix.rows({}, as_at), "reduction": matrix.reduction(as_at)} | method


def _matrix_rows(as_at: date) -> Rows:
    agencies = matrix.agencies(as_at)
    head = [
        "document",
        "version",
        "place",
        "element",
        "name_zh",
        "name_en",
        "obligation",
        "condition",
        *agencies,
    ]
    return _table(
        head, (dict.fromkeys(agencies, "–") | one | one["agencies"] for one in matrix.rows({}, as_at))
    )


def _rules(_: date) -> list[Json]:
    return [
        {
            "pack": one.pack_id,
            "document": one.pack.get("document"),
            **one.raw,
            "kind": one.kind,
            "params": one.spans,
        }
        for one in registry.editions()
    ]


def _rule_rows(as_at: date) -> Rows:
    head = (
        "pack", "document", "id", "kind", "version", "severity", "effective_from", "effective_to", "agency", "name_zh",
        "name_en", "message_zh", "message_en", "scope", "params", "needs", "legal_basis", "source", "verified",
    )  # fmt: skip
    return _table(head, iter(_rules(as_at)))


def _listed(id: str) -> Callable[[date], Json]:
    def content(_: date) -> Json:
        listed = catalogue.codelist(id)
        head = {name: value for name, value in contents.codelists()[id].items() if name != "rows"}
        return head | {"rows": [listed.row(code) for code in listed.rows]}

    return content


def _listed_rows(id: str) -> Callable[[date], Rows]:
    def rows(_: date) -> Rows:
        listed = catalogue.codelist(id)
        return _table(listed.columns, (listed.row(code) for code in listed.rows))

    return rows
