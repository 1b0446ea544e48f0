"""The floor of `sym bench`: the writes that an AppSet needs, sent bare, with nobody thinking in between.

The planners say once, for an AppSet of the shape that is measured, what is written from its creation to its aggregated
status; then those very requests are sent for other names. They go to twins of our CRDs under a group that no controller
watches, so that a running installation neither helps nor disturbs. Relies on `plan` for the bodies.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from sym.clusters.executor import NEVER_A_VERSION
from sym.clusters.patches import status_patch
from sym.kube import requests
from sym.kube.api import Api
from sym.kube.requests import Request, Target
from sym.model.advdeployment import AdvDeployment
from sym.model.appset import AppSet
from sym.model.codec import JSON, JSONMap, convert, decode, dig_map
from sym.model.crd import crds
from sym.model.kinds import ADVDEPLOYMENT, APPSET, DEPLOYMENT
from sym.model.meta import META, Kind, Object, ObjectMeta
from sym.model.workload import Deployment
from sym.plan.advdeployment import plan_advdeployment
from sym.plan.appset import plan_appset
from sym.plan.types import Apply, Create, Health, MemberState
from sym.plan.views import AdvDeploymentView, AppSetView

MANAGER = "sym-bench"
GROUP = "bench." + APPSET.group
_NAME = "sym-x-00000"
_UID = "00000000-0000-4000-8000-0123456789ab"
_VERSION = "1234567890"
_ID = "0123456789abcdef" * 2


class Step(Struct, frozen=True, kw_only=True):
    """One write. Its request holds placeholders for the AppSet's name and for uid and version of object `of`; the
    answer's are kept as those of object `makes`."""

    cluster: str
    request: Request
    of: str | None = None
    makes: str | None = None


def appset(name: str, namespace: str, members: Sequence[str]) -> JSONMap:
    """The AppSet that is measured: one podSet without replicas in each member."""
    places: list[JSON] = [
        {"name": member, "podSets": [{"name": pod_set(name, number), "version": "v1", "replicas": 0}]}
        for number, member in enumerate(members)
    ]
    template: JSONMap = {"spec": {"containers": [{"name": "main", "image": "sym.example/bench"}]}}
    return {
        "apiVersion": APPSET.api_version,
        "kind": APPSET.name,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "podSpec": {"deployType": "deployment", "template": template},
            "clusterTopology": {"clusters": places},
        },
    }


def pod_set(name: str, number: int) -> str:
    """The name of the podSet in member `number`."""
    return f"{name}-{number:02}"


def name_of(letter: str, number: int) -> str:
    """The name of AppSet `number` of a phase; all names are equally long."""
    return f"{_NAME[:4]}{letter}-{number:05}"


def twins() -> list[JSONMap]:
    """Our CRDs under another group. Short names and categories stay with the originals."""
    made: list[JSONMap] = []
    for crd in crds():
        spec = dig_map(crd, "spec")
        if spec.get("group") == APPSET.group:
            accepted = {key: value for key, value in dig_map(spec, "names").items() if key not in _SHORT}
            name = f"{accepted['plural']}.{GROUP}"
            made.append({**crd, "metadata": {"name": name}, "spec": {**spec, "group": GROUP, "names": accepted}})
    return made


_SHORT = frozenset(("shortNames", "categories"))


def recipe(namespace: str, members: Sequence[str]) -> list[Step]:
    """What is written for one AppSet, its creation first, as the planners and the executor would."""
    return [replace(step, request=_twin(step.request)) for step in _steps(namespace, members)]


def _steps(namespace: str, members: Sequence[str]) -> Iterator[Step]:
    now = datetime.now(UTC)
    body = appset(_NAME, namespace, members)
    yield Step(cluster=META, request=requests.create(APPSET, body, namespace=namespace, manager=MANAGER), makes=META)
    view = AppSetView(
        app=convert(_born(body), AppSet),
        members={name: MemberState(name=name, health=Health.READY, synced=True, seen=now) for name in members},
        children={},
        fleet_id=_ID,
        new_app_id=_ID,
    )
    mark = next(action for action in plan_appset(view, now).actions if isinstance(action, Apply))
    target = Target(APPSET, namespace, _NAME)
    yield Step(cluster=META, request=requests.apply(target, mark.body, mark.manager, force=mark.force), of=META)
    view = replace(view, app=convert({**_born(mark.body), "spec": body["spec"]}, AppSet))
    children: dict[str, AdvDeployment] = {}
    for create in plan_appset(view, now).actions:
        if isinstance(create, Create):
            yield Step(cluster=create.cluster, request=_create(ADVDEPLOYMENT, create), makes=create.cluster)
            child = convert(_born(create.body), AdvDeployment)
            seen = AdvDeploymentView(adv=child, cluster=create.cluster)
            made = next(action for action in plan_advdeployment(seen, now).actions if isinstance(action, Create))
            yield Step(cluster=create.cluster, request=_create(DEPLOYMENT, made))
            workload = convert({**_born(made.body), "status": {"observedGeneration": 1}}, Deployment)
            told = plan_advdeployment(replace(seen, workloads=(workload,)), now).status or child.status
            yield _status(Target(ADVDEPLOYMENT, namespace, _NAME, "status"), create.cluster, child.status, told)
            children[create.cluster] = replace(child, status=told)
    done = plan_appset(replace(view, children=children), now).status or view.app.status
    yield _status(Target(APPSET, namespace, _NAME, "status"), META, view.app.status, done)


def _born(body: JSONMap) -> JSONMap:
    """`body` as a server would have it after its creation."""
    given: JSONMap = {"uid": _UID, "resourceVersion": _VERSION, "generation": 1}
    return {**body, "metadata": {**dig_map(body, "metadata"), **given}}


def _create(kind: Kind, action: Create) -> Request:
    metadata: JSONMap = {**dig_map(action.body, "metadata"), "resourceVersion": NEVER_A_VERSION}
    target = Target(kind, str(metadata["namespace"]), str(metadata["name"]))
    return requests.apply(target, {**action.body, "metadata": metadata}, action.manager, force=False)


def _status(target: Target, cluster: str, before: Struct, after: Struct) -> Step:
    body = status_patch(_UID, before, after) or {}
    return Step(cluster=cluster, request=requests.patch(target, body, MANAGER), of=cluster)


def _twin(request: Request) -> Request:
    """The same write to the twin of our CRD."""
    ours, twin = f"{APPSET.group}/{APPSET.version}", f"{GROUP}/{APPSET.version}"
    return replace(
        request, path=request.path.replace(ours, twin), body=request.body.replace(ours.encode(), twin.encode())
    )


class Bare:
    """Sends the recipe for AppSets, `concurrency` of them at a time."""

    def __init__(self, apis: Mapping[str, Api], steps: Sequence[Step], concurrency: int) -> None:
        self._apis = apis
        self._steps = steps
        self._concurrency = concurrency
        self._known: dict[tuple[str, str], ObjectMeta] = {}

    @property
    def writes(self) -> int:
        """Requests per AppSet, the one that creates it not counted."""
        return len(self._steps) - 1

    async def send(self, fresh: Sequence[str]) -> tuple[float, float]:
        """Seconds that it took to create the AppSets named `fresh`, and to write all the rest. Raises KubeError."""
        return await self._phase(fresh, self._steps[:1]), await self._phase(fresh, self._steps[1:])

    async def _phase(self, fresh: Sequence[str], steps: Sequence[Step]) -> float:
        began, left = time.monotonic(), iter(fresh)

        async def work() -> None:
            for name in left:
                for step in steps:
                    await self._one(name, step)

        async with asyncio.TaskGroup() as group:
            for number in range(self._concurrency):
                group.create_task(work(), name=f"bare {number}")
        return time.monotonic() - began

    async def _one(self, name: str, step: Step) -> None:
        request, meta = step.request, self._known.get((name, step.of or META), ObjectMeta())
        body = request.body.replace(_NAME.encode(), name.encode())
        body = body.replace(_UID.encode(), meta.uid.encode()).replace(_VERSION.encode(), meta.resource_version.encode())
        path = request.path.replace(_NAME, name)
        answer = await self._apis[step.cluster].client.send(replace(request, path=path, body=body))
        if step.makes is not None:
            self._known[name, step.makes] = decode(answer.body, Object).metadata
