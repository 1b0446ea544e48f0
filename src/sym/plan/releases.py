"""Helm releases as planners see them: whose a release is, how its newest revision stands, what it shall be.

All of it is read off the labels of the records, which Helm copies from revision to revision: the application's ids, the
content revision, a digest of chart and values, and the one operation that made it. Source: semantics.md 4, Helm's
storage.
"""

from collections.abc import Iterable, Mapping

from sym.model import names
from sym.model.advdeployment import ChildPodSet
from sym.model.appset import DeployType
from sym.model.codec import JSONMap
from sym.model.workload import PENDING, ReleaseRecord, Workload
from sym.plan.content import digest
from sym.plan.types import HelmState, Owner
from sym.plan.views import AdvDeploymentView

UNKNOWN = HelmState()


def revisions(view: AdvDeploymentView, release: str) -> tuple[ReleaseRecord, ...]:
    """The records of a release, the newest last."""
    return tuple(
        sorted((each for each in view.releases or () if each.release == release), key=lambda each: each.number)
    )


def newest(view: AdvDeploymentView, release: str) -> ReleaseRecord | None:
    """The newest record of a release, whoever made it; None if there is none."""
    found = revisions(view, release)
    return found[-1] if found else None


def state(view: AdvDeploymentView, release: str) -> HelmState:
    """What else is known of a release."""
    return view.helm.get(release, UNKNOWN)


def owned_release(record: ReleaseRecord, owner: Owner) -> bool:
    """Whether a release is `owner`'s: its labels bear the ids, and it stands in the AppSet's namespace."""
    labels = record.metadata.labels
    said = (labels.get(names.FLEET_ID), labels.get(names.APP_ID), labels.get(names.APP), record.metadata.namespace)
    return bool(owner.app_id) and said == (owner.fleet_id, owner.app_id, owner.name, owner.namespace)


def labels_of(owner: Owner, pod_set: ChildPodSet, digest_: str) -> dict[str, str]:
    """The labels that a release's record shall bear beside Helm's own."""
    return {
        names.APP: owner.name,
        names.FLEET_ID: owner.fleet_id,
        names.APP_ID: owner.app_id,
        names.REVISION: pod_set.revision,
        names.RELEASE_DIGEST: digest_,
    }


def digest_of(pod_set: ChildPodSet, values: tuple[JSONMap | str, ...]) -> str:
    """What stands for all that Helm is given: the chart as it is named (or its archive's digest) and every value."""
    return digest({"chart": pod_set.pod_spec.chart, "values": list(values)})


def says(record: ReleaseRecord, wanted: Mapping[str, str]) -> bool:
    """Whether a record bears exactly the labels `wanted`."""
    return wanted.items() <= record.metadata.labels.items()


def outdated(view: AdvDeploymentView, release: str) -> bool:
    """Whether the cache has yet to show what our own last operation left."""
    known, seen = state(view, release), newest(view, release)
    return (seen is not None) if known.gone else (seen.number if seen else 0) < known.after


def interrupted(view: AdvDeploymentView, release: str) -> bool:
    """Whether the newest revision is pending and nobody is at it: it was begun by an operation of Sym (whose mark no
    other revision bears), and none is under way here; or it is older than any operation may take. Whoever holds this
    cluster's lock is alone: an operation of a former holder was ended with its lock."""
    found = revisions(view, release)
    if not found or found[-1].status not in PENDING or state(view, release).busy:
        return False
    run = found[-1].metadata.labels.get(names.RELEASE_RUN)
    ours = bool(run) and all(run != each.metadata.labels.get(names.RELEASE_RUN) for each in found[:-1])
    return ours or state(view, release).abandoned


def ready_as(made: Iterable[Workload]) -> str:
    """What stands for the pods of these workloads where all of them are ready and new; empty where they are not."""
    found = tuple(made)
    ready = all(
        each.status.observed_generation >= each.metadata.generation
        and {each.status.ready_replicas, each.status.updated_replicas, each.status.replicas} == {each.spec.replicas}
        for each in found
    )
    return " ".join(f"{each.metadata.uid}/{each.metadata.generation}" for each in found) if ready else ""


def unripe(view: AdvDeploymentView, release: str, made: Iterable[Workload]) -> float:
    """Seconds until pods of a chart that sets no minReadySeconds count as available, all of which are ready; 0 where
    they do, and where the chart has its own controller count. What was told available is not counted anew after a
    restart."""
    wanted = view.adv.spec.update_strategy.min_ready_seconds
    if not wanted or all(each.spec.min_ready_seconds >= wanted for each in made):
        return 0.0
    told = next((each for each in view.adv.status.aggr_status.pod_sets if each.name == release), None)
    generation = sum(each.metadata.generation for each in made)
    if told is not None and (told.generation, told.available) == (generation, told.desired) and told.available:
        return 0.0
    return max(wanted - (state(view, release).ready_for or 0.0), 0.0)


def waiting(view: AdvDeploymentView) -> bool:
    """Whether a release waits for what may come without a word: the end of somebody else's operation that was killed,
    or a cache that has lost what our own one left."""
    pending = {each.release for each in view.releases or () if each.status in PENDING}
    held = any(not interrupted(view, each) and not state(view, each).busy for each in pending)
    return held or any(outdated(view, each) for each in view.helm)


def strays(view: AdvDeploymentView, owner: Owner, kept: Iterable[ChildPodSet]) -> bool:
    """Whether a release that is `owner`'s and none of the podSets' `kept` is still there, or Helm is at one."""
    stay = {pod_set.name for pod_set in kept if pod_set.pod_spec.deploy_type is DeployType.HELM}
    busy = {name for name, each in view.helm.items() if each.busy}
    return bool({*releases_of(view, owner), *busy} - stay)


def releases_of(view: AdvDeploymentView, owner: Owner) -> Iterable[str]:
    """The names of all releases that are `owner`'s, sorted."""
    return sorted({each.release for each in view.releases or () if owned_release(each, owner)})
