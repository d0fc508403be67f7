"""botocore's data, cut down to the services and operations that the code calls.

botocore describes 430 services in 28 MB, and at every cold start lists them all, unpacks and parses the whole of
each that is used, documentation included. The layer carries botocore with what is written here instead.
"""

import ast
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore import xform_name
from botocore.loaders import Loader

from infra import ROOT
from singlewindow.aws.clients import client

SOURCES = (ROOT / "layers/common/python", ROOT / "functions")
# What botocore reads whatever the service.
_COMMON = ("_retry", "partitions", "sdk-default-configuration")

_loader = Loader()


def called(sources: Iterable[Path] = SOURCES) -> dict[str, set[str]]:
    """Service → operations, by the models' names, that modules under `sources` call.

    A module that makes `client("sqs")` calls each operation of SQS whose name it uses as an attribute: at worst that
    is one too many.
    """
    found: dict[str, set[str]] = {}
    for path in (path for folder in sources for path in folder.rglob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        for service in set(_clients(nodes)):
            operations = _loader.load_service_model(service, "service-2")["operations"]
            found.setdefault(service, set()).update(o for o in operations if xform_name(o) in attributes)
    return found


def clients() -> Iterator[tuple[str, Any]]:
    """(service, client) of every client that our code makes: for who listens to its calls, or lets them fail."""
    for service in called():
        yield service, client(service)
    yield "dynamodb", client("dynamodb", attempts=1)  # singlewindow.aws.counters


def write(folder: Path, operations: Mapping[str, Iterable[str]]) -> None:
    """Lay out `folder` as botocore's `data`, with these operations and nothing else, as plain JSON."""
    prefixes = set()
    for service, wanted in operations.items():
        model = cut(_loader.load_service_model(service, "service-2"), wanted)
        prefixes.add(model["metadata"]["endpointPrefix"])
        home = folder / service / _loader.determine_latest_version(service, "service-2")
        _dump(home / "service-2.json", model)
        rules = _loader.load_service_model(service, "endpoint-rule-set-1")
        _dump(home / "endpoint-rule-set-1.json", rules)
    endpoints = _loader.load_data("endpoints")
    for partition in endpoints["partitions"]:
        partition["services"] = {k: v for k, v in partition["services"].items() if k in prefixes}
    _dump(folder / "endpoints.json", endpoints)
    for name in _COMMON:
        _dump(folder / f"{name}.json", _loader.load_data(name))


def cut(model: Mapping[str, Any], wanted: Iterable[str]) -> dict[str, Any]:
    """A service model with the `wanted` operations, the shapes that they reach, and no documentation."""
    operations = {name: model["operations"][name] for name in sorted(wanted)}
    shapes: dict[str, Any] = {}
    pending = list(_references(operations))
    while pending:
        name = pending.pop()
        if name not in shapes:
            shapes[name] = model["shapes"][name]
            pending += _references(shapes[name])
    # The model's own members stay as they are: botocore reads the documentation of client context parameters.
    return {
        **model,
        "operations": _undocumented(operations),
        "shapes": _undocumented(dict(sorted(shapes.items()))),
    }


def _clients(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The services of calls such as `client("sqs")`."""
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id="client"), args=[ast.Constant(value=str(service))]):
                yield service


def _references(node: Any) -> Iterator[str]:
    """Every shape that a part of a model names: `{"shape": name}`, at any depth."""
    if isinstance(node, Mapping):
        if isinstance(node.get("shape"), str):
            yield node["shape"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _undocumented(node: Any) -> Any:
    """Without documentation, which is text wherever it stands (a member may have that name, and is no text)."""
    if isinstance(node, Mapping):
        return {
            name: _undocumented(value)
            for name, value in node.items()
            if not (name == "documentation" and isinstance(value, str))
        }
    return [_undocumented(value) for value in node] if isinstance(node, list) else node


def _dump(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, separators=(",", ":")), encoding="utf-8")
