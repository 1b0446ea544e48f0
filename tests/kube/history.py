"""An honest API server for one kind, in memory: all its states, lists in pages, watches, bookmarks, compaction.

What etcd promises, and no more, so that a test can compare what a client was told with what truly happened. It
shares no code with the sandbox on purpose.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

from msgspec import Struct

from sym.aio.broadcast import Pulse
from sym.kube.requests import Request, Response
from sym.model.codec import JSONMap
from tests.kube.scripted import bookmark, config_map, event, listing, refusal

BOOKMARK_EVERY = 60.0


class Happened(Struct, frozen=True):
    """One write: what a watch says of it."""

    version: int
    type: str
    name: str
    item: JSONMap


class History:
    """ConfigMaps of namespace `d`. `states[v]` is name -> version at version v. `streams`: whether a watch may begin
    with all that there is; `streamed` counts those that said that it was all."""

    def __init__(self, *, streams: bool = True) -> None:
        self._streams = streams
        self.streamed = 0
        self.version = 1
        self.compacted = 0
        self.events: list[Happened] = []
        self.states: dict[int, dict[str, int]] = {1: {}}
        self._pulse = Pulse()

    def put(self, name: str) -> None:
        """Create or change."""
        type_ = "MODIFIED" if name in self.states[self.version] else "ADDED"
        self._happen(type_, name, {**self.states[self.version], name: self.version + 1})

    def remove(self, name: str) -> None:
        """Delete, where it exists."""
        now = self.states[self.version]
        if name in now:
            self._happen("DELETED", name, {other: version for other, version in now.items() if other != name})

    def compact(self) -> None:
        """Forget the past, except for the tests' eyes."""
        self.compacted = self.version

    async def send(self, request: Request) -> Response:
        """A page of a list. A continue token is `version:name`."""
        query = dict(request.query)
        version, after = self.version, ""
        if token := query.get("continue"):
            text, _, after = token.partition(":")
            version = int(text)
            if version < self.compacted:
                raise refusal(410, "Expired", "continue token too old")
        if int(query.get("resourceVersion", "0")) > self.version:
            raise refusal(504, "Timeout", "Too large resource version")
        state, limit = self.states[version], int(query["limit"])
        names = sorted(name for name in state if name > after)
        more = f"{version}:{names[limit - 1]}" if len(names) > limit else ""
        return listing(version, *(config_map(name, state[name]) for name in names[:limit]), more=more)

    @contextlib.asynccontextmanager
    async def stream(self, request: Request) -> AsyncGenerator[AsyncIterator[bytes]]:
        """A watch."""
        query = dict(request.query)
        version, end = (
            int(query["resourceVersion"] or 0),
            asyncio.get_running_loop().time() + int(query["timeoutSeconds"]),
        )
        if "sendInitialEvents" in query:
            if not self._streams:
                raise refusal(422, "Invalid", "sendInitialEvents is forbidden for watch")
            if version > self.version:
                raise refusal(504, "Timeout", "Too large resource version")
            yield self._whole(end)
            return
        if version < self.compacted:
            raise refusal(410, "Expired", "too old resource version")
        yield self._watch(version, end)

    async def aclose(self) -> None:
        """Nothing to do."""

    def _happen(self, type_: str, name: str, state: dict[str, int]) -> None:
        self.version += 1
        self.states[self.version] = state
        self.events.append(Happened(self.version, type_, name, config_map(name, self.version)))
        self._pulse.notify()

    async def _whole(self, end: float) -> AsyncIterator[bytes]:
        """The present state, what happens while it is sent, and where that ended; then a watch."""
        at, state = self.version, self.states[self.version]
        for name in sorted(state):
            yield event("ADDED", config_map(name, state[name]))
            await asyncio.sleep(0.01)
        for one in [one for one in self.events if one.version > at]:
            yield event(one.type, one.item)
            at = one.version
        self.streamed += 1
        yield bookmark(at, complete=True)
        async for line in self._watch(at, end):
            yield line

    async def _watch(self, version: int, end: float) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        while loop.time() < end:
            for one in [one for one in self.events if one.version > version]:
                yield event(one.type, one.item)
                version = one.version
            if version == self.version:
                try:
                    async with asyncio.timeout_at(min(end, loop.time() + BOOKMARK_EVERY)):
                        await self._pulse.wait()
                except TimeoutError:
                    version = self.version
                    yield bookmark(version)
