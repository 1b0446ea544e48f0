"""One kind of one cluster, watched: the declaration (`Watch`) and the running thing (`Informer`).

Each kind has its own reflector task, so that a kind which cannot be listed takes no other kind down with it. Relies on
`kube.watch` for list and watch and on `kube.store` for the cache.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Generic, TypeVar, cast

from msgspec import Struct

from sym.aio.env import Env
from sym.kube.api import Api
from sym.kube.errors import KubeError
from sym.kube.requests import ListOptions
from sym.kube.store import Change, Event, Store
from sym.kube.watch import Reflector
from sym.model.meta import Kind, Object
from sym.settings import KubeSettings

T = TypeVar("T", bound=Object)
Changed = Callable[[Kind, list[Change[Object]]], None]
"""Called with what an event changed, and with nothing when a first list was empty."""

Interrupted = Callable[[Kind, KubeError], None]
"""Called with every error after which list or watch are begun again."""


class Watch(Struct, Generic[T], frozen=True, kw_only=True):
    """What is watched of a cluster. `required` False: the cluster counts as synced without it."""

    kind: Kind
    type: type[T]
    options: ListOptions = ListOptions()
    indexes: Mapping[str, Callable[[T], Iterable[str]]] = {}
    required: bool = True


def erased(watch: Watch[T]) -> Watch[Object]:
    """`watch` among watches of other kinds: what it yields is still of its own type."""
    return cast("Watch[Object]", watch)


class Informer(Generic[T]):
    """Keeps `store` equal to what the cluster holds, and tells what changed."""

    def __init__(self, cluster: str, watch: Watch[T], changed: Changed, interrupted: Interrupted) -> None:
        self.watch = watch
        self.store: Store[T] = Store(cluster, watch.indexes)
        self._changed = changed
        self._interrupted = interrupted
        self._reflector: Reflector[T] | None = None

    def last_contact(self) -> float | None:
        """Loop time at which a list or watch of this kind last heard from the server; None: never."""
        return self._reflector.last_contact if self._reflector else None

    @property
    def error(self) -> str:
        """Why this kind cannot be listed or watched at present; empty when nothing is wrong."""
        error = self._reflector.error if self._reflector else None
        return error.message[:500] if error else ""

    async def run(self, api: Api, settings: KubeSettings, env: Env) -> None:
        """List and watch for ever."""
        self._reflector = Reflector(api, self.watch.kind, self.watch.type, self.watch.options, settings, env)
        self._reflector.interrupted = partial(self._interrupted, self.watch.kind)
        await self._reflector.run(self._take)

    def _take(self, event: Event[T]) -> None:
        first = not self.store.synced
        changes = self.store.handle(event)
        if changes or first:
            self._changed(self.watch.kind, [Change(each.ref, each.old, each.new) for each in changes])
