"""One task tells, many tasks hear: a pulse without a value and a value of which only the latest counts.

Both are for tasks of one event loop. Nobody can be left behind and nothing is queued: a slow listener skips what was
overtaken, which is right for health, leadership, "the cache has synced" and "something changed". Relies on asyncio.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Pulse:
    """An event that happens again and again; each `notify` wakes everyone who waits at that moment."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def notify(self) -> None:
        """Wake all who wait now. Those who come later wait for the next one."""
        happened, self._next = self._next, asyncio.Event()
        happened.set()

    async def wait(self) -> None:
        """Return at the next `notify`."""
        await self._next.wait()


class Latest(Generic[T]):
    """A value that changes; many tasks may read it, wait for it, or follow its changes."""

    def __init__(self, value: T) -> None:
        self._value = value
        self._version = 0
        self._pulse = Pulse()

    @property
    def value(self) -> T:
        """What it is now."""
        return self._value

    def set(self, value: T) -> None:
        """Change the value; setting an equal one is no change and wakes nobody."""
        if value == self._value:
            return
        self._value = value
        self._version += 1
        self._pulse.notify()

    async def wait_for(self, predicate: Callable[[T], bool]) -> T:
        """The first value seen, beginning with the present one, for which `predicate` holds."""
        while not predicate(self._value):
            await self._pulse.wait()
        return self._value

    async def changes(self) -> AsyncIterator[T]:
        """The present value, then the latest one after each change; what was overtaken meanwhile is skipped."""
        seen = -1
        while True:
            while seen == self._version:
                await self._pulse.wait()
            seen = self._version
            yield self._value
