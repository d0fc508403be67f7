"""What holds of every answer: it may be kept, it says when it is the same, and it is as the interface says."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from infra import ROOT
from singlewindow.access import Access
from standards.app import app
from tests.functions.standards.asked import get, resource_of

SCHEMAS = json.loads((ROOT / "functions/standards/schemas.json").read_text())
EXAMPLES = sorted((ROOT / "functions/standards/examples").glob("*.json"))
READ = [
    ("/standards/elements", {"q": "重量"}),
    ("/standards/elements/SCSW-0023", {}),
    ("/standards/documents", {}),
    ("/standards/documents/declaration/1", {}),
    ("/standards/documents/declaration/1/form", {}),
    ("/standards/codelists", {}),
    ("/standards/codelists/trade-mode", {"q": "3"}),
    ("/standards/codelists/country", {"q": "cnh"}),
    ("/standards/rules", {"limit": "200"}),
    ("/standards/messages", {}),
    ("/standards/messages/DecMessage", {}),
    ("/standards/messages/CUSCAR", {}),
    ("/standards/matrix", {"limit": "1000"}),
    ("/standards/diff", {"from_": "2014-01-01"}),
    ("/standards/downloads", {}),
    ("/standards/documents/declaration/1/schema", {}),
    ("/standards/documents/declaration/1/example", {}),
    ("/standards/messages/DecMessage/xsd", {}),
    ("/openapi.json", {}),
    ("/docs", {}),
]


def conforms(name: str, answer: object) -> None:
    text = json.dumps({"$defs": SCHEMAS, "$ref": f"#/{name}"}).replace('"#/', '"#/$defs/')
    Draft202012Validator(json.loads(text)).validate(answer)


def views() -> dict[str, Any]:
    """Resource to what its view declares."""
    return {resource: methods["GET"] for resource, methods in app.routes.items() if "GET" in methods}


def access(view: Any) -> Access:
    declared: Access = view.view_function.access
    return declared


def schema_of(path: str) -> Any:
    return (access(views()[resource_of(path)]).responses or {})[200]


@pytest.mark.parametrize(("path", "query"), READ)
def test_an_answer_may_be_kept_and_is_not_sent_twice(path: str, query: dict[str, str]) -> None:
    first = get(path, **query)
    assert first["statusCode"] == 200
    tag = first["headers"]["ETag"]
    assert tag.startswith('"') and first["headers"]["Cache-Control"] == "public, max-age=300"
    for stated in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = get(path, {"If-None-Match": stated}, **query)
        assert (again["statusCode"], again["body"], again["headers"]["ETag"]) == (304, "", tag)
    for stated in ('"other"', tag.strip('"'), ""):
        assert get(path, {"If-None-Match": stated}, **query)["statusCode"] == 200


def test_another_body_has_another_tag() -> None:
    tags = {
        get("/standards/codelists/trade-mode", as_at=day)["headers"]["ETag"]
        for day in ("2018-07-31", "2018-08-01")
    }
    assert len(tags) == 2


@pytest.mark.parametrize(("path", "query"), [one for one in READ if isinstance(schema_of(one[0]), str)])
def test_an_answer_is_as_the_interface_says(path: str, query: dict[str, str]) -> None:
    named = schema_of(path)
    if "/" not in named:
        conforms(named, json.loads(get(path, **query)["body"]))
    else:
        assert get(path, **query)["headers"]["Content-Type"].startswith(named)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_of_the_interface_is_such_an_answer(file: Path) -> None:
    """They were taken from real answers and shortened, so that they stay good while the catalogue grows."""
    (view,) = [view for view in views().values() if view.view_name == file.stem]
    for status, answer in json.loads(file.read_text())["responses"].items():
        conforms((access(view).responses or {})[int(status)], answer)


def test_every_route_of_the_standards_is_throttled() -> None:
    bounded = {path: access(view).throttle for path, view in views().items() if path.startswith("/standards")}
    assert bounded and None not in bounded.values()
