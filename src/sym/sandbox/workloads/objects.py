"""Small things that simulated controllers need of objects: owners, selectors, conditions, names.

Pure but for the randomness that is handed in. Relies on `builtin` for what admission adds to pods.
"""

from collections.abc import Mapping
from random import Random

from sym.model.codec import JSON, JSONMap, dig_map, dig_str
from sym.model.meta import Kind, ObjectMeta
from sym.sandbox.builtin import kinds
from sym.sandbox.workloads.views import LabelSelector

_SAFE = "bcdfghjklmnpqrstvwxz2456789"
_FNV_OFFSET, _FNV_PRIME = 2166136261, 16777619


def same(kind: Kind, other: Kind) -> bool:
    """Whether two kinds are kept in the same place: versions do not count."""
    return kind.plural == other.plural and kind.group == other.group


def owner_reference(kind: Kind, meta: ObjectMeta) -> JSONMap:
    """The reference by which a controller owns what it creates."""
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "name": meta.name,
        "uid": meta.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def new_pod(template: JSONMap, name: str, prefix: str, owner: JSONMap, namespace: str) -> JSONMap:
    """A pod from a workload's template, as the API server stores it. Its parts may be changed without harm."""
    labels: JSONMap = dict(dig_map(template, "metadata", "labels"))
    meta: JSONMap = {"name": name, "generateName": prefix, "namespace": namespace, "generation": 1, "labels": labels}
    if annotations := dig_map(template, "metadata", "annotations"):
        meta["annotations"] = dict(annotations)
    meta["ownerReferences"] = [owner]
    spec: JSONMap = dict(dig_map(template, "spec"))
    pod: JSONMap = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}
    kinds.admit("", "Pod", pod)
    return pod


def controller_of(meta: ObjectMeta) -> str:
    """The uid of the owner that controls the object, or an empty string."""
    return next((owner.uid for owner in meta.owner_references if owner.controller), "")


def matches(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Whether `labels` fit a workload's selector. A selector that says nothing fits nothing."""
    if not selector.match_labels and not selector.match_expressions:
        return False
    plain = all(labels.get(key) == value for key, value in selector.match_labels.items())
    return plain and all(_expression(expression, labels) for expression in selector.match_expressions)


def _expression(expression: JSONMap, labels: Mapping[str, str]) -> bool:
    key, operator, values = dig_str(expression, "key"), dig_str(expression, "operator"), expression.get("values")
    within = isinstance(values, list) and labels.get(key) in values
    answers = {"In": within, "NotIn": not within, "Exists": key in labels, "DoesNotExist": key not in labels}
    return answers.get(operator, False)


def suffix(random: Random) -> str:
    """Five characters as API servers append to generateName: no vowels, nothing that reads as a word."""
    return "".join(random.choices(_SAFE, k=5))


def digest(data: bytes) -> str:
    """A short name for some content: FNV-1a of 32 bits, spelled like a pod-template-hash."""
    value = _FNV_OFFSET
    for byte in data:
        value = ((value ^ byte) * _FNV_PRIME) & 0xFFFFFFFF
    return "".join(_SAFE[ord(digit) % len(_SAFE)] for digit in str(value))


def condition(type_: str, status: str, reason: str, message: str) -> JSONMap:
    """A condition as workloads carry it, still without its times."""
    return {"type": type_, "status": status, "reason": reason, "message": message}


def find_condition(conditions: list[JSONMap], type_: str) -> JSONMap | None:
    """The condition of that type, if any."""
    return next((found for found in conditions if found.get("type") == type_), None)


def with_condition(conditions: list[JSONMap], new: JSONMap, now: str, *, update_time: bool) -> list[JSONMap]:
    """`conditions` with `new` in the place of the one of its type. Nothing changes where status and reason are as
    before; lastTransitionTime is kept while the status is. `update_time`: the kind has lastUpdateTime."""
    type_ = dig_str(new, "type")
    old = find_condition(conditions, type_)
    if old is not None and all(old.get(key) == new.get(key) for key in ("status", "reason")):
        return conditions
    since: JSON = old.get("lastTransitionTime") if old is not None and old.get("status") == new.get("status") else now
    times: JSONMap = {"lastUpdateTime": now} if update_time else {}
    full: JSONMap = {**new, **times, "lastTransitionTime": since or now}
    return [*(found for found in conditions if found.get("type") != type_), full]
