"""An event loop whose time is simulated: it never sleeps, it moves its clock to the next timer.

asyncio asks its selector to wait until the next timer is due. `VirtualLoop` hands it a selector that, when no file
is ready, advances the loop's clock by that time and returns at once. An hour of back-off passes in microseconds, and
the same program with the same `LoopEnv` takes the same steps. Sockets do work, but their peers live in real time:
tests over sockets use a real loop, or, where both ends are in this process, a grace for the bytes on their way.
Relies on asyncio's documented selector and `time()`; nothing private.
"""

import asyncio
import math
import selectors

_PATIENCE = 1.0  # seconds of real time for a thread or a signal to wake a loop that has no timer
_RESOLUTION = 1e-9  # seconds by which asyncio lets a timer fire early, on every platform we run on


class StuckError(RuntimeError):
    """Every task waits, no timer runs and nothing from outside came: virtual time would stand still for ever."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop for tests and simulations; `loop.time()` starts at 0 and counts virtual seconds."""

    def __init__(self, grace: float = 0.0) -> None:
        """`grace`: real seconds in which something may still arrive over a socket before the clock moves."""
        self._virtual = _VirtualSelector()
        self._virtual.grace = grace
        super().__init__(self._virtual)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._virtual.now


class _VirtualSelector(selectors.DefaultSelector):
    """A real selector that is only ever polled; waiting beyond the grace is replaced by moving `now`."""

    now = 0.0
    grace = 0.0

    def select(  # type: ignore[explicit-any]  # a SelectorKey carries Any by its own definition
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        """The ready files; when there are none, `timeout` seconds later by the virtual clock. Raises StuckError."""
        if timeout is None:
            return self._wait_for_the_world()
        ready = super().select(min(timeout, self.grace))
        if not ready:
            self._advance(timeout)
        return ready

    def _advance(self, seconds: float) -> None:
        self.now += seconds
        if (step := math.ulp(self.now)) > _RESOLUTION / 2:
            self.now += 2 * step  # after 52 days asyncio's own nanosecond of grace is lost in rounding: pass the timer

    def _wait_for_the_world(self) -> list[tuple[selectors.SelectorKey, int]]:  # type: ignore[explicit-any]  # as above
        if ready := super().select(_PATIENCE):
            return ready
        raise StuckError("every task waits, no timer is set: virtual time cannot go on; look for the missing wake-up")
