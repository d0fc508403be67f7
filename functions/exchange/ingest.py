"""Taking messages in: accepted by a glance and kept at once, judged behind a queue."""

from datetime import datetime, timedelta
from typing import Any

from exchange import received
from exchange.receipt import EXPECTED, QUARANTINED, RECEIVED, VALIDATED, Received, Upload, moved, state_of
from singlewindow import canonical, clock, correlation, ids
from singlewindow.aws import archive, queues, uploads
from singlewindow.errors import WindowError
from singlewindow.messages import recognise

_MEDIA_TYPES = {"json": "application/json", "xml": "application/xml", "edifact": "application/edifact"}
_JSON = _MEDIA_TYPES["json"]

# A packed report up to here stands in its row; a larger one is an object of the archive.
_MOST_IN_ROW = 32 * 1024

_PATIENCE = timedelta(minutes=2)


def accept(
    sender: str, key: str, raw: bytes, media_type: str, receivers: tuple[str, ...] = ()
) -> tuple[Received, bool]:
    """Keep a message that came in a request, once; whether it was here before.

    Raises 422 for a type that nobody knows (nothing is kept then), 409 where the key stands for another message.
    """
    sha256 = canonical.sha256(raw)
    if standing := received.under(sender, key, sha256):
        return _reminded(standing), True
    glanced = recognise.glance(raw)
    if media_type == _JSON:
        _is_json(glanced.syntax)
    return _keep(ids.new_id(), sender, key, raw, glanced, receivers=receivers)


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
        "url": uploads.address(_place(upload), upload.size, upload.sha256),
        "method": "PUT",
        "headers": uploads.headers(upload.sha256),
        "bytes": upload.size,
        "sha256": upload.sha256,
        "expires_in": uploads.SECONDS,
        "then": f"/exchange/uploads/{upload.receipt_id}",
    }


def arrived(upload: Upload) -> tuple[Received, bool]:
    """Take in what was uploaded, as if it had come in a request. 409 where it has not come, 422 where it is not what
    was announced."""
    if standing := received.under(upload.sender, upload.key, upload.sha256):
        return _reminded(standing), True
    try:
        raw = uploads.fetch(_place(upload))
    except ValueError as error:
        raise WindowError(413, "too-large", str(error), detail_zh="文件超过大小限制") from None
    if raw is None:
        raise WindowError(
            409,
            "not-uploaded",
            "nothing has come under the address yet, or a day has gone by: PUT the file first",
            detail_zh="尚未收到文件，或已超过一天：请先上传文件",
        )
    if (got := canonical.sha256(raw)) != upload.sha256:
        raise WindowError(
            422,
            "upload-altered",
            f"{got} came, {upload.sha256} was announced: upload it again",
            detail_zh="上传内容的摘要与声明不符，请重新上传",
        )
    glanced = recognise.glance(raw)
    return _keep(upload.receipt_id, upload.sender, upload.key, raw, glanced, ((EXPECTED, upload.at),))


def judge(receipt_id: str) -> bool:
    """Judge a message by the catalogue and write where that leads; False where it was done before.

    What is archived here is named by its content: an attempt that was cut short leaves nothing that the next does
    not find the same.
    """
    one = received.find(receipt_id)
    if one is None:
        raise WindowError(400, "no-such-message", f"{receipt_id} is not known", detail_zh="无此报文")
    if one.state != RECEIVED:
        _hand_on(one)  # whoever settled it may have got no further
        return False
    state, report, content = _judged(archive.fetch(one.raw_key), one)
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
    packed: bytes | None = canonical.pack(text)
    if packed and len(packed) > _MOST_IN_ROW:
        packed, outcome["report"]["key"] = None, archive.keep(text, _JSON)
    after = moved(one, state, clock.stamp(), outcome)
    settled = after is not None and received.settle(after, packed)
    if after is not None:
        _hand_on(after)
    return settled


def report_of(one: Received) -> bytes | None:
    """The judge's report as JSON; None before there is one."""
    if "report" not in one.outcome:
        return None
    if key := one.outcome["report"].get("key"):
        return archive.fetch(key)
    packed = received.report(one.receipt_id)
    return canonical.unpack(packed) if packed is not None else None


def _judged(raw: bytes, one: Received) -> tuple[str, dict[str, Any], dict[str, Any] | None]:
    """(state, report, canonical documents) of a message, by the catalogue of the day on which it came."""
    from singlewindow.messages import conformance  # the request path does not judge

    as_at = clock.business_date(datetime.fromisoformat(one.timeline[-1][1]))
    try:
        report = conformance.report(raw, as_at, with_content=True)
    except WindowError as error:  # a head that promised what the body does not hold
        return QUARANTINED, conformance.refusal(raw, as_at, error).as_json(), None
    content = report.content
    carried = (
        {"document": content.document, "version": content.version, "documents": content.documents}
        if content and content.documents
        else None
    )
    told = report.as_json()
    return state_of(report.readable, told["counts"]["error"]), told, carried


def _keep(
    receipt_id: str,
    sender: str,
    key: str,
    raw: bytes,
    glanced: recognise.Glance,
    before: tuple[tuple[str, str], ...] = (),
    receivers: tuple[str, ...] = (),
) -> tuple[Received, bool]:
    """The archive first: a row never points to what is not there."""
    one = Received(
        receipt_id=receipt_id,
        sender=sender,
        sha256=canonical.sha256(raw),
        size=len(raw),
        syntax=glanced.syntax,
        type=glanced.type,
        raw_key=archive.keep(raw, _MEDIA_TYPES[glanced.syntax]),
        correlation_id=correlation.current(),
        state=RECEIVED,
        timeline=(*before, (RECEIVED, clock.stamp())),
        receivers=receivers,
    )
    standing = received.add(one, key)
    return standing, standing.receipt_id != receipt_id


def _reminded(one: Received) -> Received:
    """What was not judged or routed for a while is queued again: its sender's repetition mends what was passed over."""
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
