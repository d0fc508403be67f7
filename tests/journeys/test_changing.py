"""A declaration changed after its acceptance, and one taken back and filed again."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from jsonschema import Draft202012Validator

from infra.stage import Stage
from tests.journeys.window import ROOT, Desk, Trader, quiet, sample, until

At = Callable[[str], Desk]
SPECIFICATION = json.loads((ROOT / "docs/openapi.json").read_text())


def true(answer: Any, method: str, path: str, status: int) -> Any:
    """The answer, held to what the published interface says of it."""
    said = SPECIFICATION["paths"][path][method]["responses"][str(status)]["content"]["application/json"][
        "schema"
    ]
    Draft202012Validator(said | {"components": SPECIFICATION["components"]}).validate(answer)
    return answer


def accepted(trader: Trader, desk: At) -> str:
    """A declaration that customs has accepted and others have not yet."""
    window_no = trader.submit(sample())
    desk("customs").reply(window_no, "accept")
    until(lambda: trader.show(window_no)["entry_id"], bool)
    return window_no


def agree(desk: Desk, window_no: str, type: str) -> dict[str, Any]:
    """The agency's yes, sent twice."""
    reply = desk.compose(desk.wish(window_no, type), "accept")
    reply.pop("entry_id", None)
    desk.send(reply)
    desk.send(reply)
    return reply


def test_a_change_takes_effect_when_all_have_agreed_who_must(trader: Trader, desk: At, stage: Stage) -> None:
    window_no = accepted(trader, desk)
    path = f"/declarations/{window_no}/amendments"
    document = trader.get(f"/declarations/{window_no}/document").json
    bill, key = document["head"]["bill_no"] + "9", str(uuid4())
    body = {
        "reason": "提运单号录入错误",
        "changes": [{"op": "replace", "path": "/head/bill_no", "value": bill}],
    }

    foreseen = trader.call("POST", f"{path}/check", body).json
    assert (foreseen["allowed"], foreseen["valid"], foreseen["basis"]) == (True, True, "own-initiative")
    assert foreseen["consequences"]["agree"] == ["customs", "ciq", "maritime"]
    assert foreseen["consequences"]["rematch"]["pointers"] == ["/head/bill_no"]
    assert trader.show(window_no)["request"] is None
    base = "/declarations/{window_no}"
    true(foreseen, "post", f"{base}/amendments/check", 200)

    first = trader.call("POST", path, body, Idempotency_Key=key)
    again = trader.call("POST", path, body, Idempotency_Key=key)
    assert (first.status, first.json["request"], first.json["asks"]) == (
        202,
        1,
        foreseen["consequences"]["agree"],
    )
    assert again.headers["Idempotent-Replay"] == "true" and again.json["request"] == 1
    true(first.json, "post", f"{base}/amendments", 202)
    true(trader.show(window_no)["request"], "get", f"{base}/amendments/{{number}}", 200)
    second = trader.call("POST", path, body, Idempotency_Key=str(uuid4()))
    assert (second.status, second.json["code"], second.json["instead"]) == (
        409,
        "request-open",
        f"DELETE {path}/1",
    )

    told = desk("ciq").body(desk("ciq").wish(window_no, "amendment")).json
    assert [(one["pointer"], one["before"], one["after"]) for one in told["changes"]] == [
        ("/head/bill_no", document["head"]["bill_no"], bill)
    ]
    for agency in ("ciq", "maritime"):
        agree(desk(agency), window_no, "amendment")
    quiet(stage)
    assert trader.show(window_no)["amendment"] is None
    agree(desk("customs"), window_no, "amendment")

    shown = until(lambda: trader.show(window_no), lambda one: one["amendment"] == 1)
    assert shown["version"] == 1
    assert trader.get(f"/declarations/{window_no}/document").json["head"]["bill_no"] == bill
    notice = desk("port").body(desk("port").wish(window_no, "amendment-notice")).json
    assert notice["document"]["head"]["bill_no"] == bill
    done = true(trader.get(f"{path}/1").json, "get", f"{base}/amendments/{{number}}", 200)
    assert (done["status"], [one["pointer"] for one in done["changes"]]) == ("done", ["/head/bill_no"])
    true(trader.get(path).json, "get", f"{base}/amendments", 200)
    message = trader.get(f"{path}/1/message")
    assert (message.status, b"<FieldCode>BILL_NO</FieldCode>" in message.raw) == (200, True)
    returned = trader.call("POST", f"{path}/check", message.raw, media_type="application/xml")
    assert [one["rule"] for one in returned.json["findings"]] == ["MOD-STALE"]  # it is changed already
    found = trader.get(f"/panorama?q={bill.replace('*', '%2A')}").json["items"]
    assert [one["window_no"] for one in found] == [window_no]

    desk("port").reply(window_no, "accept", report={"bill_no": bill})
    for agency in ("ciq", "maritime"):
        desk(agency).reply(window_no, "accept")
    desk("customs").reply(window_no, "release")
    trader.wait(window_no, "RELEASED")


def test_withdrawn_and_filed_again_each_remembers_the_other(trader: Trader, desk: At, stage: Stage) -> None:
    window_no = accepted(trader, desk)
    path = f"/declarations/{window_no}/withdrawal"
    number = trader.show(window_no)["entry_id"]
    wanted = trader.call("POST", path, {"reason": "合同取消"}, Idempotency_Key=str(uuid4()))
    assert (wanted.status, wanted.json["asks"]) == (202, ["customs"])
    pointer = desk("customs").wish(window_no, "withdrawal")
    assert trader.call("DELETE", path).json["status"] == "cancelled"
    refused = desk("customs").client.call(
        "POST",
        "/exchange/replies",
        desk("customs").compose(pointer, "hold"),
    )
    assert (refused.status, refused.json["code"]) == (422, "no-answer-to-this")

    desk("customs").questions.pop((window_no, "withdrawal"))
    trader.call("POST", path, {"reason": "合同取消"}, Idempotency_Key=str(uuid4()))
    agree(desk("customs"), window_no, "withdrawal")
    trader.wait(window_no, "WITHDRAWN")
    assert desk("ciq").body(desk("ciq").wish(window_no, "withdrawal-notice")).json["reason"] == "合同取消"
    desk("ciq").reply(window_no, "accept")
    quiet(stage)
    assert trader.show(window_no)["state"] == "WITHDRAWN"

    filing, key = sample(), str(uuid4())
    renewed = trader.submit(filing, Replaces=window_no, Idempotency_Key=key)
    old = until(lambda: trader.show(window_no), lambda one: one["replaced_by"])
    assert (old["replaced_by"], trader.show(renewed)["replaces"]) == (renewed, window_no)
    assert trader.submit(filing, Replaces=window_no, Idempotency_Key=key) == renewed
    twice = trader.call("POST", "/declarations", sample(), Replaces=window_no, Idempotency_Key=str(uuid4()))
    assert (twice.status, twice.json["code"], twice.json["replaced_by"]) == (409, "replaced", renewed)
    desk("customs").reply(renewed, "accept")
    assert until(lambda: trader.show(renewed)["entry_id"], bool) != number
    for agency in ("ciq", "maritime"):
        desk(agency).reply(renewed, "accept")
    desk("customs").reply(renewed, "release")
    trader.wait(renewed, "RELEASED")


def test_before_acceptance_it_is_withdrawn_at_once(trader: Trader, desk: At) -> None:
    window_no = trader.submit(sample())
    desk("customs").question(window_no)
    path = f"/declarations/{window_no}"
    early = trader.call("POST", f"{path}/amendments", {"reason": "x", "changes": [
        {"op": "replace", "path": "/head/pack_no", "value": "47"}]}, Idempotency_Key=str(uuid4()))  # fmt: skip
    assert (early.status, early.json["code"], early.json["instead"]) == (
        409, "not-accepted", f"POST {path}/withdrawal",
    )  # fmt: skip

    done = trader.call("POST", f"{path}/withdrawal", {"reason": "x"}, Idempotency_Key=str(uuid4()))

    assert (done.status, done.json["status"], done.json["state"]) == (202, "done", "WITHDRAWN")
    desk("customs").reply(window_no, "accept")
    desk("ciq").reply(window_no, "accept")
    assert trader.show(window_no)["state"] == "WITHDRAWN"


def test_consent_and_release_at_once_whichever_stands_first_in_the_ledger_wins(
    trader: Trader, desk: At, stage: Stage
) -> None:
    """Customs agrees to the withdrawal, and what should follow from it fails; meanwhile all is there for a release."""
    window_no = accepted(trader, desk)
    trader.call(
        "POST", f"/declarations/{window_no}/withdrawal", {"reason": "x"}, Idempotency_Key=str(uuid4())
    )
    for agency in ("ciq", "maritime"):
        desk(agency).question(window_no)
    with stage.inject("DeclarationsOnEvent", before=RuntimeError("down"), times=3):
        agree(desk("customs"), window_no, "withdrawal")
        until(lambda: trader.get(f"/declarations/{window_no}/amendments").json["items"][0]["status"],
              lambda status: status in ("agreed", "done"))  # fmt: skip
        for agency in ("ciq", "maritime"):
            desk(agency).reply(window_no, "accept")
        desk("customs").reply(window_no, "release")
        trader.wait(window_no, "WITHDRAWN")
    quiet(stage)
    assert trader.show(window_no)["state"] == "WITHDRAWN"
    lanes = trader.get(f"/panorama/{window_no}").json["lanes"]["documents"]
    assert "DeclarationReleased" not in {one["event"] for one in lanes}
