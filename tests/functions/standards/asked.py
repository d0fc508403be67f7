"""GET requests to the standards app, as the gateway would hand them on."""

import json
from collections.abc import Mapping
from typing import Any

from singlewindow import settings
from standards.app import app

RESOURCES = sorted(app.routes, key=lambda path: path.count("{"))


def get(path: str, sent: Mapping[str, str] = {}, /, **query: str) -> dict[str, Any]:
    """The function's answer to the headers `sent`; a parameter called `from` is passed as `from_`."""
    resource, parameters = _matched(path)
    asked = {name.rstrip("_"): value for name, value in query.items()}
    event = {
        "resource": resource,
        "path": path,
        "httpMethod": "GET",
        "headers": dict(sent),
        "multiValueHeaders": {},
        "queryStringParameters": asked or None,
        "multiValueQueryStringParameters": {name: [value] for name, value in asked.items()} or None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "body": None,
        "isBase64Encoded": False,
        "requestContext": {"httpMethod": "GET", "resourcePath": resource, "path": path},
    }
    with settings.using({}):
        answer: dict[str, Any] = app(event, None)
    return answer


def body(path: str, **query: str) -> Any:
    """The body of a good answer."""
    answer = get(path, **query)
    assert answer["statusCode"] == 200, answer["body"]
    return json.loads(answer["body"])


def refused(path: str, **query: str) -> tuple[int, dict[str, Any]]:
    answer = get(path, **query)
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    return answer["statusCode"], json.loads(answer["body"])


def resource_of(path: str) -> str:
    """The route that answers a path."""
    return _matched(path)[0]


def _matched(path: str) -> tuple[str, dict[str, str]]:
    parts = path.split("/")
    for resource in RESOURCES:
        wanted = resource.split("/")
        if len(wanted) == len(parts) and all(
            one.startswith("{") or one == two for one, two in zip(wanted, parts, strict=True)
        ):
            pairs = zip(wanted, parts, strict=True)
            return resource, {one.strip("{}"): two for one, two in pairs if one.startswith("{")}
    raise LookupError(path)
