"""Files that a program writes and that are committed: written where they are stale, or only said to be."""

from collections.abc import Mapping
from pathlib import Path


def settle(outputs: Mapping[Path, str], *, check: bool) -> int:
    """Write what differs; with `check` name it only. The exit code: 1 where `check` found something stale."""
    stale = [path for path, text in outputs.items() if not path.exists() or path.read_text("utf-8") != text]
    for path in stale:
        if check:
            print(f"{path.name} is stale: run `make template`")
        else:
            path.write_text(outputs[path], encoding="utf-8")
            print(f"wrote {path.name}")
    return 1 if check and stale else 0
