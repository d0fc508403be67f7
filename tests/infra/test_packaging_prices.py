"""What `make bench` counts with: the price table, and DynamoDB's units."""

from datetime import UTC, date, datetime
from typing import Any

from tests.bench import capacity, prices
from tests.bench.cost import _SERVICES
from tests.bench.recording import Call


def test_every_price_has_a_source_a_date_and_a_service_that_is_shown() -> None:
    table = prices.table()
    assert date.fromisoformat(table["as_of"]) <= datetime.now(UTC).date()
    assert table["region"]
    for item, price in table["prices"].items():
        assert item.split(".")[0] in _SERVICES
        assert price["per_million"] > 0, item
        assert price["unit"], item
        assert price["source"].startswith("https://"), item
        assert price["seen"], item


def test_every_assumption_says_what_it_is() -> None:
    for assumption in prices.table()["assumptions"].values():
        assert set(assumption) == {"value", "says"}


def test_a_transaction_costs_twice_its_rounded_items() -> None:
    puts = [{"Put": {"Item": {"k": {"S": "x" * size}}}} for size in (100, 1023, 1024)]
    call = Call("dynamodb", "TransactWriteItems", {"TransactItems": puts})
    assert capacity.units(call) == (2 * (1 + 1 + 2), 0)


def test_a_query_is_rounded_up_once_and_costs_half_where_it_need_not_be_consistent() -> None:
    items = [{"k": {"S": "x" * 3000}}] * 3
    for consistent, cost in ((True, 3), (False, 1.5)):
        call = Call("dynamodb", "Query", {"ConsistentRead": consistent}, answer={"Items": items})
        assert capacity.units(call) == (0, cost)


def test_an_item_has_the_size_of_its_names_and_values() -> None:
    item: dict[str, Any] = {"name": {"S": "文"}, "raw": {"B": b"12345"}, "keys": {"L": [{"S": "ab"}]}}
    assert capacity.size(item) == (4 + 3) + (3 + 5) + (4 + 3 + 1 + 2)
