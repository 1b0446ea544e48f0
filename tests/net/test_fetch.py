"""GET from servers that nobody vouches for."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest
from aiohttp import web
from msgspec.structs import replace
from yarl import URL

from sym.net.errors import ChartError, ChartNotFound, ChartRefused, ChartUnreachable
from sym.net.fetch import Ask, Fetcher
from tests.kube.wire import raw
from tests.net.sites import Site, site, trusting
from tests.wait import until_async

pytestmark = [pytest.mark.anyio, pytest.mark.real_loop]


async def failing(fetcher: Fetcher, url: str, kind: type[ChartError], **more: object) -> str:
    with pytest.raises(kind) as caught:
        (await fetcher.get(replace(Ask(url=URL(url), limit=1000), **more))).good()
    assert type(caught.value) is kind
    assert "secret" not in caught.value.message
    return caught.value.message


def redirect(to: str, status: int = 302) -> web.Response:
    return web.Response(status=status, headers={"Location": to})


async def test_it_gets_what_is_there(tmp_path: Path) -> None:
    async with site() as there:
        there.pages["/x"] = web.Response(body=b"hello", headers={"ETag": "e", "Set-Cookie": "a=b"})
        fetcher = Fetcher(trusting(tmp_path))
        answer = (await fetcher.get(Ask(url=URL(there.url + "/x"), limit=5, headers={"X-Mine": "1"}))).good()
        assert (answer.body, answer.headers["etag"]) == (b"hello", "e")
        assert there.headers["X-Mine"] == "1"
        assert there.headers["User-Agent"] == "sym/0.1"
        await fetcher.get(Ask(url=URL(there.url + "/x"), limit=5))
        assert "Cookie" not in there.headers


@pytest.mark.parametrize(
    ("status", "kind", "told"),
    [
        (404, ChartNotFound, "no such thing"),
        (410, ChartNotFound, "no such thing"),
        (401, ChartRefused, "wants credentials"),
        (403, ChartRefused, "wants credentials"),
        (418, ChartRefused, "HTTP 418"),
        (304, ChartRefused, "HTTP 304"),
        (429, ChartUnreachable, "HTTP 429"),
        (500, ChartUnreachable, "HTTP 500"),
        (503, ChartUnreachable, "HTTP 503"),
    ],
)
async def test_what_is_no_success(tmp_path: Path, status: int, kind: type[ChartError], told: str) -> None:
    async with site() as there:
        there.pages["/x"] = web.Response(status=status)
        message = await failing(Fetcher(trusting(tmp_path)), there.url + "/x?token=secret", kind)
        assert told in message
        assert there.host in message


async def test_addresses_that_are_not_listed_are_never_asked(tmp_path: Path) -> None:
    settings = trusting(tmp_path)
    async with site() as there:
        port = URL(there.url).port
        for host, listed, kind in (
            ("127.0.0.1", frozenset[str](), "loopback"),
            ("localhost", frozenset({"elsewhere"}), "loopback"),
            ("2130706433", frozenset[str](), "loopback"),
            ("0x7f.1", frozenset[str](), "loopback"),
            ("0", frozenset({"localhost"}), "unspecified"),
            ("169.254.169.254", frozenset({"localhost"}), "link-local"),
            ("10.1.2.3", frozenset[str](), "private"),
        ):
            fetcher = Fetcher(replace(settings, private_hosts=listed))
            message = await failing(fetcher, f"https://{host}:{port}/x", ChartRefused)
            assert f"{host}:{port} has a {kind} address" in message
            assert message.endswith(f"(--charts-private-host {host})")
        assert there.asked == []


async def test_a_listed_name_may_be_near(tmp_path: Path) -> None:
    async with site() as there:
        there.pages["/x"] = b"hello"
        fetcher = Fetcher(trusting(tmp_path, private_hosts=frozenset({"localhost"})))
        url = URL(there.url.replace("127.0.0.1", "localhost") + "/x")
        assert (await fetcher.get(Ask(url=url, limit=5))).body == b"hello"


async def test_redirects_on_one_server_are_followed_three_times(tmp_path: Path) -> None:
    async with site() as there:
        there.pages |= {f"/{number}": redirect(f"/{number + 1}", 301 + number % 3) for number in range(4)}
        there.pages["/3"] = b"hello"
        fetcher = Fetcher(trusting(tmp_path))
        ask = Ask(url=URL(there.url + "/0"), limit=5, headers={"X-Mine": "1"})
        assert (await fetcher.get(ask)).body == b"hello"
        assert there.headers["X-Mine"] == "1"
        there.pages["/3"] = redirect("/4", 308)
        assert "more than 3 times" in await failing(fetcher, there.url + "/0", ChartRefused)


@pytest.mark.parametrize(
    "target",
    [
        "https://169.254.169.254/latest/meta-data/secret",
        "http://127.0.0.1:1/secret",
        "https://example.com/secret",
        "//example.com/secret",
        "https://user:secret@127.0.0.1/",
        "file:///etc/secret",
        "https://[::1/secret",
        "",
    ],
)
async def test_redirects_to_elsewhere_are_not_followed(tmp_path: Path, target: str) -> None:
    async with site() as there:
        there.pages["/x"] = redirect(target) if target else web.Response(status=302, headers={"Location": "ftp://a"})
        assert "redirects to" in await failing(Fetcher(trusting(tmp_path)), there.url + "/x", ChartRefused)
        assert there.asked == ["/x"]


async def test_where_elsewhere_is_allowed_nothing_goes_along_and_policy_holds(tmp_path: Path) -> None:
    fetcher = Fetcher(trusting(tmp_path))
    async with site() as there, site() as other:
        other.pages["/y"] = b"hello"
        there.pages["/x"] = redirect(f"{other.url}/y")
        ask = Ask(url=URL(there.url + "/x"), limit=5, headers={"Authorization": "Bearer s"}, elsewhere=True)
        assert (await fetcher.get(ask)).body == b"hello"
        assert "Authorization" in there.headers
        assert "Authorization" not in other.headers
        there.pages["/x"] = redirect("https://169.254.169.254/secret")
        assert "link-local" in await failing(fetcher, there.url + "/x", ChartRefused, elsewhere=True)
        there.pages["/x"] = redirect("http://example.com/")
        assert "another server" in await failing(fetcher, there.url + "/x", ChartRefused, elsewhere=True)


async def test_more_than_the_limit_is_cut_off(tmp_path: Path) -> None:
    async def endless(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(b"x" * 4096)
        return response

    async with site() as there:
        there.pages |= {"/endless": endless, "/told": b"x" * 1001}
        fetcher = Fetcher(trusting(tmp_path))
        for path in ("/endless", "/told"):
            assert "more than 1000 bytes" in await failing(fetcher, there.url + path, ChartRefused)


def sending(text: bytes) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        await writer.drain()

    return handler


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello", "before the length that it told"),
        (b"", "closed the connection"),
        (b"SSH-2.0-OpenSSH_9.9\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", "does not speak HTTP"),
    ],
)
async def test_broken_answers_may_be_tried_again(tmp_path: Path, text: bytes, told: str) -> None:
    async with raw(sending(text)) as there:
        message = await failing(Fetcher(trusting(tmp_path)), there.server + "/x?token=secret", ChartUnreachable)
        assert told in message


async def test_a_server_that_trickles_or_hangs_is_left(tmp_path: Path) -> None:
    async def trickling(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        released = asyncio.Event()
        loop = asyncio.get_running_loop()
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            loop.call_later(0.02, released.set)
            await released.wait()
            released.clear()

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    settings = trusting(tmp_path, fetch_timeout=0.3)
    for handler in (trickling, silent):
        async with raw(handler) as there:
            message = await failing(Fetcher(settings), there.server + "/x", ChartUnreachable)
            assert "did not answer whole within 0.3 s" in message
    async with raw(silent) as there:
        settings = trusting(tmp_path, silence_timeout=0.1)
        assert "fell silent" in await failing(Fetcher(settings), there.server + "/x", ChartUnreachable)


async def test_nobody_there(tmp_path: Path) -> None:
    fetcher = Fetcher(trusting(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    message = await failing(fetcher, f"https://127.0.0.1:{port}/x", ChartUnreachable)
    assert message == f"127.0.0.1:{port} gave no usable answer (Connection refused)"
    assert "cannot be resolved" in await failing(fetcher, "https://no-such-name.invalid/x", ChartUnreachable)
    assert "cannot be resolved" in await failing(fetcher, f"https://{'a' * 70}.example/x", ChartUnreachable)


async def test_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    async with site() as there:
        fetcher = Fetcher(trusting(tmp_path, ca_file=""))
        assert "--charts-ca-file" in await failing(fetcher, there.url + "/x", ChartUnreachable)


async def test_only_so_many_at_once(tmp_path: Path) -> None:
    started, go = list[str](), asyncio.Event()

    async def waiting(request: web.BaseRequest) -> web.StreamResponse:
        started.append(request.rel_url.path)
        await go.wait()
        return web.Response(body=b"x")

    async def ask(there: Site, path: str) -> None:
        await fetcher.get(Ask(url=URL(there.url + path), limit=5))

    fetcher = Fetcher(trusting(tmp_path, fetches=1))
    async with site() as there, asyncio.TaskGroup() as group:
        there.pages |= {"/a": waiting, "/b": waiting}
        group.create_task(ask(there, "/a"))
        group.create_task(ask(there, "/b"))
        await until_async(lambda: _there(started), 10, "the first was not asked")
        assert started == ["/a"]
        go.set()
    assert started == ["/a", "/b"]


async def _there(started: list[str]) -> bool:
    return bool(started)


async def test_a_server_without_tls(tmp_path: Path) -> None:
    async with raw(sending(b"hello\r\n\r\n"), plain=True) as there:
        message = await failing(Fetcher(trusting(tmp_path)), there.server + "/x", ChartUnreachable)
        assert "does not speak TLS" in message


P = ParamSpec("P")
T = TypeVar("T")


class Counting(ThreadPoolExecutor):
    """Counts how often a name is resolved; asyncio does that in its executor."""

    def __init__(self) -> None:
        super().__init__(2)
        self.names: list[object] = []

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """As ever."""
        if fn is socket.getaddrinfo:
            self.names.append(args[0])
        return super().submit(fn, *args, **kwargs)


async def test_a_name_is_resolved_once(tmp_path: Path) -> None:
    """So that nobody can give a good address to the one who looks and a bad one to the one who connects."""
    executor = Counting()
    asyncio.get_running_loop().set_default_executor(executor)
    async with site() as there:
        there.pages["/x"] = b"hello"
        fetcher = Fetcher(trusting(tmp_path, private_hosts=frozenset({"localhost"})))
        url = URL(there.url.replace("127.0.0.1", "localhost") + "/x")
        assert (await fetcher.get(Ask(url=url, limit=5))).body == b"hello"
        assert executor.names.count("localhost") == 1
