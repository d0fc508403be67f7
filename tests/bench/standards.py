"""The standards: reading the catalogue, searching it, judging messages and faulty documents, beside other tools."""

import json
import subprocess
import sys
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from lxml import etree

from declarations.check import check
from infra import ROOT
from infra.packaging import BUILD
from singlewindow import catalogue
from singlewindow.messages import transform
from standards import search
from standards.conformance import report
from tests.bench.checks import rate
from tests.bench.report import Figure
from tests.bench.window import declaration
from tests.support import dec_schema
from tests.support.transport import TRANSPORT

DAY = date(2026, 11, 25)
SCHEMAS = ROOT.parent / "shared/data/schema-cn"
# In a process of its own, from the staged layer and function: what a function's first request pays.
_LOAD = """
import sys, time
sys.path[:0] = PATHS
from singlewindow import settings
with settings.using({"CATALOGUE": CATALOGUE}):
    from standards import contents
    started = time.process_time()
    contents.elements(), contents.documents(), contents.codelists(), contents.messages(), contents.interchanges()
    from singlewindow import catalogue
    for name, version in contents.documents():
        catalogue.document(name, version)
    for id in contents.codelists():
        catalogue.codelist(id)
    for name in catalogue.names("rules"):
        catalogue.load(f"rules/{name}.json")
    print(time.process_time() - started)
"""


def measure() -> list[Figure]:
    return [_load(), _search(), *_order(), *_declaration(), _written(), *_faults()]


def _load() -> Figure:
    paths = [str(BUILD / "functions/standards"), str(BUILD / "layer/python")]
    script = _LOAD.replace("PATHS", repr(paths)).replace(
        "CATALOGUE}", f"{str(BUILD / 'layer/catalogue')!r}}}"
    )
    taken = min(
        float(
            subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
        )
        for _ in range(7)
    )
    return Figure(
        name="The whole catalogue read inside a function",
        value=f"{taken * 1000:.0f} ms",
        reach="≤ 40 ms",
        met=taken <= 0.040,
        conditions=(
            (
                "all elements, documents (with sections and elements as objects), code lists with every row, messages,"
                " EDIFACT and rules, from the staged layer; CPU time after the imports, best of 7 fresh processes"
            ),
        ),
    )


def _search() -> Figure:
    words = ("提单号", "shfhr", "GrossWet", "gross weight", "tdh", "container")
    slowest = max(1 / rate(partial(search.find, one, search.Filters(), DAY)) for one in words)
    return Figure(
        name="A search over all elements",
        value=f"{slowest * 1000:.2f} ms",
        reach="≤ 5 ms of CPU",
        met=slowest <= 0.005,
        conditions=(f"the slowest of {', '.join(words)}, warm, all hits ranked",),
    )


def _order() -> list[Figure]:
    document = catalogue.document("ecommerce-order").normalise(_sample("ecommerce-order"))
    raw = transform.write([document], "CEB311Message", TRANSPORT)
    if (found := report(raw, DAY)).findings:
        raise RuntimeError(f"the sample is not sound: {found.findings}")
    ours = rate(lambda: report(raw, DAY))
    plain = Draft202012Validator(catalogue.document("ecommerce-order").schema())
    return [
        Figure(
            name="Conformance of an e-commerce order",
            value=f"{ours:,.0f} a second",
            reach="≥ 1,000 a second on one core",
            met=ours >= 1000,
            conditions=(
                (
                    "CEB311 of one order with two lines, from its bytes to the report: parsed, recognised, every tag,"
                    " form, code and check digit, canonical document, cross-field rules"
                ),
            ),
        ),
        Figure(
            name="beside it: the jsonschema package, the shape alone",
            value=f"{rate(lambda: list(plain.iter_errors(document))):,.0f} a second",
            conditions=("the same order in canonical form",),
        ),
        _xsd(SCHEMAS / "ceb-202205/ceb-import.xsd", raw),
    ]


def _declaration() -> list[Figure]:
    document = catalogue.document("declaration").normalise(declaration())
    raw = transform.write([document], "DecMessage")
    ours = rate(lambda: report(raw, DAY))
    return [
        Figure(
            name="Conformance of a DecMessage",
            value=f"{ours:,.0f} a second",
            reach="≥ 200 a second on one core",
            met=ours >= 200,
            conditions=(f"our sample of {len(document['lines'])} lines, from its bytes to the report",),
        ),
        _xsd(dec_schema.XSD, raw, mended=True),
    ]


def _written() -> Figure:
    document = catalogue.document("declaration").normalise(declaration())
    ours = rate(lambda: transform.write([document], "DecMessage"))
    return Figure(
        name="A declaration written as DecMessage",
        value=f"{ours:,.0f} a second",
        reach="≥ 500 a second on one core",
        met=ours >= 500,
        conditions=(f"canonical to bytes, our sample of {len(document['lines'])} lines",),
    )


def _xsd(path: Path, raw: bytes, *, mended: bool = False) -> Figure:
    name = f"beside it: lxml, {path.name}"
    if not path.exists():
        return Figure(name=name, value=f"skipped: no {path.relative_to(ROOT.parent)} beside the repository")
    schema = dec_schema.mended() if mended else etree.XMLSchema(etree.parse(str(path)))
    return Figure(
        name=name,
        value=f"{rate(lambda: schema.validate(etree.fromstring(raw))):,.0f} a second",
        conditions=("the same bytes parsed and validated: shape only, no code list, no wording",),
    )


def _faults() -> list[Figure]:
    document = json.loads((ROOT / "tests/functions/declarations/samples/47-faults.json").read_bytes())[
        "document"
    ]
    number = len(check(document, DAY).findings)
    taken = 1 / rate(lambda: check(document, DAY))
    plain = Draft202012Validator(catalogue.document("declaration").schema())
    canonical = catalogue.document("declaration").normalise(document)
    return [
        Figure(
            name="All findings on 47 faults",
            value=f"{taken * 1000:.2f} ms",
            reach="≤ 1 ms",
            met=taken <= 0.001,
            conditions=(f"check() of a declaration of 22 lines with 47 planted faults: {number} findings",),
        ),
        Figure(
            name="beside it: the jsonschema package, the shape alone",
            value=f"{1000 / rate(lambda: list(plain.iter_errors(canonical))):.2f} ms",
            conditions=("the same document: only the faults of shape",),
        ),
    ]


def _sample(name: str) -> Any:
    return json.loads((ROOT / "catalogue/examples" / f"{name}.v1.json").read_bytes())
