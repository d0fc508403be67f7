"""What was answered, in the received table: one row a reference, where questions and answers meet, and one a document.

Items: `reference#<reference>` with `meeting` (who may be answered by it, and the answers that wait for nobody known
yet; both sets, so writing twice adds nothing), and `receipt#<id>` with `business#<subject>`.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from random import uniform
from time import sleep
from typing import Any

from exchange.answers import Answer
from exchange.receipt import Business
from singlewindow import canonical, settings
from singlewindow.aws.clients import client, patiently
from singlewindow.aws.pages import queried
from singlewindow.errors import WindowError

# So many messages may quote one number; more is somebody's play.
_MOST_AT_ONE = 200
_ATTEMPTS = 8


@dataclass(frozen=True, slots=True, order=True)
class Asked:
    """A document of a message that quotes a reference."""

    received_at: str
    receipt_id: str
    sender: str
    type: str
    subject: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """An answer that came before what it answers, in the message `receipt_id` of `by`."""

    answer: Answer
    by: str
    receipt_id: str


def ask(reference: str, asked: Asked) -> list[Waiting]:
    """Enter what may be answered; the answers that wait under the reference. One write that reads: none is missed."""
    return _meeting(_enter(reference, "asked", asdict(asked)))[1]


def await_(reference: str, waiting: Waiting) -> list[Asked]:
    """Let an answer wait; whoever asked in this very moment, so that no two wait for each other."""
    told = {"answer": waiting.answer.as_json(), "by": waiting.by, "receipt_id": waiting.receipt_id}
    return _meeting(_enter(reference, "waiting", told))[0]


def asked(reference: str) -> list[Asked]:
    """Who may be answered by a reference, in the order of arrival."""
    answer = client("dynamodb").get_item(
        TableName=settings.get("RECEIVED_TABLE"), Key=_key(reference), ConsistentRead=True
    )
    return _meeting(answer.get("Item", {}))[0]


def arrived(reference: str, waiting: Waiting) -> None:
    """The answer waits no more."""
    told = {"answer": waiting.answer.as_json(), "by": waiting.by, "receipt_id": waiting.receipt_id}
    client("dynamodb").update_item(
        TableName=settings.get("RECEIVED_TABLE"),
        Key=_key(reference),
        UpdateExpression="DELETE waiting :w",
        ExpressionAttributeValues={":w": {"SS": [canonical.dumps(told).decode()]}},
    )


def advance(receipt_id: str, subject: str, decide: Callable[[Business], tuple[Business, str]]) -> str:
    """Record what `decide` makes of an answer in one conditional write, and its effect; decided anew where another
    wrote first."""
    database = client("dynamodb")
    key = {"key": {"S": f"receipt#{receipt_id}"}, "item": {"S": f"business#{subject}"}}
    for attempt in range(_ATTEMPTS):
        row = database.get_item(TableName=settings.get("RECEIVED_TABLE"), Key=key, ConsistentRead=True).get(
            "Item"
        )
        before = _business(row) if row else Business(subject)
        after, effect = decide(before)
        if after == before:
            return effect
        item = key | {
            "seq": {"N": str(after.seq)},
            "business": {"S": canonical.dumps(asdict(after)).decode()},
        }
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(seq)"}
        if row:
            condition = {
                "ConditionExpression": "seq = :seq",
                "ExpressionAttributeValues": {":seq": {"N": str(before.seq)}},
            }
        try:
            database.put_item(TableName=settings.get("RECEIVED_TABLE"), Item=item, **condition)
            return effect
        except database.exceptions.ConditionalCheckFailedException:
            # Another wrote, or we did and the answer was lost: then it is found as a repetition.
            sleep(uniform(0, 0.01 * 2**attempt))
    raise WindowError(
        503, "contended", f"{receipt_id} is being answered by others", detail_zh="并发冲突，请重试"
    )


def standing(receipt_id: str) -> list[Business]:
    """Where the documents of a message stand with those who answer them."""
    request: dict[str, Any] = {
        "TableName": settings.get("RECEIVED_TABLE"),
        "KeyConditionExpression": "#k = :k AND begins_with(#i, :i)",
        "ExpressionAttributeNames": {"#k": "key", "#i": "item"},
        "ExpressionAttributeValues": {":k": {"S": f"receipt#{receipt_id}"}, ":i": {"S": "business#"}},
        "ConsistentRead": True,
    }
    return [_business(row) for row in queried(**request)]


def _enter(reference: str, side: str, value: dict[str, Any]) -> dict[str, Any]:
    database = client("dynamodb")
    text = canonical.dumps(value).decode()
    try:
        answer = patiently(
            lambda: database.update_item(
                TableName=settings.get("RECEIVED_TABLE"),
                Key=_key(reference),
                UpdateExpression="ADD #side :one",
                ConditionExpression="attribute_not_exists(#side) OR contains(#side, :text) OR size(#side) < :most",
                ExpressionAttributeNames={"#side": side},
                ExpressionAttributeValues={
                    ":one": {"SS": [text]}, ":text": {"S": text}, ":most": {"N": str(_MOST_AT_ONE)},
                },
                ReturnValues="ALL_NEW",
            )
        )  # fmt: skip
    except database.exceptions.ConditionalCheckFailedException:
        return {}
    attributes: dict[str, Any] = answer["Attributes"]
    return attributes


def _meeting(row: dict[str, Any]) -> tuple[list[Asked], list[Waiting]]:
    asked = [Asked(**canonical.load(text)) for text in row.get("asked", {}).get("SS", ())]
    told = [canonical.load(text) for text in row.get("waiting", {}).get("SS", ())]
    waiting = [Waiting(Answer.from_json(one["answer"]), one["by"], one["receipt_id"]) for one in told]
    return sorted(asked), sorted(waiting, key=lambda one: (one.answer.rank, one.answer.at))


def _business(row: dict[str, Any]) -> Business:
    told = canonical.load(row["business"]["S"])
    return Business(**told | {"answers": tuple(told["answers"])})


def _key(reference: str) -> dict[str, Any]:
    return {"key": {"S": f"reference#{reference}"}, "item": {"S": "meeting"}}
