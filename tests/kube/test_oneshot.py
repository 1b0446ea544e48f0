"""The one-shot client tells everything as the whole client does, and loads no aiohttp."""

import asyncio
import contextlib
import gzip
import subprocess
import sys
import threading

import pytest
from aiohttp import web
from msgspec.structs import replace

from sym.aio.env import SystemEnv
from sym.kube.api import Api
from sym.kube.connection import Connection
from sym.kube.errors import (
    Forbidden,
    Junk,
    KubeError,
    NotFound,
    NotServed,
    ServerError,
    TimedOut,
    TooLarge,
    Unreachable,
    Untrusted,
)
from sym.kube.oneshot import OneShot
from sym.kube.requests import ListOptions, Request
from sym.model.codec import encode
from sym.model.kinds import CONFIGMAP
from sym.model.meta import Object
from sym.settings import KubeSettings
from tests.kube.certificates import Authority
from tests.kube.scripted import config_map, failure, listing
from tests.kube.wire import AUTHORITY, Handler, Raw, raw, serving

pytestmark = [pytest.mark.anyio, pytest.mark.real_loop]

GET = Request(method="GET", path="/api/v1/namespaces/d/configmaps/a")
SHORT = KubeSettings(connect_timeout=0.3, request_timeout=0.3)


def client(connection: Connection, settings: KubeSettings | None = None) -> OneShot:
    """The client under test."""
    return OneShot(connection, settings or KubeSettings(), SystemEnv())


def answering(status: int, body: bytes, **headers: str) -> Handler:
    """A handler with one answer."""

    async def handler(_: web.BaseRequest) -> web.Response:
        return web.Response(status=status, body=body, headers={**headers})

    return handler


async def test_the_verbs_work_on_it() -> None:
    seen: list[tuple[str, str]] = []

    async def handler(request: web.BaseRequest) -> web.Response:
        seen.append((request.raw_path, request.headers["Authorization"]))
        body = listing(9, config_map("a", 1)).body if "limit" in request.query else encode(config_map("a", 1))
        return web.Response(body=gzip.compress(body), headers={"Content-Encoding": "gzip"})

    async with serving(handler) as connection:
        api = Api(client(replace(connection, server=connection.server + "/k8s/")), "c")
        assert (await api.get(CONFIGMAP, Object, "d", "a")).metadata.name == "a"
        items, version = await api.list_all(CONFIGMAP, Object, ListOptions())
        await api.aclose()
    assert (len(items), version) == (1, "9")
    assert seen == [
        ("/k8s/api/v1/namespaces/d/configmaps/a", "Bearer s3cret"),
        ("/k8s/api/v1/configmaps?limit=500", "Bearer s3cret"),
    ]


async def test_a_client_certificate_and_another_server_name() -> None:
    certificate, key = AUTHORITY.issue("admin")
    async with serving(answering(200, b"{}"), AUTHORITY.serve("api.example", clients=True)) as connection:
        who = replace(connection, certificate=certificate, key=key, tls_server_name="api.example")
        assert (await client(who).send(GET)).status == 200
        with pytest.raises(Untrusted):
            await client(replace(who, tls_server_name="other.example")).send(GET)
        with pytest.raises(Untrusted):
            await client(replace(who, ca=Authority().pem)).send(GET)


@pytest.mark.parametrize(
    ("handler", "kind"),
    [
        (answering(404, encode(failure(404, "NotFound", name="a"))), NotFound),
        (answering(302, b"", Location="https://evil"), Junk),
        (answering(200, b"x" * 101), TooLarge),
        (answering(200, gzip.compress(bytes(1 << 20)), **{"Content-Encoding": "gzip"}), TooLarge),
        (answering(200, b"x", **{"Content-Encoding": "br"}), Junk),
    ],
)
async def test_answers(handler: Handler, kind: type[KubeError]) -> None:
    async with serving(handler) as connection:
        with pytest.raises(kind) as caught:
            await client(connection, KubeSettings(page_bytes=100)).send(GET)
    assert type(caught.value) is kind
    assert "s3cret" not in str(caught.value)


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Says nothing."""
    await reader.read()


async def trickling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Sends a byte now and then, for ever."""
    while True:
        writer.write(b"H")
        await writer.drain()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(reader.read(), 0.05)


async def rude(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hangs up."""
    writer.close()


async def foreign(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speaks something else."""
    writer.write(b"220 smtp.example ESMTP\r\n\r\n")


@pytest.mark.parametrize(
    ("handler", "plain", "kind"),
    [
        (silent, False, TimedOut),
        (trickling, False, TimedOut),
        (rude, False, Unreachable),
        (foreign, False, Junk),
        (foreign, True, Unreachable),
    ],
)
async def test_broken_connections(handler: Raw, plain: bool, kind: type[KubeError]) -> None:
    threads = threading.active_count()
    async with raw(handler, plain=plain) as connection:
        with pytest.raises(kind) as caught:
            await client(connection, SHORT).send(GET)
    assert type(caught.value) is kind
    await asyncio.get_running_loop().shutdown_default_executor()  # hangs where a thread still reads
    assert threading.active_count() <= threads


async def test_nobody_listens() -> None:
    async with serving(answering(200, b"{}")) as connection:
        pass
    with pytest.raises(Unreachable):
        await client(connection).send(GET)


async def test_it_writes_what_it_is_given_once() -> None:
    seen: list[tuple[str, str, str, bytes]] = []

    async def handler(request: web.BaseRequest) -> web.Response:
        seen.append((request.method, request.raw_path, request.headers.get("Content-Type", ""), await request.read()))
        return web.Response(status=500 if request.method == "PUT" else 200, body=b"{}")

    async with serving(handler) as connection:
        api = Api(client(connection), "c")
        await api.patch(CONFIGMAP, {"metadata": {"namespace": "d", "name": "ä"}, "data": {"k": "ü"}}, "me")
        await api.delete(CONFIGMAP, namespace="d", name="a", uid="u", resource_version="1")
        with pytest.raises(ServerError, match="PUT /api/v1/x"):
            await client(connection).send(Request(method="PUT", path="/api/v1/x"))
    (patch, delete, put) = seen
    body = '{"metadata":{"namespace":"d","name":"ä"},"data":{"k":"ü"}}'.encode()
    where = "/api/v1/namespaces/d/configmaps/%C3%A4?fieldManager=me"
    assert patch == ("PATCH", where, "application/merge-patch+json", body)
    assert delete[:3] == ("DELETE", "/api/v1/namespaces/d/configmaps/a", "application/json")
    assert put == ("PUT", "/api/v1/x", "", b"")


async def test_what_may_not_leave_does_not() -> None:
    seen: list[str] = []

    async def handler(request: web.BaseRequest) -> web.Response:
        seen.append(request.method)
        return web.Response(body=b"{}")

    def never() -> None:
        raise Forbidden("not any more")

    async with serving(handler) as connection:
        with pytest.raises(Forbidden, match="not any more"):
            await client(connection).send(Request(method="DELETE", path="/api/v1/pods", permit=never))
    assert seen == []


def test_it_does_not_watch() -> None:
    with pytest.raises(NotServed):
        client(Connection(server="https://127.0.0.1:1", ca=AUTHORITY.pem)).stream(GET)


def test_it_loads_neither_aiohttp_nor_structlog() -> None:
    code = "import sys, sym.kube.oneshot, sym.kube.api, sym.kube.kubeconfig; "
    code += "print({'aiohttp', 'structlog'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == "set()\n"
