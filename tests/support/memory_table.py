"""DynamoDB as our stores use it, in memory: all-or-none writes under their conditions, consistent reads, faults.

Only the expressions that `ledger`, `inspections.store` and `payments.store` write are known; another one is an error.
"""

from collections.abc import Callable
from copy import deepcopy
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

Item = dict[str, Any]
_IS_NEW = ("attribute_not_exists(consignment)", "attribute_not_exists(#k)")
_HAS_ROOM = "attribute_not_exists(holders) OR (size(holders) < :capacity AND NOT contains(holders, :id))"


class Crash(Exception):
    """The process dies here."""


class ConditionFailed(ClientError):
    """`exceptions.ConditionalCheckFailedException`."""

    def __init__(self) -> None:
        super().__init__({"Error": {"Code": "ConditionalCheckFailedException"}}, "PutItem")


class MemoryTable:
    """`crash`: (n, whether it happens all the same): the process dies at its n-th write from now on.

    `meanwhile`: what others do just before the next write, after its process has read what it decides on.
    """

    exceptions = SimpleNamespace(ConditionalCheckFailedException=ConditionFailed)

    def __init__(self, committed: Callable[[dict[tuple[str, ...], Item]], None]) -> None:
        self.items: dict[tuple[str, ...], Item] = {}
        self.crash: tuple[int, bool] | None = None
        self.meanwhile: Callable[[], None] | None = None
        self._committed = committed

    def get_item(self, *, TableName: str, Key: Item, **_: Any) -> Item:
        found = self.items.get(_key(TableName, Key))
        return {"Item": dict(found)} if found is not None else {}

    def query(self, **asked: Any) -> Item:
        values = asked["ExpressionAttributeValues"]
        partition, condition = values[":k"]["S"], asked["KeyConditionExpression"]
        judge: Callable[[str], bool] = {
            "#k = :k": lambda item: True,
            "#k = :k AND #i >= :from": lambda item: item >= values[":from"]["S"],
            "#k = :k AND #i < :b": lambda item: item < values[":b"]["S"],
            "#k = :k AND begins_with(#i, :p)": lambda item: item.startswith(values[":p"]["S"]),
            "#k = :k AND begins_with(#i, :prefix)": lambda item: item.startswith(values[":prefix"]["S"]),
        }[condition]
        keys = [k for k in self.items if k[:2] == (asked["TableName"], partition) and judge(k[2])]
        keys.sort(reverse=not asked.get("ScanIndexForward", True))
        return {"Items": [dict(self.items[k]) for k in keys[: asked.get("Limit") or len(keys)]]}

    def put_item(self, **put: Any) -> Item:
        self._others_act()
        if not self._holds(put, _key(put["TableName"], put["Item"])):
            raise ConditionFailed
        self._write({_key(put["TableName"], put["Item"]): put["Item"]})
        return {}

    def transact_write_items(self, *, TransactItems: list[Item]) -> Item:
        self._others_act()
        wanted, reasons = {}, []
        for one in TransactItems:
            ((kind, write),) = one.items()
            key = _key(write["TableName"], write["Item"] if kind == "Put" else write["Key"])
            assert key not in wanted, f"two writes of one item in a transaction: {key}"
            reasons.append({"Code": "None" if self._holds(write, key) else "ConditionalCheckFailed"})
            wanted[key] = write["Item"] if kind == "Put" else self._updated(write, key)
        if any(reason["Code"] != "None" for reason in reasons):
            said: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
            raise ClientError(said, "TransactWriteItems")
        self._write(wanted)
        return {}

    def _others_act(self) -> None:
        acts, self.meanwhile = self.meanwhile, None
        if acts:
            crash, self.crash = self.crash, None
            acts()
            self.crash = crash

    def _write(self, wanted: dict[tuple[str, ...], Item]) -> None:
        left, happens = self.crash or (0, True)
        self.crash = (left - 1, happens) if left > 1 else None
        if left == 1 and not happens:
            raise Crash
        self._committed(wanted)
        self.items |= deepcopy(wanted)
        if left == 1:
            raise Crash

    def _holds(self, write: Item, key: tuple[str, ...]) -> bool:
        condition, before = write.get("ConditionExpression"), self.items.get(key)
        values = write.get("ExpressionAttributeValues", {})
        if condition is None:
            return True
        if condition in _IS_NEW:
            return before is None
        if condition == "seq < :seq":
            return before is not None and int(before["seq"]["N"]) < int(values[":seq"]["N"])
        assert condition == _HAS_ROOM, condition
        holders = (before or {}).get("holders", {}).get("SS", [])
        return len(holders) < int(values[":capacity"]["N"]) and values[":id"]["S"] not in holders

    def _updated(self, write: Item, key: tuple[str, ...]) -> Item:
        after: Item = deepcopy(self.items[key] if key in self.items else write["Key"])
        holders = set(after.pop("holders", {}).get("SS", []))
        me = set(write["ExpressionAttributeValues"][":me"]["SS"])
        changed = {"ADD holders :me": holders | me, "DELETE holders :me": holders - me}[
            write["UpdateExpression"]
        ]
        return after | ({"holders": {"SS": sorted(changed)}} if changed else {})


def _key(table: str, item: Item) -> tuple[str, ...]:
    names = ("consignment", "item") if "consignment" in item else ("key", "item")
    return (table, *(item[name]["S"] for name in names))
