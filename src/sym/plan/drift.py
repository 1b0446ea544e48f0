"""What became of the objects that Helm rendered: gone, changed by others, or without our record.

The record of a release says what was rendered; compared are those kinds that the worker watches. What differs is
applied again as it was rendered, under Helm's own name, so that neither a chart is rendered anew (it may hold chance or
time) nor a revision is spent. Counts that an autoscaler sets, and fields that the AppSet leaves to others, are left
alone. A repair that the server took without the difference going away is not repeated: then the server spells the same
thing otherwise.
"""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from sym.model import names
from sym.model.codec import JSONMap, as_map, dig_map, dig_str, to_json
from sym.model.kinds import CONFIGMAP, DEPLOYMENT, SERVICE, STATEFULSET
from sym.model.meta import Kind, Object, wish_of
from sym.model.paths import FieldPath
from sym.model.workload import ConfigMap, Deployment, Service, StatefulSet, Workload
from sym.plan.content import without_nulls
from sym.plan.diff import differences
from sym.plan.fields import without
from sym.plan.ownership import body_for, body_of_new, record
from sym.plan.releases import state
from sym.plan.types import Action, Apply, Create, Owner
from sym.plan.views import AdvDeploymentView

KINDS: Mapping[tuple[str, str], Kind] = {
    (kind.api_version, kind.name): kind for kind in (DEPLOYMENT, STATEFULSET, SERVICE, CONFIGMAP)
}
"""The kinds whose objects are looked at, by apiVersion and kind."""

_WORKLOADS = (DEPLOYMENT, STATEFULSET)
_MANAGED = "Helm"
_PORT = ("name", "port", "protocol", "targetPort", "nodePort")


def live_objects(view: AdvDeploymentView) -> Mapping[Kind, Mapping[str, Object]]:
    """What the view holds of those kinds, by name; a kind that cannot be read is not among them."""
    found: dict[Kind, Mapping[str, Object]] = {
        DEPLOYMENT: {each.metadata.name: each for each in view.workloads},
        STATEFULSET: {each.metadata.name: each for each in view.stateful_sets},
        SERVICE: {each.metadata.name: each for each in view.services},
    }
    if view.config_maps is not None:
        found[CONFIGMAP] = {each.metadata.name: each for each in view.config_maps}
    return found


def made_by(view: AdvDeploymentView, release: str) -> tuple[Workload, ...]:
    """The workloads that a release made."""
    return tuple(each for each in view.makers if released(each) == release)


def released(obj: Object) -> str:
    """The Helm release that made `obj`; empty if none did."""
    return obj.metadata.annotations.get(names.HELM_RELEASE, "")


class Rendered(Struct, frozen=True, kw_only=True):
    """What a release rendered, and where it is looked for. `left` are the fields of workloads that are left to
    others."""

    view: AdvDeploymentView
    owner: Owner
    release: str
    left: tuple[FieldPath, ...] = ()

    def repairs(self) -> Iterator[Action]:
        """The writes that bring the objects back to what was rendered, and our record onto the workloads."""
        live = live_objects(self.view)
        for wanted in state(self.view, self.release).objects or ():
            kind = KINDS.get((dig_str(wanted, "apiVersion"), dig_str(wanted, "kind")))
            metadata = dig_map(wanted, "metadata")
            if (
                kind is None
                or kind not in live
                or metadata.get("namespace", self.owner.namespace) != self.owner.namespace
            ):
                continue
            seen = live[kind].get(dig_str(metadata, "name"))
            body = self._complete(wanted)
            if seen is None:
                new = body_of_new(kind, self.owner.namespace, dig_str(metadata, "name"), **_marks(body))
                yield Create(cluster=self.view.cluster, kind=kind, body={**body, **new}, manager=names.HELM)
            elif not seen.deleting and released(seen) in ("", self.release):
                yield from self._repair(kind, body, seen)

    def _repair(self, kind: Kind, wanted: JSONMap, seen: Object) -> Iterator[Action]:
        workload = kind in _WORKLOADS
        owed = without(wanted, self.left) if workload else wanted
        known = state(self.view, self.release).repaired.get(seen.metadata.uid)
        if differences(_compared(owed, said := _said(seen)), said) and known != wish_of(seen.metadata):
            body: JSONMap = {**owed, **body_for(kind, seen, **_marks(owed))}
            yield Apply(cluster=self.view.cluster, kind=kind, body=body, manager=names.HELM, force=True)
        elif workload and not record(self.owner).items() <= seen.metadata.annotations.items():
            body = body_for(kind, seen, annotations=to_json(record(self.owner)))
            yield Apply(cluster=self.view.cluster, kind=kind, body=body, manager=names.WORKER)

    def _complete(self, wanted: JSONMap) -> JSONMap:
        """An object as Helm sends it: with the marks of its release."""
        metadata = dig_map(wanted, "metadata")
        marks: JSONMap = {names.HELM_RELEASE: self.release, names.HELM_NAMESPACE: self.owner.namespace}
        labels: JSONMap = {**dig_map(metadata, "labels"), names.MANAGED_BY: _MANAGED}
        marked: JSONMap = {**metadata, "labels": labels, "annotations": {**dig_map(metadata, "annotations"), **marks}}
        return as_map(without_nulls({**wanted, "metadata": marked}))


def _marks(body: JSONMap) -> JSONMap:
    """What of an object's metadata was rendered, but for its place."""
    return {key: each for key, each in dig_map(body, "metadata").items() if key in ("labels", "annotations")}


def _compared(wanted: JSONMap, said: JSONMap) -> JSONMap:
    """What of `wanted` is compared at all: fields that the worker sees in the live object."""
    spec = {key: each for key, each in dig_map(wanted, "spec").items() if key in dig_map(said, "spec")}
    if isinstance(ports := spec.get("ports"), list):
        spec["ports"] = [{key: each for key, each in dig_map(port).items() if key in _PORT} for port in ports]
    compared: JSONMap = {"metadata": _marks(wanted), "spec": spec}
    return {**compared, "data": wanted["data"]} if "data" in said and "data" in wanted else compared


def _said(seen: Object) -> JSONMap:
    """What of a live object is compared, in the server's shape."""
    meta: JSONMap = {"labels": to_json(seen.metadata.labels), "annotations": to_json(seen.metadata.annotations)}
    spec: JSONMap = {}
    match seen:
        case Deployment() | StatefulSet():
            spec = {
                "replicas": seen.spec.replicas,
                "template": seen.spec.template,
                "minReadySeconds": seen.spec.min_ready_seconds,
            }
        case Service():
            spec = {
                "type": seen.spec.type,
                "clusterIP": seen.spec.cluster_ip,
                "selector": to_json(seen.spec.selector),
                "ports": to_json(seen.spec.ports),
            }
        case _:
            data: Mapping[str, str] = seen.data if isinstance(seen, ConfigMap) else {}
            return {"metadata": meta, "data": to_json(data)}
    return {"metadata": meta, "spec": spec}
