"""Whose turn it is: so many Helm operations at once, fewer in one cluster, one of one release; and their deadline."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

from msgspec import Struct

from sym.kube.connection import Connection
from sym.kube.helm.types import HelmTimedOut, ReleaseName
from sym.settings import HelmSettings

K = TypeVar("K")


class Work(Struct, frozen=True, kw_only=True):
    """What is to be done, for messages, and what it is done to. Rendering has no `where`."""

    what: str
    where: Connection | None = None
    release: ReleaseName | None = None


class Turns:
    """Bounds of one engine."""

    def __init__(self, settings: HelmSettings) -> None:
        self._settings = settings
        self._all = asyncio.Semaphore(settings.concurrency)
        self._members: dict[str, _Shared] = {}
        self._releases: dict[tuple[str, ReleaseName], _Shared] = {}

    @asynccontextmanager
    async def turn(self, work: Work, deadline: float) -> AsyncIterator[None]:
        """Wait for the turn of `work` and hold it. Raises HelmTimedOut once the block and the wait for it have taken
        `deadline` seconds; the block is cancelled then."""
        began = False
        try:
            async with asyncio.timeout(deadline), AsyncExitStack() as held:
                if work.where is not None:
                    server = work.where.server
                    if work.release is not None:
                        await held.enter_async_context(_holding(self._releases, (server, work.release), 1))
                    await held.enter_async_context(_holding(self._members, server, self._settings.per_cluster))
                await held.enter_async_context(self._all)
                began = True
                yield
        except TimeoutError:
            raise HelmTimedOut(_late(work, deadline, began=began)) from None


class _Shared:
    """A semaphore that goes when nobody holds it or waits for it."""

    def __init__(self, size: int) -> None:
        self.semaphore = asyncio.Semaphore(size)
        self.users = 0


@asynccontextmanager
async def _holding(table: dict[K, _Shared], key: K, size: int) -> AsyncIterator[None]:
    shared = table.setdefault(key, _Shared(size))
    shared.users += 1
    try:
        async with shared.semaphore:
            yield
    finally:
        shared.users -= 1
        if not shared.users:
            del table[key]


def _late(work: Work, deadline: float, *, began: bool) -> str:
    if not began:
        return f"helm {work.what}: other Helm operations left it no turn within {deadline:.0f} s; it was not begun"
    return (
        f"helm {work.what}: not done within {deadline:.0f} s and ended; the usual reasons are a hook that never ends"
        " and a cluster that does not answer"
    )
