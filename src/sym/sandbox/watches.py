"""Watches: the state now or the changes since, then every change as it happens, as lines of bytes.

Each watcher has a queue that the store's write fills; frames of whole objects are made once and shared by all watchers.
A watcher that does not keep up is ended, as a real server ends it: the client lists again.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import NamedTuple

from sym.aio.env import Env
from sym.model.codec import JSONMap, as_map, encode
from sym.model.kinds import CRD
from sym.sandbox import failures, listoptions
from sym.sandbox.call import Call
from sym.sandbox.forms import Form, Presenter, body, whole
from sym.sandbox.reads import parsed_version
from sym.sandbox.selectors import Test, compiled, everything
from sym.sandbox.store import Change, ChangeType, Compacted, Entry, Store, content, frame
from sym.settings import ApiServerSettings

SLICE = 128
"""Frames after which the loop gets a turn."""


class Terms(NamedTuple):
    """How watches of one server are kept."""

    env: Env
    settings: ApiServerSettings


class Watch:
    """One watch. Made (and so begun) within the request, so that no change falls between."""

    def __init__(self, store: Store, call: Call, presenter: Presenter, terms: Terms) -> None:
        self._store = store
        self._call = call
        self._present = presenter
        self._env = terms.env
        self._settings = terms.settings
        listoptions.check(call)
        self._test: Test = compiled(
            call.resource, call.query.get("labelSelector", ""), call.query.get("fieldSelector", "")
        )
        self._queue: deque[Change] = deque()
        self._wake = asyncio.Event()
        self._over = False
        self._after = 0
        """only what comes after this resourceVersion is told"""
        self._initial = list(self._first())
        self._leaves: list[Callable[[], None]] = [store.subscribe(self._note, call.kind)]
        if call.resource.custom:
            self._leaves.append(store.subscribe(self._redefined, CRD))
        self._version = self._begun = store.version
        self._since = self._env.monotonic()

    async def lines(self) -> AsyncIterator[bytes]:
        """The frames, until the time-out."""
        try:
            async for line in self._run():
                yield line
        finally:
            self._leave_all()

    def close(self) -> None:
        """End the watch: its lines stop after what is queued; needed too where they were never read."""
        self._over = True
        self._wake.set()
        self._leave_all()

    def _leave_all(self) -> None:
        for leave in self._leaves:
            leave()

    async def _run(self) -> AsyncIterator[bytes]:
        deadline = self._env.monotonic() + self._timeout()
        for count, line in enumerate(self._initial):
            yield line
            if count % SLICE == SLICE - 1:
                await asyncio.sleep(0)
        self._initial = []
        bookmark = self._next_bookmark(deadline)
        while True:
            async for line in self._drain():
                yield line
            now = self._env.monotonic()
            if self._over or now >= deadline:
                return
            if now >= bookmark:  # never at the deadline: that returned
                bookmark = self._next_bookmark(deadline)
                for line in self._bookmarks():
                    yield line
            await self._wait(min(deadline, bookmark) - now)

    def _next_bookmark(self, deadline: float) -> float:
        """Every minute or so, and shortly before the end; never where the end is nearer than that."""
        now = self._env.monotonic()
        due = min(now + self._settings.bookmark_seconds, deadline - self._settings.bookmark_before_end)
        return due if due > now else deadline

    async def _drain(self) -> AsyncIterator[bytes]:
        count = 0
        while self._queue:
            change = self._queue.popleft()
            self._version = change.entry.version
            line = self._frame(change)
            if line is not None:
                yield line
            count += 1
            if count % SLICE == 0:
                await asyncio.sleep(0)

    async def _wait(self, seconds: float) -> None:
        self._wake.clear()
        if self._queue:
            return
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._wake.wait()
        except TimeoutError:
            return

    def _note(self, change: Change) -> None:
        namespace = self._call.target.namespace
        if namespace and change.entry.namespace != namespace:
            return
        if change.entry.version <= self._after:
            return
        if len(self._queue) >= self._settings.watch_backlog:
            self._over = True
        else:
            self._queue.append(change)
        self._wake.set()

    def _redefined(self, change: Change) -> None:
        """A watch ends when its CRD changes or goes: the server serves the kind anew."""
        if change.entry.name != self._call.kind.qualified:
            return
        old = change.old.object() if change.old is not None else {}
        if change.type is ChangeType.DELETED or content(old) != content(change.entry.object()):
            self._over = True
            self._wake.set()

    def _timeout(self) -> float:
        stated = self._call.query.get("timeoutSeconds", "")
        if stated.isascii() and stated.isdigit() and int(stated):
            return float(stated)
        return self._settings.watch_shortest * self._env.random().uniform(1, 2)

    # what comes first

    def _first(self) -> Iterator[bytes]:
        stated = self._call.query.get("resourceVersion", "")
        version = _version(stated) if stated else 0
        streaming = self._call.flag("sendInitialEvents")
        if streaming and version > self._store.version:
            yield frame("ERROR", encode(failures.too_new(version, self._store.version).status()))
            self._over = True
            return
        self._after = version
        if streaming or (version == 0 and self._call.query.get("sendInitialEvents") != "false"):
            yield from self._state()
            if streaming and self._call.flag("allowWatchBookmarks"):
                yield frame("BOOKMARK", self._present.bookmark(self._store.version, initial_end=True))
            return
        if version <= self._store.version:  # from the future: silence until then, as a real server has it
            yield from self._replay(version or self._store.version)

    def _replay(self, version: int) -> Iterator[bytes]:
        try:
            changes = self._store.since(self._call.kind, version)
        except Compacted as error:
            yield frame("ERROR", encode(failures.expired(str(error)).status()))
            self._over = True
            return
        namespace = self._call.target.namespace
        for change in changes:
            if not namespace or change.entry.namespace == namespace:
                line = self._frame(change)
                if line is not None:
                    yield line

    def _state(self) -> Iterator[bytes]:
        for entry in self._store.list(self._call.kind, self._call.target.namespace):
            if self._test(entry):
                yield frame("ADDED", self._present.entry(entry))

    # frames

    def _bookmarks(self) -> Iterator[bytes]:
        self._version = max(self._version, self._store.version) if not self._queue else self._version
        if self._call.flag("allowWatchBookmarks") and (self._version > self._begun or self._old()):
            yield frame("BOOKMARK", self._present.bookmark(self._version))

    def _old(self) -> bool:
        """Whether it lasts long enough for a bookmark though nothing happened here: etcd tells a real server every few
        seconds how far it is, and in a cluster at work that is always further."""
        return self._env.monotonic() - self._since >= self._settings.bookmark_seconds

    def _frame(self, change: Change) -> bytes | None:
        """The line of a change for this watcher; None where its selectors never fitted."""
        if self._test is everything:
            return self._line(change.type, change, change.entry)
        fits = change.type is not ChangeType.DELETED and self._test(change.entry)
        fitted = change.old is not None and self._test(change.old)
        if fits:
            return self._line(ChangeType.MODIFIED if fitted else ChangeType.ADDED, change, change.entry)
        if not fitted or change.old is None:
            return None
        if change.type is ChangeType.DELETED:
            return self._line(ChangeType.DELETED, change, change.entry)
        return frame("DELETED", self._present.obj(_at(self._call, change.old, change.entry.version)))

    def _line(self, type_: ChangeType, change: Change, entry: Entry) -> bytes:
        if self._present.form is not Form.WHOLE:
            return frame(type_.value, self._present.entry(entry))
        if type_ is change.type and not self._call.resource.several:
            return change.frame
        return frame(type_.value, body(self._call.resource, entry))


def _version(stated: str) -> int:
    try:
        return parsed_version(stated)
    except failures.Refusal as refusal:  # a watch gives this as its own failure (tried on 1.34)
        raise failures.Refusal(500, "", refusal.message.removeprefix("invalid resource version: ")) from None


def _at(call: Call, entry: Entry, version: int) -> JSONMap:
    obj = whole(call.resource, entry)
    as_map(obj["metadata"])["resourceVersion"] = str(version)
    return obj
