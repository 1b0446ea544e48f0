"""Helm operations of all clusters of one process: begun by actions, done beside the controllers, told as evidence.

A Helm operation may take minutes, so no reconcile waits for it: the executor begins one, the key is looked at again
when it has ended, and what came of it is `HelmState` in the next view. At most one operation per release; a few per
cluster; each ends with the lock under which it was begun. After each one the release's record is read, live, so that
nothing is decided on a cache which does not show it yet.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol, TypeAlias, TypeVar

import structlog
from msgspec import Struct
from msgspec.structs import replace

from sym.aio.backoff import BackoffPolicy
from sym.aio.tasks import guard
from sym.clusters.job import Target
from sym.clusters.member import Tools
from sym.clusters.permit import check
from sym.clusters.refusals import INTERNAL, LOOK_AGAIN, LookAgain, Refused
from sym.kube.connection import Connection
from sym.kube.errors import Conflict, KubeError, NotFound
from sym.kube.helm import policy, record
from sym.kube.helm.policy import Inadmissible
from sym.kube.helm.types import (
    Capabilities,
    HelmEngine,
    HelmEngineMissing,
    HelmError,
    HelmTimedOut,
    ReleaseName,
    Wanted,
)
from sym.kube.requests import ListOptions
from sym.model import names
from sym.model.appset import Chart, HelmRelease
from sym.model.codec import JSONMap, convert, dig_str
from sym.model.kinds import SECRET
from sym.model.workload import ReleaseRecord
from sym.net.errors import ChartError, ChartNotFound, ChartUnreachable
from sym.plan.types import HelmLook, HelmRecover, HelmState, HelmUninstall, HelmUpgrade

PERMIT_SECONDS = 0.25
"""Between two looks at whether the lock under which an operation was begun is still held: far less than lies between
the end of a holder's right to act and the beginning of another's."""
INTERRUPTED = "interrupted: the process that did this ended before it was done; noted by Sym"
INLINE = 16 << 10
"""Characters of YAML that are parsed at once: they take about 20 ms."""
ABANDONED = 3
"""Deadlines after which a pending record is nobody's any more."""
T = TypeVar("T")
_log: structlog.stdlib.BoundLogger = structlog.get_logger("sym.helm")


class Place(NamedTuple):
    """A release over all clusters."""

    cluster: str
    namespace: str
    name: str


Operation: TypeAlias = HelmUpgrade | HelmUninstall
Work: TypeAlias = Callable[[Place], Coroutine[None, None, None]]


class ChartFolder(Protocol):
    """A chart on disk, checked."""

    @property
    def folder(self) -> Path:
        """Its folder."""
        ...


class Charts(Protocol):
    """Where charts come from: `net.charts.ChartStore`."""

    async def get(self, chart: Chart) -> ChartFolder:
        """The chart that is named, or whose archive is given, unpacked and checked. Raises ChartError."""
        ...

    async def close(self) -> None:
        """Take the unpacked charts away."""
        ...


class Helm(Struct, frozen=True, kw_only=True):
    """What Helm's work is done with, made when it is needed first: `engine` raises HelmEngineMissing."""

    engine: Callable[[], Coroutine[None, None, HelmEngine]]
    charts: Callable[[], Coroutine[None, None, Charts]]


class Tackle(Struct, frozen=True, kw_only=True):
    """What was made of it."""

    engine: HelmEngine
    charts: Charts


class Trouble(Struct, frozen=True, kw_only=True):
    """Why an operation failed. `retry`: it may pass by itself, so the first tries come soon."""

    reason: str
    message: str
    retry: bool = False


_REASONS: tuple[tuple[type[HelmError], str], ...] = (
    (HelmEngineMissing, "HelmEngineMissing"),
    (HelmTimedOut, "HelmTimedOut"),
    (HelmError, "HelmFailed"),
)
_CHARTS: tuple[tuple[type[ChartError], str, bool], ...] = (
    (ChartNotFound, "ChartNotFound", False),
    (ChartUnreachable, "ChartUnreachable", True),
    (ChartError, "ChartRefused", False),
)
_NO_TROUBLE = (LOOK_AGAIN, "NotPermitted")


class Releases:
    """The operations under way and what is known of the releases. `live` owns the tasks. `ended(place, app)` is called
    whenever something new is known of the release `place` of the AppSet `app`."""

    def __init__(self, helm: Helm | None, tools: Tools, ended: Callable[[Place, str], None]) -> None:
        self._helm = helm
        self._env = tools.env
        self._settings = tools.settings.helm
        self._metrics = tools.metrics
        self._ended = ended
        self._tackle: Tackle | None = None
        self._finding = asyncio.Lock()
        self._group: asyncio.TaskGroup | None = None
        self._states: dict[Place, HelmState] = {}
        self._ready: dict[Place, tuple[str, float]] = {}
        self._noted: dict[Place, float] = {}
        self._patience = tools.settings.fleet.expectation_seconds
        self._due: dict[Place, float] = {}
        self._failures: dict[Place, int] = {}
        self._all = asyncio.Semaphore(self._settings.concurrency)
        self._each: dict[str, asyncio.Semaphore] = {}
        self._soon = BackoffPolicy(first=self._settings.retry_first, cap=self._settings.retry_cap)
        self._later = BackoffPolicy(first=self._settings.failed_first, cap=self._settings.failed_cap)

    async def live(self) -> None:
        """Own every operation's task until cancelled; then end them and the engine."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                await asyncio.Event().wait()
        finally:
            self._group = None
            if self._tackle is not None:
                await self._tackle.engine.close()
                await self._tackle.charts.close()

    # --- what is known

    def state(self, place: Place, newest: ReleaseRecord | None, ready: str = "") -> HelmState:
        """What is known of a release at this instant, whose newest record is `newest`. `ready` stands for its pods, all
        of which are ready; empty while they are not."""
        known = self._states.get(place, HelmState())
        if self._env.monotonic() - self._noted.get(place, 0.0) > self._patience:
            known = replace(known, after=0, gone=False)
        rests = self._env.monotonic() < self._due.get(place, 0.0)
        age = self._env.now().timestamp() - newest.changed if newest is not None and newest.changed else 0.0
        abandoned = age > ABANDONED * self._settings.deadline
        return replace(known, rests=rests, abandoned=abandoned, ready_for=self._ready_for(place, ready))

    def _ready_for(self, place: Place, ready: str) -> float | None:
        """Seconds since these pods were first seen ready."""
        if not ready:
            self._ready.pop(place, None)
            return None
        now = self._env.monotonic()
        if self._ready.get(place, ("", 0.0))[0] != ready:
            self._ready[place] = (ready, now)
        return now - self._ready[place][1]

    def repaired(self, place: Place, uid: str, version: str) -> None:
        """An object of the release was applied again and is at `version` since."""
        known = self._states.get(place, HelmState())
        self._states[place] = replace(known, repaired={**known.repaired, uid: version})

    def forget(self, place: Place) -> None:
        """Drop what is known of a release that nobody asks for any more, unless Helm is at it."""
        if not self._states.get(place, HelmState()).busy:
            for memory in (self._states, self._ready, self._noted, self._due, self._failures):
                memory.pop(place, None)

    # --- what is done

    def upgrade(self, target: Target, action: HelmUpgrade) -> None:
        """Begin to make a release what it shall be. Raises LookAgain where something is under way."""
        self._begin(target, action, lambda place: self._upgrade(place, target, action))

    def uninstall(self, target: Target, action: HelmUninstall) -> None:
        """Begin to take a release away. The caller has proved that it may go. Raises LookAgain."""
        self._begin(target, action, lambda place: self._uninstall(place, target))

    async def look(self, target: Target, action: HelmLook) -> None:
        """Read the record of a release. Raises KubeError, LookAgain."""
        place = Place(target.name, action.owner.namespace, action.name)
        try:
            secret = await target.api.get_raw(SECRET, place.namespace, action.secret)
        except NotFound as error:
            raise LookAgain(error.message) from error
        await self._read(place, secret)
        self._ended(place, action.owner.name)

    async def recover(self, target: Target, action: HelmRecover) -> str:
        """Say in a record that its operation has failed; the Secret's new version. Raises KubeError, LookAgain,
        BadRecord."""
        place = Place(target.name, action.owner.namespace, action.name)
        if self._states.get(place, HelmState()).busy:
            raise LookAgain(f"Helm is at release {place.namespace}/{place.name}")
        try:
            secret = await target.api.get_raw(SECRET, place.namespace, action.secret)
            said = (dig_str(secret, "metadata", "uid"), dig_str(secret, "metadata", "resourceVersion"))
            if said != (action.uid, action.resource_version):
                raise LookAgain(f"Secret {place.namespace}/{action.secret} changed since it was looked at")
            made = await target.api.patch(SECRET, record.failed(secret, INTERRUPTED), names.HELM)
        except (NotFound, Conflict) as error:
            raise LookAgain(error.message) from error
        return dig_str(made, "metadata", "resourceVersion")

    # --- one operation

    def _begin(self, target: Target, action: Operation, work: Work) -> None:
        place = Place(target.name, action.owner.namespace, action.name)
        known = self._states.get(place, HelmState())
        if self._group is None or known.busy:
            raise LookAgain(f"Helm is at release {place.namespace}/{place.name}")
        self._states[place] = replace(known, busy=True)
        run = self._run(place, target, action, work)
        self._group.create_task(guard(f"helm {place.name}", run), name=f"helm {place.name} in {place.cluster}")

    async def _run(self, place: Place, target: Target, action: Operation, work: Work) -> None:
        """Do it while the lock is held, note what came of it, and have the release looked at again."""
        what = type(action).__name__
        slots = self._each.setdefault(place.cluster, asyncio.Semaphore(self._settings.per_cluster))
        try:
            async with slots, self._all:
                trouble = await self._tried(target, work(place))
            self._metrics.helm.labels(place.cluster, what, trouble.reason if trouble else "success").inc()
            await self._note(place, target, action, trouble)
        finally:
            self._states[place] = replace(self._states.get(place, HelmState()), busy=False)
            self._ended(place, action.owner.name)

    async def _tried(self, target: Target, work: Coroutine[None, None, None]) -> Trouble | None:
        """Await `work`, cancelled when the lock is lost; what went wrong, None for nothing."""
        try:
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(_lose(target), name="lock of a Helm operation")
                await work
                watching.cancel()
        except ExceptionGroup as group_error:
            return self._trouble(group_error.exceptions[0])
        return None

    def _trouble(self, error: BaseException) -> Trouble:
        match error:
            case LookAgain():
                return Trouble(reason=LOOK_AGAIN, message=str(error), retry=True)
            case Refused() | Inadmissible():
                return Trouble(reason=error.reason, message=error.message)
            case HelmError():
                found = next(reason for type_, reason in _REASONS if isinstance(error, type_))
                return Trouble(reason=found, message=error.message)
            case ChartError():
                found, retry = next((reason, retry) for type_, reason, retry in _CHARTS if isinstance(error, type_))
                return Trouble(reason=found, message=error.message, retry=retry)
            case KubeError():
                return Trouble(reason="ClusterUnreachable", message=error.message, retry=True)
            case _:
                _log.error("bug in a Helm operation", exc_info=error)
                return Trouble(reason=INTERNAL, message=f"a bug in Sym: {type(error).__name__}")

    async def _upgrade(self, place: Place, target: Target, action: HelmUpgrade) -> None:
        tackle, where = await self._found(), _connection(target)
        engine, chart = tackle.engine, await tackle.charts.get(action.chart)
        wanted = Wanted(
            release=ReleaseName(namespace=place.namespace, name=place.name),
            chart=chart.folder,
            values=action.values,
            labels={**action.labels, names.RELEASE_RUN: self._env.new_id()[:8]},
            history=action.history,
            hooks=self._settings.hooks,
        )
        version = await target.api.version()
        deadline = self._settings.deadline
        rendered = await engine.render(wanted, Capabilities(kube_version=version.git_version), deadline)
        await _aside(len(rendered), partial(policy.judge, rendered, place.namespace, self._settings.kinds))
        newest = await self._newest(place, target)
        if (newest.number if newest else 0) != action.after:
            raise LookAgain("the release has another revision by now")
        if newest is not None and newest.metadata.labels.get(names.APP_ID) != action.owner.app_id:
            raise Refused("ForeignOwner", f"release {place.namespace}/{place.name} belongs to somebody else")
        await (engine.upgrade if newest is not None else engine.install)(where, wanted, deadline)

    async def _uninstall(self, place: Place, target: Target) -> None:
        tackle, where = await self._found(), _connection(target)
        release = ReleaseName(namespace=place.namespace, name=place.name)
        await tackle.engine.uninstall(where, release, self._settings.deadline)

    # --- what came of it

    async def _note(self, place: Place, target: Target, action: Operation, trouble: Trouble | None) -> None:
        known = self._states.get(place, HelmState())
        try:
            newest = await self._newest(place, target)
            if newest is not None:
                await self._read(place, await target.api.get_raw(SECRET, place.namespace, newest.metadata.name))
                known = self._states[place]
            known = replace(known, after=newest.number if newest else 0, gone=newest is None)
            self._noted[place] = self._env.monotonic()
        except KubeError as error:
            _log.warning("release not read", cluster=place.cluster, release=place.name, error=error.message)
        digest = action.digest if isinstance(action, HelmUpgrade) else ""
        if trouble is None or trouble.reason in _NO_TROUBLE:
            self._failures.pop(place, None)
            self._due.pop(place, None)
            self._states[place] = replace(known, digest="", reason="", message="")
            return
        count = self._failures.get(place, 0) + 1 if known.digest == digest else 1
        self._failures[place] = count
        curve = self._soon if trouble.retry else self._later
        seconds = curve.delay(count - 1, self._env.random())
        self._due[place] = self._env.monotonic() + seconds
        self._states[place] = replace(known, digest=digest, reason=trouble.reason, message=trouble.message)
        if self._group is not None:
            self._group.create_task(self._wake(place, action.owner.name, seconds), name=f"rest of {place.name}")

    async def _wake(self, place: Place, app: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._ended(place, app)

    async def _newest(self, place: Place, target: Target) -> ReleaseRecord | None:
        """The newest record, live. Raises KubeError."""
        selector = f"{names.RELEASE_OWNER}=helm,{names.RELEASE}={place.name}"
        options = ListOptions(namespace=place.namespace, label_selector=selector, metadata_only=True)
        found, _ = await target.api.list_all(SECRET, ReleaseRecord, options)
        return max(found, key=lambda each: each.number, default=None)

    async def _read(self, place: Place, secret: JSONMap) -> None:
        """Take facts and objects from a record; none where it cannot be read."""
        number = convert(secret, ReleaseRecord).number
        try:
            found = record.read(secret)
            objects = await _aside(len(found.manifest), found.objects)
            facts: HelmRelease | None = found.facts()
        except HelmError as error:
            _log.warning("record not read", cluster=place.cluster, release=place.name, error=error.message)
            facts, objects = None, None
        known = self._states.get(place, HelmState())
        repaired: Mapping[str, str] = known.repaired if known.number == number else {}
        self._states[place] = replace(known, number=number, facts=facts, objects=objects, repaired=repaired)

    async def _found(self) -> Tackle:
        """Engine and charts, made once. Raises HelmEngineMissing."""
        async with self._finding:
            if self._tackle is None:
                if self._helm is None:
                    raise HelmEngineMissing("Helm is switched off in this process: start the worker without that")
                self._tackle = Tackle(engine=await self._helm.engine(), charts=await self._helm.charts())
            return self._tackle


async def _aside(size: int, work: Callable[[], T]) -> T:
    """`work()` on so many characters of YAML: what takes longer than the loop may stand still, in a thread."""
    return work() if size <= INLINE else await asyncio.to_thread(work)


async def _lose(target: Target) -> None:
    """Return never; raises Refused once the lock is lost."""
    while True:
        check(target.permit)
        await asyncio.sleep(PERMIT_SECONDS)


def _connection(target: Target) -> Connection:
    if target.connection is None:
        raise Refused("NoConnection", f"cluster {target.name!r} is simulated inside this process: Helm cannot reach it")
    return target.connection
