"""The AdvDeployment that an AppSet wants in one cluster, complete, and the writes that bring it there.

What already runs keeps the values that were injected when its content came; content that has to wait keeps its whole
entry except the count. Source: semantics.md 4 and 6.
"""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from sym.model import defaults, names
from sym.model.advdeployment import AdvDeployment, AdvDeploymentSpec, AdvUpdateStrategy, ChildPodSet, Topology
from sym.model.appset import AppSet, Chart, DeployType, PodSet, TopologyCluster, UpdateStrategy
from sym.model.codec import JSON, JSONMap, to_json
from sym.model.kinds import ADVDEPLOYMENT
from sym.plan.content import content, digest, revision_of, stated_meta
from sym.plan.inject import injected
from sym.plan.ownership import body_for, body_of_new, record
from sym.plan.types import Apply, Create, Owner
from sym.plan.values import AppFacts, helm_values

_WHOLE = frozenset(("template", "volumeClaimTemplates", "defaults", "facts"))
"""Fields that are applied whole."""


class WantedChild(Struct, frozen=True, kw_only=True):
    """An AdvDeployment as it shall be, before anything of it is written."""

    cluster: str
    owner: Owner
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    spec: AdvDeploymentSpec

    def equals(self, seen: AdvDeployment) -> bool:
        """Whether `seen` already says all of this."""
        meta = seen.metadata
        return (
            seen.spec == self.spec
            and self.labels.items() <= meta.labels.items()
            and self.annotations.items() <= meta.annotations.items()
        )

    def create(self) -> Create:
        """The write that makes it where there is none."""
        new = body_of_new(ADVDEPLOYMENT, self.owner.namespace, self.owner.name, **self._metadata())
        body: JSONMap = {**new, "spec": said(to_json(self.spec))}
        return Create(cluster=self.cluster, kind=ADVDEPLOYMENT, body=body, manager=names.MASTER)

    def apply(self, seen: AdvDeployment) -> Apply:
        """The write that makes `seen` say this."""
        body = body_for(ADVDEPLOYMENT, seen, **self._metadata()) | {"spec": said(to_json(self.spec))}
        return Apply(cluster=self.cluster, kind=ADVDEPLOYMENT, body=body, manager=names.MASTER)

    def _metadata(self) -> JSONMap:
        """The worker's finalizer comes with the creation, so that no child is ever without it."""
        labels, annotations = to_json(self.labels), to_json(self.annotations)
        return {"labels": labels, "annotations": annotations, "finalizers": [names.FINALIZER]}


def said(value: JSON) -> JSON:
    """`value` without empty maps: where an apply says `{}` and owned fields inside until then, a real server keeps
    `null`, which the schema refuses. Templates and values, which are applied whole, stay as they are."""
    match value:
        case dict():
            bare = {key: each if key in _WHOLE else said(each) for key, each in value.items()}
            return {key: each for key, each in bare.items() if each != {}}
        case list():
            return [said(each) for each in value]
        case _:
            return value


def wanted_child(
    app: AppSet, owner: Owner, cluster: str, pod_sets: tuple[ChildPodSet, ...], seen: AdvDeployment | None = None
) -> WantedChild:
    """The child that holds exactly these podSets. `seen`: the one that stands there, from which the archives of charts
    come that the AppSet does not hold any more."""
    meta: Mapping[str, str] = pod_sets[0].meta if pod_sets else {}
    labels = {**app.spec.labels, names.APP: owner.name}
    labels |= {key: meta[key] for key in (names.ZONE, names.CLUSTER_INFO) if meta.get(key)}
    if app.spec.service_name:
        labels[names.SERVICE_DOMAIN] = names.clean_label_value(app.spec.service_name)
    spec = AdvDeploymentSpec(
        replicas=sum(pod_set.replicas for pod_set in pod_sets),
        service_name=app.spec.service_name,
        update_strategy=_strategy(app.spec.update_strategy),
        topology=Topology(pod_sets=pod_sets),
        charts=_charts(app, pod_sets, seen),
    )
    ignored = app.metadata.annotations.get(names.IGNORE_FIELDS, "")
    copied = {names.IGNORE_FIELDS: ignored} if ignored else {}
    # the digest shows a label or copied annotation that is no longer wanted
    annotations = record(owner) | copied | {names.REVISION: digest({**labels, **copied})}
    return WantedChild(cluster=cluster, owner=owner, labels=labels, annotations=annotations, spec=spec)


def entry(app: AppSet, place: TopologyCluster, pod_set: PodSet, replicas: int, outer: Mapping[str, str]) -> ChildPodSet:
    """A podSet complete with all that its workload needs. `outer` is the metadata of its registered cluster."""
    name = app.metadata.name
    meta = {**outer, **stated_meta(place, pod_set)}
    inject = defaults.inject(pod_set, app.spec.pod_spec, adopted=names.ADOPTED in app.metadata.annotations)
    pod_spec = content(app.spec, name, pod_set)
    helm = pod_spec.deploy_type is DeployType.HELM
    facts = AppFacts(name=name, service_name=app.spec.service_name)
    made = injected(pod_spec, name, pod_set.name, meta, inject)
    return ChildPodSet(
        name=pod_set.name,
        replicas=replicas,
        revision=revision_of(app.spec, pod_spec, place, pod_set),
        pod_spec=replace(made, chart=_by_digest(made.chart)),
        image=pod_set.image,
        version=pod_set.version,
        chart=_by_digest(pod_set.chart),
        raw_values=pod_set.raw_values,
        values=helm_values(facts, pod_set, meta, inject) if helm else None,
        meta=meta,
        node_selector_term=pod_set.node_selector_term,
        inject=inject,
        stateful_set_strategy=pod_set.stateful_set_strategy,
        max_surge=pod_set.max_surge,
        max_unavailable=pod_set.max_unavailable,
    )


def held(running: ChildPodSet, wanted: ChildPodSet) -> ChildPodSet:
    """What runs, untouched but for the count: its new content has to wait."""
    return replace(running, replicas=wanted.replicas)


def refreshed(running: ChildPodSet, wanted: ChildPodSet) -> ChildPodSet:
    """What runs, with the count and strategy that are wanted now; injected values stay as they came with the
    content."""
    return replace(
        running,
        replicas=wanted.replicas,
        stateful_set_strategy=wanted.stateful_set_strategy,
        max_surge=wanted.max_surge,
        max_unavailable=wanted.max_unavailable,
    )


def chart_digest(raw_chart: str) -> str:
    """The key under which a child keeps the archive of a chart."""
    return digest({"rawChart": raw_chart})


def _by_digest(chart: Chart) -> Chart:
    return Chart(digest=chart_digest(chart.raw_chart)) if chart.raw_chart else chart


def _charts(app: AppSet, pod_sets: tuple[ChildPodSet, ...], seen: AdvDeployment | None) -> Mapping[str, str]:
    """The archives of the charts that these podSets refer to, each distinct one once."""
    wanted = {each.pod_spec.chart.digest for each in pod_sets} - {""}
    if not wanted:
        return {}
    places = app.spec.cluster_topology.clusters
    charts = (app.spec.pod_spec.chart, *(pod_set.chart for place in places for pod_set in place.pod_sets))
    given = {chart_digest(raw): raw for raw in {chart.raw_chart for chart in charts} - {""}}
    known = {**(seen.spec.charts if seen is not None else {}), **given}
    return {key: known[key] for key in sorted(wanted) if key in known}


def _strategy(strategy: UpdateStrategy) -> AdvUpdateStrategy:
    """How fast, not in which order: gates and waves are the master's. `paused` stays with the master too."""
    return AdvUpdateStrategy(
        min_ready_seconds=strategy.min_ready_seconds,
        progress_deadline_seconds=strategy.progress_deadline_seconds,
        stateful_set_strategy=strategy.stateful_set_strategy,
        max_surge=strategy.max_surge,
        max_unavailable=strategy.max_unavailable,
    )
