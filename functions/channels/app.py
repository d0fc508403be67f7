"""Channels over HTTP, the router and the sender behind their queues, dead letters and replay."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from channels import delivery, dispatch, overview, registry, shown, transports
from channels.channel import AS_SENT, PULL, SQS, WEBHOOK, Channel, inbox_of
from channels.dispatch import Delivery
from channels.replay import MOST, note, replay
from singlewindow import canonical, clock, commands
from singlewindow.access import PUBLIC, Throttle
from singlewindow.aws import archive, dead_letters
from singlewindow.capability import Answer, Capability, Message, Request
from singlewindow.deliveries import ACKED, LOST
from singlewindow.errors import WindowError, conflict, not_found
from singlewindow.ids import is_uscc, new_id
from singlewindow.outbound import address, signing
from singlewindow.pages import html
from singlewindow.parties import TRADERS, Role

app = Capability("channels")

HOLDERS = (*TRADERS, Role.AGENCY)
MANAGERS = (*HOLDERS, Role.OPERATOR)
MOST_CHANNELS = 20
_PAGE = 50
_THROTTLE = Throttle(rate=50, burst=100)
_RARE = Throttle(rate=5, burst=10)
# Fetching and acknowledging is what receivers do all day.
_RECEIVING = Throttle(rate=200, burst=400)

# Anyone may look, and each look is some dozen reads.
_LOOKED_AT = Throttle(rate=20, burst=40)

# Beyond it an answer is an address in the archive: Lambda answers 6 MB at most.
_LARGEST_ANSWER = 4 * 1024 * 1024
_LINK_SECONDS = 300


@app.on_queue("RoutingQueue")
def route(message: Message) -> None:
    """Decide once where a valid message goes, and queue a delivery a channel; a repetition goes on from there."""
    receipt_id = _pointer(message, "receipt_id")
    number = delivery.route(receipt_id)
    if number is not None:
        app.logger.info("routed", extra={"receipt_id": receipt_id, "deliveries": number})


@app.on_queue(
    "DeliveryAQueue", "DeliveryBQueue", "DeliveryCQueue", "DeliveryDQueue", batch_size=1, concurrency=25
)
def deliver(message: Message) -> None:
    """One attempt at one delivery, where it is due; the queue is never held up by one that waits."""
    delivery_id = _pointer(message, "delivery_id")
    came_to = delivery.deliver(delivery_id)
    if came_to:
        app.logger.info("delivery", extra={"delivery_id": delivery_id, "came_to": came_to})
    if came_to in LOST:
        app.count("DeliveriesLost")


# --- channels -----------------------------------------------------------------------------------------------


@app.route(
    "/exchange/channels",
    methods=("POST",),
    allow=MANAGERS,
    request="command:channels.command.ChannelRegistration",
    responses={201: "ChannelWithSecret"},
    max_bytes=16 * 1024,
    throttle=_THROTTLE,
)
def register(request: Request) -> Answer:
    """Register a way to be reached; for a webhook the answer shows its secret, this once."""
    from channels.command import ChannelRegistration

    wanted = commands.parse(ChannelRegistration, request.json())
    party, role = _for_whom(request, wanted.party, wanted.role)
    _admit(wanted.protocol, wanted.url, role)
    if sum(one.is_open for one in registry.of_party(party)) >= MOST_CHANNELS:
        raise conflict("too-many-channels", f"at most {MOST_CHANNELS} a party", "通道数量已达上限")
    members = wanted.members()
    del members["party"], members["role"]
    made = Channel(id=new_id(), party=party, role=role, created_at=clock.stamp(), **members)
    secret = _secret_of(made)  # first: a channel whose secret nobody was shown helps nobody
    registry.add(made, request.by)
    headers = {"Location": f"/exchange/channels/{made.id}", "ETag": _etag(made)}
    return Answer(shown.channel(made) | secret, 201, headers)


@app.route(
    "/exchange/channels",
    allow=MANAGERS,
    query=("party", "cursor"),
    responses={200: "Channels"},
    throttle=_THROTTLE,
)
def channels(request: Request) -> dict[str, Any]:
    """One's own channels, an agency's standing inbox among them; operators see those of any party, or all by pages."""
    party, following = request.by.party, None
    if request.by.role == Role.OPERATOR:
        if "party" not in request.query:
            cursor = request.query.get("cursor", registry.shards()[0])
            if len(cursor) != 1 or cursor not in registry.shards():
                raise WindowError(
                    400, "bad-parameter", "cursor: one that was given to you", detail_zh="游标无效"
                )
            following = registry.shards().partition(cursor)[2][:1] or None
            return {"items": [shown.channel(one) for one in registry.all_of(cursor)], "next": following}
        party = request.query["party"]
    inbox = registry.inbox(party)
    own = [*([inbox] if inbox else []), *registry.of_party(party)]
    return {"items": [shown.channel(one) for one in own], "next": following}


@app.route("/exchange/channels/{channel_id}", allow=MANAGERS, responses={200: "Channel"}, throttle=_THROTTLE)
def channel(request: Request, channel_id: str) -> Answer:
    """One channel, and how its destination fares."""
    own = _own(request, channel_id)
    return Answer(shown.channel(own, dispatch.breaker(own.id).read()), headers={"ETag": _etag(own)})


@app.route(
    "/exchange/channels/{channel_id}",
    methods=("PUT",),
    allow=MANAGERS,
    headers=("If-Match",),
    request="command:channels.command.ChannelSettings",
    responses={200: "Channel"},
    max_bytes=16 * 1024,
    throttle=_THROTTLE,
)
def change(request: Request, channel_id: str) -> Answer:
    """Change a channel, all of it; what waits for it goes by the new settings. Its protocol stays."""
    from channels.command import ChannelSettings

    before = _changeable(request, channel_id)
    wanted = commands.parse(ChannelSettings, request.json())
    _admit(wanted.protocol, wanted.url, before.role)
    if wanted.protocol != before.protocol:
        raise conflict("other-protocol", "another protocol is another channel", "更换协议请新建通道")
    after = registry.change(before, replace(before, **wanted.members()), request.by)
    return Answer(shown.channel(after), headers={"ETag": _etag(after)})


@app.route(
    "/exchange/channels/{channel_id}",
    methods=("DELETE",),
    allow=MANAGERS,
    headers=("If-Match",),
    responses={200: "Channel"},
    throttle=_THROTTLE,
)
def close(request: Request, channel_id: str) -> Answer:
    """Close a channel for good; what still waits for it expires, and its history stays."""
    before = _changeable(request, channel_id)
    after = registry.change(before, registry.closed(before), request.by)
    return Answer(shown.channel(after), headers={"ETag": _etag(after)})


@app.route(
    "/exchange/channels/{channel_id}/test",
    methods=("POST",),
    allow=MANAGERS,
    consumes=(),
    responses={202: "TestDelivery"},
    throttle=_RARE,
)
def test(request: Request, channel_id: str) -> Answer:
    """Send a test through the whole way, one attempt; what came of it is seen at the delivery."""
    one = delivery.test(_open(request, channel_id))
    place = f"/exchange/deliveries/{one.id}"
    return Answer({"delivery_id": one.id, "delivery": place}, 202, {"Location": place})


@app.route(
    "/exchange/channels/{channel_id}/secret",
    methods=("POST",),
    allow=MANAGERS,
    consumes=(),
    responses={200: "ChannelWithSecret"},
    throttle=_RARE,
)
def rotate(request: Request, channel_id: str) -> dict[str, Any]:
    """A new secret, shown this once; for 24 hours the one before signs as well."""
    own = _open(request, channel_id)
    if own.protocol != WEBHOOK:
        raise conflict("no-secret", "only a webhook has a secret", "仅 webhook 通道有密钥")
    rotated = replace(own, generation=own.generation + 1, rotated_at=clock.stamp())
    rotated = registry.change(own, rotated, request.by)
    return shown.channel(rotated) | _secret_of(rotated)


@app.route(
    "/exchange/channels/{channel_id}/history",
    allow=MANAGERS,
    responses={200: "ChannelHistory"},
    throttle=_THROTTLE,
)
def history(request: Request, channel_id: str) -> dict[str, Any]:
    """Who changed what and when, the first change first."""
    return {"items": registry.history(_own(request, channel_id).id)}


@app.route(
    "/exchange/channels/{channel_id}/messages",
    allow=MANAGERS,
    query=("after", "limit"),
    responses={200: "ChannelMessages"},
    throttle=_RECEIVING,
)
def messages(request: Request, channel_id: str) -> dict[str, Any]:
    """What came by a channel after a cursor, the oldest first: for a channel that is pulled this is how it receives."""
    own = _own(request, channel_id)
    limit = _limit(request)
    after, look = request.query.get("after", ""), dispatch.mailbox if own.protocol == PULL else _sent_by
    if after and not dispatch.is_cursor(after, own.protocol == PULL):
        raise WindowError(
            400,
            "bad-parameter",
            "after: a cursor that this channel gave, or an instant in UTC where it is not pulled",
            detail_zh="after：须为本通道返回的游标（非拉取通道亦可为 UTC 时刻）",
        )
    found = look(own.id, after, limit + 1)
    page = found[:limit]
    standing = {one.id: one for one in dispatch.all_of([id for _, id in page])}
    return {
        "items": [_offered(cursor, standing[id]) for cursor, id in page if id in standing],
        "next": page[-1][0] if page else after,
        "more": len(found) > len(page),
    }


@app.route(
    "/exchange/channels/{channel_id}/replay",
    methods=("POST",),
    allow=MANAGERS,
    request="command:channels.command.ChannelReplay",
    responses={202: "Replayed"},
    max_bytes=4096,
    throttle=_RARE,
)
def replay_channel(request: Request, channel_id: str) -> Answer:
    """Send what went by a channel again, up to 200 a call; go on from `next` while there is `more`."""
    from channels.command import ChannelReplay

    own = _open(request, channel_id)
    wanted = commands.parse(ChannelReplay, request.json())
    places = dispatch.sent_by(own.id, wanted.start, wanted.end, MOST + 1)
    return _replayed(request, places, wanted.why, f"channel {own.id}", wanted.start)


# --- deliveries, for who receives them ----------------------------------------------------------------------


@app.route(
    "/exchange/deliveries/{delivery_id}", allow=MANAGERS, responses={200: "Delivery"}, throttle=_RECEIVING
)
def show(request: Request, delivery_id: str) -> dict[str, Any]:
    """One delivery: its state, its timeline, what was made of the message for its receiver."""
    return shown.delivery(_received(request, delivery_id))


@app.route(
    "/exchange/deliveries/{delivery_id}/body",
    allow=HOLDERS,
    responses={200: {"description": "the body, in the channel's format"}, 303: "DeliveryLink"},
    throttle=_RECEIVING,
)
def body(request: Request, delivery_id: str) -> Answer:
    """The body of a delivery, for its addressee alone; an address where it is large, or not in UTF-8."""
    one = _received(request, delivery_id)
    if one.body is None:
        raise conflict("not-made-yet", "nothing has been sent yet", "尚未投递")
    dispatch.fetched(one, clock.stamp())
    held = one.body
    if held.format == AS_SENT or held.bytes > _LARGEST_ANSWER:
        location = archive.link(held.key, one.id, held.media_type, _LINK_SECONDS)
        link = {"location": location, "sha256": held.sha256, "media_type": held.media_type}
        return Answer(link | {"expires_in": _LINK_SECONDS}, 303, {"Location": location})
    headers = {
        "Content-Type": held.media_type,
        "ETag": f'"{held.sha256}"',
        "Cache-Control": "private, max-age=86400",
    }
    return Answer(archive.fetch(held.key).decode(), headers=headers)


@app.route(
    "/exchange/deliveries/{delivery_id}/ack",
    methods=("POST",),
    allow=HOLDERS,
    consumes=(),
    responses={200: "Delivery"},
    throttle=_RECEIVING,
)
def acknowledge(request: Request, delivery_id: str) -> dict[str, Any]:
    """Say that a delivery has arrived; saying it again changes nothing."""
    one = _received(request, delivery_id)
    if not dispatch.acknowledge(one, clock.stamp()):
        standing = _received(request, delivery_id)
        if standing.state != ACKED:
            raise conflict("nothing-sent", f"it is {standing.state}: nothing was sent", "尚未投递，不能确认")
    return shown.delivery(_received(request, delivery_id))


# --- dead letters and replay --------------------------------------------------------------------------------


@app.route(
    "/exchange/dead-letters",
    allow=MANAGERS,
    query=("day", "channel", "after", "limit"),
    responses={200: "DeadLetters"},
    throttle=_THROTTLE,
)
def letters(request: Request) -> dict[str, Any]:
    """What could not be delivered on a day (today, Asia/Shanghai) and why: of one's own channels, for operators all."""
    day, limit, after = _day(request), _limit(request), request.query.get("after", "")
    places = _letters(request, day, request.query.get("channel"), after, limit + 1)
    page = places[:limit]
    lost = [one for one in dispatch.all_of(_ids(page)) if one.state in LOST]
    return {
        "items": [shown.delivery(one) for one in lost],
        "next": page[-1][0] if page else after,
        "more": len(places) > len(page),
    }


@app.route(
    "/exchange/dead-letters/replay",
    methods=("POST",),
    allow=MANAGERS,
    request="command:channels.command.DeadLetterReplay",
    responses={202: "Replayed"},
    max_bytes=16 * 1024,
    throttle=_RARE,
)
def replay_letters(request: Request) -> Answer:
    """Send dead letters again: by their ids, of a channel, or (operators) of a day; up to 200 a call."""
    from channels.command import DeadLetterReplay

    wanted = commands.parse(DeadLetterReplay, request.json())
    if wanted.ids:
        places = [("", id) for id in dict.fromkeys(wanted.ids)]
    elif wanted.channel is not None:
        own = _open(request, wanted.channel)
        places = dispatch.dead_of_channel(own.id, wanted.start, wanted.end, MOST + 1)
    else:
        if request.by.role != Role.OPERATOR:
            raise WindowError(403, "operators-only", "name a channel or ids", detail_zh="请指定通道或编号")
        places = dispatch.dead_of_day(str(wanted.day), wanted.start, MOST + 1)
    return _replayed(request, places, wanted.why, "dead letters", wanted.start, lost=True)


@app.route(
    "/exchange/messages/{message_id}/replay",
    methods=("POST",),
    allow=MANAGERS,
    request="command:channels.command.MessageReplay",
    responses={202: "Replayed"},
    max_bytes=4096,
    throttle=_RARE,
)
def replay_message(request: Request, message_id: str) -> Answer:
    """Send one message again, to oneself; by an operator to all its receivers, or by one channel."""
    from channels.command import MessageReplay

    wanted = commands.parse(MessageReplay, request.json())
    delivery.join(message_id, lambda party: _may_see(request, party))
    routed = dispatch.route(message_id)
    ids = [one["delivery_id"] for one in (routed or {}).get("receivers", ()) if one["delivery_id"]]
    own = [
        one
        for one in dispatch.all_of(ids)
        if _may_see(request, one.party) and wanted.channel in (None, one.channel)
    ]
    if not own:
        raise not_found(message_id)
    return _replayed(request, [("", one.id) for one in own], wanted.why, f"message {message_id}", "")


@app.route(
    "/exchange/replays",
    allow=(Role.OPERATOR, Role.OFFICER),
    query=("day",),
    responses={200: "Replays"},
    throttle=_THROTTLE,
)
def replays(request: Request) -> dict[str, Any]:
    """Who had what sent again on a day, why, and how many."""
    return {"items": dispatch.audited(_day(request))}


@app.route(
    "/exchange/dead-letters/queues",
    allow=(Role.OPERATOR,),
    responses={200: "DeadLetterQueues"},
    throttle=_THROTTLE,
)
def queues(request: Request) -> dict[str, Any]:
    """The stack's own dead-letter queues and how many messages lie in each: every one is a fault of ours."""
    return {"items": [{"name": name, "messages": depth} for name, depth in dead_letters.depths()]}


@app.route(
    "/exchange/dead-letters/queues/{name}/redrive",
    methods=("POST",),
    allow=(Role.OPERATOR,),
    request="command:channels.command.QueueRedrive",
    responses={202: "Redriven"},
    max_bytes=4096,
    throttle=_RARE,
)
def redrive(request: Request, name: str) -> Answer:
    """Put what lies in a dead-letter queue back where it came from, up to 200 messages a call; poison comes back."""
    from channels.command import QueueRedrive

    wanted = commands.parse(QueueRedrive, request.json())
    if name not in dead_letters.names():
        raise not_found(name)
    entry = note(request.by, wanted.why, f"redrive {name}", wanted.most, [])
    moved, left = dead_letters.redrive(name, wanted.most)
    app.logger.info("redriven", extra={"queue": name, "moved": moved, "left": left})
    return Answer({"audit": entry, "moved": moved, "left": left}, 202)


# --- seen from outside ---------------------------------------------------------------------------------------


@app.route(
    "/exchange/status",
    allow=PUBLIC,
    responses={200: "ExchangeStatus"},
    throttle=_LOOKED_AT,
)
def status(_: Request) -> Answer:
    """How every agency's channel fares, how long things take, what is planned; traders' channels only in sum."""
    return Answer(overview.public(), headers={"Cache-Control": "public, max-age=60"})


@app.route(
    "/status",
    allow=PUBLIC,
    headers=("If-None-Match",),
    responses={200: "text/html", 304: None},
    throttle=_LOOKED_AT,
)
def status_page(request: Request) -> Answer:
    """The same as a page, in Chinese and English."""
    return html(request, Path(__file__).with_name("status.html"))


@app.route("/exchange/queues", allow=(Role.OPERATOR,), responses={200: "ExchangeQueues"}, throttle=_RARE)
def depths(request: Request) -> dict[str, Any]:
    """The stack's queues with what waits in each and lies dead beside it, and every agency's error budget."""
    return {"queues": list(dead_letters.queues()), "error_budgets": overview.budgets()}


# --- who, and which -----------------------------------------------------------------------------------------


def _for_whom(request: Request, party: str | None, role: str | None) -> tuple[str, str]:
    """Whose the new channel is: the caller's; an operator says whose. Raises 403, 422."""
    if request.by.role != Role.OPERATOR:
        if party not in (None, request.by.party) or role not in (None, request.by.role):
            raise WindowError(
                403, "not-yours", "only an operator registers for others", detail_zh="只能为本单位登记"
            )
        return request.by.party, request.by.role
    agency = role == Role.AGENCY
    if party is None or role is None or not (registry.inbox(party) if agency else is_uscc(party)):
        raise WindowError(
            422, "for-whom", "an operator says `party` (a USCC, or an agency's id) and `role`",
            detail_zh="请指明单位（统一社会信用代码或部门代码）与角色",
        )  # fmt: skip
    return party, role


def _admit(protocol: str, url: str | None, role: str) -> None:
    if url is not None:
        address.admit(url, private=transports.private_allowed())
    if protocol == SQS and role != Role.AGENCY:
        raise WindowError(
            422, "no-inbox", "only agencies have an inbox of their own: pull, or a webhook",
            detail_zh="仅监管部门有专用队列：请用拉取或 webhook",
        )  # fmt: skip


def _may_see(request: Request, party: str) -> bool:
    return request.by.role == Role.OPERATOR or request.by.party == party


def _own(request: Request, channel_id: str) -> Channel:
    """The channel, for its party and operators; 404 for anybody else."""
    found = registry.find(channel_id)
    if found is None or not _may_see(request, found.party):
        raise not_found(channel_id)
    return found


def _open(request: Request, channel_id: str) -> Channel:
    own = _own(request, channel_id)
    if own.is_over(clock.now()):
        raise conflict("closed", "the channel is closed, or its time is over", "通道已关闭或已过有效期")
    return own


def _changeable(request: Request, channel_id: str) -> Channel:
    """An open channel of one's own in the version that the caller has read. Raises 404, 409, 412, 428."""
    own = _own(request, channel_id)
    if inbox_of(own.id):
        raise conflict("standing", "an agency's inbox comes with the stack: register a channel beside it",
                       "部门收件队列随系统建立，请另行登记通道")  # fmt: skip
    if not own.is_open:
        raise conflict("closed", "the channel is closed for good", "通道已关闭")
    given = request.headers.get("if-match")
    if given is None:
        raise WindowError(
            428, "if-match-missing", "send If-Match with the ETag you read", detail_zh="缺少 If-Match"
        )
    if given != _etag(own):
        raise WindowError(
            412, "changed-meanwhile", f"it is at {_etag(own)}", detail_zh="通道已被修改，请重新读取"
        )
    return own


def _received(request: Request, delivery_id: str) -> Delivery:
    one = dispatch.find(delivery_id)
    if one is None or not _may_see(request, one.party):
        raise not_found(delivery_id)
    return one


def _etag(one: Channel) -> str:
    return f'"{one.version}"'


def _secret_of(one: Channel) -> dict[str, str]:
    if one.protocol != WEBHOOK:
        return {}
    return {"secret": signing.as_text(transports.secret(one, one.generation))}


# --- pages --------------------------------------------------------------------------------------------------


def _sent_by(channel_id: str, after: str, limit: int) -> list[tuple[str, str]]:
    return dispatch.sent_by(channel_id, after, "", limit)


def _offered(cursor: str, one: Delivery) -> dict[str, Any]:
    told = (
        transports.pointer(one, one.body)
        if one.body
        else {"delivery_id": one.id, "message_id": one.message_id}
    )
    return {"cursor": cursor, "state": one.state, **told}


def _letters(
    request: Request, day: str, channel_id: str | None, after: str, limit: int
) -> list[tuple[str, str]]:
    start = datetime.fromisoformat(day).replace(tzinfo=clock.BUSINESS_ZONE)
    end = clock.stamp(start + timedelta(days=1))
    first = max(after, clock.stamp(start))
    if channel_id is not None:
        return dispatch.dead_of_channel(_own(request, channel_id).id, first, end, limit)
    if request.by.role == Role.OPERATOR:
        return dispatch.dead_of_day(day, after, limit)
    inbox = registry.inbox(request.by.party)
    own = [*registry.of_party(request.by.party), *([inbox] if inbox else [])]
    found = [letter for one in own for letter in dispatch.dead_of_channel(one.id, first, end, limit)]
    return sorted(found)[:limit]


def _replayed(
    request: Request, places: list[tuple[str, str]], why: str, what: str, after: str, *, lost: bool = False
) -> Answer:
    """`lost`: only what is dead still, and the caller's own."""
    page = places[:MOST]
    chosen = [
        one
        for one in dispatch.all_of(list(dict.fromkeys(_ids(page))))
        if _may_see(request, one.party) and (one.state in LOST or not lost)
    ]
    done = replay(chosen, request.by, why, what)
    app.logger.info("replay", extra={"what": what, "found": done["found"], "queued": done["queued"]})
    return Answer(done | {"next": page[-1][0] if page else after, "more": len(places) > len(page)}, 202)


def _ids(places: list[tuple[str, str]]) -> list[str]:
    return [id for _, id in places]


def _day(request: Request) -> str:
    day = request.query.get("day", clock.business_date().isoformat())
    try:
        return date.fromisoformat(day).isoformat()
    except ValueError:
        raise WindowError(400, "bad-parameter", "day: YYYY-MM-DD", detail_zh="日期格式有误") from None


def _limit(request: Request) -> int:
    limit = request.query.get("limit", str(_PAGE))
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit) <= MOST):
        raise WindowError(400, "bad-parameter", f"limit: 1 to {MOST}", detail_zh="limit 超出范围")
    return int(limit)


def _pointer(message: Message, name: str) -> str:
    told = canonical.parse_json(message.body)
    id = told.get(name) if isinstance(told, dict) else None
    if not isinstance(id, str):
        raise WindowError(
            400, "unreadable-pointer", f"no pointer: {name} is missing", detail_zh="无法识别的指针"
        )
    return id
