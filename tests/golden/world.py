"""A toy world for stories: one meta cluster, some members, all in memory, one second per round.

It does to objects what an API server, an executor and Kubernetes' own controllers would do to them, as far as
planners can see, and writes a line for everything that was done. Every rule that the real ones enforce and that a
planner must rely on (uid and resourceVersion of a write, owner and tombstone of a delete) is enforced by an assertion.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TypeVar, assert_never

from sym.model import names
from sym.model.advdeployment import AdvDeployment, AdvDeploymentStatus
from sym.model.appset import AppSet, AppSetStatus
from sym.model.codec import JSON, JSONMap, convert, dig, dig_list, dig_map, dig_str, encode, parse_map, to_map
from sym.model.conditions import find_condition
from sym.model.kinds import ADVDEPLOYMENT, APPSET, AUTOSCALER, CONTROLLER_REVISION, DEPLOYMENT, SERVICE, STATEFULSET
from sym.model.meta import META, Kind
from sym.model.workload import Autoscaler, ControllerRevision, Deployment, EndpointSlice, Pod, Service, StatefulSet
from sym.plan.advdeployment import plan_advdeployment
from sym.plan.appset import plan_appset
from sym.plan.types import (
    Action,
    Apply,
    Create,
    Delete,
    Emit,
    Finalize,
    Gone,
    Health,
    HelmLook,
    HelmRecover,
    HelmUninstall,
    HelmUpgrade,
    Measure,
    MemberState,
    Owner,
    Plan,
    Query,
)
from sym.plan.views import AdvDeploymentView, AppSetView

START = datetime(2026, 1, 1, tzinfo=UTC)
FLEET = "f1ee7"
T = TypeVar("T")
WORKLOADS = (DEPLOYMENT, STATEFULSET)
Place = tuple[str, Kind, str, str]
"""Cluster, kind, namespace, name."""


class World:
    """All objects as the servers hold them, and what was done to them."""

    def __init__(self, *members: str) -> None:
        self.objects: dict[Place, JSONMap] = {}
        self.members = {name: MemberState(name=name, health=Health.READY, synced=True) for name in members}
        self.log: list[str] = []
        self.writes = 0
        self.now = START
        self._counter = 0
        self._gone: dict[tuple[str, str], Gone] = {}
        self._owned: dict[tuple[Place, str], set[str]] = {}

    # --- what people do

    def apply(self, app: JSONMap) -> None:
        """`kubectl apply` of an AppSet."""
        place = (META, APPSET, "default", dig_str(app, "metadata", "name"))
        self.say("user", f"applies AppSet {place[3]}")
        self._store(place, dig_map(self.objects.get(place, {})) | {"spec": app["spec"]})

    def edit(self, change: Callable[[JSONMap], object], name: str = "bbcc") -> None:
        """A change of the AppSet's spec."""
        place = (META, APPSET, "default", name)
        body = _copy(self.objects[place])
        change(dig_map(body, "spec"))
        self._store(place, body)

    def annotate(self, key: str, value: str, name: str = "bbcc") -> None:
        """`kubectl annotate` of the AppSet."""
        place = (META, APPSET, "default", name)
        body = _copy(self.objects[place])
        dig_map(body, "metadata").setdefault("annotations", {})
        dig_map(body, "metadata", "annotations")[key] = value
        self._store(place, body)

    def delete(self, cluster: str, kind: Kind, name: str = "bbcc") -> None:
        """`kubectl delete` of anything."""
        self.say("user", f"deletes {kind.name} {name}@{cluster or 'meta'}")
        self._remove((cluster, kind, "default", name))

    def health(self, cluster: str, health: Health | None) -> None:
        """What the fleet says of a member from now on; None: it is not registered any more."""
        self.say("world", f"{cluster} is {health or 'unregistered'}")
        if health is None:
            del self.members[cluster]
        else:
            seen = None if health is Health.READY else self.now
            self.members[cluster] = MemberState(name=cluster, health=health, synced=health is Health.READY, seen=seen)

    def replace(self, cluster: str, kind: Kind, name: str = "bbcc") -> None:
        """`kubectl replace` with a manifest that knows no annotations and finalizers."""
        self.say("user", f"replaces {kind.name} {name}@{cluster or 'meta'}")
        body = _copy(self.objects[cluster, kind, "default", name])
        dig_map(body, "metadata").update({"annotations": {}, "finalizers": []})
        self._store((cluster, kind, "default", name), body)

    def forget(self, cluster: str, kind: Kind, name: str = "bbcc") -> None:
        """An object that is lost without anybody's deletion being seen."""
        self.say("world", f"{kind.name} {name}@{cluster or 'meta'} is lost")
        del self.objects[cluster, kind, "default", name]

    def put(self, cluster: str, kind: Kind, name: str, body: JSONMap) -> None:
        """An object that somebody else has made."""
        self._store((cluster, kind, "default", name), body)

    def autoscale(self, cluster: str, name: str, replicas: int) -> None:
        """An autoscaler's write through the scale subresource: it takes the field over, as the server notes."""
        self.say("autoscaler", f"sets Deployment {name}@{cluster} to {replicas}")
        place = (cluster, DEPLOYMENT, "default", name)
        body = _copy(self.objects[place])
        dig_map(body, "spec")["replicas"] = replicas
        fields: JSONMap = {"f:spec": {"f:replicas": {}}}
        scale: JSONMap = {"manager": "kube-controller-manager", "subresource": "scale", "fieldsV1": fields}
        dig_map(body, "metadata")["managedFields"] = [scale]
        self._store(place, body)

    def annotated(self, cluster: str, key: str) -> str:
        """An annotation of the child in `cluster`."""
        return dig_str(self.objects[cluster, ADVDEPLOYMENT, "default", "bbcc"], "metadata", "annotations", key)

    def of_kind(self, kind: Kind) -> dict[Place, JSONMap]:
        """All objects of a kind, as they are."""
        return {place: _copy(body) for place, body in self.objects.items() if place[1] == kind}

    # --- what the world does

    def settle(self, rounds: int = 60) -> None:
        """Rounds until nothing happens any more. Fails if it never stops."""
        quiet = 0
        for _ in range(rounds):
            before = self.writes, self._snapshot()
            self.round()
            quiet = 0 if (self.writes, self._snapshot()) != before else quiet + 1
            if quiet == 5:
                return
        raise AssertionError("the world does not come to rest:\n" + "\n".join(self.log[-30:]))

    def round(self) -> None:
        """One second: the master, every worker that can reach its cluster, then Kubernetes' own controllers."""
        self.now += timedelta(seconds=1)
        for place in [place for place in self.objects if place[1] == APPSET]:
            self._master(place)
        for place in [place for place in self.objects if place[1] == ADVDEPLOYMENT]:
            if self._up(place[0]):
                self._worker(place)
        for place in [place for place in self.objects if place[1] in WORKLOADS]:
            self._run(place)

    def round_of_the_master(self) -> None:
        """One second in which nothing but the master works."""
        self.now += timedelta(seconds=1)
        for place in [place for place in self.objects if place[1] == APPSET]:
            self._master(place)

    def say(self, who: str, what: str) -> None:
        """A line of the story."""
        seconds = int((self.now - START).total_seconds())
        self.log.append(f"{seconds:3d}s {who:10s} {what}")

    def appset_view(self, name: str = "bbcc") -> AppSetView:
        """What the master sees of an AppSet."""
        return AppSetView(
            app=self._read((META, APPSET, "default", name), AppSet),
            members=dict(self.members),
            children={
                place[0]: self._read(place, AdvDeployment)
                for place in self.objects
                if place[1:] == (ADVDEPLOYMENT, "default", name) and place[0] in self.members
            },
            gone={cluster: gone for (who, cluster), gone in self._gone.items() if who == "master"},
            revisions=self._in(META, CONTROLLER_REVISION, ControllerRevision),
            fleet_id=FLEET,
            new_app_id=f"app-{self._counter}",
        )

    def worker_view(self, cluster: str, name: str = "bbcc") -> AdvDeploymentView:
        """What the worker in `cluster` sees of an AdvDeployment."""
        bodies = [body for place, body in self.objects.items() if place[0] == cluster and place[1] in WORKLOADS]
        pods = tuple(pod for body in bodies for pod in _pods(body))
        services = self._in(cluster, SERVICE, Service)
        return AdvDeploymentView(
            adv=self._read((cluster, ADVDEPLOYMENT, "default", name), AdvDeployment),
            cluster=cluster,
            workloads=self.deployments(cluster),
            stateful_sets=self._in(cluster, STATEFULSET, StatefulSet),
            services=services,
            slices=tuple(_slice(pods) for service in services if service.metadata.labels.get(names.APP)),
            pods=pods,
            autoscalers=self._in(cluster, AUTOSCALER, Autoscaler),
            gone=self._gone.get((f"worker {cluster}", cluster)),
        )

    def deployments(self, cluster: str) -> tuple[Deployment, ...]:
        """The Deployments in a cluster."""
        return self._in(cluster, DEPLOYMENT, Deployment)

    def _in(self, cluster: str, kind: Kind, type_: type[T]) -> tuple[T, ...]:
        return tuple(convert(body, type_) for place, body in self.objects.items() if place[:2] == (cluster, kind))

    def _master(self, place: Place) -> None:
        view = self.appset_view(place[3])
        self._perform("master", place, plan_appset(view, self.now), view.app.status)

    def _worker(self, place: Place) -> None:
        view = self.worker_view(place[0], place[3])
        self._perform(f"worker {place[0]}", place, plan_advdeployment(view, self.now), view.adv.status)

    def _perform(
        self, who: str, place: Place, plan: Plan[AppSetStatus] | Plan[AdvDeploymentStatus], before: object
    ) -> None:
        for action in plan.actions:
            assert self._up(action.cluster), f"{action} for a cluster that cannot be reached"
            self.say(who, _line(action))
            self._do(who, action)
        if plan.status is not None and plan.status != before and place in self.objects:
            self.say(who, f"status {_told(plan.status)}")
            body: JSONMap = {**_copy(self.objects[place]), "status": to_map(plan.status)}
            self._store(place, body)
            self.writes += 1

    def _do(self, who: str, action: Action) -> None:
        match action:
            case Create(cluster=cluster, kind=kind, body=body):
                place = (cluster, kind, dig_str(body, "metadata", "namespace"), dig_str(body, "metadata", "name"))
                assert place not in self.objects, f"{place} is taken"
                self._own(place, action.manager, body)
                self._store(place, body)
            case Apply(cluster=cluster, kind=kind, body=body):
                place = (cluster, kind, dig_str(body, "metadata", "namespace"), dig_str(body, "metadata", "name"))
                self._exact(place, dig_str(body, "metadata", "uid"), dig_str(body, "metadata", "resourceVersion"))
                self._store(place, self._merge(place, action.manager, body))
            case Delete(cluster=cluster, kind=kind):
                place = (cluster, kind, action.namespace, action.name)
                self._exact(place, action.uid, action.resource_version)
                self._permitted(place, action)
                self._remove(place)
            case Finalize(cluster=cluster, kind=kind):
                place = (cluster, kind, action.namespace, action.name)
                self._exact(place, action.uid, action.resource_version)
                body = _copy(self.objects[place])
                dig_map(body, "metadata")["finalizers"] = list(action.finalizers)
                self._store(place, body)
            case Measure(cluster=cluster, owner=owner):
                self._gone[who, cluster] = self._look(cluster, owner)
                return
            case Emit() | Query():
                return
            case HelmUpgrade() | HelmUninstall() | HelmRecover() | HelmLook():
                raise AssertionError("this world has no Helm: tests/plan/test_helm.py and tests/road/test_helm.py do")
            case _ as never:
                assert_never(never)
        self.writes += 1

    def _look(self, cluster: str, owner: Owner) -> Gone:
        def owners(kind: Kind) -> list[str]:
            return [
                place[3]
                for place, body in self.objects.items()
                if place[:3] == (cluster, kind, owner.namespace)
                and dig_str(body, "metadata", "annotations", names.APP_ID) == owner.app_id
            ]

        kinds = (*WORKLOADS, SERVICE)
        workloads = tuple(f"{kind.name} {owner.namespace}/{name}" for kind in kinds for name in owners(kind))
        child = owner.name in owners(ADVDEPLOYMENT)
        return Gone(cluster=cluster, owner=owner, at=self.now, child=child, workloads=workloads)

    def _permitted(self, place: Place, action: Delete) -> None:
        metadata = dig_map(self.objects[place], "metadata")
        record = [dig_str(metadata, "annotations", key) for key in (names.FLEET_ID, names.APP_ID)]
        assert record == [action.owner.fleet_id, action.owner.app_id], f"{place} is not {action.owner}'s"
        assert not action.tombstone or action.uid in dig_str(metadata, "annotations", names.TOMBSTONE)

    def _exact(self, place: Place, uid: str, resource_version: str) -> None:
        metadata = dig_map(self.objects[place], "metadata")
        assert (uid, resource_version) == (metadata["uid"], metadata["resourceVersion"]), f"{place} has changed"

    def _own(self, place: Place, manager: str, body: JSONMap) -> set[str]:
        """Which annotations the manager does not apply any more, as server-side apply finds them."""
        applied = set(dig_map(body, "metadata", "annotations"))
        dropped = self._owned.get((place, manager), set()) - applied
        self._owned[place, manager] = applied
        return dropped

    def _merge(self, place: Place, manager: str, body: JSONMap) -> JSONMap:
        live = _copy(self.objects[place])
        metadata, new = dig_map(live, "metadata"), dig_map(body, "metadata")
        for key in ("annotations", "labels"):
            metadata[key] = dig_map(metadata, key) | dig_map(new, key)
        for key in self._own(place, manager, body):
            del dig_map(metadata, "annotations")[key]
        if "finalizers" in new:
            metadata["finalizers"] = new["finalizers"]
        spec = dig_map(body, "spec")
        if place[1] in WORKLOADS:
            scaled = "managedFields" in metadata
            assert scaled != ("replicas" in spec), "replicas without an owner fall to 1, and those of another conflict"
            spec = {"replicas": dig(live, "spec", "replicas"), **spec}
        if "spec" in body:
            live["spec"] = spec
        if "revision" in body:
            live["revision"] = body["revision"]
        return live

    def _store(self, place: Place, body: JSONMap) -> None:
        """Write as an API server: uid, resourceVersion, generation, and the end of what has no finalizer left."""
        old = self.objects.get(place, {})
        body = _copy(body)
        metadata = dig_map(body, "metadata")
        body["metadata"] = metadata
        self._counter += 1
        metadata |= {"namespace": place[2], "name": place[3], "resourceVersion": str(self._counter)}
        metadata.setdefault("uid", f"uid-{self._counter}")
        metadata.setdefault("creationTimestamp", self.now.isoformat())
        generation = dig(old, "metadata", "generation")
        changed = dig(old, "spec") != dig(body, "spec")
        metadata["generation"] = (generation if isinstance(generation, int) else 0) + changed
        self.objects[place] = body
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers"):
            del self.objects[place]
            self.say("world", f"{place[1].name} {place[3]}@{place[0] or 'meta'} is gone")
            self._collect(metadata["uid"])

    def _collect(self, uid: JSON) -> None:
        """What the garbage collector does when an owner is gone."""
        for place, body in list(self.objects.items()):
            if any(dig(each, "uid") == uid for each in dig_list(body, "metadata", "ownerReferences")):
                del self.objects[place]

    def _remove(self, place: Place) -> None:
        body = _copy(self.objects[place])
        dig_map(body, "metadata")["deletionTimestamp"] = self.now.isoformat()
        self._store(place, body)

    def _run(self, place: Place) -> None:
        """The controller of a workload: a new pod a round, an old one less, a StatefulSet's partition kept; `broken`
        images are never available."""
        body = _copy(self.objects[place])
        stateful = place[1] == STATEFULSET
        spec = convert(body, StatefulSet).spec if stateful else convert(body, Deployment).spec
        image = dig_str(spec.template, "spec", "containers", 0, "image")
        pods = {name: number for name, number in dig_map(body, "status", "runs").items() if isinstance(number, int)}
        new = pods.pop(image, 0)
        held = _held(body, sum(pods.values())) if stateful else 0
        wanted = spec.replicas - held
        new += (new < wanted) - (new > wanted)
        old = {name: left for name, number in pods.items() if (left := max(number - 1, held))}
        available = sum(number for name, number in {**old, image: new}.items() if "broken" not in name)
        status: JSONMap = {
            "observedGeneration": dig(body, "metadata", "generation"),
            "replicas": new + sum(old.values()),
            "updatedReplicas": new,
            "readyReplicas": available,
            "availableReplicas": available,
            "unavailableReplicas": max(spec.replicas - available, 0),
            "runs": {**old, image: new},
        }
        if status != dig_map(body, "status"):
            self._store(place, {**body, "status": status})

    def _read(self, place: Place, type_: type[T]) -> T:
        return convert(self.objects[place], type_)

    def _up(self, cluster: str) -> bool:
        return cluster == META or (cluster in self.members and self.members[cluster].usable)

    def _snapshot(self) -> dict[Place, str]:
        return {place: dig_str(body, "metadata", "resourceVersion") for place, body in self.objects.items()}


def _copy(body: JSONMap) -> JSONMap:
    return parse_map(encode(body))


def _held(body: JSONMap, old: int) -> int:
    """The pods of a StatefulSet that its partition keeps at the revision that they have."""
    partition = dig(body, "spec", "updateStrategy", "rollingUpdate", "partition")
    return min(partition if isinstance(partition, int) else 0, old)


def _slice(pods: tuple[Pod, ...]) -> EndpointSlice:
    """The endpoints of the app's Service."""
    endpoints: list[JSON] = [
        {"conditions": {"ready": pod.ready}, "targetRef": {"kind": "Pod", "name": pod.metadata.name}} for pod in pods
    ]
    return convert({"endpoints": endpoints}, EndpointSlice)


def _pods(deployment: JSONMap) -> Iterator[Pod]:
    """The pods that a Deployment's status tells of."""
    labels = dig_map(deployment, "spec", "template", "metadata", "labels")
    for image, number in dig_map(deployment, "status", "runs").items():
        for index in range(number if isinstance(number, int) else 0):
            ready = "False" if "broken" in image else "True"
            yield convert(
                {
                    "metadata": {
                        "name": f"{dig_str(deployment, 'metadata', 'name')}-{image}-{index}",
                        "labels": labels,
                    },
                    "spec": {"containers": [{"name": "bbcc", "image": image}]},
                    "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]},
                },
                Pod,
            )


def _line(action: Action) -> str:
    """An action in a line."""
    at = action.cluster or "meta"
    match action:
        case Create() | Apply():
            name = dig_str(action.body, "metadata", "name")
            verb = type(action).__name__.lower()
            return f"{verb} {action.kind.name} {name}@{at} as {action.manager}: {_body(action.kind, action.body)}"
        case Delete():
            return f"delete {action.kind.name} {action.name}@{at}: {action.reason}"
        case Finalize():
            return f"finalize {action.kind.name} {action.name}@{at}: {list(action.finalizers)}"
        case Query():
            return f"query {action.key}@{at}"
        case Measure():
            return f"measure {action.owner.name}@{at}"
        case HelmUpgrade() | HelmUninstall() | HelmRecover() | HelmLook():
            return f"{type(action).__name__} {action.name}@{at}"
        case Emit():
            return f"event {action.kind.name} {action.name}@{at} {action.type_} {action.reason}: {action.note}"


def _body(kind: Kind, body: JSONMap) -> str:
    annotations = dig_map(body, "metadata", "annotations")
    if "spec" not in body:
        return (
            " ".join(f"{key.removeprefix(names.PREFIX)}={value}" for key, value in sorted(annotations.items())) or "-"
        )
    if kind == SERVICE:
        ports = [f"{dig(port, 'name')}:{dig(port, 'port')}" for port in dig_list(body, "spec", "ports")]
        return f"{dig(body, 'spec', 'clusterIP')} {' '.join(ports) or '-'}"
    if kind in WORKLOADS:
        image = dig_str(body, "spec", "template", "spec", "containers", 0, "image")
        return f"{dig(body, 'spec', 'replicas')} x {image}"
    child = convert(body, AdvDeployment)
    return ", ".join(
        f"{each.name} {each.replicas} x {dig_str(each.pod_spec.template, 'spec', 'containers', 0, 'image')}"
        for each in child.spec.topology.pod_sets
    )


def _told(status: AppSetStatus | AdvDeploymentStatus) -> str:
    """A status in a line: the word, the numbers, the conditions that hold, the reason."""
    counts = status.aggr_status
    holds = "+".join(each.type for each in status.conditions if each.true)
    ready = find_condition(status.conditions, names.READY)
    numbers = f"{counts.available}/{counts.desired} version={counts.version or '-'}"
    why = f"{ready.reason}: {ready.message}" if ready else ""
    return f"{counts.status.value} {numbers} generation={status.observed_generation} {holds} ({why})"
