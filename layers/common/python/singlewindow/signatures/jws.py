"""Detached JWS (RFC 7515, appendix F; RFC 7797 with `b64: false`): `<protected>..<signature>` beside the bytes."""

import base64
import binascii
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from singlewindow.signatures import Invalid, provider
from singlewindow.signatures.provider import Provider

# Far more than a header with a certificate in it takes.
_LONGEST = 16 * 1024


@dataclass(frozen=True, slots=True)
class Detached:
    """A signature that was read and not yet verified. `thumbprint`: the certificate's SHA-256 in hex, where named."""

    algorithm: str
    thumbprint: str | None
    protected: bytes
    signature: bytes
    encoded: bool

    def verify(self, certificate: bytes, payload: bytes) -> None:
        """Raises `Invalid` unless the certificate's key signed these bytes."""
        content = _encode(payload) if self.encoded else payload
        verifier = provider.of(self.algorithm)
        if not verifier.verify(self.algorithm, certificate, self.protected + b"." + content, self.signature):
            raise Invalid("the signature is not over these bytes by this key", "签名与报文内容或证书不符")


def read(text: str, accepted: Collection[str]) -> Detached:
    """Raises `Invalid` for what is no detached JWS, or by an algorithm that is not accepted or nobody here knows."""
    parts = text.strip().split(".")
    if len(text) > _LONGEST or len(parts) != 3 or parts[1]:
        raise Invalid(
            "not a detached JWS: <protected>..<signature>", "不是分离式 JWS：应为 <protected>..<signature>"
        )
    try:
        header: Any = json.loads(_decode(parts[0]))
        signature = _decode(parts[2])
    except ValueError:
        raise Invalid("the JWS is not base64url of JSON", "JWS 不是 base64url 编码的 JSON") from None
    algorithm = header.get("alg") if isinstance(header, dict) else None
    if not isinstance(algorithm, str) or algorithm not in accepted or not _known(algorithm):
        shown = ", ".join(sorted(accepted))
        raise Invalid(
            f"alg {str(algorithm)[:20]!r} is not accepted; these are: {shown}",
            f"不接受的签名算法；可用：{shown}",
        )
    critical = header.get("crit", [])
    if critical not in ([], ["b64"]) or ("b64" in header) != (critical == ["b64"]):
        raise Invalid("crit may name b64 alone, and must where b64 is there", "crit 只能且必须包含 b64")
    return Detached(
        algorithm, _thumbprint(header), parts[0].encode(), signature, header.get("b64", True) is not False
    )


def detached(
    payload: bytes,
    algorithm: str,
    key: str,
    thumbprint: str = "",
    *,
    kid: str = "",
    signer: Provider | None = None,
    encoded: bool = False,
) -> str:
    """Sign with what `signer` (else the algorithm's provider) calls `key`.

    The header names the key by its certificate's thumbprint, in hex, or by `kid`.
    """
    header: dict[str, Any] = {"alg": algorithm}
    header |= {"kid": kid} if kid else {"x5t#S256": _encode(bytes.fromhex(thumbprint)).decode()}
    if not encoded:
        header |= {"b64": False, "crit": ["b64"]}
    protected = _encode(json.dumps(header, separators=(",", ":")).encode())
    content = _encode(payload) if encoded else payload
    signature = (signer or provider.of(algorithm)).sign(algorithm, key, protected + b"." + content)
    return f"{protected.decode()}..{_encode(signature).decode()}"


def _known(algorithm: str) -> bool:
    try:
        provider.of(algorithm)
    except LookupError:
        return False
    return True


def _thumbprint(header: dict[str, Any]) -> str | None:
    """`x5t#S256`, or a `kid` that is one in hex."""
    named = header.get("x5t#S256")
    if isinstance(named, str):
        try:
            return _decode(named).hex()
        except ValueError:
            raise Invalid("x5t#S256 is not base64url", "x5t#S256 不是 base64url") from None
    kid = header.get("kid")
    return kid.lower() if isinstance(kid, str) and len(kid) == 64 else None


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None


def _encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
