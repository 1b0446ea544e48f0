"""`sym adopt NAMESPACE/NAME`: give an AppSet what a former AppSet of its name, or nobody, owns in its clusters.

Shows what it will do, asks, and does exactly that: every write carries the uid and the resourceVersion that was shown.
Relies on `plan.adoption` for what is taken over; the registrations in the meta cluster say how members are reached.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

import click
from msgspec import Struct

from sym.cli.members import registrations
from sym.clusters.registration import Registration
from sym.controllers.record import FLEET_ID_KEY
from sym.kube.api import Api
from sym.kube.errors import Conflict, KubeError, NotFound
from sym.model import names
from sym.model.appset import AppSet
from sym.model.codec import JSONMap, dig, dig_map, dig_str
from sym.model.kinds import ADVDEPLOYMENT, APPSET, CONFIGMAP, SERVICE
from sym.model.meta import Kind
from sym.model.workload import ConfigMap
from sym.plan.adoption import Step, Takeover, takeovers, workload_kind
from sym.plan.ownership import Mark
from sym.plan.types import Owner

MANAGER = "sym-adopt"
TRIES = 10
"""How often a step is tried while others write to the object."""


class Found(Struct, frozen=True, kw_only=True):
    """All that was read: the AppSet, and by cluster what has to be taken over or why the cluster cannot be looked at.
    `live` are the objects by cluster, kind and name, as they were read."""

    app: AppSet
    takeovers: Mapping[str, Sequence[Takeover]]
    unread: Mapping[str, str]
    live: Mapping[tuple[str, Kind, str], JSONMap]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to take over."""
        return not any(self.takeovers.values())

    @property
    def strangers(self) -> bool:
        """Whether something is taken over that never was an AppSet's."""
        return any(each.stranger for found in self.takeovers.values() for each in found)

    def lines(self) -> list[str]:
        """What will be done, a line for each object."""
        away = [f"cluster {cluster}: left out: {why}" for cluster, why in self.unread.items()]
        return away + [
            f"cluster {cluster}: {each.kind.name} {each.name}: "
            + (f"cannot be taken over: {each.refused}" if each.refused else f"take over: it {each.note}")
            for cluster, found in self.takeovers.items()
            for each in found
        ]


@click.command("adopt")
@click.argument("appset", metavar="NAMESPACE/NAME")
@click.option(
    "--kubeconfig", envvar="KUBECONFIG", default="", help="The meta cluster's kubeconfig; default as kubectl."
)
@click.option("--context", default="", help="A context of it.")
@click.option("--cluster", "clusters", multiple=True, help="Only this cluster; may be given several times.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(appset: str, kubeconfig: str, context: str, clusters: tuple[str, ...], yes: bool) -> None:
    """Take over what belongs to a former AppSet of this name, or to none.

    No pod restarts: a Deployment that never was an AppSet's keeps its selector, and its pods until the AppSet's content
    changes.
    """
    from sym.aio.env import SystemEnv
    from sym.kube.connection import Connection
    from sym.kube.http import HttpClient
    from sym.kube.kubeconfig import load_operator, load_registered
    from sym.settings import KubeSettings

    namespace, slash, name = appset.partition("/")
    if not (namespace and slash and name):
        raise click.UsageError(f"{appset!r}: name the AppSet as NAMESPACE/NAME")

    def api(connection: Connection, cluster: str) -> Api:
        return Api(HttpClient(connection, KubeSettings(), SystemEnv()), cluster)

    def member(registration: Registration) -> Api:
        return api(load_registered(registration.kubeconfig), registration.name)

    async def run() -> None:
        meta = api(load_operator(kubeconfig, context), "")
        try:
            await adopt(meta, (namespace, name), member, clusters, lambda: yes or click.confirm("Do this?"))
        finally:
            await meta.aclose()

    try:
        asyncio.run(run())
    except KubeError as error:
        raise click.ClickException(error.message) from error


async def adopt(
    meta: Api,
    appset: tuple[str, str],
    member: Callable[[Registration], Api],
    clusters: Sequence[str],
    agreed: Callable[[], bool],
) -> None:
    """Look, show, ask, take over. Raises ClickException where something stays undone, KubeError of the meta cluster."""
    apis: dict[str, Api] = {}
    try:
        found = await look(meta, appset, member, clusters, apis)
        for line in found.lines():
            click.echo(line)
        if found.empty:
            click.echo("nothing has to be taken over")
        elif any(each.refused for one in found.takeovers.values() for each in one):
            raise click.ClickException("nothing was changed, since not all of it can be taken over")
        elif not agreed():
            raise click.ClickException("nothing was changed")
        else:
            await _take_over(meta, found, apis)
        if found.unread:
            raise click.ClickException(f"not all clusters could be looked at: {', '.join(found.unread)}")
    finally:
        for each in apis.values():
            await each.aclose()


async def look(
    meta: Api,
    appset: tuple[str, str],
    member: Callable[[Registration], Api],
    clusters: Sequence[str],
    apis: dict[str, Api],
) -> Found:
    """Read everything. The members' APIs go into `apis`, for the caller to close."""
    app = await meta.get(APPSET, AppSet, *appset)
    owner = await _owner(meta, app)
    registered, kind = await registrations(meta), workload_kind(app)
    found: dict[str, tuple[Takeover, ...]] = {}
    unread: dict[str, str] = {}
    live: dict[tuple[str, Kind, str], JSONMap] = {}
    for place in app.spec.cluster_topology.clusters:
        if clusters and place.name not in clusters:
            continue
        if place.name not in registered:
            unread[place.name] = "it is not registered"
            continue
        try:
            api = apis[place.name] = member(registered[place.name])
            child = await _raw(api, ADVDEPLOYMENT, owner.namespace, owner.name)
            workloads = {each.name: await _raw(api, kind, owner.namespace, each.name) for each in place.pod_sets}
            service = await _raw(api, SERVICE, owner.namespace, names.service_of(owner.name))
        except KubeError as error:
            unread[place.name] = error.message
            continue
        there = {name: body for name, body in workloads.items() if body is not None}
        found[place.name] = takeovers(app, owner, place, child, there, service)
        live |= {(place.name, kind, name): body for name, body in there.items()}
        if service is not None:
            live[place.name, SERVICE, names.service_of(owner.name)] = service
        if child is not None:
            live[place.name, ADVDEPLOYMENT, owner.name] = child
    return Found(app=app, takeovers=found, unread=unread, live=live)


async def _owner(meta: Api, app: AppSet) -> Owner:
    mark = Mark.of(app)
    where = f"{app.metadata.namespace}/{app.metadata.name}"
    if app.deleting:
        raise click.ClickException(f"AppSet {where} is being deleted")
    if mark is None:
        raise click.ClickException(
            f"AppSet {where} has no id yet: its controller gives it one; see whether it runs, and try again"
        )
    fleet = await meta.get(CONFIGMAP, ConfigMap, names.META_NAMESPACE, names.FLEET_RECORD)
    return Owner(
        fleet_id=fleet.data.get(FLEET_ID_KEY, ""),
        app_id=mark.app_id,
        namespace=app.metadata.namespace,
        name=app.metadata.name,
    )


async def _raw(api: Api, kind: Kind, namespace: str, name: str) -> JSONMap | None:
    try:
        return await api.get_raw(kind, namespace, name)
    except NotFound:
        return None


async def _take_over(meta: Api, found: Found, apis: Mapping[str, Api]) -> None:
    """The AppSet's note first, then in each cluster the workloads and after them their record."""
    try:
        if found.strangers and names.ADOPTED not in found.app.metadata.annotations:
            # Whose pods were not made by Sym gets no environment variables of ours when content changes.
            live = await meta.get_raw(APPSET, found.app.metadata.namespace, found.app.metadata.name)
            await _patched(meta, APPSET, live, {"metadata": {"annotations": {names.ADOPTED: "true"}}})
        for cluster, each in found.takeovers.items():
            for one in each:
                live = found.live[cluster, one.kind, one.name]
                for number, step in enumerate(one.steps):
                    live = await _stepped(apis[cluster], one.kind, live, step, first=number == 0)
                click.echo(f"cluster {cluster}: {one.kind.name} {one.name}: taken over")
    except Conflict as error:
        raise click.ClickException(f"{error.message}: it has changed since it was shown, run this again") from error


async def _stepped(api: Api, kind: Kind, live: JSONMap, step: Step, *, first: bool) -> JSONMap:
    """The object after a step. The first one must meet what was shown; the others go on although controllers write its
    status meanwhile, but not if anybody has changed what it says."""
    for _ in range(TRIES):
        try:
            return await _patched(api, kind, live, step(live))
        except Conflict:
            now = await api.get_raw(kind, dig_str(live, "metadata", "namespace"), dig_str(live, "metadata", "name"))
            same = all(dig(now, "metadata", key) == dig(live, "metadata", key) for key in ("uid", "generation"))
            if first or not same:
                raise
            live = now
    raise Conflict(f"{kind.name} {dig_str(live, 'metadata', 'name')} is written to all the time")


async def _patched(api: Api, kind: Kind, live: JSONMap, patch: JSONMap) -> JSONMap:
    """The object after a patch that only meets `live` itself."""
    exact: JSONMap = {key: dig_str(live, "metadata", key) for key in ("name", "namespace", "uid", "resourceVersion")}
    return await api.patch(kind, {**patch, "metadata": {**dig_map(patch, "metadata"), **exact}}, MANAGER)
