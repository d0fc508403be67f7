"""The catalogue as files: harmless in a spreadsheet, the same bytes each time, and fetched from the archive."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.request import HTTPErrorProcessor, build_opener, urlopen

import pytest
from openpyxl import load_workbook  # type: ignore[import-untyped]

from infra.stage import Stage
from singlewindow import catalogue, clock
from standards import contents, downloads
from tests.functions.standards.asked import body, refused

DAY = date(2026, 11, 23)
FILES = [one["file"] for one in downloads.listing()]


def table(file: str) -> list[list[str]]:
    raw = downloads.build(file, DAY)
    assert raw.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))


def test_the_list_has_every_file() -> None:
    assert [one["file"] for one in body("/standards/downloads")["items"]] == FILES
    assert {"elements.json", "elements.csv", "elements.xlsx", "matrix.xlsx", "rules.csv", "all.zip"} <= set(
        FILES
    )
    assert {f"codelist-{id}.csv" for id in contents.codelists()} <= set(FILES)


@pytest.mark.parametrize("file", [file for file in FILES if not file.startswith("codelist-")])
def test_a_file_has_the_same_bytes_each_time(file: str) -> None:
    assert downloads.build(file, DAY) == downloads.build(file, DAY)


def test_a_table_has_a_row_an_element() -> None:
    head, *rows = table("elements.csv")
    assert [row[head.index("id")] for row in rows] == list(contents.elements())
    gross = rows[list(contents.elements()).index("SCSW-0015")]
    assert "DecMessage/DecHead/GrossWet" in gross[head.index("tags")].split(" | ")


def test_a_workbook_says_the_same_as_the_table() -> None:
    for name in ("elements", "matrix", "rules", "codelist-trade-mode"):
        sheet = load_workbook(io.BytesIO(downloads.build(f"{name}.xlsx", DAY)), read_only=True).active
        assert sheet is not None
        cells = [[cell or "" for cell in row] for row in sheet.iter_rows(values_only=True)]
        plain = [[cell.removeprefix("'") for cell in row] for row in table(f"{name}.csv")]
        assert [[str(cell).removeprefix("'") for cell in row] for row in cells] == plain


def test_a_codelist_keeps_its_retired_codes_with_their_dates() -> None:
    content = json.loads(downloads.build("codelist-trade-mode.json", DAY))
    listed = catalogue.codelist("trade-mode")
    assert [row["code"] for row in content["rows"]] == list(listed.rows)
    assert next(row for row in content["rows"] if row["code"] == "3039")["effective_to"] == "2018-07-31"
    assert content["source"] == listed.source


@pytest.mark.parametrize("cell", ["=1+1", "+cmd", "-2", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(cell: str) -> None:
    harmful = downloads.Table(
        "probe", "试", "probe", ("csv", "xlsx"), lambda _: [], lambda _: [["name"], [cell]]
    )
    rows = list(
        csv.reader(io.StringIO(downloads._written(harmful, "csv", DAY).decode("utf-8-sig"), newline=""))
    )
    assert rows[1] == [f"'{cell}"]
    sheet = load_workbook(io.BytesIO(downloads._written(harmful, "xlsx", DAY))).active
    assert sheet is not None
    assert sheet["A2"].data_type == "s"


def test_everything_in_one_file() -> None:
    with zipfile.ZipFile(io.BytesIO(downloads.build("all.zip", DAY))) as archive:
        assert set(archive.namelist()) == {file for file in FILES if file.endswith((".json", ".csv"))}
        assert archive.read("rules.json") == downloads.build("rules.json", DAY)


def test_an_unknown_file_is_answered_with_the_nearest() -> None:
    status, problem = refused("/standards/downloads/element.csv")
    assert (status, problem["nearest"][0]) == (404, "elements.csv")


class _Unfollowed(HTTPErrorProcessor):
    def http_response(self, request: Any, response: Any) -> Any:
        return response


def redirected(stage: Stage, file: str) -> str:
    """Where a download leads to."""
    with build_opener(_Unfollowed).open(f"{stage.url}/standards/downloads/{file}") as answer:
        assert answer.status == 303
        return str(answer.headers["Location"])


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage() as stage:
        yield stage


@pytest.mark.parametrize("file", ["elements.csv", "codelist-country.xlsx", "rules.json"])
def test_a_download_leads_to_the_bytes_in_the_archive(stage: Stage, file: str) -> None:
    location = redirected(stage, file)
    assert location.startswith(stage.aws_url)
    assert "X-Amz-Signature=" in location and "X-Amz-Expires=900" in location
    with urlopen(location) as got:
        assert got.read() == downloads.build(file, clock.business_date())
        assert got.headers["Content-Type"] == downloads.media_type(file)
        assert got.headers["Content-Disposition"] == f'attachment; filename="{file}"'


def test_the_same_bytes_are_kept_once(stage: Stage) -> None:
    for _ in range(3):
        redirected(stage, "matrix.csv")
    bucket = stage.resource("ArchiveBucket")
    versions = stage.client("s3").list_object_versions(Bucket=bucket)["Versions"]
    keys = [one["Key"] for one in versions]
    assert len(keys) == len(set(keys)) >= 1
