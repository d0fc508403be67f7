"""A glance at a message: its type by its first bytes, or a refusal that helps."""

import json
from time import process_time

import pytest

from infra import ROOT
from singlewindow.errors import WindowError
from singlewindow.messages.recognise import MOST_JSON, Glance, glance

CEB = b"<CEB311Message xmlns='http://www.chinaport.gov.cn/ceb'>"
INTERCHANGE = b"UNB+UNOA:2+A+B+260101:0101+1'UNH+1+COARRI:D:95B:UN'"


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        (CEB, Glance("CEB311Message", "xml")),
        (b"<?xml version='1.0'?><!-- <MT1401> --><?p x?>" + CEB, Glance("CEB311Message", "xml")),
        (b"\xef\xbb\xbf<?xml version='1.0' encoding='GB18030'?><x:DecMessage>", Glance("DecMessage", "xml")),
        ("\ufeff<?xml version='1.0'?><DecMessage>".encode("utf-16-le"), Glance("DecMessage", "xml")),
        (b"<CEB311Mesage>", Glance("CEB311Message", "xml")),  # misspelt: the judge says so
        (INTERCHANGE, Glance("COARRI", "edifact")),
        (b"UNA;*.? ~UNB*UNOA;2*A*B*260101;0101*1~UNH*1*CODECO;D;95B;UN~", Glance("CODECO", "edifact")),
        ((ROOT / "infra/samples/import-chengdu.json").read_bytes(), Glance("declaration", "json")),
        (
            (ROOT / "catalogue/examples/ecommerce-order.v1.json").read_bytes(),
            Glance("ecommerce-order", "json"),
        ),
    ],
)
def test_a_type_is_told_by_the_first_bytes(raw: bytes, seen: Glance) -> None:
    assert glance(raw) == seen


@pytest.mark.parametrize(
    ("raw", "seen", "nearest"),
    [
        (b"<CEB999Message/>", "CEB999Message", "CEB900Message"),
        (b"<!-- <CEB311Message> -->", "bytes beginning", ""),
        (INTERCHANGE.replace(b"COARRI", b"COARRR"), "'COARRR'", "COARRI"),
        (b"UNB+UNOA:2+A+B+260101:0101+1'UNZ+0+1'", "without a message", ""),
        (b'{"colour":"red"}', "colour", ""),
        (b"%PDF-1.7", "a PDF file", ""),
        (b"", "empty", ""),
    ],
)
def test_what_nobody_knows_is_refused_with_what_was_seen(raw: bytes, seen: str, nearest: str) -> None:
    with pytest.raises(WindowError) as caught:
        glance(raw)
    members = caught.value.members
    assert (caught.value.status, caught.value.code) == (422, "unknown-message-type")
    assert seen in members["seen"] and (not nearest or nearest in members["nearest"])
    assert {"DecMessage", "COARRI"} <= set(members["known"]["messages"])
    assert "declaration" in members["known"]["documents"]


@pytest.mark.parametrize(("raw", "status"), [(b"{nonsense", 400), (b"{" + b" " * MOST_JSON + b"}", 413)])
def test_json_is_read_whole_and_has_its_bound(raw: bytes, status: int) -> None:
    with pytest.raises(WindowError) as caught:
        glance(raw)
    assert caught.value.status == status


@pytest.mark.parametrize(
    "raw",
    [b"<?xml?>" + b"<!--" * 500_000, b"<" * 2_000_000, b"UNB+" * 500_000, json.dumps("<" * 900_000).encode()],
    ids=["comments", "brackets", "segments", "text"],
)
def test_a_glance_at_a_hostile_head_is_short(raw: bytes) -> None:
    started = process_time()
    with pytest.raises(WindowError):
        glance(raw)
    assert process_time() - started < 1
