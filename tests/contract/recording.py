"""Records sessions for the raw differential run: what kubectl and Sym's own processes ask.

    SYM_REAL_KUBECONFIG=FILE python -m tests.contract.recording [kubectl-1.33|sym…]

kubectl goes through a plain HTTP proxy in front of a real server; Sym's processes run over simulated clusters in
virtual time, with their clients overheard.
"""

import asyncio
import os
import re
import sys
import tempfile
from base64 import b64encode
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote, urlencode

import aiohttp
from aiohttp import web
from msgspec import Struct, json
from msgspec.structs import replace
from yarl import URL

from sym.aio.virtual import VirtualLoop
from sym.kube.api import Api
from sym.kube.client import Client
from sym.kube.requests import Request, Response
from sym.model import names
from sym.model.codec import JSON
from sym.model.kinds import APPSET, CRD
from sym.sandbox.audit import place_of
from sym.sandbox.resources import absent
from tests.contract import backends
from tests.contract.errands import ERRANDS
from tests.contract.player import remove_namespace
from tests.contract.sessions import FOLDER, Asked
from tests.contract.steps import JSON_MEDIA, NAMESPACE, PROTOBUF, decoded
from tests.make import BJ4, BJ5, two_clusters
from tests.sandbox.kubectls import Kubectl, found
from tests.world import META_NAME, World, until

_KNOWN = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r'|(?<=resourceVersion=)[1-9]\d*|(?<="resourceVersion":")[1-9]\d*|(?<=continue=)[\w%-]+'
)
"""What only the server that gave it knows: uids, resourceVersions, continue tokens."""
_SPACES = f"{NAMESPACE}|{names.META_NAMESPACE}|{names.MEMBER_NAMESPACE}|default"
_OURS = re.compile(rf'(?<=namespaces/)(?:{_SPACES})(?=[/?]|$)|(?<=namespace":")(?:{_SPACES})(?=")|{NAMESPACE}')


class Exchange(Struct):
    """One request as it was asked, and what was answered."""

    method: str
    target: str
    accept: str
    media: str
    body: bytes
    answer: JSON = None


class Overheard:
    """A client whose requests are written down, with their answers."""

    def __init__(self, inner: Client, exchanges: list[Exchange]) -> None:
        self._inner = inner
        self._exchanges = exchanges

    async def send(self, request: Request) -> Response:
        """See `Client.send`."""
        exchange = _exchange(request)
        self._exchanges.append(exchange)
        answer = await self._inner.send(request)
        exchange.answer = decoded(answer.body)
        return answer

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncGenerator[AsyncIterator[bytes]]:
        """See `Client.stream`. What a watch tells is not kept: a repeated one would tell it at another time."""
        self._exchanges.append(_exchange(request))
        async with self._inner.stream(request) as lines:
            yield lines

    async def aclose(self) -> None:
        """See `Client.aclose`."""
        await self._inner.aclose()


def _exchange(request: Request) -> Exchange:
    headers = {name.lower(): value for name, value in request.headers.items()}
    query = urlencode(request.query, quote_via=quote)
    return Exchange(
        method=request.method,
        target=request.path + (f"?{query}" if query else ""),
        accept=headers.get("accept", JSON_MEDIA),
        media=headers.get("content-type", JSON_MEDIA),
        body=request.body,
    )


class OverheardWorld(World):
    """An installation whose requests are written down by cluster."""

    def __init__(self, *members: str) -> None:
        super().__init__(*members)
        self.exchanges: dict[str, list[Exchange]] = {name: [] for name in self.clusters}
        self.apis = {
            name: Api(Overheard(cluster.client(), self.exchanges[name]), name)
            for name, cluster in self.clusters.items()
        }

    def link(self, name: str) -> Client:
        """See World."""
        return Overheard(super().link(name), self.exchanges[name])


async def _sym() -> dict[str, list[Exchange]]:
    """An AppSet from its first apply to its last delete, as the meta cluster and a member hear of it."""
    world = OverheardWorld(BJ4, BJ5)
    async with world.running():
        for name in (BJ4, BJ5):
            await world.register(name)
        async with world.controller():
            await world.apply(two_clusters())
            await world.until_running()
            await world.apply(two_clusters("v2", 3))
            await world.until_running()
            await world.remove(world.meta, APPSET, "default", "bbcc")
            await until(lambda: world.is_gone("bbcc"), "the AppSet is gone")
    heard = {"sym-meta": world.exchanges[META_NAME], "sym-member": world.exchanges[BJ4]}
    return {name: [one for one in found if not _set_up(one)] for name, found in heard.items()}


def _set_up(exchange: Exchange) -> bool:
    """Whether a request installs what a played session has from the start: CRDs and its namespace."""
    return CRD.plural in exchange.target or exchange.target.startswith("/api/v1/namespaces?")


async def _kubectl(version: str, kubeconfig: bytes) -> list[Exchange]:
    """All errands of a person with one kubectl, against a real server."""
    exchanges: list[Exchange] = []
    async with backends.session_with(kubeconfig) as (url, session):
        proxy = Proxy(url, session, exchanges)
        runner = web.ServerRunner(web.Server(proxy.forward))
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            with tempfile.TemporaryDirectory(prefix="sym-errands-") as home:
                await _run_errands(version, f"http://{host}:{port}", Path(home))
        finally:
            await runner.cleanup()
    async with backends.real(kubeconfig) as server:
        await remove_namespace(server, NAMESPACE)
    return exchanges


class Proxy:
    """Stands before a real server and writes down what passes."""

    def __init__(self, url: str, session: aiohttp.ClientSession, exchanges: list[Exchange]) -> None:
        self._url = url
        self._session = session
        self._exchanges = exchanges

    async def forward(self, request: web.BaseRequest) -> web.StreamResponse:
        """The real server's answer, in whole: a watch is made short. Answers in protobuf are not asked for."""
        target = short(request.raw_path) if "watch=" in request.raw_path else request.raw_path
        accepted = request.headers.get("Accept", JSON_MEDIA).split(",")
        accept = ",".join(part for part in accepted if "protobuf" not in part) or JSON_MEDIA
        media = request.headers.get("Content-Type", JSON_MEDIA)
        body = await request.read()
        exchange = Exchange(request.method, target, accept, media, body)
        self._exchanges.append(exchange)
        sent = {"Accept": accept, "User-Agent": request.headers.get("User-Agent", "")}
        sent |= {"Content-Type": media} if body else {}
        url = URL(self._url + target, encoded=True)
        async with self._session.request(request.method, url, headers=sent, data=body or None) as answer:
            text = await answer.read()
            exchange.answer = decoded(text)
            headers = {"Content-Type": answer.headers.get("Content-Type", JSON_MEDIA)}
            return web.Response(status=answer.status, headers=headers, body=text)


async def _run_errands(version: str, url: str, home: Path) -> None:
    config = home / "config"
    cluster = {"name": "it", "cluster": {"server": url}}
    context = {"name": "it", "context": {"cluster": "it", "user": ""}}
    document = {"apiVersion": "v1", "kind": "Config", "clusters": [cluster], "contexts": [context]}
    config.write_bytes(json.encode({**document, "current-context": "it"}))
    kubectl = Kubectl(found()[version], config, NAMESPACE, home)
    await kubectl("create", "namespace", NAMESPACE)
    for errand in ERRANDS:
        said = await kubectl(*errand.arguments, stdin=errand.stdin)
        if said.code != errand.code:
            sys.stdout.write(f"{' '.join(errand.arguments)}: exit {said.code}: {said.err}{said.out[-300:]}\n")


def short(target: str) -> str:
    """A watch that the server ends after a second."""
    path, _, query = target.partition("?")
    kept = [pair for pair in query.split("&") if pair and not pair.startswith("timeoutSeconds=")]
    return f"{path}?{'&'.join([*kept, 'timeoutSeconds=1'])}"


# --- from exchanges to a session


def session(exchanges: list[Exchange]) -> list[Asked]:
    """The requests, free of what only this run's server knew; without polls."""
    known: dict[str, str] = {}
    needed: set[str] = set()
    asked: list[tuple[str, Asked]] = []
    reads: set[tuple[str, str]] = set()
    for number, exchange in enumerate(exchanges):
        poll = (exchange.target, exchange.accept)
        reads = reads if exchange.method == "GET" else set()
        one = _asked(exchange, known, needed) if poll not in reads else None
        reads |= {poll} if exchange.method == "GET" else set()
        if one is not None:
            asked.append((f"r{number}", one))
            known |= _values(exchange.answer, f"r{number}") if "watch=" not in exchange.target else {}
    return [replace(one, save=name if name in needed else "") for name, one in asked]


def _asked(exchange: Exchange, known: dict[str, str], needed: set[str]) -> Asked | None:
    """None where a request says something that no answer before it said, or is for a kind that the sandbox lacks and
    does not show in discovery."""
    place = place_of(exchange.target.partition("?")[0])
    group = exchange.target.split("/")[2] if exchange.target.startswith("/apis/") else ""
    if (place.resource and absent(group, place.resource)) or _untimely(exchange):
        return None
    target = short(exchange.target) if "watch=" in exchange.target else exchange.target
    target = re.sub(r"hash=\w+&?", "", target)  # a digest of the document
    raw = exchange.body if exchange.media == PROTOBUF else b""
    texts = (target, "" if raw else exchange.body.decode())
    values = {value for text in texts for value in _KNOWN.findall(text)}
    if not values <= known.keys():
        return None
    needed |= {known[value].partition(".")[0] for value in values}
    path, body = (_OURS.sub("{ns}", _KNOWN.sub(lambda match: f"{{{known[match[0]]}}}", text)) for text in texts)
    return Asked(exchange.method, path, exchange.accept, exchange.media, body, b64encode(raw).decode())


def _untimely(exchange: Exchange) -> bool:
    """What only comes, or is answered so or so, because a real server serves a new CRD some moments later."""
    waits = exchange.method == "GET" and CRD.plural in exchange.target and "as=Table" not in exchange.accept
    return waits or exchange.target.startswith("/openapi/v2")


def _values(value: JSON, at: str) -> dict[str, str]:
    """Where an answer says each uid, resourceVersion and continue token."""
    found: dict[str, str] = {}
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in sorted(pairs, key=lambda pair: pair[0] == "metadata"):  # a list's own version above its items'
        if key in ("uid", "resourceVersion", "continue") and isinstance(item, str) and item:
            found[item] = f"{at}.{key}"
        elif re.fullmatch(r"\w+", str(key)) and key != "managedFields":
            found |= _values(item, f"{at}.{key}")
    return found


def main(wanted: list[str]) -> None:
    """Record the sessions named, or all."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        recorded = runner.run(_sym())
    kubeconfig = Path(os.environ["SYM_REAL_KUBECONFIG"]).read_bytes()
    for version in ("1.30", "1.33"):
        recorded[f"kubectl-{version}"] = asyncio.run(_kubectl(version, kubeconfig))
    for name, exchanges in recorded.items():
        if not wanted or name in wanted:
            lines = b",\n".join(json.encode(one) for one in session(exchanges))
            (FOLDER / f"{name}.json").write_bytes(b"[\n" + lines + b"\n]\n")
            sys.stdout.write(f"{name}: {len(session(exchanges))} requests of {len(exchanges)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
