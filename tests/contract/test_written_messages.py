"""What we write of e-commerce and manifests is valid by the published schemas.

Facets of those schemas that nothing can meet are removed by name, as for DecMessage (`tests/support/dec_schema.py`).
"""

import json
from functools import cache
from typing import Any

import pytest
from lxml import etree

from infra import ROOT
from singlewindow import catalogue
from singlewindow.messages import transform
from singlewindow.messages.definition import message
from tests.support.transport import TRANSPORT

SCHEMAS = ROOT.parent / "shared" / "data" / "schema-cn"
# Who signs adds it; the schema of import lists demands one.
SIGNED = {"CEB621Message"}


def sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "catalogue/examples" / f"{name}.v1.json").read_bytes())
    return found


@cache
def schema(version: str) -> Any:
    path = SCHEMAS / f"ceb-{version}" / "ceb-import.xsd"
    if not path.exists():
        pytest.skip("the published schemas stand in ../shared, which a user's machine does not have")
    return etree.XMLSchema(etree.parse(str(path)))


@pytest.mark.parametrize("version", ["2018-113", "202205"])
@pytest.mark.parametrize(
    ("name", "id"), [("ecommerce-order", "CEB311Message"), ("ecommerce-list", "CEB621Message")]
)
def test_an_e_commerce_message_of_ours_is_valid_by_the_published_schema(name: str, id: str, version: str) -> None:
    document = catalogue.document(name).normalise(sample(name))
    written = etree.fromstring(transform.write([document], id, TRANSPORT))
    schema(version).validate(written)
    faults = [error.message for error in schema(version).error_log]
    if id in SIGNED:
        assert len(faults) == 1 and "Signature" in faults[0]
    else:
        assert faults == []


@pytest.mark.parametrize("count", [1, 3])
def test_several_orders_are_one_message(count: int) -> None:
    document = catalogue.document("ecommerce-order").normalise(sample("ecommerce-order"))
    raw = transform.write([document] * count, "CEB311Message", TRANSPORT)
    assert transform.read(raw, "CEB311Message") == [document] * count
    assert raw.count(b"<Order>") == count


def test_what_the_sending_says_of_itself_is_not_lost() -> None:
    raw = transform.write([], "CEB311Message", TRANSPORT)
    assert b'guid="4CDE1CFD' in raw and b"<dxpId>DXPENT0000000001</dxpId>" in raw
    assert message("CEB311Message").document
