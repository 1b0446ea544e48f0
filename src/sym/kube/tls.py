"""The TLS side of a connection: whom we believe and who we are.

TLS 1.2 or newer, verification on unless the operator's own file says otherwise. Keys never stay on disk: OpenSSL wants
a file name, so they pass through an anonymous memory file (Linux) or a file of mode 0600 that lives for one call.
"""

import contextlib
import os
import ssl
import tempfile
from collections.abc import Iterator

from sym.kube.connection import Connection
from sym.kube.errors import BadKubeconfig


def tls_context(connection: Connection) -> ssl.SSLContext:
    """The context for `connection`. Raises BadKubeconfig where certificate or key cannot be used."""
    context = _verifying(connection)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if connection.certificate:
        try:
            with _as_file(connection.certificate + b"\n" + connection.key) as path:
                context.load_cert_chain(path, password=_no_password)
        except (ssl.SSLError, ValueError, OSError):
            raise BadKubeconfig(
                "client-certificate-data and client-key-data: they are not a PEM certificate and its own unencrypted"
                " key; put matching ones there"
            ) from None
    return context


def _verifying(connection: Connection) -> ssl.SSLContext:
    if connection.insecure:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if not connection.ca:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cadata=connection.ca.decode("ascii"))
    except (ssl.SSLError, UnicodeDecodeError, ValueError):
        raise BadKubeconfig(
            "certificate-authority-data: this is not a PEM certificate; put the base64 of the cluster's CA there"
        ) from None


def _no_password() -> str:
    raise ValueError("the key is encrypted")


@contextlib.contextmanager
def _as_file(data: bytes) -> Iterator[str]:
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("sym-key")
        try:
            os.write(fd, data)
            yield f"/proc/self/fd/{fd}"
        finally:
            os.close(fd)
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        yield file.name
