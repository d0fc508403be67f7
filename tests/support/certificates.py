"""Keys and certificates that a party might sign with; the toy of a provider beside them."""

from datetime import datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from singlewindow import clock


@cache
def key(kind: str = "ec") -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    if kind == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65537, 1024 if kind == "rsa-weak" else 2048)


def pem_key(kind: str = "ec") -> str:
    return key(kind).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()  # fmt: skip


def certificate(kind: str = "ec", *, days: int = 365, serial: int = 4242, name: str = "sandbox") -> str:
    """A self-signed certificate in PEM, the same all day; what counts is that its party registered it."""
    now: datetime = clock.now().replace(hour=23, minute=59, second=59, microsecond=0)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    built = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key(kind).public_key())
        .serial_number(serial).not_valid_before(now - timedelta(days=400)).not_valid_after(now + timedelta(days=days))
        .sign(key(kind), hashes.SHA256())
    )  # fmt: skip
    return built.public_bytes(serialization.Encoding.PEM).decode()
