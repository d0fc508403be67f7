"""What the rules look at: the source files, and the template as synthesis writes it now."""

from typing import Any

import pytest

from infra import ROOT, manifest
from infra.synth import capabilities, template


@pytest.fixture(scope="session")
def declared() -> manifest.Manifest:
    return manifest.load()


@pytest.fixture(scope="session")
def apps(declared: manifest.Manifest) -> list[capabilities.Capability]:
    return capabilities.load(declared)


@pytest.fixture(scope="session")
def stack(declared: manifest.Manifest, apps: list[capabilities.Capability]) -> dict[str, Any]:
    return template.build(declared, apps)


@pytest.fixture(scope="session")
def resources(stack: dict[str, Any]) -> dict[str, Any]:
    return stack["Resources"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`source` is each module of the capabilities and the kernel in turn."""
    if "source" in metafunc.fixturenames:
        folders = (ROOT / "functions", ROOT / "layers/common/python")
        files = sorted(path for folder in folders for path in folder.rglob("*.py"))
        metafunc.parametrize("source", files, ids=lambda path: str(path.relative_to(ROOT)))
