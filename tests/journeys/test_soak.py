"""A small soak: every fault at once, nothing lost, nothing doubled. The large one is `make soak` (tests/soak)."""

from infra.stage import Stage
from tests.journeys.conftest import Planted
from tests.soak import run


def test_a_small_soak(stage: Stage, planted: Planted) -> None:
    """Without killed senders: what they had claimed is tried again after a minute, which the suite does not have."""
    mortal = tuple(name for name in run.MORTAL if name != "ChannelsDeliver")
    outcome = run.soaked(stage, 20, 11, lambda _: None, pairs=0, mortal=mortal, large=False)
    for queue, number in outcome.poison.items():
        planted.dead_letter(queue, number)
    wrong = [
        claim for claim in outcome.claims if not claim.holds and not claim.says.startswith("fault fired")
    ]
    assert not wrong
    assert {"call throttled", "answer lost after the effect"} <= set(+outcome.fired)
