"""What every app.py owes: it imports without environment and network, and each route says who may call it."""

import subprocess
import sys
from typing import Any

import pytest

from infra import ROOT, manifest
from infra.synth.capabilities import Capability
from singlewindow.access import PUBLIC
from singlewindow.parties import Role

IMPORT = """
import sys
def watch(event, _):
    if event.startswith(("socket.connect", "socket.getaddrinfo", "socket.bind")):
        raise RuntimeError(f"network at import: {event}")
sys.addaudithook(watch)
sys.path[:0] = PATHS
import importlib
importlib.import_module("NAME.app")
"""
PUBLIC_PATHS = {
    "/payments/keys",
    "/health", "/openapi.json", "/docs", "/standards",
    "/standards/elements", "/standards/elements/{id}",
    "/standards/documents", "/standards/documents/{name}/{version}",
    "/standards/documents/{name}/{version}/schema", "/standards/documents/{name}/{version}/form",
    "/standards/documents/{name}/{version}/example",
    "/standards/codelists", "/standards/codelists/{id}", "/standards/rules",
    "/standards/messages", "/standards/messages/{id}", "/standards/messages/{id}/xsd",
    "/standards/matrix", "/standards/diff", "/standards/downloads", "/standards/downloads/{file}",
    "/standards/conformance", "/standards/conformance/uploads", "/standards/conformance/uploads/{id}",
    "/panorama/durations", "/exchange/keys",
    "/exchange/status", "/status",
}  # fmt: skip


@pytest.mark.parametrize("name", manifest.load().capabilities)
def test_an_app_imports_with_an_empty_environment_and_no_network(name: str) -> None:
    paths = [str(ROOT / "functions"), str(ROOT / "layers/common/python")]
    script = IMPORT.replace("PATHS", repr(paths)).replace("NAME", name)
    done = subprocess.run([sys.executable, "-c", script], env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_only_what_anyone_may_know_is_public(apps: list[Capability]) -> None:
    public = {route.path for app in apps for route in app.routes if route.access.allow is PUBLIC}
    assert public == PUBLIC_PATHS


def test_whoever_is_let_in_has_a_known_role(apps: list[Capability]) -> None:
    for app in apps:
        for route in app.routes:
            allow: Any = route.access.allow
            assert allow is PUBLIC or (allow and all(isinstance(role, Role) for role in allow)), route


def test_a_route_that_reads_a_body_says_what_it_reads(apps: list[Capability]) -> None:
    routes = [route for app in apps for route in app.routes if route.access.consumes]
    assert [route.operation_id for route in routes if route.access.request is None] == []


def test_every_handler_that_the_template_names_is_there(apps: list[Capability]) -> None:
    from importlib import import_module

    for app in apps:
        module = import_module(f"{app.name}.app")
        for function in app.functions:
            assert callable(getattr(module, function.handler)), function.logical_id
