"""State machines: every state can be reached and leads somewhere, and no task fails at its first breath."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.synth import workflows

FILES = workflows.files()


def machines(machine: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A machine and all machines inside its Map and Parallel states."""
    yield machine
    for state in machine["States"].values():
        for inner in [
            *state.get("Branches", ()),
            *([state["ItemProcessor"]] if "ItemProcessor" in state else ()),
        ]:
            yield from machines(inner)


def targets(state: dict[str, Any]) -> set[str]:
    branches = [state, *state.get("Choices", ()), *state.get("Catch", ())]
    return {branch["Next"] for branch in branches if "Next" in branch} | {
        state[name] for name in ("Default",) if name in state
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_state_can_be_reached_and_leads_to_one_that_is_there(file: Path) -> None:
    for machine in machines(json.loads(file.read_text())):
        states = machine["States"]
        reached, ahead = set(), {machine["StartAt"]}
        while ahead:
            assert ahead <= states.keys()
            reached |= ahead
            ahead = {target for name in ahead for target in targets(states[name])} - reached
        assert reached == states.keys()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_task_is_tried_again_or_caught(file: Path) -> None:
    for machine in machines(json.loads(file.read_text())):
        for name, state in machine["States"].items():
            if state["Type"] == "Task":
                assert "Retry" in state, name


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_whoever_waits_for_a_token_does_not_wait_for_ever(file: Path) -> None:
    for machine in machines(json.loads(file.read_text())):
        for name, state in machine["States"].items():
            if state["Type"] == "Task" and state["Resource"].endswith(".waitForTaskToken"):
                assert {"TimeoutSeconds", "TimeoutSecondsPath"} & state.keys(), name
