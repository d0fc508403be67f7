"""Answers that anyone may keep for a while: with the hash of their body as ETag, and 304 for who has it already."""

import re
from typing import Any

from singlewindow import canonical
from singlewindow.capability import Answer, Request

FRESH = "public, max-age=300"
_TAGS = re.compile(r'(?:W/)?("[^"]*")')


def cacheable(request: Request, body: Any, media_type: str = "application/json") -> Answer:
    """A body as text, or whatever canonical JSON writes."""
    text = body if isinstance(body, str) else canonical.dumps(body).decode()
    tag = f'"{canonical.sha256(text.encode())[:32]}"'
    headers = {"ETag": tag, "Cache-Control": FRESH}
    if _has(request.headers.get("if-none-match", ""), tag):
        return Answer("", 304, headers)
    charset = "; charset=utf-8" if media_type.startswith("text/") else ""
    return Answer(text, headers=headers | {"Content-Type": f"{media_type}{charset}"})


def _has(stated: str, tag: str) -> bool:
    """Weak comparison (RFC 9110): a gateway that compresses weakens tags."""
    return stated.strip() == "*" or tag in _TAGS.findall(stated)
