"""The pages: they run no script but their own, load nothing foreign, and say everything in both languages."""

import base64
import hashlib
import json
import re
from functools import cache
from typing import Any

import pytest

from infra import ROOT
from tests.functions.standards.asked import get

PAGE = (ROOT / "functions/standards/standards.html").read_text(encoding="utf-8")
TEXT: dict[str, list[str]] = json.loads(
    re.search(r'<script type="application/json" id="text">(.*?)</script>', PAGE, re.DOTALL)[1]  # type: ignore[index]
)
SCRIPT = re.search(r"<script>(.*?)</script>", PAGE, re.DOTALL)[1]  # type: ignore[index]
SCHEMAS: dict[str, Any] = json.loads((ROOT / "functions/standards/schemas.json").read_text(encoding="utf-8"))


def directives(path: str) -> dict[str, list[str]]:
    stated = get(path)["headers"]["Content-Security-Policy"].split("; ")
    return {name: values for name, *values in (one.split() for one in stated)}


@cache
def paths() -> list[str]:
    """Those of the interface, a parameter as {}."""
    interface = json.loads((ROOT / "docs/openapi.json").read_text(encoding="utf-8"))
    return [re.sub(r"\{\w+\}", "{}", path).removeprefix("/") for path in interface["paths"]]


def enumerated(value: Any, name: str) -> list[str]:
    """The values that the schemas allow for a member, wherever it stands."""
    found: list[str] = []
    if isinstance(value, dict):
        member = value.get("properties", {}).get(name, {})
        found += [one for one in member.get("enum", ()) if one is not None]
        value = list(value.values())
    for one in value if isinstance(value, list) else ():
        found += enumerated(one, name)
    return found


@pytest.mark.parametrize("path", ["/docs", "/standards"])
def test_a_page_may_run_its_own_script_and_style_and_nothing_else(path: str) -> None:
    answer, allowed = get(path), directives(path)
    assert answer["headers"]["Content-Type"] == "text/html; charset=utf-8"
    assert allowed["default-src"] == allowed["base-uri"] == allowed["form-action"] == ["'none'"]
    assert allowed["frame-ancestors"] == ["'none'"]
    for kind in ("script", "style"):
        [inline] = re.findall(rf"<{kind}>(.*?)</{kind}>", answer["body"], re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert allowed[f"{kind}-src"] == [f"'sha256-{digest}'"]


def test_only_the_tester_may_ask_another_host() -> None:
    assert directives("/docs")["connect-src"] == ["'self'"]
    assert directives("/standards")["connect-src"] == ["'self'", "https:", "http:"]
    # The one address that is not of this interface is the one that an upload was granted.
    assert re.findall(r"fetch\(([\w.]+)", SCRIPT) == ["withQuery", "place.url"]


def test_a_page_is_answered_once_to_who_has_it() -> None:
    tag = get("/standards")["headers"]["ETag"]
    assert get("/standards", {"If-None-Match": tag})["statusCode"] == 304


def test_the_page_loads_nothing_foreign() -> None:
    assert not re.search(r"""(?:src|href|url|import)\s*[=(]\s*["'`]?(?:[a-z]+:)?//""", PAGE)
    assert not re.search(r"<(?:link|img|iframe|object|embed|base)\b|@import|url\(", PAGE)


def test_nothing_of_the_data_becomes_markup_or_code() -> None:
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc|DOMParser|setHTML",
        SCRIPT,
    )
    # Inline handlers and styles would be refused by the policy.
    assert not re.search(r"<[^>]+\s(?:on\w+|style)=", PAGE.replace(SCRIPT, ""))


def test_every_text_is_in_both_languages() -> None:
    for key, (chinese, english) in TEXT.items():
        assert chinese.strip() and english.strip(), key
        assert set(re.findall(r"\{(\w+)\}", chinese)) == set(re.findall(r"\{(\w+)\}", english)), key
    for_the_other = {"other", "other-label"}
    assert {
        key
        for key, (_, english) in TEXT.items()
        if re.search(r"[\u3400-\u9fff]", english) and key not in for_the_other
    } == set()


def test_every_text_that_is_named_is_there_and_none_is_left_over() -> None:
    named = set(re.findall(r'\bt\("([^"]+)"', SCRIPT)) | set(re.findall(r'data-t="([^"]+)"', PAGE))
    groups = set(re.findall(r'\bword\("([^"]+)"', SCRIPT)) | set(re.findall(r"\bt\(`([\w.-]+)\.\$\{", SCRIPT))
    chosen = {"yes", "no", "verified", "unverified"}  # one of two, by a condition
    assert {key for key in named if key not in TEXT} == set()
    assert {one for one in groups if not any(key.startswith(f"{one}.") for key in TEXT)} == set()
    left = {key for key in TEXT if key not in named | chosen and key.rpartition(".")[0] not in groups}
    assert left == set()


@pytest.mark.parametrize(
    ("group", "schema", "member"),
    [
        ("sensitivity", "Elements", "sensitivity"),
        ("verdict", "ConformanceReport", "verdict"),
        ("severity", "ConformanceReport", "severity"),
        ("what", "Changes", "what"),
        ("kind", "Changes", "kind"),
        ("kind", "Rule", "kind"),
    ],
)
def test_every_value_of_the_interface_has_a_word(group: str, schema: str, member: str) -> None:
    values = enumerated(SCHEMAS[schema], member)
    assert values
    assert {value for value in values if f"{group}.{value}" not in TEXT} == set()


def test_obligations_agencies_and_columns_have_words() -> None:
    from standards import contents

    owners = {one["owner"] for one in contents.elements().values() if one.get("owner")}
    columns = {column for one in contents.codelists().values() for column in one["columns"]}
    assert {f"obligation.{one}" for one in SCHEMAS["Obligation"]["enum"]} <= TEXT.keys()
    assert {one for one in owners if f"owner.{one}" not in TEXT} == set()
    assert {one for one in columns if f"column.{one}" not in TEXT} == set()


def test_the_page_asks_only_for_what_the_interface_has() -> None:
    addresses = re.findall(r'["`](standards/[^"`]+)["`]', SCRIPT)
    asked = {re.sub(r"\$\{[^}]+\}", "{}", one) for one in addresses}
    assert len(asked) > 15
    assert asked - set(paths()) == set()
    assert set(re.findall(r'href="([^#"]+)"', PAGE.replace(SCRIPT, ""))) <= set(paths())


def test_every_address_is_relative_so_that_it_holds_behind_a_stage() -> None:
    assert not re.search(r"""["'`]/(?:standards|docs|openapi)""", PAGE)


def test_every_section_has_a_view_and_a_name() -> None:
    sections = re.findall(r'"(\w+)"', re.search(r"const SECTIONS = \[(.*?)\]", SCRIPT)[1])  # type: ignore[index]
    views = re.search(r"const VIEWS = \{(.*?)\}", SCRIPT)[1]  # type: ignore[index]
    names = {one.split(":")[0].strip() for one in views.split(",")}
    assert set(sections) <= names
    assert {f"nav.{one}" for one in sections} <= TEXT.keys()
    for view in ("element", "document", "codelist", "message"):
        assert view in names
