"""Certificates that parties registered: the PEM in the archive, here what it says; and which parties must sign.

Items of the certificates table, by `party`: `certificate#<thumbprint>` and `signing` (the types that it must sign).
A private key never comes here: who sends one is told to replace it.
"""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any

from exchange import numbers
from singlewindow import catalogue, clock, settings
from singlewindow.aws import archive
from singlewindow.aws.clients import client
from singlewindow.aws.pages import queried
from singlewindow.errors import WindowError, conflict
from singlewindow.rules import Params, RuleBook

_PEM = re.compile(r"\s*(-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----)\s*", re.ASCII)
# Whom a change binds is known everywhere after so many seconds.
_REMEMBERED = 60.0


@dataclass(frozen=True, slots=True)
class Registered:
    """`thumbprint`: SHA-256 of the DER, in hex. `dxp_id`: the number under which its owner sends by DXP."""

    party: str
    thumbprint: str
    subject: str
    serial_number: str
    not_before: str
    not_after: str
    key: str
    pem_key: str
    registered_at: str
    registered_by: str
    dxp_id: str = ""
    revoked_at: str = ""
    revoked_by: str = ""

    def holds(self, instant: datetime) -> bool:
        at = clock.stamp(instant)
        return not self.revoked_at and self.not_before <= at <= self.not_after

    def der(self) -> bytes:
        from cryptography.hazmat.primitives.serialization import Encoding
        from cryptography.x509 import load_pem_x509_certificate

        return load_pem_x509_certificate(archive.fetch(self.pem_key)).public_bytes(Encoding.DER)

    def shown(self) -> dict[str, Any]:
        """As its owner sees it, with a word where it soon holds no more."""
        told = {
            name: value
            for name, value in asdict(self).items()
            if name != "pem_key" and (value or name == "thumbprint")
        }
        left = datetime.fromisoformat(self.not_after) - clock.now()
        days = _of_certificates(clock.business_date())["expires_soon_days"]
        return told | {
            "valid": self.holds(clock.now()),
            "expires_soon": not self.revoked_at and timedelta(0) < left <= timedelta(days=days),
            "days_left": max(0, left.days),
        }


def register(party: str, pem: str, dxp_id: str, by: str) -> tuple[Registered, bool]:
    """Keep a certificate; whether it was here before, perhaps without the number. 422 for what is none, is too weak, or
    holds no more; 409 for one that was revoked, or has another number."""
    one = _read(party, pem, dxp_id, by)
    standing = find(party, one.thumbprint)
    if standing is None:
        limit = _of_certificates(clock.business_date())["most_per_party"]
        if sum(each.holds(clock.now()) for each in of(party)) >= limit:
            raise conflict(
                "too-many-certificates",
                f"{limit} in force already: revoke one first",
                "有效证书过多，请先撤销",
            )
        if one.dxp_id:
            numbers.claim(party, one.dxp_id)
        database = client("dynamodb")
        try:
            database.put_item(
                TableName=settings.get("CERTIFICATES_TABLE"),
                Item=_item(one),
                ConditionExpression="attribute_not_exists(party)",
            )
            return one, False
        except database.exceptions.ConditionalCheckFailedException:
            standing = find(party, one.thumbprint)
    assert standing is not None
    if standing.revoked_at:
        raise conflict(
            "certificate-revoked", "it was revoked: register another", "该证书已撤销，请登记新证书"
        )
    if one.dxp_id and standing.dxp_id != one.dxp_id:
        return _numbered(standing, one.dxp_id), True
    return standing, True


def _numbered(standing: Registered, dxp_id: str) -> Registered:
    """The certificate with the number under which its owner sends; 409 where it has another."""
    if standing.dxp_id:
        raise _has_another(standing.dxp_id, f"编号 {standing.dxp_id}")
    numbers.claim(standing.party, dxp_id)
    database = client("dynamodb")
    try:
        database.update_item(
            TableName=settings.get("CERTIFICATES_TABLE"),
            Key=_key(standing.party, f"certificate#{standing.thumbprint}"),
            UpdateExpression="SET dxp_id = :id",
            ConditionExpression="attribute_not_exists(dxp_id) OR dxp_id = :id",
            ExpressionAttributeValues={":id": {"S": dxp_id}},
        )
    except database.exceptions.ConditionalCheckFailedException:
        raise _has_another("a number that it was given at this moment", "其他编号") from None
    return replace(standing, dxp_id=dxp_id)


def _has_another(number: str, number_zh: str) -> WindowError:
    return conflict(
        "dxp-id-fixed",
        f"it is registered with {number}: register another certificate for another number",
        f"该证书已登记{number_zh}，请为其他编号登记新证书",
    )


def revoke(party: str, thumbprint: str, by: str) -> Registered | None:
    """From now on nothing is verified with it; None where there is no such certificate. Twice is once."""
    if find(party, thumbprint) is None:
        return None
    client("dynamodb").update_item(
        TableName=settings.get("CERTIFICATES_TABLE"),
        Key=_key(party, f"certificate#{thumbprint}"),
        UpdateExpression="SET revoked_at = if_not_exists(revoked_at, :at), revoked_by = if_not_exists(revoked_by, :by)",
        ExpressionAttributeValues={":at": {"S": clock.stamp()}, ":by": {"S": by}},
    )
    return find(party, thumbprint)


def find(party: str, thumbprint: str) -> Registered | None:
    answer = client("dynamodb").get_item(
        TableName=settings.get("CERTIFICATES_TABLE"),
        Key=_key(party, f"certificate#{thumbprint}"),
        ConsistentRead=True,
    )
    return _registered(answer["Item"]) if "Item" in answer else None


def of(party: str) -> list[Registered]:
    """All of a party, the revoked and expired among them."""
    rows = queried(
        TableName=settings.get("CERTIFICATES_TABLE"),
        KeyConditionExpression="party = :p AND begins_with(#i, :i)",
        ExpressionAttributeNames={"#i": "item"},
        ExpressionAttributeValues={":p": {"S": party}, ":i": {"S": "certificate#"}},
        ConsistentRead=True,
    )
    return [_registered(row) for row in rows]


def bind(party: str, types: Iterable[str], by: str) -> None:
    """From now on messages of these types (`*`: all) of the party must be signed."""
    client("dynamodb").put_item(
        TableName=settings.get("CERTIFICATES_TABLE"),
        Item=_key(party, "signing")
        | {"types": {"S": " ".join(sorted(set(types)))}, "at": {"S": clock.stamp()}, "by": {"S": by}},
    )
    _bound.pop(party, None)


def bound(party: str) -> frozenset[str]:
    """The types that a party must sign. Known for a minute: every message asks."""
    read_at, types = _bound.get(party, (0.0, frozenset()))
    now = clock.now().timestamp()
    if not 0 <= now - read_at < _REMEMBERED:
        answer = client("dynamodb").get_item(
            TableName=settings.get("CERTIFICATES_TABLE"), Key=_key(party, "signing"), ConsistentRead=True
        )
        types = frozenset(answer["Item"]["types"]["S"].split()) if "Item" in answer else frozenset()
        if len(_bound) > 4096:
            _bound.clear()
        _bound[party] = (now, types)
    return types


_bound: dict[str, tuple[float, frozenset[str]]] = {}


def parameters(id: str, as_at: date) -> Params:
    """What is in force of the dated data on signatures."""
    return _book().parameters(id, as_at)


@cache
def _book() -> RuleBook:
    return RuleBook(catalogue.load("rules/signatures.json"), ())


def _of_certificates(as_at: date) -> Params:
    return parameters("SIGN-CERTIFICATE", as_at)


def _read(party: str, pem: str, dxp_id: str, by: str) -> Registered:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import load_pem_x509_certificate

    if "PRIVATE KEY" in pem:
        raise _unfit(
            "private-key", "this is a private key: nothing was kept; treat it as lost and make another",
            "这是私钥，窗口未留存：请视为泄露并更换",
        )  # fmt: skip
    found = _PEM.fullmatch(pem)
    if not found:
        raise _unfit(
            "not-a-certificate", "one X.509 certificate in PEM is needed", "需要一张 PEM 格式的 X.509 证书"
        )
    try:
        certificate = load_pem_x509_certificate(found[1].encode())
        der = certificate.public_bytes(Encoding.DER)
        subject = certificate.subject.rfc4514_string()[:500]
    except ValueError:
        raise _unfit(
            "not-a-certificate", "no X.509 certificate can be read in this", "无法读取 X.509 证书"
        ) from None
    if not certificate.not_valid_before_utc <= clock.now() <= certificate.not_valid_after_utc:
        span = f"{certificate.not_valid_before_utc:%Y-%m-%d} to {certificate.not_valid_after_utc:%Y-%m-%d}"
        raise _unfit("certificate-not-valid", f"it holds from {span}, not today", "证书不在有效期内")
    try:
        key = _kind(certificate.public_key())
    except (UnsupportedAlgorithm, ValueError):
        key = "other"  # SM2, for one: for a provider that is plugged in
    return Registered(
        party=party, thumbprint=sha256(der).hexdigest(), subject=subject,
        serial_number=f"{certificate.serial_number:x}",
        not_before=clock.stamp(certificate.not_valid_before_utc.astimezone(UTC)),
        not_after=clock.stamp(certificate.not_valid_after_utc.astimezone(UTC)),
        key=key, pem_key=archive.keep(found[1].encode(), "application/x-pem-file"),
        registered_at=clock.stamp(), registered_by=by, dxp_id=dxp_id,
    )  # fmt: skip


def _kind(key: Any) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, rsa.RSAPublicKey):
        least = _of_certificates(clock.business_date())["least_rsa_bits"]
        if key.key_size < least:
            detail = f"RSA of {key.key_size} bits; at least {least}"
            raise _unfit("key-too-weak", detail, f"RSA 密钥过短，至少 {least} 位")
        return f"RSA-{key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC-{key.curve.name}"
    return "Ed25519" if isinstance(key, ed25519.Ed25519PublicKey) else "other"


def _unfit(code: str, detail: str, detail_zh: str) -> WindowError:
    return WindowError(422, code, detail, detail_zh=detail_zh)


def _item(one: Registered) -> dict[str, Any]:
    members = {name: {"S": value} for name, value in asdict(one).items() if value}
    return members | _key(one.party, f"certificate#{one.thumbprint}")


def _registered(row: dict[str, Any]) -> Registered:
    return Registered(**{one.name: row[one.name]["S"] for one in fields(Registered) if one.name in row})


def _key(party: str, item: str) -> dict[str, Any]:
    return {"party": {"S": party}, "item": {"S": item}}
