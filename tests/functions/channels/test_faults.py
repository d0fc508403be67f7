"""Calls that are refused before they take effect, and answers that are lost after it: nothing is lost or done twice."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from channels import delivery, dispatch
from singlewindow import clock, settings
from singlewindow.aws import clients
from tests.functions.channels.conftest import OTHER, Posts, aws, judged, registered, waiting

pytestmark = pytest.mark.usefixtures("cloud")
HOOK = "https://erp.example.cn/hook"
SERVICES = ("dynamodb", "sqs", "sns")
MESSAGES = 5


@contextmanager
def faults(seed: int, share: float) -> Iterator[dict[str, int]]:
    """A share of all calls never leaves, and as large a share has its effect and loses its answer."""
    chance, fired = Random(seed), {"refused": 0, "lost": 0}

    def refuse(**_: Any) -> None:
        if chance.random() < share:
            fired["refused"] += 1
            raise EndpointConnectionError(endpoint_url="refused")

    def lose(**_: Any) -> None:
        if chance.random() < share:
            fired["lost"] += 1
            raise EndpointConnectionError(endpoint_url="lost")

    made = [clients.client(service).meta.events for service in SERVICES]
    for service, events in zip(SERVICES, made, strict=True):
        events.register_first(f"before-call.{service}", refuse)
        events.register_first(f"before-parse.{service}", lose)
    try:
        yield fired
    finally:
        for service, events in zip(SERVICES, made, strict=True):
            events.unregister(f"before-call.{service}", refuse)
            events.unregister(f"before-parse.{service}", lose)


def redelivered(pointers: list[str], handle: Any) -> list[str]:
    """The pointers whose handler failed: their queue gives them out again."""
    failed = []
    for pointer in pointers:
        try:
            handle(pointer)
        except EndpointConnectionError:
            failed.append(pointer)
    return failed


def test_nothing_is_lost_and_nothing_has_two_effects(posts: Posts) -> None:
    pulled = registered(OTHER)
    registered(OTHER, protocol="webhook", url=HOOK)
    messages = [judged(receivers=(OTHER,)) for _ in range(MESSAGES)]

    with faults(7, 0.1) as fired:
        routing, pointers = messages * 2, list[str]()
        for _ in range(30):
            routing = redelivered(routing, delivery.route)
            pointers = redelivered([*pointers, *waiting()], delivery.deliver)
            clock.travel(clock.now() + timedelta(seconds=61))
            if not routing and not pointers and not (pointers := waiting()):
                break
        else:
            pytest.fail(f"still under way: {routing}, {pointers}")
    assert min(fired.values()) > 5, "the faults never fired"

    decided = [dispatch.route(one) for one in messages]
    deliveries = dispatch.all_of(sorted({r["delivery_id"] for d in decided if d for r in d["receivers"]}))
    assert len(deliveries) == 3 * MESSAGES
    assert not [one for one in deliveries if one.waits]
    assert {one.state for one in deliveries} <= {"SENT", "DELIVERED"}

    mine = {one.id for one in deliveries if one.channel == pulled["id"]}
    offered = dispatch.mailbox(pulled["id"], "", 1000)
    assert {id for _, id in offered} == mine and len(offered) == MESSAGES  # in the mailbox exactly once
    assert [cursor for cursor, _ in offered] == [f"{n:016d}" for n in range(1, MESSAGES + 1)]
    pushed = {body["data"]["delivery_id"] for _, body, _ in posts.made}
    assert pushed == {one.id for one in deliveries if one.party == OTHER} - mine
    told = set()
    while (
        found := aws("sqs")
        .receive_message(QueueUrl=settings.get("INBOX"), MaxNumberOfMessages=10)
        .get("Messages")
    ):
        told |= {json.loads(one["Body"])["delivery_id"] for one in found}
        for one in found:
            aws("sqs").delete_message(QueueUrl=settings.get("INBOX"), ReceiptHandle=one["ReceiptHandle"])
    assert told == {one.id for one in deliveries if one.party == "customs"}
