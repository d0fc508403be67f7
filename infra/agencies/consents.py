"""What a simulated agency says to a wish to change or withdraw a declaration: pure functions.

It behaves to it as to the declaration: who accepts agrees, who refuses or returns refuses, who is silent is silent.
"""

import json
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from infra.agencies.behaviour import Behaviour
from infra.agencies.replies import SIMULATED_EN, SIMULATED_ZH, Question, Timed
from singlewindow import clock

QUESTIONS: Final = ("amendment", "withdrawal")
NOTICES: Final = ("amendment-notice", "withdrawal-notice")

_REFUSES: Final = ("reject", "return")
_SILENT: Final = ("silent", "malformed", "forged", "foreign")


def replies(agency: str, question: Question, behaviour: Behaviour, at: datetime) -> list[Timed]:
    """All that it sends; nothing to a notice, or where it is silent."""
    if question.type in NOTICES or behaviour.behaviour in _SILENT:
        return []
    outcome = "reject" if behaviour.behaviour in _REFUSES else "accept"
    reply = {
        "reply_id": f"{agency}-{uuid4()}",
        "message_id": question.message_id,
        "outcome": outcome,
        "findings": [_reason(agency)] if outcome == "reject" else [],
        "at": clock.stamp(at + timedelta(seconds=behaviour.delay)),
    }
    said = Timed(behaviour.delay, json.dumps(reply, ensure_ascii=False), f"{outcome}s the {question.type}")
    return [said] * (3 if behaviour.behaviour == "duplicate" else 1)


def _reason(agency: str) -> dict[str, str]:
    return {
        "code": "SIM-NOT-AGREED",
        "severity": "error",
        "agency": agency,
        "source": "simulated agency",
        "message_zh": SIMULATED_ZH + "不同意修改或撤销",
        "message_en": SIMULATED_EN + "the change is not agreed to",
    }
