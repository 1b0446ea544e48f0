"""The HTTPS client and servers that are not what they should be: each failure is told as what it is."""

import asyncio
import contextlib

import pytest
from msgspec.structs import replace

from sym.aio.env import SystemEnv
from sym.kube.connection import Connection
from sym.kube.errors import (
    BadKubeconfig,
    Junk,
    TimedOut,
    Unreachable,
    Untrusted,
)
from sym.kube.http import HttpClient
from tests.kube.calling import GET, SETTINGS, answering, breaking, client
from tests.kube.certificates import Authority
from tests.kube.wire import AUTHORITY, serving

pytestmark = [pytest.mark.anyio, pytest.mark.real_loop]

# broken connections


async def test_a_server_of_another_authority_is_not_trusted() -> None:
    async with (
        serving(answering(200)) as connection,
        client(replace(connection, ca=Authority("other").pem)) as under_test,
    ):
        with pytest.raises(Untrusted, match="certificate-authority-data"):
            await under_test.send(GET)


async def test_a_server_of_another_name_is_not_trusted() -> None:
    async with serving(answering(200), AUTHORITY.serve("api.example")) as connection:
        async with client(replace(connection, tls_server_name="other.example")) as under_test:
            with pytest.raises(Untrusted):
                await under_test.send(GET)
        async with client(replace(connection, tls_server_name="api.example")) as under_test:
            assert (await under_test.send(GET)).status == 200


async def test_a_registered_name_may_not_resolve_to_the_metadata_service() -> None:
    """The loader refuses such an address; this one stands for the answer that a resolver gives for a harmless name."""
    host = "[ff02::1%lo]"
    async with client(Connection(server=f"https://{host}:1", ca=AUTHORITY.pem, registered=True)) as under_test:
        with pytest.raises(Unreachable, match="link-local"):
            await under_test.send(GET)


async def test_nobody_listens() -> None:
    async with serving(answering(200)) as connection:
        pass
    async with client(connection) as under_test:
        with pytest.raises(Unreachable, match="no connection"):
            await under_test.send(GET)


async def test_a_server_without_tls() -> None:
    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    assert type(await breaking(handler, plain=True)) is Unreachable


async def test_a_server_that_says_nothing() -> None:
    async def handler(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    assert isinstance(await breaking(handler), TimedOut)


async def test_a_server_that_trickles_is_bounded_as_a_whole() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader.read(), 0.05)

    assert isinstance(await breaking(handler), TimedOut)


async def test_a_server_that_hangs_up() -> None:
    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    assert type(await breaking(handler)) is Unreachable


async def test_a_server_that_hangs_up_in_the_middle() -> None:
    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")

    assert type(await breaking(handler)) is Unreachable


async def test_a_server_that_speaks_no_http() -> None:
    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 smtp.example ESMTP\r\n\r\n")

    assert isinstance(await breaking(handler), Junk)


async def test_after_closing_it_sends_nothing() -> None:
    async with serving(answering(200)) as connection, client(connection) as under_test:
        await under_test.send(GET)
        await under_test.aclose()
        with pytest.raises(Unreachable, match="closed"):
            await under_test.send(GET)


def test_pem_texts_that_cannot_be_used_are_told_before_the_first_call() -> None:
    certificate, key = AUTHORITY.issue("x")
    _, other_key = AUTHORITY.issue("y")
    good = Connection(server="https://127.0.0.1", ca=AUTHORITY.pem, certificate=certificate, key=key)
    HttpClient(good, SETTINGS, SystemEnv())
    for bad in (replace(good, ca=b"junk"), replace(good, key=other_key), replace(good, certificate=b"junk")):
        with pytest.raises(BadKubeconfig):
            HttpClient(bad, SETTINGS, SystemEnv())
