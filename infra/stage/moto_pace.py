"""Where moto and botocore are slow in a way that matters to us: what grows with all that a table or queue holds, and
what is worked out anew for every call and never changes. Answers stay what they were.

`moto_faults.mended()` puts these in place with its own. A soak of thousands of messages ends because of them.
"""

import copy
import os
import time
from collections.abc import Iterator, Mapping
from functools import cache, cached_property, lru_cache
from typing import Any

import moto.core.responses
import moto.sqs.models
from botocore.auth import SigV4Auth
from moto.core.serialize import BaseJSONSerializer
from moto.core.utils import camelcase_to_underscores, method_names_from_class
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing.expressions import UpdateExpressionParser  # type: ignore[attr-defined]
from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import Message, Queue, SQSBackend

# --- DynamoDB -----------------------------------------------------------------------------------------------


def _query(
    table: Table,
    hash_key: Any,
    range_comparison: Any,
    range_objs: Any,
    limit: Any,
    after: Any,
    forward: Any,
    projected: Any,
    index_name: str | None = None,
    *args: Any,
    **kwargs: Any,
) -> Any:
    """moto sorts the whole table for each query, and weighs each item of the partition; here it is shown what the
    key condition asks for. An index it may go through as it does.
    """
    more = (limit, after, forward, projected, index_name, *args)
    if index_name or not table.has_range_key:
        return _unpatched_query(table, hash_key, range_comparison, range_objs, *more, **kwargs)
    held: Mapping[Any, Any] = table.items.get(hash_key, {})
    if range_comparison:
        held = {key: item for key, item in held.items() if key.compare(range_comparison, range_objs)}
    asked = copy.copy(table)
    asked.items = {hash_key: held}  # type: ignore[assignment]
    return _unpatched_query(asked, hash_key, range_comparison, range_objs, *more, **kwargs)


_unpatched_query = Table.query


def _all_items(table: Table) -> list[Any]:
    """In the order of their keys, for a page of a scan; moto compares number by number what it unpacks each time."""
    if not table.has_range_key:
        return sorted(table.items.values(), key=lambda item: item.hash_key.cast_value)
    held = [item for partition in table.items.values() for item in partition.values()]
    return sorted(held, key=lambda item: (item.hash_key.cast_value, item.range_key.cast_value))


@lru_cache(1000)
def _parsed_update(expression: str) -> Any:
    """moto parses it three times an update; who changes what comes of it copies it first."""
    return _unpatched_make(expression)


_unpatched_make = UpdateExpressionParser.make

# --- SQS ----------------------------------------------------------------------------------------------------


def _unix_time() -> float:
    """moto goes by two datetimes and their difference; it asks for each message of a queue, twice."""
    return time.time()


def _unix_time_millis() -> float:
    return time.time() * 1000


def _messages(queue: Queue) -> list[Message]:
    """The visible ones, by one look at the clock."""
    now = time.time() * 1000
    return [one for one in queue._messages if one.visible_at < now and one.delayed_until <= now]


class _Attributes(Mapping[str, Any]):
    """A queue's attributes, counted when they are asked for: moto counts the queue three times for a message sent."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue

    @cached_property
    def _all(self) -> dict[str, Any]:
        return dict(_unpatched_attributes(self.queue))

    def get(self, name: str, default: Any = None) -> Any:
        if name == "ContentBasedDeduplication" and not self.queue.fifo_queue:
            return default
        return self._all.get(name, default)

    def __getitem__(self, name: str) -> Any:
        return self._all[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._all[name] = value

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


_unpatched_attributes: Any = Queue.attributes.fget  # type: ignore[attr-defined]


def _is_kept(backend: SQSBackend, queue_name: str, message: Message) -> bool:
    """Whether its retention period is not over; moto counts the queue for that."""
    period = backend.get_queue(queue_name).message_retention_period  # type: ignore[attr-defined]
    return bool(period + message.sent_timestamp / 1000 > time.time())  # type: ignore[operator]


def _delete_message(queue: Queue, receipt_handle: str) -> None:
    """moto makes a list of each message's handles, twice, and the queue anew."""
    if receipt_handle in queue.deleted_messages:
        return
    for place, message in enumerate(queue._messages):
        if message.receipt_handle == receipt_handle or receipt_handle in message._old_receipt_handles:
            queue.pending_messages.discard(message)
            queue.deleted_messages.update(message.all_receipt_handles)  # type: ignore[arg-type]
            del queue._messages[place]
            return
    raise ReceiptHandleIsInvalid()


def _copied(one: Any) -> Any:
    """What a receiver gets: a message whose attributes may be taken away; moto copies it to the last character."""
    return copy.copy(one)


# --- all services -------------------------------------------------------------------------------------------


def _serialize_type_structure(
    serializer: BaseJSONSerializer, serialized: Any, value: Any, shape: Any, key: str
) -> None:
    """moto looks for each member of a shape under ten names; a dict that has none but the shape's members has them
    under their own. (In XML a member's name is not its place.) A text or a number of DynamoDB goes as it lies.
    """
    if shape.name == "AttributeValue" and key and type(value) is dict and value.keys() < _AS_THEY_LIE:
        serialized[key] = value
        return
    if (
        type(value) is dict
        and not shape.is_document_type
        and not serializer._value_picker.response_transformers
    ):
        members = shape.members
        if value.keys() <= members.keys():
            wrapper: Any = serializer.MAP_TYPE() if key else serialized
            for name, member in value.items():
                if member is not None:
                    members[name].parent = shape
                    serializer._serialize(wrapper, member, members[name], name)
            if key:
                serializer._default_serialize(serialized, wrapper, shape, key)
            return
    _unpatched_structure(serializer, serialized, value, shape, key)


_AS_THEY_LIE = {"S", "N", "BOOL", "NULL"}
_unpatched_structure: Any = BaseJSONSerializer._serialize_type_structure


def _request_id(headers: dict[str, Any] | None = None) -> str:
    """moto draws 52 letters one by one."""
    id = os.urandom(26).hex().upper()
    if isinstance(headers, dict):
        headers["x-amzn-requestid"] = id
    return id


def _unsigned(*_: Any) -> str:
    """Nobody here looks at a signature: moto reads the region and the key's name beside it."""
    return "unsigned"


REPLACED: tuple[tuple[Any, str, Any], ...] = (
    (Table, "query", _query),
    (Table, "all_items", _all_items),
    (UpdateExpressionParser, "make", staticmethod(_parsed_update)),
    (moto.sqs.models, "unix_time", _unix_time),
    (moto.sqs.models, "unix_time_millis", _unix_time_millis),
    (moto.sqs.models, "deepcopy", _copied),
    (moto.sqs.models, "camelcase_to_underscores", cache(camelcase_to_underscores)),
    (Queue, "messages", property(_messages)),
    (Queue, "attributes", property(_Attributes)),
    (Queue, "delete_message", _delete_message),
    (SQSBackend, "is_message_valid_based_on_retention_period", _is_kept),
    (BaseJSONSerializer, "_serialize_type_structure", _serialize_type_structure),
    (moto.core.responses, "camelcase_to_underscores", cache(camelcase_to_underscores)),
    (moto.core.responses, "method_names_from_class", cache(method_names_from_class)),
    (moto.core.responses, "gen_amzn_requestid_long", _request_id),
    (SigV4Auth, "canonical_request", _unsigned),
    (SigV4Auth, "signature", _unsigned),
)
