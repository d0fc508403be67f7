"""CPU of a message taken in and judged, and of a signature."""

from functools import partial
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate
from lxml import etree

from infra import ROOT
from singlewindow import canonical, catalogue
from singlewindow.messages import transform
from singlewindow.signatures import jws, xmldsig
from tests.bench import staged
from tests.bench.checks import rate
from tests.bench.recording import recorded
from tests.bench.report import Figure
from tests.bench.window import Window, declaration
from tests.support.certificates import certificate, key, pem_key

REACH = 0.003
ROUNDS = 200
PROCESSES = 3
LINES = 20


def message() -> bytes:
    """A DecMessage of twenty lines."""
    document = declaration()
    document["lines"] = document["lines"][:LINES]
    document["origin_relations"] = []
    document["sign"] = document.get("sign", {}) | {"client_seq_no": "BENCH-0001"}
    normal = catalogue.document("declaration").normalise(document)
    return transform.write([normal], "DecMessage")


def send(window: Window) -> None:
    """The message through the local stack, to be recorded."""
    sent = window.trader.call(
        "POST", "/exchange/messages", message(), "application/xml", Idempotency_Key="bench-1"
    )
    if sent.status != 202:
        raise RuntimeError(f"{sent.status}: {sent.raw[:200]!r}")


def measure(window: Window) -> list[Figure]:
    with recorded(window.stage) as recording:
        send(window)
        window.stage.settle(20)
    posts = [one for one in recording.of("ExchangeApi") if one.says == "POST /exchange/messages"][:1]
    judged = recording.of("ExchangeJudge")[:1]
    accept, judge = (
        _taken(window, name, one) for name, one in (("ExchangeApi", posts), ("ExchangeJudge", judged))
    )
    calls = len(posts[0].calls), len(judged[0].calls)
    return [
        Figure(
            name="CPU of a message of 20 lines taken in, and judged behind a queue",
            value=f"{accept * 1000:.2f} ms, {judge * 1000:.2f} ms",
            reach="≤ 3 ms to take in",
            met=accept <= REACH,
            conditions=(
                (
                    f"POST /exchange/messages of a DecMessage of {LINES} lines ({len(message()):,} bytes): recognised,"
                    f" archived, written with its key, answered ({calls[0]} calls of AWS)"
                ),
                (
                    "judged: read, every tag, form and code, canonical document and report archived, entered under what"
                    f" answers it ({calls[1]} calls of AWS)"
                ),
                "AWS answered at botocore's before-send: building, serialising and signing of the request count",
                f"from the staged package, warm; CPU time, median of {ROUNDS} rounds, best of {PROCESSES} processes",
            ),
        ),
        *_signatures(),
    ]


def _taken(window: Window, name: str, invocations: list[Any]) -> float:
    function = window.stage.functions.find(name)
    return min(staged.run(function, invocations, ROUNDS).warm[0] for _ in range(PROCESSES))


def _signatures() -> list[Figure]:
    raw = Path(ROOT / "catalogue/examples/ecommerce-order.v1.json").read_bytes()
    figures = []
    for kind, algorithm in (("ec", "ES256"), ("rsa", "RS256")):
        der = load_pem_x509_certificate(certificate(kind).encode()).public_bytes(Encoding.DER)
        text = jws.detached(raw, algorithm, pem_key(kind), canonical.sha256(der))
        verify = partial(_verified, text, algorithm, der, raw)
        figures.append(
            _figure(f"Verifying a detached JWS, {algorithm}", verify, f"{len(raw):,} bytes of JSON")
        )
    signed = _signed(message())
    der = load_pem_x509_certificate(certificate("rsa").encode()).public_bytes(Encoding.DER)
    verify_xml = partial(xmldsig.verify, signed, (der,), {"RSA_SHA256"}, {"SHA256"})
    figures.append(
        _figure("Verifying an XML-DSig, RSA-SHA256", verify_xml, f"a DecMessage of {len(signed):,} bytes")
    )
    return figures


def _verified(text: str, algorithm: str, der: bytes, raw: bytes) -> None:
    jws.read(text, {algorithm}).verify(der, raw)


def _signed(raw: bytes) -> bytes:
    from signxml.signer import XMLSigner

    signer = XMLSigner(c14n_algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315")
    root = signer.sign(etree.fromstring(raw), key=key("rsa"), cert=certificate("rsa"))
    return bytes(etree.tostring(root, encoding="UTF-8"))


def _figure(name: str, do: Any, what: str) -> Figure:
    return Figure(
        name=name, value=f"{1000 / rate(do):.2f} ms", conditions=(f"{what}; the certificate at hand",)
    )
