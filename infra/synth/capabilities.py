"""The capabilities as their code declares them: every app imported, its routes and triggers walked."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from infra.manifest import Declared, Manifest
from singlewindow.access import Access
from singlewindow.capability import Trigger

API_HANDLER = "app"


def pascal(name: str) -> str:
    """`on_event`, `in-transit` → `OnEvent`, `InTransit`."""
    return "".join(part[:1].upper() + part[1:] for part in name.replace("_", "-").split("-"))


def kebab(name: str) -> str:
    """`DeclarationsInbox`, `on_event` → `declarations-inbox`, `on-event`."""
    spaced = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name)
    return spaced.replace("_", "-").strip("-")


@dataclass(frozen=True)
class Route:
    """One operation of the API; `view` is the function's name, unique within its capability."""

    capability: str
    path: str
    method: str
    view: str
    access: Access

    @property
    def operation_id(self) -> str:
        return f"{self.capability}_{self.view}"


@dataclass(frozen=True)
class Function:
    """One Lambda function: a capability's API (`trigger` None), or one of its triggers."""

    capability: str
    handler: str
    trigger: Trigger | None

    @property
    def role(self) -> str:
        return "api" if self.trigger is None else self.handler

    @property
    def logical_id(self) -> str:
        return pascal(self.capability) + pascal(self.role)

    @property
    def name(self) -> str:
        return f"{self.capability}-{kebab(self.role)}"


@dataclass(frozen=True)
class Capability:
    name: str
    declared: Declared
    routes: tuple[Route, ...]
    functions: tuple[Function, ...] = field(default=())


def load(manifest: Manifest) -> list[Capability]:
    """Every capability of the manifest, in its order.

    Raises `LookupError` where a route doesn't say who may call, or a handler is tuned that isn't there.
    """
    return [_load(name, declared) for name, declared in manifest.capabilities.items()]


def _load(name: str, declared: Declared) -> Capability:
    app = import_module(f"{name}.app").app
    routes = tuple(_routes(name, app))
    api = [Function(name, API_HANDLER, None)] if routes else []
    functions = (*api, *(Function(name, trigger.handler, trigger) for trigger in app.triggers))
    strangers = set(declared.tuning) - {function.handler for function in functions}
    if strangers:
        raise LookupError(f"chalicefile.json tunes {', '.join(sorted(strangers))}: no such handler in {name}")
    return Capability(name, declared, routes, functions)


def _routes(name: str, app: Any) -> Iterator[Route]:
    for path, methods in sorted(app.routes.items()):
        for method, entry in sorted(methods.items()):
            access = getattr(entry.view_function, "access", None)
            if not isinstance(access, Access):
                raise LookupError(f"{name}: {method} {path} doesn't say who may call it")
            yield Route(name, path, method, entry.view_name, access)
