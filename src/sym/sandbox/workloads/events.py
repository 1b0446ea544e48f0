"""Events as Kubernetes' own controllers write them: core/v1, counted instead of repeated, forgotten after an hour."""

from collections import deque
from datetime import timedelta
from typing import NamedTuple

from sym.aio.env import Env
from sym.model.codec import JSONMap
from sym.model.kinds import EVENT
from sym.model.meta import Kind, ObjectMeta
from sym.sandbox.store import Store, timestamp

_COMBINED = "(combined from similar events): "
_SIMILAR_MOST = 10
_SIMILAR_FOR = timedelta(minutes=10)


class Note(NamedTuple):
    """What an Event says. `field_path` names a part of the object, such as `spec.containers{main}`."""

    type: str
    reason: str
    message: str
    field_path: str = ""


def normal(reason: str, message: str, field_path: str = "") -> Note:
    """Something went as it should."""
    return Note("Normal", reason, message, field_path)


def warning(reason: str, message: str, field_path: str = "") -> Note:
    """Something somebody should look at."""
    return Note("Warning", reason, message, field_path)


class _Said(NamedTuple):
    component: str
    uid: str
    note: Note


class _Similar:
    """The different messages of one kind about one object: beyond a handful they share one Event."""

    def __init__(self) -> None:
        self.messages: set[str] = set()
        self.last = ""


class Recorder:
    """Writes the Events of one cluster. The same words about the same object raise a count; many similar words within
    ten minutes are combined into one Event that shows the last of them."""

    def __init__(self, store: Store, env: Env, ttl: float) -> None:
        self._store = store
        self._env = env
        self._ttl = timedelta(seconds=ttl)
        self._names: dict[_Said, tuple[str, str]] = {}
        self._ages: deque[tuple[str, _Said]] = deque()
        self._similar: dict[_Said, _Similar] = {}

    def write(self, component: str, kind: Kind, meta: ObjectMeta, note: Note, host: str = "") -> None:
        """Say `note` about the object on behalf of `component` (of the node `host`)."""
        self._forget()
        now = timestamp(self._env.now())
        said = self._combined(_Said(component, meta.uid, note), now)
        if said.note.message == _COMBINED:
            note = note._replace(message=_COMBINED + note.message)
        if (known := self._names.get(said)) and self._again(known, note.message, now):
            return
        name = f"{meta.name}.{self._env.random().getrandbits(64):016x}"
        namespace = meta.namespace or "default"
        source: JSONMap = {"component": component, "host": host} if host else {"component": component}
        event: JSONMap = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": _involved(kind, meta, note.field_path),
            "reason": note.reason,
            "message": note.message,
            "source": source,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "type": note.type,
            "eventTime": None,
            "reportingComponent": component,
            "reportingInstance": host,
        }
        self._store.create(EVENT, event)
        self._names[said] = (namespace, name)
        self._ages.append((now, said))

    def _combined(self, said: _Said, now: str) -> _Said:
        """What to count: `said` itself, or what stands for all that is like it."""
        all_of_it = said._replace(note=said.note._replace(message=_COMBINED, field_path=""))
        similar = self._similar.get(all_of_it)
        if similar is None or similar.last < timestamp(self._env.now() - _SIMILAR_FOR):
            similar = self._similar[all_of_it] = _Similar()
        similar.last = now
        if len(similar.messages | {said.note.message}) >= _SIMILAR_MOST:
            return all_of_it
        similar.messages.add(said.note.message)
        return said

    def _again(self, known: tuple[str, str], message: str, now: str) -> bool:
        def count(event: JSONMap) -> None:
            before = event.get("count")
            event["count"] = before + 1 if isinstance(before, int) else 2
            event["message"] = message
            event["lastTimestamp"] = now

        return self._store.mutate(EVENT, *known, count) is not None

    def _forget(self) -> None:
        horizon = timestamp(self._env.now() - self._ttl)
        while self._ages and self._ages[0][0] < horizon:
            _, said = self._ages.popleft()
            namespace, name = self._names.pop(said, ("", ""))
            self._similar.pop(said._replace(note=said.note._replace(message=_COMBINED, field_path="")), None)
            entry = self._store.get(EVENT, namespace, name) if name else None
            if entry is None:
                continue
            last = str(entry.object().get("lastTimestamp"))
            if last >= horizon:  # it was said again since
                self._names[said] = (namespace, name)
                self._ages.append((last, said))
            else:
                self._store.remove(EVENT, namespace, name)


def _involved(kind: Kind, meta: ObjectMeta, field_path: str) -> JSONMap:
    involved: JSONMap = {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "namespace": meta.namespace,
        "name": meta.name,
        "uid": meta.uid,
        "resourceVersion": meta.resource_version,
    }
    if field_path:
        involved["fieldPath"] = field_path
    return {key: value for key, value in involved.items() if value != ""}
