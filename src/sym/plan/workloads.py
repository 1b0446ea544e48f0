"""What Deployments and StatefulSets have in common: whose they are, what Sym writes to them, what they say of pods.

For deployers, which do not know each other. Source: semantics.md 1 and 4.
"""

from collections.abc import Iterable, Iterator, Sequence

from sym.model import names
from sym.model.advdeployment import AdvDeployment, ChildPodSet
from sym.model.appset import PodSetStatus
from sym.model.codec import JSONMap, dig_map, to_json, to_map
from sym.model.kinds import AUTOSCALER, DEPLOYMENT, STATEFULSET
from sym.model.meta import Kind, Object
from sym.model.paths import REPLICAS, TEMPLATE, FieldPath, parse_paths
from sym.model.versions import union_versions
from sym.model.workload import Deployment, Managed, Workload
from sym.plan.content import version_of
from sym.plan.diff import differences
from sym.plan.fields import scaled_by, without, yielding
from sym.plan.ownership import adopted, body_for, owned, record
from sym.plan.pods import pods_of, selected, served, versions
from sym.plan.types import Apply, Delete, Owner
from sym.plan.views import AdvDeploymentView

LABELS = (names.APP, names.PODSET, names.GROUP, names.LDC, names.ZONE, names.CLUSTER_INFO, names.VERSION)
"""What of the pods' labels their workload bears too."""


def kind_of(seen: Workload) -> Kind:
    """The kind of a workload."""
    return DEPLOYMENT if isinstance(seen, Deployment) else STATEFULSET


# what Sym writes


def metadata_of(adv: AdvDeployment, owner: Owner, pod_set: ChildPodSet, seen: Workload | None) -> JSONMap:
    """Labels and annotations of the podSet's workload. The annotation `revision` says which content it carries."""
    template = pod_set.pod_spec.template
    marks = {names.REVISION: pod_set.revision, names.VERSION_TAG: version_of(template, adv.metadata.name)}
    if seen is not None and adopted(seen, pod_set.revision):
        marks[names.ADOPTED] = pod_set.revision
    labels = dig_map(template_of(adv, pod_set, None), "metadata", "labels")
    return {
        "labels": {key: labels[key] for key in LABELS if key in labels},
        "annotations": to_json(record(owner) | marks),
    }


def template_of(adv: AdvDeployment, pod_set: ChildPodSet, seen: Workload | None) -> JSONMap:
    """The template with the labels by which its workload selects: ours, which the master has put there already, and
    those of the selector that an adopted workload keeps."""
    template = pod_set.pod_spec.template
    metadata = dig_map(template, "metadata")
    kept = dict(seen.spec.selector.match_labels) if seen else {}
    labels = {**dig_map(metadata, "labels"), **_selecting(adv, pod_set), **kept}
    return {**template, "metadata": {**metadata, "labels": labels}}


def selector_of(adv: AdvDeployment, pod_set: ChildPodSet, seen: Workload | None) -> JSONMap:
    """The selector of the podSet's workload: what is there keeps its own, which never changes."""
    return to_map(seen.spec.selector) if seen else {"matchLabels": _selecting(adv, pod_set)}


def _selecting(adv: AdvDeployment, pod_set: ChildPodSet) -> JSONMap:
    return {names.APP: adv.metadata.name, names.PODSET: pod_set.name}


def labels_said(seen: Object) -> JSONMap:
    """The labels and annotations of an object, in the shape of what we write."""
    return {"labels": to_json(seen.metadata.labels), "annotations": to_json(seen.metadata.annotations)}


def workload_repairs(
    view: AdvDeploymentView, seen: Workload, revision: str, pair: tuple[JSONMap, JSONMap]
) -> Iterator[Apply]:
    """`repairs` of a workload: a template that was adopted stays, and so does a count that an autoscaler sets."""
    left: tuple[FieldPath, ...] = (TEMPLATE,) if adopted(seen, revision) else ()
    if autoscaler_of(view, seen):
        left = (*left, REPLICAS)
    yield from repairs(view, kind_of(seen), seen, pair, left)


def repairs(
    view: AdvDeploymentView, kind: Kind, seen: Managed, pair: tuple[JSONMap, JSONMap], left: tuple[FieldPath, ...] = ()
) -> Iterator[Apply]:
    """The apply that makes `seen` say what is wanted of the fields that are not left as they are or to others. `pair`:
    what is wanted, metadata and spec, and what `seen` says in that shape."""
    wanted, said = pair
    left = (*left, *parse_paths(view.adv.metadata.annotations.get(names.IGNORE_FIELDS, "")))
    if differences(without(wanted, left), said):
        given = yielding(wanted, said, seen, left)
        body = {**body_for(kind, seen, **dig_map(given, "metadata")), "spec": given["spec"]}
        yield Apply(cluster=view.cluster, kind=kind, body=body, manager=names.WORKER)


def leftovers(
    view: AdvDeploymentView, owner: Owner, kind: Kind, found: Iterable[Object], reason: str
) -> Iterator[Delete]:
    """The deletes of those of `found`, all of one kind, that are the owner's."""
    for seen in found:
        if owned(seen, owner) and not seen.deleting:
            yield delete_of(view, owner, kind, seen, reason)


def delete_of(view: AdvDeploymentView, owner: Owner, kind: Kind, seen: Object, reason: str) -> Delete:
    """The delete of exactly the object that was read."""
    return Delete(
        cluster=view.cluster,
        kind=kind,
        namespace=seen.metadata.namespace,
        name=seen.metadata.name,
        uid=seen.metadata.uid,
        resource_version=seen.metadata.resource_version,
        owner=owner,
        reason=reason,
    )


def autoscaler_of(view: AdvDeploymentView, seen: Workload) -> str:
    """What sets the count of pods in place of Sym; empty if nothing does. Where autoscalers cannot be read, whoever
    used the scale subresource last is taken for one: its number is not Sym's to change anyway."""
    if view.autoscalers is None:
        return scaled_by(seen)
    for each in view.autoscalers:
        target = each.spec.scale_target_ref
        if (target.kind, target.name) == (kind_of(seen).name, seen.metadata.name) and not each.deleting:
            return f"{AUTOSCALER.name}/{each.metadata.name}"
    return ""


# what they say


def missing(pod_set: ChildPodSet) -> PodSetStatus:
    """What is seen of a podSet without a workload that is ours."""
    return PodSetStatus(name=pod_set.name, desired=pod_set.replicas, un_available=pod_set.replicas)


def status_of(view: AdvDeploymentView, pod_set: ChildPodSet, found: Sequence[Workload]) -> PodSetStatus:
    """What is seen of a podSet whose workloads are `found`: their own word, beside the generations that it is about.
    Several speak as one: `observed_generation` reaches `generation` only where each has been observed."""
    if not found:
        return missing(pod_set)
    desired = sum(each.spec.replicas for each in found)
    named = {each.metadata.name for each in found}
    reason, message = next((said for each in found if any(said := _trouble(each))), ("", ""))
    revisions = {each.metadata.annotations.get(names.REVISION, "") for each in found}
    return PodSetStatus(
        name=pod_set.name,
        desired=desired,
        available=sum(each.status.available_replicas for each in found),
        un_available=sum(map(_unavailable, found)),
        version=versions(view, pod_set.name) or union_versions(_version(view.adv, pod_set, each) for each in found),
        have_deploy=True,
        ready=sum(each.status.ready_replicas for each in found),
        update=sum(each.status.updated_replicas for each in found),
        current=sum(each.status.replicas for each in found),
        endpoints=served(view, selected(view, found)),
        running=sum(pod.status.phase == "Running" for pod in pods_of(view, pod_set.name)),
        warn_event=any(event.involved_object.name in named for event in view.events),
        revision=revisions.pop() if len(revisions) == 1 else "",
        generation=sum(each.metadata.generation for each in found),
        observed_generation=sum(min(each.status.observed_generation, each.metadata.generation) for each in found),
        reason=reason,
        message=message,
        autoscaler=next(filter(None, (autoscaler_of(view, each) for each in found)), ""),
    )


def _unavailable(seen: Workload) -> int:
    status = seen.status
    return max(status.unavailable_replicas, seen.spec.replicas - status.available_replicas, 0)


def _version(adv: AdvDeployment, pod_set: ChildPodSet, seen: Workload) -> str:
    """The version that an adopted workload runs, whose pods do not bear our labels yet."""
    known = adopted(seen, pod_set.revision) and seen.status.ready_replicas
    return version_of(seen.spec.template, adv.metadata.name) if known else ""


def _trouble(seen: Workload) -> tuple[str, str]:
    """Reason and message of what the workload's own controller complains of, if it speaks of what we wrote last."""
    if seen.status.observed_generation < seen.metadata.generation:
        return "", ""
    for each in seen.status.conditions:
        failed = each.type == "ReplicaFailure" and each.status == "True"
        if failed or (each.type == "Progressing" and each.status == "False"):
            return each.reason, each.message
    return "", ""
