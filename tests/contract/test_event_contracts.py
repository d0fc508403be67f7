"""The contract of every event: schema, example, producer and consumer agree."""

import ast
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import boto3
import pytest
from jsonschema import Draft202012Validator
from moto import mock_aws
from referencing import Registry, Resource

import declarations.app as declarations
import exchange.app as exchange
from declarations import clearance, lifecycle, positions, two_step
from exchange import replies, store
from exchange.reply import Reply, recorded
from inspections import lifecycle as inspecting
from inspections.order import ENDINGS
from panorama.app import EVENTS as HEARD_BY_PANORAMA
from panorama.fold import fold
from panorama.identifiers import brought_by
from panorama.record import record_of
from panorama.wording import Names
from singlewindow import canonical, catalogue, settings
from singlewindow.aws import clients, ledger
from singlewindow.capability import Request
from singlewindow.consignment import Body, Consignment
from singlewindow.events import Event
from singlewindow.parties import Caller, Role
from tests.support import stories
from tests.support.clearances import IMPORTER, ROOT, START

EVENTS = ROOT / "events"
SCHEMAS = {
    path.name.split(".")[0]: json.loads(path.read_text())
    for path in sorted(EVENTS.glob("[A-Z]*.schema.json"))
}
ENVELOPE = json.loads((EVENTS / "envelope.v1.schema.json").read_text())
EXAMPLES = {
    path.name.split(".")[0]: json.loads(path.read_text())
    for path in sorted((EVENTS / "examples").glob("*.json"))
}
REGISTRY: Registry = Registry().with_resources(
    (schema["$id"], Resource.from_contents(schema)) for schema in (ENVELOPE, *SCHEMAS.values())
)
TYPES = sorted(SCHEMAS)
# What clearance hears of inspections and payments, whose own capabilities bring the schemas.
OF_OTHERS = {
    *("InspectionBooked", "InspectionStarted", "InspectionRevised", "InspectionCancelled"),
    *("InspectionResult", "InspectionFollowedUp", "InspectionDone"),
    *(
        "TaxBilled",
        "TaxBillRefused",
        "TaxDeducted",
        "TaxDeductionFailed",
        "TaxGuaranteed",
        "TaxOverdue",
        "TaxReversed",
        "TaxSent",
    ),
}
DOCUMENT = {
    "head": {
        "ie_flag": "I",
        "bill_no": "176-12345675_H1",
        "pack_no": "120",
        "gross_weight": "1234.5",
        "wrap_type": "93",
    },
    "lines": [{"line_no": "1", "hs_code": "8517120090"}],
    "containers": [{"container_no": "CSQU3054383"}],
}


def faults(event: dict[str, Any]) -> list[str]:
    """Why an event breaks its contract, empty where it keeps it."""
    validator = Draft202012Validator(
        SCHEMAS[event["type"]], registry=REGISTRY, format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(event)]


@pytest.fixture(scope="module")
def produced() -> list[Event]:
    """What the real producers write, handlers and ledger included."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", "cn-northwest-1")
        clients.client.cache_clear()
        _tables()
        with settings.using(
            {"LEDGER_TABLE": "ledger", "MESSAGES_TABLE": "messages", "ARCHIVE_BUCKET": "archive"}
        ):
            live = _live()
        clients.client.cache_clear()
    return [*live, *(event for case in stories.all_of_them() for event in case.consignment.events)]


def _tables() -> None:
    database = boto3.client("dynamodb")
    for table, keys in (("ledger", ("consignment", "item")), ("messages", ("message_id",))):
        database.create_table(
            TableName=table,
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            KeySchema=[
                {"AttributeName": k, "KeyType": kind}
                for k, kind in zip(keys, ("HASH", "RANGE"), strict=False)
            ],
            BillingMode="PAY_PER_REQUEST",
        )
    boto3.client("s3").create_bucket(
        Bucket="archive", CreateBucketConfiguration={"LocationConstraint": "cn-northwest-1"}
    )


def _live() -> list[Event]:
    """A draft, its submission, questions, an arrival that differs, acceptance by all, release."""
    number, raw = "I20240000000000909", canonical.dumps(DOCUMENT)
    request = Request(Caller("zhang", Role.ENTERPRISE, IMPORTER), raw, "application/json", {}, {})
    body = Body(raw, raw, "application/json")

    def submitted(version: int, drafting: bool) -> Any:
        return declarations._submission_change(request, DOCUMENT, body, drafting, version)

    ledger.open_consignment(number, submitted(1, True), frozenset({IMPORTER}))
    consignment = ledger.amend(number, lambda _: submitted(2, False))
    assigned = consignment.events[-1].data["agencies"]
    for one in assigned:
        exchange._ask(number, 2, one["agency"], "token" if one["timeout_seconds"] else None)
    report = {
        "pack_no": "119",
        "gross_weight": "1300",
        "bill_no": "176 12345675_H1",
        "arrived_at": START.isoformat(),
    }
    for agency, members in (
        ("port", {"report": report}),
        ("customs", {"outcome": "release", "entry_id": stories.ENTRY_ID}),
        ("ciq", {}),
    ):
        event, _ = replies.record(agency, _reply(number, agency, **members))
        if agency == "port":
            declarations._match_arrival(event)
    table = declarations._decision_table()
    return list(ledger.settle(number, lambda c: clearance.conclude(c, 2, table)).events)


def _reply(number: str, agency: str, **members: Any) -> dict[str, Any]:
    type_ = catalogue.capacity(agency, date(2024, 11, 23))["message_type"]
    message = store.message_id(number, 2, agency, type_)
    return {
        "reply_id": f"{agency}-1",
        "message_id": message,
        "outcome": "accept",
        "at": "2024-01-01T00:00:00Z",
        **members,
    }


@pytest.mark.parametrize(
    "schema", [ENVELOPE, *SCHEMAS.values()], ids=lambda schema: schema["$id"].rsplit("/", 1)[1]
)
def test_every_schema_is_one_and_speaks_both_languages(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)
    assert not schema["title"].isascii()
    assert schema["description"].isascii()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("name", TYPES)
def test_a_schema_is_filed_under_its_type_and_version(name: str) -> None:
    assert SCHEMAS[name]["$id"].endswith(f"/events/{name}.v1.schema.json")
    assert SCHEMAS[name]["properties"]["type"] == {"const": name}
    assert SCHEMAS[name]["unevaluatedProperties"] is False
    assert SCHEMAS[name]["properties"]["data"]["additionalProperties"] is False


@pytest.mark.parametrize("name", TYPES)
def test_every_example_keeps_its_contract(name: str) -> None:
    assert EXAMPLES[name]["type"] == name
    assert faults(EXAMPLES[name]) == []


@pytest.mark.parametrize("name", TYPES)
def test_every_example_is_what_the_producers_write(name: str) -> None:
    """Stale? `python -m tests.support.stories` writes them anew; then read the difference."""
    assert EXAMPLES[name] == stories.examples()[name].as_json()
    event = Event.from_json(EXAMPLES[name])
    assert event.sealed() == event


def test_every_type_in_the_code_has_a_schema_and_an_example_and_the_other_way_round() -> None:
    used = set().union(*(_types_in(path) for path in sorted((ROOT / "functions").rglob("*.py"))))
    used |= set(clearance._EVENT_OF.values()) | {move.event for move in lifecycle.MOVES}
    used |= {move.event for move in inspecting.MOVES} | set(ENDINGS) | {two_step.DUE, two_step.OVERDUE}
    used |= {capacity["asked_on"] for path in (ROOT / "catalogue/agencies").glob("*.json")
             for capacity in json.loads(path.read_text())["capacities"]}  # fmt: skip
    assert sorted(used - (OF_OTHERS - set(TYPES))) == TYPES == sorted(EXAMPLES)


def _types_in(path: Path) -> Iterator[str]:
    """Event types that a module makes (`Change("X")`), hears (`types=("X",)`) or looks for (`event.type == "X"`)."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id == "Change":
                yield from _texts(node.args[:1])
            yield from _texts(keyword.value for keyword in node.keywords if keyword.arg == "types")
        elif (
            isinstance(node, ast.Compare)
            and isinstance(node.left, ast.Attribute)
            and node.left.attr == "type"
        ):
            yield from (text for text in _texts(node.comparators) if text[:1].isupper())


def _texts(nodes: Any) -> Iterator[str]:
    for node in nodes:
        yield from (
            leaf.value
            for leaf in ast.walk(node)
            if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str)
        )


def test_every_event_that_the_producers_write_keeps_its_contract(produced: list[Event]) -> None:
    broken = {f"{event.window_no}#{event.seq} {event.type}": faults(event.as_json()) for event in produced}
    assert {name: why for name, why in broken.items() if why} == {}
    assert {event.type for event in produced} == set(TYPES)


def test_every_event_keeps_its_contract_on_the_wire(produced: list[Event]) -> None:
    for event in produced:
        assert faults(canonical.parse_json(canonical.dumps(event.as_json()))) == []


def test_examples_name_the_members_that_the_handlers_write(produced: list[Event]) -> None:
    for event in produced:
        if event.window_no == "I20240000000000909":
            always = set(SCHEMAS[event.type]["properties"]["data"]["required"])
            assert always <= set(event.data)
            assert always <= set(EXAMPLES[event.type]["data"])


def test_a_reply_of_any_outcome_keeps_its_contract() -> None:
    case = stories.released()
    shapes: tuple[tuple[str, dict[str, Any]], ...] = (
        *(
            ("customs", {"outcome": outcome})
            for outcome in ("accept", "reject", "return", "hold", "clear", "review")
        ),
        ("customs", {"findings": ["x", {"any": {"shape": 1}}]}),
        ("customs", {"outcome": "hold", "hold": {"gate": "use", "kind": "inspection", "place": "A3"}}),
        ("customs", {"outcome": "clear", "hold_id": "H-1"}),
        ("customs", {"outcome": "tax", "tax": stories.BILL | {"supersedes": "B-0"}}),
        ("customs", {"outcome": "release", "release": {"notice": "a.b.c", "conditional": True}}),
        ("customs", {"outcome": "release", "entry_id": stories.ENTRY_ID}),
        ("customs", {"outcome": "revoke", "findings": ["误放"]}),
        ("port", {"report": {}}),
        ("port", {"report": {"pack_no": "1e2", "tallied": False, "gate_out_at": START.isoformat()}}),
    )
    for agency, members in shapes:
        reply = Reply.model_validate(_reply(case.consignment.window_no, agency, **members))
        change = recorded(case.consignment, reply, agency, 1, False)
        assert faults(EXAMPLES["AgencyReplied"] | {"data": dict(change.data)}) == []


@pytest.mark.parametrize("name", TYPES)
def test_a_notice_too_large_for_its_topic_carries_no_data(name: str) -> None:
    assert faults(EXAMPLES[name] | {"data": None}) == []


@pytest.mark.parametrize("name", TYPES)
def test_a_contract_is_strict(name: str) -> None:
    example = EXAMPLES[name]
    assert faults(example | {"surprise": 1})
    assert faults(example | {"data": example["data"] | {"surprise": 1}})
    for member in ("event_id", "seq", "hash", "prev", "actor", "data"):
        assert faults({key: value for key, value in example.items() if key != member})
    for member in SCHEMAS[name]["properties"]["data"].get("required", []):
        assert faults(
            example | {"data": {key: value for key, value in example["data"].items() if key != member}}
        )
    for wrong in (
        {"seq": 0},
        {"seq": "1"},
        {"at": "2024-11-23"},
        {"window_no": "X1"},
        {"version": 2},
        {"hash": "0"},
    ):
        assert faults(example | wrong)


def test_panorama_hears_every_type() -> None:
    assert sorted(HEARD_BY_PANORAMA) == TYPES


@pytest.mark.parametrize("app", [declarations.app, exchange.app], ids=lambda app: app.app_name)
def test_what_a_consumer_subscribes_to_exists(app: Any) -> None:
    wanted = {name for trigger in app.triggers for name in trigger.options.get("types", ())}
    assert wanted
    assert wanted <= {*TYPES, *OF_OTHERS}


@pytest.mark.parametrize("name", TYPES)
def test_panorama_reads_every_example_alone(name: str) -> None:
    event = Event.from_json(EXAMPLES[name])
    brought_by(event)
    case = next(c for c in stories.all_of_them() if c.consignment.window_no == event.window_no)
    journey = fold([record_of(event)], case.consignment.snapshot, NAMES)
    (entry,) = journey.entries
    assert entry.text.zh != name
    assert entry.text.en != name
    assert len(journey.missing) == case.consignment.snapshot.seq - 1


def test_panorama_reads_all_that_is_produced(produced: list[Event]) -> None:
    for case in stories.all_of_them():
        journey = fold(map(record_of, case.consignment.events), case.consignment.snapshot, NAMES)
        assert (journey.missing, len(journey.entries)) == ((), len(case.consignment.events))
    assert all(record_of(event).source for event in produced)


def test_clearance_reads_every_example_of_its_version(produced: list[Event]) -> None:
    for case in stories.all_of_them():
        for end in range(1, len(case.consignment.events) + 1):
            so_far = Consignment(
                case.consignment.window_no, case.consignment.snapshot, case.consignment.events[:end]
            )
            positions.positions(so_far)


NAMES = Names(catalogue.agencies(date(2024, 11, 23)))
