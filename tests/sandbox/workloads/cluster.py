"""A store with its workload controllers at work, in virtual time, and words to speak about it in tests."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator

from sym.aio.env import LoopEnv
from sym.model.codec import JSON, JSONMap, as_map, dig, dig_list, dig_str
from sym.model.kinds import DEPLOYMENT, EVENT, POD, REPLICASET
from sym.model.meta import Kind
from sym.sandbox.store import Store
from sym.sandbox.workloads.workloads import Workloads
from sym.settings import WorkloadSettings


class Cluster:
    """One simulated cluster of a test."""

    def __init__(self, settings: WorkloadSettings) -> None:
        self.env = LoopEnv(7)
        self.store = Store(self.env)
        self.workloads = Workloads(self.store, self.env, settings)

    def deploy(self, name: str = "web", *, replicas: int = 3, image: str = "shop:v1", **spec: JSON) -> None:
        """Create a Deployment; `spec` goes into its spec as it stands."""
        body: JSONMap = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": "default", "generation": 1},
            "spec": {
                "replicas": replicas,
                "progressDeadlineSeconds": 600,
                "revisionHistoryLimit": 10,
                "selector": {"matchLabels": {"app": name}},
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
                "template": template(image, {"app": name}),
                **spec,
            },
        }
        self.store.create(DEPLOYMENT, body)

    def pod(self, name: str = "solo", image: str = "shop:v1", **spec: JSON) -> None:
        """Create a pod without owner."""
        made = template(image, {"app": name})
        meta: JSONMap = {"name": name, "namespace": "default", "labels": {"app": name}}
        body: JSONMap = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {**as_map(made["spec"]), **spec}}
        self.store.create(POD, body)

    def edit(self, kind: Kind, name: str, change: Callable[[JSONMap], None]) -> None:
        """Change an object as a user would."""
        assert self.store.mutate(kind, "default", name, change) is not None

    def set_image(self, image: str, name: str = "web") -> None:
        """A new revision of a Deployment."""
        self.edit(DEPLOYMENT, name, lambda obj: containers(obj)[0].update(image=image))

    def set_spec(self, name: str = "web", **fields: JSON) -> None:
        """Change fields of a Deployment's spec."""
        self.edit(DEPLOYMENT, name, lambda obj: as_map(obj["spec"]).update(fields))

    def get(self, kind: Kind, name: str) -> JSONMap:
        """An object that must be there."""
        entry = self.store.get(kind, "default", name)
        assert entry is not None, f"{kind.name} {name} is not there"
        return entry.object()

    def all(self, kind: Kind) -> list[JSONMap]:
        """All objects of a kind in `default`."""
        return [entry.object() for entry in self.store.list(kind, "default")]

    @property
    def pods(self) -> list[JSONMap]:
        """Pods that nobody is deleting."""
        return [pod for pod in self.all(POD) if dig(pod, "metadata", "deletionTimestamp") is None]

    def status(self, name: str = "web") -> JSONMap:
        """A Deployment's status."""
        return as_map(self.get(DEPLOYMENT, name)["status"])

    def condition(self, type_: str, name: str = "web") -> tuple[str, str]:
        """Status and reason of a Deployment's condition."""
        found = (as_map(each) for each in dig_list(self.status(name), "conditions"))
        return next((dig_str(each, "status"), dig_str(each, "reason")) for each in found if each["type"] == type_)

    def sets(self) -> dict[str, JSON]:
        """Replicas wanted by each ReplicaSet, by its image."""
        return {dig_str(containers(rs)[0], "image"): dig(rs, "spec", "replicas") for rs in self.all(REPLICASET)}

    def events(self, reason: str) -> list[str]:
        """Messages of the Events with that reason."""
        return [dig_str(event, "message") for event in self.all(EVENT) if event["reason"] == reason]

    def ready(self, pod: JSONMap) -> bool:
        """Whether the pod's condition Ready is True."""
        return any(dig(each, "type") == "Ready" and dig(each, "status") == "True" for each in conditions(pod))


def template(image: str, labels: dict[str, str]) -> JSONMap:
    """A pod template with one container."""
    return {"metadata": {"labels": {**labels}}, "spec": {"containers": [{"name": "main", "image": image}]}}


def containers(obj: JSONMap) -> list[JSONMap]:
    """The containers of a workload's template, changeable in place."""
    spec = as_map(as_map(as_map(obj["spec"])["template"])["spec"])
    return [as_map(each) for each in dig_list(spec, "containers")]


def conditions(obj: JSONMap) -> Iterator[JSONMap]:
    """The conditions of an object."""
    return (as_map(each) for each in dig_list(obj, "status", "conditions"))


@contextlib.asynccontextmanager
async def cluster(settings: WorkloadSettings | None = None) -> AsyncIterator[Cluster]:
    """A cluster whose controllers work until the block ends; then none of them may have failed."""
    made = Cluster(settings or WorkloadSettings())
    async with asyncio.TaskGroup() as group:
        work = group.create_task(made.workloads.run())
        await asyncio.sleep(0)
        yield made
        work.cancel()
    assert made.workloads.engine.failures == {}
