"""How the tests are spread over the workers: what shares a stack stays together, and the longest come first; on how
many examples a property is tried that does not say so itself.
"""

from collections.abc import Callable

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from tests.support.thorough import examples

settings.register_profile("suite", max_examples=examples(100))
settings.load_profile("suite")

# (what a module's path begins with, the unit that it belongs to), the longest unit first: a unit runs on one worker, so
# its stack comes up once. What is not named is a unit by itself.
UNITS = (
    ("tests/journeys/test_soak", "journeys under faults"),
    ("tests/journeys/test_faults", "journeys under faults"),
    ("tests/journeys/", "journeys"),
    ("tests/infra/test_run", "another process"),
    ("tests/model/", "model"),
    ("tests/infra/test_stage_", "fixture stack"),
)


def unit(nodeid: str) -> str:
    return next((name for start, name in UNITS if nodeid.startswith(start)), nodeid.rsplit("::", 1)[0])


class _Units(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return unit(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Callable[..., None]) -> LoadScopeScheduling:
    return _Units(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = list(dict.fromkeys(name for _, name in UNITS))
    place = {name: number for number, name in enumerate(order)}
    items.sort(key=lambda item: place.get(unit(item.nodeid), len(place)))
