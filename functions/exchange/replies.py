"""Replies of agencies to what the window asked of them, written to the ledger once, by whatever way they come."""

from typing import TYPE_CHECKING, Any, get_args

from exchange import inquiry, release_notice, store
from singlewindow import canonical, catalogue, clock, correlation
from singlewindow.aws import ledger
from singlewindow.consignment import Change, Consignment
from singlewindow.errors import WindowError, conflict, not_found
from singlewindow.events import Event
from singlewindow.ids import parse_entry_id

if TYPE_CHECKING:
    from exchange.reply import Reply


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
    """The id of what the agency was last asked about a declaration itself, not about a change; None: nothing."""
    consignment = ledger.read(window_no)
    asked = [
        event.data["message_id"]
        for event in (consignment.events if consignment else ())
        if event.type == "AgencyAsked"
        and event.data["agency"] == agency
        and event.data["type"] not in (*inquiry.QUESTIONS, *inquiry.NOTICES)
    ]
    return asked[-1] if asked else None


def record(agency: str, value: Any) -> tuple[Event, bool]:
    """Write a reply to the ledger once. 404 for a message that is not this agency's, 409 for a reused `reply_id`."""
    # pydantic takes 60 ms to import: few functions here read replies.
    from exchange.reply import Reply, bound_to, earlier, recorded
    from exchange.verdict import decided
    from singlewindow import commands

    reply = commands.parse(Reply, value)
    sent = store.find(reply.message_id)
    if sent is None or sent.agency != agency:
        raise not_found(reply.message_id)
    reply, notice, key = signed_release(reply, agency)
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
        if before:
            return None
        if sent.type in (*inquiry.QUESTIONS, *inquiry.NOTICES):
            return decided(consignment, reply, agency, sent.type, sent.request)
        if notice and reply.release and reply.release.notice:
            release_notice.refuse_unbound(
                notice, bound_to(consignment, reply, agency, sent.declaration_version)
            )
            release_notice.refuse_revoked(reply.release.notice, consignment.events)
        return recorded(consignment, reply, agency, sent.declaration_version, sent.clear_is_final, key)

    with correlation.bound(sent.correlation_id):
        # A late read is as good: what it lacks the write finds, and nobody is refused by it.
        consignment = ledger.amend(sent.window_no, once, seen=1)
    if before is None:
        return consignment.events[-1], False
    if (before.data["message_id"], before.data["outcome"]) != (reply.message_id, reply.outcome):
        raise conflict(
            "reply-id-reused", f"reply {reply.reply_id} said something else", "reply_id 已用于其他内容"
        )
    return before, True


def signed_release(
    reply: "Reply", agency: str
) -> tuple["Reply", dict[str, Any] | None, dict[str, Any] | None]:
    """The reply with its notice and the key that it was verified by; the declaration number may stand in it alone."""
    if reply.release is None or reply.release.notice is None:
        if reply.outcome == "release" and catalogue.capacity(agency, clock.business_date()).get(
            "signed_release"
        ):
            raise release_notice.missing()
        return reply, None, None
    notice, key = release_notice.verified(reply.release.notice, agency)
    if reply.entry_id is None and isinstance(notice.get("entry_id"), str):
        reply = reply.model_copy(update={"entry_id": notice["entry_id"]})
    return reply, notice, key
