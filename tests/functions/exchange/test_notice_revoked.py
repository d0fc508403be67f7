"""A notice that was taken back releases nothing again, however its bytes are dressed."""

import pytest

from exchange import release_notice
from singlewindow.errors import WindowError
from tests.support.clearances import Clearance

NOTICE = "aGVhZA.cGF5bG9hZA.c2lnbmF0dXJl"


def released() -> Clearance:
    case = Clearance("customs")
    case.reply("customs", "release", release={"notice": NOTICE})
    case.settle()
    return case


def test_before_it_is_revoked_it_may_be_sent_again() -> None:
    release_notice.refuse_revoked(NOTICE, released().consignment.events)


@pytest.mark.parametrize(
    "token", [NOTICE, NOTICE[:-4] + "AAAA"], ids=["the same", "another signature of the same"]
)
def test_revoked_it_is_refused(token: str) -> None:
    case = released()
    case.reply("customs", "revoke", findings=["taken back"])
    with pytest.raises(WindowError) as refused:
        release_notice.refuse_revoked(token, case.consignment.events)
    assert (refused.value.status, refused.value.code) == (409, "notice-revoked")


def test_a_new_one_is_as_good_as_the_first() -> None:
    case = released()
    case.reply("customs", "revoke", findings=["taken back"])
    release_notice.refuse_revoked("aGVhZA.b3RoZXI.c2lnbmF0dXJl", case.consignment.events)
