"""The servers that the contract runs against: the sandbox in this process, the sandbox over HTTPS, and a real one.

Each answers a raw request with an `Answer`; a path with `watch=` gives its frames until the server ends the watch.
"""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol
from urllib.parse import parse_qsl

import aiohttp

from sym.aio.env import Env, LoopEnv
from sym.kube import yaml
from sym.kube.requests import Request, Response
from sym.model.codec import JSON, dig_str
from sym.sandbox.access import ADMIN, Access
from sym.sandbox.ca import Authority
from sym.sandbox.cluster import SandboxCluster
from sym.sandbox.server import HttpsServer
from sym.settings import SandboxSettings
from tests.contract.steps import Answer, decoded


class Backend(Protocol):
    """A server under contract."""

    name: str

    async def call(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer to one request."""
        ...


class InProcess:
    """The API core, called directly."""

    name = "in-process"

    def __init__(self, cluster: SandboxCluster) -> None:
        self._api = cluster.api

    async def call(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """See Backend."""
        path, _, query = target.partition("?")
        pairs = tuple(parse_qsl(query, keep_blank_values=True))
        answer = self._api.handle(Request(method=method, path=path, query=pairs, headers=headers, body=body), ADMIN)
        if isinstance(answer, Response):
            return Answer(status=answer.status, body=decoded(answer.body), warning=answer.headers.get("Warning", ""))
        frames = [decoded(line) async for line in answer.lines]
        return Answer(status=answer.status, body=frames)


class Https:
    """A server behind a socket."""

    def __init__(self, name: str, url: str, token: str, session: aiohttp.ClientSession) -> None:
        self.name = name
        self._url = url
        self._token = token
        self._session = session

    async def call(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """See Backend."""
        sent = {**headers, "Authorization": f"Bearer {self._token}"}
        async with self._session.request(method, self._url + target, headers=sent, data=body or None) as answer:
            text = await answer.read()
            warning = ", ".join(answer.headers.getall("Warning", []))
            if "watch=" in target and answer.status == 200:
                frames: list[JSON] = [decoded(line) for line in text.splitlines()]
                return Answer(status=answer.status, body=frames)
            return Answer(status=answer.status, body=decoded(text), warning=warning)


def in_process(env: Env) -> InProcess:
    """A fresh sandbox cluster without sockets; nothing works in it."""
    return InProcess(SandboxCluster("contract", env, SandboxSettings()))


@asynccontextmanager
async def https() -> AsyncIterator[Https]:
    """A fresh sandbox cluster behind HTTPS; nothing works in it."""
    authority = Authority()
    access = Access(authority)
    cluster = SandboxCluster("contract", LoopEnv(0), SandboxSettings())
    token = access.with_token(ADMIN).token
    trust = ssl.create_default_context(cadata=authority.certificate.decode())
    async with HttpsServer(cluster, authority, access) as server, _session(trust) as session:
        yield Https("https", server.address.url, token, session)


@asynccontextmanager
async def real(kubeconfig: bytes) -> AsyncIterator[Https]:
    """The server that a kubeconfig with a token names. Its certificate is not checked: this is a test machine's own."""
    found = yaml.load(kubeconfig)
    url = dig_str(found, "clusters", 0, "cluster", "server")
    token = dig_str(found, "users", 0, "user", "token")
    trust = ssl.create_default_context()
    trust.check_hostname = False
    trust.verify_mode = ssl.CERT_NONE
    async with _session(trust) as session:
        yield Https("real", url, token, session)


@asynccontextmanager
async def _session(trust: ssl.SSLContext) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(ssl=trust)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=True) as session:
        yield session
