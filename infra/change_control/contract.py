"""What of the catalogue others build on: the contract of each document, message and rule edition, row by row.

Names, obligations, representations, code lists, patterns and counts are in it; labels, definitions, help, sources and
evidence are not: those may be mended at any time.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

Row = dict[str, Any]

# What a reader sees of a rule and what vouches for it: to be mended freely, like labels.
_WORDS = (
    "id", "version", "source", "source_date", "legal_basis", "verified", "note", "name_zh", "name_en",
    "message_zh", "message_en", "title_zh", "title_en", "description", "zh", "en", "why",
)  # fmt: skip


@dataclass(frozen=True)
class Contract:
    """`rows`: place → what stands there. `is_ordered`: whether the order of rows is part of it (tags on the wire)."""

    kind: str
    id: str
    version: str
    rows: Mapping[str, Row]

    @property
    def key(self) -> str:
        return f"{self.kind} {self.id} {self.version}"

    @property
    def is_ordered(self) -> bool:
        return self.kind in ("message", "edifact")

    @cached_property
    def sha256(self) -> str:
        rows = list(self.rows.items())
        text = json.dumps(rows if self.is_ordered else sorted(rows), ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def contracts(root: Path) -> dict[str, Contract]:
    """Of all documents, messages and rule editions of a catalogue, by key. What is a draft is not published yet."""
    known = elements(root)
    found = [
        *(_document(raw, known) for raw in _files(root, "documents") if raw.get("status") != "draft"),
        *(_message(raw, known) for raw in _files(root, "messages")),
        *(one for raw in _files(root, "edifact") if raw.get("kind") == "message" for one in _edifact(raw)),
        *(one for raw in _files(root, "rules") for one in _rules(raw)),
    ]
    by_key: dict[str, Contract] = {}
    for one in found:
        if one.key in by_key:
            raise ValueError(f"{one.key} is there twice")
        by_key[one.key] = one
    return by_key


def elements(root: Path) -> dict[str, dict[str, Any]]:
    """All data elements by id, with the name of their subject as `subject`."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted((root / "elements").glob("*.json")):
        raw = json.loads(path.read_bytes())
        for one in raw["elements"]:
            if one["id"] in found:
                raise ValueError(f"{one['id']} is defined twice: {found[one['id']]['subject']}, {path.stem}")
            found[one["id"]] = raw["defaults"] | one | {"subject": path.stem}
    return found


def codes(root: Path) -> dict[str, list[str]]:
    """The codes of every code list, sorted."""
    return {raw["id"]: sorted({str(row[0]) for row in raw["rows"]}) for raw in _files(root, "codelists")}


def _files(root: Path, kind: str) -> Iterator[Any]:
    for path in sorted((root / kind).glob("*.json")):
        yield json.loads(path.read_bytes())


# ------------------------------------------------------------------------------------------------ documents


def _document(raw: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> Contract:
    rows: dict[str, Row] = {}

    def visit(sections: list[Mapping[str, Any]], above: str) -> None:
        for section in sections:
            place = f"{above}/{section['name']}"
            if occurs := section.get("occurs"):
                rows[place] = {"section": "list", "occurs": _occurs(*occurs)}
            else:
                rows[place] = {"section": "object", "occurs": _occurs(int(section.get("required", False)), 1)}
            inside = f"{place}/*" if occurs else place
            for id, obligation, *condition in section["fields"]:
                if id not in known:
                    raise ValueError(f"document {raw['name']} {raw['version']}: no element {id}")
                rows[f"{inside}/{known[id]['name']}"] = _said(
                    {"element": id, "is": obligation, "when": condition[0] if condition else None}
                    | _judged(known[id])
                )
            visit(section.get("sections", []), inside)

    visit(raw["sections"], "")
    return Contract("document", raw["name"], str(raw["version"]), rows)


def _judged(element: Mapping[str, Any]) -> Row:
    return {
        "form": element["representation"],
        "codes": element.get("code_list"),
        "pattern": element.get("pattern"),
        "check": element.get("check"),
        "except": element.get("check_except"),
        "signed": element.get("signed"),
    }


# ------------------------------------------------------------------------------------------------- messages


def _message(raw: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> Contract:
    document = f"{raw['document']} {raw['document_version']}" if raw["document"] else None
    rows: dict[str, Row] = {
        "/": _said(
            {
                "root": raw["root"],
                "namespace": raw["namespace"],
                "namespaces_also": raw.get("namespaces_also"),
                "document": document,
                "each": raw.get("each"),
                "blanks": raw.get("blanks"),
                "swapped": raw.get("swapped_on_export"),
                "not_carried": sorted(raw.get("not_carried", ())) or None,
            }
        )
    }

    def note_attributes(node: Mapping[str, Any], place: str) -> None:
        for name, one in node.get("attributes", {}).items():
            rows[f"{place}/@{name}"] = _said(
                {
                    "use": "required" if one.get("required") else "optional",
                    "form": one.get("form", "T"),
                    "element": one.get("element"),
                    "fixed": one.get("fixed"),
                }
            )

    def visit(nodes: list[Mapping[str, Any]], above: str) -> None:
        for node in nodes:
            if (id := node.get("element")) and id not in known:
                raise ValueError(f"message {raw['id']}: no element {id}")
            place = _free(rows, f"{above}/{node['tag']}")
            row: Row = {"occurs": _occurs(*node["occurs"])}
            if "content" in node or node.get("any"):
                row |= {"group": True, "section": node.get("section"), "open": node.get("any")}
            else:
                row |= {
                    "form": node.get("form") or _own_form(known.get(node.get("element", ""))),
                    "element": node.get("element"),
                    "wire_codes": node.get("codes"),
                    "values": node.get("values"),
                    "pattern": node.get("pattern"),
                    "also": node.get("also"),
                    "fixed": node.get("fixed"),
                    "blank": node.get("blank"),
                }
            rows[place] = _said(row)
            note_attributes(node, place)
            visit(node.get("content", []), place)

    note_attributes(raw, "")
    visit(raw["content"], "")
    return Contract("message", raw["id"], raw["version"], rows)


def _own_form(element: Mapping[str, Any] | None) -> str:
    if element is None:
        return "T"
    return {"date": "D8", "datetime": "D14"}.get(element["representation"], element["representation"])


def _edifact(raw: Mapping[str, Any]) -> Iterator[Contract]:
    for version, one in raw["versions"].items():
        rows: dict[str, Row] = {}
        _segments(one["structure"], "", rows)
        yield Contract("edifact", raw["id"], version, rows)


def _segments(structure: list[Any], above: str, rows: dict[str, Row]) -> None:
    for one in structure:
        segment, inside = (one[0], one[1:]) if isinstance(one, list) else (one, None)
        tag, count = segment.split()
        place = _free(rows, f"{above}/{tag}")
        rows[place] = {"occurs": _occurs(int(count[0] == "M"), int(count[1:]))}
        if inside is not None:
            _segments(inside, place, rows)


# ---------------------------------------------------------------------------------------------------- rules


def _rules(raw: Mapping[str, Any]) -> Iterator[Contract]:
    """The editions of a file: a list of rules, or one rule with its versions. A table that one names is part of it."""
    tables = raw.get("tables", {})
    editions = [*raw.get("rules", ()), *({"id": raw.get("id")} | one for one in raw.get("versions", ()))]
    for one in editions:
        row = {name: _with_tables(value, tables) for name, value in one.items() if name not in _WORDS}
        yield Contract("rule", one["id"], str(one["version"]), {"/": _said(row)})


def _with_tables(value: Any, tables: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"table"}:
            return tables[value["table"]]
        return {name: _with_tables(inner, tables) for name, inner in value.items()}
    return [_with_tables(one, tables) for one in value] if isinstance(value, list) else value


# ---------------------------------------------------------------------------------------------------------


def _occurs(least: int, most: int | None) -> str:
    return f"{least}..{'*' if most is None else most}"


def _free(rows: Mapping[str, Row], place: str) -> str:
    """The place, numbered where a tag stands several times in a sequence."""
    number = 1
    while (free := place if number == 1 else f"{place}#{number}") in rows:
        number += 1
    return free


def _said(row: Mapping[str, Any]) -> Row:
    return {name: value for name, value in row.items() if value not in (None, [], {}, "", False)}
