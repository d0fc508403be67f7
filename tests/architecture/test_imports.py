"""The arrows: who may import what. A line of code knows its room and what it may touch."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from infra import ROOT
from infra.packaging import pinned

KERNEL = ROOT / "layers/common/python/singlewindow"
FUNCTIONS = ROOT / "functions"
# What a pure module or a capability may use of the world outside.
THIRD_PARTY = {
    "cryptography",
    "jsonschema_rs",
    "jwt",
    "lxml",
    "pydantic",
    "pydantic_core",
    "signxml",
    "stdnum",
    "typing_extensions",
    "xlsxwriter",
}
EDGE = {"chalice", "aws_lambda_powertools"}
CLOUD = {"boto3", "botocore"}
DISTRIBUTIONS = {"PyJWT": "jwt", "python-stdnum": "stdnum"}
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "base", "common", "service", "misc"}


def imported(source: Path) -> Iterator[str]:
    """The top-level packages that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{source}: relative import"
            yield (node.module or "").split(".")[0]


def allowed(source: Path) -> set[str]:
    common = set(sys.stdlib_module_names) | THIRD_PARTY | {"singlewindow"}
    if source.is_relative_to(FUNCTIONS):
        return common | {source.relative_to(FUNCTIONS).parts[0]}
    if source == KERNEL / "capability.py":
        return common | EDGE
    if source.is_relative_to(KERNEL / "aws"):
        return common | CLOUD
    return common


def test_a_module_imports_only_what_its_room_allows(source: Path) -> None:
    assert set(imported(source)) <= allowed(source)


def test_only_settings_reads_the_environment(source: Path) -> None:
    if source == KERNEL / "settings.py":
        return
    names = {node.attr for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Attribute)}
    assert not names & {"environ", "environb", "getenv", "getenvb"}
    assert "environ" not in {
        alias.name
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_a_module_has_a_name_that_says_what_it_holds(source: Path) -> None:
    assert source.stem not in NAMES_THAT_SAY_NOTHING


def test_whatever_is_imported_is_in_the_layer(source: Path) -> None:
    packages = {DISTRIBUTIONS.get(name, name) for name in pinned()}
    ours = {folder.name for folder in FUNCTIONS.iterdir()} | {"singlewindow"}
    assert set(imported(source)) - set(sys.stdlib_module_names) - ours - CLOUD <= packages


def test_the_layer_has_the_versions_that_the_tests_ran_on() -> None:
    lines = (ROOT / "requirements/dev.txt").read_text().splitlines()
    tested = dict(line.split("==") for line in lines if "==" in line)
    by_name = {name.lower().replace("-", "_"): version for name, version in tested.items()}
    layer = {name.lower().replace("-", "_"): version for name, version in pinned().items()}
    assert {name: by_name.get(name) for name in layer} == layer
