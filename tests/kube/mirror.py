"""A reflector with a store behind it, as an informer wires them, on a scripted server."""

import asyncio
import contextlib
import itertools
from typing import Generic, TypeVar

from sym.aio.env import LoopEnv
from sym.kube.api import Api
from sym.kube.requests import ListOptions
from sym.kube.store import Event, Store
from sym.kube.watch import Reflector
from sym.model.kinds import CONFIGMAP
from sym.model.meta import Object
from sym.settings import KubeSettings
from tests.kube.scripted import (
    Asked,
    Scripted,
    Silence,
    event,
    failure,
)

T = TypeVar("T", bound=Object)
HEALTHY = Silence(60.0)
PAGES = KubeSettings(stream_lists=False)
"""Lists in pages, as servers that stream none give them; test_watch_list.py has the others."""
EXPIRED = event("ERROR", failure(410, "Expired", "too old resource version: 10 (20)"))


class Typed(Object, frozen=True):
    """A ConfigMap whose data is read."""

    data: dict[str, str] = {}


class Mirror(Generic[T]):
    """A reflector with a store behind it, as an informer wires them."""

    def __init__(self, client: Scripted, type_: type[T], settings: KubeSettings, options: ListOptions) -> None:
        self.api = Api(client, "c", settings)
        self.store: Store[T] = Store("c", {})
        self.events: list[Event[T]] = []
        self.deleted: list[str] = []
        self.reflector = Reflector(self.api, CONFIGMAP, type_, options, settings, LoopEnv(1))

    async def run(self, seconds: float) -> None:
        """Let it work for so many virtual seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.reflector.run(self.take)

    def take(self, event: Event[T]) -> None:
        """The handler."""
        self.events.append(event)
        self.deleted += [change.ref.name for change in self.store.handle(event) if change.new is None]

    @property
    def names(self) -> list[str]:
        """What the store holds."""
        return sorted(ref.name for ref in self.store.view)

    @property
    def kinds(self) -> list[str]:
        """The events' types."""
        return [type(one).__name__ for one in self.events]


def watching(
    client: Scripted, settings: KubeSettings | None = None, options: ListOptions | None = None
) -> Mirror[Object]:
    """A mirror of which only the metadata matters."""
    return Mirror(client, Object, settings or PAGES, options or ListOptions())


def reading(client: Scripted) -> Mirror[Typed]:
    """A mirror that reads `data` too."""
    return Mirror(client, Typed, PAGES, ListOptions())


def gaps(asked: list[Asked]) -> list[float]:
    """Seconds between requests."""
    return [after.at - before.at for before, after in itertools.pairwise(asked)]
