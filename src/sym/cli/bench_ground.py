"""Where `sym bench` takes place: clusters reached through a kubeconfig, a namespace of its own, and the way back.

Whatever is made here is taken away again: AppSets are abandoned (so that no fuse for deletions is burnt), then the
namespaces go with all that is in them, then the twins of our CRDs and the registrations. CRDs of Sym itself stay.
"""

import asyncio
import base64
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TypeVar

from sym.aio.env import Env
from sym.cli import demo_install
from sym.cli.bench import Options
from sym.cli.bench_floor import GROUP, MANAGER, twins
from sym.cli.main import installed_version
from sym.clusters.executor import ensure
from sym.kube.api import Api
from sym.kube.connection import Connection
from sym.kube.errors import KubeError, NotFound
from sym.kube.http import HttpClient
from sym.kube.kubeconfig import contexts, load_operator
from sym.kube.requests import ListOptions
from sym.model import names
from sym.model.codec import JSONMap, dig_str, encode
from sym.model.kinds import ADVDEPLOYMENT, APPSET, CRD, DEPLOYMENT, NAMESPACE, SECRET
from sym.model.meta import META, Kind, Object
from sym.model.workload import Deployment
from sym.settings import KubeSettings

T = TypeVar("T")
_PAUSE = 0.25  # seconds between two looks
_CLEARING = 300.0  # seconds that the removal of a namespace may take
_TWINS = tuple(kind._replace(group=GROUP) for kind in (APPSET, ADVDEPLOYMENT))


class Problem(Exception):
    """The bench cannot go on. The message says why and what to do."""


class Ground:
    """The clusters by name, the meta cluster under "", and the namespace in which everything happens."""

    def __init__(self, apis: Mapping[str, Api], connections: Mapping[str, Connection], concurrency: int) -> None:
        self.apis = apis
        self.namespace = f"sym-bench-{secrets.token_hex(3)}"
        self._connections = connections
        self._concurrency = concurrency
        self._registered: list[str] = []

    @property
    def members(self) -> tuple[str, ...]:
        """The members' names, in order."""
        return tuple(name for name in self.apis if name != META)

    async def install(self) -> None:
        """CRDs, namespaces and registrations of Sym, as an installation has them. Raises Problem."""
        await demo_install.install(self.apis[META], [self.apis[name] for name in self.members])
        known, _ = await self.apis[META].list_all(SECRET, Object, ListOptions(namespace=names.META_NAMESPACE))
        there = {secret.metadata.name for secret in known}
        fresh = {name: registration(self._connections[name]) for name in self.members if name not in there}
        self._registered += fresh
        await demo_install.register(self.apis[META], fresh)

    async def prepare(self) -> None:
        """The namespace and the twins of our CRDs, in every cluster."""
        for api in self.apis.values():
            await ensure(api, NAMESPACE, _named(NAMESPACE, self.namespace), MANAGER)
            for twin in twins():
                await api.apply(CRD, twin, MANAGER, force=True)
        for api in self.apis.values():
            for kind in _TWINS:
                await _until(partial(_served, api, kind, self.namespace), 60, "its CRD is served")

    async def calm(self, patience: float) -> None:
        """Wait until the clusters' own controllers have seen every Deployment, so that they do nothing any more."""
        for name in self.members:
            await _until(partial(self._calm, name), patience, f"Deployments in {name} are all observed")

    async def _calm(self, member: str) -> bool:
        found, _ = await self.apis[member].list_all(DEPLOYMENT, Deployment, ListOptions(namespace=self.namespace))
        return all(each.status.observed_generation >= each.metadata.generation for each in found)

    async def clear(self) -> None:
        """Take everything away. Needs controllers that run. Raises Problem with what is left."""
        meta = self.apis[META]
        abandon: JSONMap = {names.ABANDON: ",".join(self.members)}
        await self._each(meta, APPSET, {"annotations": abandon})
        await self._vacate(meta)
        async with asyncio.TaskGroup() as group:
            for name in self.members:  # once no AppSet is left that would make children anew
                group.create_task(self._vacate(self.apis[name]), name=f"vacate {name}")
        for name in self._registered:
            await self._remove(meta, SECRET, name, names.META_NAMESPACE)

    async def _vacate(self, api: Api) -> None:
        """Take our namespace out of one cluster, and the twins."""
        for kind in _TWINS:
            await self._each(api, kind, {"finalizers": None})
        await self._remove(api, NAMESPACE, self.namespace)
        for twin in twins():
            await self._remove(api, CRD, dig_str(twin, "metadata", "name"))

    async def _each(self, api: Api, kind: Kind, metadata: JSONMap) -> None:
        """Merge `metadata` into every object of `kind` in our namespace."""
        found: Iterable[Object] = ()
        with suppress(NotFound, KubeError):
            found, _ = await api.list_all(kind, Object, ListOptions(namespace=self.namespace))

        async def one(item: Object) -> None:
            where: JSONMap = {"namespace": self.namespace, "name": item.metadata.name}
            with suppress(NotFound):
                await api.patch(kind, {"metadata": where | metadata}, MANAGER)

        await spread(found, one, self._concurrency)

    async def _remove(self, api: Api, kind: Kind, name: str, namespace: str = "") -> None:
        where = f"{kind.name} {name} in {api.cluster or 'the meta cluster'}"
        await _until(partial(_gone, api, kind, namespace, name), _CLEARING, f"{where} is gone")

    async def aclose(self) -> None:
        """Close every client."""
        for api in self.apis.values():
            await api.aclose()


@asynccontextmanager
async def reached(options: Options, env: Env) -> AsyncIterator[Ground]:
    """The clusters that the flags name, until the block ends. Raises BadKubeconfig."""
    there, _ = contexts(options.kubeconfig)
    members = options.members or tuple(name for name in there if name != options.meta)
    if not members:
        raise Problem(f"the kubeconfig has no context beside {options.meta!r}; name the members' contexts --members")
    connections = {META: load_operator(options.kubeconfig, options.meta)}
    connections |= {name: load_operator(options.kubeconfig, name) for name in members}
    # nothing of ours may slow the floor down: what is measured are the servers
    settings = KubeSettings(
        user_agent=f"sym-bench/{installed_version()}", qps=0.0, concurrency=max(options.concurrency, 32)
    )
    apis = {name: Api(HttpClient(each, settings, env), name, settings) for name, each in connections.items()}
    ground = Ground(apis, connections, options.concurrency)
    try:
        yield ground
    finally:
        await ground.aclose()


async def spread(items: Iterable[T], work: Callable[[T], Awaitable[None]], concurrency: int) -> None:
    """Do `work` for every item, `concurrency` at a time."""
    left = iter(items)

    async def worker() -> None:
        for item in left:
            await work(item)

    async with asyncio.TaskGroup() as group:
        for number in range(concurrency):
            group.create_task(worker(), name=f"bench {number}")


def registration(connection: Connection) -> str:
    """The kubeconfig under which a member is registered: the one that we were given, with all its content inline.
    Raises Problem where that cannot be."""
    if not (connection.token or connection.certificate) or connection.insecure:
        raise Problem(
            f"context {connection.name!r} cannot be registered as it is: a registration takes a token or a client"
            " certificate, and a CA; register the members yourself (sym cluster join) and leave out --start"
        )
    cluster: JSONMap = {"server": connection.server, "certificate-authority-data": _inline(connection.ca)}
    if connection.tls_server_name:
        cluster["tls-server-name"] = connection.tls_server_name
    user: JSONMap = {"token": connection.token} if connection.token else {}
    if connection.certificate:
        user |= {
            "client-certificate-data": _inline(connection.certificate),
            "client-key-data": _inline(connection.key),
        }
    context: JSONMap = {"cluster": "member", "user": "sym"}
    document: JSONMap = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "member", "cluster": cluster}],
        "users": [{"name": "sym", "user": user}],
        "contexts": [{"name": "member", "context": context}],
        "current-context": "member",
    }
    return encode(document).decode()


def _inline(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _named(kind: Kind, name: str) -> JSONMap:
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": {"name": name}}


async def _served(api: Api, kind: Kind, namespace: str) -> bool:
    try:
        await api.list_all(kind, Object, ListOptions(namespace=namespace))
    except KubeError:
        return False
    return True


async def _gone(api: Api, kind: Kind, namespace: str, name: str) -> bool:
    """Whether it is gone; if not, ask for its deletion."""
    try:
        meta = (await api.get(kind, Object, namespace, name)).metadata
        if meta.deletion_timestamp is None:
            await api.delete(kind, namespace=namespace, name=name, uid=meta.uid, resource_version=meta.resource_version)
    except NotFound:
        return True
    except KubeError:
        return False  # it changed, or the server is busy: the next look says more
    return False


async def _until(true: Callable[[], Awaitable[bool]], seconds: float, what: str) -> None:
    """Wait until `true()`. Raises Problem after `seconds`."""
    end = time.monotonic() + seconds
    while not await true():
        if time.monotonic() >= end:
            raise Problem(f"after {seconds:.0f} s it is still not so that {what}")
        await asyncio.sleep(_PAUSE)
