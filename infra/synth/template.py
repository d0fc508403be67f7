"""The SAM template: fragments of infra/resources, and what the code of the capabilities declares."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from infra import ROOT, grants
from infra.manifest import Manifest
from infra.synth import fragments, gateway, workflows
from infra.synth.capabilities import Capability, Function, kebab, pascal
from infra.synth.fragments import Fragment, each

LAYER = "CommonLayer"
# Lambda's word on queues: a message may be out for six times the consumer's timeout.
_VISIBILITY = 6
# MaxValue of the parameter Patience.
_MOST_PATIENT = 10
_ZONE = "Asia/Shanghai"
_REPORT = ["ReportBatchItemFailures"]
_QUEUE_READING = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
# The kernel says when a failed message comes back (singlewindow.aws.queues).
_QUEUE_RETURNING = ["sqs:ChangeMessageVisibility", "sqs:GetQueueUrl"]
_STREAM_READING = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]


def build(manifest: Manifest, capabilities: list[Capability]) -> dict[str, Any]:
    """The whole template as a value, sections and resources in a fixed order."""
    functions = [function for capability in capabilities for function in capability.functions]
    singles = fragments.merge(fragments.singles())
    api = singles["Resources"]["WindowApi"]["Properties"]
    api["DefinitionBody"] = gateway.body(capabilities, manifest.stack)
    api["MethodSettings"] += gateway.throttles(r for c in capabilities for r in c.routes)
    queues = [
        singles,
        *_inboxes(manifest, functions, singles["Resources"].keys()),
        *_agencies(manifest, functions),
        *_timers(manifest, functions),
    ]
    parts = [
        *queues,
        *(workflows.workflow(path, {f.logical_id for f in functions}) for path in workflows.files()),
        {"Resources": {LAYER: _layer(manifest)}},
        *_functions(manifest, capabilities, _dead_letters(queues)),
        {"Resources": gateway.permissions(functions)},
    ]
    merged = fragments.merge(parts)
    watched = [name for name in merged["Resources"] if name.endswith(("Dlq", "Failures"))]
    merged = fragments.merge([merged, *(each("dlq-alarm", Name=name) for name in watched)])
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Description": "International trade single window; written by `python -m infra.synth`",
        **{section: entries for section, entries in merged.items() if entries},
    }


def agency_ids() -> list[str]:
    """The agencies of the catalogue: each gets an inbox and a queue for its replies."""
    files = (ROOT / "catalogue/agencies").glob("*.json")
    return sorted({json.loads(file.read_text())["id"] for file in files})


def _layer(manifest: Manifest) -> dict[str, Any]:
    return {
        "Type": "AWS::Serverless::LayerVersion",
        "Properties": {
            "LayerName": {"Fn::Sub": "${AWS::StackName}-common"},
            "ContentUri": ".build/layer",
            "CompatibleRuntimes": [manifest.runtime],
            "CompatibleArchitectures": [manifest.architecture],
            "RetentionPolicy": "Delete",
        },
    }


def _dead_letters(parts: Iterable[Fragment]) -> list[str]:
    """The dead-letter queues by their names within the stack."""
    named = (
        one["Properties"]["QueueName"]["Fn::Sub"].removeprefix("${AWS::StackName}-")
        for part in parts
        for name, one in part["Resources"].items()
        if name.endswith("Dlq")
    )
    return sorted(named)


def _functions(
    manifest: Manifest, capabilities: Iterable[Capability], dead_letters: list[str]
) -> Iterator[Fragment]:
    for capability in capabilities:
        policy = grants.statements(capability.declared.uses, dead_letters)
        environment = {
            "CATALOGUE": "/opt/catalogue",
            "LOG_LEVEL": {"Ref": "LogLevel"},
            "QUEUE_PREFIX": {"Fn::Sub": "${AWS::StackName}-"},
            "ANSWER_TIMEOUT_CAP": {"Ref": "AnswerTimeoutCap"},
            "PYDANTIC_DISABLE_PLUGINS": "__all__",  # looking for them takes 8 ms of a cold start
            "POWERTOOLS_SERVICE_NAME": capability.name,
            "POWERTOOLS_METRICS_NAMESPACE": manifest.stack,
            **grants.environment(capability.declared.uses, dead_letters),
        }
        for function in capability.functions:
            resource = _function(manifest, function, environment, policy)
            yield {"Resources": {function.logical_id: resource}}
            kind = function.trigger.kind if function.trigger else None
            watch = each("function", Name=function.logical_id, name=function.name)
            if kind == "authorizer":  # its word for "unauthorized" is an error: nothing to ring for
                del watch["Resources"][f"{function.logical_id}Errors"]
            yield watch
            if kind == "stream":
                failures = f"{function.logical_id}Failures"
                yield each("failures", Name=failures, name=kebab(failures), Function=function.logical_id)


def _function(
    manifest: Manifest, function: Function, environment: dict[str, Any], policy: list[Any]
) -> dict[str, Any]:
    tuning = manifest.tuned(function.capability, function.handler)
    properties: dict[str, Any] = {
        "FunctionName": {"Fn::Sub": f"${{AWS::StackName}}-{function.name}"},
        "Handler": f"{function.capability}.app.{function.handler}",
        "CodeUri": f".build/functions/{function.capability}",
        "Runtime": manifest.runtime,
        "Architectures": [manifest.architecture],
        "Layers": [{"Ref": LAYER}],
        "MemorySize": tuning.memory,
        "Timeout": tuning.timeout,
        # A trace begins at the door. Behind queues and streams each invocation would begin one of its own, which
        # shows nothing that the correlation id in the logs does not.
        "Tracing": "PassThrough" if function.trigger else "Active",
        # Lambda's own lines only where something is wrong: at three lines an invocation they outgrow ours tenfold.
        "LoggingConfig": {
            "LogGroup": {"Ref": f"{function.logical_id}Log"},
            "LogFormat": "JSON",
            "SystemLogLevel": "WARN",
            "ApplicationLogLevel": {"Ref": "LogLevel"},
        },
        "Environment": {"Variables": environment},
    }
    if tuning.concurrency:
        properties["ReservedConcurrentExecutions"] = tuning.concurrency
    statements = [*policy, *_confinement(function)]
    if statements:
        properties["Policies"] = [{"Version": "2012-10-17", "Statement": statements}]
    events = dict(_events(function))
    if events:
        properties["Events"] = events
    return {"Type": "AWS::Serverless::Function", "Properties": properties}


def _events(function: Function) -> Iterator[tuple[str, Any]]:
    """The event sources of a function; steps and authorizers have none, others call them."""
    trigger = function.trigger
    if trigger is None or trigger.kind in ("step", "authorizer"):
        return
    options = trigger.options
    if trigger.kind == "schedule":
        clock = {"ScheduleExpression": options["expression"], "ScheduleExpressionTimezone": _ZONE}
        yield "Clock", {"Type": "ScheduleV2", "Properties": clock}
        return
    batching: dict[str, Any] = {"BatchSize": options["batch_size"], "FunctionResponseTypes": _REPORT}
    if options.get("patient"):
        batching["MaximumBatchingWindowInSeconds"] = {"Ref": "Patience"}
    if options.get("concurrency"):
        batching["ScalingConfig"] = {"MaximumConcurrency": options["concurrency"]}
    match trigger.kind:
        case "queue" | "agency-replies" | "timer":
            for queue in _sources(function):
                yield queue["Fn::GetAtt"][0], {"Type": "SQS", "Properties": {"Queue": queue, **batching}}
        case "stream":
            pattern = {
                "eventName": ["INSERT"],
                "dynamodb": {"Keys": {"item": {"S": [{"prefix": options["item_prefix"]}]}}},
            }
            failures = {"Fn::GetAtt": [f"{function.logical_id}Failures", "Arn"]}
            yield (
                f"{trigger.sources[0]}Stream",
                {
                    "Type": "DynamoDB",
                    "Properties": {
                        "Stream": _sources(function)[0],
                        "StartingPosition": "TRIM_HORIZON",
                        **batching,
                        "BisectBatchOnFunctionError": True,
                        # An outage downstream holds the outbox up and must not empty it; what is unreadable the
                        # handler passes over itself.
                        "MaximumRecordAgeInSeconds": 43200,
                        "ParallelizationFactor": 2,
                        "FilterCriteria": {"Filters": [{"Pattern": json.dumps(pattern)}]},
                        "DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": failures}},
                    },
                },
            )
        case other:
            raise LookupError(f"{function.logical_id}: no trigger of kind {other!r} is known")


def _sources(function: Function) -> list[Any]:
    """ARNs of what the function consumes."""
    trigger = function.trigger
    match trigger.kind if trigger else None:
        case "queue" | "timer":
            return [{"Fn::GetAtt": [one, "Arn"]} for one in trigger.sources]  # type: ignore[union-attr]
        case "agency-replies":
            return [{"Fn::GetAtt": [f"{pascal(agency)}Replies", "Arn"]} for agency in agency_ids()]
        case "stream":
            return [{"Fn::GetAtt": [one, "StreamArn"]} for one in trigger.sources]  # type: ignore[union-attr]
    return []


def _confinement(function: Function) -> list[Any]:
    """SAM lets whoever consumes a queue or stream consume all of the account's: take back the others."""
    sources = _sources(function)
    if not sources:
        return []
    if function.trigger and function.trigger.kind == "stream":
        return [{"Effect": "Deny", "Action": _STREAM_READING, "NotResource": sources}]
    return [
        {"Effect": "Allow", "Action": _QUEUE_RETURNING, "Resource": sources},
        {"Effect": "Deny", "Action": _QUEUE_READING, "NotResource": sources},
    ]


def _visibility(manifest: Manifest, function: Function) -> int:
    timeout = manifest.tuned(function.capability, function.handler).timeout or 0
    patient = function.trigger is not None and function.trigger.options.get("patient")
    return _VISIBILITY * timeout + (_MOST_PATIENT if patient else 0)


def _inboxes(manifest: Manifest, functions: Iterable[Function], known: Iterable[str]) -> Iterator[Fragment]:
    """An inbox of the events topic for each queue that a handler names and infra/resources doesn't define."""
    for function in functions:
        trigger = function.trigger
        queues = trigger.sources if trigger and trigger.kind == "queue" else ()
        for queue in (one for one in queues if one not in known):
            yield each(
                "inbox",
                Name=queue,
                name=kebab(queue),
                visibility=_visibility(manifest, function),
                filter=_wanted(**trigger.options),  # type: ignore[union-attr]
            )


def _wanted(types: tuple[str, ...] = (), only: Mapping[str, Iterable[str]] | None = None, **_: Any) -> Any:
    """The filter of an inbox: an event without the attribute is let through. (That first: moto stops at a text.)"""
    if not types:
        return {"Ref": "AWS::NoValue"}
    return {"type": list(types)} | {
        name: [{"exists": False}, *values] for name, values in (only or {}).items()
    }


def _timers(manifest: Manifest, functions: Iterable[Function]) -> Iterator[Fragment]:
    for function in functions:
        if function.trigger and function.trigger.kind == "timer":
            (queue,) = function.trigger.sources
            yield each("timers", Name=queue, name=kebab(queue), visibility=_visibility(manifest, function))


def _agencies(manifest: Manifest, functions: Iterable[Function]) -> Iterator[Fragment]:
    readers = [f for f in functions if f.trigger and f.trigger.kind == "agency-replies"]
    visibility = max((_visibility(manifest, reader) for reader in readers), default=_VISIBILITY)
    for agency in agency_ids():
        name = pascal(agency)
        own = {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:"}
        given = {"Ref": f"{name}Principal"}
        yield each(
            "agency",
            Name=name,
            name=agency,
            visibility=visibility,
            principal={"Fn::If": [f"{name}Outside", given, {"Fn::Sub": own["Fn::Sub"] + "root"}]},
            sender={"Fn::If": [f"{name}Outside", given, {"Fn::Sub": own["Fn::Sub"] + "*"}]},
        )
