"""Subscriptions over HTTP, the events that they are told of, and the sender of webhooks."""

import re
from typing import Any

from notifications import delivery, notice, store
from notifications.delivery import Pointer
from notifications.subscription import EVENTS, FOR_AGENCIES, RETENTION, Subscription, concerned
from singlewindow import canonical, clock, commands
from singlewindow.access import Throttle
from singlewindow.aws import ledger
from singlewindow.capability import Answer, Capability, Message, Request
from singlewindow.consignment import Consignment
from singlewindow.errors import WindowError, conflict, not_found
from singlewindow.ids import new_id
from singlewindow.outbound import address, signing
from singlewindow.parties import TRADERS, Role

app = Capability("notifications")

SUBSCRIBERS = (*TRADERS, Role.AGENCY)
MOST_SUBSCRIPTIONS = 20
_PAGE, _LARGEST_PAGE = 50, 200
_CURSOR = re.compile(r"[0-9]{16}", re.ASCII)
_THROTTLE = Throttle(rate=50, burst=100)


@app.on_queue("NotificationsInbox", types=EVENTS, patient=True)
def on_event(message: Message) -> None:
    """Write one notification a subscription that is concerned, once, and queue it."""
    event = ledger.noticed(message.body)
    standing = ledger.standing(event.window_no)
    if standing is None:
        raise not_found(event.window_no)
    consignment: Consignment | None = None
    parties = sorted(standing.parties)
    if event.type in FOR_AGENCIES:
        consignment = ledger.of(event)
        parties = concerned(consignment)
    trouble: Exception | None = None
    for subscription in (one for party in parties for one in store.of_party(party) if one.exists):
        consignment = consignment or ledger.of(event)
        try:
            written = delivery.tell(subscription, consignment)
        except Exception as error:  # the others are told all the same; the queue repeats this one
            app.logger.exception("not told", extra={"subscription": subscription.id})
            trouble = error
        else:
            if written:
                app.logger.info("told", extra={"subscription": subscription.id, "number": written})
    if trouble:
        raise trouble


@app.on_queue("WebhooksQueue", batch_size=1, concurrency=50)
def deliver(message: Message) -> None:
    """One attempt at one delivery, where it is due; the queue is never held up by one that waits."""
    pointer = Pointer.read(canonical.parse_json(message.body))
    came_to = delivery.deliver(pointer)
    if came_to:
        app.logger.info("webhook", extra={"subscription": pointer.subscription, "came_to": came_to})
    if came_to == "disabled":
        app.count("SubscriptionsDisabled")
    elif came_to == store.FAILED:
        app.count("WebhooksGivenUp")


@app.route(
    "/exchange/subscriptions",
    methods=("POST",),
    allow=SUBSCRIBERS,
    request="command:notifications.command.Subscribe",
    responses={201: "SubscriptionWithSecret"},
    max_bytes=16 * 1024,
    throttle=_THROTTLE,
)
def subscribe(request: Request) -> Answer:
    """Subscribe to what happens to one's shipments; the answer shows the secret, this once."""
    from notifications.command import Subscribe

    wanted = commands.parse(Subscribe, request.json())
    if wanted.url is not None:
        address.admit(wanted.url, private=delivery.private_allowed())
    if sum(one.exists for one in store.of_party(request.by.party)) >= MOST_SUBSCRIPTIONS:
        raise conflict("too-many-subscriptions", f"at most {MOST_SUBSCRIPTIONS} a party", "订阅数量已达上限")
    made = Subscription(
        id=new_id(),
        party=request.by.party,
        role=request.by.role,
        url=wanted.url,
        events=tuple(wanted.events),
        scope=wanted.scope,
        description=wanted.description,
        created_at=clock.stamp(),
    )
    if not made.types:
        raise WindowError(
            422,
            "nothing-to-tell",
            "no event is in this scope and for this role",
            detail_zh="所选事件与范围没有交集，或该角色无权获知",
        )
    secret = _secret_of(made)  # first: a subscription whose secret nobody was shown helps nobody
    store.add(made)
    return Answer(_shown(made) | secret, 201, {"Location": f"/exchange/subscriptions/{made.id}"})


@app.route("/exchange/subscriptions", allow=SUBSCRIBERS, responses={200: "Subscriptions"}, throttle=_THROTTLE)
def subscriptions(request: Request) -> dict[str, Any]:
    """One's own subscriptions."""
    own = sorted(store.of_party(request.by.party), key=lambda one: (one.created_at, one.id))
    return {"items": [_shown(one) for one in own]}


@app.route(
    "/exchange/subscriptions/{subscription_id}",
    allow=SUBSCRIBERS,
    responses={200: "Subscription"},
    throttle=_THROTTLE,
)
def subscription(request: Request, subscription_id: str) -> dict[str, Any]:
    """One subscription, and how its address fares."""
    own = _own(request, subscription_id)
    circuit = store.breaker(own.id).read()
    resting = max(circuit.opens - clock.now().timestamp(), 0)
    return _shown(own) | {"failures_in_a_row": circuit.failures, "resting_for_seconds": round(resting)}


@app.route(
    "/exchange/subscriptions/{subscription_id}",
    methods=("DELETE",),
    allow=SUBSCRIBERS,
    responses={200: "Subscription"},
    throttle=_THROTTLE,
)
def unsubscribe(request: Request, subscription_id: str) -> dict[str, Any]:
    """Disable a subscription for good; what it was told can be pulled as long as it is kept."""
    store.delete(_own(request, subscription_id))
    return _shown(_own(request, subscription_id))


@app.route(
    "/exchange/subscriptions/{subscription_id}/test",
    methods=("POST",),
    allow=SUBSCRIBERS,
    consumes=(),
    responses={202: "Queued"},
    throttle=Throttle(rate=5, burst=10),
)
def test(request: Request, subscription_id: str) -> Answer:
    """Send a test at once, one attempt; where it arrives, a disabled subscription is active again."""
    own = _in_use(request, subscription_id)
    cursor = store.append(own, notice.of_test(own, clock.stamp()))
    if own.url:
        delivery.send([Pointer.of(own, cursor)])
    return Answer({"queued": 1 if own.url else 0, "next": cursor, "more": False}, 202)


@app.route(
    "/exchange/subscriptions/{subscription_id}/secret",
    methods=("POST",),
    allow=SUBSCRIBERS,
    consumes=(),
    responses={200: "SubscriptionWithSecret"},
    throttle=Throttle(rate=5, burst=10),
)
def rotate(request: Request, subscription_id: str) -> dict[str, Any]:
    """A new secret, shown this once; for 24 hours the one before signs as well."""
    rotated = store.rotate(_in_use(request, subscription_id), clock.stamp())
    if rotated is None:
        raise conflict("rotated-meanwhile", "somebody else of your party rotated it just now", "密钥刚被更换")
    return _shown(rotated) | _secret_of(rotated)


@app.route(
    "/exchange/subscriptions/{subscription_id}/deliveries",
    allow=SUBSCRIBERS,
    query=("after", "limit"),
    responses={200: "Deliveries"},
    throttle=_THROTTLE,
)
def deliveries(request: Request, subscription_id: str) -> dict[str, Any]:
    """What the subscription was told after a cursor, oldest first: the same as was pushed, and its fate."""
    own = _own(request, subscription_id)
    after, limit = request.query.get("after", ""), request.query.get("limit", str(_PAGE))
    if after and not _CURSOR.fullmatch(after):
        raise WindowError(400, "bad-parameter", "after: a cursor that was given to you", detail_zh="游标无效")
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit) <= _LARGEST_PAGE):
        raise WindowError(400, "bad-parameter", f"limit: 1 to {_LARGEST_PAGE}", detail_zh="limit 超出范围")
    found = store.after(own.id, after, int(limit) + 1)
    page = found[: int(limit)]
    return {
        "items": [delivery.shown(one) for one in page],
        "next": page[-1].cursor if page else after,
        "more": len(found) > len(page),
    }


@app.route(
    "/exchange/subscriptions/{subscription_id}/replay",
    methods=("POST",),
    allow=SUBSCRIBERS,
    request="command:notifications.command.Replay",
    responses={202: "Queued"},
    max_bytes=1024,
    throttle=Throttle(rate=5, burst=10),
)
def replay(request: Request, subscription_id: str) -> Answer:
    """Send everything after a cursor again, up to 200 a call; go on from `next` while there is `more`."""
    from notifications.command import Replay

    own = _in_use(request, subscription_id)
    if own.url is None or own.status != "active":
        raise conflict(
            "nobody-listens",
            "the subscription has no address or is disabled; pull, or let a test arrive first",
            "该订阅无推送地址或已停用，请改用拉取，或先测试成功",
        )
    after = commands.parse(Replay, request.json()).after
    found = store.after(own.id, after, _LARGEST_PAGE + 1)
    page = found[:_LARGEST_PAGE]
    now = clock.now().timestamp()
    due = [one for one in page if one.type in EVENTS and store.again(one, now)]
    delivery.send(Pointer.of(own, one.cursor) for one in due)
    answer = {
        "queued": len(due),
        "next": page[-1].cursor if page else after,
        "more": len(found) > len(page),
    }
    app.logger.info("replay", extra={"subscription": own.id, "after": after, **answer})
    return Answer(answer, 202)


def _own(request: Request, subscription_id: str) -> Subscription:
    found = store.find(request.by.party, subscription_id)
    if found is None or found.role != request.by.role:
        raise not_found(subscription_id)
    return found


def _in_use(request: Request, subscription_id: str) -> Subscription:
    own = _own(request, subscription_id)
    if not own.exists:
        raise conflict("deleted", "the subscription was deleted", "该订阅已删除")
    return own


def _secret_of(one: Subscription) -> dict[str, str]:
    return {"secret": signing.as_text(delivery.secret(one, one.generation))}


def _shown(one: Subscription) -> dict[str, Any]:
    until = one.previous_until
    overlapping = until and until > clock.now()
    return {
        "id": one.id,
        "url": one.url,
        "events": list(one.events),
        "told_of": list(one.types),
        "scope": one.scope,
        "description": one.description,
        "created_at": one.created_at,
        "status": one.status,
        "reason": one.reason,
        "secret_generation": one.generation,
        "previous_secret_until": clock.stamp(until) if until and overlapping else None,
        "kept_days": RETENTION.days,
    }
