"""The deployer `deployment`: each podSet is one Deployment of its name.

Every bound is written out, so that one that is taken out of the spec goes back to its default. The annotation
`revision` says which content the Deployment carries; comparing the fields finds what others changed. Source:
semantics.md 1 and 4.
"""

from collections.abc import Iterable, Iterator

from sym.model import defaults, names
from sym.model.advdeployment import AdvDeployment, ChildPodSet
from sym.model.appset import PodSetStatus
from sym.model.codec import JSONMap, dig_map, to_json
from sym.model.kinds import AUTOSCALER, DEPLOYMENT
from sym.model.paths import REPLICAS, TEMPLATE, FieldPath, parse_paths
from sym.model.workload import Deployment
from sym.plan.content import version_of
from sym.plan.diff import differences
from sym.plan.fields import scaled_by, without, yielding
from sym.plan.ownership import adopted, body_for, body_of_new, owned, record
from sym.plan.pods import pods_of, versions
from sym.plan.types import Action, Apply, Create, Delete, Owner
from sym.plan.views import AdvDeploymentView

LABELS = (names.APP, names.PODSET, names.GROUP, names.LDC, names.ZONE, names.CLUSTER_INFO, names.VERSION)
"""What of the pods' labels the Deployment bears too."""


class DeploymentDeployer:
    """Makes Deployments."""

    def taken(self, view: AdvDeploymentView, owner: Owner, pod_set: ChildPodSet) -> bool:
        """Whether a Deployment of the podSet's name is somebody else's."""
        seen = _seen(view, pod_set)
        return seen is not None and not owned(seen, owner)

    def actions(self, view: AdvDeploymentView, owner: Owner, pod_set: ChildPodSet) -> Iterator[Action]:
        """Create it where there is none; apply it where it says something else. What is left to others is given once,
        at creation."""
        seen = _seen(view, pod_set)
        metadata, spec = _metadata(view.adv, owner, pod_set, seen), _spec(view.adv, pod_set, seen)
        if seen is None:
            body: JSONMap = {**body_of_new(DEPLOYMENT, owner.namespace, pod_set.name, **metadata), "spec": spec}
            yield Create(cluster=view.cluster, kind=DEPLOYMENT, body=body, manager=names.WORKER)
        elif not owned(seen, owner) or seen.deleting:
            return
        else:
            left = (TEMPLATE,) if adopted(seen, pod_set.revision) else ()
            yield from _repairs(view, seen, {"metadata": metadata, "spec": spec}, left)

    def leftovers(
        self, view: AdvDeploymentView, owner: Owner, kept: Iterable[ChildPodSet], reason: str
    ) -> Iterator[Action]:
        """The deletes of the owner's Deployments that belong to none of the podSets `kept`."""
        stay = {pod_set.name for pod_set in kept}
        for seen in view.workloads:
            if owned(seen, owner) and seen.metadata.name not in stay and not seen.deleting:
                yield Delete(
                    cluster=view.cluster,
                    kind=DEPLOYMENT,
                    namespace=seen.metadata.namespace,
                    name=seen.metadata.name,
                    uid=seen.metadata.uid,
                    resource_version=seen.metadata.resource_version,
                    owner=owner,
                    reason=reason,
                )

    def observe(self, view: AdvDeploymentView, owner: Owner, pod_set: ChildPodSet) -> PodSetStatus:
        """What is seen of the podSet: the Deployment's own word, beside the generation that it is about."""
        seen = _seen(view, pod_set)
        if seen is None or not owned(seen, owner):
            return PodSetStatus(name=pod_set.name, desired=pod_set.replicas, un_available=pod_set.replicas)
        status, pods = seen.status, pods_of(view, pod_set.name)
        reason, message = _trouble(seen)
        autoscaler = _autoscaler(view, seen)
        return PodSetStatus(
            name=pod_set.name,
            desired=seen.spec.replicas,
            available=status.available_replicas,
            un_available=max(status.unavailable_replicas, seen.spec.replicas - status.available_replicas, 0),
            version=versions(view, pod_set.name) or _version(view.adv, pod_set, seen),
            have_deploy=True,
            ready=status.ready_replicas,
            update=status.updated_replicas,
            current=status.replicas,
            running=sum(pod.status.phase == "Running" for pod in pods),
            warn_event=any(event.involved_object.name == pod_set.name for event in view.events),
            revision=seen.metadata.annotations.get(names.REVISION, ""),
            generation=seen.metadata.generation,
            observed_generation=status.observed_generation,
            reason=reason,
            message=message,
            autoscaler=autoscaler,
        )


def _seen(view: AdvDeploymentView, pod_set: ChildPodSet) -> Deployment | None:
    """The Deployment of the podSet's name, whoever made it."""
    return next((each for each in view.workloads if each.metadata.name == pod_set.name), None)


def _repairs(
    view: AdvDeploymentView, seen: Deployment, wanted: JSONMap, left: tuple[FieldPath, ...]
) -> Iterator[Action]:
    """The apply that makes `seen` say what is wanted of the fields that are not left as they are or to others."""
    said = _said(seen)
    left = (*left, *parse_paths(view.adv.metadata.annotations.get(names.IGNORE_FIELDS, "")))
    if _autoscaler(view, seen):
        left = (*left, REPLICAS)
    if differences(without(wanted, left), said):
        given = yielding(wanted, said, seen, left)
        body = {**body_for(DEPLOYMENT, seen, **dig_map(given, "metadata")), "spec": given["spec"]}
        yield Apply(cluster=view.cluster, kind=DEPLOYMENT, body=body, manager=names.WORKER)


def _autoscaler(view: AdvDeploymentView, seen: Deployment) -> str:
    """What sets the count of pods in place of Sym; empty if nothing does. Where autoscalers cannot be read, whoever
    used the scale subresource last is taken for one: its number is not Sym's to change anyway."""
    if view.autoscalers is None:
        return scaled_by(seen)
    for each in view.autoscalers:
        target = each.spec.scale_target_ref
        if (target.kind, target.name) == (DEPLOYMENT.name, seen.metadata.name) and not each.deleting:
            return f"{AUTOSCALER.name}/{each.metadata.name}"
    return ""


def _metadata(adv: AdvDeployment, owner: Owner, pod_set: ChildPodSet, seen: Deployment | None) -> JSONMap:
    template = pod_set.pod_spec.template
    marks = {names.REVISION: pod_set.revision, names.VERSION_TAG: version_of(template, adv.metadata.name)}
    if seen is not None and adopted(seen, pod_set.revision):
        marks[names.ADOPTED] = pod_set.revision
    labels = dig_map(_template(adv, pod_set, None), "metadata", "labels")
    return {
        "labels": {key: labels[key] for key in LABELS if key in labels},
        "annotations": to_json(record(owner) | marks),
    }


def _spec(adv: AdvDeployment, pod_set: ChildPodSet, seen: Deployment | None) -> JSONMap:
    strategy = adv.spec.update_strategy
    surge = defaults.first(pod_set.max_surge, strategy.max_surge, default=defaults.MAX_SURGE)
    unavailable = defaults.first(pod_set.max_unavailable, strategy.max_unavailable, default=defaults.MAX_UNAVAILABLE)
    return {
        "replicas": pod_set.replicas,
        "selector": to_json(seen.spec.selector) if seen else {"matchLabels": _selector(adv, pod_set)},
        "template": _template(adv, pod_set, seen),
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}},
        "minReadySeconds": strategy.min_ready_seconds,
        "revisionHistoryLimit": defaults.first(
            adv.spec.revision_history_limit, default=defaults.REVISION_HISTORY_LIMIT
        ),
        "progressDeadlineSeconds": defaults.progress_deadline_seconds(strategy),
    }


def _template(adv: AdvDeployment, pod_set: ChildPodSet, seen: Deployment | None) -> JSONMap:
    """The template with the labels by which its Deployment selects: ours, which the master has put there already, and
    those of the selector that an adopted Deployment keeps."""
    template = pod_set.pod_spec.template
    metadata = dig_map(template, "metadata")
    kept = dict(seen.spec.selector.match_labels) if seen else {}
    labels = {**dig_map(metadata, "labels"), **_selector(adv, pod_set), **kept}
    return {**template, "metadata": {**metadata, "labels": labels}}


def _selector(adv: AdvDeployment, pod_set: ChildPodSet) -> JSONMap:
    return {names.APP: adv.metadata.name, names.PODSET: pod_set.name}


def _version(adv: AdvDeployment, pod_set: ChildPodSet, seen: Deployment) -> str:
    """The version that an adopted Deployment runs, whose pods do not bear our labels yet."""
    known = adopted(seen, pod_set.revision) and seen.status.ready_replicas
    return version_of(seen.spec.template, adv.metadata.name) if known else ""


def _said(seen: Deployment) -> JSONMap:
    """What a Deployment says, field by field in the shape of what we write."""
    meta, spec = seen.metadata, seen.spec
    return {
        "metadata": {"labels": to_json(meta.labels), "annotations": to_json(meta.annotations)},
        "spec": {
            "replicas": spec.replicas,
            "selector": to_json(spec.selector),
            "template": spec.template,
            "strategy": to_json(spec.strategy),
            "minReadySeconds": spec.min_ready_seconds,
            "revisionHistoryLimit": spec.revision_history_limit,
            "progressDeadlineSeconds": spec.progress_deadline_seconds,
        },
    }


def _trouble(seen: Deployment) -> tuple[str, str]:
    """Reason and message of what the Deployment's own controller complains of, if it speaks of what we wrote last."""
    if seen.status.observed_generation < seen.metadata.generation:
        return "", ""
    for each in seen.status.conditions:
        failed = each.type == "ReplicaFailure" and each.status == "True"
        if failed or (each.type == "Progressing" and each.status == "False"):
            return each.reason, each.message
    return "", ""
