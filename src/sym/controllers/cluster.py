"""Fleet health: what is known of each member, told in the conditions of the Cluster of its name.

Writes nothing but conditions, only while this process leads, and only where the verdict changed. Clusters are matched
by name in whatever namespace they are; a member without a Cluster is simply not told here.
"""

from sym.clusters.fleet import Fleet, StatusWrite
from sym.clusters.member import Tools
from sym.clusters.permit import Permit, always
from sym.clusters.registry import CLUSTERS, CONFIGMAPS, SECRETS
from sym.controllers.queue import Queue
from sym.controllers.runner import LookLater
from sym.controllers.status import Pace
from sym.kube.errors import Conflict, NotFound, Unreachable
from sym.kube.store import Change
from sym.model import names
from sym.model.kinds import CLUSTER
from sym.model.meta import META, Object, Ref
from sym.plan.cluster import ClusterView, cluster_status


class Clusters:
    """Reconciles the conditions of Clusters. `permit`: do we still lead?"""

    def __init__(self, fleet: Fleet, queue: Queue[Ref], tools: Tools, permit: Permit = always) -> None:
        self._fleet = fleet
        self._queue = queue
        self._env = tools.env
        self._poll = tools.settings.controller.expectation_poll
        self._pace = Pace(tools.env, tools.settings.controller)
        self._permit = permit
        fleet.on_change(CLUSTER, self._changed)
        fleet.on_turn(self._turned)

    async def reconcile(self, ref: Ref) -> float | None:
        """See `runner.Reconciler`."""
        if not self._fleet.expectations.met(ref):
            return self._poll
        view = self._read(ref)
        if view is None or view.cluster.deleting:
            return None
        old, new = view.cluster.status, cluster_status(view, self._env.now())
        if new is old:
            return None
        if (wait := self._pace.wait(CLUSTER, ref)) > 0:
            return wait
        write = StatusWrite(uid=view.cluster.metadata.uid, old=old, new=new, manager=names.FLEET)
        try:
            await self._fleet.patch_status(CLUSTER, ref, write, self._permit)
        except (Conflict, NotFound) as error:
            raise LookLater(str(error)) from error
        except TimeoutError as error:
            raise Unreachable(f"the conditions of Cluster {ref} were not written in time") from error
        self._pace.wrote(CLUSTER, ref)
        return None

    def everything(self) -> None:
        """Look at every Cluster, as after becoming the leader."""
        if (store := self._fleet.store(META, CLUSTERS)) is not None:
            for ref in store.view:
                self._queue.add(ref)

    def _read(self, ref: Ref) -> ClusterView | None:
        store = self._fleet.store(META, CLUSTERS)
        cluster = store.view.get(ref) if store else None
        if cluster is None:
            return None
        state = self._fleet.states_of([ref.name]).get(ref.name)
        return ClusterView(cluster=cluster, state=state, registered=self._registered(ref.name))

    def _registered(self, name: str) -> bool:
        """Whether a registration may be there: what is not known to be absent is not told as absent."""
        where = Ref(META, names.META_NAMESPACE, name)
        stores = (self._fleet.store(META, SECRETS), self._fleet.store(META, CONFIGMAPS))
        return any(store is not None and (not store.synced or where in store.view) for store in stores)

    def _changed(self, cluster: str, change: Change[Object]) -> None:
        if cluster != META:
            return
        if change.new is None:
            self._fleet.expectations.forget(change.ref)
        self._queue.add(change.ref)

    def _turned(self, cluster: str) -> None:
        store = self._fleet.store(META, CLUSTERS)
        for each in store.by("name", cluster) if store and cluster != META else ():
            self._queue.add(each.ref(META))
