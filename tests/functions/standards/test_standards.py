"""The public face: health, the interface, and the page that shows it."""

import json
import re
from typing import Any

import pytest

from singlewindow import settings
from standards.app import app
from tests.support.gateway_event import gateway_event


def get(path: str) -> dict[str, Any]:
    event = gateway_event(app, "GET", path, headers={"X-Correlation-Id": "a-request"})
    with settings.using({}):
        answer: dict[str, Any] = app(event, None)
    return answer


def test_the_window_says_that_it_is_well() -> None:
    answer = get("/health")
    assert (answer["statusCode"], json.loads(answer["body"])["status"]) == (200, "ok")
    assert answer["headers"]["X-Correlation-Id"] == "a-request"


def test_the_interface_is_the_one_that_synthesis_wrote() -> None:
    interface = json.loads(get("/openapi.json")["body"])
    assert interface["openapi"] == "3.1.0"
    assert "/openapi.json" in interface["paths"]


def test_the_page_loads_nothing_but_the_interface() -> None:
    answer = get("/docs")
    assert answer["headers"]["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer["headers"]["Content-Security-Policy"]
    assert not re.search(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//""", answer["body"])
    assert re.findall(r'fetch\("([^"]+)"\)', answer["body"]) == ["openapi.json"]


@pytest.mark.parametrize("path", ["/health", "/openapi.json", "/docs"])
def test_the_public_paths_need_no_token(path: str) -> None:
    assert get(path)["statusCode"] == 200
