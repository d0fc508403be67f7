"""The body of a delivery, made when it is delivered: the message as its channel wants it."""

from dataclasses import dataclass
from typing import Any

from channels.channel import AS_SENT, CANONICAL, Channel
from channels.routing import Message
from singlewindow import canonical
from singlewindow.aws import archive
from singlewindow.errors import WindowError

JSON = "application/json"
_MEDIA_TYPES = {"json": JSON, "xml": "application/xml", "edifact": "application/edifact"}


@dataclass(frozen=True, slots=True)
class Body:
    """Where in the archive it is, and what; `format` as the channel has it, with its version."""

    key: str
    sha256: str
    bytes: int
    media_type: str
    format: str


class Unmappable(ValueError):
    """The message can't be made into what the channel wants: `reason` for people, `findings` for programs."""

    def __init__(self, reason: str, findings: tuple[dict[str, Any], ...] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.findings = findings


def body(message: Message, channel: Channel) -> Body:
    """The message in the channel's format, archived. Raises `Unmappable`; trouble with the archive passes through."""
    if channel.format == AS_SENT:
        raw = archive.fetch(message.raw_key)
        return Body(message.raw_key, message.sha256, len(raw), _MEDIA_TYPES[message.syntax], AS_SENT)
    if not message.canonical:
        raise Unmappable(
            f"{message.type} has no canonical documents; a channel with format {AS_SENT} takes it"
        )
    stored = archive.fetch(message.canonical["key"])
    if channel.format == CANONICAL:
        return Body(message.canonical["key"], message.canonical["sha256"], len(stored), JSON, CANONICAL)
    content, media_type = _mapped(message, canonical.load(stored)["documents"], channel.format)
    key = archive.keep_once(content, media_type)
    return Body(key, canonical.sha256(content), len(content), media_type, channel.format)


def _mapped(message: Message, documents: list[dict[str, Any]], type: str) -> tuple[bytes, str]:
    from singlewindow.messages import carriers

    held = message.canonical
    try:
        return carriers.written(documents, held["document"], held["version"], type), carriers.XML
    except WindowError as error:
        # Without what was given: an operator looks at dead letters, and the document is the receiver's.
        findings = tuple(one.as_json() | {"given": None} for one in error.findings)
        raise Unmappable(f"{error.code}: {error.detail}", findings) from error
    except Exception as error:  # ours to mend; this delivery alone waits for it
        raise Unmappable(f"mapping-failed: {type}: {error!r}"[:500]) from error
