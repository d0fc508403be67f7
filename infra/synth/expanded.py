"""template.yaml as SAM expands it, on standard output: what CloudFormation gets to see, for its linter.

Run with the interpreter of .venv-tools, where aws-sam-translator lives. Fails where SAM refuses the template,
or the stack has more resources than we allow ourselves (CloudFormation: 500).
"""

import json
import logging
import sys
from pathlib import Path

import boto3
import yaml
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

ROOT = Path(__file__).resolve().parents[2]
MOST_RESOURCES = 450
REGION = "cn-northwest-1"
# `sam deploy` uploads what these name, and writes the address in.
_UPLOADED = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
    "AWS::Serverless::StateMachine": "DefinitionUri",
}


def expand(template: dict) -> dict:
    """What CloudFormation gets; state machines inline, so that the linter sees the States Language as well."""
    machines = {}
    for name, resource in template["Resources"].items():
        if uploaded := _UPLOADED.get(resource["Type"]):
            if uploaded == "DefinitionUri":
                text = (ROOT / resource["Properties"][uploaded]).read_text()
                # The linter knows no partition but the first.
                machines[name] = json.loads(text.replace("${AWS::Partition}", "aws"))
            resource["Properties"][uploaded] = "s3://uploaded/by-sam-deploy"
    values = {name: parameter.get("Default", "given") for name, parameter in template["Parameters"].items()}
    session = boto3.session.Session(region_name=REGION)
    expanded = Translator({}, Parser(), boto_session=session).translate(template, values, {})
    for name, definition in machines.items():
        properties = expanded["Resources"][name]["Properties"]
        del properties["DefinitionS3Location"]
        properties["Definition"] = definition
    return expanded


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # the translator misses feature flags that only the service has
    expanded = expand(yaml.safe_load((ROOT / "template.yaml").read_text()))
    if len(expanded["Resources"]) >= MOST_RESOURCES:
        sys.exit(f"{len(expanded['Resources'])} resources; at most {MOST_RESOURCES}: time for a second stack")
    json.dump(expanded, sys.stdout, indent=1)
