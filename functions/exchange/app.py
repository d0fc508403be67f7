"""The exchange: messages that come in, the outbox that publishes, questions that go out, replies that come back."""

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

from exchange import (
    certificates,
    destinations,
    inquiry,
    numbers,
    own_key,
    received,
    receivers,
    replies,
    store,
    telling,
)
from exchange.projection import project
from exchange.receipt import Received, expected, receipt, shown
from singlewindow import canonical, catalogue, clock, consent, correlation, settings
from singlewindow.access import PUBLIC, Throttle
from singlewindow.aws import archive, ledger, queues, topics, workflow
from singlewindow.aws.topics import Notice
from singlewindow.capability import BINARY_TYPES, Answer, Capability, Message, Request
from singlewindow.consignment import Change, Consignment
from singlewindow.errors import WindowError, not_found
from singlewindow.events import Event
from singlewindow.messages.carriers import carried_by
from singlewindow.parties import STAFF, TRADERS, Role

if TYPE_CHECKING:
    from exchange.ingest import Told

app = Capability("exchange")

# SNS bills by 64 KB, but a pointer is a pointer: what does not fit is read from the ledger.
_LARGEST_NOTICE = 4 * 1024

# Events by which agencies are asked or told for whose answer no workflow waits.
_INFORMING = ("DeclarationSubmitted", "DeclarationReleased", "DeclarationAmended", "DeclarationWithdrawn")

# A reply becomes an event, and an event an item of at most 400 KB that every later decision reads.
LARGEST_REPLY = 64 * 1024


# Whoever may send: the body is archived for years, so nobody sends without limit.
_SENDERS = (*TRADERS, Role.AGENCY)
_SENT = Throttle(rate=200, burst=400)
# An upload is read whole when it is taken in, and a view may be written anew.
_HEAVY = Throttle(rate=20, burst=40)

# Beyond it an answer is an address in the archive: Lambda answers 6 MB at most.
_LARGEST_ANSWER = 4 * 1024 * 1024
_LINK_SECONDS = 300


@app.route(
    "/exchange/messages",
    methods=("POST",),
    allow=_SENDERS,
    consumes=("application/json", *BINARY_TYPES),
    headers=("Idempotency-Key", "JWS-Signature", "Receivers"),
    request={"description": "a message that the catalogue knows, in JSON, XML or EDIFACT, as it is"},
    responses={202: "MessageReceipt"},
    larger="POST /exchange/uploads",
    throttle=_SENT,
)
def send(request: Request) -> Answer:
    """Send any message that the catalogue knows: a receipt at once, judged and passed on afterwards. Files nothing."""
    from exchange import ingest  # lxml and the messages: no other handler but the judge needs them

    one, repeated = ingest.accept(
        request.by.party, request.idempotency_key, request.body, request.media_type, _told(request)
    )
    return _receipt(one, repeated)


@app.route(
    "/exchange/uploads",
    methods=("POST",),
    allow=_SENDERS,
    headers=("Idempotency-Key",),
    request="command:exchange.upload.AnnouncedUpload",
    responses={201: "MessageUpload", 202: "MessageReceipt"},
    throttle=_HEAVY,
)
def expect(request: Request) -> Answer:
    """An address for one message of up to 50 MB with that hash; 202 and the receipt where it came before."""
    from exchange import ingest
    from exchange.upload import AnnouncedUpload
    from singlewindow import commands

    told = commands.parse(AnnouncedUpload, request.json())
    one = ingest.expect(request.by.party, request.idempotency_key, told.bytes, told.sha256)
    if isinstance(one, Received):
        return _receipt(one, True)
    answer = ingest.address(one)
    return Answer(answer, 201, {"Location": answer["then"]})


@app.route(
    "/exchange/uploads/{receipt_id}",
    methods=("POST",),
    allow=_SENDERS,
    consumes=(),
    headers=("JWS-Signature", "Receivers"),
    responses={202: "MessageReceipt"},
    throttle=_HEAVY,
)
def arrived(request: Request, receipt_id: str) -> Answer:
    """Say that the upload is complete: its hash is compared, and it is taken in like any other message."""
    from exchange import ingest

    upload = received.upload(receipt_id)
    if upload is None or upload.sender != request.by.party:
        raise not_found(receipt_id)
    return _receipt(*ingest.arrived(upload, _told(request)))


@app.route(
    "/exchange/messages/{message_id}",
    allow=(*_SENDERS, *STAFF),
    responses={200: "ReceivedMessage"},
    throttle=_SENT,
)
def show(request: Request, message_id: str) -> dict[str, Any]:
    """What became of a message, for its sender and staff: state, timeline, findings, hashes, views, who holds it."""
    one = received.find(message_id)
    if one is None:
        upload = received.upload(message_id)
        if upload is None or not _may_see(request, upload.sender):
            raise not_found(message_id)
        return expected(upload)
    if not _may_see(request, one.sender):
        raise not_found(message_id)
    from exchange import answered, ingest

    report = ingest.report_of(one)
    told = canonical.load(report) if report else {}
    return shown(
        one, told, carried_by(one.type), destinations.of(message_id), answered.standing(one.receipt_id)
    )


@app.route(
    "/exchange/messages/{message_id}/views/{name}",
    allow=(*_SENDERS, *STAFF),
    query=("as",),
    responses={200: {"description": "the view; XML where `as` names a message"}, 303: "MessageLink"},
    throttle=_HEAVY,
)
def view(request: Request, message_id: str, name: str) -> Answer:
    """`raw`, `canonical` or `report`; with `as` the canonical documents written as another message."""
    from exchange import views

    one = received.find(message_id)
    if one is None or not _may_see(request, one.sender):
        raise not_found(message_id)
    if name not in views.NAMES:
        raise not_found(f"a view {name!r}")
    wanted = request.query.get("as")
    content, media_type, file = views.written(one, name, wanted) if wanted else views.stored(one, name)
    if isinstance(content, bytes) and len(content) <= _LARGEST_ANSWER:
        signed = {"JWS-Signature": own_key.signature(content)}
        return Answer(content.decode(), headers={"Content-Type": media_type} | signed)
    key = archive.keep_once(content, media_type) if isinstance(content, bytes) else content
    address = archive.link(key, file, media_type, _LINK_SECONDS)
    link = {"location": address, "sha256": key.rsplit("/", 1)[1], "media_type": media_type, "file": file}
    return Answer(link | {"expires_in": _LINK_SECONDS}, 303, {"Location": address})


@app.route(
    "/exchange/certificates",
    methods=("POST",),
    allow=_SENDERS,
    request="command:exchange.trust.RegisterCertificate",
    responses={201: "Certificate", 200: "Certificate"},
    throttle=_HEAVY,
)
def register(request: Request) -> Answer:
    """Register the certificate of a key that you sign with; 200 where it is registered already."""
    from exchange.trust import RegisterCertificate
    from singlewindow import commands

    told = commands.parse(RegisterCertificate, request.json())
    one, repeated = certificates.register(request.by.party, told.pem, told.dxp_id or "", request.by.subject)
    return Answer(one.shown(), 200 if repeated else 201)


@app.route("/exchange/certificates", allow=_SENDERS, responses={200: "Certificates"}, throttle=_SENT)
def registered(request: Request) -> dict[str, Any]:
    """Your certificates, the expired and revoked among them, and the types that you are bound to sign."""
    party = request.by.party
    must_sign = sorted(certificates.bound(party))
    return {"items": [one.shown() for one in certificates.of(party)], "must_sign": must_sign}


@app.route(
    "/exchange/certificates/{thumbprint}",
    methods=("DELETE",),
    allow=_SENDERS,
    responses={200: "Certificate"},
    throttle=_HEAVY,
)
def revoke(request: Request, thumbprint: str) -> dict[str, Any]:
    """Revoke a certificate of yours: nothing is taken that it signed from now on; the row stays."""
    one = certificates.revoke(request.by.party, thumbprint, request.by.subject)
    if one is None:
        raise not_found(thumbprint)
    return one.shown()


@app.route(
    "/exchange/dxp-numbers/{dxp_id}",
    allow=(Role.OPERATOR,),
    responses={200: "DxpNumber"},
    throttle=_HEAVY,
)
def number(_: Request, dxp_id: str) -> dict[str, Any]:
    """Whose a DXP number is, and every move of it."""
    return numbers.shown(dxp_id)


@app.route(
    "/exchange/dxp-numbers/{dxp_id}",
    methods=("PUT",),
    allow=(Role.OPERATOR,),
    request="command:exchange.trust.MoveNumber",
    responses={200: "DxpNumber"},
    throttle=_HEAVY,
)
def give_number(request: Request, dxp_id: str) -> dict[str, Any]:
    """Give a DXP number that another registered to the party that it belongs to; who, when and why stays beside it."""
    from exchange.trust import MoveNumber
    from singlewindow import commands

    told = commands.parse(MoveNumber, request.json())
    return numbers.move(dxp_id, told.holder, told.party, told.reason, request.by.subject)


@app.route("/exchange/keys", allow=PUBLIC, responses={200: "Keys"}, throttle=_SENT)
def keys(_: Request) -> Answer:
    """The window's own public keys: what it wrote itself carries a `JWS-Signature` by one of them."""
    return Answer(own_key.public(), headers={"Cache-Control": "public, max-age=3600"})


@app.route(
    "/exchange/signing/{party}",
    methods=("PUT",),
    allow=(*_SENDERS, Role.OPERATOR),
    request="command:exchange.trust.MustSign",
    responses={200: "MustSign"},
    throttle=_HEAVY,
)
def bind(request: Request, party: str) -> dict[str, Any]:
    """Bind a party to sign: itself, to more than before; an operator any, to whatever is right."""
    from exchange.trust import MustSign
    from singlewindow import commands

    types = set(commands.parse(MustSign, request.json()).types)
    if request.by.role is not Role.OPERATOR:
        if party != request.by.party:
            raise not_found(party)
        types |= certificates.bound(party)  # who stole a token must not switch signatures off
    certificates.bind(party, types, request.by.subject)
    return {"party": party, "must_sign": sorted(types)}


@app.on_queue("DropQueue")
def dropped(message: Message) -> None:
    """Take in what was put into the drop folder; its receipt, or why nothing was kept, goes beside it."""
    from exchange import ingest
    from singlewindow.aws import drop

    try:
        files = drop.arrivals(canonical.parse_json(message.body))
    except (ValueError, KeyError, TypeError) as error:
        raise WindowError(400, "unreadable-notification", repr(error), detail_zh="无法识别的通知") from None
    for file in files:
        told = ingest.dropped(file)
        if told is not None:
            app.count("FilesRefused" if told["state"] == "REFUSED" else "FilesTaken")


@app.on_stream("ReceivedTable", item_prefix="message")
def forward(images: list[dict[str, Any]]) -> str | None:
    """The outbox of what was received: a pointer to each message into the ingest queue."""
    pointers = []
    for image in images:
        try:
            pointers.append(received.pointer(image))
        except Exception:  # ours to mend, and no reason to keep the others waiting
            app.logger.exception("unreadable row", extra={"sequence_number": image["sequence_number"]})
            app.count("MessagesUnreadable")
    try:
        queues.send("INGEST_QUEUE", pointers)
    except Exception:
        app.logger.exception("not forwarded", extra={"messages": len(images)})
        first: str = images[0]["sequence_number"]
        return first  # all again: the judge knows repetition
    return None


@app.on_queue("IngestQueue")
def judge(message: Message) -> None:
    """Judge one message by the catalogue; a repetition changes nothing."""
    from exchange import ingest

    pointer = canonical.parse_json(message.body)
    receipt_id = pointer.get("receipt_id") if isinstance(pointer, dict) else None
    if not isinstance(receipt_id, str):
        raise WindowError(400, "unreadable-pointer", "no pointer to a message", detail_zh="无法识别的指针")
    if ingest.judge(receipt_id):
        app.count("MessagesJudged")


@app.on_stream("LedgerTable", item_prefix="event#")
def publish(images: list[dict[str, Any]]) -> str | None:
    """The outbox: every event of the ledger to the topic of events, every question to its agency as well."""
    published: Counter[str] = Counter()
    failed: str | None = None
    for image in images:
        try:
            event = ledger.event_of(image)
        except Exception:  # ours to mend, and no reason to keep the others waiting: republish it then
            app.logger.exception("unreadable event", extra={"item": str(image.get("item"))})
            app.count("EventsUnreadable")
            continue
        try:
            with correlation.bound(event.correlation_id) as correlation_id:
                app.logger.set_correlation_id(correlation_id)
                _announce(event)
                app.logger.info(
                    "published", extra={"type": event.type, "window_no": event.window_no, "seq": event.seq}
                )
        except Exception:
            app.logger.exception("not published", extra={"window_no": event.window_no, "seq": event.seq})
            failed = image["sequence_number"]  # the stream repeats from here; consumers know repetition
            break
        published[event.type] += 1
    for type, number in published.items():
        app.count(type, number)
    return failed


@app.step
def dispatch(payload: dict[str, Any]) -> dict[str, Any]:
    """Put one agency's question; the workflow waits on `task_token` for the answer."""
    sent = _ask(payload["window_no"], payload["version"], payload["agency"], payload["task_token"])
    return {"message_id": sent}


@app.on_queue(
    "ExchangeInbox",
    types=(
        "DeclarationSubmitted",
        "DeclarationReleased",
        "AgencyReplied",
        "InspectionResult",
        "AmendmentRequested",
        "WithdrawalRequested",
        "DeclarationAmended",
        "DeclarationWithdrawn",
        *telling.EVENTS,
    ),
    only={"final": ("true",)},
)
def on_event(message: Message) -> None:
    """Ask and tell those who do not decide, and customs what it waits for; hand last words to the workflow."""
    event = ledger.noticed(message.body)
    # Behind a queue and not in `publish`: trouble with workflows must not hold up everybody's events.
    if event.type == "AgencyReplied":
        if event.data["final"]:
            _answer_workflow(event.data["message_id"], event.data["outcome"])
        return
    if event.type == "InspectionResult":
        _answer_for_the_desk(event)
    elif event.type in inquiry.HEARD:
        _inquire(event)
    if event.type in telling.EVENTS and telling.concerns_anybody(event):
        _tell(event)
    if event.type in _INFORMING:
        for agency in _informed_by(event):
            _ask(event.window_no, event.declaration_version, agency, None, seen=event.seq)


@app.on_replies()
def on_reply(message: Message) -> None:
    """What an agency put into its own queue, which names the sender: a reply, or any message of the catalogue."""
    agency = message.queue.removeprefix(settings.get("QUEUE_PREFIX")).removesuffix("-replies")
    if not replies.is_one(message.body):
        from exchange import ingest

        ingest.queued(agency, message.body)
        return
    if len(message.body) > LARGEST_REPLY:
        raise WindowError(
            413, "too-large", f"{len(message.body)} bytes; at most {LARGEST_REPLY}", detail_zh="回执过大"
        )
    replies.record(agency, canonical.parse_json(message.body))


@app.route(
    "/exchange/messages/{message_id}/body",
    allow=(Role.AGENCY,),
    responses={200: "AgencyMessage"},
    throttle=Throttle(rate=200, burst=400),
)
def body(request: Request, message_id: str) -> Answer:
    """The body of a message, for its addressee, as long as the archive keeps it."""
    sent = store.find(message_id)
    if sent is None or sent.agency != request.by.party:
        raise not_found(message_id)
    content = archive.fetch(sent.body_key)
    return Answer(
        content.decode(), headers={"ETag": f'"{sent.sha256}"', "Cache-Control": "private, max-age=86400"}
    )


@app.route(
    "/exchange/replies",
    methods=("POST",),
    allow=(Role.AGENCY,),
    request="command:exchange.reply.Reply",
    responses={202: "ReplyReceipt"},
    max_bytes=LARGEST_REPLY,
    throttle=Throttle(rate=200, burst=400),
)
def reply(request: Request) -> Answer:
    """An agency's reply by REST: the token names the sender. Repeating a `reply_id` changes nothing."""
    event, repeated = replies.record(request.by.party, request.json())
    receipt = {
        "reply_id": event.data["reply_id"],
        "message_id": event.data["message_id"],
        "effect": event.data["effect"],
    }
    return Answer(receipt, 202, {"Idempotent-Replay": "true"} if repeated else {})


@app.step
def republish(payload: dict[str, Any]) -> dict[str, Any]:
    """Announce the events `first` to `last` of `window_no` again, from the ledger: an operator's remedy."""
    consignment = ledger.read(payload["window_no"])
    if consignment is None:
        raise not_found(payload["window_no"])
    chosen = [event for event in consignment.events if payload["first"] <= event.seq <= payload["last"]]
    for event in chosen:
        _announce(event)
    return {"republished": len(chosen)}


def _may_see(request: Request, sender: str) -> bool:
    return request.by.role in STAFF or request.by.party == sender


def _told(request: Request) -> "Told":
    from exchange.ingest import Told

    return Told(request.headers.get("jws-signature", ""), receivers.named(request.headers.get("receivers")))


def _receipt(one: Received, repeated: bool) -> Answer:
    body = receipt(one, carried_by(one.type))
    return Answer(
        body, 202, {"Location": body["status"]} | ({"Idempotent-Replay": "true"} if repeated else {})
    )


def _announce(event: Event) -> None:
    """Publish one event; the agency's pointer first, so that a repetition after a failure in between is harmless."""
    if event.type == "AgencyAsked":
        pointer = {name: event.data[name] for name in ("message_id", "type", "version", "sha256", "body")}
        pointer |= {"window_no": event.window_no, "declaration_version": event.declaration_version}
        key, file = archive.key_of(pointer["sha256"]), f"{pointer['message_id']}.json"
        pointer["link"] = archive.link(key, file, "application/json")
        attributes = event.attributes | {"agency": event.data["agency"]}
        topics.publish("MESSAGES_TOPIC", [Notice(pointer, attributes)])
    notice = event.as_json()
    if len(canonical.dumps(notice)) > _LARGEST_NOTICE:
        notice["data"] = None
    topics.publish("EVENTS_TOPIC", [Notice(notice, event.attributes)])


def _ask(window_no: str, version: int, agency: str, task_token: str | None, seen: int | None = None) -> str:
    """Send the agency its projection of one version, once; a repetition only renews the token."""
    consignment, submitted = _submission(window_no, version, seen)
    capacity = _capacity(agency, submitted)
    message_id = store.message_id(window_no, version, agency, capacity["message_type"])
    document = ledger.document(window_no, version, consignment.amendment(version))
    content = {"document": project(canonical.load(document.canonical), capacity["projection"])}
    head = {
        "message_id": message_id,
        "type": capacity["message_type"],
        "version": capacity["message_version"],
    }
    head |= {"window_no": window_no, "declaration_version": version, "agency": agency}
    asked_before = _put(
        consignment, head, content, clear_is_final=capacity["clear_is_final"], task_token=task_token
    )
    if asked_before and task_token:
        _hand_over(window_no, message_id, task_token)
    return message_id


def _inquire(event: Event) -> None:
    """Put a wish to change or withdraw to whom it concerns, and what came of it; a repetition sends nothing."""
    window_no, version = event.window_no, event.declaration_version
    consignment, submitted = _submission(window_no, version, event.seq)
    number = event.data.get("request", 0)
    asked = next((one for one in consent.requests(consignment) if one.number == number), None)
    before = after = None
    if asked and asked.kind == consent.AMENDMENT:
        before, after = (
            canonical.load(ledger.document(window_no, version, one).canonical)
            for one in (asked.event.data["amends"], number)
        )
    reason = asked.event.data["reason"] if asked else event.data["reason"]
    for one in inquiry.inquiries(event, consignment):
        places = _capacity(one.agency, submitted)["projection"]
        head = {
            "message_id": store.message_id(window_no, version, one.agency, f"{one.type}:{number}"),
            "type": one.type,
            "version": inquiry.VERSION,
            "window_no": window_no,
            "declaration_version": version,
            "agency": one.agency,
        }
        _put(consignment, head, inquiry.content(one, asked, reason, before, after, places), request=number)


def _put(
    known: Consignment,
    head: dict[str, Any],
    content: dict[str, Any],
    *,
    request: int = 0,
    clear_is_final: bool = True,
    task_token: str | None = None,
) -> bool:
    """Send one message once; whether it was sent before. `head` has who is told what about which version.

    `known`: the consignment as it was read.
    """
    body = canonical.dumps(head | content)
    sent = store.Sent(
        **head,
        sha256=canonical.sha256(body),
        body_key=archive.keep(body, "application/json"),
        correlation_id=correlation.current(),
        clear_is_final=clear_is_final,
        request=request,
        task_token=task_token,
    )
    asked_before = False

    def once(consignment: Consignment) -> Change | None:
        nonlocal asked_before
        asked_before = any(
            e.type == "AgencyAsked" and e.data["message_id"] == sent.message_id for e in consignment.events
        )
        if asked_before:
            return None
        data = {
            "agency": sent.agency,
            "message_id": sent.message_id,
            "type": sent.type,
            "version": sent.version,
            "sha256": sent.sha256,
            "body": f"/exchange/messages/{sent.message_id}/body",
        }
        return Change("AgencyAsked", data, of_version=sent.declaration_version, rows=(store.row(sent),))

    ledger.amend(sent.window_no, once, known=known)
    return asked_before


def _hand_over(window_no: str, message_id: str, task_token: str) -> None:
    """Let a repeated step wait on its new token; the answer may have come while the old one was nobody's any more.

    The token first, then the look: a reply is written first and reads the token after, so one sees the other.
    """
    store.hand_over(message_id, task_token)
    consignment = ledger.read(window_no)
    for event in consignment.events if consignment else ():
        if event.type == "AgencyReplied" and event.data["message_id"] == message_id and event.data["final"]:
            _answer_workflow(message_id, event.data["outcome"])


def _submission(window_no: str, version: int, seen: int | None = None) -> tuple[Consignment, Event]:
    """The consignment, and the event that submitted a version of it."""
    consignment = ledger.read(window_no, seen)
    for event in consignment.of_version(version) if consignment else ():
        if event.type == "DeclarationSubmitted":
            return consignment, event  # type: ignore[return-value]
    raise not_found(f"{window_no} version {version}")


def _capacity(agency: str, submitted: Event) -> dict[str, Any]:
    """An agency's part on the day of the submission."""
    return catalogue.capacity(agency, clock.business_date(datetime.fromisoformat(submitted.at)))


def _informed_by(event: Event) -> list[str]:
    """The agencies that are told by this event, and for whose answer no workflow waits."""
    if event.type == "DeclarationSubmitted":
        assigned = event.data["agencies"]
    else:
        consignment, _ = _submission(event.window_no, event.declaration_version, event.seq)
        assigned = consignment.assignments(event.declaration_version)
    if (
        event.type == "DeclarationAmended"
    ):  # who comes in by it: beside the workflow, which knows those of the start
        added = event.data["added"]
        return [
            one["agency"]
            for one in assigned
            if one["agency"] in added and one["asked_on"] == "DeclarationSubmitted"
        ]
    return [one["agency"] for one in assigned if one["part"] != "decides" and one["asked_on"] == event.type]


def _tell(event: Event) -> None:
    """A pointer to each agency that must know of this event; a repetition has the same id, and they know it by that."""
    for agency, pointer in telling.pointers(event, ledger.of(event)):
        topics.publish("MESSAGES_TOPIC", [Notice(pointer, event.attributes | {"agency": agency})])


def _answer_for_the_desk(event: Event) -> None:
    """A pass on the inspection's sheet is the last word of a desk that only holds and clears."""
    agency, version = event.data["agency"], event.declaration_version
    _, submitted = _submission(event.window_no, version, event.seq)
    capacity = _capacity(agency, submitted)
    if event.data["result"] == "pass" and capacity["clear_is_final"]:
        question = store.message_id(event.window_no, version, agency, capacity["message_type"])
        _answer_workflow(question, "clear")


def _answer_workflow(message_id: str, outcome: str) -> None:
    """Complete the token that waits for this answer; nobody waiting is as good."""
    sent = store.find(message_id)
    if sent and sent.task_token:
        workflow.complete(sent.task_token, {"agency": sent.agency, "outcome": outcome})
