"""`python -m infra.touched` writes catalogue/touched.json: which rules read which fields, so that a form can say so.

Nobody states it: it is read from the rules' functions (the names of fields in them, and in what they call in the same
folder) and from their parameters. A field is known by its name; where two sections have the same name, both are meant.
`--check` says whether the file is what the code says, and fails where it is not.
"""

import ast
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra import ROOT
from infra.generated import settle
from singlewindow import catalogue

PATH = ROOT / "catalogue/touched.json"


@dataclass
class _Module:
    """What stands at the top of a module by name, and what it takes from modules of its folder."""

    tops: dict[str, ast.AST] = field(default_factory=dict)
    taken: dict[str, str] = field(default_factory=dict)


@dataclass
class _Folder:
    """The modules of one `checks` folder; `methods` of all their classes by name."""

    modules: dict[str, _Module] = field(default_factory=dict)
    methods: dict[str, list[tuple[str, ast.AST]]] = field(default_factory=dict)
    rules: dict[str, tuple[str, ast.AST]] = field(default_factory=dict)

    def words(self, rule: str) -> set[str]:
        """Every text and attribute in a rule's function and in what it reaches."""
        found: set[str] = set()
        pending, seen = [self.rules[rule]], set()
        while pending:
            module, node = pending.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            for inner in _walk(node):
                match inner:
                    case ast.Constant(value=str(text)):
                        found.add(text)
                    case ast.Attribute(attr=name):
                        found.add(name)
                        pending += self.methods.get(name, [])
                    case ast.Name(id=name):
                        pending += self._named(module, name)
        return found

    def _named(self, module: str, name: str) -> list[tuple[str, ast.AST]]:
        home = self.modules[module].taken.get(name, module)
        node = self.modules[home].tops.get(name) if home in self.modules else None
        # A class is reached by the methods that are called, not by its name in an annotation.
        return [] if node is None or isinstance(node, ast.ClassDef) else [(home, node)]


def read(folder: Path) -> _Folder:
    found = _Folder()
    for path in sorted(folder.glob("*.py")):
        module = found.modules.setdefault(path.stem, _Module())
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            match node:
                case ast.FunctionDef(name=name):
                    module.tops[name] = node
                    if (id := _rule(node)) is not None:
                        found.rules[id] = (path.stem, node)
                case ast.ClassDef(name=name, body=body):
                    module.tops[name] = node
                    for one in body:
                        if isinstance(one, ast.FunctionDef) and not one.name.startswith("__"):
                            found.methods.setdefault(one.name, []).append((path.stem, one))
                case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                    module.tops[name] = node
                case ast.ImportFrom(module=str(origin), names=names):
                    module.taken |= {one.name: origin.rpartition(".")[2] for one in names}
    return found


def touched() -> dict[str, dict[str, list[str]]]:
    """Document to field to the ids of the rules that name it."""
    folders = [read(path) for path in sorted((ROOT / "functions").glob("*/checks"))]
    found: dict[str, dict[str, set[str]]] = {}
    for pack in (catalogue.load(f"rules/{name}.json") for name in catalogue.names("rules")):
        document = pack.get("document")
        if document is None:
            continue
        fields = _fields(document)
        for entry in pack["rules"]:
            words = set(_texts(entry.get("params", []), pack.get("tables", {})))
            for folder in folders:
                if entry["id"] in folder.rules:
                    words |= folder.words(entry["id"])
            for name in words & fields:
                found.setdefault(document, {}).setdefault(name, set()).add(entry["id"])
    return {
        document: {name: sorted(rules) for name, rules in sorted(named.items())}
        for document, named in sorted(found.items())
    }


def text() -> str:
    documents = [
        f"  {json.dumps(document)}: {{\n"
        + ",\n".join(f"   {json.dumps(name)}: {json.dumps(rules)}" for name, rules in named.items())
        + "\n  }"
        for document, named in touched().items()
    ]
    return (
        '{\n "written_by": "python -m infra.touched",\n "documents": {\n'
        + ",\n".join(documents)
        + "\n }\n}\n"
    )


def main(check: bool, path: Path = PATH) -> int:
    return settle({path: text()}, check=check)


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """As `ast.walk`, without what a message is told by name."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.keyword) and child.arg == "says"):
            yield from _walk(child)


def _rule(function: ast.FunctionDef) -> str | None:
    for decorator in function.decorator_list:
        match decorator:
            case ast.Call(func=ast.Name(id="rule"), args=[ast.Constant(value=str(id))]):
                return id
    return None


def _fields(document: str) -> set[str]:
    versions = (name for name in catalogue.names("documents") if name.rpartition(".v")[0] == document)
    places = (catalogue.document(document, int(name.rpartition(".v")[2])).elements for name in versions)
    return {place.rpartition("/")[2] for one in places for place in one}


def _texts(node: Any, tables: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value, tables)
    elif isinstance(node, dict):
        if node.keys() == {"table"}:
            yield from _texts(tables[node["table"]], {})
        for value in node.values():
            yield from _texts(value, tables)


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
