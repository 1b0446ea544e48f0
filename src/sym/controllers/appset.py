"""The master: AppSet -> one AdvDeployment per cluster, and the status back up.

`reconcile` is the whole of it: read one instant from the caches, plan, act, tell. The rest says which changes concern
which AppSet. Runs only while this process leads.
"""

from sym.clusters.fleet import Fleet
from sym.clusters.informer import Watch
from sym.clusters.member import Tools
from sym.clusters.permit import Permit, always
from sym.controllers.loop import Effect, Subject
from sym.controllers.queue import Queue
from sym.kube.requests import ListOptions
from sym.kube.store import Change
from sym.model import names
from sym.model.advdeployment import AdvDeployment
from sym.model.appset import AppSet
from sym.model.kinds import ADVDEPLOYMENT, APPSET, CONTROLLER_REVISION
from sym.model.meta import META, Object, Ref
from sym.model.workload import ControllerRevision
from sym.plan.appset import plan_appset
from sym.plan.ownership import Mark, owner_of
from sym.plan.types import Health, Owner
from sym.plan.views import AppSetView


def clusters_of(app: AppSet) -> set[str]:
    """The clusters that an AppSet names or has been written to."""
    written = app.metadata.annotations.get(names.CLUSTERS, "")
    return {*app.spec.cluster_topology.names} | {name for name in written.split(",") if name}


APPSETS: Watch[AppSet] = Watch(kind=APPSET, type=AppSet, indexes={"cluster": clusters_of})
REVISIONS: Watch[ControllerRevision] = Watch(
    kind=CONTROLLER_REVISION,
    type=ControllerRevision,
    options=ListOptions(label_selector=names.APPSET),
    indexes={"app": lambda each: [f"{each.metadata.namespace}/{each.metadata.labels.get(names.APPSET, '')}"]},
)
ADVDEPLOYMENTS: Watch[AdvDeployment] = Watch(
    kind=ADVDEPLOYMENT,
    type=AdvDeployment,
    indexes={"podset": lambda adv: [f"{adv.metadata.namespace}/{each.name}" for each in adv.spec.topology.pod_sets]},
)


class AppSets:
    """Reconciles AppSets of the meta cluster. `fleet_id` belongs to the whole fleet; `permit`: do we still lead?"""

    def __init__(self, fleet: Fleet, queue: Queue[Ref], tools: Tools, permit: Permit = always) -> None:
        self._fleet = fleet
        self._queue = queue
        self._env = tools.env
        self._poll = tools.settings.controller.expectation_poll
        self._effect = Effect(fleet, tools)
        self._permit = permit
        self.fleet_id = ""
        """Minted once for the fleet, read before the first reconcile."""
        fleet.on_change(APPSET, self._changed)
        fleet.on_change(ADVDEPLOYMENT, self._changed)
        fleet.on_change(CONTROLLER_REVISION, self._revised)
        fleet.on_turn(self._turned)
        fleet.on_answer(lambda namespace, name: self._queue.add(Ref(META, namespace, name)))

    async def reconcile(self, ref: Ref) -> float | None:
        """See `runner.Reconciler`."""
        if self._effect.early(ref):
            return self._poll
        view = self._read(ref)
        if view is None:
            return None  # missing from the cache means: do nothing
        plan = plan_appset(view, self._env.now())
        subject = Subject(kind=APPSET, ref=ref, seen=view.app, manager=names.MASTER)
        return await self._effect.carry_out(subject, plan, view.app.status, self._permit)

    def carried(self) -> frozenset[str]:
        """The fleet ids that children of our AppSets bear: of children in connected members with their AppSet's id."""
        store = self._fleet.store(META, APPSETS)
        found: set[str] = set()
        for ref, app in store.view.items() if store else ():
            children = (self._child(cluster, ref) for cluster in self._fleet.members if cluster != META)
            found |= {owner.fleet_id for child in children if child and (owner := _owner_in(child, app)) is not None}
        return frozenset(found)

    def everything(self) -> None:
        """Look at every AppSet, as after becoming the leader."""
        if (store := self._fleet.store(META, APPSETS)) is not None:
            for ref in store.view:
                self._queue.add(ref)

    def _read(self, ref: Ref) -> AppSetView | None:
        store = self._fleet.store(META, APPSETS)
        app = store.view.get(ref) if store else None
        if app is None:
            return None
        concerned = clusters_of(app) | {row.name for row in app.status.aggr_status.clusters}
        return AppSetView(
            app=app,
            members=self._fleet.states_of(concerned),
            children={
                cluster: child for cluster in concerned - {META} if (child := self._child(cluster, ref)) is not None
            },
            gone=self._fleet.gone(ref.namespace, ref.name),
            revisions=self._revisions(ref),
            answers=self._fleet.queries.answers(ref.namespace, ref.name),
            fleet_id=self.fleet_id,
            new_app_id=self._env.new_id(),
        )

    def _child(self, cluster: str, ref: Ref) -> AdvDeployment | None:
        store = self._fleet.store(cluster, ADVDEPLOYMENTS)
        return store.view.get(Ref(cluster, ref.namespace, ref.name)) if store else None

    def _revisions(self, ref: Ref) -> tuple[ControllerRevision, ...] | None:
        store = self._fleet.store(META, REVISIONS)
        return tuple(store.by("app", f"{ref.namespace}/{ref.name}")) if store is not None and store.synced else None

    def _revised(self, cluster: str, change: Change[Object]) -> None:
        """A revision came, changed or went: look at its AppSet, which may have waited for it."""
        one = change.new or change.old
        if cluster == META and one is not None:
            self._queue.add(Ref(META, change.ref.namespace, one.metadata.labels.get(names.APPSET, "")))

    def _changed(self, cluster: str, change: Change[Object]) -> None:
        if cluster == META and isinstance(change.old or change.new, AdvDeployment):
            return  # our own cluster's children are not the fleet's
        key = Ref(META, change.ref.namespace, change.ref.name)
        if cluster == META and change.new is None:
            self._fleet.forget(key.namespace, key.name)
        self._queue.add(key)

    def _turned(self, cluster: str) -> None:
        """A cluster came, went, or changed its health: look at the AppSets that have to do with it."""
        store = self._fleet.store(META, APPSETS)
        state = self._fleet.states_of([cluster]).get(cluster)  # None: its registration is gone, which has to be told
        if store is None or not store.synced or (state is not None and state.health is Health.CONNECTING):
            return
        for app in store.by("cluster", cluster):
            self._queue.add(app.ref(META))


def _owner_in(child: AdvDeployment, app: AppSet) -> Owner | None:
    """The owner that `child` names, if that is `app`."""
    owner, mark = owner_of(child), Mark.of(app)
    return owner if owner is not None and mark is not None and owner.app_id == mark.app_id else None
