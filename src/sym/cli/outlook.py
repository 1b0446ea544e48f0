"""What an AppSet in a file would do: the file, the world as it is, the planner's own forecast, and a hash of all that.

The AppSet is what the server would make of the file (a server-side apply without effect); the rest is read from the
meta cluster and, over the registrations there, from the members. Nothing is written.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime

from msgspec import Struct

from sym import yaml
from sym.cli.members import registrations
from sym.cli.rollout_call import Refused
from sym.clusters.registration import Registration
from sym.controllers.appset import clusters_of
from sym.controllers.record import FLEET_ID_KEY
from sym.kube.api import Api
from sym.kube.errors import KubeError, NotFound
from sym.kube.requests import ListOptions
from sym.model import names
from sym.model.advdeployment import AdvDeployment
from sym.model.appset import AppSet
from sym.model.cluster import Cluster
from sym.model.codec import JSON, DecodeError, JSONMap, as_map, convert, dig_str
from sym.model.kinds import ADVDEPLOYMENT, APPSET, CLUSTER, CONFIGMAP, CONTROLLER_REVISION
from sym.model.meta import ObjectMeta
from sym.model.problems import Problem
from sym.model.validate import validate_appset
from sym.model.workload import ConfigMap, ControllerRevision
from sym.plan.content import digest
from sym.plan.forecast import Forecast, forecast
from sym.plan.types import Health, MemberState
from sym.plan.views import AppSetView

MANAGER = "sym-apply"
"""The field manager under which `sym apply` applies."""

Reach = Callable[[Registration], Api]
"""From a registration to the member's API. Raises KubeError."""


class Wish(Struct, frozen=True, kw_only=True):
    """An AppSet as a file has it. `source`: which document of which file."""

    body: JSONMap
    source: str

    @property
    def namespace(self) -> str:
        """Where it goes."""
        return dig_str(self.body, "metadata", "namespace")

    @property
    def name(self) -> str:
        """Its name."""
        return dig_str(self.body, "metadata", "name")

    @property
    def where(self) -> str:
        """`AppSet shop/bbcc`."""
        return f"AppSet {self.namespace}/{self.name}"


class Outlook(Struct, frozen=True, kw_only=True):
    """What was read, and what would come of it. `live` is the AppSet as it stands, None where there is none; `made` as
    the server would make it; `unread` says of each cluster that could not be read why."""

    wish: Wish
    live: JSONMap | None
    made: JSONMap
    view: AppSetView
    problems: tuple[Problem, ...]
    forecast: Forecast
    unread: Mapping[str, str] = {}

    @property
    def hash(self) -> str:
        """Of the spec that would stand, and of everything that the forecast rests on; no times."""
        view, rollout = self.view, self.view.app.status.rollout
        return digest(
            {
                "spec": self.made.get("spec"),
                "app": [dig_str(self.live or {}, "metadata", "uid"), _generation(self.live)],
                "rollout": [rollout.hash, rollout.phase, rollout.finished, rollout.gate],
                "waves": [[wave.name, wave.phase, wave.confirmed] for wave in rollout.waves],
                "said": [[each.gate, each.hash] for each in rollout.confirmations],
                "asked": [[each.verb, each.cluster, each.hash] for each in rollout.requests],
                "fleet": view.fleet_id,
                "children": {name: _standing(child.metadata) for name, child in view.children.items()},
                "members": {name: [state.health, state.meta] for name, state in view.members.items()},
                "revisions": sorted((each.metadata.name, each.revision) for each in view.revisions or ()),
            }
        )


def wishes(text: bytes, source: str, namespace: str) -> list[Wish]:
    """The AppSets in a file; `namespace` is the one of those that name none. Raises Refused."""
    try:
        documents = [each for each in yaml.load_all(text) if each is not None]
    except DecodeError as error:
        raise Refused(f"{source}: {error}") from None
    found = [_wish(each, f"{source}, document {number}", namespace) for number, each in enumerate(documents, start=1)]
    if not found:
        raise Refused(f"{source}: there is no AppSet in it")
    return found


def _wish(document: JSON, source: str, namespace: str) -> Wish:
    body = as_map(document) if isinstance(document, dict) else {}
    kind = (dig_str(body, "apiVersion"), dig_str(body, "kind"))
    if kind != (APPSET.api_version, APPSET.name):
        told = " ".join(filter(None, kind)) or "no object of Kubernetes"
        raise Refused(
            f"{source}: it is {told}, and only AppSets ({APPSET.api_version}) can be planned: apply it by kubectl"
        )
    if not dig_str(body, "metadata", "name"):
        raise Refused(f"{source}: metadata.name is missing: give the AppSet a name")
    metadata: JSONMap = {"namespace": namespace, **as_map(body["metadata"])}
    bare = {key: value for key, value in body.items() if key != "status"}
    return Wish(body={**bare, "metadata": metadata}, source=source)


async def outlook(meta: Api, wish: Wish, reach: Reach, now: datetime, *, force: bool = False) -> Outlook:
    """Look at everything, decide, write nothing. Raises KubeError of the meta cluster, Refused."""
    live = await _or_none(meta.get_raw(APPSET, wish.namespace, wish.name))
    made = await meta.rehearse(APPSET, wish.body, MANAGER, force=force)
    app = convert(made, AppSet)
    concerned = clusters_of(app) | {row.name for row in app.status.aggr_status.clusters}
    members, children, unread = await _members(meta, app, concerned, reach)
    record = await _or_none(meta.get_raw(CONFIGMAP, names.META_NAMESPACE, names.FLEET_RECORD))
    options = ListOptions(namespace=wish.namespace, label_selector=f"{names.APPSET}={wish.name}")
    revisions, _ = await meta.list_all(CONTROLLER_REVISION, ControllerRevision, options)
    view = AppSetView(
        app=app,
        members=members,
        children=children,
        revisions=revisions,
        fleet_id=convert(record, ConfigMap).data.get(FLEET_ID_KEY, "") if record else "",
        new_app_id="new",
    )
    problems = validate_appset(app)
    return Outlook(
        wish=wish,
        live=live,
        made=made,
        view=view,
        problems=problems,
        forecast=forecast(view, now) if not problems else Forecast(stands=str(problems[0])),
        unread=unread,
    )


async def _members(
    meta: Api, app: AppSet, concerned: set[str], reach: Reach
) -> tuple[dict[str, MemberState], dict[str, AdvDeployment], dict[str, str]]:
    """The registered clusters among `concerned`, their children of the AppSet, and why some could not be read."""
    registered = await registrations(meta)
    clusters, _ = await meta.list_all(CLUSTER, Cluster, ListOptions())
    metas = {each.metadata.name: each.spec.merged_meta for each in clusters}
    members: dict[str, MemberState] = {}
    children: dict[str, AdvDeployment] = {}
    unread = dict.fromkeys(sorted(concerned - registered.keys()), "it is not registered")

    async def one(name: str) -> None:
        registration = registered[name]
        meta_ = {**registration.all_meta, **metas.get(name, {})}
        if registration.maintaining:
            members[name] = MemberState(name=name, health=Health.MAINTAINING, meta=meta_)
            return
        try:
            child = await _child(reach(registration), app)
        except KubeError as error:
            unread[name] = error.message
            members[name] = MemberState(name=name, health=Health.UNREACHABLE, reason=error.message, meta=meta_)
            return
        members[name] = MemberState(name=name, health=Health.READY, synced=True, meta=meta_)
        if child is not None:
            children[name] = child

    async with asyncio.TaskGroup() as group:
        for name in sorted(concerned & registered.keys()):
            group.create_task(one(name), name=f"look at {name}")
    return members, children, unread


async def _child(api: Api, app: AppSet) -> AdvDeployment | None:
    try:
        return await api.get(ADVDEPLOYMENT, AdvDeployment, app.metadata.namespace, app.metadata.name)
    except NotFound:
        return None
    finally:
        await api.aclose()


async def _or_none(found: Coroutine[None, None, JSONMap]) -> JSONMap | None:
    try:
        return await found
    except NotFound:
        return None


def _standing(meta: ObjectMeta) -> JSON:
    """What of a child the planner goes by, its status apart: that changes all the time."""
    return [meta.uid, meta.generation, dict[str, JSON](meta.labels), dict[str, JSON](meta.annotations)]


def _generation(live: JSONMap | None) -> JSON:
    return as_map(live["metadata"]).get("generation") if live else None
