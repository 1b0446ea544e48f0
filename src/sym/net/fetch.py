"""GET over HTTP(S) where somebody else wrote the URL: bounded in bytes and time, only at addresses that policy allows.

A host is resolved once, every address of it is looked at, and the connection goes to exactly these: a name that
changes its mind in between changes nothing. No cookies, no proxy of the environment, no credentials but a token that
the caller gives for one host. No aiohttp name leaves this module.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Mapping

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from msgspec import Struct
from yarl import URL

from sym.net.errors import ChartNotFound, ChartRefused, ChartUnreachable
from sym.net.policy import forbidden, parse_url, same_origin, where
from sym.settings import FetchSettings

_CHUNK = 1 << 16
_REDIRECTS = (301, 302, 303, 307, 308)


class Answer(Struct, frozen=True, kw_only=True):
    """A server's last word. Names of `headers` are in lower case; `body` is empty unless `status` is 200."""

    url: URL
    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    def good(self) -> "Answer":
        """This, if it is a 200. Raises ChartNotFound, ChartRefused or ChartUnreachable, as the status says."""
        host, status = where(self.url), self.status
        if status == 200:
            return self
        if status in (404, 410):
            raise ChartNotFound(f"{host} has no such thing (HTTP {status})")
        if status in (401, 403):
            raise ChartRefused(f"{host} wants credentials (HTTP {status}); Sym asks without")
        if status in (408, 425, 429) or status >= 500:
            raise ChartUnreachable(f"{host} answered HTTP {status}")
        raise ChartRefused(f"{host} answered HTTP {status}")


class Ask(Struct, frozen=True, kw_only=True):
    """One GET. `limit` in bytes. `elsewhere`: a redirect to another https host is followed, without `headers`; only for
    what is checked by a digest that was known before."""

    url: URL
    limit: int
    headers: Mapping[str, str] = {}
    elsewhere: bool = False


class Fetcher:
    """Asks servers, a few at a time. Raises ChartRefused where `ca_file` cannot be used."""

    def __init__(self, settings: FetchSettings) -> None:
        self._settings = settings
        self._places = asyncio.Semaphore(settings.fetches)
        self._tls = ssl.create_default_context()
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
        if settings.ca_file:
            try:
                self._tls.load_verify_locations(settings.ca_file)
            except OSError:  # ssl.SSLError too
                raise ChartRefused(
                    f"{settings.flag}-ca-file {settings.ca_file}: it is missing or no PEM of certificates"
                ) from None

    async def get(self, ask: Ask) -> Answer:
        """The answer after redirects. Raises ChartError."""
        host = where(ask.url)
        try:
            async with self._places, asyncio.timeout(self._settings.fetch_timeout):
                return await self._followed(ask)
        except aiohttp.ClientConnectorCertificateError:
            raise ChartUnreachable(
                f"{host}: its certificate does not verify; the operator can name its authority"
                f" ({self._settings.flag}-ca-file)"
            ) from None
        except TimeoutError:
            seconds = f"{self._settings.fetch_timeout:g}"
            raise ChartUnreachable(f"{host} fell silent or did not answer whole within {seconds} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise ChartUnreachable(f"{host} gave no usable answer ({_reason(error)})") from None

    async def _followed(self, ask: Ask) -> Answer:
        for _ in range(self._settings.redirects + 1):
            answer = await self._once(ask)
            if answer.status not in _REDIRECTS:
                return answer
            ask = self._next(ask, answer)
        raise ChartRefused(f"{where(ask.url)} redirects more than {self._settings.redirects} times")

    def _next(self, ask: Ask, answer: Answer) -> Ask:
        host = where(ask.url)
        try:
            target = parse_url(str(ask.url.join(URL(answer.headers.get("location", "")))), ("https", "http"))
        except (ChartRefused, ValueError):
            raise ChartRefused(f"{host} redirects to something that is no URL Sym follows") from None
        if same_origin(ask.url, target):
            return Ask(url=target, limit=ask.limit, headers=ask.headers, elsewhere=ask.elsewhere)
        if not ask.elsewhere or target.scheme != "https":
            raise ChartRefused(
                f"{host} redirects to another server, which Sym does not follow; name that server instead"
            )
        return Ask(url=target, limit=ask.limit, elsewhere=True)

    async def _once(self, ask: Ask) -> Answer:
        addresses = await self._addresses(ask.url)
        connector = aiohttp.TCPConnector(
            ssl=self._tls,
            resolver=_Pinned(addresses),
            use_dns_cache=False,
            force_close=True,
        )
        settings = self._settings
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=settings.connect_timeout, sock_read=settings.silence_timeout
        )
        async with (
            aiohttp.ClientSession(
                connector=connector, timeout=timeout, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            ) as session,
            session.get(ask.url, headers=self._headers(ask), allow_redirects=False) as answer,
        ):  # fmt: skip
            body = await self._body(ask, answer) if answer.status == 200 else b""
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(url=ask.url, status=answer.status, headers=headers, body=body)

    def _headers(self, ask: Ask) -> dict[str, str]:
        return {"User-Agent": self._settings.user_agent, "Accept-Encoding": "identity", **ask.headers}

    async def _body(self, ask: Ask, answer: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        told = answer.content_length or 0
        async for chunk in answer.content.iter_chunked(_CHUNK):
            body += chunk
            if max(len(body), told) > ask.limit:
                raise ChartRefused(f"{where(ask.url)} sends more than {ask.limit} bytes, which is the limit")
        return bytes(body)

    async def _addresses(self, url: URL) -> list[tuple[int, str]]:
        host, port = str(url.raw_host), url.port or 443
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise ChartUnreachable(f"the name of {where(url)} cannot be resolved") from None
        for *_, address in found:
            if kind := forbidden(host, str(address[0]), self._settings.private_hosts):
                raise ChartRefused(
                    f"{where(url)} has a {kind} address, which {self._settings.what} may not come from; the operator"
                    f" can list it ({self._settings.flag}-private-host {url.raw_host})"
                )
        return [(family, str(address[0])) for family, *_, address in found]


class _Pinned(AbstractResolver):
    """Gives the addresses that were looked at, whatever the name says now."""

    def __init__(self, addresses: list[tuple[int, str]]) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """They are of one host and port already."""
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=of, proto=socket.IPPROTO_TCP, flags=socket.AI_NUMERICHOST
            )
            for of, address in self._addresses
            if family in (socket.AF_UNSPEC, of)
        ]

    async def close(self) -> None:
        """Nothing is open."""


def _reason(error: Exception) -> str:
    """Ours by kind: texts of libraries may hold the URL."""
    match error:
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return "it does not speak TLS as it should"
        case aiohttp.ClientConnectorError() if error.os_error.errno:
            return os.strerror(error.os_error.errno)  # its own text names the address
        case aiohttp.ClientPayloadError():
            return "it ended before the length that it told"
        case aiohttp.ServerDisconnectedError() | ConnectionError():
            return "it closed the connection"
        case _:
            return "it does not speak HTTP as it should"
