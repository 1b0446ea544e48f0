"""The HTTPS client's streams: lines, silence, breaks, and the end."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from sym.kube.errors import (
    Gone,
    Junk,
    KubeError,
    TimedOut,
    TooLarge,
    TooManyRequests,
    Unreachable,
)
from sym.kube.http import HttpClient
from sym.kube.requests import Request
from sym.model.codec import encode
from sym.settings import KubeSettings
from tests.kube.calling import SETTINGS, SHORT, WATCH, answering, client
from tests.kube.scripted import failure
from tests.kube.wire import Handler, raw, serving

pytestmark = [pytest.mark.anyio, pytest.mark.real_loop]

# streams


def streaming(*chunks: bytes, forever: bool = False) -> Handler:
    """A handler that writes chunks, and perhaps never ends."""

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for chunk in chunks:
            await answer.write(chunk)
        if forever:
            await asyncio.Event().wait()
        return answer

    return handler


async def lines_of(handler: Handler, settings: KubeSettings = SETTINGS, request: Request = WATCH) -> list[bytes]:
    """All lines of a stream."""
    async with (
        serving(handler) as connection,
        client(connection, settings) as under_test,
        under_test.stream(request) as lines,
    ):
        return [line async for line in lines]


async def test_a_stream_is_cut_into_lines() -> None:
    assert await lines_of(streaming(b'{"a"', b":1}\n{}", b"\n\n", b"[]\nlast")) == [b'{"a":1}', b"{}", b"[]", b"last"]


async def next_of(lines: AsyncIterator[bytes]) -> bytes:
    """The next line."""
    return await anext(lines)


async def test_a_half_open_watch_is_found() -> None:
    """The peer is gone without a word: the silence ends the stream, after what it had said was delivered."""
    async with (
        serving(streaming(b"{}\n", forever=True)) as connection,
        client(connection, SHORT) as under_test,
        under_test.stream(WATCH) as lines,
    ):
        assert await anext(lines) == b"{}"
        with pytest.raises(TimedOut):
            await asyncio.wait_for(next_of(lines), 20)
    assert KubeSettings().stream_idle <= 45.0


async def test_followed_logs_may_be_silent() -> None:
    go = asyncio.Event()

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await asyncio.wait_for(go.wait(), 5)
        await answer.write(b"late\n")
        return answer

    logs = Request(method="GET", path="/api/v1/namespaces/d/pods/p/log", query=(("follow", "true"),))
    async with (
        serving(handler) as connection,
        client(connection, SHORT) as under_test,
        under_test.stream(logs) as lines,
    ):
        with pytest.raises(TimedOut):
            async with under_test.stream(WATCH) as silent:
                await anext(silent)
        go.set()
        assert [line async for line in lines] == [b"late"]


async def test_a_broken_stream_is_told() -> None:
    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n{}\n\r\n")
        await writer.drain()

    async with raw(handler) as connection, client(connection) as under_test, under_test.stream(WATCH) as lines:
        assert await anext(lines) == b"{}"
        with pytest.raises(Unreachable):
            await anext(lines)


async def test_a_refused_stream_raises_on_entering() -> None:
    async with serving(answering(410, encode(failure(410, "Expired")))) as connection, client(connection) as under_test:
        with pytest.raises(Gone):
            async with under_test.stream(WATCH):
                pytest.fail("there is no stream")


async def test_429_on_a_stream_is_left_to_the_caller() -> None:
    busy = answering(429, encode(failure(429, "TooManyRequests")), **{"Retry-After": "5"})
    async with serving(busy) as connection, client(connection) as under_test:
        with pytest.raises(TooManyRequests):
            async with under_test.stream(WATCH):
                pytest.fail("there is no stream")


async def test_a_packed_stream_is_junk() -> None:
    packed = answering(200, gzip.compress(b"{}"), **{"Content-Encoding": "gzip"})
    async with serving(packed) as connection, client(connection) as under_test:
        with pytest.raises(Junk):
            async with under_test.stream(WATCH):
                pytest.fail("there is no stream")


async def test_a_line_without_end_is_refused() -> None:
    with pytest.raises(TooLarge):
        await lines_of(streaming(*[b"x" * 1000] * 20), KubeSettings(line_bytes=10_000))


async def test_a_stream_that_never_starts() -> None:
    async def handler(_: web.BaseRequest) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    with pytest.raises(TimedOut):
        await lines_of(handler, SHORT)


async def test_leaving_a_stream_early_closes_its_connection() -> None:
    gone = asyncio.Event()

    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n{}\n\r\n")
        await _.read()
        gone.set()

    async with raw(handler) as connection, client(connection) as under_test:
        async with under_test.stream(WATCH) as lines:
            assert await anext(lines) == b"{}"
        await asyncio.wait_for(gone.wait(), 5)


async def test_closing_the_client_ends_its_streams() -> None:
    async with (
        serving(streaming(b"{}\n", forever=True)) as connection,
        client(connection) as under_test,
        under_test.stream(WATCH) as lines,
    ):
        assert await anext(lines) == b"{}"
        await under_test.aclose()
        with pytest.raises(KubeError):
            await anext(lines)


async def test_closing_the_client_wakes_those_who_wait_at_its_streams() -> None:
    """Credentials rotate while watches are open; one that waited on for ever would never hear of another event."""
    waiting = asyncio.Event()

    async def wait(under_test: HttpClient) -> None:
        async with under_test.stream(WATCH) as lines:
            await anext(lines)
            waiting.set()
            with pytest.raises(Unreachable):
                await anext(lines)

    async with (
        serving(streaming(b"{}\n", forever=True)) as connection,
        client(connection) as under_test,
        asyncio.timeout(10),
        asyncio.TaskGroup() as group,
    ):
        group.create_task(wait(under_test), name="wait")
        await waiting.wait()
        await asyncio.sleep(0)
        await under_test.aclose()
