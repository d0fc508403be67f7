"""Pieces of the template in infra/resources: singles, and patterns made once for each of something."""

import json
from collections.abc import Iterable
from typing import Any

import yaml

from infra import ROOT

FOLDER = ROOT / "infra/resources"
SECTIONS = ("Parameters", "Conditions", "Resources", "Outputs")
Fragment = dict[str, dict[str, Any]]


def singles() -> list[Fragment]:
    """What stands once: shared resources in infra/resources, a capability's own beside its code."""
    files = [*sorted(FOLDER.glob("*.yaml")), *sorted((ROOT / "functions").glob("*/resources.yaml"))]
    return [yaml.safe_load(path.read_text()) for path in files]


def each(pattern: str, **values: Any) -> Fragment:
    """`each/<pattern>.yaml` with every `__name__` replaced: a string as it is, anything else as JSON."""
    text = (FOLDER / "each" / f"{pattern}.yaml").read_text()
    for name, value in values.items():
        text = text.replace(f"__{name}__", value if isinstance(value, str) else json.dumps(value))
    fragment: Fragment = yaml.safe_load(text)
    return fragment


def merge(fragments: Iterable[Fragment]) -> Fragment:
    """All fragments as one; raises `ValueError` where two define the same thing."""
    merged: Fragment = {section: {} for section in SECTIONS}
    for fragment in fragments:
        for section, entries in fragment.items():
            twice = merged[section].keys() & entries.keys()
            if twice:
                raise ValueError(f"{section}: {', '.join(sorted(twice))} is defined twice")
            merged[section] |= entries
    return merged


class _Dumper(yaml.SafeDumper):
    """Indented lists, no anchors: a template that reads and diffs well."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def dump(value: Any) -> str:
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
    return text
