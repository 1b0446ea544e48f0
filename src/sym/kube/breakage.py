"""How a connection breaks, in sentences: the standard library's exceptions as `KubeError`s.

Both HTTP clients use it, so that the same trouble reads the same. Certificates are told apart from the network,
because a cluster whose certificate we do not trust is not dead.
"""

import http.client
import socket
import ssl

from sym.kube.answers import printable
from sym.kube.errors import Junk, KubeError, TimedOut, Unauthorized, Unreachable, Untrusted


def broken(where: str, error: Exception) -> KubeError:
    """What `error` means. `where`: server, verb and path, without a query."""
    match error:
        case TimeoutError():
            return TimedOut(f"{where}: no answer in time; the server or the way to it hangs")
        case ssl.SSLError():
            return _of_tls(where, error)
        case socket.gaierror():
            return Unreachable(f"{where}: the server's name does not resolve")
        case OSError():
            return _of_socket(where, error)
        case http.client.HTTPException():
            return Junk(f"{where}: the server does not answer in HTTP as Kubernetes does")
        case _:
            return Unreachable(f"{where}: the connection broke ({type(error).__name__})")


def _of_tls(where: str, error: ssl.SSLError) -> KubeError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return Untrusted(
            f"{where}: the server's certificate is not trusted: {printable(error.verify_message)};"
            " check certificate-authority-data and tls-server-name"
        )
    return _of_socket(where, error)


def _of_socket(where: str, error: OSError) -> KubeError:
    said = f"{error.strerror} {error.args}"
    if "ALERT" in said and "CERTIFICATE" in said:  # TLS 1.3 tells it with the first read, as an OSError
        return Unauthorized(f"{where}: the server refuses our client certificate in the TLS handshake")
    if isinstance(error, ssl.SSLError):
        return Unreachable(f"{where}: no TLS can be spoken with this server")
    return Unreachable(f"{where}: no connection: {printable(error.strerror or type(error).__name__)}")
