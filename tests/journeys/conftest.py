"""One local stack for all journeys of a worker; at the end nothing lies about that no test put there."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from infra import issuer, sdk
from infra.banks import Banks
from infra.stage import Stage
from tests.journeys.window import IMPORTER, Client, Desk, Trader, quiet

ANSWER_TIMEOUT = 4
# Bytes of a message to SNS.
POINTER = 4096


@dataclass
class Planted:
    """What tests leave behind on purpose: dead letters by queue, executions that end badly by window number."""

    dead_letters: dict[str, int] = field(default_factory=dict)

    def dead_letter(self, queue: str, number: int = 1) -> None:
        self.dead_letters[queue] = self.dead_letters.get(queue, 0) + number


@pytest.fixture(scope="package")
def planted() -> Planted:
    return Planted()


@pytest.fixture(scope="package")
def stage(planted: Planted) -> Iterator[Stage]:
    port = free_port()
    parameters = issuer.parameters(f"http://127.0.0.1:{port}")
    parameters |= {"AnswerTimeoutCap": str(ANSWER_TIMEOUT), "WebhookDelayCap": "1", "Patience": "0"}
    with Stage(parameters=parameters, port=port, aws_port=0, local_routes=issuer.routes()) as stage:
        with announced() as largest:
            yield stage
        over = {type: size for type, size in largest.items() if size > POINTER}
        assert largest and not over, "SNS carries pointers: whoever wants more fetches it"
        stage.wait_until(
            lambda: all(one["status"] != "RUNNING" for one in stage.executions()), ANSWER_TIMEOUT + 15
        )
        quiet(stage)
        left = {queue: depth for queue, depth in stage.dead_letters().items() if depth}
        assert left == planted.dead_letters
        assert {one["status"] for one in stage.executions()} <= {"SUCCEEDED"}


@contextmanager
def announced() -> Iterator[dict[str, int]]:
    """The largest message to SNS by its type, in bytes, of all that our code publishes meanwhile."""
    largest: dict[str, int] = {}

    def measure(params: dict[str, Any], **_: Any) -> None:
        for entry in params["PublishBatchRequestEntries"]:
            type = entry["MessageAttributes"]["type"]["StringValue"]
            largest[type] = max(largest.get(type, 0), len(entry["Message"].encode()))

    topics = [client.meta.events for service, client in sdk.clients() if service == "sns"]
    for events in topics:
        events.register("provide-client-params.sns.PublishBatch", measure)
    yield largest
    for events in topics:
        events.unregister("provide-client-params.sns.PublishBatch", measure)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="package")
def token() -> Callable[[str, str], str]:
    return issuer.token


@pytest.fixture
def trader(stage: Stage, token: Callable[[str, str], str]) -> Trader:
    return Trader(stage.url, token("enterprise", IMPORTER))


@pytest.fixture
def anyone(stage: Stage) -> Client:
    return Client(stage.url, None)


@pytest.fixture(scope="package")
def desk(stage: Stage, token: Callable[[str, str], str]) -> Callable[[str], Desk]:
    desks: dict[str, Desk] = {}

    def at(agency: str) -> Desk:
        if agency not in desks:
            desks[agency] = Desk(stage, agency, Client(stage.url, token("agency", agency)))
        return desks[agency]

    return at


@pytest.fixture(scope="module")
def banks(stage: Stage) -> Iterator[Banks]:
    with Banks(stage.client("sqs"), url=stage.url, sign=issuer.sign) as banks:
        stage.gateway.local_routes |= banks.routes
        yield banks


@pytest.fixture
def steer(stage: Stage, banks: Banks) -> Callable[..., None]:
    """How a simulated bank or the treasury takes one bill."""

    def behave(party: str, behaviour: str, bill_id: str) -> None:
        answer = Client(stage.url, None).call(
            "PUT", f"/_local/banks/{party}/behaviour", {"behaviour": behaviour, "for": bill_id}
        )
        assert (answer.status, answer.json["simulated"]) == (200, True)

    return behave
