"""The deployer `deployment`: each podSet is one Deployment of its name.

Every bound is written out, so that one that is taken out of the spec goes back to its default. The annotation
`revision` says which content the Deployment carries; comparing the fields finds what others changed. Source:
semantics.md 1 and 4.
"""

from collections.abc import Iterable, Iterator

from sym.model import defaults, names
from sym.model.advdeployment import AdvDeployment, ChildPodSet
from sym.model.appset import PodSetStatus
from sym.model.codec import JSONMap, to_json
from sym.model.kinds import DEPLOYMENT
from sym.model.workload import Deployment
from sym.plan.ownership import body_of_new, owned
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
        metadata, spec = metadata_of(view.adv, owner, pod_set, seen), _spec(view.adv, pod_set, seen)
        if seen is None:
            body: JSONMap = {**body_of_new(DEPLOYMENT, owner.namespace, pod_set.name, **metadata), "spec": spec}
            yield Create(cluster=view.cluster, kind=DEPLOYMENT, body=body, manager=names.WORKER)
        elif owned(seen, owner) and not seen.deleting:
            wanted: JSONMap = {"metadata": metadata, "spec": spec}
            yield from workload_repairs(view, seen, pod_set.revision, (wanted, _said(seen)))

    def leftovers(
        self, view: AdvDeploymentView, owner: Owner, kept: Iterable[ChildPodSet], reason: str
    ) -> Iterator[Action]:
        """The deletes of the owner's Deployments that belong to none of the podSets `kept`."""
        stay = {pod_set.name for pod_set in kept}
        found = (each for each in view.workloads if each.metadata.name not in stay)
        yield from leftovers(view, owner, DEPLOYMENT, found, reason)

    def observe(self, view: AdvDeploymentView, owner: Owner, pod_set: ChildPodSet) -> PodSetStatus:
        """What is seen of the podSet: the Deployment's own word, beside the generation that it is about."""
        seen = _seen(view, pod_set)
        return status_of(view, pod_set, [seen] if seen is not None and owned(seen, owner) else [])


def _seen(view: AdvDeploymentView, pod_set: ChildPodSet) -> Deployment | None:
    """The Deployment of the podSet's name, whoever made it."""
    return next((each for each in view.workloads if each.metadata.name == pod_set.name), None)


def _spec(adv: AdvDeployment, pod_set: ChildPodSet, seen: Deployment | None) -> JSONMap:
    strategy = adv.spec.update_strategy
    surge = defaults.first(pod_set.max_surge, strategy.max_surge, default=defaults.MAX_SURGE)
    unavailable = defaults.first(pod_set.max_unavailable, strategy.max_unavailable, default=defaults.MAX_UNAVAILABLE)
    return {
        "replicas": pod_set.replicas,
        "selector": selector_of(adv, pod_set, seen),
        "template": template_of(adv, pod_set, seen),
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}},
        "minReadySeconds": strategy.min_ready_seconds,
        "revisionHistoryLimit": defaults.first(
            adv.spec.revision_history_limit, default=defaults.REVISION_HISTORY_LIMIT
        ),
        "progressDeadlineSeconds": defaults.progress_deadline_seconds(strategy),
    }


def _said(seen: Deployment) -> JSONMap:
    """What a Deployment says, field by field in the shape of what we write."""
    spec = seen.spec
    return {
        "metadata": labels_said(seen),
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
