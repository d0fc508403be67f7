"""The official sample of 2018 in both eras: before the merger two agencies, after it one and its desk."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from infra import issuer
from infra.stage import Stage
from singlewindow import clock
from tests.journeys.window import ROOT, Desk, Trader

SAMPLE = ROOT.parent / "shared/data/samples-cn-dec/dec-2018-import.xml"
COMPANY = "914403007663746551"
pytestmark = pytest.mark.skipif(not SAMPLE.exists(), reason="../shared/data is not on this machine")

# What the sample has wrong by its own specification (reasons in tests/functions/declarations/test_check.py),
# and the mending of exactly these places.
MENDED = (
    (b"<ContrItem/>", b"<ContrItem>1</ContrItem>"),  # a ledger number (ManualNo) wants its line number
    (b"<OriginCountry>MYS</OriginCountry>", b"<OriginCountry>TWN</OriginCountry>"),  # agreement <14> is ECFA
    (b"<OperType>G</OperType>", b"<OperType>C</OperType>"),  # G keeps a draft
)


@pytest.fixture(params=["2018-07-03", "2026-11-23"])
def era(request: pytest.FixtureRequest) -> Iterator[str]:
    day: str = request.param
    clock.travel(datetime.fromisoformat(f"{day}T02:00:00").replace(tzinfo=UTC))
    yield day
    clock.travel(None)


@pytest.fixture
def company(stage: Stage) -> Trader:
    return Trader(stage.url, issuer.token("broker", COMPANY))


def post(trader: Trader, path: str, raw: bytes) -> Any:
    return trader.call("POST", path, raw, "application/xml", Idempotency_Key=str(uuid4()))


def test_the_sample_as_published_becomes_a_draft_with_its_findings(company: Trader, era: str) -> None:
    raw = Path(SAMPLE).read_bytes()

    checked = post(company, f"/declarations/check?as_at={era}", raw)
    kept = post(company, "/declarations", raw)

    assert checked.status == 200
    assert checked.json["valid"] is False
    errors = {(one["pointer"], one["rule"]) for one in checked.json["findings"] if one["severity"] == "error"}
    assert errors == {
        ("/lines/0/contract_item", "LEDGER-LINE"),
        ("/lines/0/origin_country", "ORIGIN-COUNTRY"),
    }
    assert (kept.status, kept.json["state"]) == (202, "DRAFT")


def test_the_mended_sample_is_released(company: Trader, era: str, desk: Callable[[str], Desk]) -> None:
    raw = Path(SAMPLE).read_bytes()
    for wrong, right in MENDED:
        assert raw.count(wrong) == 1
        raw = raw.replace(wrong, right)

    answer = post(company, "/declarations", raw)

    assert answer.status == 202, answer.raw.decode()
    window_no = answer.json["window_no"]
    parts = {one["agency"]: one["part"] for one in company.show(window_no)["agencies"]}
    assert parts["customs"] == parts["ciq"] == "decides"
    for agency, part in parts.items():
        if part in ("decides", "verifies"):
            desk(agency).agree(window_no)
    company.wait(window_no, "RELEASED")
