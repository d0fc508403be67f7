"""List prices: `prices.json`, with region, source and date."""

import json
from functools import cache
from pathlib import Path
from typing import Any


@cache
def table() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(Path(__file__).with_name("prices.json").read_text("utf-8"))
    return read


def of(item: str) -> float:
    """Dollars for a million of `item`, so for one in each of a million declarations."""
    return float(table()["prices"][item]["per_million"])


def unit(item: str) -> str:
    return str(table()["prices"][item]["unit"])


def assumed(name: str) -> Any:
    return table()["assumptions"][name]["value"]
