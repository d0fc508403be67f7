"""What a filing brings besides its document: the body that is kept, the parties that may see it, its key."""

from dataclasses import replace
from typing import Any

from declarations.check import Report
from singlewindow import canonical
from singlewindow.aws import archive, ledger
from singlewindow.capability import Request
from singlewindow.consignment import Body, Consignment
from singlewindow.errors import WindowError, not_found
from singlewindow.ids import WINDOW_NO, is_uscc
from singlewindow.parties import Role

DOCUMENT = "document:declaration:1"
FORMATS = ("application/json", "application/xml", "text/xml")

# Compressed, canonical and raw together: an item ends at 400 KB.
_LARGEST_IN_ITEM = 300 * 1024


def body_of(request: Request, document: dict[str, Any]) -> Body:
    return Body(canonical.dumps(document), request.body, request.media_type)


def fitting(body: Body) -> Body:
    """The same, in the archive where an item has no room for it."""
    if len(body.raw) + len(body.canonical) > _LARGEST_IN_ITEM:
        packed = len(canonical.pack(body.raw, known=body.canonical)) + len(canonical.pack(body.canonical))
        if packed > _LARGEST_IN_ITEM:
            keys = (archive.keep(body.canonical, "application/json"), archive.keep(body.raw, body.media_type))
            return replace(body, archived=keys)
    return body


def parties_of(request: Request, document: dict[str, Any]) -> frozenset[str]:
    """The organisations that will see it: a draft its drafter alone. 403 where the caller files for strangers."""
    if is_draft(document):
        return frozenset({request.by.party})
    head = document["head"]
    named = frozenset(
        head[field] for field in ("trade_uscc", "owner_uscc", "agent_uscc") if is_uscc(head.get(field, ""))
    )
    if request.by.party not in named:
        raise WindowError(
            403,
            "not-a-party",
            "your organisation is neither trade, owner nor agent of this declaration",
            detail_zh="贵单位不是该报关单的收发货人、消费使用/生产销售单位或申报单位",
            named=sorted(named),
        )
    return named


def identifiers_of(document: dict[str, Any]) -> dict[str, Any]:
    """What the consignment is found by."""
    head = document["head"]
    return {
        "bill_no": head.get("bill_no"),
        "transport_name": head.get("transport_name"),
        "containers": [
            one["container_no"] for one in document.get("containers", []) if "container_no" in one
        ],
    }


def visible(request: Request, window_no: str, *, to_agencies: bool = False) -> Consignment:
    """The consignment, for its parties, staff and, where so said, the agencies that were asked or told of it."""
    consignment = ledger.read(window_no) if WINDOW_NO.fullmatch(window_no) else None
    if consignment is not None:
        asked = {e.data["agency"] for e in consignment.of_version() if e.type == "AgencyAsked"}
        if request.by.may_see(consignment.snapshot.parties) or (
            to_agencies and request.by.role == Role.AGENCY and request.by.party in asked
        ):
            return consignment
    raise not_found(window_no)


def idempotency_key(request: Request, document: dict[str, Any]) -> str:
    sign = document.get("sign")
    key = request.headers.get("idempotency-key") or (
        sign.get("client_seq_no") if isinstance(sign, dict) else None
    )
    if not isinstance(key, str) or not 1 <= len(key) <= 128 or not key.isprintable():
        raise WindowError(
            400,
            "idempotency-key-missing",
            "send an Idempotency-Key header or a client_seq_no, 1 to 128 printable characters",
            detail_zh="缺少幂等键：请提供 Idempotency-Key 或 ClientSeqNo",
        )
    return key


def is_draft(document: dict[str, Any]) -> bool:
    sign = document.get("sign")
    return isinstance(sign, dict) and sign.get("oper_type") == "G"


def invalid(report: Report) -> WindowError:
    errors = sum(finding.severity == "error" for finding in report.findings)
    return WindowError(
        422,
        "invalid-declaration",
        f"{errors} error(s)",
        detail_zh=f"{errors} 处错误",
        findings=report.findings,
        asleep=report.as_json()["asleep"],
    )
