"""The only place that writes to clusters: runs one `Action` against one cluster's API.

Whatever is destructive passes through `_delete`, the one guarded path: the member is well and its caches fresh, a live
read still shows the same uid and resourceVersion, our owner record and (where asked) the master's tombstone, and the
fuses have not blown. What does not pass is refused with a metric, never tried. Relies on `kube.api` for the verbs.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import assert_never

from sym.clusters.denials import NAMESPACE_MISSING
from sym.clusters.events import event_body, event_name, event_namespace, timestamp
from sym.clusters.expectations import Expectations
from sym.clusters.fuses import Fuse
from sym.clusters.job import Job, Target
from sym.clusters.member import Tools
from sym.clusters.refusals import LookAgain, Refused, refusal, release_refusal
from sym.clusters.releases import Place, Releases
from sym.kube.api import Api
from sym.kube.errors import AlreadyExists, Conflict, FieldConflict, Forbidden, Invalid, NotFound
from sym.kube.requests import ListOptions
from sym.model import names
from sym.model.codec import JSONMap, convert, dig_map, dig_str
from sym.model.kinds import (
    ADVDEPLOYMENT,
    APPSET,
    CRD,
    DEPLOYMENT,
    EVENT,
    LEASE,
    NAMESPACE,
    RELEASE,
    SECRET,
    SERVICE,
    STATEFULSET,
)
from sym.model.meta import Kind, Object, Ref, wish_of
from sym.model.workload import Event, ReleaseRecord
from sym.plan.types import (
    Apply,
    Create,
    Delete,
    Emit,
    Finalize,
    Gone,
    HelmAction,
    HelmLook,
    HelmRecover,
    HelmUninstall,
    HelmUpgrade,
    Measure,
    Owner,
    Query,
)

WORKLOADS = (DEPLOYMENT, STATEFULSET)
"""The kinds in which a live look searches for what is left of an application, beside its Service."""

STANDING = timedelta(hours=1)
"""How long an Event about a lasting state stands for itself: as long as API servers keep Events."""

NEVER_A_VERSION = "1"
"""A resourceVersion that no object ever has (the first write gets 2): with it an apply makes a missing object and gets
409 where there is one (tried on kube-apiserver 1.34, built-in kinds and CRDs)."""


class Executor:
    """Runs actions. `on_gone` gets the answer of every `Measure`; `on_query` begins every `Query`."""

    def __init__(
        self,
        tools: Tools,
        expectations: Expectations,
        releases: Releases,
        on_gone: Callable[[Gone], None],
        on_query: Callable[[Query], None],
    ) -> None:
        fleet = tools.settings.fleet
        self._env = tools.env
        self._metrics = tools.metrics
        self._expectations = expectations
        self._releases = releases
        self._on_gone = on_gone
        self._on_query = on_query
        self._per_cluster = Fuse(fleet.deletes_per_cluster, 60.0)
        self._per_app = Fuse(fleet.deletes_per_app, 60.0)

    async def execute(self, job: Job) -> None:
        """Do it. Raises KubeError, LookAgain (decide anew on a newer view) or Refused."""
        match job.action:
            case Create() as action:
                await self._create(job, action)
            case Apply() as action:
                await self._apply(job, action)
            case Delete() as action:
                await self._delete(job, action)
            case Finalize() as action:
                await self._finalize(job, action)
            case Measure() as action:
                self._on_gone(await self._measure(job.target.api, action))
            case Emit() | Query() as action:
                await self._speak(job, action)
            case HelmUpgrade() | HelmUninstall() | HelmRecover() | HelmLook() as action:
                await self._helm(job, action)
            case _ as never:
                assert_never(never)

    async def _speak(self, job: Job, action: Emit | Query) -> None:
        if isinstance(action, Query):
            self._on_query(action)
        else:
            await self._emit(job.target.api, action)

    async def _create(self, job: Job, action: Create) -> None:
        """An apply that can only create. A plain create would leave its fields to a manager entry of operation Update:
        the same manager's later apply conflicts with it, and nothing that it drops ever leaves the object."""
        metadata: JSONMap = {**dig_map(action.body, "metadata"), "resourceVersion": NEVER_A_VERSION}
        body: JSONMap = {**action.body, "metadata": metadata}
        try:
            try:
                made = await job.target.api.apply(action.kind, body, action.manager)
            except NotFound as error:
                await self._settle(job, action, error)
                made = await job.target.api.apply(action.kind, body, action.manager)
        except Conflict:
            await self._taken(job, action)
        else:
            self._wrote(job, action, made)

    async def _settle(self, job: Job, action: Create, error: NotFound) -> None:
        """The namespace of an AppSet in a cluster that has none of that name. It is made with nothing but its name, for
        a child only, and nobody here ever deletes one. Raises `error` where something else is missing."""
        if action.kind != ADVDEPLOYMENT or error.status.details.kind != NAMESPACE.plural:
            raise error
        name = dig_str(action.body, "metadata", "namespace")
        body: JSONMap = {"apiVersion": NAMESPACE.api_version, "kind": NAMESPACE.name, "metadata": {"name": name}}
        try:
            await ensure(job.target.api, NAMESPACE, body, action.manager)
        except Forbidden as denied:
            raise Refused(
                NAMESPACE_MISSING,
                f"namespace {name} does not exist in cluster {job.target.name!r} and Sym may not make it: create it"
                f" there (kubectl create namespace {name}), or grant Sym to create namespaces",
            ) from denied

    async def _taken(self, job: Job, action: Create) -> None:
        """The name is taken: by our own earlier create (look again), or by somebody else (say so)."""
        namespace, name = dig_str(action.body, "metadata", "namespace"), dig_str(action.body, "metadata", "name")
        try:
            live = await job.target.api.get(action.kind, Object, namespace, name)
        except NotFound as error:
            raise LookAgain(error.message) from error
        wanted = dig_str(action.body, "metadata", "annotations", names.APP_ID)
        if wanted and live.metadata.annotations.get(names.APP_ID) != wanted:
            raise Refused(
                "ForeignOwner",
                f"{action.kind.name} {namespace}/{name} exists in cluster {job.target.name!r} and does not belong to"
                " this application; rename one of the two, or take it over with sym adopt",
            )
        raise LookAgain(f"{action.kind.name} {namespace}/{name} exists already")

    async def _apply(self, job: Job, action: Apply) -> None:
        if not dig_str(action.body, "metadata", "uid"):
            raise Refused("NoUid", "an apply without metadata.uid could bring back what was deleted; a bug in Sym")
        if dig_str(action.body, "metadata", "annotations", names.TOMBSTONE):
            await self._meant(job)
        try:
            made = await job.target.api.apply(action.kind, action.body, action.manager, force=action.force)
        except FieldConflict:
            raise
        except (Conflict, NotFound) as error:
            raise LookAgain(error.message) from error
        except Invalid as error:
            if any(cause.field == "metadata.uid" for cause in error.status.details.causes):
                raise LookAgain(error.message) from error
            raise
        self._wrote(job, action, made)

    async def _meant(self, job: Job) -> None:
        """A tombstone is the master's word that workloads shall end. AppSets that go because their CRD is taken away
        (an uninstall, a wrong `kubectl delete crd`) are no such wish."""
        if job.home is None:
            return
        crd = await job.home.get(CRD, Object, "", f"{APPSET.plural}.{APPSET.group}")
        if crd.deleting:
            self._metrics.refused.labels("NotMeant").inc()
            raise Refused(
                "NotMeant",
                f"the AppSet goes because the CRD {crd.metadata.name} is being deleted, so what runs in cluster"
                f" {job.target.name!r} is left running; annotate the AppSet {names.ABANDON}={job.target.name} to let it"
                " go without its workloads",
            )

    async def _delete(self, job: Job, action: Delete) -> None:
        try:
            await self._guarded_delete(job, action)
        except Refused as refused:
            self._metrics.refused.labels(refused.reason).inc()
            raise

    async def _helm(self, job: Job, action: HelmAction) -> None:
        match action:
            case HelmUpgrade():
                self._releases.upgrade(job.target, action)
            case HelmUninstall():
                await self._uninstall(job, action)
            case HelmRecover():
                await self._recover(job, action)
            case HelmLook():
                await self._releases.look(job.target, action)
            case _ as never:
                assert_never(never)

    async def _uninstall(self, job: Job, action: HelmUninstall) -> None:
        """The guarded path of a delete, for a release: its newest record is read live before Helm is begun."""
        try:
            if doubt := job.target.doubt():
                raise Refused("NotFresh", f"nothing is deleted in cluster {job.target.name!r}: {doubt}")
            try:
                live = await job.target.api.get(SECRET, ReleaseRecord, action.owner.namespace, action.secret)
            except NotFound as error:
                raise LookAgain(error.message) from error
            if (refused := release_refusal(live, action)) is not None:
                raise refused
            if (live.metadata.uid, live.metadata.resource_version) != (action.uid, action.resource_version):
                raise LookAgain(f"release {action.owner.namespace}/{action.name} changed since it was decided on")
            self._burn(job.target.name, action.owner)
            self._releases.uninstall(job.target, action)
        except Refused as refused:
            self._metrics.refused.labels(refused.reason).inc()
            raise

    async def _guarded_delete(self, job: Job, action: Delete) -> None:
        if doubt := job.target.doubt():
            raise Refused("NotFresh", f"nothing is deleted in cluster {job.target.name!r}: {doubt}")
        try:
            live = await job.target.api.get(action.kind, Object, action.namespace, action.name)
        except NotFound:
            return
        if live.metadata.uid != action.uid or live.metadata.resource_version != action.resource_version:
            raise LookAgain(
                f"{action.kind.name} {action.namespace}/{action.name} changed since it was decided to delete it"
            )
        if (refused := refusal(live, action)) is not None:
            raise refused
        self._burn(job.target.name, action.owner)
        try:
            await job.target.api.delete(
                action.kind,
                namespace=action.namespace,
                name=action.name,
                uid=action.uid,
                resource_version=action.resource_version,
            )
        except NotFound:
            return
        except Conflict as error:
            raise LookAgain(error.message) from error
        ref = Ref(job.target.name, action.namespace, action.name)
        self._expectations.deleted(job.behalf, action.kind, ref, action.uid)

    async def _recover(self, job: Job, action: HelmRecover) -> None:
        version = await self._releases.recover(job.target, action)
        self._expectations.wrote(
            job.behalf, RELEASE, Ref(job.target.name, action.owner.namespace, action.secret), version
        )

    def _burn(self, cluster: str, owner: Owner) -> None:
        now = self._env.monotonic()
        app = f"{owner.namespace}/{owner.name}"
        if not self._per_cluster.free(cluster, now):
            raise Refused(
                "FuseCluster", f"more deletions per minute in cluster {cluster!r} than the fuse allows; going on later"
            )
        if not self._per_app.free(app, now):
            raise Refused("FuseApp", f"more deletions per minute for AppSet {app} than the fuse allows; going on later")
        self._per_cluster.burn(cluster, now)
        self._per_app.burn(app, now)

    async def _finalize(self, job: Job, action: Finalize) -> None:
        metadata: JSONMap = {
            "namespace": action.namespace,
            "name": action.name,
            "uid": action.uid,
            "resourceVersion": action.resource_version,
            "finalizers": list(action.finalizers) or None,
        }
        try:
            made = await job.target.api.patch(action.kind, {"metadata": metadata}, action.manager)
        except NotFound:
            return
        except Conflict as error:
            raise LookAgain(error.message) from error
        ref = Ref(job.target.name, action.namespace, action.name)
        if dig_str(made, "metadata", "deletionTimestamp") and not action.finalizers:
            return  # it ends with this write: there is no version for the cache to pass
        self._expectations.wrote(job.behalf, action.kind, ref, dig_str(made, "metadata", "resourceVersion"))

    async def _measure(self, api: Api, action: Measure) -> Gone:
        owner = action.owner
        try:
            child = await api.get(ADVDEPLOYMENT, Object, owner.namespace, owner.name)
            stands = child.metadata.annotations.get(names.APP_ID) == owner.app_id
        except NotFound:
            stands = False
        left: list[str] = []
        labels = {**dict.fromkeys(WORKLOADS, owner.name), SERVICE: names.service_of(owner.name)}
        for kind, label in labels.items():
            options = ListOptions(namespace=owner.namespace, label_selector=f"{names.APP}={label}")
            found, _ = await api.list_all(kind, Object, options)
            left += [
                f"{kind.name} {item.metadata.namespace}/{item.metadata.name}"
                for item in found
                if item.metadata.annotations.get(names.APP_ID) == owner.app_id
            ]
        return Gone(
            cluster=action.cluster, owner=owner, at=self._env.now(), child=stands, workloads=tuple(sorted(left))
        )

    async def _emit(self, api: Api, action: Emit) -> None:
        now = self._env.now()
        if action.standing and await self._still_told(api, action):
            return
        try:
            await api.create(EVENT, event_body(action, now), action.manager)
        except AlreadyExists:
            namespace, name = event_namespace(action), event_name(action)
            seen = await api.get(EVENT, Event, namespace, name)
            again: JSONMap = {
                "metadata": {"namespace": namespace, "name": name},
                "count": seen.times + 1,
                "lastTimestamp": timestamp(now),
            }
            await api.patch(EVENT, again, action.manager)

    async def _still_told(self, api: Api, action: Emit) -> bool:
        """Whether an Event that says the same is there and young: its name follows from what it says."""
        try:
            seen = await api.get(EVENT, Event, event_namespace(action), event_name(action))
        except NotFound:
            return False
        return seen.last_seen is not None and self._env.now() - seen.last_seen < STANDING

    def _wrote(self, job: Job, action: Create | Apply, made: JSONMap) -> None:
        ref = Ref(job.target.name, dig_str(made, "metadata", "namespace"), dig_str(made, "metadata", "name"))
        self._expectations.wrote(job.behalf, action.kind, ref, dig_str(made, "metadata", "resourceVersion"))
        if action.manager == names.HELM:
            release = dig_str(made, "metadata", "annotations", names.HELM_RELEASE)
            place = Place(ref.cluster, ref.namespace, release)
            self._releases.repaired(place, dig_str(made, "metadata", "uid"), wish_of(convert(made, Object).metadata))

    async def write_status(self, target: Target, kind: Kind, ref: Ref, body: JSONMap, manager: str) -> None:
        """Merge `body` into the status of `ref`. Raises KubeError."""
        made = await target.api.patch_status(kind, ref.namespace, ref.name, body, manager)
        self._expectations.wrote(ref, kind, ref, dig_str(made, "metadata", "resourceVersion"))


async def put_lease(api: Api, body: JSONMap, manager: str) -> None:
    """Write a lock: create it, or replace it if it still is at the resourceVersion in `body`. Raises KubeError."""
    if dig_str(body, "metadata", "resourceVersion"):
        await api.update(LEASE, body, manager)
    else:
        await api.create(LEASE, body, manager)


async def ensure(api: Api, kind: Kind, body: JSONMap, manager: str) -> None:
    """Create `body` unless its name is taken already. Raises KubeError."""
    with suppress(AlreadyExists):
        await api.create(kind, body, manager)
