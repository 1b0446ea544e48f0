"""Registrations in the meta cluster become members of the fleet: added, changed, removed, disconnected, at run time.

Each name is handled alone, in its own task, so that a registration which cannot be used (or whose cluster hangs) keeps
no other one waiting. A changed kubeconfig takes the place of the old one only after its cluster has answered and turned
out to be the same one; until then the last good client stays. Nothing that happens to a registration touches a
workload. Relies on the meta cluster's caches of Secrets and ConfigMaps.
"""

import asyncio
from collections.abc import Callable
from functools import partial

import structlog
from msgspec import Struct

from sym.aio.backoff import Backoff, BackoffPolicy
from sym.aio.broadcast import Pulse
from sym.aio.tasks import NamedTasks, guard
from sym.clusters.fleet import Entry, Fleet
from sym.clusters.health import describe, verdict
from sym.clusters.informer import Watch
from sym.clusters.member import Member, Tools
from sym.clusters.probe import ForeignCluster, probe
from sym.clusters.registration import OPTIONS, Registration, from_configmap, from_secret
from sym.kube.api import Api
from sym.kube.client import Client
from sym.kube.connection import Connection
from sym.kube.errors import BadKubeconfig, KubeError
from sym.kube.kubeconfig import load_registered
from sym.kube.store import Change
from sym.model import names
from sym.model.cluster import Cluster
from sym.model.codec import JSONMap
from sym.model.kinds import CLUSTER, CONFIGMAP, SECRET
from sym.model.meta import META, Object, Ref
from sym.model.workload import ConfigMap, Secret
from sym.plan.types import Action, Apply, Emit, Health

SECRETS = Watch(kind=SECRET, type=Secret, options=OPTIONS)
CONFIGMAPS = Watch(kind=CONFIGMAP, type=ConfigMap, options=OPTIONS)
CLUSTERS: Watch[Cluster] = Watch(
    kind=CLUSTER, type=Cluster, required=False, indexes={"name": lambda cluster: (cluster.metadata.name,)}
)

_log: structlog.stdlib.BoundLogger = structlog.get_logger("sym.registry")

Connect = Callable[[Connection], Client]


class Wiring(Struct, frozen=True, kw_only=True):
    """How members are made."""

    connect: Connect
    """A client for a connection (`kube.http.HttpClient` in production)."""
    watches: Callable[[str], tuple[Watch[Object], ...]]
    """What is watched of the member of that name."""
    wanted: Callable[[str], bool] = lambda _: True
    """Whether this process serves the cluster of that name."""


class Known(Struct):
    """What the registry knows of one name: its registration and the verdict that follows from that alone."""

    registration: Registration
    health: Health | None = None
    reason: str = ""


class Registry:
    """Keeps the fleet equal to the registrations. `run` owns its tasks."""

    def __init__(self, fleet: Fleet, tools: Tools, wiring: Wiring) -> None:
        self._fleet = fleet
        self._tools = tools
        self._wiring = wiring
        self._known: dict[str, Known] = {}
        self._dirty: set[str] = set()
        self._pulse = Pulse()
        self._tasks: NamedTasks | None = None
        self.drained: Callable[[], None] = lambda: None
        """Called whenever all that was heard of registrations has been looked at: `settled` may have become true."""
        for kind in (SECRET, CONFIGMAP, CLUSTER):
            fleet.on_change(kind, self._hear)

    async def run(self) -> None:
        """Follow the registrations until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._tasks = NamedTasks(group)
            while True:
                names_, self._dirty = sorted(self._dirty), set()
                for name in names_:
                    await self._begin(name)
                if not self._dirty:
                    self.drained()
                    await self._pulse.wait()

    @property
    def settled(self) -> bool:
        """Whether the registrations are known and each was either brought to a verdict or is connected and filled."""
        stores = (self._fleet.own.store(SECRETS), self._fleet.own.store(CONFIGMAPS))
        if not all(store is not None and store.synced for store in stores) or self._dirty:
            return False
        return all(self._verdict(name) for name in self._known)

    def _verdict(self, name: str) -> bool:
        state = self._fleet.state(name)
        return state.usable or state.health not in (Health.CONNECTING, Health.READY)

    # --- what the meta cluster says

    def _hear(self, cluster: str, change: Change[Object]) -> None:
        if cluster != META:
            return
        self._dirty.add(change.ref.name)
        self._pulse.notify()

    def _read(self, name: str) -> tuple[Registration | None, bool]:
        """The registration that counts, and whether it hides another one."""
        ref = Ref(META, names.META_NAMESPACE, name)
        secrets, configmaps = self._fleet.own.store(SECRETS), self._fleet.own.store(CONFIGMAPS)
        secret = secrets.view.get(ref) if secrets else None
        configmap = configmaps.view.get(ref) if configmaps else None
        if secret is not None:
            return from_secret(secret), configmap is not None
        return (from_configmap(configmap), False) if configmap is not None else (None, False)

    def _meta(self, registration: Registration) -> dict[str, str]:
        """The registration's metadata, overridden by that of the Cluster of the same name, in whatever namespace; of
        several the one beside the registration counts, else the first."""
        clusters = self._fleet.own.store(CLUSTERS)
        found = clusters.by("name", registration.name) if clusters else ()
        cluster = min(found, key=lambda each: each.metadata.namespace != names.META_NAMESPACE, default=None)
        return {**registration.all_meta, **(cluster.spec.merged_meta if cluster else {})}

    # --- what follows from it

    async def _begin(self, name: str) -> None:
        """Start handling what the registration of `name` says now, in place of what was being done about it."""
        registration, _ = self._read(name)
        known = self._known.get(name)
        if registration is None or not self._wiring.wanted(name):
            self._known.pop(name, None)
            await self._stop(name)
            await self._fleet.retire(name)
            self._fleet.note(name, None)
            return
        if known is not None and _same(known.registration, registration):
            known.registration = registration
            self._note(name, known.health, known.reason)
            return
        await self._stop(name)
        self._known[name] = Known(registration=registration)
        if self._tasks is not None:
            self._tasks.start(name, guard(f"registration {name}", self._handle(name, registration)))

    async def _stop(self, name: str) -> None:
        if self._tasks is not None:
            await self._tasks.stop(name)

    async def _handle(self, name: str, registration: Registration) -> None:
        """Bring the fleet to what `registration` says; tries again until it is superseded."""
        await self._advise(registration)
        if registration.maintaining:
            await self._fleet.retire(name)
            self._note(name, Health.MAINTAINING, f"its registration says status {registration.status.strip()!r}")
            return
        try:
            connection = load_registered(registration.kubeconfig)
            client = self._wiring.connect(connection)
        except BadKubeconfig as error:
            await self._problem(registration, str(error))
            return
        if self._fleet.member(name) is None:
            member = Member(name, client, connection.host, self._wiring.watches(name), self._tools)
            member.refuse = partial(self._foreign, name)
            member.connection = connection
            self._note(name, None, registration.problem)
            self._fleet.add(name, member)
        else:
            await self._replace(name, registration, client, connection)
        await self._remember(name)

    async def _replace(self, name: str, registration: Registration, client: Client, connection: Connection) -> None:
        """Put `client` in the place of the member's present one once its cluster has answered as the same cluster."""
        fleet = self._tools.settings.fleet
        backoff = Backoff(
            BackoffPolicy(first=fleet.registration_retry_first, cap=fleet.registration_retry_cap), self._tools.env
        )
        taken = False
        try:
            while not taken:
                try:
                    async with asyncio.timeout(fleet.action_timeout):
                        uid = await probe(Api(client, name, self._tools.settings.kube), known="")
                    if why := self._foreign(name, uid):
                        raise ForeignCluster(why)
                except (KubeError, TimeoutError) as error:
                    self._note(name, verdict(error), f"the changed kubeconfig is not in use yet: {describe(error)}")
                    await asyncio.sleep(backoff.next())
                else:
                    taken = True
        finally:
            if not taken:
                await client.aclose()
        if (member := self._fleet.member(name)) is not None:
            member.connection = connection
            await member.rotate(client, connection.host)
        self._note(name, None, registration.problem)

    def _foreign(self, name: str, uid: str) -> str:
        """Why the cluster with this uid is not the one that was registered as `name`; empty when it is."""
        known, member = self._known.get(name), self._fleet.member(name)
        expected = known.registration.cluster_uid if known else ""
        expected = expected or (member.uid.value if member else "")
        if not uid or not expected or uid == expected:
            return self._twin(name, uid)
        return (
            f"the API server belongs to another cluster (kube-system uid {uid}) than the one registered as {name!r}"
            f" ({expected}); if it was rebuilt, set the registration's annotation {names.CLUSTER_UID} to {uid}"
        )

    def _twin(self, name: str, uid: str) -> str:
        """Why this cluster may not be served as `name` besides: it is registered under another name already, and two
        children would take turns in one place, each ending the other's workloads. The older registration counts."""
        known = self._known.get(name)
        if known is None or not uid:
            return ""
        rank = (known.registration.created, name)
        for other, each in self._known.items():
            member = self._fleet.member(other)
            theirs = (member.uid.value if member else "") or each.registration.cluster_uid
            if other != name and theirs == uid and (each.registration.created, other) < rank:
                return (
                    f"it is the cluster that is registered as {other!r} already (kube-system uid {uid}): remove one of"
                    " the two registrations, and name the other one in the topologies"
                )
        return ""

    async def _remember(self, name: str) -> None:
        """Note on the registration which cluster it is, once it is known, so that a restart knows it too."""
        if (member := self._fleet.member(name)) is None:
            return
        uid = await member.uid.wait_for(bool)
        registration = self._known[name].registration
        if registration.cluster_uid:
            return
        body: JSONMap = {
            "apiVersion": registration.kind.api_version,
            "kind": registration.kind.name,
            "metadata": {
                "namespace": names.META_NAMESPACE,
                "name": name,
                "uid": registration.uid,
                "annotations": {names.CLUSTER_UID: uid},
            },
        }
        noted = Apply(cluster=META, kind=registration.kind, body=body, manager=names.FLEET)
        for failure in await self._fleet.run([noted], Ref(META, names.META_NAMESPACE, name)):
            _log.warning(
                "the cluster's uid could not be noted on its registration", cluster=name, error=failure.message
            )

    def _note(self, name: str, health: Health | None, reason: str) -> None:
        """The verdict on the registration of `name`, for all to see."""
        known = self._known.get(name)
        if known is not None:
            known.health, known.reason = health, reason
            self._fleet.note(name, Entry(meta=self._meta(known.registration), health=health, reason=reason))

    async def _problem(self, registration: Registration, reason: str) -> None:
        """It cannot be used: say so, keep what is connected."""
        self._note(registration.name, Health.CREDENTIAL_PROBLEM, reason)
        await self._emit(registration, "CredentialProblem", reason)

    async def _advise(self, registration: Registration) -> None:
        if registration.kind == CONFIGMAP and not registration.cluster_uid:  # said once, not at every restart
            advice = "a kubeconfig in a ConfigMap can be read by many; move it to a Secret of the same name and label"
            await self._emit(registration, "KubeconfigInConfigMap", advice)

    async def _emit(self, registration: Registration, reason: str, note: str) -> None:
        event: Action = Emit(
            cluster=META,
            kind=registration.kind,
            namespace=names.META_NAMESPACE,
            name=registration.name,
            uid=registration.uid,
            type_="Warning",
            reason=reason,
            note=note,
            manager=names.FLEET,
            standing=True,
        )
        await self._fleet.run([event], Ref(META, names.META_NAMESPACE, registration.name))


def _same(one: Registration, other: Registration) -> bool:
    """Whether both ask for the same connection."""
    return (one.kubeconfig, one.maintaining, one.kind) == (other.kubeconfig, other.maintaining, other.kind)
