"""How to reach one API server and who we are there: what both kubeconfig loaders give and every client takes.

A `Connection` holds secrets, so it never shows itself: its `repr` names the server only.
"""

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from msgspec import Struct


class ExecPlugin(Struct, frozen=True, kw_only=True):
    """A credential plug-in (client.authentication.k8s.io) of the operator's own file. Never from a registration."""

    command: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = {}
    api_version: str = "client.authentication.k8s.io/v1"
    install_hint: str = ""
    provide_cluster_info: bool = False


class Connection(Struct, frozen=True, kw_only=True):
    """One API server and one identity. PEM texts are bytes; empty means "not given"."""

    server: str
    """`https://host:port`, perhaps with a path before `/api`."""
    name: str = ""
    """The context's name, for messages."""
    registered: bool = False
    """It came from a registration, so its server may not be an address that `is_forbidden`, by whatever name."""
    namespace: str = ""
    """The context's default namespace."""
    user: str = ""
    """What the kubeconfig calls the user: a local name, which the server need not know."""
    ca: bytes = b""
    """PEM of the authorities that may have signed the server's certificate; none: the system's."""
    tls_server_name: str = ""
    insecure: bool = False
    """The operator's own file may skip verification; a registration may not."""
    certificate: bytes = b""
    key: bytes = b""
    token: str = ""
    token_file: str = ""
    username: str = ""
    password: str = ""
    exec_plugin: ExecPlugin | None = None
    proxy_url: str = ""
    impersonate: str = ""
    impersonate_groups: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        """Host and port, for messages: never a user, a password or a path."""
        parts = urlsplit(self.server)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)

    @property
    def loopback(self) -> bool:
        """Whether the server is on this machine, by an address that says so."""
        host = urlsplit(self.server).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    def __repr__(self) -> str:
        return f"Connection(server={self.host!r}, name={self.name!r})"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        return [("server", self.host), ("name", self.name)]


def is_forbidden(address: str) -> bool:
    """Whether an IP address is one that no API server has but a cloud's metadata service may: link-local, unspecified,
    multicast. Loopback and private ones are fine. Raises ValueError for what is no IP address."""
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    real = mapped or found
    return real.is_link_local or real.is_unspecified or real.is_multicast
