"""What `sym diff` shows: objects as they stand against objects as they would be, in the meta cluster and each member.

Workloads are what the worker's own planner would write for the child at the forecast's end, sent to the member as a
server-side apply without effect. What servers add (versions, times, managers) and all status is left out.
"""

import difflib
from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from sym import yaml
from sym.cli.members import registrations
from sym.cli.outlook import Outlook, Reach
from sym.kube.api import Api
from sym.kube.errors import KubeError, NotFound
from sym.kube.requests import ListOptions
from sym.model import names
from sym.model.advdeployment import AdvDeployment
from sym.model.codec import JSONMap, dig_map, dig_str, to_map
from sym.model.kinds import DEPLOYMENT, SERVICE, STATEFULSET
from sym.model.meta import Kind, ObjectMeta
from sym.model.workload import Deployment, Service, StatefulSet
from sym.plan.advdeployment import plan_advdeployment
from sym.plan.types import Apply, Create
from sym.plan.views import AdvDeploymentView

_NOISE = ("managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink")


class Difference(Struct, frozen=True, kw_only=True):
    """One object: where and what it is, as it stands and as it would be (None: there is none)."""

    where: str
    before: JSONMap | None
    after: JSONMap | None
    trouble: str = ""
    """Why the server did not say what would become of it."""

    def lines(self) -> list[str]:
        """A unified diff; nothing where both are equal."""
        old, new = _text(self.before), _text(self.after)
        found = list(difflib.unified_diff(old, new, f"live/{self.where}", f"planned/{self.where}", lineterm=""))
        return [*found, *([f"# {self.where}: {self.trouble}"] if self.trouble else [])]


async def differences(meta: Api, found: Outlook, reach: Reach, now: datetime) -> list[Difference]:
    """The AppSet, then cluster by cluster its child and workloads. Raises KubeError of the meta cluster."""
    told = [Difference(where=f"meta/{found.wish.where}", before=found.live, after=found.made)]
    registered = await registrations(meta)
    old, new = found.view.children, found.forecast.children
    for cluster in sorted(old.keys() | new.keys()):
        told.append(
            Difference(
                where=f"{cluster}/AdvDeployment {found.wish.name}",
                before=_spec(old.get(cluster)),
                after=_spec(new.get(cluster)),
            )
        )
        before, child = old.get(cluster), new.get(cluster)
        if (child.spec if child else None) == (before.spec if before else None):
            continue
        api = reach(registered[cluster])
        try:
            told += await _workloads(api, cluster, child, now) if child is not None else []
            told += await _ended(api, cluster, before, child) if before is not None else []
        finally:
            await api.aclose()
    return told


async def _ended(api: Api, cluster: str, before: AdvDeployment, after: AdvDeployment | None) -> list[Difference]:
    """The workloads of podSets that would be no more: those that carry the application's mark."""
    kept = {each.name for each in after.spec.topology.pod_sets} if after is not None else set[str]()
    found: list[Difference] = []
    for name in sorted({each.name for each in before.spec.topology.pod_sets} - kept):
        for kind in (DEPLOYMENT, STATEFULSET):
            where = f"{cluster}/{kind.name} {name}"
            try:
                live = await _live(api, kind, before.metadata.namespace, name)
            except KubeError as error:
                found.append(Difference(where=where, before=None, after=None, trouble=error.message))
                continue
            if live is not None and dig_str(live, "metadata", "labels", names.APP) == before.metadata.name:
                found.append(Difference(where=where, before=live, after=None))
    return found


async def _workloads(api: Api, cluster: str, child: AdvDeployment, now: datetime) -> list[Difference]:
    """What the worker would write for `child`, as the member would take it."""
    options = ListOptions(namespace=child.metadata.namespace)
    try:
        deployments, _ = await api.list_all(DEPLOYMENT, Deployment, options)
        stateful_sets, _ = await api.list_all(STATEFULSET, StatefulSet, options)
        services, _ = await api.list_all(SERVICE, Service, options)
    except KubeError as error:
        return [Difference(where=f"{cluster}/workloads", before=None, after=None, trouble=error.message)]
    wanted = {each.name for each in child.spec.topology.pod_sets}
    name = child.metadata.name
    view = AdvDeploymentView(
        adv=child,
        cluster=cluster,
        workloads=tuple(each for each in deployments if _concerned(each.metadata, name, wanted)),
        stateful_sets=tuple(each for each in stateful_sets if _concerned(each.metadata, name, wanted)),
        services=tuple(each for each in services if each.metadata.name == names.service_of(name)),
    )
    actions = (each for each in plan_advdeployment(view, now).actions if isinstance(each, Create | Apply))
    return [await _rehearsed(api, cluster, each) for each in actions if each.kind in (DEPLOYMENT, STATEFULSET, SERVICE)]


def _concerned(meta: ObjectMeta, app: str, wanted: set[str]) -> bool:
    return meta.name in wanted or meta.labels.get(names.APP) == app


async def _rehearsed(api: Api, cluster: str, action: Create | Apply) -> Difference:
    namespace, name = (dig_str(action.body, "metadata", key) for key in ("namespace", "name"))
    where = f"{cluster}/{action.kind.name} {name}"
    before: JSONMap | None = None
    try:
        before = await _live(api, action.kind, namespace, name)
        after = await api.rehearse(
            action.kind, action.body, action.manager, force=isinstance(action, Apply) and action.force
        )
    except KubeError as error:
        return Difference(where=where, before=before, after=before, trouble=error.message)
    return Difference(where=where, before=before, after=after)


async def _live(api: Api, kind: Kind, namespace: str, name: str) -> JSONMap | None:
    try:
        return await api.get_raw(kind, namespace, name)
    except NotFound:
        return None


def _spec(child: AdvDeployment | None) -> JSONMap | None:
    """A child's spec. Archives of charts are not shown."""
    return {"spec": {**to_map(child.spec), "charts": list(child.spec.charts)}} if child is not None else None


def _text(thing: JSONMap | None) -> list[str]:
    if thing is None:
        return []
    bare = {key: each for key, each in thing.items() if key != "status"}
    if "metadata" in bare:
        bare["metadata"] = {key: each for key, each in dig_map(thing, "metadata").items() if key not in _NOISE}
    return list(_lines(yaml.dump(bare)))


def _lines(text: str) -> Iterator[str]:
    yield from text.splitlines()
