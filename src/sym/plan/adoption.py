"""What `sym adopt` takes over in one cluster: records and workloads that belong to a former AppSet or to nobody.

A person decides, so what no controller may do is done here: an owner record is given to what has another one or none.
Each takeover is a chain of patches, all of which must meet the object that was shown. Pods are not touched: an adopted
Deployment keeps its selector, and its template until the content changes. Source: semantics.md 4.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct

from sym.model import names
from sym.model.appset import AppSet, DeployType, PodSet, TopologyCluster
from sym.model.codec import JSON, JSONMap, convert, dig, dig_list, dig_map, dig_str, to_json
from sym.model.kinds import ADVDEPLOYMENT, DEPLOYMENT, SERVICE, STATEFULSET
from sym.model.meta import Kind
from sym.model.workload import Deployment, StatefulSet, Workload
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


def workload_kind(app: AppSet) -> Kind:
    """The kind of the workloads that an AppSet leads to."""
    return STATEFULSET if app.spec.pod_spec.deploy_type is DeployType.STATEFUL_SET else DEPLOYMENT


def takeovers(
    app: AppSet,
    owner: Owner,
    place: TopologyCluster,
    child: JSONMap | None,
    workloads: Mapping[str, JSONMap],
    service: JSONMap | None = None,
) -> tuple[Takeover, ...]:
    """What has to be taken over at `place`: the workloads (by name, as the server gives them) of its podSets, then the
    app's Service, then the child. Empty if all of it is `owner`'s already."""
    found = [
        _workload(app, owner, place, pod_set, workloads[pod_set.name])
        for pod_set in place.pod_sets
        if pod_set.name in workloads
    ]
    if service is not None:
        found.append(_service(owner, service))
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


def _service(owner: Owner, live: JSONMap) -> Takeover | None:
    """Only one that was a former AppSet's: that of somebody else or of a Helm release is left alone, and the AppSet
    says so if it needs the place."""
    theirs, name = _record_in(live), names.service_of(owner.name)
    chart = names.HELM_RELEASE in dig_map(live, "metadata", "annotations")
    if theirs == record(owner) or names.APP_ID not in theirs or chart:
        return None
    if dig(live, "metadata", "deletionTimestamp"):
        return Takeover(kind=SERVICE, name=name, refused="it is being deleted: wait until it is gone")
    note = f"belongs to another app-id ({theirs[names.APP_ID]})"
    return Takeover(kind=SERVICE, name=name, note=note, steps=(_ids(owner),))


def _workload(app: AppSet, owner: Owner, place: TopologyCluster, pod_set: PodSet, live: JSONMap) -> Takeover | None:
    kind, name = workload_kind(app), pod_set.name
    seen = convert(live, StatefulSet) if kind == STATEFULSET else convert(live, Deployment)
    if owned(seen, owner):
        return None
    if refused := _not_to_be_had(owner, kind, seen):
        return Takeover(kind=kind, name=name, refused=refused)
    if names.APP_ID in seen.metadata.annotations:
        theirs = seen.metadata.annotations[names.APP_ID]
        return Takeover(kind=kind, name=name, note=f"belongs to another app-id ({theirs})", steps=(_ids(owner),))
    note = (
        "belongs to no AppSet; its selector stays, its pods stay as they are until the content changes, and its"
        f" {seen.spec.replicas} replicas become what the AppSet says"
    )
    steps = (_marked(revision(app.spec, owner.name, place, pod_set)), _handed_over, _ids(owner, app=owner.name))
    return Takeover(kind=kind, name=name, note=note, stranger=True, steps=steps)


def _not_to_be_had(owner: Owner, kind: Kind, seen: Workload) -> str:
    """Why a workload cannot be taken over; empty if it can."""
    label = seen.metadata.labels.get(names.APP, owner.name)
    controller = next((each for each in seen.metadata.owner_references if each.controller), None)
    former = names.APP_ID in seen.metadata.annotations
    if seen.deleting:
        return "it is being deleted: wait until it is gone"
    if controller is not None:
        return f"{controller.kind} {controller.name} controls it and would make it anew: take it from that first"
    if former and label != owner.name:
        return f"it belongs to AppSet {label}: rename the podSet"
    if not former and kind == STATEFULSET:
        return "it never was an AppSet's, and what its fixed fields say is not Sym's: rename the podSet"
    return ""


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
