"""EventBridge Scheduler: to be called once, at an instant that is known now. What nobody waits for costs nothing.

A timer only says that it is time to look. It may come late, twice, or when all is over, and nobody takes it back:
`Capability.on_timer` finds out from the ledger what is due, and writes that at most once.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from singlewindow import canonical, clock, correlation, settings
from singlewindow.aws.clients import client

# An instant that is over already becomes one that the scheduler still accepts.
_SOONEST = timedelta(minutes=1)


def at(instant: datetime, name: str, payload: Mapping[str, Any]) -> None:
    """Let the capability's own `on_timer` get `payload` once `instant` is over; never before it, so a second later.

    `name` says what it is about and when, in at most 64 of `[0-9A-Za-z_.-]`: set again, it is the same timer.
    """
    due = max(instant, clock.now() + _SOONEST).replace(microsecond=0) + timedelta(seconds=1)
    queue = settings.get("TIMERS_QUEUE")
    told = {"correlation_id": correlation.current(), "payload": dict(payload)}
    try:
        client("scheduler").create_schedule(
            GroupName=settings.get("TIMERS_GROUP"),
            Name=name,
            ScheduleExpression=f"at({clock.stamp(due)[:19]})",  # in UTC, which is the default
            FlexibleTimeWindow={"Mode": "OFF"},
            ActionAfterCompletion="DELETE",
            Target={
                "Arn": queue,
                "RoleArn": settings.get("TIMERS_ROLE"),
                "Input": canonical.dumps(told).decode(),
                "DeadLetterConfig": {"Arn": f"{queue}-dlq"},
            },
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConflictException":
            raise
