"""What `sym adopt` takes over in one cluster: records and workloads that belong to a former AppSet or to nobody.

A person decides, so what no controller may do is done here: an owner record is given to what has another one or none.
Each takeover is a chain of patches, all of which must meet the object that was shown. Pods are not touched: an adopted
Deployment keeps its selector, and its template until the content changes. Source: semantics.md 4.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct

from sym.model import names
from sym.model.appset import AppSet, PodSet, TopologyCluster
from sym.model.codec import JSON, JSONMap, convert, dig, dig_list, dig_map, dig_str, to_json
from sym.model.kinds import ADVDEPLOYMENT, DEPLOYMENT
from sym.model.meta import Kind
from sym.model.workload import Deployment
from sym.plan.content import revision
from sym.plan.ownership import owned, record
from sym.plan.types import Owner
from sym.plan.workloads import LABELS

_WHOLE = "."
OURS = (names.FLEET_ID, names.APP_ID, names.REVISION, names.VERSION_TAG, names.ADOPTED)
"""The annotations of a workload that its worker writes."""


Step: TypeAlias = Callable[[JSONMap], JSONMap]
"""From an object as the server gives it to a merge patch of it, without preconditions."""


class Takeover(Struct, frozen=True, kw_only=True):
    """One object that is taken over by `steps`, in order; none where `refused` says why it cannot be taken. `stranger`:
    it never was an AppSet's."""

    kind: Kind
    name: str
    note: str = ""
    refused: str = ""
    stranger: bool = False
    steps: tuple[Step, ...] = ()


def takeovers(
    app: AppSet, owner: Owner, place: TopologyCluster, child: JSONMap | None, workloads: Mapping[str, JSONMap]
) -> tuple[Takeover, ...]:
    """What has to be taken over at `place`: the workloads (Deployments by name, as the server gives them) of its
    podSets, then the child. Empty if all of it is `owner`'s already."""
    found = [
        _workload(app, owner, place, pod_set, workloads[pod_set.name])
        for pod_set in place.pod_sets
        if pod_set.name in workloads
    ]
    if child is not None:
        found.append(_child(owner, child))
    return tuple(each for each in found if each is not None)


def _child(owner: Owner, child: JSONMap) -> Takeover | None:
    theirs = _record_in(child)
    if theirs == record(owner):
        return None
    if dig(child, "metadata", "deletionTimestamp"):
        return Takeover(kind=ADVDEPLOYMENT, name=owner.name, refused="it is being deleted: wait until it is gone")
    note = f"belongs to another app-id ({theirs.get(names.APP_ID) or 'none'})"
    return Takeover(kind=ADVDEPLOYMENT, name=owner.name, note=note, steps=(_ids(owner),))


def _workload(app: AppSet, owner: Owner, place: TopologyCluster, pod_set: PodSet, live: JSONMap) -> Takeover | None:
    seen, name = convert(live, Deployment), pod_set.name
    if owned(seen, owner):
        return None
    label = seen.metadata.labels.get(names.APP, owner.name)
    if seen.deleting:
        return Takeover(kind=DEPLOYMENT, name=name, refused="it is being deleted: wait until it is gone")
    if any(each.controller for each in seen.metadata.owner_references):
        controller = next(each for each in seen.metadata.owner_references if each.controller)
        why = f"{controller.kind} {controller.name} controls it and would make it anew: take it from that first"
        return Takeover(kind=DEPLOYMENT, name=name, refused=why)
    if names.APP_ID in seen.metadata.annotations:
        if label != owner.name:
            return Takeover(kind=DEPLOYMENT, name=name, refused=f"it belongs to AppSet {label}: rename the podSet")
        theirs = seen.metadata.annotations[names.APP_ID]
        note = f"belongs to another app-id ({theirs})"
        return Takeover(kind=DEPLOYMENT, name=name, note=note, steps=(_ids(owner),))
    note = (
        "belongs to no AppSet; its selector stays, its pods stay as they are until the content changes, and its"
        f" {seen.spec.replicas} replicas become what the AppSet says"
    )
    steps = (_marked(revision(app.spec, owner.name, place, pod_set)), _handed_over, _ids(owner, app=owner.name))
    return Takeover(kind=DEPLOYMENT, name=name, note=note, stranger=True, steps=steps)


def _record_in(document: JSONMap) -> JSONMap:
    annotations = dig_map(document, "metadata", "annotations")
    return {key: annotations[key] for key in (names.FLEET_ID, names.APP_ID) if key in annotations}


def _ids(owner: Owner, **labels: str) -> Step:
    metadata: JSONMap = {"annotations": to_json(record(owner))}
    if labels:
        metadata["labels"] = to_json(labels)
    return lambda _: {"metadata": metadata}


def _marked(content: str) -> Step:
    return lambda _: {"metadata": {"annotations": {names.ADOPTED: content}}}


def _handed_over(live: JSONMap) -> JSONMap:
    return {"metadata": {"managedFields": taken(dig_list(live, "metadata", "managedFields"))}}


def taken(entries: Sequence[JSON]) -> list[JSON]:
    """managedFields in which all that Sym writes to a Deployment is its worker's, and the rest stays whose it was. The
    mark of the adoption itself is there already, so that it goes with the first content of ours."""
    mine: JSONMap = {}
    rest: list[JSON] = []
    for entry in entries:
        fields = dig_map(entry, "fieldsV1")
        if dig_str(entry, "subresource") or not isinstance(entry, dict):
            rest.append(entry)
            continue
        ours, others = _split(fields)
        mine = _union(mine, ours)
        if others:
            rest.append({**entry, "fieldsV1": others})
    worker: JSONMap = {
        "manager": names.WORKER,
        "operation": "Apply",
        "apiVersion": DEPLOYMENT.api_version,
        "fieldsType": "FieldsV1",
        "fieldsV1": mine,
    }
    return [*rest, worker]


def _split(fields: JSONMap) -> tuple[JSONMap, JSONMap]:
    """What of a manager's fields Sym writes, and the rest: the spec, and of the metadata our labels and annotations."""
    ours: JSONMap = {"f:spec": fields["f:spec"]} if "f:spec" in fields else {}
    others: JSONMap = {key: each for key, each in fields.items() if key != "f:spec"}
    metadata = dig_map(fields, "f:metadata")
    kept, taken_of = dict(metadata), JSONMap()
    for part, wanted in (("f:labels", LABELS), ("f:annotations", OURS)):
        inner = dig_map(metadata, part)
        if mine := {f"f:{key}": inner[f"f:{key}"] for key in wanted if f"f:{key}" in inner}:
            taken_of[part] = mine
            kept[part] = {key: each for key, each in inner.items() if key not in mine}
    if taken_of:
        ours["f:metadata"] = taken_of
        others["f:metadata"] = {key: each for key, each in kept.items() if each not in ({}, {".": {}})}
    return ours, {key: each for key, each in others.items() if each != {}}


def _union(one: JSONMap, other: JSONMap) -> JSONMap:
    """Both sets of fields in one. {} is a field as a whole, which beside parts of it is noted as a dot."""
    result = dict(one)
    for key, each in other.items():
        before = result.get(key)
        if isinstance(before, dict) and isinstance(each, dict):
            result[key] = _union(before or {_WHOLE: {}}, each or {_WHOLE: {}}) if before != each else each
        else:
            result[key] = each
    return result
