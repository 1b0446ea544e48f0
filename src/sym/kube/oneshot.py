"""`kube.client.Client` without watches on the standard library: for CLI calls that ask or write once and go.

Importing aiohttp costs a third of a second, more than all of `sym get`. Each request runs in a thread of its own, so
that many clusters can be asked at once. Limits, errors and messages are those of `kube.http`; nothing is retried and
nothing is rate limited, because one call asks a handful of things. A write that is not answered in time may have come
through all the same.
"""

import asyncio
import contextlib
import http.client
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from urllib.parse import urlsplit

from sym.aio.env import Env
from sym.kube.answers import error_of
from sym.kube.bodies import Body
from sym.kube.breakage import broken
from sym.kube.connection import Connection
from sym.kube.credentials import Credentials
from sym.kube.errors import NotServed
from sym.kube.requests import Request, Response
from sym.kube.tls import tls_context
from sym.settings import KubeSettings

_ERROR_BYTES = 1 << 20
_CHUNK = 1 << 16


class OneShot:
    """Requests to one cluster's API. Raises BadKubeconfig when the connection's PEM texts cannot be used."""

    def __init__(self, connection: Connection, settings: KubeSettings, env: Env) -> None:
        self._connection = connection
        self._settings = settings
        self._tls = tls_context(connection)
        self._credentials = Credentials(connection, settings, env)

    async def send(self, request: Request) -> Response:
        """See `Client.send`."""
        headers = await self._credentials.headers()
        open_ones: list[http.client.HTTPConnection] = []
        try:
            async with asyncio.timeout(self._settings.request_timeout):
                return await asyncio.to_thread(self._exchange, request, headers, open_ones)
        except (OSError, http.client.HTTPException) as error:
            raise broken(f"{self._connection.host}: {request.method} {request.path}", error) from None
        finally:
            for connection in open_ones:
                _interrupt(connection)

    def stream(self, request: Request) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Raises NotServed: whoever watches takes `kube.http`."""
        raise NotServed(f"{request.method} {request.path}: this client does not watch")

    async def aclose(self) -> None:
        """Nothing stays open between requests."""

    def _exchange(
        self, request: Request, headers: list[tuple[str, str]], open_ones: list[http.client.HTTPConnection]
    ) -> Response:
        connection = self._connect()
        open_ones.append(connection)
        try:
            request.permit()
            where = urlsplit(self._connection.server).path.rstrip("/") + request.escaped
            connection.putrequest(request.method, where)
            for name, value in self._all(request, headers):
                connection.putheader(name, value)
            connection.endheaders(request.body or None)
            answer = connection.getresponse()
            received = {name.lower(): value for name, value in answer.getheaders()}
            well = 200 <= answer.status < 300
            limit = self._settings.page_bytes if well else _ERROR_BYTES
            body = Body(f"{request.method} {request.path}", received.get("content-encoding", ""), limit)
            while chunk := answer.read(_CHUNK):
                body.feed(chunk)
        finally:
            connection.close()
        if well:
            return Response(status=answer.status, headers=received, body=body.whole())
        raise error_of(request, answer.status, received, body.whole())

    def _all(self, request: Request, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
        own = [("Accept-Encoding", "gzip"), ("User-Agent", self._settings.user_agent)]
        accept = [] if "Accept" in request.headers else [("Accept", "application/json")]
        length = [] if request.method == "GET" else [("Content-Length", str(len(request.body)))]
        return [*own, *accept, *length, *request.headers.items(), *headers]

    def _connect(self) -> http.client.HTTPConnection:
        """An open connection. Its time-out is per read; the whole has one in `send`."""
        server, timeout = urlsplit(self._connection.server), self._settings.connect_timeout
        host, port = server.hostname or "", server.port or (443 if server.scheme == "https" else 80)
        if self._connection.proxy_url:
            proxy = urlsplit(self._connection.proxy_url)
            connection = http.client.HTTPConnection(proxy.hostname or "", proxy.port or 80, timeout=timeout)
            connection.set_tunnel(host, port)
        else:
            connection = http.client.HTTPConnection(host, port, timeout=timeout)
        connection.connect()
        if server.scheme == "https":
            name = self._connection.tls_server_name or host
            connection.sock = self._tls.wrap_socket(connection.sock, server_hostname=name)
        return connection


def _interrupt(connection: http.client.HTTPConnection) -> None:
    """End what a thread may still be reading: threads cannot be cancelled, but their sockets can be shut down."""
    if connection.sock is not None:
        with contextlib.suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)
