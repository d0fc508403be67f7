"""The row of a destination's circuit: its slots, its failures in a row, and how it is paced.

It stands in a table of whoever sends there; each change is one conditional write, so that two senders never both think
that they were first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from singlewindow import settings
from singlewindow.aws.clients import client
from singlewindow.outbound.retry import SLOT_SECONDS, SLOTS, Circuit


@dataclass(frozen=True, slots=True)
class Breaker:
    """`table`: a setting's name; `key`: the attributes of the row's key."""

    table: str
    key: Mapping[str, str]

    def read(self) -> Circuit:
        answer = client("dynamodb").get_item(
            TableName=settings.get(self.table), Key=self._key, ConsistentRead=True
        )
        return _circuit(answer.get("Item", {}))

    def enter(self, slot: int, now: float, pace: float = 0.0) -> bool:
        """Take a slot; False where another was quicker, or the circuit opened.

        `pace`: seconds that must lie between two entries, whatever the slots.
        """
        values = {":now": _number(now), ":until": _number(now + SLOT_SECONDS)}
        change = f"SET slot{slot} = :until"
        condition = (
            f"(attribute_not_exists(slot{slot}) OR slot{slot} <= :now)"
            " AND (attribute_not_exists(opens) OR opens <= :now)"
        )
        if pace:
            values[":paced"] = _number(now + pace)
            change += ", paced = :paced"
            condition += " AND (attribute_not_exists(paced) OR paced <= :now)"
        return self._update(change, values, condition)

    def leave(self, slot: int) -> None:
        """Give a slot back, for an attempt that did not happen."""
        self._update(f"REMOVE slot{slot}")

    def succeeded(self) -> None:
        """Whatever was counted is forgotten: the circuit is closed."""
        slots = ", ".join(f"slot{slot}" for slot in range(SLOTS))
        self._update(f"REMOVE failures, since, opens, {slots}")

    def failed(self, slot: int, now: float) -> Circuit:
        """One more failure in a row; the circuit with it."""
        answer = client("dynamodb").update_item(
            TableName=settings.get(self.table),
            Key=self._key,
            UpdateExpression=f"SET since = if_not_exists(since, :now) REMOVE slot{slot} ADD failures :one",
            ExpressionAttributeValues={":now": _number(now), ":one": {"N": "1"}},
            ReturnValues="ALL_NEW",
        )
        return _circuit(answer["Attributes"])

    def open_until(self, opens: float) -> None:
        self._update("SET opens = :opens", {":opens": _number(opens)})

    @property
    def _key(self) -> dict[str, Any]:
        return {name: {"S": value} for name, value in self.key.items()}

    def _update(
        self, change: str, values: Mapping[str, Any] | None = None, condition: str | None = None
    ) -> bool:
        """Whether the condition held and the change was made."""
        dynamodb = client("dynamodb")
        request: dict[str, Any] = {
            "TableName": settings.get(self.table),
            "Key": self._key,
            "UpdateExpression": change,
        }
        request |= {"ExpressionAttributeValues": values} if values else {}
        request |= {"ConditionExpression": condition} if condition else {}
        try:
            dynamodb.update_item(**request)
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _circuit(item: Mapping[str, Any]) -> Circuit:
    def number(name: str) -> float | None:
        return float(item[name]["N"]) if name in item else None

    slots = {slot: until for slot in range(SLOTS) if (until := number(f"slot{slot}")) is not None}
    return Circuit(
        int(number("failures") or 0), number("since"), number("opens") or 0.0, slots, number("paced") or 0.0
    )


def _number(seconds: float) -> dict[str, str]:
    return {"N": f"{seconds:.3f}"}
