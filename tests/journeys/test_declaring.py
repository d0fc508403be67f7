"""Declaring: dry runs, drafts, XML as brokers' software writes it, lists, one correlation id."""

from base64 import b64encode
from collections.abc import Callable
from functools import partial
from random import randbytes
from typing import Any
from uuid import uuid4

from declarations.check import check
from infra.stage import Stage
from singlewindow import canonical, clock, settings
from singlewindow.aws import archive, ledger
from tests.journeys.window import IMPORTER, Client, Desk, Trader, quiet, sample, until
from tests.support import decmessage


def search(client: Client, query: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get(f"/panorama?q={query}").json["items"]
    return items


def stores(stage: Stage) -> dict[str, str]:
    return {"LEDGER_TABLE": stage.resource("LedgerTable"), "ARCHIVE_BUCKET": stage.resource("ArchiveBucket")}


def test_a_dry_run_stores_nothing_and_judges_as_at_a_date(trader: Trader) -> None:
    def known() -> list[str]:
        return [one["window_no"] for one in trader.get("/declarations").json["items"]]

    before = known()

    sound = trader.call("POST", "/declarations/check", sample())
    earlier = trader.call("POST", "/declarations/check?as_at=2018-07-03", sample())
    nonsense = trader.call("POST", "/declarations/check?as_at=someday", sample())

    assert sound.status == earlier.status == 200
    assert sound.json["valid"] is True
    assert sound.json["asleep"]
    assert nonsense.status == 400
    assert known() == before


def test_a_draft_may_be_wrong_and_is_submitted_when_right(trader: Trader, stage: Stage) -> None:
    draft = sample(net_weight="99999999")
    draft.setdefault("sign", {})["oper_type"] = "G"
    kept = trader.call("POST", "/declarations", draft, Idempotency_Key=str(uuid4()))
    assert (kept.status, kept.json["state"]) == (202, "DRAFT")
    assert kept.json["findings"]
    window_no = kept.json["window_no"]
    etag = trader.get(f"/declarations/{window_no}").headers["ETag"]
    quiet(stage)
    assert trader.show(window_no)["agencies"] == []

    sent = trader.call("PUT", f"/declarations/{window_no}", sample(), If_Match=etag)

    assert (sent.status, sent.json["state"], sent.json["version"]) == (202, "SUBMITTED", 2)


def test_xml_and_json_are_one_document_and_raw_bytes_are_kept(
    trader: Trader, desk: Callable[[str], Desk], stage: Stage
) -> None:
    document = sample(note="成都双流")
    canonical_form = check(document, clock.business_date()).document
    raw = (
        decmessage.write(canonical_form)
        .replace(b"encoding='UTF-8'", b"encoding='GB18030'")
        .replace(b'encoding="UTF-8"', b'encoding="GB18030"')
        .decode("utf-8")
        .encode("gb18030")
    )

    answer = trader.call("POST", "/declarations", raw, "application/xml", Idempotency_Key=str(uuid4()))

    assert answer.status == 202, answer.raw.decode()
    assert desk("customs").question(answer.json["window_no"])
    digest = canonical.sha256(raw)
    with settings.using(stores(stage)):
        body = ledger.body(answer.json["window_no"], 1)
        archived = archive.fetch(f"{digest[:4]}/{digest}")
    assert body is not None
    assert body.raw == archived == raw
    assert canonical.parse_json(body.canonical) == canonical_form


def test_a_large_body_goes_to_the_archive_first(
    trader: Trader, desk: Callable[[str], Desk], stage: Stage
) -> None:
    document = sample()
    padding = b64encode(randbytes(700_000)).decode()
    document["mark_attachments"] = [{"name": "marks.png", "type": "1", "content": padding}]

    answer = trader.call("POST", "/declarations", document, Idempotency_Key=str(uuid4()))

    assert answer.status == 202, answer.raw.decode()[:500]
    with settings.using(stores(stage)):
        body = ledger.body(answer.json["window_no"], 1)
        assert body is not None and body.archived
        assert padding.encode() in body.canonical
        assert padding.encode() in archive.fetch(body.archived[1])
    assert desk("customs").question(answer.json["window_no"])


def test_lists_are_newest_first_paged_and_filtered(
    trader: Trader, stage: Stage, token: Callable[..., str]
) -> None:
    numbers = [trader.submit(sample()) for _ in range(5)]

    first = trader.get("/declarations?limit=3").json
    second = trader.get(f"/declarations?limit=2&cursor={first['next']}").json
    none = trader.get("/declarations?state=CLEARED").json
    operator = Client(stage.url, token("operator", "operations")).get("/declarations?limit=5").json

    assert [one["window_no"] for one in first["items"] + second["items"]] == numbers[::-1]
    assert none == {"items": [], "next": None}
    assert [one["window_no"] for one in operator["items"]] == numbers[::-1]


def test_one_correlation_id_from_the_request_to_the_last_consumer(
    trader: Trader, desk: Callable[[str], Desk], stage: Stage
) -> None:
    correlation_id = f"journey-{uuid4()}"
    window_no = trader.submit(sample(), X_Correlation_Id=correlation_id)
    for one in trader.show(window_no)["agencies"]:
        if one["part"] in ("decides", "verifies"):
            desk(one["agency"]).agree(window_no)
    trader.wait(window_no, "RELEASED")
    quiet(stage)

    with settings.using({"LEDGER_TABLE": stage.resource("LedgerTable")}):
        consignment = ledger.read(window_no)
    assert consignment is not None
    assert {event.correlation_id for event in consignment.events} == {correlation_id}


def test_any_identifier_finds_the_shipment(trader: Trader) -> None:
    document = sample(bill_no=f"COSU{uuid4().hex[:8].upper()}")
    window_no = trader.submit(document)
    container = document["containers"][0]["container_no"]

    for query in (window_no, document["head"]["bill_no"].lower(), container):
        found = until(partial(search, trader, query), bool)
        assert window_no in {one["window_no"] for one in found}, query
    assert IMPORTER not in trader.get(f"/panorama/{window_no}").raw.decode()
