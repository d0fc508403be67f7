"""Changing and withdrawing: what may be asked for when, who must agree, what comes of it, and who wins a race."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from declarations import clearance
from declarations.changes import outcome, permission
from declarations.changes.consequence import Consequences, consequences
from declarations.split import split
from infra import ROOT
from singlewindow import catalogue
from singlewindow.consent import open_request, requests
from singlewindow.consignment import Change
from singlewindow.difference import differences, patched
from singlewindow.errors import WindowError
from singlewindow.events import Actor
from singlewindow.tariff import TariffLine
from tests.support.clearances import TABLE, Clearance, instant
from tests.support.thorough import examples

DAY = date(2026, 11, 20)
SAMPLE: dict[str, Any] = json.loads((ROOT / "infra/samples/import-chengdu.json").read_text())
TRADER = Actor("enterprise", "91510100569680768F")


def accepted(*agencies: str) -> Clearance:
    case = Clearance(*(agencies or ("customs", "ciq")))
    case.reply("customs", "accept", entry_id="790120241000000851")
    case.settle()
    return case


def ground(case: Clearance) -> str:
    """Why an amendment may be asked for, or the code of the refusal."""
    found = permission.to_amend(case.consignment)
    return found if isinstance(found, str) else found.code


def inspection(case: Clearance, type: str, **data: Any) -> None:
    case.apply(Change(type, {"inspection_id": "1", **data}))


# ------------------------------------------------------------------------------------------------ permission


def test_before_acceptance_a_new_version_not_an_amendment() -> None:
    case = Clearance()
    found = permission.to_amend(case.consignment)
    assert isinstance(found, permission.Barred)
    assert (found.code, found.instead) == (
        "not-accepted",
        f"POST /declarations/{case.consignment.window_no}/withdrawal",
    )
    case.play(("customs", "return"), ("ciq", "accept"))
    case.conclude()
    found = permission.to_amend(case.consignment)
    assert isinstance(found, permission.Barred)
    assert found.instead == f"PUT /declarations/{case.consignment.window_no}"


def test_after_acceptance_on_ones_own_initiative_and_even_after_release() -> None:
    case = accepted()
    assert ground(case) == "own-initiative"
    case.play(("ciq", "accept"), ("customs", "release"))
    case.conclude()
    assert (case.state, ground(case)) == ("RELEASED", "own-initiative")
    assert permission.to_withdraw(case.consignment).code == "released"  # type: ignore[union-attr]


def test_what_has_ended_is_changed_no_more() -> None:
    case = accepted()
    case.play(("ciq", "reject"))
    case.conclude()
    assert (case.state, ground(case)) == ("REJECTED", "ended")
    assert permission.allowed(case.consignment) == []


def test_an_ordered_inspection_bars_what_nobody_has_asked_for() -> None:
    case = accepted()
    inspection(case, "InspectionOrdered")
    assert ground(case) == "inspection-ordered"
    assert permission.to_withdraw(case.consignment).code == "inspection-ordered"  # type: ignore[union-attr]
    sheet = {"agency": "ciq", "hold_ids": ["h"], "follow_up": "amend", "at": instant(9)}
    inspection(case, "InspectionResult", result="defect", **sheet)
    assert ground(case) == "inspection-follow-up"
    inspection(case, "InspectionFollowedUp", **sheet)
    assert ground(case) == "inspection-ordered"
    inspection(case, "InspectionCancelled")
    assert ground(case) == "own-initiative"


def test_customs_demand_for_documents_opens_the_way() -> None:
    case = accepted()
    inspection(case, "InspectionOrdered")
    case.reply("customs", "hold", hold={"kind": "documents"})
    assert ground(case) == "customs-order"
    case.reply("customs", "clear")
    assert ground(case) == "inspection-ordered"


def test_a_hold_for_inspection_bars_before_the_order_is_out() -> None:
    case = accepted()
    case.reply("ciq", "hold", hold={"kind": "inspection", "hold_id": "h1"})
    assert ground(case) == "inspection-ordered"
    inspection(case, "InspectionResult", agency="ciq", result="pass", hold_ids=["h1"], at=instant(9))
    assert ground(case) == "own-initiative"


def test_one_request_at_a_time_and_the_way_out_is_named() -> None:
    case = accepted()
    number = case.want("amendment", "customs")
    found = permission.to_withdraw(case.consignment)
    assert isinstance(found, permission.Barred)
    assert (found.code, found.instead) == (
        "request-open",
        f"DELETE /declarations/{case.consignment.window_no}/amendments/{number}",
    )
    assert permission.allowed(case.consignment) == ["cancel-amendment"]


# ------------------------------------------------------------------------------------------------ the course


def test_it_takes_effect_when_all_have_agreed_and_answers_of_before_still_count() -> None:
    case = accepted()
    number = case.want("amendment", "customs", "ciq")
    case.answer("ciq", "accept", number)
    case.follow()
    assert case.consignment.amendment() == 0
    case.answer("customs", "accept", number)
    case.follow()
    assert (case.consignment.amendment(), case.consignment.version) == (number, 1)
    assert case.positions == {"customs": "examining", "ciq": "pending"}
    case.play(("ciq", "accept"), ("customs", "release"))
    case.conclude()
    assert case.state == "RELEASED"


def test_one_refusal_ends_it_and_another_may_be_asked_for() -> None:
    case = accepted()
    number = case.want("amendment", "customs", "ciq")
    case.answer("ciq", "reject", number)
    case.answer("customs", "accept", number)
    case.follow()
    assert case.consignment.events[-1].data["effect"] == "recorded-after-decision"
    assert [one.status for one in requests(case.consignment)] == ["refused"]
    assert ground(case) == "own-initiative"


def test_it_can_be_taken_back_until_all_have_agreed() -> None:
    case = accepted()
    number = case.want("amendment", "customs")
    case.apply(outcome.cancelled(case.consignment, number))
    assert outcome.cancelled(case.consignment, number) is None
    case.answer("customs", "accept", number)
    case.follow()
    assert (case.consignment.amendment(), requests(case.consignment)[0].status) == (0, "cancelled")
    number = case.want("amendment", "customs")
    case.answer("customs", "accept", number)
    assert outcome.cancelled(case.consignment, number) is None


def test_an_agencys_second_word_changes_nothing() -> None:
    case = accepted()
    number = case.want("amendment", "customs", "ciq")
    case.answer("customs", "accept", number)
    case.answer("customs", "reject", number)
    assert case.consignment.events[-1].data["effect"] == "recorded-second-final"
    assert open_request(case.consignment)


def test_who_comes_in_decides_who_falls_away_does_not_and_a_hold_outlives_its_reason() -> None:
    case = accepted("customs", "ciq")
    number = case.want("amendment", "customs", "ciq", agencies=("customs", "maritime"))
    case.answer("customs", "accept", number)
    case.answer("ciq", "accept", number)
    case.follow()
    assert case.positions["maritime"] == "to-ask"
    case.conclude()
    assert case.state == "SUSPENDED"  # nobody has heard maritime; ciq is not waited for
    case.play(("maritime", "accept"), ("customs", "release"))
    assert case.state == "RELEASED"

    held = accepted("customs", "ciq").play(("ciq", "hold"))
    number = held.want("amendment", "customs", "ciq", agencies=("customs",))
    for agency in ("customs", "ciq"):
        held.answer(agency, "accept", number)
    held.follow()
    held.conclude()
    assert held.state == "HELD"
    held.play(("ciq", "clear"), ("customs", "release"))
    assert held.state == "RELEASED"


def test_the_terminals_report_of_a_version_names_no_agency_that_is_unknown() -> None:
    case = accepted("customs", "ciq")
    number = case.want("amendment", "customs", agencies=("customs",))
    case.answer("customs", "accept", number)
    case.follow()
    case.reply("ciq", "hold")
    case.settle()
    assert case.positions["ciq"] == "reported"


# ------------------------------------------------------------------------------------------------ withdrawal


def test_nobody_has_accepted_withdrawn_at_once() -> None:
    change = outcome.withdrawal(Clearance().consignment, "x", TRADER)
    assert (change.type, change.state, change.actor) == ("DeclarationWithdrawn", "WITHDRAWN", TRADER)


def test_once_accepted_customs_is_asked_and_answers_after_it_change_nothing() -> None:
    case = accepted()
    case.apply(outcome.withdrawal(case.consignment, "x", TRADER))
    assert case.types[-1] == "WithdrawalRequested"
    case.answer("customs", "accept", 1)
    case.follow()
    assert case.state == "WITHDRAWN"
    case.reply("ciq", "accept")
    case.follow()
    case.conclude()
    assert case.consignment.events[-1].data["effect"] == "recorded-after-decision"
    assert (case.state, case.types.count("DeclarationReleased")) == ("WITHDRAWN", 0)


def test_released_before_customs_agreed_the_release_stands() -> None:
    case = accepted()
    case.want("withdrawal")
    case.play(("ciq", "accept"), ("customs", "release"))
    case.conclude()
    case.answer("customs", "accept", 1)
    case.follow()
    assert (case.state, requests(case.consignment)[0].status) == ("RELEASED", "overtaken")


def test_what_is_released_is_not_withdrawn() -> None:
    case = accepted().play(("ciq", "accept"), ("customs", "release"))
    case.conclude()
    with pytest.raises(WindowError) as refused:
        outcome.withdrawal(case.consignment, "x", TRADER)
    assert (refused.value.status, refused.value.code) == (409, "released")


BOTH = st.sampled_from(["customs", "ciq"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("reply"), BOTH, st.sampled_from(["accept", "release", "hold", "clear"])),
        st.tuples(st.just("ask"), st.sampled_from(["amendment", "withdrawal"])),
        st.tuples(st.just("answer"), BOTH, st.sampled_from(["accept", "reject"])),
        st.tuples(st.sampled_from(["cancel", "conclude", "follow"])),
    ),
    max_size=16,
)  # fmt: skip


@settings(max_examples=examples(60), deadline=None)
@given(STEPS)
def test_a_declaration_is_released_or_withdrawn_and_never_both(steps: list[tuple[str, ...]]) -> None:
    case = accepted()
    for name, *arguments in steps:
        asked = open_request(case.consignment)
        if name == "reply":
            agency, said = arguments
            case.reply(agency, "accept" if said == "release" and agency != "customs" else said)
        elif name == "ask":
            judge = permission.to_amend if arguments[0] == "amendment" else permission.to_withdraw
            if isinstance(judge(case.consignment), str):
                case.want(arguments[0], "customs", *(["ciq"] if arguments[0] == "amendment" else []))
        elif name == "answer" and asked and arguments[0] in asked.asks:
            case.answer(arguments[0], arguments[1], asked.number)
        elif name == "cancel" and asked:
            case.apply(outcome.cancelled(case.consignment, asked.number))
        elif name == "conclude":
            while change := outcome.next_change(case.consignment) or clearance.conclude(
                case.consignment, 1, TABLE
            ):
                case.apply(change)
        elif name == "follow":
            case.follow()
    case.follow()
    ends = [one for one in case.types if one in ("DeclarationReleased", "DeclarationWithdrawn")]
    assert len(ends) <= 1
    done = [one for one in requests(case.consignment) if one.status == "done"]
    assert case.types.count("DeclarationAmended") == sum(one.kind == "amendment" for one in done)
    assert all(one.agreed == set(one.asks) for one in done)
    assert sum(one.status in ("open", "agreed") for one in requests(case.consignment)) <= 1


# ------------------------------------------------------------------------------------------------ consequences


class Tariff:
    """Two lines of a tariff."""

    def line(self, code: str) -> TariffLine | None:
        rates = {"9031809090": ("5", "13"), "8517120090": ("0", "13")}
        mfn, vat = rates.get(code, (None, None))
        return TariffLine(code, "x", mfn=mfn, vat=vat) if mfn else None


def foreseen(*operations: dict[str, Any], report: dict[str, Any] | None = None, **over: Any) -> Consequences:
    after = patched(SAMPLE, operations)
    agencies = catalogue.agencies(DAY)
    was, now = ([one.as_json() for one in split(document, agencies)] for document in (SAMPLE, after))
    return consequences(
        differences(SAMPLE, after), SAMPLE, after, was=was, now=now, report=report, as_at=DAY,
        projection=lambda agency: catalogue.capacity(agency, DAY)["projection"],
        **{"tariff": None} | over,
    )  # fmt: skip


def replaced(path: str, value: str) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}


def test_customs_always_agrees_others_where_they_see_what_changes() -> None:
    contract = foreseen(replaced("/head/contract_no", "X-1"))
    assert (contract.agree, contract.tells) == (("customs",), ())
    name = foreseen(replaced("/lines/0/goods_name", "测量机"))
    assert name.agree[:2] == ("customs", "ciq") and name.tells == ("mofcom", "tax")
    bill = foreseen(replaced("/head/bill_no", "HLSH2609418736"))
    assert "port" in bill.tells and bill.rematch == ("/head/bill_no",)


def test_agencies_that_come_in_or_fall_away() -> None:
    first = foreseen({"op": "remove", "path": "/licence_documents"})
    assert first.dropped == ("mofcom",) and first.added == ()
    assert "mofcom" not in first.agree  # who verifies does not decide


def test_the_terminals_last_report_is_compared_again() -> None:
    told = foreseen(replaced("/head/pack_no", "40"), report={"pack_no": "46"})
    assert told.discrepancies == ({"field": "/head/pack_no", "declared": "40", "reported": "46"},)


def test_goods_and_boxes_are_inspected_anew_prices_are_not() -> None:
    assert foreseen(replaced("/lines/1/hs_code", "8517120090")).reinspection == ("/lines/1/hs_code",)
    assert foreseen(replaced("/lines/1/unit_price", "1")).reinspection == ()


def test_the_tax_delta_of_a_line_is_duty_and_vat_on_it_rounded_each() -> None:
    told = foreseen(replaced("/lines/0/total_price", "97100.10"), tariff=Tariff())
    # Before 4850.00 + 13240.50; after 4855.01 (of 4855.005) + 13254.16 (of 13254.1643).
    assert told.tax["lines"] == [{"line": "1", "currency": "EUR", "value": "100.10", "tax": "18.67"}]
    assert told.tax["delta"] == {"EUR": "18.67"}
    assert told.tax["uncounted"]


@pytest.mark.parametrize("path", ["/lines/0/hs_code", "/lines/0/currency"])
def test_what_cannot_be_computed_is_said_and_not_guessed(path: str) -> None:
    told = foreseen(replaced(path, "JPY" if path.endswith("currency") else "8471300000"), tariff=Tariff())
    assert (told.tax["lines"][0]["tax"], told.tax["delta"]) == (None, {})
    assert told.tax["uncounted"][0]["what"] == "line 1"


def test_without_a_tariff_the_value_alone_is_told() -> None:
    told = foreseen(replaced("/lines/0/total_price", "97100"))
    assert told.tax["lines"] == [{"line": "1", "currency": "EUR", "value": "100.00", "tax": None}]
