"""XML-DSig, enveloped over the whole message, by keys that were registered: never by one that the message brings.

signxml verifies; here stands what we demand of it. Algorithms are those of W3C: software alone.
"""

import base64
import hashlib
from collections.abc import Collection, Sequence
from typing import Any

from cryptography.exceptions import InvalidSignature as WrongKey
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509 import Certificate, load_der_x509_certificate

from singlewindow import clock
from singlewindow.messages import xml
from singlewindow.signatures import Invalid

_DS = "{http://www.w3.org/2000/09/xmldsig#}"
_ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
_CANONICAL = (
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
    "http://www.w3.org/2001/10/xml-exc-c14n#",
    "http://www.w3.org/2006/12/xml-c14n11",
)

# Whatever may be taken for an id, by signxml or by whoever reads the message.
_IDS = ("Id", "ID", "id", "{http://www.w3.org/XML/1998/namespace}id")


def is_signed(raw: bytes) -> bool:
    """Whether there seems to be one: cheap, and wrong on the safe side."""
    return b"SignatureValue" in raw


def verify(
    raw: bytes, certificates: Sequence[bytes], methods: Collection[str], digests: Collection[str]
) -> tuple[bytes, str]:
    """(the certificate, in DER, whose key signed the message, the method); raises `Invalid` where none did.

    `methods`, `digests`: what is accepted, by the names of signxml (`RSA_SHA256`, `SHA256`).
    """
    root = xml.parse(raw, most_elements=150_000, most_attributes=50_000, keep_pis=True)
    signature = _enveloped(root)
    chosen = _named(signature, certificates)
    if not chosen:
        raise Invalid("signed by a certificate that this party has not registered", "签名证书未由该企业登记")
    named, config = _configured(signature, methods, digests)
    for certificate in chosen:
        if _signed_by(root, load_der_x509_certificate(certificate), config):
            return certificate, named
    raise Invalid("the signature is not over this message by this key", "签名与报文内容或证书不符")


def _enveloped(root: Any) -> Any:
    """The one signature, a child of the root, that refers to the whole of it."""
    found = list(root.iter(f"{_DS}Signature"))
    if len(found) != 1 or found[0].getparent() is not root:
        raise Invalid(
            "not one ds:Signature as a child of the root", "应有且仅有一个 ds:Signature，且为根的子节点"
        )
    references = found[0].findall(f"{_DS}SignedInfo/{_DS}Reference")
    if len(references) != 1 or not _is_the_whole(root, references[0].get("URI")):
        raise Invalid("not one Reference to the whole message", "应有且仅有一个指向整个报文的 Reference")
    transforms = [one.get("Algorithm") for one in references[0].findall(f"{_DS}Transforms/{_DS}Transform")]
    if _ENVELOPED not in transforms or set(transforms) - {_ENVELOPED, *_CANONICAL}:
        raise Invalid("transforms other than enveloped and C14N", "Transform 只能是封内签与 C14N")
    return found[0]


def _is_the_whole(root: Any, uri: str | None) -> bool:
    """Whether a reference means the root and nothing else: an id that stands elsewhere too is what wrapping attacks
    (a signed part moved into another message) live on."""
    if not uri:
        return uri == ""
    bearers = [one for one in root.iter("*") if uri[1:] in (one.get(name) for name in _IDS)]
    return uri.startswith("#") and bearers == [root]


def _named(signature: Any, certificates: Sequence[bytes]) -> list[bytes]:
    """Those that KeyInfo names: by content, or by the serial number that China's e-port writes; else all."""
    info = f"{_DS}KeyInfo/"
    brought = signature.findtext(f"{info}{_DS}X509Data/{_DS}X509Certificate")
    if brought:
        try:
            digest = hashlib.sha256(base64.b64decode(brought)).digest()
        except ValueError:
            raise Invalid("X509Certificate is not base64", "X509Certificate 不是 base64") from None
        return [one for one in certificates if hashlib.sha256(one).digest() == digest]
    name = (signature.findtext(f"{info}{_DS}KeyName") or "").strip().lower().lstrip("0")
    if name:
        return [one for one in certificates if name in _serials(one)]
    return list(certificates)


def _serials(certificate: bytes) -> tuple[str, str]:
    number = load_der_x509_certificate(certificate).serial_number
    return str(number), f"{number:x}"


def _configured(signature: Any, methods: Collection[str], digests: Collection[str]) -> tuple[str, Any]:
    """(method and digest, signxml's configuration for them); raises `Invalid` for what is not accepted."""
    from signxml.algorithms import DigestAlgorithm, SignatureMethod
    from signxml.verifier import SignatureConfiguration

    info = signature.find(f"{_DS}SignedInfo")
    try:
        method = SignatureMethod(info.find(f"{_DS}SignatureMethod").get("Algorithm"))
        digest = DigestAlgorithm(info.find(f"{_DS}Reference/{_DS}DigestMethod").get("Algorithm"))
    except (AttributeError, ValueError):
        raise Invalid("no method or digest that is known here", "未知的签名或摘要算法") from None
    if method.name not in methods or digest.name not in digests:
        shown = f"{', '.join(sorted(methods))}; {', '.join(sorted(digests))}"
        given = f"{method.name} with {digest.name}"
        raise Invalid(f"{given} is not accepted; these are: {shown}", f"不接受的算法 {given}；可用：{shown}")
    config = SignatureConfiguration(
        location="./", expect_references=1, signature_methods=frozenset({method}),
        digest_algorithms=frozenset({digest}), ignore_ambiguous_key_info=True, verification_time=clock.now(),
    )  # fmt: skip
    return f"{method.name}+{digest.name}", config


def _signed_by(root: Any, certificate: Certificate, config: Any) -> bool:
    from signxml.exceptions import SignXMLException
    from signxml.verifier import XMLVerifier

    try:
        XMLVerifier().verify(root, x509_cert=certificate, expect_config=config)
    except (SignXMLException, WrongKey, UnsupportedAlgorithm, ValueError):
        return False
    return True
