"""Taking messages in: accepted by a glance and kept at once, judged behind a queue."""

import codecs
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from exchange import certificates, envelope, numbers, received, signed
from exchange.envelope import Envelope
from exchange.receipt import (
    EXPECTED,
    QUARANTINED,
    RECEIVED,
    VALIDATED,
    Received,
    Upload,
    moved,
    receipt,
    shown,
    state_of,
)
from singlewindow import canonical, clock, correlation, ids
from singlewindow.aws import archive, drop, queues, uploads
from singlewindow.errors import WindowError, conflict
from singlewindow.messages import recognise
from singlewindow.messages.carriers import carried_by

_MEDIA_TYPES = {"json": "application/json", "xml": "application/xml", "edifact": "application/edifact"}
_JSON = _MEDIA_TYPES["json"]

# A packed report up to here stands in its row; a larger one is an object of the archive.
_MOST_IN_ROW = 32 * 1024

# How far a word beside a file goes: that it came, or what became of it.
_FIRST_WORD, _LAST_WORD = 1, 2

_PATIENCE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Told:
    """What came beside a message: a detached signature, to whom it shall go, its name in the drop folder and when it
    came there."""

    jws: str = ""
    receivers: tuple[str, ...] = ()
    file: str = ""
    file_at: str = ""


def accept(
    sender: str, key: str, raw: bytes, media_type: str, told: Told | None = None
) -> tuple[Received, bool]:
    """Keep a message that came in a request, once; whether it was here before.

    Nothing is kept where it raises: 422 for a type that nobody knows or an envelope that contradicts itself, 401 for a
    signature that is wrong or missing, 409 where the key stands for another message.
    """
    sha256, told = canonical.sha256(raw), told or Told()
    if standing := received.under(sender, key, sha256):
        return _reminded(standing, told), True
    glanced = recognise.glance(raw)
    if media_type == _JSON:
        _is_json(glanced.syntax)
    return _keep(ids.new_id(), sender, key, raw, glanced, told)


def expect(sender: str, key: str, size: int, sha256: str) -> Upload | Received:
    """Remember what is to be uploaded; the message itself where it came before under this key."""
    if standing := received.under(sender, key, sha256):
        return standing
    upload = Upload(ids.new_id(), sender, key, sha256, size, correlation.current(), clock.stamp())
    received.announce(upload)
    return upload


def address(upload: Upload) -> dict[str, Any]:
    """Where to PUT, with which headers, and what to call then."""
    return {
        "receipt_id": upload.receipt_id,
        **uploads.invitation(_place(upload), upload.size, upload.sha256),
        "then": f"/exchange/uploads/{upload.receipt_id}",
    }


def arrived(upload: Upload, told: Told) -> tuple[Received, bool]:
    """Take in what was uploaded, as if it had come in a request. 409 where it has not come, 422 where it is not what
    was announced."""
    if standing := received.under(upload.sender, upload.key, upload.sha256):
        return _reminded(standing, told if told.receivers else replace(told, receivers=standing.receivers)), True
    raw = uploads.taken(_place(upload), upload.sha256)
    glanced = recognise.glance(raw)
    return _keep(upload.receipt_id, upload.sender, upload.key, raw, glanced, told, ((EXPECTED, upload.at),))


def queued(agency: str, body: bytes) -> Received:
    """Take in what an agency put into its queue: the same bytes once, however often they come.

    A queue holds text: what says that it is in another encoding than UTF-8 was decoded on its way.
    """
    raw = body if recognise.syntax(body) != "xml" else codecs.BOM_UTF8 + body.removeprefix(codecs.BOM_UTF8)
    return accept(agency, f"queue:{canonical.sha256(raw)}", raw, "application/octet-stream")[0]


def dropped(file: drop.File) -> dict[str, Any] | None:
    """Take in what a party put into its drop folder, once, and put beside it the receipt, or the problem for which
    nothing was kept; what was put there.

    None where the file is gone already.
    """
    key = f"drop:{canonical.sha256(f'{file.key}#{file.version}'.encode())}"
    try:
        if (fetched := drop.fetch(file)) is None:
            return None
        raw, jws = fetched
        told = Told(jws=jws, file=file.name, file_at=file.at)
        one, _ = accept(file.party, key, raw, "application/octet-stream", told)
    except WindowError as error:
        if error.status >= 500:
            raise
        refused = error.problem(file.key, correlation.current()) | {"state": "REFUSED"}
        drop.answer(file.party, file.name, canonical.dumps(refused), (file.at, _LAST_WORD))
        return refused
    return _beside(one)


def judge(receipt_id: str) -> bool:
    """Judge a message by the catalogue, bring answers to what they answer, and write where that leads; False where it
    was done before.

    What is archived here is named by its content: an attempt that was cut short leaves nothing that the next does
    not find the same.
    """
    one = received.find(receipt_id)
    if one is None:
        raise WindowError(400, "no-such-message", f"{receipt_id} is not known", detail_zh="无此报文")
    if one.state != RECEIVED:
        _follow(one)  # whoever settled it may have got no further
        return False
    as_at = clock.business_date(datetime.fromisoformat(one.timeline[-1][1]))
    raw = archive.fetch(one.raw_key)
    inner = envelope.opened(raw).payload if one.envelope else raw
    state, report, content, parsed = _judged(raw, inner, as_at)
    text = canonical.dumps(report)
    outcome: dict[str, Any] = {"verdict": report["verdict"], "report": {"sha256": canonical.sha256(text)}}
    if content:
        canonical_text = canonical.dumps(content)
        outcome["canonical"] = {
            "sha256": canonical.sha256(canonical_text),
            "key": archive.keep(canonical_text, _JSON),
            "document": content["document"],
            "version": content["version"],
        }
    if state != QUARANTINED:
        receivers = partial(_receivers, one, content, as_at) if state == VALIDATED else tuple
        outcome |= _correlated(one, receivers, report["recognised"][0]["type"], parsed, as_at)
    packed: bytes | None = canonical.pack(text)
    if packed and len(packed) > _MOST_IN_ROW:
        packed, outcome["report"]["key"] = None, archive.keep(text, _JSON)
    after = moved(one, state, clock.stamp(), outcome)
    settled = after is not None and received.settle(after, packed)
    if after is not None:
        _follow(after)
    return settled


def report_of(one: Received) -> bytes | None:
    """The judge's report as JSON; None before there is one."""
    if "report" not in one.outcome:
        return None
    if key := one.outcome["report"].get("key"):
        return archive.fetch(key)
    packed = received.report(one.receipt_id)
    return canonical.unpack(packed) if packed is not None else None


def _correlated(
    one: Received, receivers: Callable[[], tuple[str, ...]], type: str, parsed: Any, as_at: date
) -> dict[str, Any]:
    """What became of the answers that a message holds; and those to whom it goes may answer it from now on.

    `type` and `parsed`: as the judge found and read it; a glance takes a reply to a manifest for the manifest.
    """
    from exchange import answers
    from exchange.correlate import correlate

    return correlate(one, receivers(), type, parsed, as_at) if answers.concerns(type, as_at) else {}


def _receivers(one: Received, content: dict[str, Any] | None, as_at: date) -> tuple[str, ...]:
    """Who gets a valid message: what its router will find, by the same rule and the same day."""
    from singlewindow.messages import routing

    document, documents = (content["document"], content["documents"]) if content else (None, ())
    found = routing.receivers(one.type, document, documents, one.receivers, routing.rows(as_at))
    return tuple(receiver.party for receiver in found)


def _judged(raw: bytes, inner: bytes, as_at: date) -> tuple[str, dict[str, Any], dict[str, Any] | None, Any]:
    """(state, report, canonical documents, the message as read), by the catalogue of the day on which it came.

    `inner`: what an envelope carries, else `raw` itself; of the envelope too every deviation is told.
    """
    from singlewindow.messages import conformance  # the request path does not judge

    try:
        report = conformance.report(inner, as_at, with_content=True)
        if inner is not raw:
            around = conformance.report(raw, as_at)
            report = replace(
                report, findings=(*around.findings, *report.findings), size=len(raw), sha256=around.sha256
            )
    except WindowError as error:  # a head that promised what the body does not hold
        return QUARANTINED, conformance.refusal(raw, as_at, error).as_json(), None, None
    content = report.content
    carried = (
        {"document": content.document, "version": content.version, "documents": content.documents}
        if content and content.documents
        else None
    )
    told = report.as_json()
    return state_of(report.readable, told["counts"]["error"]), told, carried, report.parsed


def _keep(
    receipt_id: str,
    sender: str,
    key: str,
    raw: bytes,
    glanced: recognise.Glance,
    told: Told,
    before: tuple[tuple[str, str], ...] = (),
) -> tuple[Received, bool]:
    """The archive first: a row never points to what is not there."""
    opened, inner = _opened(sender, raw, glanced)
    signature = signed.verified(sender, glanced.type, raw, inner, told.jws)
    one = Received(
        receipt_id=receipt_id,
        sender=sender,
        sha256=canonical.sha256(raw),
        size=len(raw),
        syntax=glanced.syntax,
        type=inner[0] if inner else glanced.type,
        raw_key=archive.keep(raw, _MEDIA_TYPES[glanced.syntax]),
        correlation_id=correlation.current(),
        state=RECEIVED,
        timeline=(*before, (RECEIVED, clock.stamp())),
        receivers=opened.receivers if opened else told.receivers,
        envelope=opened.as_json() if opened else {},
        signature=signature,
        file=told.file,
        file_at=told.file_at,
    )
    standing = received.add(one, key)
    if standing.receipt_id == receipt_id:
        return standing, False
    return _reminded(standing, told), True


def _opened(
    sender: str, raw: bytes, glanced: recognise.Glance
) -> tuple[Envelope | None, tuple[str, bytes] | None]:
    """The envelope, and type and bytes of what it carries; (None, None) for what came without one."""
    if glanced.type != envelope.TYPE:
        return None, None
    opened = envelope.opened(raw)
    type = recognise.glance(opened.payload).type
    in_force = {one.dxp_id for one in certificates.of(sender) if one.dxp_id and one.holds(clock.now())}
    # A certificate says what was registered; a number may have been given to another since.
    owned = opened.sender_id in in_force and numbers.owner(opened.sender_id) == sender
    envelope.agrees(opened, type, in_force if owned else in_force - {opened.sender_id})
    return opened, (type, opened.payload)


def _reminded(one: Received, told: Told) -> Received:
    """What was not judged or routed for a while is queued again: its sender's repetition mends what was passed over.

    Raises 409 where it shall go to others than the first time: it would not.
    """
    if not one.envelope and {*told.receivers} != {*one.receivers}:
        raise conflict(
            "idempotency-conflict",
            "the key was used for other receivers: send this one under another key",
            "同一幂等键已用于其他接收方：请更换幂等键",
            receipt_id=one.receipt_id,
        )
    waiting = clock.now() - datetime.fromisoformat(one.timeline[-1][1])
    if waiting > _PATIENCE:
        if one.state == RECEIVED:
            queues.send("INGEST_QUEUE", [({"receipt_id": one.receipt_id}, one.correlation_id)])
        _hand_on(one)
    return one


def _hand_on(one: Received) -> None:
    """Tell the router of a valid message. Told twice, it knows; told never, the judge's repetition tells it."""
    if one.state == VALIDATED:
        queues.send("ROUTING_QUEUE", [({"receipt_id": one.receipt_id}, one.correlation_id)])


def _follow(one: Received) -> None:
    """What comes after the judgement; done again at each repetition."""
    _hand_on(one)
    if one.file:
        _beside(one)


def _beside(one: Received) -> dict[str, Any]:
    """Put beside a file its receipt, then what was judged; neither a notification that comes again nor the receipt's
    writer, overtaken by the judge, takes that back."""
    carries = carried_by(one.type)
    report = report_of(one)
    word = shown(one, canonical.load(report), carries) if report else receipt(one, carries)
    standing = (one.file_at, _LAST_WORD if report else _FIRST_WORD)
    drop.answer(one.sender, one.file, canonical.dumps(word), standing)
    return word


def _is_json(syntax: str) -> None:
    """The gateway passes JSON on as text, which only UTF-8 survives. Raises 415 for what came as JSON and is none."""
    if syntax != "json":
        right = _MEDIA_TYPES[syntax]
        raise WindowError(
            415, "wrong-content-type", f"this is no JSON: send it as {right}, lest its encoding suffer",
            detail_zh=f"内容不是 JSON：请以 {right} 发送，以免编码受损",
        )  # fmt: skip


def _place(upload: Upload) -> str:
    return f"{upload.receipt_id[:4]}/exchange/{upload.receipt_id}"
