"""What a simulated agency says to a wish to change or withdraw."""

import json
from datetime import UTC, datetime

import pytest

from exchange.reply import Reply
from infra.agencies import consents
from infra.agencies.behaviour import Behaviour
from infra.agencies.replies import Question

NOW = datetime(2024, 11, 20, 3, 0, tzinfo=UTC)


def said(behaviour: str, type: str = "amendment") -> list[Reply]:
    question = Question("m-1", type, "I20262827346838800", {})
    sent = consents.replies("ciq", question, Behaviour(behaviour=behaviour, delay_seconds=0), NOW)  # type: ignore[arg-type]
    return [Reply.model_validate(json.loads(one.body)) for one in sent]


@pytest.mark.parametrize(
    ("behaviour", "outcomes"),
    [
        ("accept", ["accept"]),
        ("slow", ["accept"]),
        ("hold-then-clear", ["accept"]),
        ("reject", ["reject"]),
        ("return", ["reject"]),
        ("duplicate", ["accept"] * 3),
        ("silent", []),
        ("malformed", []),
    ],
)
def test_it_behaves_to_a_wish_as_to_the_declaration(behaviour: str, outcomes: list[str]) -> None:
    replies = said(behaviour)
    assert [one.outcome for one in replies] == outcomes
    assert len({one.reply_id for one in replies}) == min(1, len(outcomes))


def test_a_refusal_says_that_it_is_simulated() -> None:
    (reply,) = said("reject", "withdrawal")
    assert "simulated" in json.dumps(reply.findings) and "模拟" in json.dumps(
        reply.findings, ensure_ascii=False
    )


@pytest.mark.parametrize("type", consents.NOTICES)
def test_a_notice_is_not_answered(type: str) -> None:
    assert said("accept", type) == []
