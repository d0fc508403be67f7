"""A query of DynamoDB to its end: an answer holds a megabyte at most, and says where the next begins."""

from collections.abc import Iterator
from typing import Any

from singlewindow.aws.clients import client


def queried(**request: Any) -> Iterator[dict[str, Any]]:
    """Every item that the query finds, page by page as it is asked for; `Limit` bounds a page, not the whole."""
    while True:
        answer = client("dynamodb").query(**request)
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
