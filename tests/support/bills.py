"""Customs' tax bills for tests."""

from typing import Any


def bill(bill_id: str = "B-1", supersedes: str | None = None) -> dict[str, Any]:
    """Two taxes on one line."""
    return {
        "bill_id": bill_id,
        "regime": "customs-assessed",
        "issued_at": "2024-11-23T01:00:00Z",
        "lines": [
            {"line": 1, "tax": "duty", "base": "1000.00", "rate": "0.08", "amount": "80.00"},
            {"line": 1, "tax": "vat", "base": "1080.00", "rate": "0.13", "amount": "140.40"},
        ],
        "total": "220.40",
    } | ({"supersedes": supersedes} if supersedes else {})
