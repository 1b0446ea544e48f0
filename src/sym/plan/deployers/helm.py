"""The deployer `helm`: each podSet is one Helm release of its name.

A digest of chart and values on the newest record decides whether Helm has anything to do: where it is the wanted one
and deployed, Helm is not called at all, and what others changed of the rendered objects is applied again. One operation
at a time per release; one that was killed is marked as failed first, so that the next one finds the history whole.
"""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from sym.model import defaults, names
from sym.model.advdeployment import ChildPodSet
from sym.model.appset import Chart, HelmRelease, PodSetStatus
from sym.model.codec import JSONMap, dig, dig_str
from sym.model.kinds import DEPLOYMENT, STATEFULSET
from sym.model.paths import REPLICAS, FieldPath, parse_paths
from sym.model.workload import PENDING, ReleaseRecord, ReleaseStatus, Workload
from sym.plan.drift import Rendered, made_by
from sym.plan.pods import selected, versions_in
from sym.plan.releases import (
    digest_of,
    interrupted,
    labels_of,
    newest,
    outdated,
    owned_release,
    releases_of,
    revisions,
    says,
    state,
    unripe,
)
from sym.plan.types import Action, HelmLook, HelmRecover, HelmUninstall, HelmUpgrade, Owner
from sym.plan.values import layers
from sym.plan.views import AdvDeploymentView
from sym.plan.workloads import autoscaler_of, status_of

FAILED = "HelmFailed"
FOREIGN_HELM = "HelmBusy"
UNREADABLE = "HelmRecordsUnreadable"
UNREADABLE_SENTENCE = (
    "Helm's records (Secrets) cannot be read in this cluster, so nothing is known of its releases: grant that to the"
    " worker (sym manifests member --helm), or start it with Helm switched on"
)
NOT_FOLLOWED = "ReplicasNotFollowed"
_ENDED = frozenset((ReleaseStatus.UNINSTALLING, ReleaseStatus.UNINSTALLED))


class HelmDeployer:
    """Makes Helm releases."""

    def taken(self, view: AdvDeploymentView, owner: Owner, pod_set: ChildPodSet) -> bool:
        """Whether a release of the podSet's name is somebody else's."""
        record = newest(view, pod_set.name)
        return record is not None and not owned_release(record, owner)

    def actions(self, view: AdvDeploymentView, owner: Owner, pod_set: ChildPodSet) -> Iterator[Action]:
        """One step towards the release, or the repair of what it rendered."""
        record = newest(view, pod_set.name)
        if (
            view.releases is None
            or state(view, pod_set.name).busy
            or outdated(view, pod_set.name)
            or self.taken(view, owner, pod_set)
        ):
            return
        if record is None:
            yield from _upgrade(view, owner, pod_set, record)
        elif record.status in PENDING:
            if interrupted(view, pod_set.name):
                yield _recover(view, owner, record)
        elif record.status in _ENDED:
            yield _uninstall(view, owner, record, "it was being taken away when that was interrupted")
        elif not _stands(view, owner, pod_set, record):
            yield from _upgrade(view, owner, pod_set, record)
        elif state(view, pod_set.name).number != record.number:
            yield HelmLook(
                cluster=view.cluster,
                owner=owner,
                name=record.release,
                secret=record.metadata.name,
                number=record.number,
            )
        else:
            left = _left(view, pod_set.name)
            yield from Rendered(view=view, owner=owner, release=pod_set.name, left=left).repairs()

    def leftovers(
        self, view: AdvDeploymentView, owner: Owner, kept: Iterable[ChildPodSet], reason: str
    ) -> Iterator[Action]:
        """The uninstalls of the owner's releases that belong to none of the podSets `kept`."""
        stay = {pod_set.name for pod_set in kept}
        for name in releases_of(view, owner):
            record = newest(view, name)
            known = state(view, name)
            if record is None or name in stay or known.busy or outdated(view, name):
                continue
            if not owned_release(record, owner) or (known.rests and not known.digest):
                continue
            if record.status not in PENDING:
                yield _uninstall(view, owner, record, reason)
            elif interrupted(view, name):
                yield _recover(view, owner, record)

    def observe(self, view: AdvDeploymentView, owner: Owner, pod_set: ChildPodSet) -> PodSetStatus:
        """What is seen of the podSet: its workloads together, and the release. What Helm has yet to do counts as a
        generation that nobody has observed."""
        record = newest(view, pod_set.name)
        ours = record is not None and owned_release(record, owner)
        made = made_by(view, pod_set.name) if ours else ()
        seen = status_of(view, pod_set, made)
        owed = 0 if ours and record and _stands(view, owner, pod_set, record) else 1
        troubles = (_trouble(view, owner, pod_set) if ours or record is None else ("", ""), (seen.reason, seen.message))
        reason, message = next((each for each in troubles if each[0]), ("", ""))
        if unripe(view, pod_set.name, made):
            seen = replace(seen, available=0, un_available=seen.desired)
        return replace(
            seen,
            version=versions_in(view, made),
            running=sum(pod.status.phase == "Running" for pod in selected(view, made)),
            revision=_revision(view, owner, pod_set.name),
            generation=seen.generation + owed,
            reason=reason,
            message=message,
            release=_facts(view, record) if ours and record else None,
        )


def _upgrade(
    view: AdvDeploymentView, owner: Owner, pod_set: ChildPodSet, record: ReleaseRecord | None
) -> Iterator[Action]:
    values = _values(view, pod_set)
    digest = _digest(view, pod_set)
    known, after = state(view, pod_set.name), record.number if record else 0
    if known.rests and known.digest == digest:
        return
    yield HelmUpgrade(
        cluster=view.cluster,
        owner=owner,
        name=pod_set.name,
        chart=_chart(view, pod_set),
        values=values,
        labels=labels_of(owner, pod_set, digest),
        digest=digest,
        after=after,
        history=defaults.first(view.adv.spec.revision_history_limit, default=defaults.REVISION_HISTORY_LIMIT),
        reason="there is no release yet" if record is None else "chart or values changed, or the last try failed",
    )


def _recover(view: AdvDeploymentView, owner: Owner, record: ReleaseRecord) -> HelmRecover:
    return HelmRecover(
        cluster=view.cluster,
        owner=owner,
        name=record.release,
        secret=record.metadata.name,
        uid=record.metadata.uid,
        resource_version=record.metadata.resource_version,
        reason=f"it is {record.status} and nobody is at it",
    )


def _uninstall(view: AdvDeploymentView, owner: Owner, record: ReleaseRecord, reason: str) -> HelmUninstall:
    return HelmUninstall(
        cluster=view.cluster,
        owner=owner,
        name=record.release,
        secret=record.metadata.name,
        uid=record.metadata.uid,
        resource_version=record.metadata.resource_version,
        reason=reason,
    )


def _stands(view: AdvDeploymentView, owner: Owner, pod_set: ChildPodSet, record: ReleaseRecord) -> bool:
    """Whether the newest revision is deployed, with exactly the chart and values that are wanted."""
    wanted = labels_of(owner, pod_set, _digest(view, pod_set))
    return record.status == ReleaseStatus.DEPLOYED and says(record, wanted)


def _values(view: AdvDeploymentView, pod_set: ChildPodSet) -> tuple[JSONMap | str, ...]:
    """What Helm is given. While an autoscaler sets the count, it is given that count, so that an upgrade does not set
    back what runs."""
    made = made_by(view, pod_set.name)
    scaled = sum(each.spec.replicas for each in made) if _autoscaled(view, made) else 0
    return layers(pod_set, view.adv.spec.update_strategy, scaled or pod_set.replicas)


def _digest(view: AdvDeploymentView, pod_set: ChildPodSet) -> str:
    """What stands for chart and values, with the count that the AppSet asks for."""
    return digest_of(pod_set, layers(pod_set, view.adv.spec.update_strategy, pod_set.replicas))


def _chart(view: AdvDeploymentView, pod_set: ChildPodSet) -> Chart:
    """The chart, with the archive itself where the child keeps it."""
    chart = pod_set.pod_spec.chart
    return Chart(raw_chart=view.adv.spec.charts.get(chart.digest, "")) if chart.digest else chart


def _trouble(view: AdvDeploymentView, owner: Owner, pod_set: ChildPodSet) -> tuple[str, str]:
    """Reason and sentence of what keeps the release from becoming what is wanted; empty if nothing does."""
    if view.releases is None:
        return UNREADABLE, UNREADABLE_SENTENCE
    known, record, digest = state(view, pod_set.name), newest(view, pod_set.name), _digest(view, pod_set)
    if record is not None and _stands(view, owner, pod_set, record):
        return _not_followed(view, pod_set)
    if known.reason and known.digest == digest:
        return known.reason, known.message
    if known.busy or record is None:
        return "", ""
    if record.status in PENDING and not interrupted(view, pod_set.name):
        return FOREIGN_HELM, (
            f"revision {record.number} of the release is {record.status}: somebody else's Helm is at it; Sym goes on"
            " when that has ended"
        )
    if record.status == ReleaseStatus.FAILED and says(record, labels_of(owner, pod_set, digest)):
        told = known.facts.description if known.facts is not None and known.number == record.number else ""
        return FAILED, told or f"revision {record.number} of the release has failed; see helm history {record.release}"
    return "", ""


def _not_followed(view: AdvDeploymentView, pod_set: ChildPodSet) -> tuple[str, str]:
    """A chart that does not make the pods that it was asked for will never run as wanted."""
    known, record = state(view, pod_set.name), newest(view, pod_set.name)
    if known.objects is None or record is None or known.number != record.number:
        return "", ""
    if _autoscaled(view, made_by(view, pod_set.name)):
        return "", ""
    workloads = [each for each in known.objects if dig_str(each, "kind") in (DEPLOYMENT.name, STATEFULSET.name)]
    counts = (dig(each, "spec", "replicas") for each in workloads)
    rendered = sum(count if isinstance(count, int) else 1 for count in counts)
    if rendered == pod_set.replicas:
        return "", ""
    return NOT_FOLLOWED, (
        f"the chart makes {rendered} pods in {len(workloads)} Deployments and StatefulSets where {pod_set.replicas} are"
        " asked for: let its templates use .Values.replicaCount"
    )


def _revision(view: AdvDeploymentView, owner: Owner, release: str) -> str:
    """The content revision of the newest deployed revision."""
    deployed = (each for each in reversed(revisions(view, release)) if each.status == ReleaseStatus.DEPLOYED)
    return next((each.metadata.labels.get(names.REVISION, "") for each in deployed if owned_release(each, owner)), "")


def _facts(view: AdvDeploymentView, record: ReleaseRecord) -> HelmRelease:
    """The facts of the newest revision: as its record says, or as was told of it last, or what the labels say."""
    known = state(view, record.release)
    if known.facts is not None and known.number == record.number and known.facts.status == record.status:
        return known.facts
    told = next((each.release for each in view.adv.status.aggr_status.pod_sets if each.name == record.release), None)
    if told is not None and (told.revision, told.status) == (record.number, record.status):
        return told
    return HelmRelease(release=record.release, revision=record.number, status=record.status)


def _left(view: AdvDeploymentView, release: str) -> tuple[FieldPath, ...]:
    """The fields of its workloads that are left to others."""
    left = parse_paths(view.adv.metadata.annotations.get(names.IGNORE_FIELDS, ""))
    return (*left, REPLICAS) if _autoscaled(view, made_by(view, release)) else tuple(left)


def _autoscaled(view: AdvDeploymentView, made: Iterable[Workload]) -> bool:
    """Whether something else than Sym sets the count of pods."""
    return any(autoscaler_of(view, each) for each in made)
