"""Identifiers: what a shipment is found by, however a person writes it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panorama.identifiers import Identifier, brought_by, could_be, normalise
from tests.support import stories
from tests.support.clearances import Clearance


def found_by(bill: str | None, *containers: str) -> set[tuple[str, str]]:
    event = Clearance("customs").consignment.events[0]
    event.data["identifiers"] = {"bill_no": bill, "transport_name": None, "containers": list(containers)}
    return {(one.kind, one.value) for one in brought_by(event)}


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("csqu 305438-3", "CSQU3054383"),
        ("ＣＳＱＵ３０５４３８３", "CSQU3054383"),
        ("176-1234 5675", "17612345675"),
        ("176–12345675", "17612345675"),
        (" MAEU\u3000123 ", "MAEU123"),
        ("master*house", "MASTER_HOUSE"),
        ("  ", ""),
        ("-", ""),
    ],
)
def test_case_width_spaces_and_hyphens_make_no_difference(written: str, normal: str) -> None:
    assert normalise(written) == normal


@given(st.text(max_size=40))
def test_what_is_normal_stays_so(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize("separator", ["_", "*"])
def test_a_bill_is_found_whole_and_by_its_master_and_its_house(separator: str) -> None:
    assert found_by(f"COSU-626 1{separator}ctu88") == {
        ("bill_no", "COSU6261_CTU88"),
        ("bill_no", "COSU6261"),
        ("bill_no", "CTU88"),
    }


def test_an_air_waybill_is_known_as_one() -> None:
    assert found_by("176-12345675_h1234") == {
        ("air_waybill", "17612345675"),
        ("bill_no", "H1234"),
        ("bill_no", "17612345675_H1234"),
    }


def test_containers_are_each_found_once() -> None:
    assert found_by(None, "CSQU3054383", "csqu3054383", "MSKU7654328") == {
        ("container_no", "CSQU3054383"),
        ("container_no", "MSKU7654328"),
    }


@pytest.mark.parametrize("bill", [None, "", "/", "N/M", "无", "***", "_", "A_B"])
def test_what_identifies_nothing_is_no_identifier(bill: str | None) -> None:
    assert found_by(bill) == set()


def test_acceptance_brings_the_declaration_number_and_a_reply_does_not() -> None:
    events = stories.released().consignment.events
    assert {event.type for event in events if brought_by(event)} == {
        "DeclarationSubmitted",
        "DeclarationAccepted",
    }
    accepted = next(event for event in events if event.type == "DeclarationAccepted")
    assert brought_by(accepted) == [Identifier("entry_id", stories.ENTRY_ID)]


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("I20240000000000101", ["window_no", "bill_no"]),
        ("790120241000000851", ["entry_id", "bill_no"]),
        ("17612345675", ["air_waybill", "bill_no"]),
        ("17612345676", ["bill_no"]),
        ("CSQU3054383", ["container_no", "bill_no"]),
        ("CSQU3054384", ["container_no", "bill_no"]),
        ("MAEU123456789", ["bill_no"]),
        ("A_1", []),
        ("", []),
    ],
)
def test_a_query_says_what_it_could_be(query: str, kinds: list[str]) -> None:
    assert [kind.id for kind in could_be(query)] == kinds
