"""How many sound declarations are judged in a second, and how others judge their shape alone."""

import time
from collections.abc import Callable
from typing import Any

from jsonschema import Draft202012Validator
from lxml import etree

from declarations.check import check
from infra import ROOT
from singlewindow import catalogue, clock
from tests.bench.report import Figure
from tests.bench.window import declaration
from tests.support import decmessage

REACH = 1000
SECONDS = 0.6
RUNS = 5
_XSD = ROOT.parent / "shared/data/schema-cn/dec-2018/DecMessage_ImportSave_V1.0.xsd"
_PATTERN = "{http://www.w3.org/2001/XMLSchema}pattern"


def measure() -> list[Figure]:
    document, today = declaration(), clock.business_date()
    report = check(document, today)
    if not report.valid:
        raise RuntimeError(f"the sample is not sound: {report.findings}")
    lines = len(document["lines"])
    ours = rate(lambda: check(document, today))
    asleep = len(report.asleep)
    return [
        Figure(
            name="Checks of a sound declaration, all rules",
            value=f"{ours:,.0f} a second",
            reach=f"≥ {REACH:,} a second on one core",
            met=ours >= REACH,
            conditions=(
                (
                    f"check(document, today) of our sample, {lines} lines, from the parsed JSON: canonical form, shape,"
                    f" code lists, check digits, all cross-field rules ({asleep} asleep for want of data)"
                ),
                f"one thread; CPU time, best of {RUNS} runs of {SECONDS} s after a warm-up",
            ),
        ),
        _plain_jsonschema(report.document),
        _xsd(report.document),
    ]


def _plain_jsonschema(document: dict[str, Any]) -> Figure:
    schema = catalogue.document("declaration").schema()
    validator = Draft202012Validator(schema)
    return Figure(
        name="beside it: the jsonschema package, the shape alone",
        value=f"{rate(lambda: list(validator.iter_errors(document))):,.0f} a second",
        conditions=("the same declaration in canonical form, the catalogue's schema; no code list, no rule",),
    )


def _xsd(document: dict[str, Any]) -> Figure:
    name = "beside it: lxml, the 2018 XSD of DecMessage"
    if not _XSD.exists():
        return Figure(name=name, value=f"skipped: no {_XSD.relative_to(ROOT.parent)} beside the repository")
    tree, removed = etree.parse(str(_XSD)), 0
    for facet in list(tree.iter(_PATTERN)):
        if facet.get("value") == "" or facet.get("value").startswith("yyyy"):
            facet.getparent().remove(facet)
            removed += 1
    schema, message = etree.XMLSchema(tree), etree.fromstring(decmessage.write(document))
    faultless = rate(lambda: schema.validate(message))
    return Figure(
        name=name,
        value=f"{faultless:,.0f} a second",
        conditions=(
            (
                f"the same declaration as DecMessage, parsed beforehand; of the published schema {removed} facets that"
                " nothing can meet were removed (empty patterns, patterns of literal letters)"
            ),
            f"it finds {len(schema.error_log)} faults where practice and its own lengths disagree",
        ),
    )


def rate(work: Callable[[], object]) -> float:
    """Times a second of CPU."""
    for _ in range(20):
        work()
    best = 0.0
    for _ in range(RUNS):
        started, times = time.process_time(), 0
        while (spent := time.process_time() - started) < SECONDS:
            work()
            times += 1
        best = max(best, times / spent)
    return best
