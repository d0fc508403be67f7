"""`python -m infra.readme` writes the table of capabilities into both READMEs from the manifest; `--check` compares."""

import sys
from pathlib import Path

from infra import ROOT, manifest
from infra.generated import settle

_START, _END = "<!-- capabilities: written by `python -m infra.readme` -->", "<!-- /capabilities -->"
_HEADINGS = {
    "README.md": "| Capability | What it is | System of the plan | What it may touch |\n|---|---|---|---|\n",
    "README.zh-CN.md": "| 能力 | 说明 | 对应规划系统 | 可访问的资源 |\n|---|---|---|---|\n",
}


def outputs() -> dict[Path, str]:
    """Path → text of both READMEs with the table of now. `LookupError` where one has lost its markers."""
    found = {}
    for name, heading in _HEADINGS.items():
        path = ROOT / name
        text = path.read_text(encoding="utf-8")
        if text.count(_START) != 1 or text.count(_END) != 1:
            raise LookupError(f"{name} has not one table between {_START} and {_END}")
        before, rest = text.split(_START)
        after = rest.split(_END)[1]
        found[path] = f"{before}{_START}\n{heading}{_rows(chinese='zh' in name)}{_END}{after}"
    return found


def _rows(*, chinese: bool) -> str:
    rows = []
    for name, one in manifest.load().capabilities.items():
        title = one.title_zh if chinese else one.title_en
        uses = ", ".join(f"`{use}`" for use in one.uses) or "–"
        rows.append(f"| [`{name}`](functions/{name}) | {title} | {one.plan} | {uses} |\n")
    return "".join(rows)


def main(check: bool) -> int:
    return settle(outputs(), check=check)


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
