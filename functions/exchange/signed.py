"""Who signed a message: verified while its sender waits, so that what is not signed rightly is never kept."""

from collections.abc import Mapping
from typing import Any

from exchange import certificates, received
from singlewindow import canonical, clock
from singlewindow.errors import WindowError
from singlewindow.signatures import Invalid


def verified(sender: str, type: str, raw: bytes, inner: tuple[str, bytes] | None, jws: str) -> dict[str, Any]:
    """What is known of a message's signature: {} for one that has none and needs none.

    `inner`: type and bytes of the message that an envelope carries; `jws`: the header, over any bytes. Raises 401
    `signature-invalid` for one that is wrong, 401 `signature-missing` where the sender or the type is bound to sign;
    either is written to an audit row, and nothing else is kept.
    """
    try:
        told = _detached(sender, raw, jws) if jws else _enveloped(sender, type, raw, inner)
    except Invalid as error:
        raise _refused(sender, type, raw, "signature-invalid", error.reason, error.reason_zh) from None
    if told.get("verified") is not True and _must_sign(sender, inner[0] if inner else type):
        raise _refused(
            sender, type, raw, "signature-missing",
            "messages of this type must be signed by a registered certificate (POST /exchange/certificates)",
            "该类报文必须以已登记的证书签名",
        )  # fmt: skip
    return told


def _detached(sender: str, raw: bytes, text: str) -> dict[str, Any]:
    from singlewindow.signatures import jws

    read = jws.read(text, certificates.parameters("SIGN-JWS", clock.business_date())["algorithms"])
    if read.thumbprint:
        named = certificates.find(sender, read.thumbprint)
        usable = [named] if named and named.holds(clock.now()) else []
    else:
        usable = _in_force(sender)
    if not usable:
        raise Invalid(
            "signed by a certificate that this party has not registered, or not in force",
            "签名证书未登记或已失效",
        )
    for one in usable:
        try:
            read.verify(one.der(), raw)
        except Invalid as error:
            wrong = error
            continue
        return _proved("jws", one.thumbprint, read.algorithm) | {"jws": text}
    raise wrong


def _enveloped(sender: str, type: str, raw: bytes, inner: tuple[str, bytes] | None) -> dict[str, Any]:
    """The envelope's signature, else that of what it carries. Of a party without certificates none is verified."""
    from singlewindow.signatures import xmldsig

    for kind, content in ((type, raw), *((inner,) if inner else ())):
        if not xmldsig.is_signed(content):
            continue
        usable = _in_force(sender)
        if not usable:
            return {"kind": "xmldsig", "verified": False, "why": "the sender has registered no certificate"}
        accepted = _accepted(kind)
        by_der = {one.der(): one for one in usable}
        certificate, algorithm = xmldsig.verify(
            content, tuple(by_der), accepted["methods"], accepted["digests"]
        )
        return _proved("xmldsig", by_der[certificate].thumbprint, algorithm)
    return {}


def _in_force(party: str) -> list[certificates.Registered]:
    return [one for one in certificates.of(party) if one.holds(clock.now())]


def _accepted(type: str) -> dict[str, Any]:
    """The algorithms for a type: weaker ones where the specification of its family still prescribes them."""
    rule = certificates.parameters("SIGN-XML", clock.business_date())
    families = (family for family in rule["legacy"].values() if type.startswith(tuple(family["types"])))
    found: Mapping[str, Any] = next(families, rule)
    return {
        "methods": {*rule["methods"], *found["methods"]},
        "digests": {*rule["digests"], *found["digests"]},
    }


def _proved(kind: str, thumbprint: str, algorithm: str) -> dict[str, Any]:
    return {
        "kind": kind, "verified": True, "thumbprint": thumbprint, "algorithm": algorithm, "verified_at": clock.stamp(),
    }  # fmt: skip


def _must_sign(sender: str, type: str) -> bool:
    everyone = certificates.parameters("SIGN-REQUIRED", clock.business_date())["types"]
    return bool({type, "*"} & {*everyone, *certificates.bound(sender)})


def _refused(sender: str, type: str, raw: bytes, code: str, reason: str, reason_zh: str) -> WindowError:
    received.audit(sender, {"code": code, "reason": reason, "type": type, "sha256": canonical.sha256(raw)})
    return WindowError(401, code, f"{reason}; nothing was kept", detail_zh=f"{reason_zh}；报文未留存")
