"""State machines: placeholders resolved by convention, rights derived from what their Task states call."""

import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from infra import ROOT
from infra.synth.capabilities import pascal
from infra.synth.fragments import Fragment, each, merge

FOLDER = ROOT / "statemachines"
_PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9:]+)\}")
# Log delivery has no resource to name: the service's own documentation asks for "*".
_LOG_DELIVERY = (
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
)


def files() -> list[Path]:
    return sorted(FOLDER.glob("*.asl.json"))


def workflow(path: Path, functions: Collection[str]) -> Fragment:
    """The resources of one state machine; `LookupError` on a placeholder or integration that nobody knows."""
    name = path.name.removesuffix(".asl.json")
    text = path.read_text()
    called = sorted(set(_called(json.loads(text), path.name)))
    placeholders = sorted(set(_PLACEHOLDER.findall(text)))
    substitutions = {key: _substitution(key, functions, path.name) for key in placeholders}
    log = {"Fn::GetAtt": [f"{pascal(name)}Log", "Arn"]}
    machine = {
        "Type": "AWS::Serverless::StateMachine",
        "Properties": {
            "Name": {"Fn::Sub": f"${{AWS::StackName}}-{name}"},
            "DefinitionUri": str(path.relative_to(ROOT)),
            "DefinitionSubstitutions": substitutions,
            "Policies": [
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Action": "lambda:InvokeFunction",
                            "Resource": [{"Fn::GetAtt": [function, "Arn"]} for function in called],
                        },
                        {
                            "Sid": "LogDelivery",
                            "Effect": "Allow",
                            "Action": list(_LOG_DELIVERY),
                            "Resource": "*",
                        },
                    ],
                }
            ],
            "Logging": {
                "Level": "ERROR",
                # Payloads are trade secrets: the ledger has them, the log doesn't.
                "IncludeExecutionData": False,
                "Destinations": [{"CloudWatchLogsLogGroup": {"LogGroupArn": log}}],
            },
            "Tracing": {"Enabled": True},
        },
    }
    around = each("workflow", Name=pascal(name), name=name)
    return merge([{"Resources": {f"{pascal(name)}Workflow": machine}}, around])


def _substitution(key: str, functions: Collection[str], file: str) -> Any:
    if key == "AWS::Partition":
        return {"Ref": "AWS::Partition"}
    if key in functions:
        return {"Fn::GetAtt": [key, "Arn"]}
    known = ", ".join(sorted(functions))
    raise LookupError(f"{file}: ${{{key}}} is no function; known: AWS::Partition, {known}")


def _called(states: dict[str, Any], file: str) -> Iterator[str]:
    """The logical ids of the functions that Task states call, inner machines included."""
    for name, state in states["States"].items():
        iterated = [state["ItemProcessor"]] if "ItemProcessor" in state else []
        for inner in [*iterated, *state.get("Branches", ())]:
            yield from _called(inner, file)
        if state["Type"] != "Task":
            continue
        resource = state["Resource"]
        target = state["Parameters"]["FunctionName"] if ":states:::lambda:invoke" in resource else resource
        match = _PLACEHOLDER.fullmatch(target)
        if match is None:
            raise LookupError(f"{file}: task {name} calls {resource}; only functions of this stack are known")
        yield match[1]
