"""A `World` for the stories of what must never end: its servers keep an audit log, its links can be put under a spell.

Everything is judged from outside: what the servers were asked for by the controllers, and which pods still are the
pods that they were. Virtual time.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from sym.kube.api import Api
from sym.kube.requests import ListOptions, Request
from sym.model.codec import JSON, JSONMap, dig, dig_list, dig_str, encode
from sym.model.kinds import DEPLOYMENT, POD, REPLICASET, SERVICE, STATEFULSET
from sym.model.meta import Kind, Object
from sym.sandbox.audit import Record, place_of
from sym.sandbox.call import User
from sym.sandbox.cluster import SandboxCluster
from sym.sandbox.faults import Fault, FaultyClient, Junk, Refuse, Script, is_list, is_streamed_list, is_watch
from sym.sandbox.store import Store
from tests.make import BJ4, BJ5, two_clusters
from tests.world import META_NAME, World

CONTROLLER = User(name="sym-controller", groups=("system:masters", "system:authenticated"))

Charm = Callable[[Request], Fault | None]


class Spell(Script):
    """What a link does to every request until the spell is lifted."""

    def __init__(self) -> None:
        super().__init__()
        self._charm: Charm | None = None

    def cast(self, charm: Charm) -> None:
        """From now on, ask `charm`."""
        self._charm = charm

    def lift(self) -> None:
        """The link is honest again."""
        self._charm = None

    def next(self, request: Request) -> Fault | None:
        """See `Schedule.next`."""
        return self._charm(request) if self._charm else None


class House(World):
    """A world with an audit log."""

    def __init__(self, *members: str) -> None:
        super().__init__(*members)
        self.spells = {name: Spell() for name in self.clusters}
        self.records: list[Record] = []
        for cluster in self.clusters.values():
            cluster.api.listeners.append(self.records.append)

    def link(self, name: str) -> FaultyClient:
        """A fresh link of the controllers to a cluster, under its spell."""
        return self.link_of(CONTROLLER, name)

    def link_of(self, user: User, name: str) -> FaultyClient:
        """The same for another user."""
        client = FaultyClient(self.clusters[name].client(user), self.spells[name], self.settings.kube)
        self.links[name] = client
        return client

    async def bewitch(self, name: str, charm: Charm) -> None:
        """Put the link to a cluster under a spell at once: its streams break, so that they are opened anew."""
        self.spells[name].cast(charm)
        self.links[name].cut()
        await asyncio.sleep(0.01)
        self.links[name].heal()

    def lies(self, name: str) -> int:
        """How many answers the present link to a cluster has made up so far."""
        return sum(isinstance(fault, Junk) for _, fault in self.links[name].injected)

    def asked(self, *verbs: str) -> list[Record]:
        """What the controllers asked the servers to change, locks apart; only these verbs, where any are given."""
        return [
            record
            for record in self.records
            if record.user == CONTROLLER.name
            and record.write
            and record.place.resource != "leases"
            and (not verbs or record.verb in verbs)
        ]

    def counts(self) -> Counter[str]:
        """How often each kind of change was asked for, and answered how: `patch appsets/status -> 200`."""
        return Counter(
            f"{each.verb} {'/'.join(filter(None, (each.place.resource, each.place.subresource)))} -> {each.code}"
            for each in self.asked()
        )

    @property
    def deletes(self) -> list[Record]:
        """Every deletion that the controllers asked for, granted or not."""
        return self.asked("delete", "deletecollection")

    async def lives(self) -> dict[str, str]:
        """Everything that runs in the members, by `cluster/kind/namespace/name`: uids and restarts of containers."""
        found: dict[str, str] = {}
        for cluster, api in self.apis.items():
            if cluster != META_NAME:
                for kind in (DEPLOYMENT, STATEFULSET, REPLICASET, SERVICE, POD):
                    for item in await _raw_list(api, kind):
                        where = f"{cluster}/{kind.name}/{dig_str(item, 'metadata', 'namespace')}"
                        found[f"{where}/{dig_str(item, 'metadata', 'name')}"] = _life(item)
        return found

    async def replace_meta(self) -> SandboxCluster:
        """A new, empty meta cluster in the place of the old one; the caller runs it."""
        fresh = SandboxCluster(META_NAME, self.env, self.settings.sandbox)
        fresh.api.listeners.append(self.records.append)
        self.clusters[META_NAME], self.apis[META_NAME] = fresh, Api(fresh.client(), META_NAME)
        await self._install(META_NAME)
        return fresh

    @asynccontextmanager
    async def unharmed(self) -> AsyncIterator[None]:
        """In this block nothing that runs may end, and no deletion may even be asked for."""
        before = await self.lives()
        assert any("/Pod/" in key for key in before), "nothing runs, so nothing could be harmed"
        self.records.clear()
        yield
        assert self.deletes == []
        assert await self.lives() == before


@asynccontextmanager
async def house(*members: str) -> AsyncIterator[House]:
    """A running house with registered members."""
    made = House(*(members or (BJ4, BJ5)))
    async with made.running():
        for name in members or (BJ4, BJ5):
            await made.register(name)
        yield made


@asynccontextmanager
async def at_rest(app: JSONMap | None = None) -> AsyncIterator[House]:
    """A house in which the AppSet bbcc (of Deployments, without `app`) runs in both members; the controllers have
    stopped."""
    async with house() as world:
        async with world.controller():
            await world.apply(app or two_clusters())
            await world.until_running()
        yield world


def empty_lists(store: Store, *plurals: str) -> Charm:
    """Lists of these resources (of all, where none are named) come back empty, at the newest version, in pages and in
    streams; their watches have expired, so that everybody lists."""

    def charm(request: Request) -> Fault | None:
        resource = place_of(request.path).resource
        if plurals and resource not in plurals:
            return None
        if is_streamed_list(request):
            return Junk(body=encode(_end(request.path, str(store.version))), last=True)
        if is_watch(request):
            return Refuse(code=410, reason="Expired")
        if is_list(request):
            return Junk(body=encode(_nothing(request.path, str(store.version))))
        return None

    return charm


def refused_lists(code: int, reason: str, *plurals: str) -> Charm:
    """Lists and watches of these resources (of all, where none are named) are refused."""

    def charm(request: Request) -> Fault | None:
        listing = is_list(request) or is_watch(request)
        wanted = not plurals or place_of(request.path).resource in plurals
        return Refuse(code=code, reason=reason) if listing and wanted else None

    return charm


def every_answer(fault: Fault) -> Charm:
    """Whatever is asked ends so."""
    return lambda _: fault


def _end(path: str, version: str) -> JSONMap:
    """The end of a streamed list."""
    metadata: JSONMap = {"resourceVersion": version, "annotations": {"k8s.io/initial-events-end": "true"}}
    return {"type": "BOOKMARK", "object": {"apiVersion": _api_version(path), "kind": "Thing", "metadata": metadata}}


def _api_version(path: str) -> str:
    return "v1" if path.startswith("/api/") else "/".join(path.split("/")[2:4])


def _nothing(path: str, version: str) -> JSONMap:
    return {"apiVersion": _api_version(path), "kind": "List", "metadata": {"resourceVersion": version}, "items": []}


async def _raw_list(api: Api, kind: Kind) -> list[JSON]:
    found, _ = await api.list_all(kind, Object, ListOptions())
    return [await api.get_raw(kind, item.metadata.namespace, item.metadata.name) for item in found]


def _life(item: JSON) -> str:
    restarts = [dig(each, "restartCount") for each in dig_list(item, "status", "containerStatuses")]
    return f"{dig_str(item, 'metadata', 'uid')} {restarts}"
