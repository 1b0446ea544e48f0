"""The servers that the contract runs against: the sandbox in this process, the sandbox over HTTPS, and a real one.

Each answers a raw request with an `Answer`; a path with `watch=` gives its frames until the server ends the watch.
"""

import asyncio
import os
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Protocol
from urllib.parse import parse_qsl

import aiohttp

from sym import yaml
from sym.aio.env import Env
from sym.kube.requests import Request, Response
from sym.model.codec import JSON, dig_str
from sym.sandbox.access import ADMIN, Access
from sym.sandbox.ca import Authority
from sym.sandbox.cluster import SandboxCluster
from sym.sandbox.failures import Refusal
from sym.sandbox.server import HttpsServer
from sym.settings import SandboxSettings
from tests.contract.entering import enter
from tests.contract.steps import Answer, Frame, decoded


class Backend(Protocol):
    """A server under contract."""

    async def call(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer to one request."""
        ...

    async def enter(self, target: str, protocol: str, frames: tuple[Frame, ...]) -> Answer:
        """What a command in a container said, sent these frames."""
        ...

    async def compact(self) -> None:
        """Forget every state but the present one, as etcd does from time to time."""
        ...


class InProcess:
    """The API core, called directly."""

    def __init__(self, cluster: SandboxCluster) -> None:
        self._api = cluster.api
        self._pods = cluster.pods
        self._store = cluster.store

    async def call(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """See Backend."""
        await asyncio.sleep(0)  # as every client's request does: what a write set off may happen first
        path, _, query = target.partition("?")
        pairs = tuple(parse_qsl(query, keep_blank_values=True))
        answer = self._api.handle(Request(method=method, path=path, query=pairs, headers=headers, body=body), ADMIN)
        if isinstance(answer, Response):
            return Answer(status=answer.status, body=decoded(answer.body), warning=answer.headers.get("Warning", ""))
        lines = [line async for line in answer.lines]
        if "watch=" in target:
            return Answer(status=answer.status, body=[decoded(line) for line in lines])
        return Answer(status=answer.status, body=decoded(b"".join(lines)))

    async def enter(self, target: str, protocol: str, frames: tuple[Frame, ...]) -> Answer:
        """See Backend. Only how it is refused: there is no socket to go on with."""
        path, _, query = target.partition("?")
        pairs = tuple(parse_qsl(query, keep_blank_values=True))
        asked = Request(method="GET", path=path, query=pairs, headers={}, body=b"")
        try:
            self._pods.enter(self._api.call(asked, ADMIN))
        except Refusal as refusal:
            answer = refusal.response()
            return Answer(status=answer.status, body=decoded(answer.body))
        raise AssertionError(f"{protocol} needs a socket to send {frames} through")

    async def compact(self) -> None:
        """See Backend."""
        self._store.compact()


class Https:
    """A server behind a socket."""

    def __init__(self, url: str, session: aiohttp.ClientSession, forget: Callable[[], Awaitable[None]]) -> None:
        self._url = url
        self._session = session
        self._forget = forget

    async def call(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """See Backend."""
        async with self._session.request(method, self._url + target, headers=headers, data=body or None) as answer:
            text = await answer.read()
            warning = ", ".join(answer.headers.getall("Warning", []))
            if "watch=" in target and answer.status == 200:
                frames: list[JSON] = [decoded(line) for line in text.splitlines()]
                return Answer(status=answer.status, body=frames)
            return Answer(status=answer.status, body=decoded(text), warning=warning)

    async def enter(self, target: str, protocol: str, frames: tuple[Frame, ...]) -> Answer:
        """See Backend."""
        return await enter(self._session, self._url + target, protocol, frames)

    async def compact(self) -> None:
        """See Backend."""
        await self._forget()


@asynccontextmanager
async def sandbox(env: Env, *, works: bool = False) -> AsyncIterator[SandboxCluster]:
    """A fresh simulated cluster. Its nodes and controllers work only where that is asked for."""
    cluster = SandboxCluster("contract", env, SandboxSettings())
    async with asyncio.TaskGroup() as group:
        work = [group.create_task(cluster.run(), name="cluster")] if works else []
        yield cluster
        for task in work:
            task.cancel()


@asynccontextmanager
async def https(cluster: SandboxCluster) -> AsyncIterator[Https]:
    """A sandbox cluster behind HTTPS."""
    authority = Authority()
    access = Access(authority)
    token = access.with_token(ADMIN).token
    trust = ssl.create_default_context(cadata=authority.certificate.decode())
    async with HttpsServer(cluster, authority, access) as server, _session(trust, token) as session:
        yield Https(server.address.url, session, InProcess(cluster).compact)


@asynccontextmanager
async def real(kubeconfig: bytes) -> AsyncIterator[Https]:
    """The server that a kubeconfig with a token names."""
    async with session_with(kubeconfig) as (url, session):
        yield Https(url, session, compact_etcd)


@asynccontextmanager
async def session_with(kubeconfig: bytes) -> AsyncIterator[tuple[str, aiohttp.ClientSession]]:
    """The URL in a kubeconfig, and a session with its token. The server's certificate is not checked: it is a test
    machine's own."""
    found = yaml.load(kubeconfig)
    url = dig_str(found, "clusters", 0, "cluster", "server")
    token = dig_str(found, "users", 0, "user", "token")
    trust = ssl.create_default_context()
    trust.check_hostname = False
    trust.verify_mode = ssl.CERT_NONE
    async with _session(trust, token) as session:
        yield url, session


async def compact_etcd() -> None:
    """Compact the etcd of SYM_REAL_ETCD (its URL) at its present revision, as kube-apiserver does every few minutes.
    It leaves a note of the revision; its caches look every 15 seconds and only then forget what is older."""
    url = os.environ["SYM_REAL_ETCD"]
    note = _base64("compact_rev_key")
    async with aiohttp.ClientSession(url, raise_for_status=True) as session:
        async with session.post("/v3/kv/range", json={"key": note}) as answer:
            revision = dig_str(await answer.json(), "header", "revision")
        await session.post("/v3/kv/put", json={"key": note, "value": _base64(revision)})
        await session.post("/v3/kv/compaction", json={"revision": revision, "physical": True})


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


@asynccontextmanager
async def _session(trust: ssl.SSLContext, token: str) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {token}"}
    connector = aiohttp.TCPConnector(ssl=trust)
    async with aiohttp.ClientSession(connector=connector, headers=headers, auto_decompress=True) as session:
        yield session
