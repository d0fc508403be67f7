"""Conditions on a document, as data."""

from typing import Any

import pytest

from singlewindow.conditions import at, holds

PLAIN: dict[str, Any] = {
    "head": {"ie_flag": "I", "transport_mode": "5", "bill_no": "999-12345675", "wrap_type": "22"},
    "lines": [{"line_no": "1", "hs_code": "8517120090"}],
}


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        ({"always": True}, True),
        ({"at": "/head/bill_no", "present": True}, True),
        ({"at": "/head/nothing", "present": True}, False),
        ({"at": "/head/transport_mode", "in": ["2", "5"]}, True),
        ({"at": "/head/transport_mode", "in": ["2"]}, False),
        ({"at": "/lines/*/hs_code", "in": ["8517120090"]}, True),
        ({"at": "/lines/*/goods_attributes", "has": ["21"]}, False),
        ({"all": [{"always": True}, {"at": "/head/nothing", "present": True}]}, False),
        ({"any": [{"at": "/head/nothing", "present": True}, {"always": True}]}, True),
        ({"at": "/lines/*/hs_code", "starts": ["85", "9"]}, True),
        ({"at": "/lines/*/hs_code", "starts": ["17"]}, False),
        ({"all": []}, True),
        ({"any": []}, False),
    ],
)
def test_a_condition_is_met_or_not(condition: dict[str, Any], met: bool) -> None:
    assert holds(condition, PLAIN) is met


def test_a_place_in_a_document_of_another_shape_is_nowhere() -> None:
    assert list(at(PLAIN, "/lines/*/hs_code")) == ["8517120090"]
    shapes: tuple[dict[str, Any], ...] = ({"lines": "x"}, {"lines": {"0": {}}}, {"lines": [None, 7]}, {})
    for odd in shapes:
        assert list(at(odd, "/lines/*/hs_code")) == []
