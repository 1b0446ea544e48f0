"""All clusters of one process: who is there, what their caches hold, and the way to act on them.

`own` is the cluster of the process's own kubeconfig (the meta cluster; for a worker that was installed in a member,
that member), under the name "". The others come and go at run time through `add`, `retire` and `note`. Actions run
cluster by cluster at the same time; what fails or hangs in one costs the others nothing but a bounded wait.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import structlog
from msgspec import Struct
from msgspec.structs import replace

from sym.aio.tasks import NamedTasks, guard
from sym.clusters.executor import Executor
from sym.clusters.expectations import Expectations
from sym.clusters.informer import Watch
from sym.clusters.job import Job
from sym.clusters.member import Listener, Member, Tools
from sym.clusters.patches import status_patch
from sym.clusters.permit import Permit, Permitted, always, check
from sym.clusters.queries import Ask, Queries, nobody
from sym.clusters.refusals import INTERNAL, failure_of
from sym.clusters.releases import Helm, Place, Releases
from sym.kube.errors import Unreachable
from sym.kube.store import Change, Store
from sym.model.meta import META, Kind, Object, Ref
from sym.plan.types import Action, Emit, Failure, Gone, Health, Measure, MemberState, Owner, Query

T = TypeVar("T", bound=Object)
_log: structlog.stdlib.BoundLogger = structlog.get_logger("sym.fleet")


class Entry(Struct, frozen=True, kw_only=True):
    """What the registration says of a cluster. `health` set: the verdict whatever the connection says."""

    meta: Mapping[str, str] = {}
    health: Health | None = None
    reason: str = ""


class StatusWrite(Struct, frozen=True, kw_only=True):
    """A status as it is in the cache and as it should be, of the object with this uid and this version in the cache."""

    uid: str
    resource_version: str = ""
    old: Struct
    new: Struct
    manager: str


Changed = Callable[[str, Change[Object]], None]
Turned = Callable[[str], None]
Ended = Callable[[Place, str], None]


class Fleet:
    """The clusters. `live` owns their tasks; everything else may be called while it runs."""

    def __init__(self, own: Member, tools: Tools, helm: Helm | None = None, ask: Ask = nobody) -> None:
        self.own = own
        self._tools = tools
        self._members: dict[str, Member] = {META: own}
        self._entries: dict[str, Entry] = {}
        self._changed: dict[Kind, list[Changed]] = {}
        self._turned: list[Turned] = []
        self._ended: list[Ended] = []
        self._gone: dict[tuple[str, Owner], Gone] = {}
        self._tasks: NamedTasks | None = None
        fleet = tools.settings.fleet
        self.expectations = Expectations(self._cache, tools.env, fleet.expectation_seconds)
        self.releases = Releases(helm, tools, self._release_ended)
        self.queries = Queries(ask, tools.env, tools.settings.analysis.answers, self._query_answered)
        self._answered: list[Callable[[str, str], None]] = []
        self._executor = Executor(tools, self.expectations, self.releases, self._take_gone, self.queries.begin)

    # --- who is there

    async def live(self) -> None:
        """Own every member's task until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._tasks = NamedTasks(group)
            group.create_task(self.releases.live(), name="helm")
            group.create_task(self.queries.live(), name="queries")
            for name in list(self._members):
                self._start(name)
            await asyncio.Event().wait()

    def add(self, name: str, member: Member) -> None:
        """Take in a cluster. Raises ValueError if there is one of that name: retire it first."""
        if name in self._members:
            raise ValueError(f"cluster {name!r} is there already")
        self._members[name] = member
        if self._tasks is not None:
            self._start(name)
        self._tell(name)

    async def retire(self, name: str) -> None:
        """Stop watching a cluster. Nothing in it is touched."""
        if self._members.pop(name, None) is not None and self._tasks is not None:
            await self._tasks.stop(name)
        for key in [key for key in self._gone if key[0] == name]:
            del self._gone[key]
        self._tell(name)

    def note(self, name: str, entry: Entry | None) -> None:
        """What the registration of `name` says now; None: there is none any more."""
        if entry == self._entries.get(name):
            return
        if entry is None:
            self._entries.pop(name, None)
        else:
            self._entries[name] = entry
        self._tell(name)

    def member(self, name: str) -> Member | None:
        """The connected cluster of that name; "" is our own."""
        return self._members.get(name)

    @property
    def members(self) -> Mapping[str, Member]:
        """The connected clusters, our own among them under ""."""
        return self._members

    def states(self) -> dict[str, MemberState]:
        """Every registered cluster at this instant, connected or not; without our own."""
        return {name: self.state(name) for name in sorted(self._entries.keys() | self._members.keys() - {META})}

    def states_of(self, names: Iterable[str]) -> dict[str, MemberState]:
        """As `states`, of those among `names` that are registered."""
        known = (name for name in names if name != META and (name in self._entries or name in self._members))
        return {name: self.state(name) for name in sorted(known)}

    def state(self, name: str) -> MemberState:
        """One cluster at this instant."""
        entry, member = self._entries.get(name, Entry()), self._members.get(name)
        if member is None:
            health = entry.health or Health.CONNECTING
            return MemberState(name=name, health=health, reason=entry.reason, meta=entry.meta)
        state = replace(member.state(), meta=entry.meta)
        if entry.health:
            return replace(state, health=entry.health, reason=entry.reason)
        return replace(state, reason=state.reason or entry.reason)

    # --- what is known

    def store(self, cluster: str, watch: Watch[T]) -> Store[T] | None:
        """The cache of `watch` in a connected cluster."""
        member = self._members.get(cluster)
        return member.store(watch) if member else None

    def gone(self, namespace: str, name: str) -> dict[str, Gone]:
        """The latest answers to `Measure` for the AppSet of that name, by cluster."""
        return {
            cluster: gone
            for (cluster, owner), gone in self._gone.items()
            if (owner.namespace, owner.name) == (namespace, name)
        }

    def forget(self, owner_namespace: str, owner_name: str) -> None:
        """An AppSet is gone: so is what was kept for it."""
        for cluster in {cluster for cluster, _ in self._gone}:
            self._outdate(cluster, owner_namespace, owner_name)
        self.expectations.forget(Ref(META, owner_namespace, owner_name))
        self.queries.forget(owner_namespace, owner_name)

    def on_answer(self, listener: Callable[[str, str], None]) -> None:
        """Call `listener(namespace, name)` for every answer to a `Query` of that AppSet, from now on."""
        self._answered.append(listener)

    def on_change(self, kind: Kind, listener: Changed) -> None:
        """Call `listener(cluster, change)` for every change of objects of `kind` in any cluster, from now on."""
        self._changed.setdefault(kind, []).append(listener)

    def on_turn(self, listener: Turned) -> None:
        """Call `listener(cluster)` whenever what is known of a cluster as a whole changed."""
        self._turned.append(listener)

    def on_release(self, listener: Ended) -> None:
        """Call `listener(place, app)` whenever something new is known of a Helm release."""
        self._ended.append(listener)

    # --- how to act

    async def run(self, actions: Iterable[Action], behalf: Ref, permit: Permit = always) -> tuple[Failure, ...]:
        """Run `actions`, decided for `behalf`, cluster by cluster at the same time, in order within each; what failed.

        `permit` is asked before each action, and again right before each of its requests leaves: a lock that was lost
        meanwhile ends the rest.
        """
        lanes: dict[str, list[Action]] = {}
        for action in actions:
            lanes.setdefault(action.cluster, []).append(action)
        failures: list[Failure] = []
        if len(lanes) == 1:  # the usual case needs no task of its own
            await self._lane(next(iter(lanes.values())), behalf, permit, failures)
        elif lanes:
            async with asyncio.TaskGroup() as group:
                for cluster, lane in lanes.items():
                    work = self._lane(lane, behalf, permit, failures)
                    group.create_task(work, name=f"actions in {cluster or 'meta'}")
        return tuple(failures)

    async def patch_status(self, kind: Kind, ref: Ref, write: StatusWrite, permit: Permit = always) -> bool:
        """Write the difference between two statuses. False: nothing but times differ. Raises KubeError, Refused,
        TimeoutError."""
        body = status_patch(write.uid, write.old, write.new, write.resource_version)
        if body is None:
            return False
        member = self._members.get(ref.cluster)
        if member is None:
            raise Unreachable(f"cluster {ref.cluster!r} is not connected")
        async with asyncio.timeout(self._tools.settings.fleet.action_timeout), member.slot():
            await self._executor.write_status(Permitted(member, permit), kind, ref, body, write.manager)
        return True

    def loaded(self, cluster: str) -> bool:
        """Whether writes that can wait should, because that cluster has many under way."""
        member = self._members.get(cluster)
        return member is not None and member.loaded

    async def _lane(self, lane: list[Action], behalf: Ref, permit: Permit, failures: list[Failure]) -> None:
        for action in lane:
            failure = await self._one(action, behalf, permit)
            if failure is None:
                continue
            if isinstance(action, Emit):
                _log.warning("event not written", cluster=action.cluster, reason=action.reason, error=failure.message)
            else:
                failures.append(failure)
            if failure.reason == "ClusterUnreachable":
                return  # what comes after would only wait for the same silence

    async def _one(self, action: Action, behalf: Ref, permit: Permit) -> Failure | None:
        cluster, what, metrics = action.cluster, type(action).__name__, self._tools.metrics
        member = self._members.get(cluster)
        try:
            if member is None:
                raise Unreachable(f"cluster {cluster!r} is not connected")
            async with asyncio.timeout(self._tools.settings.fleet.action_timeout), member.slot():
                check(permit)
                if not isinstance(action, Measure | Query | Emit):
                    self._outdate(cluster, behalf.namespace, behalf.name)
                job = Job(action=action, target=Permitted(member, permit), behalf=behalf, home=self.own.api)
                await self._executor.execute(job)
        except Exception as error:  # whatever goes wrong in one cluster is data for the planner
            failure = failure_of(action, error)
            if failure.reason == INTERNAL:
                _log.error("bug in an action", cluster=cluster, action=what, exc_info=error)
            metrics.actions.labels(cluster, what, failure.reason).inc()
            return failure
        metrics.actions.labels(cluster, what, "success").inc()
        return None

    # --- inside

    def _start(self, name: str) -> None:
        listener = Listener(changed=self._hear, turned=self._tell)
        if self._tasks is not None:
            self._tasks.start(name, guard(f"cluster {name or 'meta'}", self._members[name].run(listener)))

    def _hear(self, cluster: str, kind: Kind, changes: list[Change[Object]]) -> None:
        for listener in self._changed.get(kind, ()):
            for change in changes:
                listener(cluster, change)

    def _tell(self, cluster: str) -> None:
        for listener in self._turned:
            listener(cluster)

    def _release_ended(self, place: Place, app: str) -> None:
        for listener in self._ended:
            listener(place, app)

    def _cache(self, kind: Kind, ref: Ref) -> Store[Object] | None:
        member = self._members.get(ref.cluster)
        return member.cache(kind) if member else None

    def _query_answered(self, namespace: str, name: str) -> None:
        for listener in self._answered:
            listener(namespace, name)

    def _outdate(self, cluster: str, namespace: str, name: str) -> None:
        """We write there: what was measured before says nothing about what will be."""
        for key in [key for key in self._gone if (key[0], key[1].namespace, key[1].name) == (cluster, namespace, name)]:
            del self._gone[key]

    def _take_gone(self, gone: Gone) -> None:
        self._gone[gone.cluster, gone.owner] = gone
