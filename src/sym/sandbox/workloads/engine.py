"""The work queue of one simulated cluster: jobs by name, in slices, and timers that only enqueue.

All controllers of a cluster share one queue. A job that is queued twice runs once; a job that fails is logged and tried
again later, and stops no other. Durations are given in the simulated cluster's seconds and divided by `speed` here and
nowhere else. Relies on the running event loop for timers and on `Env` for the clock.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

import structlog

from sym.aio.env import Env
from sym.sandbox.store import Change
from sym.settings import WorkloadSettings


class Job(NamedTuple):
    """One object that a controller shall look at."""

    controller: str
    namespace: str
    name: str


class Controller(Protocol):
    """A loop of a simulated cluster."""

    @property
    def name(self) -> str:
        """The name that its jobs carry."""
        ...

    def jobs(self, change: Change) -> Iterable[Job]:
        """Which jobs a change of an object gives. Called within the write: it must only look."""
        ...

    def sync(self, job: Job) -> None:
        """Bring one object nearer to what is wanted. Must do nothing where nothing is to be done."""
        ...


_TICK = 1e-6  # seconds: less would be lost in rounding, and simulated time would stand still


class Engine:
    """The queue, its timers, and the loop that works it off."""

    def __init__(self, env: Env, settings: WorkloadSettings) -> None:
        self._env = env
        self._settings = settings
        self._controllers: dict[str, Controller] = {}
        self._ready: dict[Job, None] = {}
        self._timers: dict[Job, asyncio.TimerHandle] = {}
        self._failures: dict[Job, int] = {}
        self._wake = asyncio.Event()

    @property
    def failures(self) -> Mapping[Job, int]:
        """Jobs whose last run failed, with the number of failures in a row."""
        return self._failures

    def real(self, seconds: float) -> float:
        """How long `seconds` of the simulated cluster last on our clock."""
        return seconds / self._settings.speed

    def register(self, controller: Controller) -> None:
        """Give the engine a controller."""
        self._controllers[controller.name] = controller

    def note(self, change: Change) -> None:
        """Queue what `change` concerns. Fit for `Store.subscribe`."""
        for controller in self._controllers.values():
            for job in controller.jobs(change):
                self.add(job)

    def add(self, job: Job) -> None:
        """Run `job` soon."""
        self._ready[job] = None
        self._wake.set()

    def after(self, seconds: float, job: Job) -> None:
        """Run `job` in `seconds` of the simulated cluster; of several times asked for, the earliest counts."""
        loop = asyncio.get_running_loop()
        delay = max(_TICK, self.real(seconds))
        known = self._timers.get(job)
        if known is not None:
            if known.when() <= loop.time() + delay:
                return
            known.cancel()
        self._timers[job] = loop.call_later(delay, self._due, job)

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            while True:
                await self._wake.wait()
                self._slice()
                await asyncio.sleep(0)
        finally:
            for timer in self._timers.values():
                timer.cancel()
            self._timers.clear()

    def _due(self, job: Job) -> None:
        self._timers.pop(job, None)
        self.add(job)

    def _slice(self) -> None:
        end = self._env.monotonic() + self._settings.slice_seconds
        for _ in range(self._settings.slice_jobs):
            if not self._ready:
                self._wake.clear()
                return
            job = next(iter(self._ready))
            del self._ready[job]
            self._run(job)
            if self._env.monotonic() >= end:
                return

    def _run(self, job: Job) -> None:
        try:
            self._controllers[job.controller].sync(job)
        except Exception:
            count = self._failures[job] = self._failures.get(job, 0) + 1
            log: structlog.stdlib.BoundLogger = structlog.get_logger("sym.sandbox.workloads")
            log.exception("simulated controller failed", job=str(job), count=count)
            self.after(min(60.0, 2.0**count), job)
        else:
            self._failures.pop(job, None)
