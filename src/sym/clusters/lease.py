"""A lock in a cluster: one Lease, taken, renewed and given back, with client-go's tolerance of skewed clocks.

Nobody's clock is compared with ours: another holder counts as gone when we have watched its Lease stand still for its
duration, by our own clock. A holder stops acting at its own renew deadline, well before others may take over. That
clock counts the time for which the machine was suspended: others were awake. This is an election, not a fence: what it
guards still needs preconditions on every write.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC

import structlog
from msgspec import Struct

from sym.aio.broadcast import Latest
from sym.aio.env import Env
from sym.clusters.executor import ensure, put_lease
from sym.kube.api import Api
from sym.kube.errors import Conflict, KubeError, NotFound
from sym.model.codec import JSONMap
from sym.model.kinds import LEASE, NAMESPACE
from sym.model.workload import Lease
from sym.settings import ControllerSettings

_log: structlog.stdlib.BoundLogger = structlog.get_logger("sym.lease")


class LockName(Struct, frozen=True, kw_only=True):
    """Which Lease, and who we are."""

    namespace: str
    name: str
    identity: str
    manager: str


class Lock:
    """One Lease as we see it. `hold` takes it, works while it is held, and gives it back."""

    def __init__(self, api: Callable[[], Api | None], name: LockName, settings: ControllerSettings, env: Env) -> None:
        self._api = api
        self._name = name
        self._settings = settings
        self._env = env
        self._seen: tuple[str, str] | None = None  # uid and resourceVersion last seen
        self._seen_at = 0.0
        self._renewed: float | None = None
        self._working = False
        self.held: Latest[bool] = Latest(value=False)
        """Whether work under this lock is going on."""
        self.holder = ""
        """Who holds it, as last seen."""

    def valid(self) -> bool:
        """Whether acting under the lock is allowed at this very moment."""
        return self.held.value and self._left() > 0

    @property
    def lease(self) -> str:
        """Which Lease it is: namespace/name."""
        return f"{self._name.namespace}/{self._name.name}"

    @property
    def overstayed(self) -> bool:
        """Whether work under the lock has not ended although others may hold it by now."""
        if not self._working or self._renewed is None:
            return False
        return self._env.boottime() - self._renewed >= self._settings.lease_duration

    async def hold(self, work: Callable[[], Awaitable[None]]) -> None:
        """For ever: wait for the lock, run `work()` while it is renewed, cancel it when it cannot be."""
        while True:
            await self._acquire()
            try:
                await self._while_held(work)
            finally:
                self.held.set(value=False)
                await self._release()

    async def _acquire(self) -> None:
        while not await self._try(self._settings.renew_deadline):
            jitter = 1.0 + 0.2 * self._env.random().random()
            await asyncio.sleep(self._settings.retry_period * jitter)
        _log.info("lock taken", lease=self._name.name, holder=self._name.identity)

    async def _while_held(self, work: Callable[[], Awaitable[None]]) -> None:
        self.held.set(value=True)
        self._working = True
        try:
            async with asyncio.TaskGroup() as group:
                await self._renew(group.create_task(_run(work), name=f"under lock {self._name.name}"))
        finally:
            self._working = False

    async def _renew(self, task: asyncio.Task[None]) -> None:
        while not task.done() and self._left() > 0:
            await asyncio.wait((task,), timeout=min(self._settings.retry_period, self._left()))
            if not task.done() and self._left() > 0 and not await self._try(self._left()) and self._lost():
                break
        if not task.done():
            _log.warning("lock lost", lease=self._name.name, holder=self.holder)
        self.held.set(value=False)
        task.cancel()

    def _lost(self) -> bool:
        """Whether somebody else is known to hold it."""
        return self.holder not in ("", self._name.identity)

    def _left(self) -> float:
        """Seconds that we may still act."""
        if self._renewed is None:
            return 0.0
        return self._renewed + self._settings.renew_deadline - self._env.boottime()

    async def _try(self, seconds: float) -> bool:
        """One try to take or renew, within `seconds`. Its time counts from before it was sent."""
        began = self._env.boottime()
        api = self._api()
        if api is None:
            return False
        try:
            async with asyncio.timeout(seconds):
                taken = await self._take(api)
        except (KubeError, TimeoutError) as error:
            _log.info("lock not renewed", lease=self._name.name, error=str(error) or "no answer in time")
            return False
        if taken:
            self._renewed = began
        return taken

    async def _take(self, api: Api) -> bool:
        try:
            lease = await api.get(LEASE, Lease, self._name.namespace, self._name.name)
        except NotFound:
            return await self._create(api)
        self._watch(lease)
        mine = lease.spec.holder_identity == self._name.identity
        if not mine and self.holder and not self._stands_still(lease):
            return False
        try:
            await put_lease(api, self._body(lease, self._name.identity), self._name.manager)
        except Conflict:
            return False
        self.holder = self._name.identity
        return True

    async def _create(self, api: Api) -> bool:
        body = self._body(None, self._name.identity)
        try:
            try:
                await put_lease(api, body, self._name.manager)
            except NotFound:  # not even its namespace is there
                await ensure(api, NAMESPACE, _namespace(self._name.namespace), self._name.manager)
                await put_lease(api, body, self._name.manager)
        except Conflict:
            return False
        self.holder = self._name.identity
        return True

    def _watch(self, lease: Lease) -> None:
        seen = (lease.metadata.uid, lease.metadata.resource_version)
        if seen != self._seen:
            self._seen, self._seen_at = seen, self._env.boottime()
        self.holder = lease.spec.holder_identity or ""

    def _stands_still(self, lease: Lease) -> bool:
        duration = max(lease.spec.lease_duration_seconds or 0, self._settings.lease_duration)
        return self._env.boottime() - self._seen_at >= duration

    def _body(self, lease: Lease | None, holder: str) -> JSONMap:
        """The Lease as it shall stand; `lease` as it stands now."""
        now = self._env.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        metadata: JSONMap = {"namespace": self._name.namespace, "name": self._name.name}
        acquired, transitions = now, 0
        if lease is not None:
            metadata |= {"resourceVersion": lease.metadata.resource_version, "uid": lease.metadata.uid}
            transitions = lease.spec.lease_transitions or 0
            if lease.spec.holder_identity == holder and lease.spec.acquire_time is not None:
                acquired = lease.spec.acquire_time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            elif holder:
                transitions += 1
        spec: JSONMap = {
            "holderIdentity": holder,
            "leaseDurationSeconds": round(self._settings.lease_duration) if holder else 1,
            "acquireTime": acquired,
            "renewTime": now,
            "leaseTransitions": transitions,
        }
        return {"apiVersion": LEASE.api_version, "kind": LEASE.name, "metadata": metadata, "spec": spec}

    async def _release(self) -> None:
        """Give it back at once, so that the next one need not wait; on a best effort, within a short time."""
        if self.holder != self._name.identity or self._left() <= 0:
            return
        self._renewed = None
        if (api := self._api()) is None:
            return
        try:
            async with asyncio.timeout(self._settings.retry_period):
                lease = await api.get(LEASE, Lease, self._name.namespace, self._name.name)
                if lease.spec.holder_identity == self._name.identity:
                    await put_lease(api, self._body(lease, ""), self._name.manager)
        except (KubeError, TimeoutError) as error:
            _log.info("lock not given back", lease=self._name.name, error=str(error) or "no answer in time")


async def _run(work: Callable[[], Awaitable[None]]) -> None:
    await work()


def _namespace(name: str) -> JSONMap:
    return {"apiVersion": NAMESPACE.api_version, "kind": NAMESPACE.name, "metadata": {"name": name}}
