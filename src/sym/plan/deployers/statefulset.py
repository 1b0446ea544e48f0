"""The deployer `StatefulSet`: each podSet is one StatefulSet of its name, governed by the app's Service.

Kubernetes never changes some fields of a StatefulSet. A spec that asks for that is refused before anything is written:
to delete and make anew would end pods that have data. Claims of volumes are Kubernetes' own, and nobody here deletes
one. Source: semantics.md 1 and 4.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from msgspec.structs import replace

from sym.model import defaults, names
from sym.model.advdeployment import AdvDeployment, ChildPodSet
from sym.model.appset import PodSetStatus, StatefulSetStrategy
from sym.model.codec import JSON, JSONMap, as_map, dig_map, to_json
from sym.model.kinds import STATEFULSET
from sym.model.workload import Pod, RollingUpdate, StatefulSet
from sym.plan.diff import differences
from sym.plan.ownership import body_of_new, owned
from sym.plan.pods import pods_of, waits
from sym.plan.types import Action, Create, Owner
from sym.plan.views import AdvDeploymentView
from sym.plan.workloads import (
    labels_said,
    leftovers,
    metadata_of,
    selector_of,
    status_of,
    template_of,
    workload_repairs,
)

IMMUTABLE = "ImmutableField"
IMMUTABLE_SENTENCE = (
    "spec.{field} of a StatefulSet never changes, so nothing is written to this one: {back}rename the podSet, or take "
    "the StatefulSet away without its pods (kubectl delete sts {name} -n {namespace} --cascade=orphan) and let Sym make"
    " it anew around them"
)
BROKEN = "BrokenPod"
BROKEN_SENTENCE = (
    "pod {pod} of an older revision is not ready ({why}), and with podManagementPolicy OrderedReady Kubernetes waits "
    "for it before it brings the new revision: delete that pod (kubectl delete pod {pod} -n {namespace})"
)


class Field(NamedTuple):
    """A field of a StatefulSet that never changes, and where an AppSet says it, if it can."""

    name: str
    said_at: str = ""


FIXED = (
    Field("serviceName"),
    Field("podManagementPolicy", "spec.podSpec.podManagementPolicy"),
    Field("volumeClaimTemplates", "spec.podSpec.volumeClaimTemplates"),
)


class StatefulSetDeployer:
    """Makes StatefulSets."""

    def taken(self, view: AdvDeploymentView, owner: Owner, pod_set: ChildPodSet) -> bool:
        """Whether a StatefulSet of the podSet's name is somebody else's."""
        seen = _seen(view, pod_set)
        return seen is not None and not owned(seen, owner)

    def actions(self, view: AdvDeploymentView, owner: Owner, pod_set: ChildPodSet) -> Iterator[Action]:
        """Create it where there is none; apply it where it says something else, unless that can never be."""
        seen = _seen(view, pod_set)
        metadata, spec = _metadata(view.adv, owner, pod_set, seen), _spec(view.adv, pod_set, seen)
        if seen is None:
            body: JSONMap = {**body_of_new(STATEFULSET, owner.namespace, pod_set.name, **metadata), "spec": spec}
            yield Create(cluster=view.cluster, kind=STATEFULSET, body=body, manager=names.WORKER)
        elif owned(seen, owner) and not seen.deleting and _fixed(view.adv, pod_set, seen) is None:
            wanted: JSONMap = {"metadata": metadata, "spec": spec}
            yield from workload_repairs(view, seen, pod_set.revision, (wanted, _said(seen, spec)))

    def leftovers(
        self, view: AdvDeploymentView, owner: Owner, kept: Iterable[ChildPodSet], reason: str
    ) -> Iterator[Action]:
        """The deletes of the owner's StatefulSets that belong to none of the podSets `kept`. Their claims stay."""
        stay = {pod_set.name for pod_set in kept}
        found = (each for each in view.stateful_sets if each.metadata.name not in stay)
        yield from leftovers(view, owner, STATEFULSET, found, reason)

    def observe(self, view: AdvDeploymentView, owner: Owner, pod_set: ChildPodSet) -> PodSetStatus:
        """What is seen of the podSet. Pods below the partition keep their revision, so its VERSION is that of the old
        and of the new pods (`v1/v2`) for as long as the partition stands."""
        seen = _seen(view, pod_set)
        if seen is None or not owned(seen, owner):
            return status_of(view, pod_set, [])
        told = replace(status_of(view, pod_set, [seen]), held=_held(view.adv, pod_set, seen))
        if (field := _fixed(view.adv, pod_set, seen)) is not None:
            return replace(told, reason=IMMUTABLE, message=_refused(field, seen))
        if (pod := _broken(view, seen)) is not None:
            message = BROKEN_SENTENCE.format(pod=pod.metadata.name, why=waits(pod), namespace=pod.metadata.namespace)
            return replace(told, reason=BROKEN, message=message)
        return told


def _seen(view: AdvDeploymentView, pod_set: ChildPodSet) -> StatefulSet | None:
    """The StatefulSet of the podSet's name, whoever made it."""
    return next((each for each in view.stateful_sets if each.metadata.name == pod_set.name), None)


def _strategy(adv: AdvDeployment, pod_set: ChildPodSet) -> StatefulSetStrategy:
    """The podSet's own strategy, else that of all."""
    outer = adv.spec.update_strategy.stateful_set_strategy
    return defaults.first(pod_set.stateful_set_strategy, outer, default=StatefulSetStrategy())


def _max_unavailable(adv: AdvDeployment, pod_set: ChildPodSet) -> int | str:
    asked = _strategy(adv, pod_set).max_unavailable
    return defaults.first(asked, default=defaults.STATEFUL_MAX_UNAVAILABLE)


def _metadata(adv: AdvDeployment, owner: Owner, pod_set: ChildPodSet, seen: StatefulSet | None) -> JSONMap:
    """With what was asked of maxUnavailable: a server without that feature drops the field itself."""
    metadata = metadata_of(adv, owner, pod_set, seen)
    asked: JSONMap = {names.MAX_UNAVAILABLE: str(_max_unavailable(adv, pod_set))}
    return {**metadata, "annotations": {**dig_map(metadata, "annotations"), **asked}}


def _spec(adv: AdvDeployment, pod_set: ChildPodSet, seen: StatefulSet | None) -> JSONMap:
    partition = defaults.first(_strategy(adv, pod_set).partition, default=0)
    rolling: JSONMap = {"partition": partition, "maxUnavailable": _max_unavailable(adv, pod_set)}
    return {
        "replicas": pod_set.replicas,
        "selector": selector_of(adv, pod_set, seen),
        "template": template_of(adv, pod_set, seen),
        **_fixed_of(adv, pod_set),
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": rolling},
        "minReadySeconds": adv.spec.update_strategy.min_ready_seconds,
        "revisionHistoryLimit": defaults.first(
            adv.spec.revision_history_limit, default=defaults.REVISION_HISTORY_LIMIT
        ),
    }


def _fixed_of(adv: AdvDeployment, pod_set: ChildPodSet) -> JSONMap:
    """The fields that stay as they were at creation."""
    pod_spec = pod_set.pod_spec
    claims: list[JSON] = list(pod_spec.volume_claim_templates)
    return {
        "serviceName": names.service_of(adv.metadata.name),
        "podManagementPolicy": str(
            defaults.first(pod_spec.pod_management_policy, default=defaults.POD_MANAGEMENT_POLICY)
        ),
        "volumeClaimTemplates": claims,
    }


def _fixed(adv: AdvDeployment, pod_set: ChildPodSet, seen: StatefulSet) -> Field | None:
    """The first field that would have to change and cannot. What an entry does not say any more shows only the other
    way round, where the server's own additions must not be taken for it."""
    wanted, said = _fixed_of(adv, pod_set), _fixed_said(seen)
    changed = seen.metadata.annotations.get(names.REVISION) != pod_set.revision
    for field in FIXED:
        asked, is_ = wanted[field.name], said[field.name]
        if differences(asked, is_) or (changed and differences(_bare(is_), asked)):
            return field
    return None


def _fixed_said(seen: StatefulSet) -> JSONMap:
    claims: list[JSON] = list(seen.spec.volume_claim_templates)
    return {
        "serviceName": seen.spec.service_name,
        "podManagementPolicy": seen.spec.pod_management_policy,
        "volumeClaimTemplates": claims,
    }


def _bare(claims: JSON) -> JSON:
    """Templates of claims without what servers write into them."""
    return [_bare_claim(as_map(each)) for each in claims] if isinstance(claims, list) else claims


def _bare_claim(claim: JSONMap) -> JSONMap:
    metadata = {key: each for key, each in dig_map(claim, "metadata").items() if key != "creationTimestamp"}
    spec = {key: each for key, each in dig_map(claim, "spec").items() if (key, each) != ("volumeMode", "Filesystem")}
    return {"metadata": metadata, "spec": spec}


def _refused(field: Field, seen: StatefulSet) -> str:
    meta = seen.metadata
    back = f"set {field.said_at} back, " if field.said_at else ""
    return IMMUTABLE_SENTENCE.format(field=field.name, back=back, name=meta.name, namespace=meta.namespace)


def _held(adv: AdvDeployment, pod_set: ChildPodSet, seen: StatefulSet) -> int:
    """Pods that the partition holds back: none where the StatefulSet has another one than it shall have, so that what
    is told of it is never taken for what was asked for."""
    asked = defaults.first(_strategy(adv, pod_set).partition, default=0)
    return min(asked, seen.spec.replicas) if _rolling(seen).partition == asked else 0


def _rolling(seen: StatefulSet) -> RollingUpdate:
    return defaults.first(seen.spec.update_strategy.rolling_update, default=RollingUpdate())


def _broken(view: AdvDeploymentView, seen: StatefulSet) -> Pod | None:
    """The pod for whose sake an update stands still: Kubernetes waits for it even if the new revision would mend it."""
    status, ordered = seen.status, seen.spec.pod_management_policy != "Parallel"
    if not ordered or status.observed_generation < seen.metadata.generation:
        return None
    return next(
        (
            pod
            for pod in pods_of(view, seen.metadata.name)
            if pod.metadata.labels.get(names.POD_REVISION, status.update_revision) != status.update_revision
            and not pod.ready
            and waits(pod)
        ),
        None,
    )


def _said(seen: StatefulSet, wanted: JSONMap) -> JSONMap:
    """What a StatefulSet says, field by field in the shape of what we write. Where its server knows no maxUnavailable
    it says what is wanted: whether that was asked for before, the annotation tells."""
    spec, rolling = seen.spec, _rolling(seen)
    unavailable = to_json(rolling.max_unavailable)
    if unavailable is None:
        unavailable = dig_map(wanted, "updateStrategy", "rollingUpdate")["maxUnavailable"]
    return {
        "metadata": labels_said(seen),
        "spec": {
            "replicas": spec.replicas,
            "selector": to_json(spec.selector),
            "template": spec.template,
            **_fixed_said(seen),
            "updateStrategy": {
                "type": spec.update_strategy.type,
                "rollingUpdate": {"partition": rolling.partition, "maxUnavailable": unavailable},
            },
            "minReadySeconds": spec.min_ready_seconds,
            "revisionHistoryLimit": spec.revision_history_limit,
        },
    }
