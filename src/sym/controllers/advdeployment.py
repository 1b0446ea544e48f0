"""The worker: AdvDeployment -> workloads in the same cluster, and their status back into the AdvDeployment.

Serves one cluster (its own, installed there) or several from outside; in each it acts only under that cluster's lock.
It needs nothing but that cluster: it goes on repairing while the meta cluster is away.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from sym.clusters.fleet import Fleet
from sym.clusters.informer import Watch, erased
from sym.clusters.member import Tools
from sym.clusters.releases import Place
from sym.controllers.appset import ADVDEPLOYMENTS
from sym.controllers.loop import Effect, Subject
from sym.controllers.queue import Queue
from sym.kube.requests import ListOptions
from sym.kube.store import Change
from sym.model import names
from sym.model.advdeployment import AdvDeployment
from sym.model.appset import DeployType
from sym.model.kinds import (
    ADVDEPLOYMENT,
    AUTOSCALER,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    EVENT,
    POD,
    RELEASE,
    RENDERED_CONFIGMAP,
    REPLICASET,
    SERVICE,
    STATEFULSET,
)
from sym.model.meta import Kind, Object, Ref
from sym.model.workload import (
    Autoscaler,
    ConfigMap,
    Deployment,
    EndpointSlice,
    Event,
    Pod,
    ReleaseRecord,
    ReplicaSet,
    Service,
    StatefulSet,
    Workload,
)
from sym.plan.advdeployment import plan_advdeployment
from sym.plan.drift import released
from sym.plan.ownership import Tombstone
from sym.plan.releases import ready_as
from sym.plan.types import HelmState
from sym.plan.views import AdvDeploymentView

T = TypeVar("T", bound=Object)


def app_of(item: Object) -> Iterable[str]:
    """`namespace/app` by the object's label; nothing where it has none."""
    app = item.metadata.labels.get(names.APP)
    return (f"{item.metadata.namespace}/{app}",) if app else ()


def object_of(event: Event) -> Iterable[str]:
    """`namespace/Kind/name` of what the Event is about."""
    about = event.involved_object
    return (f"{about.namespace}/{about.kind}/{about.name}",)


def target_of(autoscaler: Autoscaler) -> Iterable[str]:
    """`namespace/Kind/name` of what the autoscaler scales."""
    target = autoscaler.spec.scale_target_ref
    return (f"{autoscaler.metadata.namespace}/{target.kind}/{target.name}",)


def made_by_release(item: Object) -> Iterable[str]:
    """`namespace/release` of the Helm release that made it; nothing where none did."""
    release = item.metadata.annotations.get(names.HELM_RELEASE)
    return (f"{item.metadata.namespace}/{release}",) if release else ()


_APP = ListOptions(label_selector=names.APP)
DEPLOYMENTS: Watch[Deployment] = Watch(
    kind=DEPLOYMENT, type=Deployment, indexes={"app": app_of, "made": made_by_release}
)
STATEFULSETS: Watch[StatefulSet] = Watch(
    kind=STATEFULSET, type=StatefulSet, indexes={"app": app_of, "made": made_by_release}
)
REPLICASETS: Watch[ReplicaSet] = Watch(kind=REPLICASET, type=ReplicaSet, options=_APP, indexes={"app": app_of})
PODS: Watch[Pod] = Watch(kind=POD, type=Pod, options=_APP, indexes={"app": app_of})
WARNINGS: Watch[Event] = Watch(
    kind=EVENT,
    type=Event,
    options=ListOptions(field_selector="type=Warning"),
    indexes={"object": object_of},
    required=False,
)
AUTOSCALERS: Watch[Autoscaler] = Watch(kind=AUTOSCALER, type=Autoscaler, indexes={"target": target_of}, required=False)
RELEASES: Watch[ReleaseRecord] = Watch(
    kind=RELEASE,
    type=ReleaseRecord,
    options=ListOptions(label_selector=f"{names.RELEASE_OWNER}=helm", metadata_only=True),
    indexes={"app": app_of, "release": lambda record: (f"{record.metadata.namespace}/{record.release}",)},
    required=False,
)
RENDERED_CONFIGMAPS: Watch[ConfigMap] = Watch(
    kind=RENDERED_CONFIGMAP,
    type=ConfigMap,
    options=ListOptions(label_selector=f"{names.MANAGED_BY}=Helm"),
    indexes={"made": made_by_release},
    required=False,
)
SERVICES: Watch[Service] = Watch(kind=SERVICE, type=Service, indexes={"app": app_of, "made": made_by_release})
SLICES: Watch[EndpointSlice] = Watch(
    kind=ENDPOINT_SLICE,
    type=EndpointSlice,
    # slices bear the labels of their Service: those of other Services than of apps stay where they are
    options=ListOptions(label_selector=f"{names.SERVICE_OF_SLICE},{names.APP}"),
    indexes={"app": app_of},
)
WATCHES = (
    erased(DEPLOYMENTS),
    erased(STATEFULSETS),
    erased(REPLICASETS),
    erased(PODS),
    erased(WARNINGS),
    erased(AUTOSCALERS),
    erased(SERVICES),
    erased(SLICES),
)
"""What a worker watches of a cluster beside its AdvDeployments."""
HELM_WATCHES = (erased(RELEASES), erased(RENDERED_CONFIGMAPS))
"""And one that serves Helm releases."""
_KEEP = 4096
"""Apps whose highest epoch is remembered; the one that was raised longest ago goes first."""
_ABOUT = {kind.name: kind for kind in (DEPLOYMENT, STATEFULSET, REPLICASET, POD)}


class Epochs:
    """The highest epoch of the master that was seen in the tombstones of each app, in any cluster of this process: a
    tombstone below it was written by a master that has been replaced since."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def note(self, adv: Object) -> None:
        """Look at the tombstone on `adv`, if it means `adv` itself."""
        app_id, stone = adv.metadata.annotations.get(names.APP_ID, ""), Tombstone.on(adv)
        if app_id and stone is not None and stone.valid(adv, app_id, self._seen.get(app_id, 0) + 1):
            self._seen.pop(app_id, None)
            self._seen[app_id] = stone.epoch
            while len(self._seen) > _KEEP:
                del self._seen[next(iter(self._seen))]

    def highest(self, adv: Object) -> int:
        """The highest epoch seen for the app of `adv`; 0 where none was."""
        return self._seen.get(adv.metadata.annotations.get(names.APP_ID, ""), 0)


class AdvDeployments:
    """Reconciles AdvDeployments of the clusters that it holds the lock of. `permit(cluster)`: do we still hold it?"""

    def __init__(self, fleet: Fleet, queue: Queue[Ref], tools: Tools, permit: Callable[[str], bool]) -> None:
        self._fleet = fleet
        self._queue = queue
        self._env = tools.env
        self._poll = tools.settings.controller.expectation_poll
        self._effect = Effect(fleet, tools)
        self._permit = permit
        self._epochs = Epochs()
        fleet.on_change(ADVDEPLOYMENT, self._adv_changed)
        for kind in (DEPLOYMENT, STATEFULSET, REPLICASET, POD, RELEASE, RENDERED_CONFIGMAP):
            fleet.on_change(kind, self._part_changed)
        for kind in (SERVICE, ENDPOINT_SLICE):
            fleet.on_change(kind, self._service_changed)
        fleet.on_release(lambda place, app: self._queue.add(Ref(place.cluster, place.namespace, app)))
        fleet.on_change(EVENT, self._warned)
        fleet.on_change(AUTOSCALER, self._rescaled)
        fleet.on_turn(self.everything)

    async def reconcile(self, ref: Ref) -> float | None:
        """See `runner.Reconciler`."""
        if not self._serves(ref.cluster):
            return None  # whoever holds the lock does it; we look at everything when we get it
        if self._effect.early(ref):
            return self._poll
        if not self._tried(ref.cluster):
            return self._poll
        view = self._read(ref)
        if view is None:
            return None  # missing from the cache means: do nothing
        plan = plan_advdeployment(view, self._env.now())
        subject = Subject(kind=ADVDEPLOYMENT, ref=ref, seen=view.adv, manager=names.WORKER)
        return await self._effect.carry_out(subject, plan, view.adv.status, lambda: self._permit(ref.cluster))

    def everything(self, cluster: str) -> None:
        """Look at every AdvDeployment of a cluster, as after getting its lock."""
        store = self._fleet.store(cluster, ADVDEPLOYMENTS)
        if store is not None and self._serves(cluster):
            for ref in store.view:
                self._queue.add(ref)

    def _serves(self, cluster: str) -> bool:
        member = self._fleet.member(cluster)
        return member is not None and member.synced and self._permit(cluster)

    def _tried(self, cluster: str) -> bool:
        """Whether it is known if what not every cluster shows can be seen: a start must not tell one thing, and another
        soon after."""
        member = self._fleet.member(cluster)
        return member is not None and all(map(member.tried, (AUTOSCALER, RELEASE, RENDERED_CONFIGMAP)))

    def _read(self, ref: Ref) -> AdvDeploymentView | None:
        store = self._fleet.store(ref.cluster, ADVDEPLOYMENTS)
        adv = store.view.get(ref) if store else None
        if adv is None:
            return None
        app, service = f"{ref.namespace}/{ref.name}", names.service_of(ref.name)
        pod_sets = [pod_set.name for pod_set in adv.spec.topology.pod_sets]
        releases = self._releases(ref, adv)
        made = sorted({each.release for each in releases or ()})
        workloads = self._found(ref, DEPLOYMENTS, ref.name, pod_sets, made)
        stateful_sets = self._found(ref, STATEFULSETS, ref.name, pod_sets, made)
        sets, pods = self._by(ref, REPLICASETS, "app", app), self._by(ref, PODS, "app", app)
        return AdvDeploymentView(
            adv=adv,
            cluster=ref.cluster,
            workloads=workloads,
            stateful_sets=stateful_sets,
            services=self._found(ref, SERVICES, service, [service], made),
            slices=self._by(ref, SLICES, "app", f"{ref.namespace}/{service}"),
            pods=pods,
            replica_sets=sets,
            events=self._events(ref, (adv, *workloads, *stateful_sets, *sets, *pods)),
            autoscalers=self._autoscalers(ref, (*workloads, *stateful_sets)),
            releases=releases,
            helm=self._helm(ref, adv, releases or (), (*workloads, *stateful_sets)),
            config_maps=self._config_maps(ref, made),
            gone=self._fleet.gone(ref.namespace, ref.name).get(ref.cluster),
            highest_epoch=self._epochs.highest(adv),
        )

    def _by(self, ref: Ref, watch: Watch[T], index: str, key: str) -> tuple[T, ...]:
        store = self._fleet.store(ref.cluster, watch)
        return store.by(index, key) if store else ()

    def _made(self, ref: Ref, watch: Watch[T], release: str) -> tuple[T, ...]:
        """The objects of a kind that a release made."""
        return self._by(ref, watch, "made", f"{ref.namespace}/{release}")

    def _config_maps(self, ref: Ref, releases: Iterable[str]) -> tuple[ConfigMap, ...] | None:
        """Those that these releases made; None while they cannot be listed."""
        if not self._seen(ref.cluster, RENDERED_CONFIGMAPS):
            return None
        return tuple(each for name in releases for each in self._made(ref, RENDERED_CONFIGMAPS, name))

    def _seen(self, cluster: str, watch: Watch[T]) -> bool:
        store = self._fleet.store(cluster, watch)
        return store is not None and store.synced

    def _releases(self, ref: Ref, adv: AdvDeployment) -> tuple[ReleaseRecord, ...] | None:
        """The records of releases with a podSet's name or the app's label; None while they cannot be listed."""
        if not self._seen(ref.cluster, RELEASES):
            return None
        found = {each.metadata.name: each for each in self._by(ref, RELEASES, "app", f"{ref.namespace}/{ref.name}")}
        for pod_set in adv.spec.topology.pod_sets:
            named = self._by(ref, RELEASES, "release", f"{ref.namespace}/{pod_set.name}")
            found |= {each.metadata.name: each for each in named}
        return tuple(found[name] for name in sorted(found))

    def _helm(
        self, ref: Ref, adv: AdvDeployment, records: Iterable[ReleaseRecord], makers: Iterable[Workload]
    ) -> Mapping[str, HelmState]:
        """What else is known of those releases, and of those that are not there yet."""
        newest: dict[str, ReleaseRecord | None] = {
            each.name: None for each in adv.spec.topology.pod_sets if each.pod_spec.deploy_type is DeployType.HELM
        }
        for record in sorted(records, key=lambda each: each.number):
            newest[record.release] = record
        made = {name: [each for each in makers if released(each) == name] for name in newest}
        state = self._fleet.releases.state
        return {
            name: state(Place(ref.cluster, ref.namespace, name), each, ready_as(made[name]))
            for name, each in newest.items()
        }

    def _found(
        self, ref: Ref, watch: Watch[T], app: str, named: Iterable[str], releases: Iterable[str] = ()
    ) -> tuple[T, ...]:
        """What bears the label `app`, has one of the names (whoever made it) or was made by a release; by name."""
        found = {each.metadata.name: each for each in self._by(ref, watch, "app", f"{ref.namespace}/{app}")}
        store = self._fleet.store(ref.cluster, watch)
        for name in named:
            each = store.view.get(Ref(ref.cluster, ref.namespace, name)) if store else None
            if each is not None:
                found[name] = each
        for release in releases:
            found |= {each.metadata.name: each for each in self._made(ref, watch, release)}
        return tuple(found[name] for name in sorted(found))

    def _autoscalers(self, ref: Ref, workloads: Iterable[Workload]) -> tuple[Autoscaler, ...] | None:
        """Those of these workloads; None while they cannot be listed."""
        store = self._fleet.store(ref.cluster, AUTOSCALERS)
        if store is None or not store.synced:
            return None
        targets = (f"{ref.namespace}/{_kind_of(each).name}/{each.metadata.name}" for each in workloads)
        return tuple(each for target in targets for each in store.by("target", target))

    def _events(self, ref: Ref, about: Iterable[Object]) -> tuple[Event, ...]:
        found: list[Event] = []
        for item in about:
            kind = _kind_of(item)
            found += self._by(ref, WARNINGS, "object", f"{ref.namespace}/{kind.name}/{item.metadata.name}")
        return tuple(found)

    def _adv_changed(self, _: str, change: Change[Object]) -> None:
        if change.new is None:
            self._fleet.expectations.forget(change.ref)
            for pod_set in change.old.spec.topology.pod_sets if isinstance(change.old, AdvDeployment) else ():
                self._fleet.releases.forget(Place(change.ref.cluster, change.ref.namespace, pod_set.name))
        else:
            self._epochs.note(change.new)
        self._queue.add(change.ref)

    def _part_changed(self, cluster: str, change: Change[Object]) -> None:
        """A workload or pod: its app's AdvDeployment, and the one that has a podSet of its name."""
        if _idle(change.old) and _idle(change.new):
            return
        for item in (change.old, change.new):
            if item is not None:
                self._concerns(cluster, item)

    def _service_changed(self, cluster: str, change: Change[Object]) -> None:
        """A Service or the endpoints behind one: the AdvDeployment whose Service its label or its name says it is."""
        for item in (change.old, change.new):
            if item is None:
                continue
            for name in (item.metadata.labels.get(names.APP, ""), item.metadata.name):
                if app := names.app_of_service(name):
                    self._queue.add(Ref(cluster, item.metadata.namespace, app))

    def _rescaled(self, cluster: str, change: Change[Object]) -> None:
        """An autoscaler: the AdvDeployments with a podSet of its target's name."""
        for item in (change.old, change.new):
            if isinstance(item, Autoscaler):
                self._named(cluster, f"{item.metadata.namespace}/{item.spec.scale_target_ref.name}")

    def _concerns(self, cluster: str, item: Object) -> None:
        if app := item.metadata.labels.get(names.APP):
            self._queue.add(Ref(cluster, item.metadata.namespace, app))
        if isinstance(item, Deployment | StatefulSet):
            self._named(cluster, f"{item.metadata.namespace}/{item.metadata.name}")
        if isinstance(item, ReleaseRecord):
            self._named(cluster, f"{item.metadata.namespace}/{item.release}")
        for made in made_by_release(item):
            self._named(cluster, made)

    def _named(self, cluster: str, name: str) -> None:
        """The AdvDeployments with a podSet of that `namespace/name`."""
        store = self._fleet.store(cluster, ADVDEPLOYMENTS)
        for adv in store.by("podset", name) if store is not None else ():
            self._queue.add(adv.ref(cluster))

    def _warned(self, cluster: str, change: Change[Object]) -> None:
        event = change.new or change.old
        if not isinstance(event, Event):
            return
        about = event.involved_object
        if about.kind == ADVDEPLOYMENT.name:
            self._queue.add(Ref(cluster, about.namespace, about.name))
        elif (kind := _ABOUT.get(about.kind)) is not None:
            member = self._fleet.member(cluster)
            store = member.cache(kind) if member else None
            item = store.view.get(Ref(cluster, about.namespace, about.name)) if store else None
            if item is not None:
                self._concerns(cluster, item)


def _idle(item: Object | None) -> bool:
    """Whether it is a ReplicaSet without ready pods: only what runs is asked of one."""
    return isinstance(item, ReplicaSet) and not item.status.ready_replicas


def _kind_of(item: Object) -> Kind:
    match item:
        case AdvDeployment():
            return ADVDEPLOYMENT
        case Deployment():
            return DEPLOYMENT
        case StatefulSet():
            return STATEFULSET
        case ReplicaSet():
            return REPLICASET
        case _:
            return POD
