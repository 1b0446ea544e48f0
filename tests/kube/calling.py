"""A client of loopback servers: what the tests of the HTTPS client share."""

import contextlib
from collections.abc import AsyncGenerator

import pytest
from aiohttp import web

from sym.aio.env import SystemEnv
from sym.kube.connection import Connection
from sym.kube.errors import (
    KubeError,
)
from sym.kube.http import HttpClient
from sym.kube.requests import ListOptions, Request, watch
from sym.model.kinds import CONFIGMAP
from sym.settings import KubeSettings
from tests.kube.wire import Handler, Raw, raw, serving

GET = Request(method="GET", path="/api/v1/namespaces/d/configmaps/a")
WATCH = watch(CONFIGMAP, ListOptions(), resource_version="1", timeout_seconds=300)
SHORT = KubeSettings(connect_timeout=0.3, request_timeout=0.3, stream_idle=0.3)
SETTINGS = KubeSettings(retry_after_cap=0.05)


@contextlib.asynccontextmanager
async def client(connection: Connection, settings: KubeSettings = SETTINGS) -> AsyncGenerator[HttpClient]:
    """A client, closed afterwards."""
    made = HttpClient(connection, settings, SystemEnv())
    try:
        yield made
    finally:
        await made.aclose()


async def failing(handler: Handler, request: Request = GET, settings: KubeSettings = SETTINGS) -> KubeError:
    """What `send` raises with this server."""
    async with serving(handler) as connection, client(connection, settings) as under_test:
        with pytest.raises(KubeError) as caught:
            await under_test.send(request)
    return checked(caught.value)


async def breaking(handler: Raw, settings: KubeSettings = SHORT, *, plain: bool = False) -> KubeError:
    """What `send` raises with this raw server."""
    async with raw(handler, plain=plain) as connection, client(connection, settings) as under_test:
        with pytest.raises(KubeError) as caught:
            await under_test.send(GET)
    return checked(caught.value)


def checked(error: KubeError) -> KubeError:
    """`error`, which must not tell the token."""
    assert "s3cret" not in str(error)
    assert "s3cret" not in repr(error.status)
    assert "Bearer" not in str(error)
    return error


def answering(status: int, body: bytes = b"{}", **headers: str) -> Handler:
    """A handler with one answer."""

    async def handler(request: web.BaseRequest) -> web.Response:
        await request.read()
        return web.Response(status=status, body=body, headers={**headers})

    return handler
