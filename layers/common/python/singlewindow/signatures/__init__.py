"""Signatures over messages: JSON by detached JWS, XML by XML-DSig, algorithms of any provider that is plugged in."""


class Invalid(Exception):
    """A signature that proves nothing, and why, in English and Chinese."""

    def __init__(self, reason: str, reason_zh: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.reason_zh = reason_zh
