"""The stack: rights, queues, alarms, sizes, and that it runs in any partition, account and region."""

import json
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from infra import ROOT, grants
from infra.manifest import Manifest
from infra.synth import outputs
from infra.synth.capabilities import Capability

Resources = dict[str, Any]

# Statements on "*" with nothing else to name: log delivery, and the policy of a key, where "*" is the key.
UNCONFINED = {("AWS::Serverless::StateMachine", "LogDelivery"), ("AWS::KMS::Key", None)}
REGION = re.compile(r"\b(?:af|ap|ca|cn|eu|il|me|mx|sa|us)-(?:gov-)?(?:north|south|east|west|central)\w*-\d\b")
ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from strings(key)
            yield from strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)


def of_type(resources: Resources, *types: str) -> dict[str, Any]:
    return {name: each["Properties"] for name, each in resources.items() if each["Type"] in types}


def statements(resources: Resources) -> Iterator[tuple[str, dict[str, Any]]]:
    """(type of the resource, statement) of every policy in the template; a role has its policies under names."""
    for resource in resources.values():
        properties = resource["Properties"]
        own = (properties.get("PolicyDocument"), properties.get("KeyPolicy"))
        for policy in filter(None, [*properties.get("Policies", []), *own]):
            for statement in policy.get("PolicyDocument", policy)["Statement"]:
                yield resource["Type"], statement


def references(value: Any) -> Iterator[str]:
    """Logical ids that a value refers to."""
    if isinstance(value, list):
        for each in value:
            yield from references(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key == "Ref":
                yield each
            elif key == "Fn::GetAtt":
                yield each[0]
            elif key == "Fn::Sub":
                text = each if isinstance(each, str) else each[0]
                yield from (name.split(".")[0] for name in re.findall(r"\$\{(?!!)([^}]+)\}", text))
            else:
                yield from references(each)


def test_the_committed_files_are_what_the_code_says() -> None:
    stale = [path.name for path, text in outputs().items() if not path.exists() or path.read_text() != text]
    assert stale == [], "run `make template`"


def test_synthesis_is_the_same_every_time() -> None:
    assert outputs() == outputs()


def test_each_table_has_one_writer_and_the_ledger_is_shared(declared: Manifest) -> None:
    writers: dict[str, list[str]] = {}
    for name, capability in declared.capabilities.items():
        for use in capability.uses:
            if grants.find(use).owns:
                writers.setdefault(use, []).append(name)
    assert all(len(names) == 1 for names in writers.values()), writers


def test_nobody_may_take_from_the_ledger(declared: Manifest) -> None:
    uses = {use for capability in declared.capabilities.values() for use in capability.uses}
    actions = {action for use in uses if use.startswith("ledger:") for action in grants.find(use).actions}
    assert not {action for action in actions if "Delete" in action or action.endswith("*")}


def test_no_right_is_on_everything_but_those_justified_by_name(resources: Resources) -> None:
    unconfined = set()
    for kind, statement in statements(resources):
        targets = statement.get("Resource", [])
        if statement["Effect"] == "Allow" and "*" in (targets if isinstance(targets, list) else [targets]):
            unconfined.add((kind, None if kind == "AWS::KMS::Key" else statement.get("Sid")))
    assert unconfined <= UNCONFINED


def test_no_right_is_every_action_of_a_service(resources: Resources) -> None:
    for kind, statement in statements(resources):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        if statement["Effect"] == "Allow" and kind != "AWS::KMS::Key":
            assert not [action for action in actions if action.endswith(":*") or action == "*"], statement


def test_a_function_consumes_its_own_queues_and_no_others(resources: Resources) -> None:
    """SAM's managed policies let a consumer read every queue and stream; a Deny must confine it."""
    for name, function in of_type(resources, "AWS::Serverless::Function").items():
        properties = [event["Properties"] for event in _consumed(function)]
        sources = [each.get("Queue") or each.get("Stream") for each in properties]
        denied = [s for p in function.get("Policies", []) for s in p["Statement"] if s["Effect"] == "Deny"]
        assert [statement["NotResource"] for statement in denied] == ([sources] if sources else []), name


def test_a_function_knows_only_what_it_may_touch(resources: Resources, apps: list[Capability]) -> None:
    everyone = set.intersection(
        *(
            set(f["Environment"]["Variables"])
            for f in of_type(resources, "AWS::Serverless::Function").values()
        )
    )
    for app in apps:
        for function in app.functions:
            variables = set(resources[function.logical_id]["Properties"]["Environment"]["Variables"])
            assert variables - everyone == set(grants.environment(app.declared.uses)), function.logical_id


def test_the_template_names_no_partition_account_or_region(stack: dict[str, Any]) -> None:
    texts = list(strings(stack))
    assert [text for text in texts if "arn:aws" in text or REGION.search(text) or ACCOUNT.search(text)] == []


def test_no_module_names_a_partition_account_or_region(source: Path) -> None:
    text = source.read_text()
    assert "arn:aws" not in text
    assert not REGION.search(text)


def test_state_machines_run_in_any_partition() -> None:
    for file in (ROOT / "statemachines").glob("*.json"):
        assert "arn:aws" not in file.read_text(), file.name


def test_every_queue_that_is_consumed_has_a_dead_letter_queue(resources: Resources) -> None:
    queues = of_type(resources, "AWS::SQS::Queue")
    for name, queue in queues.items():
        if name.endswith(("Dlq", "Failures")):
            assert "RedrivePolicy" not in queue
        else:
            assert queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0] in queues, name


def test_every_dead_letter_queue_is_watched(resources: Resources) -> None:
    watched = {
        alarm["Dimensions"][0]["Value"]["Fn::GetAtt"][0]
        for alarm in of_type(resources, "AWS::CloudWatch::Alarm").values()
        if alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
    }
    queues = of_type(resources, "AWS::SQS::Queue")
    assert watched == {name for name in queues if "RedrivePolicy" not in queues[name]}


def _consumed(function: dict[str, Any]) -> list[dict[str, Any]]:
    """The event sources that a function takes messages from; a clock brings none."""
    return [event for event in function.get("Events", {}).values() if event["Type"] != "ScheduleV2"]


def test_whoever_consumes_reports_failures_one_by_one(resources: Resources) -> None:
    for name, function in of_type(resources, "AWS::Serverless::Function").items():
        for event in _consumed(function):
            assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"], name


def test_a_message_stays_out_for_six_timeouts_of_its_consumer(resources: Resources) -> None:
    for name, function in of_type(resources, "AWS::Serverless::Function").items():
        for event in function.get("Events", {}).values():
            if event["Type"] == "SQS":
                queue = resources[event["Properties"]["Queue"]["Fn::GetAtt"][0]]["Properties"]
                assert queue["VisibilityTimeout"] >= 6 * function["Timeout"], name


def test_functions_and_workflows_are_watched_and_log_for_a_set_time(resources: Resources) -> None:
    logs = of_type(resources, "AWS::Logs::LogGroup")
    assert all(log["RetentionInDays"] == {"Ref": "LogRetentionDays"} for log in logs.values())
    alarmed = set(references(list(of_type(resources, "AWS::CloudWatch::Alarm").values())))
    for name, function in of_type(resources, "AWS::Serverless::Function").items():
        assert function["LoggingConfig"]["LogGroup"]["Ref"] in logs
        # An authorizer's word for "unauthorized" is an error: it alone is not watched by them.
        assert (name in alarmed) != (name == "IdentityAuthorize")
    assert set(of_type(resources, "AWS::Serverless::StateMachine")) <= alarmed


def test_everything_stored_is_encrypted(resources: Resources) -> None:
    key = {"Fn::GetAtt": ["WindowKey", "Arn"]}
    for table in of_type(resources, "AWS::DynamoDB::Table").values():
        assert table["SSESpecification"]["KMSMasterKeyId"] == key
        assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert all(queue["SqsManagedSseEnabled"] for queue in of_type(resources, "AWS::SQS::Queue").values())
    assert all(topic["KmsMasterKeyId"] == key for topic in of_type(resources, "AWS::SNS::Topic").values())


def test_what_holds_records_outlives_the_stack(resources: Resources) -> None:
    for name, resource in resources.items():
        holding = resource["Type"] in ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::KMS::Key")
        if holding and name not in ("UploadsBucket", "DropBucket"):  # these forget by themselves
            assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
            assert resource["UpdateReplacePolicy"] == "Retain"


def test_an_agency_alone_may_fill_its_reply_queue(resources: Resources) -> None:
    queues = [name for name in of_type(resources, "AWS::SQS::Queue") if name.endswith("Replies")]
    assert queues
    for queue in queues:
        own = queue.removesuffix("Replies")
        allow, deny = resources[f"{queue}Policy"]["Properties"]["PolicyDocument"]["Statement"]
        assert (allow["Effect"], deny["Effect"], deny["Principal"]) == ("Allow", "Deny", "*")
        for statement in (allow, deny):
            assert statement["Resource"] == {"Fn::GetAtt": [queue, "Arn"]}
            assert f"{own}Principal" in json.dumps(statement)


def test_a_topic_may_send_to_each_queue_that_it_is_told_to(resources: Resources) -> None:
    policies = of_type(resources, "AWS::SQS::QueuePolicy").values()
    for name, subscription in of_type(resources, "AWS::SNS::Subscription").items():
        for queue in (subscription["Endpoint"], subscription["RedrivePolicy"]["deadLetterTargetArn"]):
            allowed = [
                statement["Condition"]["ArnEquals"]["aws:SourceArn"]
                for policy in policies
                for statement in policy["PolicyDocument"]["Statement"]
                if statement["Resource"] == queue
                and statement["Principal"] == {"Service": "sns.amazonaws.com"}
            ]
            assert allowed == [subscription["TopicArn"]], name


def test_resources_refer_to_each_other_without_a_cycle(resources: Resources) -> None:
    graph = {name: set(references(resource)) & resources.keys() for name, resource in resources.items()}
    list(TopologicalSorter(graph).static_order())  # raises CycleError with the cycle


def test_every_reference_has_its_target(stack: dict[str, Any]) -> None:
    known = {*stack["Resources"], *stack["Parameters"]}
    named = {name for section in ("Resources", "Outputs") for name in references(stack[section])}
    assert {name for name in named if not name.startswith("AWS::")} <= known


def test_the_api_stays_clear_of_its_quota(resources: Resources) -> None:
    paths = resources["WindowApi"]["Properties"]["DefinitionBody"]["paths"]
    nodes = {tuple(path.split("/")[:depth]) for path in paths for depth in range(1, path.count("/") + 2)}
    assert len(nodes) < 280


def test_the_stack_stays_clear_of_its_quota(resources: Resources) -> None:
    """Counted as SAM expands it: roles of functions and machines, mappings, a deployment, a stage."""
    functions = of_type(resources, "AWS::Serverless::Function").values()
    added = sum(1 + len(function.get("Events", {})) for function in functions)
    added += len(of_type(resources, "AWS::Serverless::StateMachine")) + 2
    assert len(resources) + added < 450
