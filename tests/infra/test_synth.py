"""Synthesis: what the code of a capability declares becomes template and interface, and nonsense is named."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel, ValidationError

from infra import ROOT, grants, manifest
from infra.synth import __main__ as command
from infra.synth import capabilities, fragments, gateway, openapi, template, workflows
from singlewindow.access import PUBLIC, Throttle
from singlewindow.capability import Capability, Message, Request
from singlewindow.parties import Role

ENTRY = {"title_en": "Samples", "title_zh": "样品", "plan": "样品", "uses": []}
MANIFEST: dict[str, Any] = {
    "stack": "sample",
    "runtime": "python3.12",
    "architecture": "arm64",
    "defaults": {"memory": 512, "timeout": 15},
    "capabilities": {"samples": ENTRY},
}
Build = Callable[..., tuple[manifest.Manifest, list[capabilities.Capability]]]


class Order(BaseModel):
    """A command."""

    pieces: int
    note: str | None = None


@pytest.fixture
def sample() -> Capability:
    """A capability with one of everything."""
    app = Capability("samples")

    @app.route("/samples", allow=PUBLIC, responses={200: {"type": "array"}}, query=("q", "limit"))
    def browse(_: Request) -> list[Any]:
        """All samples."""
        return []

    @app.route(
        "/samples/{sample_id}",
        methods=("PUT",),
        allow=(Role.OPERATOR,),
        request=Order,
        throttle=Throttle(5, 9),
    )
    def change(_: Request, sample_id: str) -> dict[str, Any]:
        """Change one sample.

        With a second paragraph.
        """
        return {"sample_id": sample_id}

    @app.on_queue("SamplesInbox", types=("DeclarationReleased",), only={"outcome": ("tax",)}, patient=True)
    def on_event(_: Message) -> None: ...

    @app.on_queue("ParcelsInbox", batch_size=1, concurrency=7)
    def on_parcel(_: Message) -> None: ...

    @app.on_stream("LedgerTable", item_prefix="event#")
    def on_change(_: list[dict[str, Any]]) -> str | None: ...

    @app.on_replies()
    def on_reply(_: Message) -> None: ...

    @app.on_schedule("cron(30 0 * * ? *)")
    def nightly() -> None: ...

    @app.authorize
    def judge(_: dict[str, Any]) -> dict[str, Any]:
        return {}

    return app


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch, sample: Capability) -> Build:
    """Load a manifest of the sample capability alone, its entry changed by keyword; no workflows."""

    def loaded(**entry: Any) -> tuple[manifest.Manifest, list[capabilities.Capability]]:
        module = ModuleType("samples.app")
        module.app = sample  # type: ignore[attr-defined]
        monkeypatch.setitem(__import__("sys").modules, "samples.app", module)
        monkeypatch.setattr(workflows, "files", list)
        declared = manifest.Manifest.model_validate(MANIFEST | {"capabilities": {"samples": ENTRY | entry}})
        return declared, capabilities.load(declared)

    return loaded


def resources(build: Build, **entry: Any) -> dict[str, Any]:
    return template.build(*build(**entry))["Resources"]


def test_a_capability_becomes_one_function_for_its_routes_and_one_a_trigger(build: Build) -> None:
    names = [function.logical_id for function in build()[1][0].functions]
    assert names == [
        "SamplesApi",
        "SamplesOnEvent",
        "SamplesOnParcel",
        "SamplesOnChange",
        "SamplesOnReply",
        "SamplesNightly",
        "SamplesJudge",
    ]


def test_a_function_runs_the_handler_with_the_tuning_of_the_manifest(build: Build) -> None:
    tuned = resources(build, tuning={"on_event": {"memory": 256, "concurrency": 4}})
    api, on_event = tuned["SamplesApi"]["Properties"], tuned["SamplesOnEvent"]["Properties"]
    assert (api["Handler"], api["MemorySize"], api["Timeout"]) == ("samples.app.app", 512, 15)
    assert (on_event["Handler"], on_event["MemorySize"], on_event["Timeout"]) == (
        "samples.app.on_event",
        256,
        15,
    )
    assert on_event["ReservedConcurrentExecutions"] == 4
    assert "ReservedConcurrentExecutions" not in api


def test_tuning_a_handler_that_is_not_there_is_refused(build: Build) -> None:
    with pytest.raises(LookupError, match="on_evnt: no such handler in samples"):
        build(tuning={"on_evnt": {"memory": 256}})


@pytest.mark.parametrize(
    "use", ["ledgers:read", "ledger:delete", "workflow:start", "workflow:clearance:stop", "events:read"]
)
def test_a_use_that_nobody_knows_is_refused(use: str) -> None:
    with pytest.raises(LookupError, match="known: "):
        grants.find(use)


@pytest.mark.parametrize("use", ["ledger", "ledger:", "Ledger:read", "ledger:read:now:please", "ledger read"])
def test_a_use_is_a_resource_and_a_verb(use: str) -> None:
    with pytest.raises(ValidationError):
        manifest.Declared.model_validate(ENTRY | {"uses": [use]})


def test_a_use_gives_the_variable_and_the_right_together(build: Build) -> None:
    api = resources(build, uses=["ledger:read", "workflow:clearance:start", "oidc:verify"])["SamplesApi"][
        "Properties"
    ]
    variables = api["Environment"]["Variables"]
    assert variables["LEDGER_TABLE"] == {"Ref": "LedgerTable"}
    assert variables["CLEARANCE_WORKFLOW"]["Fn::Sub"].endswith(":stateMachine:${AWS::StackName}-clearance")
    assert variables["OIDC_ISSUER"] == {"Ref": "OidcIssuer"}
    rights = [statement["Action"] for statement in api["Policies"][0]["Statement"]]
    assert rights == [
        ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"],
        ["states:StartExecution"],
    ]


def test_a_capability_without_uses_has_neither_rights_nor_names(build: Build) -> None:
    api = resources(build)["SamplesApi"]["Properties"]
    assert "Policies" not in api
    assert not [
        name for name in api["Environment"]["Variables"] if name.endswith(("_TABLE", "_TOPIC", "_BUCKET"))
    ]


def test_a_queue_that_a_handler_names_becomes_an_inbox_of_the_events_it_wants(build: Build) -> None:
    made = resources(build)
    assert made["SamplesInboxSubscription"]["Properties"]["FilterPolicy"] == {
        "type": ["DeclarationReleased"],
        "outcome": [{"exists": False}, "tax"],
    }
    assert made["SamplesInbox"]["Properties"]["VisibilityTimeout"] == 6 * 15 + 10
    event = made["SamplesOnEvent"]["Properties"]["Events"]["SamplesInbox"]["Properties"]
    assert event["MaximumBatchingWindowInSeconds"] == {"Ref": "Patience"}
    assert {
        "SamplesInboxDlq",
        "SamplesInboxDlqAlarm",
        "SamplesInboxAgeAlarm",
        "SamplesInboxPolicy",
    } <= made.keys()


def test_a_queue_handler_runs_beside_itself_as_often_as_it_asks(build: Build) -> None:
    made = resources(build)
    parcels = made["SamplesOnParcel"]["Properties"]["Events"]["ParcelsInbox"]["Properties"]
    samples = made["SamplesOnEvent"]["Properties"]["Events"]["SamplesInbox"]["Properties"]
    assert (parcels["BatchSize"], parcels["ScalingConfig"]) == (1, {"MaximumConcurrency": 7})
    assert "ScalingConfig" not in samples


def test_a_use_of_an_own_queue_gives_its_address_and_the_right_to_send() -> None:
    uses = ["queue:parcel-post:send"]
    queue = {"Fn::GetAtt": ["ParcelPostQueue", "Arn"]}
    assert grants.environment(uses) == {"PARCEL_POST_QUEUE": {"Ref": "ParcelPostQueue"}}
    assert grants.statements(uses) == [
        {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": [queue]}
    ]


def test_a_stream_handler_sees_new_events_only_and_its_failures_are_kept(build: Build) -> None:
    made = resources(build)
    event = made["SamplesOnChange"]["Properties"]["Events"]["LedgerTableStream"]["Properties"]
    pattern = json.loads(event["FilterCriteria"]["Filters"][0]["Pattern"])
    assert pattern == {"eventName": ["INSERT"], "dynamodb": {"Keys": {"item": {"S": [{"prefix": "event#"}]}}}}
    assert event["BisectBatchOnFunctionError"] is True
    assert event["DestinationConfig"]["OnFailure"]["Destination"] == {
        "Fn::GetAtt": ["SamplesOnChangeFailures", "Arn"]
    }
    assert "SamplesOnChangeFailuresAlarm" in made


def test_a_scheduled_handler_is_called_by_the_clock_of_the_business_zone(build: Build) -> None:
    (event,) = resources(build)["SamplesNightly"]["Properties"]["Events"].values()
    assert event == {
        "Type": "ScheduleV2",
        "Properties": {
            "ScheduleExpression": "cron(30 0 * * ? *)",
            "ScheduleExpressionTimezone": "Asia/Shanghai",
        },
    }


def test_each_agency_of_the_catalogue_has_its_queues_and_all_replies_one_handler(build: Build) -> None:
    made = resources(build)
    agencies = template.agency_ids()
    assert "customs" in agencies
    events = made["SamplesOnReply"]["Properties"]["Events"]
    assert list(events) == [f"{agency.capitalize()}Replies" for agency in agencies]
    for agency in agencies:
        assert made[f"{agency.capitalize()}InboxSubscription"]["Properties"]["FilterPolicy"] == {
            "agency": [agency]
        }


def test_a_route_that_does_not_say_who_may_call_stops_synthesis(build: Build, sample: Capability) -> None:
    view: Any = sample.routes["/samples"]["GET"].view_function
    del view.access
    with pytest.raises(LookupError, match="GET /samples doesn't say who may call it"):
        build()


def test_a_path_that_two_capabilities_claim_stops_synthesis(build: Build) -> None:
    _, [app] = build()
    with pytest.raises(LookupError, match="GET /samples is declared twice"):
        gateway.body([app, app], "sample")


def test_the_gateway_asks_for_a_token_unless_a_route_is_public(build: Build) -> None:
    paths = resources(build)["WindowApi"]["Properties"]["DefinitionBody"]["paths"]
    assert "security" not in paths["/samples"]["get"]
    assert paths["/samples/{sample_id}"]["put"]["security"] == [{"token": []}]


def test_a_route_may_have_a_throttle_of_its_own(build: Build) -> None:
    settings = resources(build)["WindowApi"]["Properties"]["MethodSettings"]
    assert settings[1]["ResourcePath"] == "/~1samples~1{sample_id}"
    assert (
        settings[1]["HttpMethod"],
        settings[1]["ThrottlingRateLimit"],
        settings[1]["ThrottlingBurstLimit"],
    ) == ("PUT", 5, 9)


def test_whatever_the_gateway_answers_itself_is_a_problem_with_a_correlation_id(build: Build) -> None:
    body = resources(build)["WindowApi"]["Properties"]["DefinitionBody"]
    answers = body["x-amazon-apigateway-gateway-responses"]
    assert {"DEFAULT_4XX", "DEFAULT_5XX", "UNAUTHORIZED", "THROTTLED", "REQUEST_TOO_LARGE"} <= answers.keys()
    assert answers["MISSING_AUTHENTICATION_TOKEN"]["statusCode"] == "404"
    for answer in answers.values():
        headers = answer["responseParameters"]
        assert headers["gatewayresponse.header.X-Correlation-Id"] == "context.requestId"
        assert headers["gatewayresponse.header.Access-Control-Allow-Origin"] == "'*'"
        problem = json.loads(answer["responseTemplates"]["application/json"])
        assert {"type", "title", "detail", "detail_zh", "code", "correlation_id"} <= problem.keys()


def test_formats_that_are_not_utf_8_reach_the_handler_as_bytes(build: Build) -> None:
    body = resources(build)["WindowApi"]["Properties"]["DefinitionBody"]
    assert set(body["x-amazon-apigateway-binary-media-types"]) == {
        "application/xml",
        "text/xml",
        "application/edifact",
        "application/octet-stream",
    }


def test_the_interface_carries_schemas_parameters_and_roles(build: Build) -> None:
    interface = openapi.build(*build())
    put = interface["paths"]["/samples/{sample_id}"]["put"]
    assert put["summary"] == "Change one sample."
    assert put["x-roles"] == ["operator"]
    assert put["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/Order"
    }
    assert interface["components"]["schemas"]["Order"]["required"] == ["pieces"]
    assert {"400", "401", "403", "404", "413", "415", "422", "429", "500"} <= put["responses"].keys()
    get = interface["paths"]["/samples"]["get"]
    assert get["security"] == []
    assert [(each["name"], each["in"], each["required"]) for each in get["parameters"]] == [
        ("q", "query", False),
        ("limit", "query", False),
    ]


def test_a_schema_that_nobody_has_stops_synthesis(build: Build, sample: Capability) -> None:
    @sample.route("/lost", allow=PUBLIC, responses={200: "Nowhere"})
    def lost(_: Request) -> None:
        """Lost."""

    with pytest.raises(LookupError, match="no schema 'Nowhere'"):
        openapi.build(*build())


@pytest.mark.parametrize(
    ("state", "complaint"),
    [
        ({"Type": "Task", "Resource": "${Nobody}", "End": True}, r"\$\{Nobody\} is no function"),
        (
            {"Type": "Task", "Resource": "arn:x:states:::sqs:sendMessage", "End": True},
            "only functions of this stack",
        ),
    ],
)
def test_a_state_machine_that_calls_what_is_not_there_stops_synthesis(
    state: dict[str, Any], complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflows, "ROOT", tmp_path)
    file = tmp_path / "sample.asl.json"
    file.write_text(json.dumps({"StartAt": "Only", "States": {"Only": state}}))
    with pytest.raises(LookupError, match=complaint):
        workflows.workflow(file, {"SamplesApi"})


def test_a_workflow_may_call_the_functions_of_its_tasks_and_no_others() -> None:
    file = ROOT / "statemachines/clearance.asl.json"
    known = {"DeclarationsDecide", "ExchangeDispatch", "SamplesApi"}
    made = workflows.workflow(file, known)["Resources"]["ClearanceWorkflow"]["Properties"]
    invoke = made["Policies"][0]["Statement"][0]
    assert {each["Fn::GetAtt"][0] for each in invoke["Resource"]} == known - {"SamplesApi"}
    assert made["Name"] == {"Fn::Sub": "${AWS::StackName}-clearance"}


def test_a_thing_defined_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="Resources: Once is defined twice"):
        fragments.merge([{"Resources": {"Once": {}}}, {"Resources": {"Once": {}}}])


def test_names_are_written_as_each_place_wants_them() -> None:
    assert capabilities.pascal("on_event") == "OnEvent"
    assert capabilities.kebab("DeclarationsInbox") == "declarations-inbox"
    assert capabilities.kebab("on_event") == "on-event"


def test_the_check_fails_with_a_diff_where_a_file_is_stale(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "template.yaml"
    file.write_text("old: 1\n")
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setattr(command, "outputs", lambda: {file: "new: 1\n"})
    assert command.main(check=True) == 1
    assert "-old: 1" in capsys.readouterr().out
    assert command.main(check=False) == 0
    assert file.read_text() == "new: 1\n"
    assert command.main(check=True) == 0


def test_the_parameters_of_every_stage_are_those_of_the_template() -> None:
    known = fragments.merge(fragments.singles())["Parameters"]
    for file in (ROOT / "infra/parameters").glob("*.json"):
        values = json.loads(file.read_text())
        assert values.keys() <= known.keys(), file.name
        assert known.keys() - {name for name in known if "Default" in known[name]} <= values.keys(), file.name
        assert all(isinstance(value, str) for value in values.values()), file.name


def interface() -> dict[str, Any]:
    return json.loads((ROOT / "docs/openapi.json").read_text())


def media() -> list[tuple[str, dict[str, Any]]]:
    """(where, media type object) of every request and response of the published interface."""
    found = []
    for path, methods in interface()["paths"].items():
        for method, operation in methods.items():
            answers = [operation.get("requestBody", {}), *operation["responses"].values()]
            found += [(f"{method} {path}", each) for a in answers for each in a.get("content", {}).values()]
    return found


def test_every_reference_of_the_published_interface_resolves() -> None:
    document = interface()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            reference = value.get("$ref")
            if isinstance(reference, str):
                at: Any = document
                for part in reference.removeprefix("#/").split("/"):
                    at = at[part.replace("~1", "/").replace("~0", "~")]
            for each in value.values():
                walk(each)
        elif isinstance(value, list):
            for each in value:
                walk(each)

    walk(document)


def test_every_schema_of_the_published_interface_is_json_schema() -> None:
    for name, schema in interface()["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema), name


def test_every_example_of_the_published_interface_is_true_to_its_schema() -> None:
    document = interface()
    for where, each in media():
        if "example" in each:
            schema = each["schema"] | {"components": document["components"]}
            errors = [
                error.message
                for error in jsonschema.Draft202012Validator(schema).iter_errors(each["example"])
            ]
            assert errors == [], where
