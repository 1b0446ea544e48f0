"""One controller process, put together: which clusters it watches, which controllers it runs, under which locks.

Three rings, each ended after the one inside it: the controllers, then the registry, then the fleet; so that the locks
can still be given back while the clients are open. Everything runs in task groups that `Process.run` owns.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial

import structlog
from msgspec import Struct
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from sym.aio.backoff import BackoffPolicy
from sym.aio.broadcast import Pulse
from sym.aio.tasks import NamedTasks
from sym.clusters.fleet import Fleet
from sym.clusters.informer import Watch, erased
from sym.clusters.lease import Lock, LockName
from sym.clusters.member import Member, Tools
from sym.clusters.permit import under
from sym.clusters.queries import Ask, nobody
from sym.clusters.registry import CLUSTERS, CONFIGMAPS, SECRETS, Connect, Registry, Wiring
from sym.clusters.releases import Helm
from sym.controllers.advdeployment import HELM_WATCHES, WATCHES, AdvDeployments
from sym.controllers.appset import ADVDEPLOYMENTS, APPSETS, REVISIONS, AppSets
from sym.controllers.checks import Checks
from sym.controllers.cluster import Clusters
from sym.controllers.metrics import ControllerMetrics, QueueFace
from sym.controllers.queue import Queue
from sym.controllers.record import fleet_id
from sym.controllers.runner import Limits, Reconciler, Runner
from sym.kube.api import Api
from sym.kube.client import Client
from sym.kube.connection import Connection
from sym.model import names
from sym.model.appset import AppSet
from sym.model.kinds import RELEASE
from sym.model.meta import META, Kind, Object, Ref
from sym.net.serve import Answer, Page, health_page
from sym.plan.types import Health

SELF = "self"
ALL = "all"
MASTER, WORKER, FLEET = "appset", "advdeployment", "cluster"
_WORK = (erased(ADVDEPLOYMENTS), *WATCHES)
_log: structlog.stdlib.BoundLogger = structlog.get_logger("sym.process")


class Options(Struct, frozen=True, kw_only=True):
    """What a process shall do. `worker_clusters`: `self`, `all`, or names separated by commas."""

    master: bool = False
    worker: bool = False
    worker_clusters: str = SELF
    leader_election: bool = True
    identity: str
    helm: bool = False
    """Whether it serves podSets of deployType helm: then it reads Helm's records, which are Secrets."""

    @property
    def hosted(self) -> bool:
        """Whether it works on members from outside."""
        return self.worker and self.worker_clusters != SELF

    @property
    def at_home(self) -> bool:
        """Whether it works on the cluster of its own kubeconfig."""
        return self.worker and self.worker_clusters == SELF

    def serves(self, cluster: str) -> bool:
        """Whether its worker is for that cluster."""
        if cluster == META:
            return self.at_home
        return self.hosted and (self.worker_clusters == ALL or cluster in self.worker_clusters.split(","))

    def connects(self, cluster: str) -> bool:
        """Whether it connects to that registered cluster at all."""
        return self.master or self.serves(cluster)

    def own_watches(self) -> tuple[Watch[Object], ...]:
        """What it watches of its own cluster."""
        found: list[Watch[Object]] = []
        if self.master or self.hosted:
            found += [erased(SECRETS), erased(CONFIGMAPS), erased(CLUSTERS)]
        if self.master:
            found += (erased(APPSETS), erased(REVISIONS))
        return (*found, *(self._work if self.at_home else ()))

    def member_watches(self, cluster: str) -> tuple[Watch[Object], ...]:
        """What it watches of a registered cluster."""
        return self._work if self.serves(cluster) else (erased(ADVDEPLOYMENTS),)

    @property
    def _work(self) -> tuple[Watch[Object], ...]:
        return (*_WORK, *(HELM_WATCHES if self.helm else ()))


class Home(Struct, frozen=True, kw_only=True):
    """The API of the process's own cluster, and how clients for others are made."""

    client: Client
    host: str
    connect: Connect
    connection: Connection | None = None
    """How Helm reaches the process's own cluster."""
    helm: Helm | None = None
    """With what Helm's work is done; None: not at all."""
    ask: Ask = nobody
    """What measures for the analyses of rollouts."""


class Process:
    """A controller process. `run` does everything."""

    def __init__(self, home: Home, options: Options, tools: Tools) -> None:
        self._options = options
        self._tools = tools
        self._settings = tools.settings.controller
        self.metrics = ControllerMetrics(tools.metrics.registry)
        own = Member(META, home.client, home.host, options.own_watches(), tools)
        own.connection = home.connection
        self.fleet = Fleet(own, tools, home.helm, home.ask)
        wiring = Wiring(connect=home.connect, watches=options.member_watches, wanted=options.connects)
        self.registry = Registry(self.fleet, tools, wiring) if options.master or options.hosted else None
        self._pulse = Pulse()
        if self.registry is not None:
            self.registry.drained = self._pulse.notify
        self.live, self.ready = Checks(), Checks()
        self._queues: dict[str, Queue[Ref]] = {name: self._queue(name) for name in (MASTER, WORKER, FLEET)}
        self._locks: dict[str, Lock] = {}
        self._leader = self._lock(lambda: self.fleet.own, names.META_NAMESPACE, names.LEADER_LEASE, options.identity)
        self._stopping: float | None = None
        self.fleet.on_turn(lambda _: self._pulse.notify())
        self.metrics.watch_work(self._unfinished)
        self.metrics.watch_apps(self._apps)

    @property
    def routes(self) -> Mapping[str, Answer]:
        """What its probe server answers, by path."""
        return {
            "/live": lambda query: health_page(self.live.results(), query),
            "/ready": lambda query: health_page({**self.live.results(), **self.ready.results()}, query),
            "/metrics": lambda _: Page(body=generate_latest(self.metrics.registry), content_type=CONTENT_TYPE_LATEST),
        }

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set, then finish what is under way, give the locks back and close every client."""
        async with asyncio.TaskGroup() as outer:
            rings = [outer.create_task(self.fleet.live(), name="fleet")]
            if self.registry is not None:
                rings.append(outer.create_task(self.registry.run(), name="registry"))
            rings.append(outer.create_task(self._keep_checks(), name="checks"))
            lag = self.metrics.watch_loop(self._tools.env, self._settings.lag_seconds)
            rings.append(outer.create_task(lag, name="loop lag"))
            _log.info("started", identity=self._options.identity)
            await self._controllers(stop)
            for ring in reversed(rings):
                ring.cancel()
        _log.info("stopped")

    def overdue(self) -> str:
        """Why this process must end at once, whatever it is at; empty while it need not. For any thread to ask: the
        loop may be what hangs."""
        for lock in (self._leader, *tuple(self._locks.values())):
            if lock.overstayed:
                return f"work under the lock {lock.lease} goes on although others may hold it by now"
        lease = self._settings.lease_duration
        if self._stopping is not None and self._tools.env.boottime() - self._stopping > lease:
            return f"the stop has taken longer than {lease:g} s, after which others take over"
        return ""

    async def _controllers(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            tasks: list[asyncio.Task[None]] = []
            if self._options.master:
                tasks.append(group.create_task(self._master(), name="master"))
            if self._options.worker:
                tasks.append(group.create_task(self._worker(), name="worker"))
            await stop.wait()
            self._stopping = self._tools.env.boottime()
            await self._drain()
            for task in tasks:
                task.cancel()

    async def _drain(self) -> None:
        """Let what is under way end, within half of the time for stopping; take up nothing new."""
        for queue in self._queues.values():
            queue.shut_down()
        try:
            async with asyncio.timeout(self._settings.stop_seconds / 2):
                for queue in self._queues.values():
                    await queue.drained()
        except TimeoutError:
            _log.warning("stopping although some work is not finished; the next process takes it up")

    # --- master

    async def _master(self) -> None:
        controller = AppSets(self.fleet, self._queues[MASTER], self._tools, self._leads)
        clusters = Clusters(self.fleet, self._queues[FLEET], self._tools, self._leads)
        await self._until(lambda: self.fleet.own.accepted)
        if self._options.leader_election:
            await self._leader.hold(lambda: self._lead(controller, clusters))
        else:
            await self._lead(controller, clusters)

    def _leads(self) -> bool:
        return not self._options.leader_election or self._leader.valid()

    async def _lead(self, controller: AppSets, clusters: Clusters) -> None:
        self.metrics.leader.labels(names.LEADER_LEASE).set(1)
        try:
            await self._until(lambda: self.fleet.own.synced)
            await self._until(self._settled, self._settings.settle_seconds)
            own = under(self.fleet.own.api, self._leads)
            controller.fleet_id = await fleet_id(own, self._tools.env, controller.carried)
            controller.everything()
            clusters.everything()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._runner(MASTER, controller).run(), name="master runner")
                group.create_task(self._runner(FLEET, clusters).run(), name="fleet health runner")
        finally:
            self.metrics.leader.labels(names.LEADER_LEASE).set(0)

    def _settled(self) -> bool:
        return self.registry is None or self.registry.settled

    async def _until(self, true: Callable[[], bool], seconds: float | None = None) -> None:
        """Wait until `true()`, looked at whenever a cluster turned, or for at most `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                while not true():
                    await self._pulse.wait()
        except TimeoutError:
            _log.warning("not all registered clusters have answered yet; beginning without them")

    # --- worker

    async def _worker(self) -> None:
        controller = AdvDeployments(self.fleet, self._queues[WORKER], self._tools, self._holds)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._runner(WORKER, controller).run(), name="worker runner")
            await self._keep_locks(controller, NamedTasks(group))

    async def _keep_locks(self, controller: AdvDeployments, tasks: NamedTasks) -> None:
        """A lock for every connected cluster that we serve, none for others."""
        while True:
            members = self.fleet.members.items()
            wanted = {name for name, member in members if member.accepted and self._options.serves(name)}
            for name in sorted(tasks.names - wanted):
                await tasks.stop(name)
                del self._locks[name]
            for name in sorted(wanted - tasks.names):
                kind = "member" if name == META else "hosted"
                find = partial(self.fleet.member, name)
                lock = self._lock(find, names.MEMBER_NAMESPACE, names.WORKER_LEASE, f"{kind}/{self._options.identity}")
                self._locks[name] = lock
                tasks.start(name, lock.hold(partial(_serve, controller, name)))
            await self._pulse.wait()

    def _holds(self, cluster: str) -> bool:
        lock = self._locks.get(cluster)
        return lock is not None and lock.valid()

    # --- parts

    def _lock(self, find: Callable[[], Member | None], namespace: str, name: str, identity: str) -> Lock:
        def api() -> Api | None:
            member = find()
            return member.api if member is not None and member.accepted else None

        manager = names.MASTER if name == names.LEADER_LEASE else names.WORKER
        lock_name = LockName(namespace=namespace, name=name, identity=identity, manager=manager)
        return Lock(api, lock_name, self._settings, self._tools.env)

    def _queue(self, name: str) -> Queue[Ref]:
        policy = BackoffPolicy(first=self._settings.retry_first, cap=self._settings.retry_cap, jitter=0.0)
        return Queue(self._tools.env, policy, QueueFace(self.metrics, name))

    def _runner(self, name: str, controller: Reconciler) -> Runner:
        limits = Limits(name=name, threadiness=self._settings.threadiness, settings=self._settings)
        return Runner(self._queues[name], controller, limits, self.metrics, self._tools.env)

    def _apps(self) -> Iterable[AppSet]:
        """What the leader shows of AppSets; a standby would show them twice."""
        store = self.fleet.store(META, APPSETS)
        return tuple(store.view.values()) if store is not None and self._options.master and self._leads() else ()

    def _unfinished(self) -> dict[str, list[float]]:
        now = self._tools.env.monotonic()
        return {name: [now - began for began in queue.processing.values()] for name, queue in self._queues.items()}

    async def _keep_checks(self) -> None:
        """A readiness check per cluster and cache, while that cluster is connected."""
        shown: dict[str, set[str]] = {}
        while True:
            for name in shown.keys() - self.fleet.members.keys():
                for check in shown.pop(name):
                    self.ready.remove(check)
            for name, member in self.fleet.members.items():
                if name not in shown:
                    shown[name] = set()
                    for kind in member.kinds:
                        check = f"{name or 'meta'}_{_title(kind)}_cache_sync"
                        self.ready.add(check, partial(_synced, self.fleet, name, kind))
                        shown[name].add(check)
            await self._pulse.wait()


async def _serve(controller: AdvDeployments, cluster: str) -> None:
    """What happens under a cluster's lock: everything is looked at, then events lead."""
    controller.everything(cluster)
    await asyncio.Event().wait()


def _title(kind: Kind) -> str:
    name = "HelmRelease" if kind == RELEASE else kind.name
    return f"{name[0].lower()}{name[1:]}"


def _synced(fleet: Fleet, cluster: str, kind: Kind) -> str:
    """A cluster that is away is told in the statuses; it does not make this process unready."""
    member = fleet.member(cluster)
    if member is None or (cluster != META and member.state().health is not Health.READY):
        return ""
    return "" if member.filled(kind) else "the cache is not filled yet"
