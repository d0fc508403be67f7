"""Signatures, on moto: what is proved, what is refused at once and leaves nothing but an audit row, who must sign."""

import base64
import json
import ssl
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.signer import XMLSigner

from exchange import certificates, ingest, received
from exchange.receipt import Received
from infra import ROOT
from singlewindow import catalogue, clock, settings
from singlewindow.errors import WindowError
from singlewindow.messages import transform
from singlewindow.signatures import Invalid, jws, xmldsig
from tests.support.certificates import certificate, key, pem_key
from tests.support.exchange_cloud import SETTINGS
from tests.support.transport import TRANSPORT

PARTY, OTHER = "91510100569680768F", "913302017532977856"
RAW = (ROOT / "catalogue/examples/ecommerce-order.v1.json").read_bytes()
DS = "{http://www.w3.org/2000/09/xmldsig#}"


@pytest.fixture(autouse=True)
def now(cloud: None) -> Iterator[None]:
    yield
    clock.travel(None)


def registered(kind: str = "ec", party: str = PARTY, **about: Any) -> str:
    return certificates.register(party, certificate(kind, **about), "", "tester")[0].thumbprint


def sent(
    raw: bytes, text: str = "", *, party: str = PARTY, key: str = "K", media: str = "application/json"
) -> Received:
    return ingest.accept(party, key, raw, media, ingest.Told(jws=text))[0]


def refused(code: str, *arguments: Any, **members: Any) -> WindowError:
    """Refused with 401, audited, and nothing else kept."""
    before = len(boto3.client("s3").list_objects_v2(Bucket="archive").get("Contents", []))
    with pytest.raises(WindowError) as caught:
        sent(*arguments, **members)
    assert (caught.value.status, caught.value.code) == (401, code)
    rows = boto3.client("dynamodb").scan(TableName="received")["Items"]
    assert {row["key"]["S"].split("#")[0] for row in rows} == {"refused"}
    assert rows[-1]["sha256"]["S"] and "raw" not in rows[-1]
    assert len(boto3.client("s3").list_objects_v2(Bucket="archive").get("Contents", [])) == before
    return caught.value


# ---------------------------------------------------------------- JSON


@pytest.mark.parametrize(("kind", "algorithm"), [("ec", "ES256"), ("rsa", "RS256"), ("rsa", "PS256")])
@pytest.mark.parametrize("encoded", [False, True])
def test_a_detached_jws_by_a_registered_key_is_proved_and_kept_as_evidence(
    kind: str, algorithm: str, encoded: bool
) -> None:
    thumbprint = registered(kind)
    text = jws.detached(RAW, algorithm, pem_key(kind), thumbprint, encoded=encoded)
    found = received.find(sent(RAW, text).receipt_id)
    assert found is not None and found.signature["verified"] is True
    assert (found.signature["thumbprint"], found.signature["algorithm"], found.signature["jws"]) == (
        thumbprint, algorithm, text,
    )  # fmt: skip


def test_a_byte_more_or_less_is_not_what_was_signed() -> None:
    text = jws.detached(RAW, "ES256", pem_key(), registered())
    refused("signature-invalid", RAW + b" ", text)


def test_a_certificate_of_another_or_revoked_or_expired_proves_nothing() -> None:
    theirs = registered("rsa", OTHER)
    refused("signature-invalid", RAW, jws.detached(RAW, "RS256", pem_key("rsa"), theirs))
    pem = certificate()
    mine = certificates.register(PARTY, pem, "", "tester")[0].thumbprint
    text = jws.detached(RAW, "ES256", pem_key(), mine)
    certificates.revoke(PARTY, mine, "tester")
    assert "not in force" in refused("signature-invalid", RAW, text).detail
    with pytest.raises(WindowError) as again:
        certificates.register(PARTY, pem, "", "tester")
    assert again.value.code == "certificate-revoked"
    other = registered(serial=7, days=1)
    clock.travel(clock.now() + timedelta(days=2))
    refused("signature-invalid", RAW, jws.detached(RAW, "ES256", pem_key(), other))


@pytest.mark.parametrize(
    "text",
    [
        "x", "a..b", "a.b.c", "..", f"{base64.urlsafe_b64encode(b'[]').decode()}..AA",
        f"{base64.urlsafe_b64encode(json.dumps({'alg': 'none'}).encode()).decode()}..",
        f"{base64.urlsafe_b64encode(json.dumps({'alg': 'HS256'}).encode()).decode()}..AA",
        f"{base64.urlsafe_b64encode(json.dumps({'alg': 'ES256', 'b64': False}).encode()).decode()}..AA",
        f"{base64.urlsafe_b64encode(json.dumps({'alg': 'ES256', 'crit': ['exp']}).encode()).decode()}..AA",
    ],
)  # fmt: skip
def test_what_is_no_signature_says_why(text: str) -> None:
    registered()
    assert refused("signature-invalid", RAW, text).detail_zh


def test_an_algorithm_that_is_plugged_in_by_name_verifies(monkeypatch: pytest.MonkeyPatch) -> None:
    """SM2 or a card in production: a module that the setting names, and its algorithm in the dated data."""
    thumbprint = registered()
    monkeypatch.setattr(certificates, "parameters", lambda *_: {"algorithms": ["TOY1"], "types": []})
    with settings.using(
        SETTINGS | {"SIGNATURE_PROVIDERS": "singlewindow.signatures.software,tests.support.toy_provider"}
    ):
        text = jws.detached(RAW, "TOY1", thumbprint, thumbprint)
        assert sent(RAW, text).signature["algorithm"] == "TOY1"
        with pytest.raises(WindowError):
            sent(RAW + b" ", text, key="other")
    with pytest.raises(Invalid):
        jws.read(text, {"TOY1"})  # nobody is plugged in


# ---------------------------------------------------------------- XML


def order() -> Any:
    document = catalogue.document("ecommerce-order").normalise(json.loads(RAW))
    return etree.fromstring(transform.write([document], "CEB311Message", TRANSPORT))


def signed(
    root: Any, kind: str = "rsa", method: str = "RSA_SHA256", digest: str = "SHA256", *, sha1: bool = False
) -> bytes:
    class Signer(XMLSigner):
        def check_deprecated_methods(self) -> None:
            """SHA-1 is what the e-port's clients write today."""

    signer = (Signer if sha1 else XMLSigner)(
        signature_algorithm=SignatureMethod[method], digest_algorithm=DigestAlgorithm[digest],
        c14n_algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
    )  # fmt: skip
    return bytes(etree.tostring(signer.sign(root, key=key(kind), cert=certificate(kind)), encoding="UTF-8"))


def test_an_enveloped_signature_is_proved_and_a_changed_amount_is_not() -> None:
    registered("rsa")
    raw = signed(order())
    one = sent(raw, media="application/xml")
    assert one.signature["verified"] is True and one.signature["algorithm"] == "RSA_SHA256+SHA256"


def test_a_changed_message_is_refused_at_once() -> None:
    registered("rsa")
    number = json.loads(RAW)["head"]["order_no"].encode()
    refused("signature-invalid", signed(order()).replace(number, b"A-changed"), media="application/xml")


def test_sha1_is_taken_where_the_family_prescribes_it_and_nowhere_else() -> None:
    registered("rsa")
    old = signed(order(), method="RSA_SHA1", digest="SHA1", sha1=True)
    assert sent(old, media="application/xml").signature["algorithm"] == "RSA_SHA1+SHA1"
    declaration = json.loads((ROOT / "infra/samples/import-chengdu.json").read_bytes())
    normal = catalogue.document("declaration").normalise(declaration)
    root = etree.fromstring(transform.write([normal], "DecMessage"))
    with pytest.raises(WindowError) as caught:
        sent(signed(root, method="RSA_SHA1", digest="SHA1", sha1=True), media="application/xml", key="other")
    assert "not accepted" in caught.value.detail


def test_only_the_whole_message_counts_as_signed() -> None:
    """Wrapping: a signature over a part, moved into another message, or two of them."""
    registered("rsa")
    root = etree.fromstring(signed(order()))
    signature = root.find(f"{DS}Signature")
    reference = signature.find(f"{DS}SignedInfo/{DS}Reference")
    reference.set("URI", "#part")
    refused("signature-invalid", etree.tostring(root), media="application/xml")
    reference.set("URI", "")
    root[0].append(signature)
    refused("signature-invalid", etree.tostring(root), media="application/xml")


@pytest.mark.parametrize("mine", ["id", "ID", "{http://www.w3.org/XML/1998/namespace}id"])
def test_an_id_that_stands_twice_is_no_id_of_the_whole(mine: str) -> None:
    """A signed message moved inside another root that bears its id under another name of the attribute."""
    root = etree.fromstring('<Dec Id="x"><Amount>1</Amount></Dec>')
    signer = XMLSigner(signature_algorithm=SignatureMethod.RSA_SHA256, digest_algorithm=DigestAlgorithm.SHA256)
    whole = signer.sign(root, key=key("rsa"), cert=certificate("rsa"), reference_uri="x", id_attribute="Id")
    der = ssl.PEM_cert_to_DER_cert(certificate("rsa"))
    assert xmldsig.verify(etree.tostring(whole), [der], {"RSA_SHA256"}, {"SHA256"})
    signature = whole.find(f"{DS}Signature")
    whole.remove(signature)
    forged = etree.Element("Dec", {mine: "x"})
    etree.SubElement(forged, "Amount").text = "999999"
    etree.SubElement(forged, "Kept").append(whole)
    forged.append(signature)
    with pytest.raises(Invalid):
        xmldsig.verify(etree.tostring(forged), [der], {"RSA_SHA256"}, {"SHA256"})


def test_of_a_party_without_certificates_a_signature_is_not_proved_and_that_is_said() -> None:
    one = sent(signed(order()), media="application/xml")
    assert one.signature["verified"] is False and "no certificate" in one.signature["why"]


# ---------------------------------------------------------------- who must sign, and what is registered


def test_a_party_that_is_bound_is_refused_without_a_signature() -> None:
    certificates.bind(PARTY, ["ecommerce-order"], "tester")
    refused("signature-missing", RAW)
    text = jws.detached(RAW, "ES256", pem_key(), registered())
    assert sent(RAW, text).signature["verified"] is True
    assert sent(RAW, party=OTHER).signature == {}


@pytest.mark.parametrize(
    ("pem", "code"),
    [
        (lambda: pem_key(), "private-key"),
        (lambda: certificate() + pem_key(), "private-key"),
        (lambda: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "not-a-certificate"),
        (lambda: certificate() * 2, "not-a-certificate"),
        (lambda: certificate(days=-1), "certificate-not-valid"),
        (lambda: certificate("rsa-weak"), "key-too-weak"),
    ],
)
def test_what_may_not_be_registered(pem: Any, code: str) -> None:
    with pytest.raises(WindowError) as caught:
        certificates.register(PARTY, pem(), "", "tester")
    assert (caught.value.status, caught.value.code) == (422, code)
    assert certificates.of(PARTY) == []
    assert "Contents" not in boto3.client("s3").list_objects_v2(Bucket="archive")


def test_registering_twice_is_once_and_what_expires_soon_says_so() -> None:
    pem = certificate(days=10)
    one, repeated = certificates.register(PARTY, pem, "", "tester")
    assert not repeated and certificates.register(PARTY, pem, "", "tester") == (one, True)
    assert one.shown()["expires_soon"] and one.shown()["days_left"] in (9, 10) and one.shown()["valid"]
    assert not certificates.register(PARTY, certificate(serial=8), "", "t")[0].shown()["expires_soon"]
