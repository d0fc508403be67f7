"""A capability is granted what its code names, and nothing more."""

import ast
import re
from pathlib import Path

import pytest

from infra import ROOT, grants, manifest

SETTING = re.compile(r"^[A-Z]+(_[A-Z]+)+$")
# Settings that the kernel reads on behalf of whoever imports the module.
OF_KERNEL = {
    "ledger": "LEDGER_TABLE",
    "archive": "ARCHIVE_BUCKET",
    "uploads": "UPLOADS_BUCKET",
    "dead_letters": "DEAD_LETTER_QUEUES",
    "drop": "DROP_BUCKET",
    "jws": "SIGNATURE_PROVIDERS",
    "partners": "PARTNERS_JWKS_URL",
    "timers": "TIMERS_GROUP TIMERS_QUEUE TIMERS_ROLE",
}
OF_MODULES = ("singlewindow", "singlewindow.aws", "singlewindow.signatures")
CAPABILITIES = manifest.load().capabilities


def named(folder: Path) -> set[str]:
    """Settings that the modules of a folder name, or read through the kernel."""
    found = set()
    for source in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and SETTING.match(node.value):
                found.add(node.value)
            if isinstance(node, ast.ImportFrom) and node.module in OF_MODULES:
                read = (OF_KERNEL.get(alias.name, "") for alias in node.names)
                found |= {setting for settings in read for setting in settings.split()}
    return found


@pytest.mark.parametrize("name", CAPABILITIES)
def test_a_capability_is_granted_what_its_code_names_and_nothing_more(name: str) -> None:
    grantable = set(grants.environment(use for use in _all_uses()))
    granted = set(grants.environment(CAPABILITIES[name].uses))
    assert named(ROOT / "functions" / name) & grantable == granted


def _all_uses() -> set[str]:
    return {use for capability in CAPABILITIES.values() for use in capability.uses}
