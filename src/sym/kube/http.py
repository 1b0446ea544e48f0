"""`kube.client.Client` over HTTPS: the only module of `kube` that imports aiohttp.

One `HttpClient` per cluster and identity. It sends what `kube.requests` built and answers a whole 2xx or raises one of
`kube.errors`; no aiohttp name, no header, token or body gets out. All the limits of a hostile or broken member are
kept here: rate, concurrency, time for an answer, silence of a stream, bytes of a page, of a line and of unpacked gzip.
"""

import asyncio
import contextlib
import errno
import io
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from types import SimpleNamespace
from typing import cast

import aiohttp
from yarl import URL

from sym.aio.env import Env
from sym.kube.answers import error_of
from sym.kube.bodies import Body, Lines
from sym.kube.breakage import broken
from sym.kube.connection import Connection, is_forbidden
from sym.kube.credentials import Credentials
from sym.kube.errors import (
    Junk,
    KubeError,
    TooManyRequests,
    Unauthorized,
    Unreachable,
)
from sym.kube.limits import TokenBucket
from sym.kube.requests import Request, Response
from sym.kube.tls import tls_context
from sym.settings import KubeSettings

_ERROR_BYTES = 1 << 20  # of an answer that is an error; a Status has a few hundred
_CHUNK = 1 << 16
_LARGE = 1 << 20  # bytes of a body from which on aiohttp wants a file
_KEEPALIVE = (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 4), ("TCP_USER_TIMEOUT", 35_000))


class HttpClient:
    """One cluster's API over HTTPS. Raises BadKubeconfig when the connection's PEM texts cannot be used."""

    def __init__(self, connection: Connection, settings: KubeSettings, env: Env) -> None:
        self._connection = connection
        self._settings = settings
        self._tls = tls_context(connection)
        self._credentials = Credentials(connection, settings, env)
        self._bucket = TokenBucket(settings.qps, settings.burst, env)
        self._places = asyncio.Semaphore(settings.concurrency)
        self._session: aiohttp.ClientSession | None = None
        self._streams: set[aiohttp.ClientResponse] = set()
        self._closed = False

    async def send(self, request: Request) -> Response:
        """See `Client.send`. Waits and tries again after 429 with a Retry-After, a few times."""
        for _ in range(self._settings.throttle_retries):
            try:
                return await self._authorized(request)
            except TooManyRequests as error:
                if error.retry_after <= 0:
                    raise
                await asyncio.sleep(error.retry_after)
        return await self._authorized(request)

    @contextlib.asynccontextmanager
    async def stream(self, request: Request) -> AsyncGenerator[AsyncIterator[bytes]]:
        """See `Client.stream`. A watch that says nothing for `stream_idle` seconds raises TimedOut."""
        answer = await self._open(request)
        self._streams.add(answer)
        try:
            yield self._lines(request, answer)
        finally:
            self._streams.discard(answer)
            answer.close()  # never released to the pool: the rest of the stream would have to be read first

    async def aclose(self) -> None:
        """See `Client.aclose`."""
        self._closed = True
        for answer in tuple(self._streams):
            answer.close()  # a session that closes leaves its readers waiting, and stops the clock of their silence
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _authorized(self, request: Request) -> Response:
        try:
            return await self._whole(request)
        except Unauthorized:
            if not await self._credentials.renew():
                raise
        return await self._whole(request)

    async def _whole(self, request: Request) -> Response:
        async with self._places:
            await self._bucket.take()
            with self._translated(request):
                async with asyncio.timeout(self._settings.request_timeout), await self._start(request) as answer:
                    body = await self._body(request, answer)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        if 200 <= answer.status < 300:
            return Response(status=answer.status, headers=headers, body=body)
        raise self._capped(error_of(request, answer.status, headers, body))

    async def _open(self, request: Request) -> aiohttp.ClientResponse:
        try:
            return await self._streaming(request)
        except Unauthorized:
            if not await self._credentials.renew():
                raise
        return await self._streaming(request)

    async def _streaming(self, request: Request) -> aiohttp.ClientResponse:
        await self._bucket.take()
        with self._translated(request):
            async with asyncio.timeout(self._settings.request_timeout):
                answer = await self._start(request, idle=self._idle(request), encoding="identity")
                if answer.status == 200 and answer.headers.get("Content-Encoding", "identity") == "identity":
                    return answer
                async with answer:
                    body = await self._body(request, answer)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        if answer.status == 200:
            raise Junk(f"{_where(request)}: the stream is packed in a way that was not asked for")
        raise self._capped(error_of(request, answer.status, headers, body))

    async def _start(
        self, request: Request, *, idle: float | None = None, encoding: str = "gzip"
    ) -> aiohttp.ClientResponse:
        headers = [("Accept-Encoding", encoding), ("User-Agent", self._settings.user_agent), *request.headers.items()]
        if "Accept" not in request.headers:
            headers.append(("Accept", "application/json"))
        headers += await self._credentials.headers()
        return await self._opened().request(
            request.method,
            self._url(request),
            data=_payload(request.body),
            headers=headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(sock_connect=self._settings.connect_timeout, sock_read=idle),
            server_hostname=self._connection.tls_server_name or None,
            proxy=self._connection.proxy_url or None,
            trace_request_ctx=request,
        )

    def _idle(self, request: Request) -> float | None:
        """A watch has bookmarks, so its silence means something; followed logs may be silent for days (a dead peer is
        then found by TCP's keep-alive)."""
        return self._settings.stream_idle if ("watch", "true") in request.query else None

    async def _body(self, request: Request, answer: aiohttp.ClientResponse) -> bytes:
        limit = self._settings.page_bytes if 200 <= answer.status < 300 else _ERROR_BYTES
        body = Body(_where(request), answer.headers.get("Content-Encoding", ""), limit)
        async for chunk in answer.content.iter_chunked(_CHUNK):
            body.feed(chunk)
        return body.whole()

    async def _lines(self, request: Request, answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        lines = Lines(_where(request), self._settings.line_bytes)
        with self._translated(request):
            async for chunk in answer.content.iter_any():
                for line in lines.feed(chunk):
                    yield line
        for line in lines.last():
            yield line

    def _opened(self) -> aiohttp.ClientSession:
        if self._closed:
            raise self._gone()
        if self._session is None:
            connector = aiohttp.TCPConnector(
                ssl=self._tls,
                limit=0,
                keepalive_timeout=30.0,
                socket_factory=_Sockets(guarded=self._connection.registered),
            )
            tracing = aiohttp.TraceConfig()
            tracing.on_request_headers_sent.append(_last_word)
            self._session = aiohttp.ClientSession(
                connector=connector,
                trace_configs=[tracing],
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                raise_for_status=False,
                read_bufsize=1 << 18,
            )
        return self._session

    def _url(self, request: Request) -> URL:
        return URL(self._connection.server.rstrip("/") + request.escaped, encoded=True)

    def _gone(self) -> Unreachable:
        return Unreachable(f"{self._connection.host}: this client is closed")

    def _capped(self, error: KubeError) -> KubeError:
        if isinstance(error, TooManyRequests):
            error.retry_after = min(error.retry_after, self._settings.retry_after_cap)
        return error

    @contextlib.contextmanager
    def _translated(self, request: Request) -> Iterator[None]:
        """Every way in which aiohttp fails, as one of ours."""
        try:
            yield
        except (aiohttp.ClientError, OSError) as error:  # OSError: TimeoutError and ssl.SSLError too
            raise _translate(f"{self._connection.host}: {_where(request)}", error) from None
        except RuntimeError:  # aiohttp's word for using what `aclose` has just closed
            if not self._closed:
                raise
            raise self._gone() from None


async def _last_word(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _params: aiohttp.TraceRequestHeadersSentParams
) -> None:
    """aiohttp calls this with a connection in its hand, before it writes the first byte (a test holds it to that)."""
    cast("Request", context.trace_request_ctx).permit()


def _payload(body: bytes) -> bytes | io.BytesIO | None:
    """The body as aiohttp sends it best: plain bytes cost it least, but it warns of those above 1 MiB."""
    return (body if len(body) < _LARGE else io.BytesIO(body)) if body else None


def _where(request: Request) -> str:
    return f"{request.method} {request.path}"


def _translate(where: str, error: Exception) -> KubeError:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return broken(where, error.certificate_error)
        case aiohttp.ClientConnectorError():
            return broken(where, error.os_error)
        case aiohttp.ClientResponseError():
            return Junk(f"{where}: the server does not answer in HTTP as Kubernetes does")
        case _:
            return broken(where, error)


class _Sockets:
    """Makes the sockets: keep-alive lets the kernel notice within 35 s that a peer is gone, even when nobody writes.
    `guarded`: a name that a resolver turned into a forbidden address is refused here, at the last moment."""

    def __init__(self, *, guarded: bool) -> None:
        self._guarded = guarded

    def __call__(self, info: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
        """The socket for one of `getaddrinfo`'s answers. Raises OSError."""
        family, type_, proto, _, address = info
        if self._guarded and is_forbidden(str(address[0])):
            raise OSError(errno.EACCES, "its name resolves to a link-local, unspecified or multicast address")
        made = socket.socket(family, type_, proto)
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE:
            if hasattr(socket, name):  # the names differ between systems; what is missing is covered by stream_idle
                made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        return made
