"""One cluster: its client, its caches, its health, and the one task that owns them.

A member never raises out of its task and shares nothing with other members, so whatever its API server does stays its
own trouble. Writes pass through `slot`, which bounds what is in flight and turns further ones away at once while an
earlier one hangs. Relies on `kube` for requests and on `clusters.informer` for the caches.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import TypeVar, cast

from msgspec import Struct

from sym.aio.backoff import Backoff, BackoffPolicy
from sym.aio.broadcast import Latest
from sym.aio.env import Env
from sym.aio.tasks import supervise
from sym.clusters.health import HealthTracker
from sym.clusters.informer import Informer, Watch
from sym.clusters.metrics import FleetMetrics
from sym.clusters.probe import ForeignCluster, probe
from sym.clusters.swap import SwapClient
from sym.kube.api import Api
from sym.kube.client import Client
from sym.kube.connection import Connection
from sym.kube.errors import KubeError, Unreachable
from sym.kube.store import Change, Store
from sym.model.meta import Kind, Object
from sym.plan.types import Health, MemberState
from sym.settings import Settings

T = TypeVar("T", bound=Object)
_LOADED = 4  # that part of the writes that a cluster may get at once is a load
_RESTART = BackoffPolicy(first=1.0, cap=30.0)


class Tools(Struct, frozen=True, kw_only=True):
    """What all members share."""

    env: Env
    settings: Settings
    metrics: FleetMetrics


class Listener(Struct, frozen=True, kw_only=True):
    """Who hears of a member. `changed`: a cache changed; `turned`: health or sync did."""

    changed: Callable[[str, Kind, list[Change[Object]]], None]
    turned: Callable[[str], None]


class Member:
    """One cluster. `run` owns everything; the rest may be called while it runs."""

    def __init__(self, name: str, client: Client, host: str, watches: tuple[Watch[Object], ...], tools: Tools) -> None:
        self.name = name
        self._env = tools.env
        self._settings = tools.settings
        self._metrics = tools.metrics
        self._client = SwapClient(client, host, tools.metrics, self._answered)
        self.api = Api(self._client, name, tools.settings.kube)
        self._informers = {watch.kind: Informer(name, watch, self._changed, self._interrupted) for watch in watches}
        self._health = HealthTracker(tools.settings.fleet)
        self._listener: Listener | None = None
        self._seen: datetime | None = None
        self._seen_at: float | None = None
        self._told: tuple[Health, bool, str] | None = None
        self._slots = asyncio.Semaphore(tools.settings.fleet.writes_per_cluster)
        self._writing = 0
        self._owes = False
        self._patience = tools.settings.fleet.stall_seconds
        self.connection: Connection | None = None
        """How other programs (Helm) reach it; None where only `api` does."""
        self.uid: Latest[str] = Latest("")
        """uid of its kube-system namespace: which cluster it is, whatever it is called. Empty until it answered."""
        self.refuse: Callable[[str], str] = lambda _: ""
        """Asked with the live uid: why this is not the cluster that was registered; empty when it is."""
        self._accepted = asyncio.Event()
        self._accepted_at: float | None = None

    # --- what is known

    def store(self, watch: Watch[T]) -> Store[T] | None:
        """The cache of what `watch` declares; None if this member does not watch it."""
        informer = self._informers.get(watch.kind)
        return cast("Store[T]", informer.store) if informer else None

    def cache(self, kind: Kind) -> Store[Object] | None:
        """The cache of `kind`, whatever declared it."""
        informer = self._informers.get(kind)
        return informer.store if informer else None

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds whose caches must be filled."""
        return tuple(kind for kind, each in self._informers.items() if each.watch.required)

    def filled(self, kind: Kind) -> bool:
        """Whether the cache of `kind` holds a whole list."""
        informer = self._informers.get(kind)
        return informer is not None and informer.store.synced

    def tried(self, kind: Kind) -> bool:
        """Whether it is known if `kind` can be listed there: it was, or that failed."""
        informer = self._informers.get(kind)
        return informer is None or informer.store.synced or bool(informer.error)

    @property
    def accepted(self) -> bool:
        """Whether its API has answered and is the cluster that was registered."""
        return self._accepted.is_set()

    @property
    def synced(self) -> bool:
        """Whether every required cache holds a whole list."""
        return all(each.store.synced for each in self._informers.values() if each.watch.required)

    def state(self) -> MemberState:
        """The member at this instant. Its `meta` is the fleet's to fill in. One that answers but whose objects cannot
        be read (a right taken away, our CRD gone) is ill, not about to be connected."""
        health, reason, blind = self._health.health, self._health.reason, self._stale() or self._unread()
        if health is Health.READY and blind:
            health, reason = Health.DEGRADED, blind
        return MemberState(
            name=self.name, health=health, synced=self.synced and not blind, seen=self._seen, reason=reason
        )

    def doubt(self) -> str:
        """Why nothing destructive may rest on what is known of it now; empty when nothing speaks against it."""
        if self._health.health is not Health.READY:
            return f"it is {self._health.health}: {self._health.reason}"
        if not self.synced:
            return "its caches are not filled yet"
        return self._stale()

    def _stale(self) -> str:
        now, bound = self._env.monotonic(), self._settings.fleet.staleness_seconds
        for kind, informer in self._informers.items():
            contact = informer.last_contact()
            if informer.watch.required and informer.store.synced and (contact is None or now - contact > bound):
                why = f": {informer.error}" if informer.error else ""
                return f"its {kind.watched} were last heard of more than {bound:.0f} s ago{why}"
        return ""

    def _unread(self) -> str:
        """What could not be listed for so long that it is no beginning any more."""
        patience = self._settings.fleet.failure_seconds
        if self._accepted_at is None or self._env.monotonic() - self._accepted_at < patience:
            return ""
        for kind, informer in self._informers.items():
            if informer.watch.required and not informer.store.synced and informer.error:
                return f"its {kind.watched} cannot be read: {informer.error}"
        return ""

    # --- what it does

    async def run(self, listener: Listener) -> None:
        """Probe and watch until cancelled; then close the client."""
        self._listener = listener
        label = self.name or "the meta cluster"
        try:
            async with asyncio.TaskGroup() as group:
                for kind, informer in self._informers.items():
                    work = partial(self._watch, informer)
                    group.create_task(supervise(f"watch {kind.watched} of {label}", work, Backoff(_RESTART, self._env)))
                group.create_task(supervise(f"probe {label}", self._probe, Backoff(_RESTART, self._env)))
        finally:
            self._listener = None
            await self._client.aclose()
            self._metrics.forget(self.name, tuple(kind.watched for kind in self._informers))

    async def rotate(self, client: Client, host: str) -> None:
        """Go on with `client`, which the caller has validated; the old one is closed."""
        await self._client.swap(client, host)

    @property
    def loaded(self) -> bool:
        """Whether so many writes are under way that what can wait should."""
        return self._writing >= max(2, self._settings.fleet.writes_per_cluster // _LOADED)

    @asynccontextmanager
    async def slot(self) -> AsyncGenerator[None]:
        """A place for one write. Raises TimeoutError when it takes longer than the cluster's patience, and Unreachable
        at once while a cluster that kept an earlier one waiting is being tried by another.

        So a cluster that hangs costs the others `stall_seconds` once, and then one write at a time. Patience doubles
        with every write in vain: a cluster that is merely slow gets the time that it needs.
        """
        if self._owes and self._writing:
            raise Unreachable(f"cluster {self.name!r} did not answer a write in time; trying it with one at a time")
        async with self._slots:
            self._writing += 1
            try:
                async with asyncio.timeout(self._patience):
                    yield
            except TimeoutError:
                self._owes = True
                self._patience = min(2 * self._patience, self._settings.fleet.action_timeout)
                raise
            except Unreachable:
                raise
            except Exception:
                self._owes = False  # a refusal is an answer
                raise
            else:
                self._owes = False
            finally:
                self._writing -= 1

    async def _probe(self) -> None:
        fleet = self._settings.fleet
        while True:
            try:
                async with asyncio.timeout(fleet.probe_timeout):
                    well = self._health.health is Health.READY
                    uid = await probe(self.api, known=self.uid.value if well else "")
                self._accept(uid)
            except Exception as error:  # every failure of a probe is a fact about the member
                self._health.failure(error, self._env.monotonic())
            else:
                self._health.success()
            self._report()
            await asyncio.sleep(fleet.probe_seconds)

    def _accept(self, uid: str) -> None:
        if why := self.refuse(uid):
            self._accepted.clear()
            raise ForeignCluster(why)
        self.uid.set(uid)
        if not self._accepted.is_set():
            self._accepted_at = self._env.monotonic()
        self._accepted.set()

    async def _watch(self, informer: Informer[Object]) -> None:
        """Watch one kind, once it is sure whose API this is."""
        await self._accepted.wait()
        await informer.run(self.api, self._settings.kube, self._env)

    def _report(self) -> None:
        """Bring the gauges up to date; tell the listener if the verdict changed since it last heard of it."""
        state = self.state()
        self._metrics.up.labels(self.name).set(1 if state.usable else 0)
        if self._seen_at is not None:
            self._metrics.lag.labels(self.name).set(self._env.monotonic() - self._seen_at)
        verdict = (state.health, state.synced, state.reason)
        if verdict != self._told and self._listener is not None:
            self._told = verdict
            self._listener.turned(self.name)

    def _interrupted(self, kind: Kind, error: KubeError) -> None:
        self._metrics.restarts.labels(self.name, kind.watched, type(error).__name__).inc()

    def _answered(self) -> None:
        self._seen = self._env.now()
        self._seen_at = self._env.monotonic()

    def _changed(self, kind: Kind, changes: list[Change[Object]]) -> None:
        store = self._informers[kind].store
        self._metrics.objects.labels(self.name, kind.watched).set(len(store.view))
        if changes and self._listener is not None:
            self._listener.changed(self.name, kind, changes)
        if self._told is None or not self._told[1]:
            self._report()
