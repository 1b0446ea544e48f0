"""A work queue of keys with client-go's promises: a key is never worked on twice at once, and no change is lost.

A key that is added while it waits is there once; a key that is added while it is worked on comes back once when that
work is done. Failures are retried with a per-key exponential delay, delayed adds keep the earliest time. Relies on
`aio.env` for time and `aio.backoff` for the curve; it starts no task, delays are timers of the running loop.
"""

import asyncio
from collections import deque
from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar

from sym.aio.backoff import BackoffPolicy
from sym.aio.env import Env

K = TypeVar("K", bound=Hashable)


class ShutDown(Exception):  # it is news, not an error
    """The queue is shut down and empty: the worker may go home."""


class QueueMetrics(Protocol):
    """What a queue tells about itself (workqueue_* of client-go)."""

    def depth(self, value: int) -> None:
        """Keys that wait."""

    def added(self) -> None:
        """A key began to wait."""

    def retried(self) -> None:
        """A key comes back because its work failed."""

    def waited(self, seconds: float) -> None:
        """A key left the queue after waiting so long."""

    def worked(self, seconds: float) -> None:
        """A key's work ended after so long."""


class NoMetrics:
    """Tells nobody."""

    def depth(self, value: int) -> None:
        """Nothing."""

    def added(self) -> None:
        """Nothing."""

    def retried(self) -> None:
        """Nothing."""

    def waited(self, seconds: float) -> None:
        """Nothing."""

    def worked(self, seconds: float) -> None:
        """Nothing."""


class Queue(Generic[K]):
    """Keys to be worked on. For tasks of one event loop."""

    def __init__(self, env: Env, policy: BackoffPolicy, metrics: QueueMetrics | None = None) -> None:
        self._env = env
        self._policy = policy
        self._metrics: QueueMetrics = metrics or NoMetrics()
        self._ready: deque[K] = deque()
        self._dirty: dict[K, float] = {}  # key -> when it began to wait
        self._processing: dict[K, float] = {}  # key -> when its work began
        self._failures: dict[K, int] = {}
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._getters: deque[asyncio.Future[None]] = deque()
        self._drained = asyncio.Event()
        self._closing = False

    def __len__(self) -> int:
        return len(self._ready)

    @property
    def processing(self) -> dict[K, float]:
        """The keys being worked on, with the loop's time at which each began."""
        return dict(self._processing)

    @property
    def delayed(self) -> int:
        """Keys that wait for their time."""
        return len(self._timers)

    def add(self, key: K) -> None:
        """Make sure that `key` is worked on after this moment."""
        if self._closing or key in self._dirty:
            return
        self._dirty[key] = self._env.monotonic()
        self._metrics.added()
        if key not in self._processing:
            self._put(key)

    def add_after(self, key: K, seconds: float) -> None:
        """Add `key` in `seconds`; of several such wishes the earliest counts."""
        if self._closing:
            return
        if seconds <= 0:
            self.add(key)
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        if (timer := self._timers.get(key)) is not None:
            if timer.when() <= due:
                return
            timer.cancel()
        self._timers[key] = loop.call_at(due, self._due, key)

    def add_limited(self, key: K) -> float:
        """Add `key` after its own exponential delay, counting one failure more. Gives the delay in seconds."""
        count = self._failures.get(key, 0)
        self._failures[key] = count + 1
        delay = self._policy.delay(count, self._env.random())
        self._metrics.retried()
        self.add_after(key, delay)
        return delay

    def forget(self, key: K) -> None:
        """Its work succeeded: the next failure is the first one again, and what it was put off to before is settled."""
        self._failures.pop(key, None)
        if (timer := self._timers.pop(key, None)) is not None:
            timer.cancel()

    def failures(self, key: K) -> int:
        """Failures of `key` in a row."""
        return self._failures.get(key, 0)

    async def get(self) -> K:
        """The next key, which is then being worked on until `done`. Raises ShutDown once closed and empty."""
        while not self._ready:
            if self._closing:
                raise ShutDown
            getter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._getters.append(getter)
            try:
                await getter
            except asyncio.CancelledError:
                self._getters = deque(other for other in self._getters if other is not getter)
                if getter.done() and not getter.cancelled() and self._ready:
                    self._wake()  # this wake-up was meant for somebody
                raise
        key = self._ready.popleft()
        now = self._env.monotonic()
        self._metrics.waited(now - self._dirty.pop(key))
        self._metrics.depth(len(self._ready))
        self._processing[key] = now
        return key

    def done(self, key: K) -> None:
        """The work on `key` ended; if it was added meanwhile, it waits again."""
        self._metrics.worked(self._env.monotonic() - self._processing.pop(key))
        if key in self._dirty:
            self._put(key)
        if not self._processing and not self._ready:
            self._drained.set()

    def shut_down(self) -> None:
        """Take nothing more, forget what is delayed; what waits is still handed out."""
        self._closing = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        while self._getters:
            self._wake()
        if not self._processing and not self._ready:
            self._drained.set()

    async def drained(self) -> None:
        """Wait until everything that waited or was worked on when the queue was shut down is done."""
        await self._drained.wait()

    def _due(self, key: K) -> None:
        del self._timers[key]
        self.add(key)

    def _put(self, key: K) -> None:
        self._ready.append(key)
        self._drained.clear()
        self._metrics.depth(len(self._ready))
        self._wake()

    def _wake(self) -> None:
        while self._getters:
            getter = self._getters.popleft()
            if not getter.done():
                getter.set_result(None)
                return
