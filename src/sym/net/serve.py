"""A small HTTP server for probes and metrics: fixed paths, GET only, no state.

Apart from the REST API on purpose: it has no authentication, so it answers nothing but health and figures. Relies on
aiohttp.web.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from aiohttp import web
from msgspec import Struct

from sym.model.codec import encode


class Page(Struct, frozen=True, kw_only=True):
    """An answer."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"


Answer = Callable[[Mapping[str, str]], Page]
"""From the query's parameters to the answer; must not wait."""


def health_page(results: Mapping[str, str], query: Mapping[str, str]) -> Page:
    """`"OK"` with 200 or 503; with `full=true` every check by name."""
    well = all(result == "OK" for result in results.values())
    body = encode(dict(results)) if query.get("full") == "true" else encode("OK")
    return Page(status=200 if well else 503, body=body)


@asynccontextmanager
async def serving(host: str, port: int, routes: Mapping[str, Answer]) -> AsyncIterator[int]:
    """Serve `routes` until the block ends; gives the port, which the system chooses for 0. Raises OSError if the
    address cannot be bound."""
    app = web.Application(client_max_size=1024)
    for path, answer in routes.items():
        app.router.add_get(path, _handler(answer))
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield _port(runner)
    finally:
        await runner.cleanup()


def _handler(answer: Answer) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        page = answer(request.query)
        return web.Response(status=page.status, body=page.body, headers={"Content-Type": page.content_type})

    return handle


def _port(runner: web.AppRunner) -> int:
    address = runner.addresses[0]
    return int(address[1])
