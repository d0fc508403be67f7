"""Replies of agencies to what the window asked of them, written to the ledger once, by whatever way they come."""

from typing import Any, get_args

from exchange import store
from singlewindow import canonical, correlation
from singlewindow.aws import ledger
from singlewindow.consignment import Change, Consignment
from singlewindow.errors import WindowError, conflict, not_found
from singlewindow.events import Event
from singlewindow.ids import parse_entry_id


def is_one(body: bytes) -> bool:
    """Whether what lies in an agency's queue is a reply in JSON, however faulty, rather than a message."""
    if body.lstrip().startswith(b"{") and b'"reply_id"' in body:
        return True
    from singlewindow.messages import recognise

    if recognise.syntax(body) in ("xml", "edifact"):
        return False
    return recognise.document_of(canonical.parse_json(body)) is None


def outcomes() -> tuple[str, ...]:
    """What a reply may say."""
    from exchange.reply import Reply

    return get_args(Reply.model_fields["outcome"].annotation)


def question(window_no: str, agency: str) -> str | None:
    """The id of what the agency was last asked about a declaration; None where it was asked nothing."""
    consignment = ledger.read(window_no)
    asked = [
        event.data["message_id"]
        for event in (consignment.events if consignment else ())
        if event.type == "AgencyAsked" and event.data["agency"] == agency
    ]
    return asked[-1] if asked else None


def record(agency: str, value: Any) -> tuple[Event, bool]:
    """Write a reply to the ledger once. 404 for a message that is not this agency's, 409 for a reused `reply_id`."""
    # pydantic takes 60 ms to import: few functions here read replies.
    from exchange.reply import Reply, earlier, judges, recorded
    from singlewindow import commands

    reply = commands.parse(Reply, value)
    sent = store.find(reply.message_id)
    if sent is None or sent.agency != agency:
        raise not_found(reply.message_id)
    entry = parse_entry_id(reply.entry_id) if reply.entry_id else None
    if entry and entry.direction != sent.window_no[0]:
        raise WindowError(
            422,
            "entry-id-direction",
            "the 9th digit tells the other direction",
            detail_zh="报关单号进出口标志不符",
        )
    before: Event | None = None

    def once(consignment: Consignment) -> Change | None:
        nonlocal before
        before = earlier(consignment, agency, reply.reply_id)
        if reply.report and agency in judges(consignment):
            raise WindowError(
                422,
                "report-not-yours",
                "only who is told of the cargo reports it",
                detail_zh="仅场站可报告到货与理货",
            )
        return (
            None
            if before
            else recorded(consignment, reply, agency, sent.declaration_version, sent.clear_is_final)
        )

    with correlation.bound(sent.correlation_id):
        consignment = ledger.amend(sent.window_no, once)
    if before is None:
        return consignment.events[-1], False
    if (before.data["message_id"], before.data["outcome"]) != (reply.message_id, reply.outcome):
        raise conflict(
            "reply-id-reused", f"reply {reply.reply_id} said something else", "reply_id 已用于其他内容"
        )
    return before, True
