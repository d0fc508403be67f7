"""The channels table, which only this capability writes: what is registered, and who changed what and when.

Items: `party#<party>` / `<id>` the channel as it is; `channel#<id>` / `owner` whose it is; `channel#<id>` /
`history#<version>` one change, written with it; `all#<shard>` / `<id>` for who may see all, with its protocol. Nothing
is ever removed: a closed channel keeps its history.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from channels.channel import CLOSED, Channel, inbox_of, standing
from singlewindow import canonical, catalogue, clock, settings
from singlewindow.aws.clients import client
from singlewindow.aws.pages import queried
from singlewindow.errors import WindowError
from singlewindow.parties import TRADERS, Caller

_SHARDS: Final = "0123456789abcdef"


def add(channel: Channel, by: Caller) -> None:
    """Register a channel, with the first line of its history."""
    rows = [
        _put(_row(channel), new=True),
        _put(_key(f"channel#{channel.id}", "owner") | {"party": {"S": channel.party}}, new=True),
        _put(
            _key(f"all#{channel.id[0]}", channel.id)
            | {
                "party": {"S": channel.party},
                "protocol": {"S": channel.protocol},
                "role": {"S": channel.role},
            },
            new=True,
        ),
        _history(None, channel, by),
    ]
    client("dynamodb").transact_write_items(TransactItems=rows)


def change(before: Channel, after: Channel, by: Caller) -> Channel:
    """Write the next version with its line of history, both or neither; the channel as it is then.

    Raises 412 where somebody else changed it meanwhile.
    """
    after = replace(after, version=before.version + 1)
    put = _put(_row(after), new=False)
    put["Put"] |= {
        "ConditionExpression": "#v = :before",
        "ExpressionAttributeNames": {"#v": "version"},
        "ExpressionAttributeValues": {":before": {"N": str(before.version)}},
    }
    database = client("dynamodb")
    try:
        database.transact_write_items(TransactItems=[put, _history(before, after, by)])
    except (
        database.exceptions.TransactionCanceledException,
        database.exceptions.TransactionConflictException,
    ):
        standing_now = find(before.id)
        if standing_now == after:  # our own answer, lost on its way
            return after
        raise WindowError(
            412, "changed-meanwhile", "somebody else changed it: read it again",
            detail_zh="通道已被他人修改，请重新读取",
        ) from None  # fmt: skip
    return after


def find(channel_id: str) -> Channel | None:
    """A channel by its id; an agency's standing inbox as well."""
    if agency := inbox_of(channel_id):
        return inbox(agency)
    owner = client("dynamodb").get_item(
        TableName=_table(), Key=_key(f"channel#{channel_id}", "owner"), ConsistentRead=True
    )
    return of(owner["Item"]["party"]["S"], channel_id) if "Item" in owner else None


def of(party: str, channel_id: str) -> Channel | None:
    """One channel of a party that is known: a read less than `find`."""
    if agency := inbox_of(channel_id):
        return inbox(agency) if agency == party else None
    answer = client("dynamodb").get_item(
        TableName=_table(), Key=_key(f"party#{party}", channel_id), ConsistentRead=True
    )
    return _read(answer["Item"]) if "Item" in answer else None


def of_party(party: str) -> list[Channel]:
    """All that a party has registered, the closed ones included, the oldest first."""
    found = [_read(item) for item in _query(f"party#{party}")]
    return sorted(found, key=lambda one: (one.created_at, one.id))


def inbox(agency: str) -> Channel | None:
    """The standing inbox of an agency of the catalogue; None for anybody else."""
    if agency not in catalogue.names("agencies"):
        return None
    return standing(catalogue.load(f"agencies/{agency}.json"))


def all_of(shard: str) -> list[Channel]:
    """Every channel of one shard (`0` to `f`), for operators."""
    parties = {item["item"]["S"]: item["party"]["S"] for item in _query(f"all#{shard}")}
    found = (of(party, id) for id, party in parties.items())
    return [one for one in found if one]


def traders() -> dict[str, int]:
    """How many traders have ever had a channel of a protocol."""
    parties: dict[str, set[str]] = {}
    for shard in _SHARDS:
        for row in _query(f"all#{shard}"):
            if "protocol" in row and row["role"]["S"] in TRADERS:
                parties.setdefault(row["protocol"]["S"], set()).add(row["party"]["S"])
    return {protocol: len(held) for protocol, held in parties.items()}


def shards() -> str:
    return _SHARDS


def history(channel_id: str) -> list[dict[str, Any]]:
    """Who changed what and when, the first change first."""
    items = _query(f"channel#{channel_id}", "history#")
    return [canonical.load(item["change"]["S"]) for item in items]


def closed(channel: Channel) -> Channel:
    return replace(channel, status=CLOSED)


def _history(before: Channel | None, after: Channel, by: Caller) -> dict[str, Any]:
    """What one change made different. Secrets are not among it: they are nowhere."""
    was, now = (before.as_json() if before else {}), after.as_json()
    changed = {
        name: {"before": was.get(name), "after": value}
        for name, value in now.items()
        if name != "version" and was.get(name) != value
    }
    line = {
        "version": after.version,
        "at": clock.stamp(),
        "by": by.subject,
        "role": by.role,
        "party": by.party,
        "changed": changed,
    }
    item = _key(f"channel#{after.id}", f"history#{after.version:08d}")
    return _put(item | {"change": {"S": canonical.dumps(line).decode()}}, new=True)


def _row(channel: Channel) -> dict[str, Any]:
    content = {
        "version": {"N": str(channel.version)},
        "channel": {"S": canonical.dumps(channel.as_json()).decode()},
    }
    return _key(f"party#{channel.party}", channel.id) | content


def _read(item: dict[str, Any]) -> Channel:
    return Channel.read(canonical.load(item["channel"]["S"]))


def _query(key: str, prefix: str = "") -> Iterator[dict[str, Any]]:
    request: dict[str, Any] = {
        "TableName": _table(),
        "KeyConditionExpression": "#k = :key" + (" AND begins_with(#i, :prefix)" if prefix else ""),
        "ExpressionAttributeNames": {"#k": "key"} | ({"#i": "item"} if prefix else {}),
        "ExpressionAttributeValues": {":key": {"S": key}} | ({":prefix": {"S": prefix}} if prefix else {}),
        "ConsistentRead": True,
    }
    return queried(**request)


def _put(item: dict[str, Any], *, new: bool) -> dict[str, Any]:
    put: dict[str, Any] = {"TableName": _table(), "Item": item}
    if new:
        put |= {
            "ConditionExpression": "attribute_not_exists(#k)",
            "ExpressionAttributeNames": {"#k": "key"},
        }
    return {"Put": put}


def _key(key: str, item: str) -> dict[str, Any]:
    return {"key": {"S": key}, "item": {"S": item}}


def _table() -> str:
    return settings.get("CHANNELS_TABLE")
