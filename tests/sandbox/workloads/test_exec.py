"""exec over a real WebSocket: both protocols, closing input, sizes, exit codes, refusals."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import aiohttp
import pytest
from aiohttp import web

from sym.aio.env import SystemEnv
from sym.model.codec import JSONMap, dig, encode, parse_map
from sym.model.kinds import POD
from sym.sandbox.failures import Refusal
from sym.sandbox.store import Store
from sym.sandbox.workloads.exec import check_protocol, open_exec, options, serve_exec
from sym.sandbox.workloads.workloads import Workloads
from sym.settings import WorkloadSettings
from tests.wait import until_async

pytestmark = [pytest.mark.anyio, pytest.mark.real_loop]


@contextlib.asynccontextmanager
async def server() -> AsyncIterator[str]:
    """A server that only knows exec, into the ready pod `solo`. Yields its address."""
    store = Store(SystemEnv())
    workloads = Workloads(store, SystemEnv(), WorkloadSettings(speed=100))

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        try:
            check_protocol(request.headers)
            asked = options([*request.query.items()])
            session = open_exec(store, workloads.kubelet, ("default", request.path.strip("/")), asked)
        except Refusal as refusal:
            answer = refusal.response()
            return web.Response(status=answer.status, body=answer.body)
        return await serve_exec(request, session)

    async def ready() -> bool:
        entry = store.get(POD, "default", "solo")
        return entry is not None and entry.fields["status.phase"] == "Running"

    async with asyncio.TaskGroup() as group:
        work = group.create_task(workloads.run())
        await asyncio.sleep(0)
        container: JSONMap = {"name": "main", "image": "shop:v1", "env": [{"name": "ZONE", "value": "bj4"}]}
        store.create(POD, {"metadata": {"name": "solo", "namespace": "default"}, "spec": {"containers": [container]}})
        await until_async(ready, 10, "the pod runs")
        runner = web.ServerRunner(web.Server(handle))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        try:
            yield f"http://{host}:{port}"
        finally:
            await runner.cleanup()
            work.cancel()


class Client:
    """The client's end of one session."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.got: dict[int, bytes] = {}

    async def send(self, channel: int, data: bytes) -> None:
        await self.socket.send_bytes(bytes((channel,)) + data)

    async def rest(self) -> JSONMap:
        """Read to the end. Returns the final Status."""
        async for message in self.socket:
            assert isinstance(message.data, bytes)
            channel, data = message.data[0], message.data[1:]
            self.got[channel] = self.got.get(channel, b"") + data
        return parse_map(self.got[3])


@contextlib.asynccontextmanager
async def session(*argv: str, protocol: str = "v5.channel.k8s.io", **flags: str) -> AsyncIterator[Client]:
    """An exec session in `solo`."""
    wanted = {"stdout": "true", "stderr": "true", **flags}
    query = urlencode([("command", each) for each in argv] + list(wanted.items()))
    async with (
        server() as address,
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{address}/solo?{query}", protocols=[protocol]) as socket,
    ):
        assert socket.protocol == protocol
        yield Client(socket)


@pytest.mark.parametrize("protocol", ["v5.channel.k8s.io", "v4.channel.k8s.io"])
async def test_output_and_success(protocol: str) -> None:
    async with session("sh", "-c", "echo $ZONE; echo oops >&2", protocol=protocol) as client:
        assert (await client.rest())["status"] == "Success"
        assert client.got[1] == b"bj4\n"
        assert client.got[2] == b"oops\n"


async def test_the_exit_code_comes_as_a_cause() -> None:
    async with session("exit", "3") as client:
        status = await client.rest()
        assert status["reason"] == "NonZeroExitCode"
        assert dig(status, "details", "causes", 0, "message") == "3"


async def test_v5_closes_the_input() -> None:
    async with session("cat", stdin="true") as client:
        await client.send(0, b"hello ")
        await client.send(0, b"there")
        await client.send(255, b"\x00")
        assert (await client.rest())["status"] == "Success"
        assert client.got[1] == b"hello there"


async def test_sizes_reach_the_command() -> None:
    async with session("resize", stdin="true", tty="true") as client:
        await client.send(4, encode({"Width": 120, "Height": 40}))
        await client.send(4, b"junk")
        await client.send(255, b"\x00")
        await client.rest()
        assert client.got[1] == b"120x40\r\n"


async def test_an_unknown_program_is_an_error_of_the_runtime() -> None:
    async with session("nope") as client:
        status = await client.rest()
        assert status["reason"] == "InternalError"
        assert "executable file not found" in str(status["message"])


async def test_a_client_that_leaves_ends_the_command() -> None:
    async with session("sleep", "3600") as client:
        await client.socket.close()  # the server's own end, in `session`, would otherwise take an hour


@pytest.mark.parametrize(
    ("path", "headers", "code", "words"),
    [
        ("solo?command=ls&stdout=true", {}, 501, "kubectl 1.30 or newer"),
        ("solo?command=ls", {"Sec-WebSocket-Protocol": "v4.channel.k8s.io"}, 400, "at least 1 of"),
        ("solo?stdout=true", {"Sec-WebSocket-Protocol": "v5.channel.k8s.io"}, 400, "at least one command"),
        ("solo?command=ls&stdout=true", {"Sec-WebSocket-Protocol": "v9"}, 400, "only v5.channel.k8s.io"),
        ("nope?command=ls&stdout=true", {"Sec-WebSocket-Protocol": "v5.channel.k8s.io"}, 404, "not found"),
    ],
)
async def test_refusals_come_before_the_upgrade(path: str, headers: dict[str, str], code: int, words: str) -> None:
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade"} if headers else {}
    async with (
        server() as address,
        aiohttp.ClientSession() as http,
        http.get(f"{address}/{path}", headers={**upgrade, **headers}) as answer,
    ):
        assert answer.status == code
        assert words in await answer.text()
