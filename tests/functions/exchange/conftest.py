"""Fixtures of the exchange's tests."""

from collections.abc import Iterator

import pytest

from tests.support import exchange_cloud


@pytest.fixture(scope="module")
def standing() -> Iterator[None]:
    with exchange_cloud.opened():
        yield


@pytest.fixture
def cloud(standing: None) -> None:
    """The exchange's tables and buckets on moto, empty."""
    exchange_cloud.emptied()
