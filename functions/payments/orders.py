"""Orders to banks: signed by a key that never leaves KMS, known by their id, the same however often they are sent."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from singlewindow.aws import keys, queues

KEY = "BANK_ORDERS_KEY"
REFUND_PREFIX = "RF-"


def payment_id(bill_id: str, number: int) -> str:
    """The id of the `number`th attempt at a bill, counted from 1."""
    return f"PO-{bill_id}-{number}"


def refund_id(bank: str, bank_ref: str) -> str:
    return f"{REFUND_PREFIX}{bank}-{bank_ref}"


def payment(
    order_id: str, content: Mapping[str, Any], amount: Decimal, late: Decimal, bank: str, at: str
) -> dict[str, Any]:
    """Deduct `amount` for a bill; `late` of it is surcharge."""
    return {
        "iss": "window",
        "kind": "deduct",
        "order_id": order_id,
        "bill_id": content["bill_id"],
        "window_no": content["window_no"],
        "payer": content["payer"],
        "amount": str(amount),
        "late_payment": str(late),
        "currency": "CNY",
        "bank": bank,
        "at": at,
    }


def refund(bill_id: str, bank: str, bank_ref: str, amount: Decimal, why: str) -> dict[str, Any]:
    """Give back what was deducted under `bank_ref`."""
    return {
        "iss": "window",
        "kind": "refund",
        "order_id": refund_id(bank, bank_ref),
        "bill_id": bill_id,
        "bank_ref": bank_ref,
        "amount": str(amount),
        "currency": "CNY",
        "bank": bank,
        "reason": why,
    }


def send(order: Mapping[str, Any], correlation_id: str) -> None:
    queues.send("BANK_ORDERS_QUEUE", [({"token": keys.sign(KEY, order)}, correlation_id)])


def public_key() -> dict[str, Any]:
    """What a bank checks orders against, as a JWKS."""
    return {"keys": [dict(keys.published(KEY))]}
