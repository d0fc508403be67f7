"""docs/openapi.json: the interface for people and tools, OpenAPI 3.1 with the schemas that views judge by.

A route names its schemas: a dict is JSON Schema itself, a pydantic model its own (`command:<module>.<model>`
where the route's module does not import it), `document:<name>:<version>` one of the catalogue's, a string with
a slash a media type that is not JSON, and any other string a schema of `functions/<capability>/schemas.json` or
one of the kernel's (`Problem`, `Finding`).
Examples: `functions/<capability>/examples/<view>.json`, `{"request": …, "responses": {"200": …}}`.
"""

import json
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from typing import Any

from pydantic import BaseModel

from infra import ROOT
from infra.manifest import Manifest
from infra.synth.capabilities import Capability, Route
from infra.synth.gateway import path_parameters
from singlewindow.access import PUBLIC
from singlewindow.errors import PROBLEM_JSON

VERSION = "1.0.0"
Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_DATE: Schema = {"type": "string", "format": "date"}
# Parameters that mean the same wherever they are named; others are plain strings.
_PARAMETERS: dict[str, Schema] = {
    "as_at": {"description": "judge as at this date; today in China when absent", "schema": _DATE},
    "from": {"description": "first day, in China's time", "schema": _DATE},
    "to": {"description": "last day, in China's time", "schema": _DATE},
    "cursor": {"description": "`next` of the page before"},
    "limit": {"description": "items a page at most", "schema": {"type": "string", "pattern": "^[0-9]{1,4}$"}},
    "state": {"description": "only those in this state"},
    "q": {"description": "what to look for: the operation says among what"},
    "document": {"description": "only of this document"},
    "agency": {"description": "only what this agency takes"},
    "sensitivity": {"schema": {"enum": ["public", "internal", "sensitive", "personal"]}},
    "status": {"schema": {"enum": ["draft", "approved", "deprecated"]}},
    "pack": {"description": "only of this pack of rules"},
    "kind": {"description": "only changes of this kind"},
    "version": {"schema": {"type": "string", "pattern": "^[0-9]{1,4}$"}},
    "window_no": {"schema": {"type": "string", "pattern": "^[IE][0-9]{17}$"}},
    "Idempotency-Key": {
        "description": "same key and body: same answer; needed unless the document has a client_seq_no",
        "schema": {"type": "string", "minLength": 1, "maxLength": 128},
    },
    "If-None-Match": {"description": "the ETag of what you have"},
    "If-Match": {"description": "the ETag of the version that you replace", "required": True},
}
_CORRELATION = {
    "description": "names this request in every log and message that it leads to",
    "schema": {"type": "string"},
}
_PROBLEMS = {
    "400": "not readable",
    "401": "no token, or one that is not accepted",
    "403": "not this role's to do",
    "404": "not known, or not yours to know",
    "409": "not as things stand, or the key stands for another body",
    "412": "changed since you read it",
    "413": "too large",
    "415": "content type not accepted",
    "422": "readable, and wrong: all findings at once",
    "428": "If-Match is missing",
    "429": "too many requests",
    "500": "the window failed",
}
# Answers that say all by their headers.
_BODILESS = {303: "it is elsewhere: follow `Location`", 304: "as you have it"}
_NULLABLE_TEXT: Schema = {"type": ["string", "null"]}
_KERNEL: dict[str, Schema] = {
    "Finding": {
        "type": "object",
        "description": "One thing that is wrong, or worth knowing, about a document.",
        "required": ["code", "severity", "pointer", "rule", "message_zh", "message_en", "fix"],
        "properties": {
            "code": _TEXT,
            "severity": {"enum": ["error", "warn", "info"]},
            "pointer": {"type": "string", "format": "json-pointer", "description": "where (RFC 6901)"},
            "rule": _TEXT,
            "rule_version": {"type": "integer"},
            "element": _NULLABLE_TEXT,
            "agency": _NULLABLE_TEXT,
            "legal_basis": _NULLABLE_TEXT,
            "source": _NULLABLE_TEXT,
            "verified": {"type": "boolean", "description": "checked against the announcement in force"},
            "given": {"description": "what stands there"},
            "expected": {"description": "what should"},
            "fix": {
                "type": "array",
                "description": "RFC 6902 operations that a program may apply; none where only a person knows",
                "items": {
                    "type": "object",
                    "required": ["op", "path"],
                    "properties": {"op": {"enum": ["add", "remove", "replace"]}, "path": _TEXT, "value": {}},
                },
            },
            "message_zh": _TEXT,
            "message_en": _TEXT,
        },
    },
    "Problem": {
        "type": "object",
        "description": "RFC 9457, with our code and all findings.",
        "required": ["type", "title", "detail", "code", "correlation_id"],
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _TEXT,
            "detail_zh": _TEXT,
            "instance": _TEXT,
            "code": _TEXT,
            "correlation_id": _TEXT,
            "findings": {"type": "array", "items": {"$ref": "#/components/schemas/Finding"}},
        },
    },
}


def build(manifest: Manifest, capabilities: Iterable[Capability]) -> dict[str, Any]:
    """The whole document. Raises `LookupError` where a route names a schema that nobody has."""
    schemas: dict[str, Schema] = dict(_KERNEL)
    paths: dict[str, dict[str, Any]] = {}
    tags = []
    for capability in capabilities:
        title = f"{capability.declared.title_en} · {capability.declared.title_zh}"
        tags.append({"name": capability.name, "description": title})
        for route in capability.routes:
            paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "International trade single window · 国际贸易单一窗口",
            "version": VERSION,
            "description": "One declaration, every agency, one release. Written by `python -m infra.synth`.",
        },
        # Relative: the page and the document work behind any stage prefix.
        "servers": [{"url": "."}],
        "tags": tags,
        "paths": dict(sorted(paths.items())),
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            "schemas": dict(sorted(schemas.items())),
        },
    }


def _operation(route: Route, schemas: dict[str, Schema]) -> dict[str, Any]:
    access = route.access
    examples = _examples(route)
    public = access.allow is PUBLIC
    operation: dict[str, Any] = {
        "operationId": route.operation_id,
        "tags": [route.capability],
        "summary": access.summary,
        "security": [] if public else [{"token": []}],
        "parameters": [
            *(_parameter(name, "path") for name in path_parameters(route.path)),
            *(_parameter(name, "query") for name in access.query),
            *(_parameter(name, "header") for name in access.headers),
        ],
        "x-roles": [] if public else [str(role) for role in access.allow],  # type: ignore[union-attr]
    }
    if access.consumes:
        operation["requestBody"] = {
            "required": True,
            "description": f"at most {access.max_bytes} bytes",
            "content": {
                media_type: _content(media_type, route, access.request, examples.get("request"), schemas)
                for media_type in access.consumes
            },
        }
    operation["responses"] = _responses(route, examples.get("responses", {}), schemas)
    return operation


def _responses(route: Route, examples: dict[str, Any], schemas: dict[str, Schema]) -> dict[str, Any]:
    access = route.access
    answers: dict[str, Any] = {}
    for status, named in sorted((access.responses or {200: {}}).items()):
        if status in _BODILESS:
            answers[str(status)] = _answer(_BODILESS[status], {})
            continue
        media_type = named if isinstance(named, str) and "/" in named else "application/json"
        content = _content(media_type, route, named, examples.get(str(status)), schemas)
        answers[str(status)] = _answer("done", {media_type: content})
    expected = ["400", "429", "500"]
    if access.allow is not PUBLIC:
        expected += ["401", "403"]
    if path_parameters(route.path):
        expected.append("404")
    if access.consumes:
        expected += ["413", "415", "422"]
    if "Idempotency-Key" in access.headers or "If-Match" in access.headers:
        expected.append("409")
    if "If-Match" in access.headers:
        expected += ["412", "428"]
    problem = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    answers |= {status: _answer(_PROBLEMS[status], problem) for status in sorted(expected)}
    return answers


def _answer(description: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "headers": {"X-Correlation-Id": _CORRELATION}, "content": content}


def _parameter(name: str, place: str) -> dict[str, Any]:
    known = _PARAMETERS.get(name, {})
    return {"name": name, "in": place, "required": place == "path", "schema": _TEXT} | known


def _content(
    media_type: str, route: Route, named: Any, example: Any, schemas: dict[str, Schema]
) -> dict[str, Any]:
    """A media type object; a document's schema describes its JSON, other formats carry the same content."""
    if media_type != "application/json":
        return {"schema": {"type": "string"}}
    content: dict[str, Any] = {"schema": _schema(route.capability, named, schemas)}
    if example is not None:
        content["example"] = example
    return content


def _schema(capability: str, named: Any, schemas: dict[str, Schema]) -> Schema:
    """`named` as a schema or a reference, what it refers to added to `schemas`."""
    if named is None:
        return {}
    if isinstance(named, dict):
        return named
    if isinstance(named, str) and named.startswith("command:"):
        module, _, model = named.removeprefix("command:").rpartition(".")
        named = getattr(import_module(module), model)
    if isinstance(named, type) and issubclass(named, BaseModel):
        name, schema = named.__name__, named.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}))
    elif named.startswith("document:"):
        name, schema = _document(named)
    elif named in _KERNEL:
        name, schema = named, _KERNEL[named]
    else:
        name, schema = f"{capability}.{named}", _own(capability, named, schemas)
    if schemas.setdefault(name, schema) != schema:
        raise LookupError(f"two schemas are called {name}")
    return {"$ref": f"#/components/schemas/{name}"}


def _document(named: str) -> tuple[str, Schema]:
    from singlewindow import catalogue

    _, name, version = named.split(":")
    schema = catalogue.document(name, int(version)).schema()
    component = f"{name.capitalize()}.v{version}"
    # A component stands inside this document: its own definitions are found from there.
    text = json.dumps({k: v for k, v in schema.items() if k not in ("$schema", "$id")})
    return component, json.loads(text.replace('"#/$defs/', f'"#/components/schemas/{component}/$defs/'))


def _own(capability: str, named: str, schemas: dict[str, Schema]) -> Schema:
    """A schema of schemas.json; `{"$ref": "#/Name"}` in it is another of that file, or the kernel's."""
    own = _read(f"functions/{capability}/schemas.json")
    if named not in own:
        raise LookupError(f"{capability}: no schema {named!r} in functions/{capability}/schemas.json")
    return _resolved(own[named], own, capability, schemas)


def _resolved(value: Any, own: dict[str, Schema], capability: str, schemas: dict[str, Schema]) -> Any:
    if isinstance(value, list):
        return [_resolved(each, own, capability, schemas) for each in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref", "")
    if reference.startswith("#/"):
        return _schema(capability, reference.removeprefix("#/"), schemas)
    return {key: _resolved(each, own, capability, schemas) for key, each in value.items()}


def _examples(route: Route) -> dict[str, Any]:
    return _read(f"functions/{route.capability}/examples/{route.view}.json")


@cache
def _read(path: str) -> dict[str, Any]:
    file = ROOT / path
    return json.loads(file.read_text()) if file.exists() else {}
