"""A request as API Gateway hands it to a function."""

import json
from collections.abc import Mapping
from typing import Any


def gateway_event(
    app: Any,
    method: str,
    path: str,
    *,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    body: Any = None,
    caller: tuple[str, str] | None = None,
    subject: str = "zhang",
) -> dict[str, Any]:
    """`body` goes as JSON, a text as it is; `caller`: (role, party) let in as `subject`, None: nobody."""
    resource, parameters = matched(app, method, path)
    sent = {"content-type": "application/json"} if body is not None else {}
    context: dict[str, Any] = {"httpMethod": method, "resourcePath": resource, "path": path}
    if caller:
        role, party = caller
        context["authorizer"] = {"subject": subject, "role": role, "party": party, "expires_at": "9999999999"}
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": sent | dict(headers or {}),
        "multiValueHeaders": {},
        "queryStringParameters": dict(query) if query else None,
        "multiValueQueryStringParameters": {k: [value] for k, value in query.items()} if query else None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "body": body if body is None or isinstance(body, str) else json.dumps(body),
        "isBase64Encoded": False,
        "requestContext": context,
    }


def matched(app: Any, method: str, path: str) -> tuple[str, dict[str, str]]:
    """The route that a path belongs to, those without parameters first, and its parameters."""
    parts = path.split("/")
    for route in sorted(app.routes, key=lambda one: one.count("{")):
        named = route.split("/")
        pairs = list(zip(named, parts, strict=False))
        if (
            len(named) == len(parts)
            and method in app.routes[route]
            and all(name == part or name.startswith("{") for name, part in pairs)
        ):
            return route, {name[1:-1]: part for name, part in pairs if name.startswith("{")}
    raise LookupError(f"no route for {path}")
