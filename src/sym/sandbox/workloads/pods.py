"""What the controllers of one cluster know of its pods: decoded once per change, with the moment each became ready.

`lastTransitionTime` has whole seconds, too coarse for `minReadySeconds` in a fast simulation, so the moment is kept on
the monotonic clock, from the change that said it.
"""

from collections.abc import Callable

from sym.aio.env import Env
from sym.model.codec import decode
from sym.model.kinds import POD
from sym.sandbox.store import Change, ChangeType, Entry, Store
from sym.sandbox.workloads.objects import controller_of
from sym.sandbox.workloads.views import PodView


class Pods:
    """Pods by owner, decoded and remembered."""

    def __init__(self, store: Store, env: Env) -> None:
        self._store = store
        self._env = env
        self._views: dict[str, tuple[int, PodView]] = {}
        self._ready: dict[str, float] = {}
        self._orphans: dict[tuple[str, str], None] = {}

    def watch(self) -> Callable[[], None]:
        """Begin to follow the store; call it before any controller does. Returns the way out."""
        for entry in self._store.list(POD):
            self._note(entry)
        return self._store.subscribe(self._changed, POD)

    def owned(self, uid: str) -> list[PodView]:
        """The pods whose ownerReferences name `uid`."""
        return [self.view(entry) for entry in self._store.owned(POD, uid)]

    def orphans(self, namespace: str) -> list[Entry]:
        """The pods of a namespace that no controller owns."""
        names = [name for space, name in self._orphans if space == namespace]
        return [entry for name in names if (entry := self._store.get(POD, namespace, name)) is not None]

    def view(self, entry: Entry) -> PodView:
        """The pod that `entry` holds."""
        known = self._views.get(entry.uid)
        if known is not None and known[0] == entry.version:
            return known[1]
        view = decode(entry.body, PodView)
        self._views[entry.uid] = (entry.version, view)
        return view

    def ready_for(self, uid: str) -> float | None:
        """Real seconds since the pod became ready; None while it is not."""
        since = self._ready.get(uid)
        return None if since is None else self._env.monotonic() - since

    def _changed(self, change: Change) -> None:
        if change.type is ChangeType.DELETED:
            self._views.pop(change.entry.uid, None)
            self._ready.pop(change.entry.uid, None)
            self._orphans.pop((change.entry.namespace, change.entry.name), None)
        else:
            self._note(change.entry)

    def _note(self, entry: Entry) -> None:
        if controller_of(self.view(entry).metadata):
            self._orphans.pop((entry.namespace, entry.name), None)
        else:
            self._orphans[entry.namespace, entry.name] = None
        if self.view(entry).ready:
            self._ready.setdefault(entry.uid, self._env.monotonic())
        else:
            self._ready.pop(entry.uid, None)
