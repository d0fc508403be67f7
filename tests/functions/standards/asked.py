"""GET requests to the standards app, as the gateway would hand them on."""

import json
from collections.abc import Mapping
from typing import Any

from singlewindow import settings
from standards.app import app
from tests.support.gateway_event import gateway_event, matched


def get(path: str, sent: Mapping[str, str] = {}, /, **query: str) -> dict[str, Any]:
    """The function's answer to the headers `sent`; a parameter called `from` is passed as `from_`."""
    asked = {name.rstrip("_"): value for name, value in query.items()}
    event = gateway_event(app, "GET", path, query=asked, headers=sent)
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
    return matched(app, "GET", path)[0]
