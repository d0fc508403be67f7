"""`python -m infra.synth` writes the generated files; `--check` says what is stale, and fails."""

import sys
from difflib import unified_diff

from infra import ROOT
from infra.synth import outputs

_SHOWN = 60


def main(check: bool) -> int:
    stale = 0
    for path, text in outputs().items():
        name = path.relative_to(ROOT)
        old = path.read_text() if path.exists() else ""
        if old == text:
            continue
        stale += 1
        if check:
            before, after = f"{name} (committed)", f"{name} (synth)"
            lines = list(unified_diff(old.splitlines(), text.splitlines(), before, after, lineterm=""))
            print("\n".join(lines[:_SHOWN]))
            if len(lines) > _SHOWN:
                print(f"… {len(lines) - _SHOWN} more lines")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(f"wrote {name}")
    if check and stale:
        print("\nThe committed files are stale: run `make template` and commit what it writes.")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
