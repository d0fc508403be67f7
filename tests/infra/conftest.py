"""One local stack on the fixture template for all of these tests; each starts from empty hands."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from infra.stage import Stage

FIXTURE = Path(__file__).parent / "fixtures" / "stack"


@pytest.fixture(scope="package")
def stack() -> Iterator[Stage]:
    sys.path.insert(0, str(FIXTURE / "functions"))
    try:
        with Stage(FIXTURE / "template.yaml") as stage:
            yield stage
    finally:
        sys.path.remove(str(FIXTURE / "functions"))


@pytest.fixture
def stage(stack: Stage, probe: Any) -> Iterator[Stage]:
    """The running stack, quiet before and after, its queues emptied."""
    yield stack
    for queue in stack.created.queues:
        stack.drain(queue)
    stack.gateway.authorizers["oidc"].forget()
    stack.settle()


@pytest.fixture
def probe(stack: Stage) -> Any:
    """The fixture capability's module: `seen` is what reached it, `failing` what it shall fail on."""
    module = import_module("probe.app")
    module.seen.clear()
    module.failing.clear()
    return module
