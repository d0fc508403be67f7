"""Where a webhook may go: https, to the public internet; a local stack allows more (parameter `PrivateWebhooks`)."""

import ipaddress
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from singlewindow.errors import WindowError
from singlewindow.findings import Finding

LONGEST: Final = 500
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
# IPv6 that carries an IPv4 address inside: what it leads to is not to be seen from outside.
_CARRIERS: Final = tuple(
    map(ipaddress.IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
)


class Unfit(ValueError):
    """The address is not one that a webhook may go to; the text says why."""


class Target(NamedTuple):
    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What stands in the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def parse(url: str, *, private: bool) -> Target:
    """The parts of an address. Raises `Unfit`; names are not resolved here."""
    if len(url) > LONGEST or not url.isascii() or any(sign <= " " or sign == "\x7f" for sign in url):
        raise Unfit(f"an ASCII address of at most {LONGEST} signs, without spaces")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Unfit(str(error)) from None
    if parts.scheme not in (_DEFAULT_PORTS if private else ("https",)):
        raise Unfit("https only")
    if not parts.hostname or parts.username is not None or parts.password is not None or parts.fragment:
        raise Unfit("a host, and neither user nor fragment")
    if port is None:
        port = _DEFAULT_PORTS[parts.scheme]
    if not private and port != 443 and port < 1024:
        raise Unfit("port 443, or 1024 and above")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not private and (parts.hostname == "localhost" or parts.hostname.endswith(".localhost")):
        raise Unfit("not on the public internet")
    try:
        literal = ipaddress.ip_address(parts.hostname)
    except ValueError:
        pass
    else:
        if not private and not is_public(str(literal)):
            raise Unfit("not on the public internet")
    return Target(parts.scheme, parts.hostname, port, path)


def admit(url: str, *, private: bool) -> None:
    """Raises 422 for an address that no webhook may go to. What a name leads to is judged at every attempt."""
    try:
        parse(url, private=private)
    except Unfit as error:
        finding = Finding(
            code="INVALID",
            severity="error",
            pointer="/url",
            rule="WEBHOOK-ADDRESS",
            given=url[:200],
            message_zh="推送地址须为公网 https 地址",
            message_en=f"not an address for webhooks: {error}",
        )
        raise WindowError(
            422, "unfit-address", str(error), detail_zh="推送地址不符合要求", findings=[finding]
        ) from None


def is_public(address: str) -> bool:
    """Whether an IP address is on the public internet: not private, loopback, link-local, reserved, multicast."""
    ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            ip = ip.ipv4_mapped
        elif any(ip in network for network in _CARRIERS):
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)
