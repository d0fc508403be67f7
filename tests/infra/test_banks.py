"""The sandbox bank and treasury, alone: what they carry out, what they say, and how they are steered."""

import json
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from infra import issuer
from infra.banks import Banks
from infra.banks.counter import BANK, TREASURY
from singlewindow import clock

WINDOW_KEY = ec.generate_private_key(ec.SECP256R1())
ORDER = {
    "kind": "deduct",
    "order_id": "PO-1",
    "bill_id": "T-1",
    "window_no": "I1",
    "amount": "100.00",
    "bank": BANK,
}


class Results:
    """SQS as the bank uses it to speak."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []

    def send_message(self, QueueUrl: str, MessageBody: str) -> None:
        token = json.loads(MessageBody)["token"]
        payload = json.loads(jwt.api_jws.decode(token, options={"verify_signature": False}))
        self.said.append(payload | {"key": jwt.get_unverified_header(token)["kid"]})


@pytest.fixture
def results() -> Results:
    return Results()


@pytest.fixture
def banks(results: Results) -> Iterator[Banks]:
    one = Banks(results, url="http://unreached.invalid", sign=issuer.sign)
    one._results = "https://results"
    published = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(WINDOW_KEY.public_key()))
    one._keys = {"window": jwt.PyJWK(published | {"alg": "ES256"})}
    yield one
    one.stop()


def signed(order: dict[str, Any], key: Any = WINDOW_KEY) -> str:
    return jwt.api_jws.encode(json.dumps(order).encode(), key, algorithm="ES256", headers={"kid": "window"})


def says(
    banks: Banks, results: Results, behaviour: str = "pay", treasury: str = "confirm"
) -> list[tuple[str, ...]]:
    banks.bank.set({"behaviour": behaviour, "delay_seconds": 0})
    banks.treasury.set({"behaviour": treasury, "delay_seconds": 0})
    banks._take(signed(ORDER))
    return [(one["iss"], one.get("outcome", one["kind"]), one["amount"]) for one in results.said]


@pytest.mark.parametrize(
    ("behaviour", "treasury", "expected"),
    [
        ("pay", "confirm", [(BANK, "deducted", "100.00"), (TREASURY, "receipt", "100.00")]),
        ("pay", "silent", [(BANK, "deducted", "100.00")]),
        ("pay", "wrong-amount", [(BANK, "deducted", "100.00"), (TREASURY, "receipt", "1.00")]),
        ("refuse", "confirm", [(BANK, "failed", "100.00")]),
        ("silent", "confirm", []),
        ("duplicate", "silent", [(BANK, "deducted", "100.00")] * 2),
        ("wrong-amount", "confirm", [(BANK, "deducted", "1.00")]),
        ("reverse", "confirm", [(BANK, "deducted", "100.00"), (BANK, "reversed", "100.00")]),
    ],
)
def test_what_they_say(
    banks: Banks, results: Results, behaviour: str, treasury: str, expected: list[tuple[str, ...]]
) -> None:
    assert says(banks, results, behaviour, treasury) == expected
    assert all(one["simulated"] and one["key"] == f"local-{one['iss']}" for one in results.said)


def test_an_order_that_comes_again_is_carried_out_once(banks: Banks, results: Results) -> None:
    says(banks, results)
    banks._take(signed(ORDER))
    assert len({one["bank_ref"] for one in results.said}) == 1
    assert [one.party for one in banks.books] == [BANK, TREASURY]


def test_deducted_twice_has_two_references_and_both_stand_in_the_books(
    banks: Banks, results: Results
) -> None:
    says(banks, results, "double", "silent")
    assert len({one["bank_ref"] for one in results.said}) == len(banks.books) == 2


def test_a_forger_signs_with_another_key(banks: Banks, results: Results) -> None:
    says(banks, results, "forged")
    assert [(one["iss"], one["key"]) for one in results.said] == [(BANK, f"local-{TREASURY}")]


def test_what_the_window_did_not_sign_is_not_carried_out(banks: Banks, results: Results) -> None:
    banks._take(signed(ORDER, ec.generate_private_key(ec.SECP256R1())))
    assert (results.said, banks.books) == ([], [])


def test_a_refund_is_answered(banks: Banks, results: Results) -> None:
    banks._take(signed(ORDER | {"kind": "refund", "bank_ref": "SB-1"}))
    assert [one["outcome"] for one in results.said] == ["refunded"]


def call(banks: Banks, path: str, method: str, body: Any, **parameters: str) -> tuple[int, Any]:
    request = Request(EnvironBuilder(method=method, data=json.dumps(body)).get_environ())
    answer = banks.routes[path](request, **parameters)
    return answer.status_code, json.loads(answer.get_data())


def test_they_are_steered_for_one_bill_alone_and_say_that_they_are_simulated(
    banks: Banks, results: Results
) -> None:
    path = "/_local/banks/{party}/behaviour"
    status, shown = call(banks, path, "PUT", {"behaviour": "refuse", "for": "T-9"}, party=BANK)
    assert (status, shown["simulated"], shown["single"][0]["for"]) == (200, True, "T-9")
    assert says(banks, results)[0][1] == "deducted"
    assert call(banks, path, "PUT", {"behaviour": "confirm"}, party=BANK)[0] == 422
    assert call(banks, path, "PUT", {"behaviour": "pay"}, party="nobody")[0] == 404
    assert call(banks, path, "POST", {}, party=BANK)[0] == 405


def test_a_statement_has_the_deductions_of_its_day(banks: Banks, results: Results) -> None:
    says(banks, results)
    day, path = clock.business_date().isoformat(), "/_local/banks/{party}/statement"
    assert call(banks, path, "POST", {"date": day}, party=TREASURY)[0] == 200
    assert call(banks, path, "POST", {"date": "2020-01-01"}, party=BANK)[0] == 200
    assert call(banks, path, "POST", {"date": "soon"}, party=BANK)[0] == 400
    statements = [one for one in results.said if one["kind"] == "statement"]
    assert [(one["iss"], one["date"], len(one["entries"])) for one in statements] == [
        (TREASURY, day, 1),
        (BANK, "2020-01-01", 0),
    ]
