"""Deleting an object on behalf of a controller, with finalizers and grace periods as the API server keeps them."""

from datetime import timedelta

from sym.aio.env import Env
from sym.model.codec import JSONMap, as_map, dig, dig_list, dig_str
from sym.model.kinds import POD
from sym.model.meta import Kind
from sym.sandbox.store import Store, timestamp


def delete(store: Store, env: Env, kind: Kind, namespace: str, name: str) -> None:
    """Delete the object in the background: at once where nothing holds it, otherwise mark it."""
    entry = store.get(kind, namespace, name)
    if entry is None or entry.deleting:
        return
    obj = entry.object()
    grace = _grace(obj) if kind.qualified == POD.qualified else 0
    if not grace and not dig_list(obj, "metadata", "finalizers"):
        store.remove(kind, namespace, name)
        return
    meta = as_map(obj["metadata"])
    meta["deletionTimestamp"] = timestamp(env.now() + timedelta(seconds=grace))
    meta["deletionGracePeriodSeconds"] = grace
    if isinstance(generation := meta.get("generation"), int):
        meta["generation"] = generation + 1
    store.update(kind, obj)


def release(store: Store, kind: Kind, namespace: str, name: str, finalizer: str) -> None:
    """Take one finalizer off a marked object; the last one off ends it."""
    entry = store.get(kind, namespace, name)
    if entry is None:
        return
    obj = entry.object()
    left = [found for found in dig_list(obj, "metadata", "finalizers") if found != finalizer]
    if not left and entry.deleting and not dig(obj, "metadata", "deletionGracePeriodSeconds"):
        store.remove(kind, namespace, name)
        return
    as_map(obj["metadata"])["finalizers"] = left
    store.update(kind, obj)


def _grace(pod: JSONMap) -> int:
    if not dig_str(pod, "spec", "nodeName") or dig_str(pod, "status", "phase") in ("Succeeded", "Failed"):
        return 0
    grace = dig(pod, "spec", "terminationGracePeriodSeconds")
    return grace if isinstance(grace, int) else 30
