"""Workers that take keys from a queue and reconcile them; whatever one object does to them, the others go on.

Every failure of a reconcile, RecursionError and MemoryError included, is caught at its key, counted, logged once per
try and retried with that key's own growing delay: an object that always fails costs ever less. Relies on `queue`.
"""

import asyncio
from typing import Protocol

import structlog
from msgspec import Struct

from sym.aio.env import Env
from sym.clusters.refusals import Refused
from sym.controllers.metrics import ControllerMetrics
from sym.controllers.queue import Queue, ShutDown
from sym.kube.errors import KubeError
from sym.model.meta import Ref
from sym.plan.types import Failure
from sym.settings import ControllerSettings

_log: structlog.stdlib.BoundLogger = structlog.get_logger("sym.runner")


class ActionsFailed(Exception):
    """Some actions of a plan did not succeed. `failures` are data; `after`: seconds to the next try, None: backoff."""

    def __init__(self, failures: tuple[Failure, ...], after: float | None = None) -> None:
        super().__init__("; ".join(sorted({failure.message for failure in failures})))
        self.failures = failures
        self.after = after


class LookLater(Exception):
    """The world moved while we acted, which is no failure: decide anew soon, with the key's backoff."""


class Reconciler(Protocol):
    """What a controller does about one key."""

    async def reconcile(self, ref: Ref) -> float | None:
        """Bring the world nearer to what the object says. Seconds until it shall be looked at again, if at all."""
        ...


class Limits(Struct, frozen=True, kw_only=True):
    """How a runner works."""

    name: str
    threadiness: int
    settings: ControllerSettings


class Runner:
    """Some workers for one controller."""

    def __init__(
        self, queue: Queue[Ref], reconciler: Reconciler, limits: Limits, metrics: ControllerMetrics, env: Env
    ) -> None:
        self._queue = queue
        self._reconciler = reconciler
        self._limits = limits
        self._metrics = metrics
        self._env = env

    async def run(self) -> None:
        """Work until the queue is shut down and empty, or until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number in range(self._limits.threadiness):
                group.create_task(self._worker(), name=f"{self._limits.name} worker {number}")

    async def _worker(self) -> None:
        while True:
            try:
                key = await self._queue.get()
            except ShutDown:
                return
            try:
                await self._one(key)
            finally:
                self._queue.done(key)

    async def _one(self, key: Ref) -> None:
        name, began = self._limits.name, self._env.monotonic()
        try:
            with self._metrics.active(name):
                async with asyncio.timeout(self._limits.settings.reconcile_timeout):
                    again = await self._reconciler.reconcile(key)
        except Exception as error:  # one object's trouble, of whatever kind, stays its own
            result = self._failed(key, error)
        else:
            result = "success" if again is None else "requeue_after"
            self._queue.forget(key)
            if again is not None:
                self._queue.add_after(key, again)
        self._metrics.reconciled(name, result, self._env.monotonic() - began)

    def _failed(self, key: Ref, error: Exception) -> str:
        match error:
            case LookLater():
                self._queue.add_limited(key)
                return "requeue"
            case ActionsFailed(after=float() as seconds):
                self._queue.add_after(key, seconds)
                _log.warning("actions refused", controller=self._limits.name, key=str(key), error=str(error))
            case ActionsFailed() | KubeError() | Refused():
                delay = self._queue.add_limited(key)
                _log.warning(
                    "actions failed", controller=self._limits.name, key=str(key), error=str(error), delay=delay
                )
            case _:
                delay = self._queue.add_limited(key)
                text = f"{type(error).__name__}: {error}"[:1000]
                self._metrics.panicked(self._limits.name)
                _log.error("reconcile failed", controller=self._limits.name, key=str(key), error=text, delay=delay)
        return "error"
