"""Adding a capability takes its folder and its entry in the manifest: nothing else (docs/adding-a-capability.md)."""

import json
import sys
import urllib.request
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra import ROOT, manifest
from infra.stage import Stage
from infra.synth import capabilities, fragments, template

APP = '''"""Tallies over HTTP, and the events that they are made of."""

from singlewindow.access import PUBLIC
from singlewindow.aws import ledger
from singlewindow.capability import Capability, Message, Request

app = Capability("tallies")
seen = []


@app.route("/tallies", allow=PUBLIC)
def show(request: Request) -> dict:
    """How many drafts were seen."""
    return {"drafts": len(seen)}


@app.on_queue("TalliesInbox", types=("DeclarationDrafted",))
def on_event(message: Message) -> None:
    """Count one draft; a repetition counts nothing."""
    event = ledger.noticed(message.body)
    if event.event_id not in seen:
        seen.append(event.event_id)
'''
RESOURCES = """
Resources:
  TalliesTable:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: day, AttributeType: S}]
      KeySchema: [{AttributeName: day, KeyType: HASH}]
"""
ENTRY = {
    "title_en": "Tallies",
    "title_zh": "统计",
    "plan": "统计",
    "uses": ["ledger:read", "table:tallies:write"],
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """functions/tallies, as the guide says, but outside the repository."""
    folder = tmp_path / "functions" / "tallies"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text('"""统计"""\n')
    (folder / "app.py").write_text(APP)
    (folder / "resources.yaml").write_text(RESOURCES)
    monkeypatch.syspath_prepend(str(folder.parent))
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] == "tallies"]:
        del sys.modules[name]


def test_a_folder_and_an_entry_are_enough(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = json.loads((ROOT / "chalicefile.json").read_text())
    entries["capabilities"]["tallies"] = ENTRY
    (tmp_path / "chalicefile.json").write_text(json.dumps(entries))
    declared = manifest.load(tmp_path / "chalicefile.json")
    own = fragments.singles()
    monkeypatch.setattr(
        fragments, "singles", lambda: [*own, yaml.safe_load((folder / "resources.yaml").read_text())]
    )
    stack: dict[str, Any] = template.build(declared, capabilities.load(declared))
    (tmp_path / "template.yaml").write_text(fragments.dump(stack))

    made = set(stack["Resources"]) - set(yaml.safe_load((ROOT / "template.yaml").read_text())["Resources"])
    variables = stack["Resources"]["TalliesOnEvent"]["Properties"]["Environment"]["Variables"]
    assert {"TalliesApi", "TalliesOnEvent", "TalliesInbox", "TalliesInboxDlq", "TalliesTable"} <= made
    assert all("Tallies" in name for name in made)
    assert variables["TALLIES_TABLE"] == {"Ref": "TalliesTable"}

    with Stage(tmp_path / "template.yaml", root=ROOT) as stage:
        event = json.loads((ROOT / "events/examples/DeclarationDrafted.v1.json").read_text())
        for _ in range(2):
            stage.client("sns").publish(
                TopicArn=stage.resource("EventsTopic"),
                Message=json.dumps(event),
                MessageAttributes={"type": {"DataType": "String", "StringValue": event["type"]}},
            )
        stage.wait_until(lambda: import_module("tallies.app").seen)
        stage.settle()
        with urllib.request.urlopen(stage.url + "/tallies") as answer:
            assert json.loads(answer.read()) == {"drafts": 1}
