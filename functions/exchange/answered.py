"""What was answered, in the received table: one row a reference, where questions and answers meet, and one a document.

Items: `reference#<reference>` with `meeting` (who may be answered by it, and the answers that wait for nobody known
yet; both sets, so writing twice adds nothing) and, where it is crowded, one item an entry beside it; and `receipt#<id>`
with `business#<subject>`.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from random import uniform
from time import sleep
from typing import Any

from exchange.answers import Answer
from exchange.receipt import Business
from singlewindow import canonical, settings
from singlewindow.aws.clients import client, patiently
from singlewindow.aws.pages import queried
from singlewindow.errors import WindowError

# So many entries of a side stand in the row, which every entry reads and pays for whole: 250 KB at most. Beyond it, and
# more is a mistake or somebody's play, each is an item of its own: nothing is lost, and the row grows no more.
_MOST_IN_ROW = 60
_ATTEMPTS = 8
# Beyond so many that quote one number nobody can be meant any more; what is entered stays.
_MOST_READ = 1000


ANYBODY = "*"


@dataclass(frozen=True, slots=True, order=True)
class Asked:
    """A document of a message that quotes a reference. `to`: who gets the message; an entry of before that was
    written does not say."""

    received_at: str
    receipt_id: str
    sender: str
    type: str
    subject: str
    to: tuple[str, ...] = (ANYBODY,)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What one says in the message `receipt_id` of `by`, which may come before what it answers. `to`: the parties that
    the message names as its receivers, so that it answers nobody else; empty where it names none."""

    answer: Answer
    by: str
    receipt_id: str
    to: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        told = {"answer": self.answer.as_json(), "by": self.by, "receipt_id": self.receipt_id}
        return told | ({"to": self.to} if self.to else {})

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Waiting":
        told = {"answer": Answer.from_json(value["answer"]), "to": tuple(value.get("to", ()))}
        return cls(**{**value, **told})

    def concerns(self, asked: Asked) -> bool:
        """Whether it can be an answer to that: of a type that it answers, sent to who says it, by whom it names."""
        return (
            asked.type in self.answer.asked
            and bool({self.by, ANYBODY} & {*asked.to})
            and (not self.to or asked.sender in self.to)
        )


@dataclass(frozen=True, slots=True)
class Meeting:
    """Who asked under a reference in the order of arrival, which answers wait there, whether it is crowded."""

    asked: list[Asked]
    waiting: list[Waiting]
    crowded: bool


def ask(reference: str, asked: Asked) -> Meeting:
    """Enter what may be answered. One write that reads: no answer that waits is missed."""
    return _enter(reference, "asked", asdict(asked))


def await_(reference: str, waiting: Waiting) -> Meeting:
    """Let an answer wait, and see whoever asked in this very moment, so that no two wait for each other."""
    return _enter(reference, "waiting", waiting.as_json())


def at(reference: str) -> Meeting:
    """Who meets under a reference."""
    answer = client("dynamodb").get_item(
        TableName=settings.get("RECEIVED_TABLE"), Key=_key(reference), ConsistentRead=True
    )
    return _meeting(reference, answer.get("Item", {}))


def arrived(reference: str, waiting: Waiting) -> None:
    """The answer waits no more: neither in the row nor beside it."""
    text = canonical.dumps(waiting.as_json()).decode()
    if "crowded" in _without(text, _key(reference)):
        _without(text, _key(reference, _of_its_own("waiting", text)))


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


def _enter(reference: str, side: str, value: dict[str, Any]) -> Meeting:
    database, table = client("dynamodb"), settings.get("RECEIVED_TABLE")
    text = canonical.dumps(value).decode()
    try:
        answer = patiently(
            lambda: database.update_item(
                TableName=table,
                Key=_key(reference),
                UpdateExpression="ADD #side :one",
                ConditionExpression="attribute_not_exists(#side) OR contains(#side, :text) OR size(#side) < :most",
                ExpressionAttributeNames={"#side": side},
                ExpressionAttributeValues={
                    ":one": {"SS": [text]}, ":text": {"S": text}, ":most": {"N": str(_MOST_IN_ROW)},
                },
                ReturnValues="ALL_NEW",
            )
        )  # fmt: skip
        return _meeting(reference, answer["Attributes"])
    except database.exceptions.ConditionalCheckFailedException:
        # The mark, the entry, the look: who entered the row before the mark is seen here, who did after sees the entry.
        mark = {
            "UpdateExpression": "SET crowded = :yes",
            "ExpressionAttributeValues": {":yes": {"BOOL": True}},
        }
        patiently(lambda: database.update_item(TableName=table, Key=_key(reference), **mark))
        own = _key(reference, _of_its_own(side, text)) | {side: {"SS": [text]}}
        database.put_item(TableName=table, Item=own)
        return at(reference)


def _without(text: str, key: dict[str, Any]) -> dict[str, Any]:
    answer = client("dynamodb").update_item(
        TableName=settings.get("RECEIVED_TABLE"),
        Key=key,
        UpdateExpression="DELETE waiting :w",
        ExpressionAttributeValues={":w": {"SS": [text]}},
        ReturnValues="ALL_NEW",
    )
    row: dict[str, Any] = answer.get("Attributes", {})
    return row


def _meeting(reference: str, row: dict[str, Any]) -> Meeting:
    rows = _crowd(reference) if "crowded" in row else [row]
    asked, waiting = (
        [canonical.load(text) for text in {text for one in rows for text in one.get(side, {}).get("SS", ())}]
        for side in ("asked", "waiting")
    )
    return Meeting(
        sorted(Asked(**{**one, "to": tuple(one.get("to", (ANYBODY,)))}) for one in asked),
        sorted(map(Waiting.from_json, waiting), key=lambda one: (one.answer.rank, one.answer.at)),
        "crowded" in row,
    )


def _crowd(reference: str) -> list[dict[str, Any]]:
    """The row and the entries beside it."""
    request: dict[str, Any] = {
        "TableName": settings.get("RECEIVED_TABLE"),
        "KeyConditionExpression": "#k = :k",
        "ExpressionAttributeNames": {"#k": "key"},
        "ExpressionAttributeValues": {":k": _key(reference)["key"]},
        "ConsistentRead": True,
    }
    return list(islice(queried(**request), _MOST_READ))


def _of_its_own(side: str, text: str) -> str:
    return f"{side}#{canonical.sha256(text.encode())}"


def _business(row: dict[str, Any]) -> Business:
    told = canonical.load(row["business"]["S"])
    return Business(**told | {"answers": tuple(told["answers"])})


def _key(reference: str, item: str = "meeting") -> dict[str, Any]:
    return {"key": {"S": f"reference#{reference}"}, "item": {"S": item}}
