"""List and watch one kind of one cluster, for ever: client-go's reflector, with its promises.

A list at the newest version (the beginning of a watch where the server sends it so, else pages), then watches that
resume from the last version seen (bookmarks included), each asked to end after a random 5 to 10 minutes. 410 means one
new list at the newest version; 429 and broken connections mean waiting and watching on from where we were, never a new
list; missed deletes come out of the next list because the store compares. Every wait is exponential, jittered, capped,
and forgotten after two healthy minutes. A server that serves a list older than what it told before is not believed,
until it insists (see `KubeSettings.stale_lists`).

Relies on `kube.api` for pages and the byte budget, on `kube.frames` for decoding, on asyncio and `aio`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from types import MappingProxyType
from typing import Generic, TypeVar

import structlog

from sym.aio.backoff import Backoff, BackoffPolicy
from sym.aio.env import Env
from sym.kube import requests
from sym.kube.api import Api
from sym.kube.errors import (
    CredentialProblem,
    Forbidden,
    Gone,
    Invalid,
    KubeError,
    NotServed,
    Retryable,
    Stale,
    TimedOut,
    TooManyRequests,
    Unreachable,
)
from sym.kube.frames import Reader, Unreadable
from sym.kube.initial import Initial
from sym.kube.requests import ListOptions
from sym.kube.store import Applied, Bookmark, Deleted, Event, Replaced, older
from sym.model.meta import Kind, Object
from sym.settings import KubeSettings

T = TypeVar("T", bound=Object)

_NOT_FOUND = 404  # the kind itself is not served, which says nothing about how
_BREATH = 128  # events after which the loop may look after the other clusters


class Reflector(Generic[T]):
    """Mirrors `kind`, narrowed by `options`, as events. What it learned about the server stands in its attributes."""

    def __init__(
        self, api: Api, kind: Kind, type_: type[T], options: ListOptions, settings: KubeSettings, env: Env
    ) -> None:
        self._api = api
        self._kind = kind
        self._options = options
        self._settings = settings
        self._env = env
        self._reader = Reader(kind, type_, metadata_only=options.metadata_only)
        policy = BackoffPolicy(
            first=settings.relist_first, cap=settings.relist_cap, jitter=1.0, reset_after=settings.relist_reset
        )
        self._backoff = Backoff(policy, env)
        self._holder = f"{kind.qualified} {options.namespace} {options.label_selector} {options.field_selector}".strip()
        self._version = ""
        self._list_at: str | None = ""  # None: the next thing to do is a watch
        self._stale = 0
        self._streams = settings.stream_lists  # until the server refuses, or does not say where a list ends
        self._unreadable: dict[tuple[str, str], Unreadable] = {}
        self._log: structlog.stdlib.BoundLogger = structlog.get_logger("sym.kube.watch").bind(
            cluster=api.cluster, kind=kind.qualified
        )
        self.interrupted: Callable[[KubeError], None] = lambda _: None
        """Told of every error that interrupts the list or the watch."""
        self.synced = False
        """Whether a whole list has been delivered to the handler."""
        self.watching = False
        """Whether a watch is open at this moment."""
        self.last_contact: float | None = None
        """`env.monotonic()` of the last answer, event or bookmark; None: none yet."""
        self.error: KubeError | None = None
        """What went wrong last; None since a watch was opened again."""
        self.lists = 0
        """Lists begun so far."""
        self.watches = 0
        """Watches begun so far."""

    @property
    def unreadable(self) -> Mapping[tuple[str, str], Unreadable]:
        """Objects that exist but do not fit their struct, by (namespace, name). Handlers do not hear of them."""
        return MappingProxyType(self._unreadable)

    @property
    def resource_version(self) -> str:
        """The last version seen, from which the next watch resumes."""
        return self._version

    async def run(self, on_event: Callable[[Event[T]], None]) -> None:
        """Deliver events, one by one, until cancelled. First comes a Replaced. What `on_event` raises ends it."""
        try:
            while True:
                try:
                    if self._list_at is not None:
                        await self._list(on_event)
                    else:
                        await self._watch(on_event)
                except KubeError as error:
                    self._note(error)
                    await asyncio.sleep(self._wait(error))
        finally:
            self._api.budget.release(self._holder)

    async def _list(self, on_event: Callable[[Event[T]], None]) -> None:
        """One list, delivered as Replaced. An expired version is tried again once, at once, at the newest."""
        try:
            await self._list_from(self._list_at or "", on_event)
        except Gone:
            if not self._list_at:
                raise
            self._list_at = ""
            await self._list_from("", on_event)

    async def _list_from(self, version: str, on_event: Callable[[Event[T]], None]) -> None:
        """One list, streamed unless the server is known not to: then page by page. One that refuses is asked once."""
        if self._streams:
            try:
                await self._stream(version, on_event)
            except (Invalid, Forbidden, NotServed) as error:
                if self._list_at is None or error.status.code == _NOT_FOUND:
                    raise
                self._streams = False
                self._log.debug("the server streams no lists, asking for pages", error=error.message)
            else:
                return
        self._deliver(await self._listed(version), on_event)

    def _deliver(self, event: Replaced[T], on_event: Callable[[Event[T]], None]) -> None:
        self._stale = 0
        self._version = event.resource_version
        self._list_at = None
        on_event(event)
        self.synced = True

    async def _stream(self, version: str, on_event: Callable[[Event[T]], None]) -> None:
        """One list as the beginning of a watch, which goes on after it."""
        self.lists += 1
        seconds = self._watch_seconds()
        request = requests.watch_list(
            self._kind, self._options, resource_version=version, timeout_seconds=round(seconds)
        )
        async with self._api.client.stream(request) as lines:
            event = await self._streamed(lines, self._env.monotonic() + seconds)
            self._deliver(event, on_event)
            self.watches += 1
            await self._follow(lines, on_event)

    async def _streamed(self, lines: AsyncIterator[bytes], end: float) -> Replaced[T]:
        """The list that `lines` begin with. Raises TimedOut or Unreachable where the server does not say that it was
        all, by `end` at the latest; such a server is asked for pages from then on."""
        initial = Initial(self._reader, self._api.budget, self._holder)
        where = f"list of {self._kind.qualified}"
        try:
            async for line in lines:
                self._touch()
                if initial.take(line):
                    break
                if self._env.monotonic() > end:
                    raise TimedOut(f"{where}: the server went on beyond the time that it was given")
        except TimedOut:
            self._streams = False
            raise
        if not initial.resource_version:
            self._streams = False
            raise Unreachable(f"{where}: the server ended it without saying that it was all")
        rewound = self._is_rewound(initial.resource_version)
        self._unreadable = dict(initial.unreadable)
        kept = frozenset(initial.unreadable)
        return Replaced(items=initial.items, resource_version=initial.resource_version, kept=kept, rewound=rewound)

    async def _listed(self, version: str) -> Replaced[T]:
        self.lists += 1
        items: list[T] = []
        odd: dict[tuple[str, str], Unreadable] = {}
        reached = ""
        async for page in self._api.pages(
            self._kind, self._reader, self._options, holder=self._holder, resource_version=version
        ):
            self._touch()
            items += page.items
            odd.update(((one.namespace, one.name), one) for one in page.unreadable)
            reached = page.resource_version
        rewound = self._is_rewound(reached)
        self._unreadable = odd
        return Replaced(items=tuple(items), resource_version=reached, kept=frozenset(odd), rewound=rewound)

    def _is_rewound(self, reached: str) -> bool:
        if not older(reached, self._version):
            return False
        self._stale += 1
        if self._stale < self._settings.stale_lists:
            self._list_at = ""
            raise Stale(f"list of {self._kind.qualified}: the server's answer is older than what it told before")
        return True

    async def _watch(self, on_event: Callable[[Event[T]], None]) -> None:
        """One watch until the server ends it. Silence is no error: the next watch finds out."""
        self.watches += 1
        seconds = self._watch_seconds()
        request = requests.watch(
            self._kind, self._options, resource_version=self._version, timeout_seconds=round(seconds)
        )
        async with self._api.client.stream(request) as lines:
            await self._follow(lines, on_event)

    def _watch_seconds(self) -> float:
        return self._env.random().uniform(self._settings.watch_min, self._settings.watch_max)

    async def _follow(self, lines: AsyncIterator[bytes], on_event: Callable[[Event[T]], None]) -> None:
        """Deliver the changes in `lines` until they end."""
        began, seen = self._env.monotonic(), 0
        self._opened()
        try:
            async for line in lines:
                self._touch()
                self._take(line, on_event)
                seen += 1
                if seen % _BREATH == 0:
                    await asyncio.sleep(0)
        except TimedOut:
            self._log.debug("the watch fell silent, resuming", resource_version=self._version)
        finally:
            self.watching = False
        if not seen and self._env.monotonic() - began < self._settings.short_watch:
            raise Unreachable(f"watch of {self._kind.qualified}: the server ended it at once")

    def _take(self, line: bytes, on_event: Callable[[Event[T]], None]) -> None:
        event = self._reader.event(line)
        if isinstance(event, Unreadable):
            self._unreadable[event.namespace, event.name] = event
            self._log.warning(
                "an object does not fit its kind and is left aside",
                namespace=event.namespace,
                name=event.name,
                error=event.message,
            )
        else:
            on_event(event)
            if self._unreadable:
                self._forget(event)
        if not older(event.resource_version, self._version):
            self._version = event.resource_version

    def _forget(self, event: Event[T]) -> None:
        match event:
            case Replaced() | Bookmark():
                pass
            case Applied():
                self._unreadable.pop((event.item.metadata.namespace, event.item.metadata.name), None)
            case Deleted():
                self._unreadable.pop((event.namespace, event.name), None)

    def _note(self, error: KubeError) -> None:
        """Remember the error and what it means for the next step."""
        self.interrupted(error)
        tell = self._log.debug if type(error) is type(self.error) else self._log.info  # a dead server is told once
        self.error = error
        if isinstance(error, Gone):
            self._list_at = ""
        elif self._list_at is None and not isinstance(error, Retryable | CredentialProblem):
            self._list_at = self._version
        tell("list and watch interrupted", error=error.message, relist=self._list_at is not None)

    def _wait(self, error: KubeError) -> float:
        wait = self._backoff.next()
        return max(wait, error.retry_after) if isinstance(error, TooManyRequests) else wait

    def _opened(self) -> None:
        self._touch()
        self.watching = True
        self.error = None

    def _touch(self) -> None:
        self.last_contact = self._env.monotonic()
