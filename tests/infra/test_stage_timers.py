"""One-off schedules: delivered once, when they are due by the window's clock, and gone then."""

import json
from datetime import timedelta
from typing import Any

import pytest

from infra.stage import Stage, StageError
from singlewindow import clock, correlation, settings
from singlewindow.aws import timers


@pytest.fixture(autouse=True)
def granted(stage: Stage) -> Any:
    """What the manifest's `timers:…:set` gives."""
    env = {
        "TIMERS_GROUP": stage.resource("Timers"),
        "TIMERS_QUEUE": stage.attribute("Inbox", "Arn"),
        "TIMERS_ROLE": stage.attribute("TimersRole", "Arn"),
    }
    with settings.using(env):
        yield
    for one in standing(stage):
        stage.client("scheduler").delete_schedule(GroupName=stage.resource("Timers"), Name=one)


def standing(stage: Stage) -> list[str]:
    held = stage.client("scheduler").list_schedules(GroupName=stage.resource("Timers"))["Schedules"]
    return sorted(one["Name"] for one in held)


def told(probe: Any) -> list[Any]:
    return [json.loads(record["body"])["payload"]["n"] for record in probe.seen]


def test_a_timer_to_come_makes_no_noise_and_one_that_is_over_is_delivered(stage: Stage, probe: Any) -> None:
    timers.at(clock.now() + timedelta(days=2), "later", {"n": 2})
    timers.at(clock.now() + timedelta(days=1), "sooner", {"n": 1})
    stage.settle()
    assert (probe.seen, standing(stage)) == ([], ["later", "sooner"])
    with stage.at(clock.now() + timedelta(days=1, minutes=1)):
        stage.settle()
        assert (told(probe), standing(stage)) == ([1], ["later"])
    with stage.at(clock.now() + timedelta(days=9)):
        stage.settle()
    assert (told(probe), standing(stage)) == ([1, 2], [])


def test_a_timer_goes_off_by_itself(stage: Stage, probe: Any) -> None:
    with stage.at(clock.now() - timedelta(minutes=1)):
        timers.at(clock.now() + timedelta(seconds=60), "soon", {"n": 1})
    with stage.at(clock.now() + timedelta(seconds=0.5)):
        stage.wait_until(lambda: probe.seen, what="the timer")


def test_the_same_timer_set_again_is_one(stage: Stage, probe: Any) -> None:
    for n in (1, 2):
        timers.at(clock.now() + timedelta(days=1), "once", {"n": n})
    with stage.at(clock.now() + timedelta(days=2)):
        stage.settle()
    assert told(probe) == [1]


def test_an_instant_that_is_over_is_a_minute_from_now(stage: Stage, probe: Any) -> None:
    timers.at(clock.now() - timedelta(days=30), "late", {"n": 1})
    stage.settle()
    assert probe.seen == []
    with stage.at(clock.now() + timedelta(seconds=62)):
        stage.settle()
    assert told(probe) == [1]


def test_a_timer_never_goes_off_before_its_instant(stage: Stage, probe: Any) -> None:
    instant = clock.now().replace(microsecond=900_000) + timedelta(hours=1)
    timers.at(instant, "exact", {"n": 1})
    with stage.at(instant - timedelta(milliseconds=50)):
        stage.settle()
        assert probe.seen == []


def test_what_is_told_keeps_its_correlation_id(stage: Stage, probe: Any) -> None:
    with correlation.bound("c0rre1a7-10n0"):
        timers.at(clock.now(), "bound", {"n": 1})
    with stage.at(clock.now() + timedelta(minutes=2)):
        stage.settle()
    assert json.loads(probe.seen[0]["body"])["correlation_id"] == "c0rre1a7-10n0"


@pytest.mark.parametrize(
    "odd",
    [
        {"ScheduleExpression": "rate(1 hour)"},
        {"ActionAfterCompletion": "NONE"},
        {"Target": {"Arn": "arn:aws-cn:lambda:cn-northwest-1:123456789012:function:x", "RoleArn": "r"}},
    ],
)
def test_what_the_stage_cannot_play_is_refused(stage: Stage, odd: dict[str, Any]) -> None:
    wanted = {
        "GroupName": stage.resource("Timers"),
        "Name": "odd",
        "ScheduleExpression": "at(2030-01-01T00:00:00)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "ActionAfterCompletion": "DELETE",
        "Target": {"Arn": stage.attribute("Inbox", "Arn"), "RoleArn": stage.attribute("TimersRole", "Arn")},
    }
    with pytest.raises(StageError, match="odd"):
        stage.client("scheduler").create_schedule(**wanted | odd)
