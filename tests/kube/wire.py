"""Loopback HTTPS servers for the clients' tests: one of handlers (aiohttp), one of raw bytes."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable

from aiohttp import web

from sym.kube.connection import Connection
from tests.kube.certificates import Authority

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Raw = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

AUTHORITY = Authority()


@contextlib.asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncGenerator[Connection]:
    """A server that hands every request to `handler`; gives the connection that trusts it."""
    runner = web.ServerRunner(web.Server(handler), handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls or AUTHORITY.serve())
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield Connection(server=f"https://{host}:{port}", ca=AUTHORITY.pem, token="s3cret")
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def raw(handler: Raw, *, plain: bool = False) -> AsyncGenerator[Connection]:
    """A server that reads the head of a request and then lets `handler` do what it wants with the connection."""

    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                if not plain:  # a client that wants TLS sends no head of a request
                    await reader.readuntil(b"\r\n\r\n")
                await handler(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=None if plain else AUTHORITY.serve())
    try:
        port = server.sockets[0].getsockname()[1]
        yield Connection(server=f"https://127.0.0.1:{port}", ca=AUTHORITY.pem, token="s3cret")
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
