"""Answers reach what they answer, on moto: whichever comes first, however often, in whatever order; nobody else's."""

import json
from dataclasses import replace
from itertools import permutations
from typing import Any

import boto3
import pytest

from exchange import answered, answers, correlate, ingest, numbers, received, replies
from exchange.answers import Answer
from exchange.receipt import Business, Received
from infra import ROOT
from singlewindow import canonical, catalogue, clock
from singlewindow.aws import clients
from singlewindow.messages import transform, xml
from tests.support.receipts import (
    GUID,
    dec_import,
    dec_result,
    gate_report,
    manifest_reply,
    order_reply,
    syntax_report,
)
from tests.support.transport import TRANSPORT

PARTY, OTHER = "91510100569680768F", "913302017532977856"
XML = "application/xml"
SAMPLE: dict[str, Any] = json.loads((ROOT / "catalogue/examples/ecommerce-order.v1.json").read_bytes())
PLATFORM = SAMPLE["head"]["platform_code"]
DAY = "20260102"
MANIFEST = (
    b"<Manifest><Head><MessageID>MT-1</MessageID><MessageType>MT1401</MessageType></Head>"
    b"<Declaration><ID>5345201902001</ID></Declaration></Manifest>"
)

pytestmark = pytest.mark.usefixtures("cloud")


def order(number: str = "A-1", guid: str = "4CDE1CFD-EDED-46B1-946C-B8022E42FC99") -> bytes:
    document = catalogue.document("ecommerce-order").normalise(
        SAMPLE | {"head": SAMPLE["head"] | {"order_no": number, "guid": guid}}
    )
    return transform.write([document], "CEB311Message", TRANSPORT)


def taken(raw: bytes, sender: str = PARTY, key: str = "", receivers: tuple[str, ...] = ()) -> Received:
    """A message accepted and judged."""
    media = "application/edifact" if raw.startswith(b"UNB") else XML
    one = ingest.accept(sender, key or str(hash(raw)), raw, media, ingest.Told(receivers=receivers))[0]
    ingest.judge(one.receipt_id)
    found = received.find(one.receipt_id)
    assert found is not None
    return found


def reply(
    *told: tuple[str, str], number: str = "A-1", sender: str = "customs", receivers: tuple[str, ...] = ()
) -> list[str]:
    """What came of a CEB312 of (status, hour of the day)."""
    raw = order_reply(*((number, code, f"{DAY}{hour}0000000") for code, hour in told), platform=PLATFORM)
    one = taken(raw, sender, f"{told}{number}{receivers}", receivers)
    return [said["effect"] for said in one.outcome["answers"]]


def standing(one: Received) -> Business:
    (business,) = answered.standing(one.receipt_id)
    return business


def test_receipts_are_applied_by_rank_and_their_own_time_and_the_sender_sees_them_all() -> None:
    asked = taken(order())
    assert reply(("2", "01"), ("120", "03")) == ["applied", "applied"]
    assert reply(("3", "02")) == ["recorded-late"]
    business = standing(asked)
    assert (business.state, business.by, business.at) == ("STORED", "customs", "2026-01-01T19:00:00.000Z")
    assert [(one["code"], one["effect"]) for one in business.answers] == [
        ("2", "applied"), ("120", "applied"), ("3", "recorded-late"),
    ]  # fmt: skip


@pytest.mark.parametrize("order_of_arrival", list(permutations(range(3))))
def test_whatever_comes_first_the_end_is_the_same(order_of_arrival: tuple[int, ...]) -> None:
    """The order itself, its first receipt, its last receipt: in each of the six orders, each of them twice."""
    steps = [
        lambda: taken(order()),
        lambda: taken(order_reply(("A-1", "2", f"{DAY}010000000"), platform=PLATFORM), "customs"),
        lambda: taken(order_reply(("A-1", "399", f"{DAY}020000000"), platform=PLATFORM), "customs"),
    ]
    for index in order_of_arrival:
        steps[index]()
    for index in order_of_arrival:  # the same bytes under another key: other messages, the same words
        if index:
            code, hour = (("2", "01"), ("399", "02"))[index - 1]
            raw = order_reply(("A-1", code, f"{DAY}{hour}0000000"), platform=PLATFORM)
            assert taken(raw, "customs", f"again-{index}").outcome["answers"][0]["effect"] == answers.REPEATED
    business = standing(taken(order()))
    assert business.state == "ADJUDICATED" and len(business.answers) == 2


def test_a_waiting_answer_is_applied_when_what_it_answers_comes_and_waits_no_more() -> None:
    assert reply(("399", "02")) == [answers.WAITING]
    assert standing(taken(order())).state == "ADJUDICATED"
    # Sent again after a refusal, the next message of that number is not answered by what was said before.
    again = taken(order(guid="4CDE1CFD-EDED-46B1-946C-B8022E42FC98"))
    assert answered.standing(again.receipt_id) == []


def test_who_asks_between_the_look_and_the_wait_is_answered_and_nothing_waits_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Received] = []

    def late(_: str) -> answered.Meeting:
        asked.extend([] if asked else [taken(order())])
        return answered.Meeting([], [], False)

    with monkeypatch.context() as patched:
        patched.setattr(answered, "at", late)
        assert reply(("120", "02")) == [answers.APPLIED]
    assert standing(asked[0]).state == "STORED"
    again = taken(order(guid="4CDE1CFD-EDED-46B1-946C-B8022E42FC98"))
    assert answered.standing(again.receipt_id) == []


def test_only_who_the_rule_names_may_answer() -> None:
    asked = taken(order())
    assert reply(("800", "02"), sender="tax") == [answers.NOT_YOURS]
    assert reply(("800", "03"), sender=OTHER) == [answers.NOT_YOURS]
    assert answered.standing(asked.receipt_id) == []


def test_a_number_that_two_parties_use_tells_nobody_of_the_other() -> None:
    mine, other = taken(order()), taken(order(), OTHER, "other")
    assert reply(("120", "02")) == [answers.AMBIGUOUS]
    assert answered.standing(mine.receipt_id) == answered.standing(other.receipt_id) == []


def test_what_names_its_receiver_is_brought_to_nobody_else_and_settles_what_was_ambiguous() -> None:
    mine, other = taken(order()), taken(order(), OTHER, "other")
    assert reply(("120", "02")) == [answers.AMBIGUOUS]
    assert reply(("120", "02"), receivers=(OTHER, "port")) == [answers.APPLIED]
    assert answered.standing(mine.receipt_id) == [] and standing(other).state == "STORED"


def test_what_names_its_receiver_by_a_dxp_number_is_for_the_owner_of_the_number() -> None:
    mine, _ = taken(order()), taken(order(), OTHER, "other")
    numbers.claim(PARTY, "DXPMINE")
    assert reply(("120", "02"), receivers=("DXPNOBODY",)) == [answers.AMBIGUOUS]
    assert reply(("120", "02"), receivers=("DXPMINE",)) == [answers.APPLIED]
    assert standing(mine).state == "STORED"


def test_an_answer_that_waits_for_a_party_is_not_for_who_quotes_its_number_first() -> None:
    assert reply(("120", "02"), receivers=(OTHER,)) == [answers.WAITING]
    first = taken(order())
    assert answered.standing(first.receipt_id) == []
    assert standing(taken(order(), OTHER, "other")).state == "STORED"


def test_what_was_not_sent_to_who_answers_takes_no_answer_and_disturbs_none() -> None:
    """A message with errors goes to nobody, and one that no rule routes goes to whom its sender names."""
    assert reply(("120", "02")) == [answers.WAITING]
    unsound = taken(order().replace(b"<orderType>I<", b"<orderType>no<"), OTHER)
    assert unsound.state == "INVALID" and answered.standing(unsound.receipt_id) == []
    assert standing(taken(order())).state == "STORED"
    asked = taken(declaration(), receivers=("tax",))
    assert reply_to_import()["effect"] == answers.WAITING
    again = taken(declaration(), key="again", receivers=("customs",))
    assert answered.standing(asked.receipt_id) == [] and standing(again).state == "IMPORTED"


def test_an_entry_of_before_it_said_where_its_message_went_is_answered_still() -> None:
    number = f"order:{PLATFORM}|A-1"
    told = {
        "received_at": "2026",
        "receipt_id": "R",
        "sender": PARTY,
        "type": "CEB311Message",
        "subject": number,
    }
    boto3.client("dynamodb").put_item(
        TableName="received",
        Item={
            "key": {"S": f"reference#{number}"},
            "item": {"S": "meeting"},
            "asked": {"SS": [json.dumps(told)]},
        },
    )
    assert reply(("120", "02")) == [answers.APPLIED]


def declaration() -> bytes:
    document = json.loads((ROOT / "infra/samples/import-chengdu.json").read_bytes())
    normal = catalogue.document("declaration").normalise(document)
    return transform.write([normal], "DecMessage")


def reply_to_import() -> dict[str, Any]:
    document = json.loads((ROOT / "infra/samples/import-chengdu.json").read_bytes())
    number = document["sign"]["client_seq_no"]
    (told,) = taken(dec_import("0", "第1项商品缺少B证", number), "customs").outcome["answers"]
    return dict(told)


def test_who_quotes_a_number_of_another_and_not_its_guid_does_not_hinder_its_answer() -> None:
    mine = taken(order(guid=GUID))
    other = taken(order(guid="4CDE1CFD-EDED-46B1-946C-B8022E42FC97"), OTHER, "other")
    raw = order_reply(("A-1", "120", f"{DAY}020000000"), platform=PLATFORM, guid=GUID)
    (told,) = taken(raw, "customs").outcome["answers"]
    assert (told["effect"], told["answers"]) == (answers.APPLIED, mine.receipt_id)
    assert answered.standing(other.receipt_id) == []


def test_an_answer_that_waited_is_applied_once_whichever_number_leads_to_it() -> None:
    raw = order_reply(("A-1", "120", f"{DAY}020000000"), platform=PLATFORM, guid=GUID)
    taken(raw, "customs")
    first = taken(order(guid="4CDE1CFD-EDED-46B1-946C-B8022E42FC97"))
    second = taken(order(number="A-2", guid=GUID))
    assert standing(first).state == "STORED" and answered.standing(second.receipt_id) == []


def test_an_import_of_code_0_with_a_text_shows_its_warning() -> None:
    asked = taken(declaration(), receivers=("customs",))
    told = reply_to_import()
    assert (told["effect"], told["answers"]) == ("applied", asked.receipt_id)
    (answer,) = standing(asked).answers
    assert answer["warning"] and answer["text"] == "第1项商品缺少B证"


def test_bills_of_a_manifest_stand_each_for_itself() -> None:
    """Also one that bears no number that anybody would give it."""
    asked, number, long = ingest.accept(PARTY, "M", MANIFEST, XML)[0], "MT-1", "长" * 400
    correlate.correlate(asked, ("customs", "port"), "MT1401", xml.parse(MANIFEST), clock.business_date())
    taken(manifest_reply(number, bills=(("B1", "01"), ("B2", "03"), (long, "03"))), "customs")
    taken(manifest_reply(number, bills=(("B1", "11"),), at="20260103000000000"), "customs")
    assert {one.subject: one.state for one in answered.standing(asked.receipt_id)} == {
        "B1": "RELEASED", "B2": "REJECTED", f"sha256:{canonical.sha256(long.encode())}": "REJECTED",
    }  # fmt: skip


@pytest.mark.parametrize("order_of_arrival", list(permutations(range(3))))
def test_an_interchange_in_edifact_is_answered_by_who_received_it(order_of_arrival: tuple[int, ...]) -> None:
    """Received, then acknowledged but for one message: whichever comes first, the end is the same."""
    steps = [
        lambda: taken(gate_report(), receivers=("customs",)),
        lambda: taken(syntax_report("8"), "customs"),
        lambda: taken(syntax_report("7", messages=(("1", "4"),)), "customs"),
    ]
    for index in order_of_arrival:
        steps[index]()
    asked = taken(gate_report(), receivers=("customs",))
    assert {one.subject: one.state for one in answered.standing(asked.receipt_id)} == {
        "interchange:CARRIER|CUSTOMS|42": "ACKNOWLEDGED", "1": "REJECTED",
    }  # fmt: skip


def test_an_interchange_is_answered_by_nobody_who_did_not_receive_it_and_under_no_other_sender() -> None:
    asked = taken(gate_report(), receivers=("customs", OTHER))
    for raw, by in ((syntax_report("4"), "port"), (syntax_report("4", sender="OTHER"), "customs")):
        assert [one["effect"] for one in taken(raw, by).outcome["answers"]] == [answers.WAITING]
    assert answered.standing(asked.receipt_id) == []
    assert [one["effect"] for one in taken(syntax_report("4"), OTHER).outcome["answers"]] == [answers.APPLIED]
    assert (standing(asked).state, standing(asked).by) == ("REJECTED", OTHER)


def test_what_is_said_of_a_filed_declaration_that_changes_nothing_there_waits_for_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The answer to an import quotes the number of the window, by which the declaration is known."""
    monkeypatch.setattr(replies, "question", lambda *_: "m-1")
    number = "I20260000000000001"
    (told,) = taken(dec_import("0", "", "S-9"), "customs").outcome["answers"]
    assert (told["effect"], told["window_no"]) == (answers.UNKNOWN_OUTCOME, number)
    (told,) = taken(dec_result(number, "G", "2026-01-02T08:00:00"), "customs").outcome["answers"]
    assert (told["effect"], told["window_no"]) == (answers.UNKNOWN_OUTCOME, number)
    assert not answered.at("client-seq:S-9").waiting and not answered.at(f"seq:{number}").waiting
    asked = taken(declaration(), receivers=("customs",))  # but a message of that number is answered as ever
    assert (reply_to_import()["effect"], standing(asked).state) == (answers.APPLIED, "IMPORTED")


def test_a_result_of_a_declaration_that_nobody_filed_waits() -> None:
    one = taken(dec_result("I20260000000000001", "L", "2026-01-02T08:00:00"), "customs")
    assert one.outcome["answers"][0]["effect"] == answers.WAITING


def test_a_lost_acknowledgement_applies_nothing_twice() -> None:
    """The row of the state is written and its answer lost: botocore sends it again, and its own words are found."""
    asked = taken(order())
    lost: list[str] = []

    def drop(response: Any, operation: Any, **_: Any) -> float | None:
        if not lost and response is not None:
            lost.append(operation.name)
            return 0
        return None

    one = ingest.accept(
        "customs", "K", order_reply(("A-1", "120", f"{DAY}020000000"), platform=PLATFORM), XML
    )[0]
    clients.client("dynamodb").meta.events.register_first("needs-retry.dynamodb.PutItem", drop)
    assert ingest.judge(one.receipt_id) and lost == ["PutItem"]
    business = standing(asked)
    assert (business.state, business.seq, len(business.answers)) == ("STORED", 1, 1)


ASKED = answered.Asked("2026", "R", PARTY, "CEB311Message", "order:P|1")


def test_a_crowd_under_one_number_loses_nothing_and_its_row_grows_no_more() -> None:
    """Messages and answers beyond what the row takes meet as those within it do, in either order, each once."""
    number, most = "order:P|1", answered._MOST_IN_ROW
    said = answered.Waiting(
        Answer(
            id="0", type="CEB312Message", code="120", at="2026", text="回" * 300, references=(number,) * 2, asked=(),
            by=(), state="STORED", rank=40, end=False, zh="", en="",
        ), "customs", "A",
    )  # fmt: skip
    waiting = [replace(said, answer=replace(said.answer, id=str(index))) for index in range(most + 2)]
    asked = [replace(ASKED, receipt_id=f"{index:04}") for index in range(most + 2)]
    for one in (*waiting, *waiting[-2:]):
        meeting = answered.await_(number, one)
    assert meeting.crowded and len(meeting.waiting) == most + 2
    for question in (*asked, *asked[-2:]):
        meeting = answered.ask(number, question)
    assert meeting.asked == asked == answered.await_(number, waiting[0]).asked
    row = boto3.client("dynamodb").get_item(
        TableName="received", Key={"key": {"S": f"reference#{number}"}, "item": {"S": "meeting"}}
    )["Item"]
    assert len(row["asked"]["SS"]) == len(row["waiting"]["SS"]) == most
    assert len(json.dumps(row, ensure_ascii=False).encode()) < 350_000
    for one in waiting:
        answered.arrived(number, one)
    left = answered.at(number)
    assert (left.waiting, left.asked, left.crowded) == ([], asked, True)


def test_a_message_and_its_receipt_say_that_their_number_is_crowded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answered, "_MOST_IN_ROW", 1)
    number = f"order:{PLATFORM}|A-1"
    assert "crowded" not in taken(order()).outcome
    again = taken(order(guid="4CDE1CFD-EDED-46B1-946C-B8022E42FC98"))
    assert again.outcome["crowded"] == [number]
    told = taken(order_reply(("A-1", "120", f"{DAY}010000000"), platform=PLATFORM), "customs").outcome
    assert (told["crowded"], told["answers"][0]["effect"]) == ([number], answers.APPLIED)
