"""A whole installation in one process and in virtual time: simulated clusters, faulty links, a controller process.

Built from the product's own parts: the sandbox answers, `sandbox.faults` breaks links, `controllers.process` works.
Nothing is mocked; `until` lets virtual time pass until something is true.
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from itertools import pairwise
from typing import NamedTuple
from urllib.parse import urlsplit

from msgspec.structs import replace

from sym.aio.env import LoopEnv
from sym.clusters.member import Tools
from sym.clusters.metrics import FleetMetrics
from sym.clusters.queries import Ask, nobody
from sym.clusters.releases import Helm
from sym.controllers.process import Home, Options, Process
from sym.kube import requests
from sym.kube.api import Api
from sym.kube.client import Client
from sym.kube.connection import Connection
from sym.kube.requests import ListOptions, Request, Response, Target
from sym.model import names
from sym.model.appset import AppSet
from sym.model.codec import JSON, JSONMap, dig_str, encode, parse_map
from sym.model.crd import crds
from sym.model.kinds import ADVDEPLOYMENT, APPSET, CONFIGMAP, CRD, DEPLOYMENT, EVENT, LEASE, NAMESPACE, SECRET
from sym.model.meta import Kind, Object
from sym.model.workload import Deployment, Event, Lease
from sym.sandbox.access import ADMIN
from sym.sandbox.ca import Authority
from sym.sandbox.cluster import SandboxCluster
from sym.sandbox.faults import FaultyClient, Schedule, Script
from sym.settings import SandboxSettings, Settings, WorkloadSettings
from tests.make import BJ4, BJ5

META_NAME = "meta"
SPEED = 10.0


def kubeconfig(server: str, **user: JSON) -> str:
    """A kubeconfig as a registration may hold it, in JSON, which is YAML."""
    document: JSONMap = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "it",
        "clusters": [{"name": "it", "cluster": {"server": f"https://{server}:6443", **_authority()}}],
        "users": [{"name": "it", "user": user or {"token": "sesame"}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
    }
    return encode(document).decode()


@cache
def _authority() -> JSONMap:
    """A CA; without one, every look at a registration would load those of the machine."""
    return {"certificate-authority-data": base64.b64encode(Authority().certificate).decode()}


class Write(NamedTuple):
    """A request that was no read."""

    cluster: str
    method: str
    path: str
    at: float


class World:
    """The clusters `meta` and `members`, each behind one link per process."""

    def __init__(self, *members: str, settings: Settings | None = None, env: LoopEnv | None = None) -> None:
        self.env = env or LoopEnv(0)
        self.settings = replace(
            settings or Settings(), sandbox=SandboxSettings(workloads=WorkloadSettings(speed=SPEED))
        )
        self.clusters = {name: SandboxCluster(name, self.env, self.settings.sandbox) for name in (META_NAME, *members)}
        self.apis = {name: Api(cluster.client(), name) for name, cluster in self.clusters.items()}
        self.links: dict[str, FaultyClient] = {}
        self.schedules: dict[str, Schedule] = {name: Script() for name in self.clusters}
        """The faults of each cluster's links."""
        self.down: set[str] = set()
        """Clusters whose new links are cut from the start."""
        self.helm: Helm | None = None
        """What a controller process with the option `helm` does Helm's work with."""
        self.ask: Ask = nobody
        """What measures for the analyses of rollouts."""
        self.writes: list[Write] = []
        """Every request of a controller process that was no read, in order."""

    @property
    def meta(self) -> Api:
        """The administrator's way to the meta cluster."""
        return self.apis[META_NAME]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The clusters work until the block ends; CRDs and namespaces are installed."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(cluster.run()) for cluster in self.clusters.values()]
            for name in self.clusters:
                await self._furnish(name)
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()

    @asynccontextmanager
    async def controller(self, **options: str | bool) -> AsyncIterator[Process]:
        """A controller process over these clusters, stopped gracefully at the end of the block."""
        process = self.process(**options)
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(process.run(stop))
            try:
                yield process
            finally:
                stop.set()

    def process(self, **options: str | bool) -> Process:
        """A controller process; option `at` names its own cluster."""
        chosen: dict[str, str | bool] = {"master": True, "worker": True, "worker_clusters": "all", **options}
        made = Options(
            master=bool(chosen["master"]),
            worker=bool(chosen["worker"]),
            worker_clusters=str(chosen["worker_clusters"]),
            helm=bool(chosen.get("helm", False)),
            identity=str(chosen.get("identity", self.env.new_id()[:8])),
        )
        at = str(chosen.get("at", META_NAME))
        tools = Tools(env=self.env, settings=self.settings, metrics=FleetMetrics())
        own = Connection(server=f"https://{at}:6443")
        home = Home(client=self.link(at), host=at, connect=self.connect, connection=own, helm=self.helm, ask=self.ask)
        return Process(home, made, tools)

    def connect(self, connection: Connection) -> Client:
        """A client for the cluster that a registration's server names."""
        return self.link(str(urlsplit(connection.server).hostname))

    def link(self, name: str) -> Client:
        """A fresh link to a cluster; `links` holds the latest."""
        client = _Recorded(
            name, FaultyClient(self.clusters[name].client(), self.schedules[name], self.settings.kube), self
        )
        self.links[name] = client.inner
        if name in self.down:
            client.inner.cut()
        return client

    # --- what people do

    async def register(self, name: str, text: str | None = None, **data: str) -> None:
        """Register a cluster in a Secret, as `sym cluster join` does; or change its registration."""
        content = {names.KUBECONFIG_KEY: kubeconfig(name) if text is None else text, **data}
        encoded: JSONMap = {key: base64.b64encode(value.encode()).decode() for key, value in content.items()}
        await self.meta.apply(SECRET, {**_registration(SECRET, name), "data": encoded}, "person", force=True)

    async def register_in_configmap(self, name: str, text: str | None = None) -> None:
        """Register a cluster the document's way."""
        data: JSONMap = {names.KUBECONFIG_KEY: kubeconfig(name) if text is None else text}
        await self.meta.apply(CONFIGMAP, {**_registration(CONFIGMAP, name), "data": data}, "person", force=True)

    async def unregister(self, name: str) -> None:
        """Remove the Secret."""
        await self.remove(self.meta, SECRET, names.META_NAMESPACE, name)

    async def acknowledge(self, name: str, cluster: str) -> None:
        """Say that the registration `name` shall mean the present `cluster`."""
        uid = (await self.apis[cluster].get(NAMESPACE, Object, "", "kube-system")).metadata.uid
        metadata: JSONMap = {"namespace": names.META_NAMESPACE, "name": name, "annotations": {names.CLUSTER_UID: uid}}
        await self.meta.patch(SECRET, {"metadata": metadata}, "person")

    async def apply(self, appset: JSONMap) -> None:
        """`kubectl apply` of an AppSet."""
        body = {"apiVersion": APPSET.api_version, "kind": APPSET.name, **appset}
        await self.meta.apply(APPSET, body, "person", force=True)

    async def remove(self, api: Api, kind: Kind, namespace: str, name: str) -> None:
        """`kubectl delete`, without waiting."""
        live = await api.get(kind, Object, namespace, name)
        meta = live.metadata
        await api.delete(kind, namespace=namespace, name=name, uid=meta.uid, resource_version=meta.resource_version)

    # --- what is there

    async def app(self, name: str = "bbcc") -> AppSet:
        """The AppSet."""
        return await self.meta.get(APPSET, AppSet, "default", name)

    async def raw(self, cluster: str, kind: Kind, name: str) -> JSONMap:
        """An object of namespace default as the server gives it."""
        return await self.apis[cluster].get_raw(kind, "default", name)

    async def names(self, cluster: str, kind: Kind) -> list[str]:
        """The names of all objects of a kind in namespace default."""
        found, _ = await self.apis[cluster].list_all(kind, Object, ListOptions(namespace="default"))
        return sorted(item.metadata.name for item in found)

    async def uids(self, kind: Kind) -> dict[str, str]:
        """The uid of every object of a kind in the members, by `cluster/name`."""
        result: dict[str, str] = {}
        for cluster, api in self.apis.items():
            if cluster != META_NAME:
                found, _ = await api.list_all(kind, Object, ListOptions())
                result |= {f"{cluster}/{item.metadata.name}": item.metadata.uid for item in found}
        return result

    async def state(self, name: str = "bbcc") -> str:
        """The AppSet's state in one word, or nothing while its status is of an older generation."""
        app = await self.app(name)
        fresh = app.status.observed_generation == app.metadata.generation
        return str(app.status.aggr_status.status) if fresh else ""

    async def none(self, cluster: str, kind: Kind) -> bool:
        """Whether namespace default holds no object of a kind."""
        return not await self.names(cluster, kind)

    async def until_running(self, name: str = "bbcc", seconds: float = 60.0) -> None:
        """Wait until the AppSet's state is Running at its own generation."""

        async def runs() -> bool:
            return await self.state(name) == "Running"

        await until(runs, f"{name} is Running", seconds)

    async def some(self, cluster: str, kind: Kind) -> bool:
        """Whether namespace default holds an object of a kind."""
        return bool(await self.names(cluster, kind))

    async def is_gone(self, name: str) -> bool:
        """Whether there is no AppSet of that name."""
        return name not in await self.names(META_NAME, APPSET)

    async def available(self, cluster: str, name: str) -> int:
        """Available pods of a Deployment; 0 where there is none."""
        if name not in await self.names(cluster, DEPLOYMENT):
            return 0
        deployment = await self.apis[cluster].get(DEPLOYMENT, Deployment, "default", name)
        return deployment.status.available_replicas

    async def annotate(self, name: str, key: str, value: str) -> None:
        """`kubectl annotate` of an AppSet."""
        body: JSONMap = {"metadata": {"namespace": "default", "name": name, "annotations": {key: value}}}
        await self.meta.patch(APPSET, body, "person")

    async def label_child(self, cluster: str, name: str, key: str, value: str) -> None:
        """`kubectl label` of an AdvDeployment."""
        body: JSONMap = {"metadata": {"namespace": "default", "name": name, "labels": {key: value}}}
        await self.apis[cluster].patch(ADVDEPLOYMENT, body, "person")

    async def holders(self) -> dict[str, str]:
        """Who holds which of our locks, by `cluster/lease`."""
        found: dict[str, str] = {}
        for cluster, api in self.apis.items():
            leases, _ = await api.list_all(LEASE, Lease, ListOptions())
            for lease in leases:
                if lease.metadata.namespace in (names.META_NAMESPACE, names.MEMBER_NAMESPACE):
                    found[f"{cluster}/{lease.metadata.name}"] = lease.spec.holder_identity or ""
        return found

    async def holds(self, cluster: str, identity: str) -> bool:
        """Whether that holder has our lock in that cluster."""
        found = await self.holders()
        return identity in (found.get(f"{cluster}/{lease}") for lease in (names.LEADER_LEASE, names.WORKER_LEASE))

    async def held_by(self, identity: str) -> bool:
        """Whether all of our locks are held by that process."""
        return all(holder.endswith(identity) for holder in (await self.holders()).values())

    async def reasons(self, cluster: str, kind: str, name: str) -> set[str]:
        """The reasons of the Events about an object."""
        events, _ = await self.apis[cluster].list_all(EVENT, Event, ListOptions())
        return {
            event.reason
            for event in events
            if event.involved_object.kind == kind and event.involved_object.name == name
        }

    def status_intervals(self, cluster: str, path: str) -> float:
        """The shortest time between two writes to a path that ends so, seconds to the microsecond (virtual clocks add
        up in floats); infinite for less than two."""
        times = [write.at for write in self.writes if write.cluster == cluster and write.path.endswith(path)]
        return min((round(later - earlier, 6) for earlier, later in pairwise(times)), default=float("inf"))

    async def _install(self, name: str) -> None:
        """`sym crds | kubectl apply -f -`, and the namespace of a meta cluster."""
        for crd in crds():
            await self.apis[name].apply(CRD, crd, "person")
        await self._name(name)

    async def _furnish(self, name: str) -> None:
        """The same in a new cluster, whose store takes what an install left in another one."""
        for crd in _installed_crds():
            self.clusters[name].store.create(CRD, parse_map(crd))
        await self._name(name)

    async def _name(self, name: str) -> None:
        if name == META_NAME:
            body: JSONMap = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": names.META_NAMESPACE}}
            await self.meta.create(NAMESPACE, body, "person")


@cache
def _installed_crds() -> tuple[bytes, ...]:
    """Our CRDs as a server keeps them. Checking them anew for every cluster would be a sixth of the test run."""
    pattern = SandboxCluster("pattern", LoopEnv(0), SandboxSettings())
    for crd in crds():
        where = Target(CRD, "", dig_str(crd, "metadata", "name"))
        answer = pattern.api.handle(requests.apply(where, crd, "person", force=False), ADMIN)
        assert answer.status == 201
    return tuple(entry.body for entry in pattern.store.list(CRD))


class _Recorded:
    """A client that notes writes."""

    def __init__(self, name: str, inner: FaultyClient, world: World) -> None:
        self.inner = inner
        self._name = name
        self._world = world

    async def send(self, request: Request) -> Response:
        if request.method != "GET":
            self._world.writes.append(Write(self._name, request.method, request.path, self._world.env.monotonic()))
        return await self.inner.send(request)

    def stream(self, request: Request) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return self.inner.stream(request)

    async def aclose(self) -> None:
        await self.inner.aclose()


@asynccontextmanager
async def installed(*members: str, settings: Settings | None = None) -> AsyncIterator[World]:
    """A running world with registered members; the two of `make.two_clusters` where none are named."""
    world = World(*(members or (BJ4, BJ5)), settings=settings)
    async with world.running():
        for name in members or (BJ4, BJ5):
            await world.register(name)
        yield world


async def until(true: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Let virtual time pass until `true()` (or what it awaits) holds. Raises AssertionError after `seconds`."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        answer = true()
        if asyncio.iscoroutine(answer):
            answer = await answer
        if answer:
            return
        assert loop.time() < deadline, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.05)


def _registration(kind: Kind, name: str) -> JSONMap:
    return {
        "apiVersion": "v1",
        "kind": kind.name,
        "metadata": {
            "name": name,
            "namespace": names.META_NAMESPACE,
            "labels": {names.CLUSTER_OWNER: names.CLUSTER_OWNER_VALUE},
        },
    }
