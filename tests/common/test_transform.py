"""Reading, writing and judging XML where it is easy to lose or to pass something."""

import json
import time
from datetime import date
from typing import Any

import pytest

from infra import ROOT
from singlewindow import canonical, catalogue
from singlewindow.errors import WindowError
from singlewindow.messages import transform, xml
from singlewindow.messages.definition import message
from singlewindow.messages.judge import judge
from tests.support import decmessage
from tests.support.transport import TRANSPORT

ORDER: dict[str, Any] = json.loads((ROOT / "catalogue/examples/ecommerce-order.v1.json").read_bytes())
DAY = date(2026, 11, 25)


def order() -> bytes:
    document = catalogue.document("ecommerce-order").normalise(ORDER)
    return transform.write([document], "CEB311Message", TRANSPORT)


def found(raw: bytes, id: str = "CEB311Message") -> list[tuple[str, str]]:
    return [(one.rule, one.pointer) for one in judge(xml.parse(raw), message(id), DAY)]


HEAD = "/CEB311Message/Order[1]/OrderHead"


def test_an_amount_that_may_not_be_negative_is_told() -> None:
    """Else the canonical form would refuse it after the judge has passed it, and rules would not see it."""
    raw = order().replace(b"<discount>20</discount>", b"<discount>-20</discount>")
    assert found(raw) == [("MSG-FORM", f"{HEAD}/discount")]


def test_a_tag_of_a_foreign_namespace_is_no_tag_of_the_message() -> None:
    raw = order().replace(
        b"<orderNo>SC202611200001</orderNo>", b'<x:orderNo xmlns:x="urn:other">SC202611200001</x:orderNo>'
    )
    assert ("MSG-NAMESPACE", f"{HEAD}/orderNo") in found(raw)
    (read,) = transform.read(raw, "CEB311Message")
    assert "order_no" not in read["head"] and read["head"]["orderNo"] == "SC202611200001"


def test_what_stands_beside_the_documents_is_not_dropped() -> None:
    raw = order().replace(b"<BaseTransfer>", b"<Ordre>lost</Ordre><BaseTransfer>")
    assert transform.read(raw, "CEB311Message")[0]["CEB311Message/Ordre"] == "lost"


def test_a_message_of_one_document_takes_one() -> None:
    several: tuple[list[dict[str, Any]], ...] = ([], [{}, {}])
    for many in several:
        with pytest.raises(ValueError, match="holds one document"):
            transform.write(many, "DecMessage")


def test_a_value_that_stands_beside_another_needs_it() -> None:
    consignment = {"bill_no": "FD1", "pack_no": "5", "package_kind": "CT"}
    document = {"head": {"consignments": [consignment]}}
    assert b'unitCode="CT">5<' in transform.write([document], "MT1401")
    del consignment["pack_no"]
    with pytest.raises(transform.Untransferable) as caught:
        transform.write([document], "MT1401")
    assert caught.value.pointer == "/head/consignments/0/package_kind"


def test_an_attribute_with_a_name_of_a_book_is_named_in_short() -> None:
    raw = decmessage.write({"head": {"ie_flag": "I"}}).replace(
        b"<DecHead>", b"<DecHead " + b"a" * 5_000 + b'="1">'
    )
    assert max(len(path) for _, path in found(raw, "DecMessage")) < 200


def test_a_key_that_stands_twice_is_found_in_one_pass() -> None:
    keys = [f'"{number:x}":1' for number in range(60_000)]
    raw = ("{" + ",".join([*keys, keys[-1]]) + "}").encode()
    started = time.process_time()
    with pytest.raises(WindowError, match="stands twice"):
        canonical.parse_json(raw)
    assert time.process_time() - started < 2  # it took minutes when each key was counted
