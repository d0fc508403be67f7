"""Pages for people: each one file, which may run its own script and style and nothing else."""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

from singlewindow.caching import cacheable
from singlewindow.capability import Answer, Request

# A block of data (type="application/json") is not run and needs no leave.
_INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


def html(request: Request, file: Path, connect: str = "'self'") -> Answer:
    """A page with its policy. `connect`: whom its script may ask."""
    text, allowed = _read(file)
    answer = cacheable(request, text, "text/html")
    answer.headers["Content-Security-Policy"] = (
        f"default-src 'none'; {allowed}; connect-src {connect}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return answer


@cache
def _read(file: Path) -> tuple[str, str]:
    """A page, and by hash the script and style that stand in it: one smuggled in by data would not run."""
    text = file.read_text(encoding="utf-8")
    hashes: dict[str, list[str]] = {"script": [], "style": []}
    for kind, inline in _INLINE.findall(text):
        digest = hashlib.sha256(inline.encode()).digest()
        hashes[kind].append(f"'sha256-{base64.b64encode(digest).decode()}'")
    return text, "; ".join(f"{kind}-src {' '.join(found)}" for kind, found in hashes.items())
