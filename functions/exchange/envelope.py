"""The envelope of the data exchange platform (DXP): who sends what to whom, and the message that it carries."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from singlewindow import catalogue
from singlewindow.errors import WindowError
from singlewindow.messages import xml
from singlewindow.messages.xml import local

TYPE = "DxpMsg"
_MOST_RECEIVERS = 5
_MOST_ELEMENTS, _MOST_ATTRIBUTES = 150_000, 50_000


@dataclass(frozen=True, slots=True)
class Envelope:
    """`message_id`: the sender's own. `type`: what the two agreed to call it; not always a type of the catalogue."""

    message_id: str
    sender_id: str
    receivers: tuple[str, ...]
    type: str
    payload: bytes

    def as_json(self) -> dict[str, Any]:
        return {"kind": "dxp", "message_id": self.message_id, "sender_id": self.sender_id, "type": self.type}


def opened(raw: bytes) -> Envelope:
    """Raises 422 for an envelope without one to five receivers, a sender, and a message in base64."""
    root = xml.parse(raw, most_elements=_MOST_ELEMENTS, most_attributes=_MOST_ATTRIBUTES)
    parts = {local(child.tag): child for child in root}
    info, data = parts.get("TransInfo"), parts.get("Data")
    head = {local(child.tag): child for child in (info if info is not None else ())}
    receivers = tuple(_text(one) for one in head.get("ReceiverIds", ()) if local(one.tag) == "ReceiverId")
    sender, number = _text(head.get("SenderId")), _text(head.get("CopMsgId"))
    if not sender or not number or not 1 <= len(receivers) <= _MOST_RECEIVERS or not all(receivers):
        raise _broken(
            "TransInfo needs CopMsgId, SenderId, and 1 to 5 ReceiverId",
            "TransInfo 须有 CopMsgId、SenderId 及 1 至 5 个 ReceiverId",
        )
    if data is None or len(data):
        raise _broken(
            "Data holds the message in base64, not as XML", "Data 应为 base64 编码的业务报文，而非 XML"
        )
    try:
        payload = base64.b64decode("".join(_text(data).split()), validate=True)
    except (binascii.Error, ValueError):
        raise _broken("Data is not base64", "Data 不是 base64 编码") from None
    return Envelope(number[:255], sender[:16], receivers, _text(head.get("MsgType"))[:30], payload)


def agrees(envelope: Envelope, type: str, dxp_ids: set[str]) -> None:
    """Raises 422 where the envelope contradicts what it carries, or its sender is not one that the party registered."""
    if envelope.type != type and envelope.type in catalogue.names("messages"):
        raise WindowError(
            422, "envelope-type", f"MsgType says {envelope.type}, and it carries {type}",
            detail_zh=f"信封 MsgType 为 {envelope.type}，所载报文为 {type}", pointer="/DxpMsg/TransInfo/MsgType",
        )  # fmt: skip
    if envelope.sender_id not in dxp_ids:
        raise WindowError(
            422,
            "envelope-sender",
            f"SenderId {envelope.sender_id} is not one that you registered: "
            "POST /exchange/certificates with it as `dxp_id`",
            detail_zh=f"信封 SenderId {envelope.sender_id} 未由贵方登记：请随证书以 dxp_id 登记",
            pointer="/DxpMsg/TransInfo/SenderId",
        )


def _text(node: Any) -> str:
    return (node.text or "").strip() if node is not None else ""


def _broken(detail: str, detail_zh: str) -> WindowError:
    return WindowError(422, "envelope-unreadable", detail, detail_zh=detail_zh, pointer="/DxpMsg")
