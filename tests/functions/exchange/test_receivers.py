"""Whom a sender names."""

import pytest

from exchange.receivers import named
from singlewindow.errors import WindowError

USCC = "91510100569680768F"


def test_parties_come_in_order_each_once_and_none_without_a_header() -> None:
    assert named(f"customs, {USCC},customs") == ("customs", USCC)
    assert named(None) == named(" , ") == ()


@pytest.mark.parametrize(
    "header", ["91510100569680768E", "nobody", "customs;tax", "customs,tax,port,ciq,mofcom,maritime"]
)
def test_what_is_no_party_or_too_many_is_refused(header: str) -> None:
    with pytest.raises(WindowError) as caught:
        named(header)
    assert caught.value.status == 422
