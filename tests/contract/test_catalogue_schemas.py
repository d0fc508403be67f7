"""Every file of the catalogue has the form that the catalogue's own schemas give it."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[2] / "catalogue"
FILES = [
    *((path, "elements") for path in sorted((ROOT / "elements").glob("*.json"))),
    *((path, "document") for path in sorted((ROOT / "documents").glob("*.json"))),
    *((path, "message") for path in sorted((ROOT / "messages").glob("*.json"))),
    *((path, "codelist") for path in sorted((ROOT / "codelists").glob("*.json"))),
]


def schema(name: str) -> Any:
    return json.loads((ROOT / "schema" / f"{name}.schema.json").read_text("utf-8"))


@pytest.mark.parametrize("name", sorted({name for _, name in FILES}))
def test_the_schemas_are_schemas(name: str) -> None:
    Draft202012Validator.check_schema(schema(name))


@pytest.mark.parametrize(
    ("path", "name"), FILES, ids=lambda value: value.stem if isinstance(value, Path) else value
)
def test_a_file_of_the_catalogue_is_valid(path: Path, name: str) -> None:
    errors = Draft202012Validator(schema(name)).iter_errors(json.loads(path.read_text("utf-8")))
    assert [f"{error.json_path}: {error.message[:200]}" for error in errors] == []
