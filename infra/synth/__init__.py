"""Writes template.yaml and docs/openapi.json from the manifest, the capabilities and infra/resources."""

import json
from pathlib import Path

from infra import ROOT, manifest
from infra.synth import capabilities, fragments, openapi, template


def outputs() -> dict[Path, str]:
    """What belongs in each generated file, the same every time."""
    declared = manifest.load()
    apps = capabilities.load(declared)
    interface = openapi.build(declared, apps)
    return {
        ROOT / "template.yaml": fragments.dump(template.build(declared, apps)),
        ROOT / "docs/openapi.json": json.dumps(interface, ensure_ascii=False, indent=1) + "\n",
    }
