"""What a server itself writes into new and changed objects of certain kinds, beside the defaults of their schemas.

Pure on objects; reads the store only for what must be unique. Kinds without an entry are left as they are.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from sym.model.codec import JSON, JSONMap, as_map, dig, dig_str
from sym.model.kinds import JOB, SERVICE
from sym.sandbox.builtin.batch import label_as_template, select_own
from sym.sandbox.builtin.core import service_has_address
from sym.sandbox.resources import Resource
from sym.sandbox.store import Store

Strategy: TypeAlias = Callable[[JSONMap, JSONMap | None, Store], None]


def prepare(resource: Resource, new: JSONMap, old: JSONMap | None, store: Store) -> None:
    """Change `new` in place as the kind's strategy does. `old` is None for a create."""
    strategy = _STRATEGIES.get(resource.kind.qualified)
    if strategy is not None:
        strategy(new, old, store)


def finish(resource: Resource, new: JSONMap) -> None:
    """Change a new object that has passed all checks as a server does when it reads it back."""
    if resource.kind == JOB:
        label_as_template(new)


def _service(new: JSONMap, _: JSONMap | None, store: Store) -> None:
    if not service_has_address(new) or dig(new, "spec", "clusterIP"):
        return
    taken = {entry.fields.get("spec.clusterIP", "") for entry in store.list(SERVICE)}
    spec = as_map(new["spec"])
    spec["clusterIP"] = next(address for address in map(_address, range(1, 1 << 16)) if address not in taken)
    spec["clusterIPs"] = [spec["clusterIP"]]


def _job(new: JSONMap, old: JSONMap | None, store: Store) -> None:
    """A new Job's uid is part of its spec, so it is given before the object is kept."""
    if old is None:
        meta = as_map(new["metadata"])
        meta["uid"] = store.new_uid()
        select_own(new, dig_str(meta, "uid"))


def _address(number: int) -> str:
    return f"10.96.{number >> 8}.{number & 255}"


def established(now: str) -> list[JSON]:
    """The conditions of a CRD that is served."""
    return [
        {
            "type": "NamesAccepted",
            "status": "True",
            "lastTransitionTime": now,
            "reason": "NoConflicts",
            "message": "no conflicts found",
        },
        {
            "type": "Established",
            "status": "True",
            "lastTransitionTime": now,
            "reason": "InitialNamesAccepted",
            "message": "the initial names have been accepted",
        },
    ]


_STRATEGIES: Mapping[str, Strategy] = {
    "jobs.batch": _job,
    "services": _service,
}
