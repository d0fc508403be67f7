"""What a million declarations cost at list prices: AWS operations counted on a real run of the local stack."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from infra import ROOT
from infra.stage.template import load_yaml
from tests.bench import capacity, prices, staged
from tests.bench.recording import Invocation, Recording, recorded
from tests.bench.report import Breakdown, Figure
from tests.bench.window import Window, declaration

REACH, REACH_LONG = 300.0, 500.0
DECLARATIONS = 3
_ROUNDS = 9

# Who is asked, and what our sample goes without for that. Port and tax are told in any case.
_SCENARIOS: dict[str, tuple[str, ...]] = {
    "customs, ciq and mofcom answer, port and tax are told": ("maritime",),
    "customs and ciq answer, port and tax are told": ("maritime", "mofcom"),
}
_SERVICES = {
    "stepfunctions": "Step Functions",
    "dynamodb": "DynamoDB",
    "s3": "S3",
    "sns": "SNS",
    "sqs": "SQS",
    "lambda": "Lambda",
    "apigateway": "API Gateway",
    "logs": "CloudWatch Logs",
    "kms": "KMS",
    "scheduler": "EventBridge Scheduler",
    "xray": "X-Ray",
    "transfer": "Transfer",
}


@dataclass
class Usage:
    """(price item, what for) → amount a declaration."""

    amounts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, item: str, what: str, amount: float) -> None:
        if amount:
            self.amounts[item, what] += amount  # type: ignore[assignment]

    def dollars(self, of: str = "") -> float:
        """For a million declarations, without transfer; of all, or `of` what has this in its name."""
        return sum(
            amount * prices.of(item)
            for (item, what), amount in self.amounts.items()
            if of in what and not item.startswith("transfer")
        )

    def __truediv__(self, number: int) -> "Usage":
        return Usage(Counter({key: amount / number for key, amount in self.amounts.items()}))


def measure(window: Window, recording: Recording) -> Iterator[Figure]:
    """Two figures: with three agencies that the release waits for, and with two."""
    authorizer = _billed(window, "IdentityAuthorize", recording.of("IdentityAuthorize")[:1])[0]
    for name, without in _SCENARIOS.items():
        documents = [declaration(*without) for _ in range(DECLARATIONS)]
        usage = _usage(window, documents, authorizer)
        dollars = usage.dollars()
        cached = dollars - usage.dollars(of="authorizer")
        yield Figure(
            name=f"List price of a million declarations: {name}",
            value=f"${dollars:.0f}",
            reach="≤ $300",
            met=dollars <= REACH,
            conditions=_conditions(cached),
            breakdowns=(by_service(usage), in_detail(usage)),
        )


def long_path(window: Window) -> Iterator[Figure]:
    """Three agencies, two holds, one inspection, one tax bill, one release."""
    authorizer = 0.0
    window.see_through(window.submit(long_course(window)))  # the bank keeps the window's keys from now on
    window.stage.settle(20)
    document = long_course(window)
    usage = _usage(window, [document], authorizer, window.see_through)
    dollars = usage.dollars()
    yield Figure(
        name="List price of a million declarations on the long path: two holds, one inspection, one bill, one release",
        value=f"${dollars:.0f}",
        reach="≤ $500",
        met=dollars <= REACH_LONG,
        conditions=(
            (
                "customs, ciq and mofcom; customs and ciq hold, their order is booked, seen and passed on one sheet,"
                " customs' bill is paid through the sandbox bank, customs releases; all simulated, as in `make run`"
            ),
            (
                "as in the short one; one declaration, its authorizer's GB-seconds left out; the trader looks before"
                " each thing it does, agencies are told of the booking, the bank knows the window's keys from before"
            ),
        ),
        breakdowns=(by_service(usage), in_detail(usage)),
    )


def long_course(window: Window) -> dict[str, Any]:
    """A declaration that customs and ciq want to see, and customs to be paid for."""
    document = declaration("maritime")
    for agency in ("customs", "ciq"):
        window.hall.behave(agency, "full-course", delay_seconds=2, for_=document["head"]["bill_no"])
    return document


def _conditions(cached: float) -> tuple[str, ...]:
    table = prices.table()
    return (
        f"list prices of {table['region']}, {table['as_of']} (tests/bench/prices.json), first tier, no free tier",
        (
            f"the mean of {DECLARATIONS} declarations of 22 lines sent one after another to the local stack, so that"
            " nothing is batched with another's; agencies answer at once by queue"
        ),
        "DynamoDB: units by the item sizes of every call, transactions twice; S3 and SNS: every call; with retries",
        (
            "SQS: SNS's deliveries (counted as sends), a receive and a delete a batch of Lambda's pollers, and the"
            " agencies' receive, delete and send; empty receives come with time, not with declarations: left out"
        ),
        (
            "Step Functions: states entered in the executed history, and what was scheduled again (AWS counts each time"
            " that a step is executed, hence neither start nor end)"
        ),
        (
            "Lambda: CPU of each recorded invocation replayed warm from its package, stretched to its memory's share of"
            " a vCPU, and an assumed wait for each AWS call; rounded up to milliseconds"
        ),
        f"the authorizer once a request; were its cache always warm, the sum would be ${cached:.0f}",
        *(
            f"assumed, {name} = {each['value']}: {each['says']}"
            for name, each in table["assumptions"].items()
        ),
        "left out: what costs by the month (storage, alarms, keys, metrics); transfer to the internet stands beside",
    )


def _usage(
    window: Window,
    documents: list[dict[str, Any]],
    authorizer: float,
    meanwhile: Callable[[str], None] = lambda _window_no: None,
) -> Usage:
    """A declaration's mean usage; `meanwhile`: what its trader does until the release."""
    def send() -> list[str]:
        sent = []
        for document in documents:
            sent.append(window.submit(document))
            meanwhile(sent[-1])
            window.stage.settle(20)
        return sent

    usage, sent = spent(window, send, authorizer)
    for window_no in sent:
        state = window.trader.show(window_no)["state"]
        if state != "RELEASED":
            raise RuntimeError(f"{window_no} is {state}")
    usage.add("kms.request", "data keys (assumed)", prices.assumed("kms_requests") * len(documents))
    return usage / len(documents)


def spent(window: Window, act: Callable[[], list[str]], authorizer: float) -> tuple[Usage, list[str]]:
    """What `act` and all that follows from it comes to, workflows of declarations too; what it says that it sent."""
    usage, stage = Usage(), window.stage
    stage.settle(20)
    lines_before = len(stage.logs)
    with recorded(stage) as recording:
        sent = act()
        stage.settle(20)
    lines = list(stage.logs)[lines_before:]
    _add_calls(usage, recording)
    _add_queues(usage, recording)
    _add_functions(usage, window, recording, authorizer)
    executions = [one for one in stage.executions() if one["name"].split("-")[0] in sent]
    for execution in executions:
        _add_history(usage, stage.history(execution["executionArn"]))
    written = sum(len(line.text.encode()) + prices.assumed("line_log_bytes") for line in lines)
    usage.add("logs.gb", "lines of ours", written / 1e9)
    _add_platform(usage, recording, len(executions))
    return usage, sent


def _add_platform(usage: Usage, recording: Recording, executions: int) -> None:
    """What Lambda logs and traces of its own, as the template's functions tell it to."""
    resources = load_yaml(ROOT / "template.yaml")["Resources"]
    workflows = [each for each in resources.values() if each["Type"] == "AWS::Serverless::StateMachine"]
    traced = any(each["Properties"]["Tracing"]["Enabled"] for each in workflows) * executions
    for invocation in recording.invocations:
        properties = resources[invocation.function]["Properties"]
        if properties["LoggingConfig"].get("SystemLogLevel", "INFO") == "INFO":
            usage.add("logs.gb", "Lambda's own", prices.assumed("platform_log_bytes") / 1e9)
        traced += properties["Tracing"] == "Active" and "methodArn" not in invocation.event
    usage.add("xray.trace", "sampled (assumed)", prices.assumed("sampled") * traced)


def _add_calls(usage: Usage, recording: Recording) -> None:
    for call in recording.calls:
        if call.service == "dynamodb":
            written, read = capacity.units(call)
            usage.add("dynamodb.wru", call.operation, written * call.attempts)
            usage.add("dynamodb.rru", call.operation, read * call.attempts)
        elif call.service == "s3":
            usage.add("s3.put" if call.operation == "PutObject" else "s3.get", call.operation, call.attempts)
        elif call.service == "sns":
            size = sum(len(entry["Message"].encode()) for entry in call.params["PublishBatchRequestEntries"])
            usage.add(
                "sns.request", _topic(call.params["TopicArn"]), math.ceil(size / 65_536) * call.attempts
            )
        elif call.service == "sqs":
            usage.add("sqs.request", call.operation, call.attempts)
        elif call.service == "kms":
            usage.add(
                "kms.sign" if call.operation == "Sign" else "kms.request", call.operation, call.attempts
            )
        elif call.service == "scheduler":
            usage.add("scheduler.timer", call.operation, call.attempts)


def _add_queues(usage: Usage, recording: Recording) -> None:
    """Deliveries, receives and deletes around the recorded batches; and the agencies' own requests."""
    sent_by_us = {_queue(call.params["QueueUrl"]) for call in recording.calls if call.service == "sqs"}
    for invocation in recording.invocations:
        records = _queue_records(invocation)
        if not records:
            continue
        queue = _queue(records[0]["eventSourceARN"])
        if queue not in sent_by_us:  # what we send is a call of ours, counted as such
            said = "replies sent" if queue.endswith("-replies") else "delivered by SNS to our inboxes"
            usage.add("sqs.request", said, len(records))
        usage.add("sqs.request", "received and deleted by Lambda's pollers", 2)
    asked = sum(
        len(call.params["PublishBatchRequestEntries"])
        for call in recording.calls
        if call.service == "sns" and _topic(call.params["TopicArn"]) == "messages"
    )
    fetched = sum(
        '"link"' in entry["Message"]
        for call in recording.calls
        if call.service == "sns"
        for entry in call.params["PublishBatchRequestEntries"]
    )
    usage.add("s3.get", "bodies fetched by agencies", fetched)
    usage.add("sqs.request", "delivered by SNS to agencies", asked)
    usage.add("sqs.request", "received and deleted by agencies", 2 * asked)


def _add_functions(usage: Usage, window: Window, recording: Recording, authorizer: float) -> None:
    requests = 0
    for function in recording.functions:
        invocations = recording.of(function)
        if function == "IdentityAuthorize":
            continue  # it is counted once a request, whatever the cache has spared here
        usage.add("lambda.request", "invocations", len(invocations))
        usage.add("lambda.gb_second", "GB-seconds", sum(_billed(window, function, invocations)))
        answered = [one for one in invocations if "httpMethod" in one.event]
        requests += len(answered)
        out = sum(len((one.answer.get("body") or "").encode()) for one in answered)
        usage.add("transfer.gb", "answers to the internet", out / 1e9)
    usage.add("apigateway.request", "requests", requests)
    usage.add("lambda.request", "authorizer, not cached", requests)
    usage.add("lambda.gb_second", "authorizer, not cached", requests * authorizer)


def _billed(window: Window, name: str, invocations: list[Invocation]) -> list[float]:
    """GB-seconds of each invocation."""
    function = window.stage.functions.find(name)
    wait = prices.assumed("service_ms")
    stretch = max(1.0, prices.assumed("vcpu_mb") / function.memory)
    cpu = staged.run(function, invocations, _ROUNDS).warm
    billed = []
    for invocation, seconds in zip(invocations, cpu, strict=True):
        waited = sum(wait[call.service] * call.attempts for call in invocation.calls)
        billed.append(math.ceil(seconds * 1000 * stretch + waited) / 1000 * function.memory / 1024)
    return billed


def _add_history(usage: Usage, history: Iterable[dict[str, Any]]) -> None:
    entered: Counter[str] = Counter()
    scheduled = 0
    for event in history:
        if event["type"].endswith("StateEntered"):
            entered[event["stateEnteredEventDetails"]["name"]] += 1
        scheduled += event["type"] in ("TaskScheduled", "LambdaFunctionScheduled")
    tasks = entered.total() - entered["Agencies"] - entered["Unanswered"]
    for state, times in entered.items():
        usage.add("stepfunctions.transition", f"state {state}", times)
    usage.add("stepfunctions.transition", "retries", max(0, scheduled - tasks))


def by_service(usage: Usage) -> Breakdown:
    sums: Counter[str] = Counter()
    for (item, _), amount in usage.amounts.items():
        sums[_SERVICES[item.split(".")[0]]] += amount * prices.of(item)  # type: ignore[assignment]
    beside = sums.pop("Transfer", 0)
    rows = [(service, f"{dollars:.2f}") for service, dollars in sums.most_common()]
    rows += [("sum", f"{sum(sums.values()):.2f}"), ("beside: transfer to the internet", f"{beside:.2f}")]
    return Breakdown("By service", ("service", "$ a million"), tuple(rows))


def in_detail(usage: Usage, each: str = "a declaration") -> Breakdown:
    order = list(_SERVICES)
    rows = [
        (
            f"{_SERVICES[item.split('.')[0]]}: {what}",
            f"{amount:,.1f}" if amount >= 0.1 else f"{amount:.2g}",
            prices.unit(item),
            f"{amount * prices.of(item):.2f}",
        )
        for (item, what), amount in sorted(
            usage.amounts.items(),
            key=lambda one: (order.index(one[0][0].split(".")[0]), -one[1] * prices.of(one[0][0])),
        )
    ]
    return Breakdown("By operation", ("operation", each, "of", "$ a million"), tuple(rows))


def _queue_records(invocation: Invocation) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = invocation.event.get("Records", [])
    return records if records and records[0].get("eventSource") == "aws:sqs" else []


def _queue(place: str) -> str:
    """The name at the end of a URL or an ARN."""
    return re.split("[:/]", place)[-1]


def _topic(arn: str) -> str:
    return arn.rsplit("-", 1)[1]
