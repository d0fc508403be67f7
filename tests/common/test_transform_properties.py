"""Every message that carries a canonical document, there and back: equal by value where it can carry it, refused by
name where it can not, never cut. (DecMessage has tests of its own.)"""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from singlewindow import catalogue
from singlewindow.messages import transform, xml
from singlewindow.messages.definition import message
from singlewindow.messages.judge import judge
from singlewindow.messages.transform import Untransferable
from tests.support.canonical_documents import TODAY, documents

CARRIERS = [id for id in catalogue.names("messages") if message(id).document and id != "DecMessage"]
generated = settings(deadline=None, max_examples=8, suppress_health_check=list(HealthCheck))


def back(raw: bytes, id: str) -> list[Any]:
    kind = message(id).document
    assert kind
    return [kind.normalise(one) for one in transform.read(raw, id)]


def test_the_messages_that_carry_documents_are_these() -> None:
    named = {"CEB311Message", "CEB411Message", "CEB511Message", "CEB621Message", "MT1401", "MT2401"}
    assert named <= set(CARRIERS)


@pytest.mark.parametrize("id", CARRIERS)
@generated
@given(data=st.data())
def test_whatever_a_message_can_carry_comes_back(id: str, data: st.DataObject) -> None:
    definition = message(id)
    assert definition.document
    many = st.lists(
        documents(definition.document, definition), min_size=1, max_size=3 if definition.each else 1
    )
    written = data.draw(many)
    raw = transform.write(written, id)
    assert back(raw, id) == written


@pytest.mark.parametrize("id", CARRIERS)
@generated
@given(data=st.data())
def test_a_sound_document_is_carried_whole_or_refused_at_its_place(id: str, data: st.DataObject) -> None:
    definition = message(id)
    assert definition.document
    document = data.draw(documents(definition.document))
    try:
        raw = transform.write([document], id)
    except Untransferable as reason:
        value: Any = document
        for part in reason.pointer.split("/")[1:]:
            value = value[int(part) if isinstance(value, list) else part]
        assert value
    else:
        assert back(raw, id) == [document]


@pytest.mark.parametrize("id", CARRIERS)
@generated
@given(data=st.data())
def test_what_we_write_has_no_fault_of_form(id: str, data: st.DataObject) -> None:
    """Tags that the wire wants and no document has may be missing; what stands there stands right."""
    definition = message(id)
    assert definition.document
    document = data.draw(documents(definition.document, definition))
    found = judge(xml.parse(transform.write([document], id)), definition, TODAY)
    assert {one.rule for one in found} <= {"MSG-MISSING", "MSG-BLANK"}, found
