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
def test_an_e_commerce_message_of_ours_is_valid_by_the_published_schema(
    name: str, id: str, version: str
) -> None:
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


# What the published samples carry, read and written again.
AGAIN = ("CEB311Message", "CEB312Message", "CEB411Message", "CEB412Message",
         "CEB511Message", "CEB512Message", "CEB621Message", "CEB622Message")  # fmt: skip


@pytest.mark.parametrize("id", AGAIN)
def test_a_published_sample_that_we_write_again_is_valid_by_its_schema(id: str) -> None:
    path = SCHEMAS.parent / "samples-cn-ceb-202205/import" / f"{id}.xml"
    if not path.exists():
        pytest.skip("the published samples stand in ../shared, which a user's machine does not have")
    kind = message(id).document
    assert kind
    read = [kind.normalise(one) for one in transform.read(path.read_bytes(), id)]
    written = etree.fromstring(transform.write(read, id, TRANSPORT))
    schema("202205").validate(written)
    faults = [error.message for error in schema("202205").error_log]
    assert [one for one in faults if "Signature" not in one] == []
    assert bool(faults) <= (id in SIGNED)
    again = [kind.normalise(one) for one in transform.read(etree.tostring(written), id)]
    assert again == read


ROAD = SCHEMAS / "manifest-road"
# Function 9 is a first declaration. Nothing of these schemas had to be taken out for it.
MANIFESTS = {
    "MT1401": ("Manifest_Declare_Import_Road_MT1401_9.xsd", "MT1401_9.xml"),
    "MT2401": ("Manifest_Declare_Export_Road_MT2401_9.xsd", "MT2401_9.xml"),
}


@pytest.mark.parametrize("id", MANIFESTS)
def test_a_manifest_that_we_write_again_is_valid_by_its_schema(id: str) -> None:
    name, sample_name = MANIFESTS[id]
    path = SCHEMAS.parent / "samples-cn-manifest-road" / sample_name
    if not path.exists():
        pytest.skip("the published samples stand in ../shared, which a user's machine does not have")
    published = etree.XMLSchema(etree.parse(str(ROAD / name)))
    original = etree.parse(str(path)).getroot()
    space = {"m": etree.QName(original).namespace}
    transport = {
        f"Head/{tag}": original.findtext(f"m:Head/m:{tag}", namespaces=space) or ""
        for tag in ("SenderID", "ReceiverID", "SendTime")
    }
    (document,) = transform.read(path.read_bytes(), id)
    kind = message(id).document
    assert kind
    written = etree.fromstring(transform.write([kind.normalise(document)], id, transport))
    published.validate(written)
    assert [error.message for error in published.error_log] == []
