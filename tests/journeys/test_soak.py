"""A small soak: every fault at once, nothing lost, nothing doubled. The large one is `make soak` (tests/soak)."""

from infra.stage import Stage
from tests.journeys.conftest import Planted
from tests.soak import run


def test_a_small_soak(stage: Stage, planted: Planted) -> None:
    outcome = run.soaked(stage, 20, 11, lambda _: None, pairs=0, large=False)
    for queue, number in outcome.poison.items():
        planted.dead_letter(queue, number)
    wrong = [
        claim for claim in outcome.claims if not claim.holds and not claim.says.startswith("fault fired")
    ]
    assert not wrong
    assert {"call throttled", "answer lost after the effect", "redeploy in mid-flight"} <= set(+outcome.fired)
