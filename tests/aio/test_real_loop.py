"""A module marked `real_loop` runs on asyncio's own loop; and the waiting helper for real time."""

import asyncio
import threading

import pytest

from sym.aio.virtual import VirtualLoop
from tests.wait import until, until_async

pytestmark = [pytest.mark.anyio, pytest.mark.real_loop]


async def test_the_loop_is_not_virtual() -> None:
    assert not isinstance(asyncio.get_running_loop(), VirtualLoop)


async def test_bytes_cross_a_socket() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(4))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"ping")
        assert await reader.readexactly(4) == b"ping"
        writer.close()
        await writer.wait_closed()


def test_until_returns_when_it_holds_and_says_what_did_not() -> None:
    done = threading.Event()
    timer = threading.Timer(0.01, done.set)
    timer.start()
    until(done.is_set, 30, "the timer fired")
    timer.join()
    with pytest.raises(AssertionError, match=r"still not: pigs fly"):
        until(lambda: False, 0.01, "pigs fly")


async def test_the_async_twin_does_the_same() -> None:
    async def yes() -> bool:
        return True

    async def no() -> bool:
        return False

    await until_async(yes, 30, "yes")
    with pytest.raises(AssertionError, match=r"still not: built late"):
        await until_async(no, 0.01, lambda: "built late")
