"""Our own last writes, and whether the caches have seen them: nobody decides on a view older than its own deeds.

After a write the server's answer names the object's new resourceVersion. Until the store of that kind and cluster has
passed it, the object on whose behalf the write was made is not reconciled (`Store.reached` compares versions as
numbers, as its maintainers promise). A write that the cache never shows is forgotten after a while, so that a lost
watch event delays but never blocks. Relies on `kube.store`.
"""

from collections.abc import Callable

from msgspec import Struct

from sym.aio.env import Env
from sym.kube.store import Store
from sym.model.meta import Kind, Object, Ref


class Expected(Struct, frozen=True, kw_only=True):
    """One write of ours. `resource_version` empty: a deletion, seen when the cache no longer shows `uid` as alive."""

    kind: Kind
    ref: Ref
    resource_version: str = ""
    uid: str = ""
    since: float


Look = Callable[[Kind, Ref], Store[Object] | None]
"""The cache that holds objects of that kind in the ref's cluster; None where nobody watches them."""


class Expectations:
    """The open expectations, by the object on whose behalf the writes were made."""

    def __init__(self, look: Look, env: Env, ttl: float) -> None:
        self._look = look
        self._env = env
        self._ttl = ttl
        self._open: dict[Ref, dict[tuple[Kind, Ref], Expected]] = {}
        self.expired = 0
        """How many writes were never seen by the cache within the time given."""

    def wrote(self, behalf: Ref, kind: Kind, ref: Ref, resource_version: str) -> None:
        """`ref` was written for `behalf` and is now at `resource_version`."""
        self._expect(behalf, Expected(kind=kind, ref=ref, resource_version=resource_version, since=self._now()))

    def deleted(self, behalf: Ref, kind: Kind, ref: Ref, uid: str) -> None:
        """The deletion of `ref` with this uid was accepted for `behalf`."""
        self._expect(behalf, Expected(kind=kind, ref=ref, uid=uid, since=self._now()))

    def met(self, behalf: Ref) -> bool:
        """Whether the caches have passed everything that was written for `behalf`."""
        waiting = self._open.get(behalf)
        if not waiting:
            return True
        for key, expected in list(waiting.items()):
            if self._passed(expected):
                del waiting[key]
            elif self._now() - expected.since >= self._ttl:
                self.expired += 1
                del waiting[key]
        if waiting:
            return False
        del self._open[behalf]
        return True

    def forget(self, behalf: Ref) -> None:
        """`behalf` is gone; nobody waits for its writes."""
        self._open.pop(behalf, None)

    def _expect(self, behalf: Ref, expected: Expected) -> None:
        if not self._passed(expected):
            self._open.setdefault(behalf, {})[expected.kind, expected.ref] = expected

    def _passed(self, expected: Expected) -> bool:
        store = self._look(expected.kind, expected.ref)
        if store is None:
            return True
        if expected.uid:
            known = store.view.get(expected.ref)
            return known is None or known.metadata.uid != expected.uid or known.deleting
        return store.reached(expected.resource_version)

    def _now(self) -> float:
        return self._env.monotonic()
