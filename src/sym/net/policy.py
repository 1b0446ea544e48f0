"""Which URLs and which addresses Sym asks when somebody else wrote the URL (reliability.md T5).

A tenant may name https and public addresses. What is on this machine, in private networks or at a cloud's metadata
service is asked only where the operator listed the host. Relies on yarl and ipaddress.
"""

import ipaddress
from collections.abc import Collection
from typing import TypeAlias

from yarl import URL

from sym.net.errors import ChartRefused

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_PORTS = {"https": 443, "http": 80, "oci": 443}


def parse_url(text: str, schemes: Collection[str]) -> URL:
    """`text` as a URL of one of `schemes`. Raises ChartRefused; its sentence does not repeat the URL, which may hold a
    secret."""
    try:
        url = URL(text)
        host, _ = url.raw_host, url.port
    except ValueError:
        raise ChartRefused("its URL cannot be read: give scheme://host/path") from None
    if url.scheme not in schemes:
        raise ChartRefused(f"its URL must begin with {' or '.join(f'{one}://' for one in schemes)}")
    if not host:
        raise ChartRefused("its URL names no host")
    if url.raw_user is not None or url.raw_password is not None:
        raise ChartRefused(f"{where(url)}: its URL holds a user or a password; Sym fetches charts without credentials")
    return url.with_fragment(None)


def where(url: URL) -> str:
    """Host, and port where it is not the usual one, for messages."""
    host = f"[{url.raw_host}]" if ":" in (url.raw_host or "") else str(url.raw_host)
    return host if url.port in (None, _PORTS.get(url.scheme)) else f"{host}:{url.port}"


def forbidden(host: str, address: str, listed: Collection[str]) -> str:
    """What is wrong with asking `host` at `address`; "" where nothing is. `listed` are the operator's private hosts."""
    found = _real(ipaddress.ip_address(address.partition("%")[0]))
    if str(found) in listed or address in listed:
        return ""
    kind = _kind(found)
    return "" if kind in ("loopback", "private") and host.lower().rstrip(".") in listed else kind


def same_origin(one: URL, other: URL) -> bool:
    """Whether both are one server: a redirect may go from http to https of the same host."""
    upgraded = (one.scheme, one.port) == ("http", 80) and (other.scheme, other.port) == ("https", 443)
    return one.raw_host == other.raw_host and (upgraded or (one.scheme, one.port) == (other.scheme, other.port))


def siblings(one: URL, other: URL) -> bool:
    """Whether two hosts are the same, or names below the same domain of at least two labels."""
    hosts = ((one.raw_host or "").lower(), (other.raw_host or "").lower())
    if hosts[0] == hosts[1]:
        return True
    parts = [host.split(".") for host in hosts]
    named = all(len(labels) > 1 and not labels[-1].isdigit() for labels in parts) and not any(
        ":" in host for host in hosts
    )
    return named and parts[0][-2:] == parts[1][-2:]


def _real(address: _Address) -> _Address:
    """The IPv4 address that an IPv6 one stands for, where it stands for one."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address


def _kind(address: _Address) -> str:
    names = {
        "unspecified": address.is_unspecified,
        "multicast": address.is_multicast,
        "link-local": address.is_link_local,
        "loopback": address.is_loopback,
        "reserved": address.is_reserved,
        "private": not address.is_global,
    }
    return next((name for name, applies in names.items() if applies), "")
