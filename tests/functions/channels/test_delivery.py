"""From a valid message to its receivers, on moto: once a channel, whatever is repeated, fails, hangs or rests."""

import json
from base64 import b64decode, b64encode
from datetime import timedelta
from hashlib import sha256
from hmac import new
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore.exceptions import EndpointConnectionError

from channels import delivery, dispatch, registry
from channels.bodies import Unmappable
from channels.dispatch import Delivery
from singlewindow import canonical, catalogue, clock, settings
from singlewindow.aws import archive, queues
from singlewindow.messages import transform
from singlewindow.outbound.post import Outcome
from singlewindow.outbound.retry import SLOTS, TOLERATED
from tests.functions.channels.conftest import (
    ORDER,
    OTHER,
    PARTY,
    Posts,
    aws,
    call,
    carried,
    judged,
    registered,
    waiting,
)

pytestmark = pytest.mark.usefixtures("cloud")
HOOK = "https://erp.example.cn/hook"
DOWN = "https://down.example.cn/hook"


def later(**time: float) -> None:
    clock.travel(clock.now() + timedelta(**time))


def routed(*receivers: str, **members: Any) -> str:
    message_id = judged(receivers=receivers, **members)
    delivery.route(message_id)
    return message_id


def of(message_id: str) -> list[Delivery]:
    decided = dispatch.route(message_id)
    assert decided is not None
    return dispatch.all_of([one["delivery_id"] for one in decided["receivers"] if one["delivery_id"]])


def to(party: str, message_id: str) -> Delivery:
    (one,) = [one for one in of(message_id) if one.party == party]
    return one


def states(one: Delivery) -> list[str]:
    return [state for _, state, _ in one.timeline]


# --- routing ------------------------------------------------------------------------------------------------


def test_an_agency_finds_a_pointer_in_its_inbox_fetches_and_acknowledges() -> None:
    message_id = routed()
    assert carried() == ["DELIVERED"]
    (told,) = aws("sqs").receive_message(QueueUrl=settings.get("INBOX"))["Messages"]
    pointer = json.loads(told["Body"])
    assert (pointer["kind"], pointer["message_id"]) == ("exchange.delivery", message_id)
    assert len(told["Body"]) < 4096 and "Zhang" not in told["Body"]
    key = urlsplit(pointer["link"]).path.split("/", 2)[-1]
    assert pointer["sha256"] in key and "Signature" in pointer["link"]

    status, body = call("GET", pointer["body"], party="customs", role="agency")
    assert status == 200 and canonical.sha256(canonical.dumps(body)) == pointer["sha256"]
    assert call("GET", pointer["body"], party=OTHER)[0] == 404
    for _ in range(2):
        status, shown = call("POST", pointer["ack"], party="customs", role="agency")
        assert (status, shown["state"], shown["held_by"]) == (200, "ACKED", "receiver")
    assert states(to("customs", message_id)) == ["QUEUED", "TRANSFORMED", "SENT", "DELIVERED", "ACKED"]


def test_a_repeated_pointer_decides_nothing_anew_and_delivers_once(posts: Posts) -> None:
    registered(OTHER, protocol="webhook", url=HOOK)
    message_id = routed(OTHER)
    registered(OTHER, protocol="webhook", url=HOOK + "2")  # too late for this message
    delivery.route(message_id)
    ids = waiting()
    assert len(ids) == 4 and len(set(ids)) == 2  # pointers twice, deliveries once
    came_to = [delivery.deliver(id) for id in ids]
    assert sorted(came_to, key=str) == ["DELIVERED", "DELIVERED", None, None]
    assert [url for url, *_ in posts.made] == [HOOK]


def test_a_crash_after_the_decision_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    message_id, fired = judged(), []

    def broken(*_: Any, **__: Any) -> None:
        fired.append(1)
        raise EndpointConnectionError(endpoint_url="sqs")

    with monkeypatch.context() as patched:
        patched.setattr(queues, "send", broken)
        with pytest.raises(EndpointConnectionError):
            delivery.route(message_id)
    assert fired and waiting() == []
    delivery.route(message_id)  # the queue repeats it
    assert carried() == ["DELIVERED"]


def test_only_what_is_valid_goes_on() -> None:
    assert delivery.route(judged(state="INVALID")) is None
    assert delivery.route("nobody-knows-it") is None


def test_a_party_without_a_channel_is_recorded_as_such() -> None:
    decided = dispatch.route(routed(OTHER))
    assert decided is not None
    other = decided["receivers"][1]
    assert (other["party"], other["channel"], other["delivery_id"]) == (OTHER, None, None)


def test_who_joins_later_asks_for_what_was_sent_to_it_before_and_for_nothing_else() -> None:
    message_id, other = routed(OTHER), routed()
    carried()
    registered(OTHER)
    again = {"why": "we have joined"}
    assert call("POST", f"/exchange/messages/{other}/replay", again, OTHER)[0] == 404
    assert (
        call("POST", f"/exchange/messages/{message_id}/replay", again, PARTY)[0] == 404
    )  # the sender gets nothing
    status, done = call("POST", f"/exchange/messages/{message_id}/replay", again, OTHER)
    assert (status, done["queued"]) == (202, 1)
    assert carried() == ["SENT"] and to(OTHER, message_id).state == "SENT"
    assert to("customs", message_id).round == 0
    call("POST", f"/exchange/messages/{message_id}/replay", again, OTHER)
    assert len(of(message_id)) == 2  # joined once, and sent again


def test_a_channel_brings_nobody_what_is_not_for_its_party() -> None:
    registered(OTHER)
    message_id = routed()
    assert [one.party for one in of(message_id)] == ["customs"]


# --- pulling ------------------------------------------------------------------------------------------------


def test_who_pulls_reads_on_from_its_cursor_without_gaps() -> None:
    mine = registered(OTHER)
    first = [routed(OTHER) for _ in range(3)]
    carried()
    path = f"/exchange/channels/{mine['id']}/messages"
    _, page = call("GET", path, party=OTHER, limit="2")
    assert len(page["items"]) == 2 and page["more"]
    _, rest = call("GET", path, party=OTHER, after=page["next"])
    found = [one["message_id"] for one in page["items"] + rest["items"]]
    assert sorted(found) == sorted(first) and not rest["more"]
    assert [one["cursor"] for one in page["items"] + rest["items"]] == [f"{n:016d}" for n in (1, 2, 3)]

    one = rest["items"][0]
    assert one["state"] == "SENT"
    assert call("GET", one["body"], party=OTHER)[0] == 200
    assert to(OTHER, one["message_id"]).state == "DELIVERED"
    _, empty = call("GET", path, party=OTHER, after=rest["next"])
    assert empty == {"items": [], "next": rest["next"], "more": False}


@pytest.mark.parametrize("protocol", ["pull", "webhook"])
def test_a_damaged_cursor_is_refused_and_a_given_one_goes_into_a_url_as_it_is(
    protocol: str, posts: Posts
) -> None:
    url = {"url": "https://hook.example/there"} if protocol == "webhook" else {}
    mine = registered(OTHER, protocol=protocol, **url)
    for _ in range(2):
        routed(OTHER)
    carried()
    path = f"/exchange/channels/{mine['id']}/messages"
    status, told = call("GET", path, party=OTHER, after="zzz")
    assert (status, told["code"]) == (400, "bad-parameter")
    _, page = call("GET", path, party=OTHER, limit="1")
    assert page["next"] == quote(page["next"], safe=":")
    _, rest = call("GET", path, party=OTHER, after=page["next"])
    assert len(rest["items"]) == 1 and rest["items"][0]["cursor"] > page["next"]


def test_two_senders_at_one_mailbox_give_every_delivery_a_cursor_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mine, beside = registered(OTHER), list[int]()
    one, other = (to(OTHER, routed(OTHER)) for _ in range(2))
    waiting()
    real = dispatch._get

    def overtaken(key: str, item: str) -> Any:
        found = real(key, item)
        if item == "head" and not beside:
            beside.append(1)
            delivery.deliver(other.id)  # between the look at the head and the write
        return found

    monkeypatch.setattr(dispatch, "_get", overtaken)
    assert delivery.deliver(one.id) == "SENT" and beside
    assert dispatch.mailbox(mine["id"], "", 9) == [(f"{1:016d}", other.id), (f"{2:016d}", one.id)]


# --- webhooks -----------------------------------------------------------------------------------------------


def test_a_webhook_is_signed_with_the_secret_that_was_shown(posts: Posts) -> None:
    shown = registered(OTHER, protocol="webhook", url=HOOK)
    routed(OTHER)
    carried()
    ((_, body, headers),) = posts.made
    text = canonical.dumps(body).decode()
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{text}".encode()
    key = b64decode(shown["secret"].removeprefix("whsec_"))
    assert headers["webhook-signature"] == "v1," + b64encode(new(key, signed, sha256).digest()).decode()
    assert "content" not in body["data"]


def test_a_webhook_that_asks_for_it_gets_the_document_itself(posts: Posts) -> None:
    registered(OTHER, protocol="webhook", url=HOOK, carries=True)
    routed(OTHER)
    carried()
    assert (
        posts.made[0][1]["data"]["content"]["documents"][0]["head"]["order_no"] == ORDER["head"]["order_no"]
    )


def test_a_failure_waits_and_comes_again_with_the_same_id(posts: Posts) -> None:
    registered(OTHER, protocol="webhook", url=DOWN)
    message_id = routed(OTHER)
    posts.answers[DOWN] = Outcome(False, "503")
    assert "FAILED" in carried()
    one = to(OTHER, message_id)
    assert one.waits and one.attempts == 1
    posts.answers.clear()
    assert carried() == [None]  # not due yet
    later(seconds=6)
    assert carried() == ["DELIVERED"]
    assert states(to(OTHER, message_id)) == ["QUEUED", "TRANSFORMED", "SENT", "FAILED", "SENT", "DELIVERED"]
    assert len({headers["webhook-id"] for *_, headers in posts.made}) == 1


def test_beside_a_dead_destination_everybody_else_is_served_at_once(posts: Posts) -> None:
    registered(OTHER, protocol="webhook", url=DOWN)
    live = "91310107132231740K"
    registered(live, protocol="webhook", url=HOOK)
    posts.answers[DOWN] = Outcome(False, "timeout")
    messages = [routed(OTHER, live) for _ in range(7)]
    rounds = 0
    while any(to(live, one).state != "DELIVERED" for one in messages):
        carried()
        later(seconds=3)
        rounds += 1
        assert rounds < 8
    dead = [url for url, *_ in posts.made if url == DOWN]
    assert 1 <= len(dead) <= TOLERATED + SLOTS  # then its circuit is open
    _, shown = call("GET", "/exchange/channels", party=OTHER)
    _, one = call("GET", f"/exchange/channels/{shown['items'][0]['id']}", party=OTHER)
    assert one["failures_in_a_row"] >= TOLERATED and one["resting_for_seconds"] > 0


def test_what_its_profile_gives_up_is_a_dead_letter_and_a_replay_brings_it(posts: Posts) -> None:
    mine = registered(OTHER, protocol="webhook", url=DOWN, retry="brief")
    message_id = routed(OTHER)
    posts.answers[DOWN] = Outcome(False, "500")
    for _ in range(20):
        carried()
        later(minutes=10)
        if to(OTHER, message_id).state in ("DEAD", "EXPIRED"):
            break
    _, letters = call("GET", "/exchange/dead-letters", party=OTHER)
    (letter,) = letters["items"]
    assert letter["message_id"] == message_id and letter["reason"] and letter["held_by"] == "operator"
    assert call("GET", "/exchange/dead-letters", party=PARTY)[1]["items"] == []
    assert len(call("GET", "/exchange/dead-letters", party="op", role="operator")[1]["items"]) == 1

    posts.answers.clear()
    later(hours=2)
    status, done = call(
        "POST", "/exchange/dead-letters/replay", {"channel": mine["id"], "why": "up again"}, OTHER
    )
    assert (status, done["found"], done["queued"]) == (202, 1, 1)
    assert carried() == ["DELIVERED"]
    assert call("GET", "/exchange/dead-letters", party=OTHER)[1]["items"] == []
    assert to(OTHER, message_id).id == letter["delivery_id"] and to(OTHER, message_id).round == 1
    _, audited = call("GET", "/exchange/replays", party="op", role="operator")
    assert [(one["party"], one["why"], one["number"]) for one in audited["items"]] == [(OTHER, "up again", 1)]


def test_an_operator_replays_a_day_by_pages_and_a_party_only_its_own(
    posts: Posts, monkeypatch: pytest.MonkeyPatch
) -> None:
    from channels import app

    monkeypatch.setattr(app, "MOST", 2)
    registered(OTHER, protocol="webhook", url=DOWN)
    posts.answers[DOWN] = Outcome(False, "410")
    ids = {to(OTHER, routed(OTHER)).id for _ in range(3)}
    for _ in range(3):  # one at a time while it fails
        carried()
        later(seconds=16)
    place, day = "/exchange/dead-letters/replay", {"day": "2026-11-25", "why": "it answers again"}
    assert call("POST", place, day, OTHER)[0] == 403
    assert call("POST", place, {"ids": sorted(ids), "why": "theirs"}, PARTY)[1]["found"] == 0
    posts.answers.clear()
    _, first = call("POST", place, day, "op", "operator")
    _, second = call("POST", place, day | {"after": first["next"]}, "op", "operator")
    assert [(one["queued"], one["more"]) for one in (first, second)] == [(2, True), (1, False)]
    for _ in range(2):
        carried()
        later(seconds=16)
    assert {one.state for one in dispatch.all_of(sorted(ids))} == {"DELIVERED"}


def test_who_wants_nothing_any_more_is_not_asked_again(posts: Posts) -> None:
    registered(OTHER, protocol="webhook", url=HOOK)
    posts.answers[HOOK] = Outcome(False, "410")
    message_id = routed(OTHER)
    carried()
    assert to(OTHER, message_id).state == "DEAD" and "410" in str(to(OTHER, message_id).reason)


# --- folders ------------------------------------------------------------------------------------------------


def test_a_folder_gets_the_document_itself_under_the_same_name_however_often() -> None:
    registered(OTHER, protocol="s3-drop", format="CEB311Message")
    message_id = routed(OTHER)
    carried()
    one = to(OTHER, message_id)
    assert one.body is not None and one.state == "DELIVERED"
    call("POST", f"/exchange/messages/{message_id}/replay", {"why": "the file was lost"}, OTHER)
    carried()
    (there,) = aws("s3").list_objects_v2(Bucket="drop")["Contents"]
    assert there["Key"] == f"{OTHER}/out/{one.id}.xml"
    content = aws("s3").get_object(Bucket="drop", Key=there["Key"])["Body"].read()
    assert canonical.sha256(content) == one.body.sha256


# --- formats ------------------------------------------------------------------------------------------------


def test_the_receiver_s_format_is_made_at_delivery_and_named() -> None:
    registered(OTHER, format="CEB311Message")
    message_id = routed(OTHER)
    carried()
    one = to(OTHER, message_id)
    assert one.body is not None and one.body.format == "CEB311Message"
    written = archive.fetch(one.body.key)
    (read,) = transform.read(written, "CEB311Message")
    assert (
        catalogue.document("ecommerce-order").normalise(read)["head"]["order_no"] == ORDER["head"]["order_no"]
    )
    assert ("TRANSFORMED", f"CEB311Message {one.body.sha256}") == one.timeline[1][1:]


def test_what_a_format_cannot_carry_is_one_dead_letter_with_its_finding_and_hinders_nobody() -> None:
    registered(OTHER, format="CEB311Message")
    long = ORDER | {"head": ORDER["head"] | {"note": "x" * 1001}}
    message_id = routed(OTHER, documents=[long])
    carried()
    one = to(OTHER, message_id)
    assert one.state == "DEAD" and one.body is None
    assert [f["given"] for f in one.findings] == [None]  # the place is named, the value is not
    assert to("customs", message_id).state == "DELIVERED"


def test_a_mapping_that_raises_is_one_dead_letter_and_mended_it_is_replayed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registered(OTHER, format="CEB311Message")
    message_id, fired = routed(OTHER), []

    def broken(*_: Any) -> bytes:
        fired.append(1)
        raise KeyError("ours to mend")

    with monkeypatch.context() as patched:
        patched.setattr(transform, "write", broken)
        carried()
    assert fired and "mapping-failed" in str(to(OTHER, message_id).reason)
    status, done = call("POST", f"/exchange/messages/{message_id}/replay", {"why": "mended"}, OTHER)
    assert (status, done["queued"]) == (202, 1)
    assert carried() == ["SENT"]


def test_a_message_without_documents_goes_as_it_was_sent_or_not_at_all() -> None:
    registered(OTHER)
    registered(OTHER, format="as-sent")
    message_id = routed(OTHER, documents=())
    carried()
    assert sorted(one.state for one in of(message_id)) == ["DEAD", "SENT"]
    assert issubclass(Unmappable, ValueError)


# --- waiting ------------------------------------------------------------------------------------------------


def test_maintenance_is_waited_for_and_is_no_failure(posts: Posts) -> None:
    window = {"from": "2026-11-25T01:00:00Z", "to": "2026-11-29T01:00:00Z"}  # longer than any patience
    registered(OTHER, protocol="webhook", url=HOOK, maintenance=[window])
    message_id = routed(OTHER)
    carried()
    one = to(OTHER, message_id)
    assert (one.state, one.attempts, posts.made) == ("QUEUED", 0, [])
    assert one.timeline[-1][2] == "maintenance"
    later(days=3, hours=23, seconds=1)
    assert carried() == ["DELIVERED"]


def test_a_rate_is_kept(posts: Posts) -> None:
    registered(OTHER, protocol="webhook", url=HOOK, rate_per_minute=6)
    for _ in range(3):
        routed(OTHER)
    carried()
    assert len(posts.made) == 1
    later(seconds=9)
    carried()
    assert len(posts.made) == 1
    later(seconds=1)
    carried()
    assert len(posts.made) == 2


def test_what_waits_for_a_closed_channel_expires_and_the_others_do_not() -> None:
    mine = registered(OTHER)
    message_id = routed(OTHER)
    status, _ = call("DELETE", f"/exchange/channels/{mine['id']}", party=OTHER, headers={"if-match": '"1"'})
    assert status == 200
    carried()
    assert to(OTHER, message_id).state == "EXPIRED" and to("customs", message_id).state == "DELIVERED"


def test_an_attempt_that_was_cut_short_is_made_again_and_a_late_word_of_it_changes_nothing(
    posts: Posts,
) -> None:
    registered(OTHER, protocol="webhook", url=HOOK)
    one = to(OTHER, routed(OTHER))
    waiting()
    assert one.due is not None
    body = delivery._body(one, registry.of_party(OTHER)[0])
    claimed = clock.now().timestamp() + 60
    assert dispatch.claim(one, body, claimed, clock.stamp())  # and then the function is gone
    assert delivery.deliver(one.id) is None
    assert posts.made == []
    later(seconds=61)
    assert delivery.deliver(one.id) == "DELIVERED"
    assert not dispatch.conclude(one, claimed, dispatch.Moved("FAILED", claimed), clock.stamp())
    assert len(posts.made) == 1


def test_an_acknowledgement_before_the_answer_stands() -> None:
    registered(OTHER)
    one = to(OTHER, routed(OTHER))
    assert call("POST", f"/exchange/deliveries/{one.id}/ack", party=OTHER)[0] == 409  # nothing was sent
    carried()
    assert call("POST", f"/exchange/deliveries/{one.id}/ack", party=OTHER)[1]["state"] == "ACKED"
    assert call("GET", f"/exchange/deliveries/{one.id}/body", party=OTHER)[0] == 200
    found = dispatch.find(one.id)
    assert found is not None and found.state == "ACKED"


def test_a_day_that_was_processed_is_sent_again_and_changes_no_id() -> None:
    mine = registered(OTHER)
    before = {routed(OTHER) for _ in range(3)}
    carried()
    path = f"/exchange/channels/{mine['id']}"
    span = {"from": "2026-11-25T00:00:00Z", "to": "2026-11-26T00:00:00Z", "why": "lost our disk"}
    assert call("POST", f"{path}/replay", span, OTHER)[1]["queued"] == 3
    assert carried() == ["SENT"] * 3
    _, page = call("GET", f"{path}/messages", party=OTHER)
    ids = [one["delivery_id"] for one in page["items"]]
    assert len(ids) == 6 and ids[:3] != [] and set(ids[:3]) == set(ids[3:])
    assert {one["message_id"] for one in page["items"]} == before
