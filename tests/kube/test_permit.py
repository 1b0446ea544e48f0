"""A request's permit has the last word: asked with the connection in hand, before the server sees a byte of it."""

import asyncio

import pytest
from aiohttp import web
from msgspec.structs import replace

from sym.kube.requests import Request
from sym.settings import KubeSettings
from tests.kube.calling import GET, WATCH, client
from tests.kube.wire import serving

pytestmark = [pytest.mark.anyio, pytest.mark.real_loop]


class Denied(Exception):
    """What a permit raises."""


class Gate:
    """A permit that can be taken back, and a server's handler that notes what came in."""

    def __init__(self) -> None:
        self.open = True
        self.asked = 0
        self.received: list[str] = []

    def __call__(self) -> None:
        self.asked += 1
        if not self.open:
            raise Denied

    async def handler(self, request: web.BaseRequest) -> web.Response:
        self.received.append(request.path)
        return web.Response(body=b"{}")

    def under(self, request: Request) -> Request:
        return replace(request, permit=self)


async def test_what_is_not_permitted_does_not_leave_and_the_client_goes_on() -> None:
    gate = Gate()
    async with serving(gate.handler) as connection, client(connection) as under_test:
        for fresh in (True, False):  # over a new connection, then over one that is kept
            gate.open = False
            with pytest.raises(Denied):
                await under_test.send(gate.under(GET))
            assert len(gate.received) == (0 if fresh else 1)
            gate.open = True
            assert (await under_test.send(gate.under(GET))).status == 200
    assert gate.received == [GET.path] * 2
    assert gate.asked == 4


async def test_streams_ask_too() -> None:
    gate = Gate()
    gate.open = False
    async with serving(gate.handler) as connection, client(connection) as under_test:
        with pytest.raises(Denied):
            async with under_test.stream(gate.under(WATCH)):
                raise AssertionError("nothing may be opened")
    assert gate.received == []


async def test_it_is_asked_once_there_is_a_place_and_a_connection() -> None:
    gate, busy, free = Gate(), asyncio.Event(), asyncio.Event()

    async def slow(request: web.BaseRequest) -> web.Response:
        busy.set()
        await free.wait()
        return await gate.handler(request)

    async with serving(slow) as connection, client(connection, KubeSettings(concurrency=1)) as under_test:
        async with asyncio.TaskGroup() as group:
            group.create_task(under_test.send(GET))
            await busy.wait()
            second = group.create_task(_fate(under_test.send(gate.under(GET))))
            await asyncio.sleep(0)
            assert gate.asked == 0
            gate.open = False
            free.set()
        assert isinstance(second.result(), Denied)
    assert gate.received == [GET.path]


async def test_it_is_asked_again_before_a_request_is_sent_again() -> None:
    gate = Gate()

    async def throttling(request: web.BaseRequest) -> web.Response:
        gate.open = False
        await gate.handler(request)
        return web.Response(status=429, headers={"Retry-After": "1"})

    async with serving(throttling) as connection, client(connection) as under_test:
        with pytest.raises(Denied):
            await under_test.send(gate.under(GET))
    assert gate.received == [GET.path]


async def _fate(sending: object) -> Exception | None:
    """What `sending` raised."""
    assert asyncio.iscoroutine(sending)
    try:
        await sending
    except Denied as error:
        return error
    return None
