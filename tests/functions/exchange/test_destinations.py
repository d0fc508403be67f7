"""Where a message went, as its sender sees it."""

from typing import Any

from exchange.destinations import shown

BECAUSE = [{"zh": "发送方指定", "en": "its sender named it"}]


def receiver(party: str, delivery_id: str | None = None) -> dict[str, Any]:
    return {"party": party, "because": BECAUSE, "channel": "c", "delivery_id": delivery_id}


def row(id: str, *lines: str, due: bool = False) -> dict[str, Any]:
    state = lines[-1].split("\t")[1]
    item: dict[str, Any] = {"key": {"S": f"delivery#{id}"}, "state": {"S": state}}
    item["timeline"] = {"L": [{"S": line} for line in lines]}
    return item | ({"due": {"N": "1"}} if due else {})


def test_each_receiver_has_its_own_state_and_holder() -> None:
    rows = [
        row("a", "t0\tQUEUED\t", "t1\tSENT\tattempt 1", "t2\tDELIVERED\t204"),
        row("b", "t0\tQUEUED\t", "t1\tSENT\tattempt 1", "t2\tFAILED\ttimeout", due=True),
        row("d", "t0\tQUEUED\t", "t1\tDEAD\tmapping-failed"),
    ]
    names = ("a", "b", "c", "d")
    found = shown([*(receiver(one.upper(), one) for one in names), receiver("E")], rows)
    assert [(one["party"], one["state"], one["held_by"], one["since"]) for one in found] == [
        ("A", "DELIVERED", "receiver", "t2"),
        ("B", "FAILED", "window", "t2"),
        ("C", "QUEUED", "window", None),  # decided, and not written yet
        ("D", "DEAD", "operator", "t1"),
        ("E", "NO_CHANNEL", "window", None),
    ]


def test_what_a_receiver_s_system_said_is_not_the_sender_s_to_know() -> None:
    (one,) = shown([receiver("A", "a")], [row("a", "t0\tQUEUED\t", "t1\tFAILED\tno-connection", due=True)])
    assert one["timeline"] == [{"at": "t0", "state": "QUEUED"}, {"at": "t1", "state": "FAILED"}]
    assert "no-connection" not in str(one)
