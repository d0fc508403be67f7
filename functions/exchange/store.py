"""The messages table: which message went to whom about what, and the task token that its answer will complete."""

from dataclasses import asdict, dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from singlewindow import settings
from singlewindow.aws.clients import client
from singlewindow.consignment import Row


@dataclass(frozen=True, slots=True)
class Sent:
    """One message as sent. The token never leaves this table; `body_key` names the body in the archive.

    `request`: which wish to change or withdraw it is about; 0: the declaration itself.
    """

    message_id: str
    window_no: str
    declaration_version: int
    agency: str
    type: str
    version: int
    sha256: str
    body_key: str
    correlation_id: str
    clear_is_final: bool
    request: int = 0
    task_token: str | None = None


def message_id(window_no: str, version: int, agency: str, type: str) -> str:
    """The same question has the same id, however often it is put."""
    return str(uuid5(NAMESPACE_URL, f"urn:singlewindow:{window_no}:{version}:{agency}:{type}"))


def row(sent: Sent) -> Row:
    """The row as a part of the ledger's transaction."""
    item = {name: _attribute(value) for name, value in asdict(sent).items() if value is not None}
    return Row("MESSAGES_TABLE", "message_id", item)


def find(message_id: str) -> Sent | None:
    answer = client("dynamodb").get_item(
        TableName=settings.get("MESSAGES_TABLE"), Key={"message_id": {"S": message_id}}, ConsistentRead=True
    )
    if "Item" not in answer:
        return None
    return Sent(**{name: _value(attribute) for name, attribute in answer["Item"].items()})


def hand_over(message_id: str, task_token: str) -> None:
    """A repeated step waits on a new token; the old one is nobody's."""
    client("dynamodb").update_item(
        TableName=settings.get("MESSAGES_TABLE"),
        Key={"message_id": {"S": message_id}},
        UpdateExpression="SET task_token = :token",
        ExpressionAttributeValues={":token": {"S": task_token}},
    )


def _attribute(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


def _value(attribute: dict[str, Any]) -> Any:
    if "N" in attribute:
        return int(attribute["N"])
    return attribute.get("BOOL", attribute.get("S"))
