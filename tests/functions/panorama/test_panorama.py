"""Panorama as its callers see it: events in, journeys out, and nothing of other people's."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from moto import mock_aws

from panorama import store
from panorama.app import app, on_event
from panorama.identifiers import Identifier
from panorama.record import record_of
from singlewindow import canonical, settings
from singlewindow.aws import clients
from singlewindow.consignment import Consignment, Snapshot
from tests.support import stories
from tests.support.clearances import IMPORTER, ROOT, Clearance
from tests.support.gateway_event import gateway_event
from tests.support.memory_ledger import stands

STRANGER = "913302017532977856"
STORY = stories.released()
NUMBER = STORY.consignment.window_no


@pytest.fixture(autouse=True)
def tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "cn-northwest-1")
    clients.client.cache_clear()
    store._heard.clear()
    with mock_aws(), settings.using({"LEDGER_TABLE": "ledger", "JOURNEYS_TABLE": "journeys"}):
        for table, keys in (("ledger", ("consignment", "item")), ("journeys", ("key", "item"))):
            clients.client("dynamodb").create_table(
                TableName=table,
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                KeySchema=[
                    {"AttributeName": k, "KeyType": t} for k, t in zip(keys, ("HASH", "RANGE"), strict=True)
                ],
                BillingMode="PAY_PER_REQUEST",
            )
        yield
    clients.client.cache_clear()


def hear(*bodies: bytes) -> list[str]:
    """Deliver queue messages; the ids of those that failed."""
    records = [
        {
            "messageId": str(number),
            "receiptHandle": "r",
            "body": body.decode(),
            "attributes": {"ApproximateReceiveCount": "1"},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws-cn:sqs:cn-northwest-1:123456789012:window-panorama-inbox",
        }
        for number, body in enumerate(bodies)
    ]
    answer = on_event({"Records": records}, None)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def notices(case: Clearance) -> list[bytes]:
    return [canonical.dumps(event.as_json()) for event in case.consignment.events]


def get(
    path: str, role: str = "enterprise", party: str = IMPORTER, **query: str
) -> tuple[int, dict[str, Any]]:
    event = gateway_event(app, "GET", path, query=query, caller=(role, party))
    answer = app(event, None)
    return answer["statusCode"], json.loads(answer["body"])


def told(case: Clearance = STORY) -> None:
    stands(case.consignment)
    assert hear(*notices(case)) == []


def items() -> list[dict[str, Any]]:
    return clients.client("dynamodb").scan(TableName="journeys")["Items"]


def test_a_journey_is_shown_to_its_trader() -> None:
    told()
    status, journey = get(f"/panorama/{NUMBER}")
    assert status == 200
    assert (journey["window_no"], journey["state"], journey["version"]) == (NUMBER, "RELEASED", 1)
    assert (journey["holder"], journey["complete"], journey["missing"]) == (None, True, [])
    assert [entry["seq"] for lane in journey["lanes"].values() for entry in lane] != []
    assert journey["lanes"]["logistics"][-1]["event"] == "CargoReported"
    assert journey["lanes"]["documents"][0]["evidence"] == STORY.consignment.events[0].hash


def test_messages_repeated_and_out_of_order_give_the_same_journey() -> None:
    told()
    first = get(f"/panorama/{NUMBER}")
    stored = items()
    assert hear(*reversed(notices(STORY)), *notices(STORY)) == []
    assert get(f"/panorama/{NUMBER}") == first
    assert [item for item in items() if item["key"]["S"] != "feed"] == [
        i for i in stored if i["key"]["S"] != "feed"
    ]


def test_an_event_still_on_its_way_is_named_and_then_no_longer() -> None:
    stands(STORY.consignment)
    hear(*notices(STORY)[:3], *notices(STORY)[4:])
    _, journey = get(f"/panorama/{NUMBER}")
    assert (journey["complete"], journey["missing"]) == (False, [4])
    hear(notices(STORY)[3])
    assert get(f"/panorama/{NUMBER}")[1]["complete"] is True


def test_a_notice_without_its_data_is_read_from_the_ledger() -> None:
    stands(STORY.consignment)
    pointer = canonical.dumps(STORY.consignment.events[0].as_json() | {"data": None})
    assert hear(pointer) == []
    assert get("/panorama", q="CSQU3054383")[1]["items"][0]["window_no"] == NUMBER


def test_a_message_that_no_one_can_read_fails_alone() -> None:
    stands(STORY.consignment)
    assert hear(notices(STORY)[0], b"not json", b"{}", b'{"data": {}}', notices(STORY)[1]) == ["1", "2", "3"]
    assert get(f"/panorama/{NUMBER}")[1]["missing"] == list(range(3, STORY.consignment.snapshot.seq + 1))


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        (NUMBER, "window_no"),
        (NUMBER.lower(), "window_no"),
        (" ctuai-2024 ", "bill_no"),
        ("h001", "bill_no"),
        ("CTUAI2024*H001", "bill_no"),
        ("csqu 305438-3", "container_no"),
        ("ＣＳＱＵ３０５４３８３", "container_no"),
        (stories.ENTRY_ID, "entry_id"),
    ],
)
def test_any_identifier_finds_it(query: str, kind: str) -> None:
    told()
    status, answer = get("/panorama", q=query)
    assert status == 200
    (item,) = answer["items"]
    assert (item["window_no"], item["state"]) == (NUMBER, "RELEASED")
    assert item["matched_by"] == [{"kind": kind, "declaration_version": 1, "superseded": False}]
    assert item["lanes"]["documents"]["events"] == 12
    assert item["lanes"]["logistics"]["last"]["event"] == "CargoReported"
    assert kind in [one["kind"] for one in answer["searched"]]


def test_an_unknown_number_says_what_was_searched_and_how_fresh_it_is() -> None:
    told()
    status, answer = get("/panorama", q="790120241000000999")
    assert (status, answer["items"]) == (200, [])
    by_kind = {one["kind"]: one for one in answer["searched"]}
    assert set(by_kind) == {"entry_id", "bill_no"}
    assert by_kind["entry_id"]["source"] == "customs"
    assert by_kind["entry_id"]["last_event_at"] == "2024-11-23T01:12:00.000Z"
    assert by_kind["bill_no"]["name_zh"] == "提运单号"


def test_a_source_never_heard_says_so() -> None:
    assert get("/panorama", q="790120241000000999")[1]["searched"][0]["last_event_at"] is None


def test_the_freshness_of_a_feed_is_written_once_a_minute_and_never_goes_back() -> None:
    store.heard("port", "2024-11-23T01:00:00.000Z")
    store.heard("port", "2024-11-23T01:00:59.999Z")
    assert store.feeds() == {"port": "2024-11-23T01:00:00.000Z"}
    store.heard("port", "2024-11-23T01:01:00.000Z")
    store._heard.clear()  # another process, behind the first
    store.heard("port", "2024-11-23T00:30:00.000Z")
    assert store.feeds() == {"port": "2024-11-23T01:01:00.000Z"}


def test_anothers_shipment_is_not_known() -> None:
    told()
    for role in ("enterprise", "broker"):
        status, problem = get(f"/panorama/{NUMBER}", role, STRANGER)
        assert (status, problem["code"]) == (404, "not-found")
        unknown = get("/panorama/I20240000000000999", role, STRANGER)[1]
        assert problem["detail"].replace(NUMBER, "") == unknown["detail"].replace("I20240000000000999", "")


@pytest.mark.parametrize("query", [NUMBER, "CTUAI2024", "CSQU3054383", stories.ENTRY_ID])
def test_a_search_for_anothers_shipment_finds_nothing(query: str) -> None:
    told()
    mine, theirs = get("/panorama", q=query), get("/panorama", "broker", STRANGER, q=query)
    assert len(mine[1]["items"]) == 1
    assert (theirs[0], theirs[1]["items"]) == (200, [])
    assert theirs[1]["searched"] == mine[1]["searched"]


@pytest.mark.parametrize("role", ["operator", "officer"])
def test_staff_see_all(role: str) -> None:
    told()
    assert get(f"/panorama/{NUMBER}", role, "customs")[0] == 200
    assert len(get("/panorama", role, "customs", q="CTUAI2024")[1]["items"]) == 1


def test_an_agency_has_no_business_here() -> None:
    told()
    assert get(f"/panorama/{NUMBER}", "agency", "customs")[0] == 403
    assert get("/panorama", "agency", "customs", q=NUMBER)[0] == 403


def test_whoever_becomes_a_party_sees_it_at_once() -> None:
    told()
    clients.client("dynamodb").update_item(
        TableName="ledger",
        Key={"consignment": {"S": NUMBER}, "item": {"S": "state"}},
        UpdateExpression="SET parties = :p",
        ExpressionAttributeValues={":p": {"S": f"{STRANGER}"}},
    )
    assert get(f"/panorama/{NUMBER}", "enterprise", STRANGER)[0] == 200
    assert get(f"/panorama/{NUMBER}")[0] == 404


@pytest.mark.parametrize("query", [{}, {"q": ""}, {"q": " - "}, {"q": "X" * 81}])
def test_a_search_for_nothing_or_for_a_novel_is_refused(query: dict[str, str]) -> None:
    status, problem = get("/panorama", **query)
    assert (status, problem["code"]) == (400, "bad-parameter")


@pytest.mark.parametrize("query", ["/", "无", "A_B", "id#x", "feed", "entry#00000001", "🚢" * 40, "%_*", "0"])
def test_odd_queries_find_nothing_and_break_nothing(query: str) -> None:
    told()
    assert get("/panorama", q=query)[0] == 200
    assert get("/panorama", q=query)[1]["items"] == []


@pytest.mark.parametrize(
    "number", ["feed", "id#CTUAI2024", "I2024", "x" * 3000, NUMBER.lower(), "I２０２６0000000000101"]
)
def test_what_is_no_window_number_is_not_known(number: str) -> None:
    told()
    assert get(f"/panorama/{number}", "operator", "x")[0] == 404


def test_the_bill_of_a_version_that_was_replaced_still_leads_here_and_says_so() -> None:
    case = stories.returned_then_rejected()
    case.consignment.events[1].data["identifiers"]["bill_no"] = "WRONG-BILL-1"
    told(case)
    (old,) = get("/panorama", q="wrongbill1")[1]["items"]
    assert old["matched_by"] == [{"kind": "bill_no", "declaration_version": 2, "superseded": True}]
    (new,) = get("/panorama", q="CTUAI2024")[1]["items"]
    assert new["matched_by"] == [{"kind": "bill_no", "declaration_version": 3, "superseded": False}]


def test_ones_own_shipment_is_found_behind_many_of_others_that_share_its_bill() -> None:
    told()
    theirs = Clearance("customs", window_no="I20249999999999901")
    for number in range(130):
        store.keep(
            f"I2024999999999{number:04d}",
            record_of(theirs.consignment.events[0]),
            [Identifier("bill_no", "CTUAI2024")],
        )
        stands(
            Consignment(
                f"I2024999999999{number:04d}",
                Snapshot(1, "", "SUBMITTED", 1, frozenset({STRANGER}), "", "2024", "2024"),
                (),
            )
        )
    assert [item["window_no"] for item in get("/panorama", q="CTUAI2024")[1]["items"]] == [NUMBER]
    assert len(get("/panorama", "operator", "x", q="CTUAI2024")[1]["items"]) == 20


def test_an_ordinary_event_costs_one_write_unit_and_an_identifier_one_more() -> None:
    stands(STORY.consignment)
    for source in ("declarations", "exchange", "customs", "ciq", "port"):  # heard within the minute
        store._heard["journeys", source] = "2027-01-01T00:00:00.000Z"
    units = Units()
    costs: dict[str, set[int]] = {}
    for notice, event in zip(notices(STORY), STORY.consignment.events, strict=True):
        units.of_each.clear()
        hear(notice)
        costs.setdefault(event.type, set()).add(sum(units.of_each))
    # one record of up to 2 KB; one bill as a whole, its master and its house, one container; one declaration number
    assert costs.pop("DeclarationSubmitted") <= {1 + 4, 2 + 4}
    assert costs.pop("DeclarationAccepted") == {1 + 1}
    # the mark that it was counted, and one count a segment: acceptance, release, three agencies' answers
    assert costs.pop("DeclarationReleased") == {1 + 1 + 5}
    assert set().union(*costs.values()) == {1}


class Units:
    """Write units as DynamoDB counts them: every item put, by its size, to the next kilobyte."""

    def __init__(self) -> None:
        self.of_each: list[int] = []
        events = clients.client("dynamodb").meta.events
        events.register("provide-client-params.dynamodb.PutItem", self._put)
        events.register("provide-client-params.dynamodb.BatchWriteItem", self._batch)
        counting = clients.client("dynamodb", attempts=1).meta.events
        counting.register("provide-client-params.dynamodb.UpdateItem", self._update)

    def _update(self, params: dict[str, Any], **_: Any) -> None:
        self.of_each.append(1)  # a day's counts of a segment: far below a kilobyte

    def _put(self, params: dict[str, Any], **_: Any) -> None:
        self.of_each.append(self._size(params["Item"]))

    def _batch(self, params: dict[str, Any], **_: Any) -> None:
        self.of_each += [
            self._size(p["PutRequest"]["Item"]) for puts in params["RequestItems"].values() for p in puts
        ]

    @staticmethod
    def _size(item: dict[str, Any]) -> int:
        size = sum(len(name.encode()) + len(value["S"].encode()) for name, value in item.items())
        return -(-size // 1024)


SCHEMAS = json.loads((ROOT / "functions/panorama/schemas.json").read_text())


def conforms(name: str, answer: dict[str, Any]) -> None:
    text = json.dumps({"$defs": SCHEMAS, "$ref": f"#/{name}"}).replace('"#/', '"#/$defs/')
    Draft202012Validator(json.loads(text)).validate(answer)


def test_the_answers_are_as_the_interface_says() -> None:
    told()
    conforms("Journey", get(f"/panorama/{NUMBER}")[1])
    conforms("Search", get("/panorama", q="CTUAI2024")[1])
    conforms("Search", get("/panorama", q="nothing")[1])


@pytest.mark.parametrize(("view", "schema"), [("find", "Search"), ("show", "Journey")])
def test_the_examples_of_the_interface_are_real_answers(view: str, schema: str) -> None:
    """Stale? `PANORAMA_EXAMPLES=1` writes them anew; then read the difference."""
    told()
    file = ROOT / f"functions/panorama/examples/{view}.json"
    _, actual = get("/panorama", q="CTUAI2024") if view == "find" else get(f"/panorama/{NUMBER}")
    conforms(schema, actual)
    if os.environ.get("PANORAMA_EXAMPLES"):
        file.write_text(json.dumps({"responses": {"200": actual}}, ensure_ascii=False, indent=2) + "\n")
    assert json.loads(file.read_text()) == {"responses": {"200": actual}}
