"""Loopback sites that charts come from: pages by path, a chart repository, an OCI registry."""

import base64
import contextlib
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import pytest
from aiohttp import web
from msgspec.structs import replace

from sym.aio.env import SystemEnv
from sym.model.appset import Chart, ChartUrl
from sym.model.codec import encode
from sym.net.charts import ChartStore
from sym.net.errors import ChartError
from sym.settings import ChartSettings
from tests.kube.wire import AUTHORITY, serving

Handler: TypeAlias = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Page: TypeAlias = bytes | web.Response | Handler
LOOPBACK = frozenset({"127.0.0.1"})


class Site:
    """Answers GETs from `pages`; `asked` are the paths in order, `headers` those of the last request. `url` is
    https://127.0.0.1:PORT."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.asked: list[str] = []
        self.headers: Mapping[str, str] = {}
        self.url = ""

    @property
    def host(self) -> str:
        """Host and port."""
        return self.url.partition("://")[2]

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """The page, or 404."""
        self.asked.append(request.rel_url.path)
        self.headers = {**request.headers}
        page = self.pages.get(request.rel_url.path)
        if page is None:
            return web.Response(status=404)
        if isinstance(page, bytes):
            return web.Response(body=page)
        if isinstance(page, web.Response):
            return web.Response(status=page.status, headers=page.headers, body=page.body)
        return await page(request)


@contextlib.asynccontextmanager
async def site() -> AsyncGenerator[Site]:
    """One that serves until the block ends."""
    made = Site()
    async with serving(made.answer, AUTHORITY.serve("localhost")) as connection:
        made.url = connection.server
        yield made


def trusting(folder: Path, **changes: object) -> ChartSettings:
    """Settings that believe our authority and allow 127.0.0.1."""
    (folder / "ca.pem").write_bytes(AUTHORITY.pem)
    base = ChartSettings(ca_file=str(folder / "ca.pem"), private_hosts=LOOPBACK, fetch_timeout=20.0)
    return replace(base, **changes)


@contextlib.asynccontextmanager
async def store(settings: ChartSettings) -> AsyncGenerator[ChartStore]:
    """A store that cleans up."""
    made = ChartStore(settings, SystemEnv())
    try:
        yield made
    finally:
        await made.close()


def index(**charts: Mapping[str, tuple[str, bytes]]) -> bytes:
    """An index.yaml: for each chart by version the URL and the archive."""
    lines = ["apiVersion: v1", "entries:"]
    for name, versions in charts.items():
        lines.append(f"  {name}:")
        for version, (url, data) in versions.items():
            digest = hashlib.sha256(data).hexdigest()
            lines.append(f"  - {{name: {name}, version: {version}, urls: ['{url}'], digest: {digest}}}")
    return "\n".join(lines).encode()


def source(url: str, version: str = "") -> Chart:
    """A chart by URL."""
    return Chart(chart_url=ChartUrl(url=url, chart_version=version))


def given(archive: bytes) -> Chart:
    """A chart by its archive."""
    return Chart(raw_chart=base64.b64encode(archive).decode())


async def failing(charts: ChartStore, asked: Chart, kind: type[ChartError]) -> str:
    """The sentence of the error, which is of exactly this kind."""
    with pytest.raises(ChartError) as caught:
        await charts.get(asked)
    assert type(caught.value) is kind, caught.value
    assert "secret" not in caught.value.message
    return caught.value.message


class Registry:
    """Puts charts into a site as an OCI registry has them. `token`: what its token service gives to anybody, ""
    where it wants none."""

    def __init__(self, where: Site, token: str = "") -> None:
        self._site = where
        self._token = token
        self.realm = f"{where.url}/token"
        if token:
            where.pages["/token"] = encode({"token": token})

    def push(self, path: str, tag: str, data: bytes, digest: str = "", media: str = "") -> str:
        """Put a chart there; the path of its blob."""
        digest = digest or "sha256:" + hashlib.sha256(data).hexdigest()
        kind = media or "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
        layers = [{"mediaType": kind, "digest": digest, "size": len(data)}]
        self.put(f"/v2/{path}/manifests/{tag}", encode({"schemaVersion": 2, "layers": layers}))
        self.put(f"/v2/{path}/blobs/{digest}", data)
        return f"/v2/{path}/blobs/{digest}"

    def put(self, path: str, page: bytes | web.Response) -> None:
        """A page that needs the token."""

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            if self._token and request.headers.get("Authorization") != f"Bearer {self._token}":
                challenge = f'Bearer realm="{self.realm}",service="registry",scope="elsewhere:*"'
                return web.Response(status=401, headers={"WWW-Authenticate": challenge})
            if isinstance(page, bytes):
                return web.Response(body=page)
            return web.Response(status=page.status, headers=page.headers, body=page.body)

        self._site.pages[path] = answer
