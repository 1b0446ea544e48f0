"""A simulated cluster's API over HTTPS on 127.0.0.1: authentication, bytes in and out, and the upgrade of exec.

Relies on aiohttp's low-level server; everything that a request means is the API core's. No plain HTTP: kubectl sends
no token over it.
"""

import contextlib
import ssl
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web
from msgspec import Struct

from sym.kube.requests import Request, Response
from sym.sandbox import failures
from sym.sandbox.access import Access
from sym.sandbox.apiserver import LARGEST_BODY, Stream
from sym.sandbox.ca import Authority, Pair, user_of
from sym.sandbox.call import User
from sym.sandbox.cluster import SandboxCluster
from sym.sandbox.failures import Refusal, no_resource
from sym.sandbox.workloads.exec import check_protocol, serve_exec

_ANONYMOUS = ("/healthz", "/livez", "/readyz", "/version")
"""Open to those who say not who they are; a credential that does not hold is refused here too."""


class Address(Struct, frozen=True):
    """Where a cluster listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """`https://127.0.0.1:PORT`."""
        return f"https://{self.host}:{self.port}"


class HttpsServer:
    """One cluster behind one port. Use as an async context manager."""

    def __init__(self, cluster: SandboxCluster, authority: Authority, access: Access, *, port: int = 0) -> None:
        self._cluster = cluster
        self._access = access
        self._tls = tls_context(authority, authority.server())
        self._port = port
        self._server = web.Server(self._handle)
        self._runner = web.ServerRunner(self._server, shutdown_timeout=0.1)
        self.address = Address("127.0.0.1", 0)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, ssl_context=self._tls, reuse_address=True)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.address = Address(str(host), int(port))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Close the port and every connection. Twice is no harm."""
        await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        user = self._user(request)
        if user is None and ("Authorization" in request.headers or request.path not in _ANONYMOUS):
            return _whole(failures.unauthorized().response())
        asked = await _asked(request)
        caller = user or User(name="system:anonymous", groups=("system:unauthenticated",))
        if request.path.endswith("/exec") and request.headers.get("Upgrade"):
            return await self._exec(request, asked, caller)
        answer = self._cluster.api.handle(asked, caller)
        return _whole(answer) if isinstance(answer, Response) else await _streamed(request, answer)

    async def _exec(self, request: web.BaseRequest, asked: Request, user: User) -> web.StreamResponse:
        try:
            call = self._cluster.api.call(asked, user)
            if call.target.subresource != "exec":
                raise no_resource()
            check_protocol(request.headers)
            session = self._cluster.pods.enter(call)
        except Refusal as refusal:
            return _whole(refusal.response())
        return await serve_exec(request, session)

    def _user(self, request: web.BaseRequest) -> User | None:
        transport = request.transport
        tls = transport.get_extra_info("ssl_object") if transport is not None else None
        certificate = tls.getpeercert(binary_form=True) if tls is not None else None
        if certificate:
            return self._access.by_certificate(*user_of(certificate))
        return self._access.by_token(request.headers)


def tls_context(authority: Authority, pair: Pair) -> ssl.SSLContext:
    """A server's TLS: our certificate, and client certificates of our CA where a client has one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=authority.certificate.decode())
    context.set_alpn_protocols(["http/1.1"])
    with tempfile.TemporaryDirectory(prefix="sym-ca-") as place:  # ssl reads a chain from files only; mode 0700
        chain = Path(place) / "chain.pem"
        chain.write_bytes(pair.certificate + pair.key)
        context.load_cert_chain(chain)
    return context


async def _asked(request: web.BaseRequest) -> Request:
    body = await request.content.read(LARGEST_BODY + 1) if request.body_exists else b""
    while request.body_exists and len(body) <= LARGEST_BODY:
        more = await request.content.read(LARGEST_BODY + 1 - len(body))
        if not more:
            break
        body += more
    return Request(
        method=request.method,
        path=request.path,
        query=tuple(request.query.items()),
        headers=dict(request.headers),
        body=body,
    )


def _whole(answer: Response) -> web.Response:
    return web.Response(status=answer.status, headers=answer.headers, body=answer.body)


async def _streamed(request: web.BaseRequest, stream: Stream) -> web.StreamResponse:
    response = web.StreamResponse(status=stream.status, headers=stream.headers)
    response.enable_chunked_encoding()
    lines: AsyncIterator[bytes] = stream.lines
    try:
        await response.prepare(request)
        async for line in lines:
            await response.write(line)
        with contextlib.suppress(ConnectionError):
            await response.write_eof()
    except ConnectionError:
        pass  # the client has gone: nobody is left to tell
    finally:
        stream.close()
    return response
