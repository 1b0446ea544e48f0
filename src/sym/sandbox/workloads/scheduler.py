"""The scheduler: every pod without a node gets the ready node with the fewest pods that its nodeSelector allows."""

from collections.abc import Iterable, Mapping

from sym.model.codec import JSONMap, as_map, dig, dig_map, dig_str
from sym.model.kinds import NODE, POD
from sym.sandbox.store import Change, Entry
from sym.sandbox.workloads.context import Context
from sym.sandbox.workloads.engine import Job
from sym.sandbox.workloads.events import normal, warning
from sym.sandbox.workloads.objects import same


class Scheduler:
    """Binds pods to nodes."""

    name = "scheduler"

    def __init__(self, context: Context) -> None:
        self._c = context
        self._load: dict[str, int] = {}
        self._waiting: dict[Job, None] = {}

    def jobs(self, change: Change) -> Iterable[Job]:
        """A pod without node; every waiting pod when the nodes change."""
        if same(change.kind, POD):
            self._count(change)
            if not self._node(change.entry) and change.type.value != "DELETED":
                yield Job(self.name, change.entry.namespace, change.entry.name)
        elif same(change.kind, NODE):
            yield from tuple(self._waiting)

    def sync(self, job: Job) -> None:
        """Bind one pod, or say why it must wait."""
        entry = self._c.store.get(POD, job.namespace, job.name)
        self._waiting.pop(job, None)
        if entry is None or entry.deleting or self._node(entry):
            return
        pod = entry.object()
        nodes = self._c.store.list(NODE)
        wanted = {key: value for key, value in dig_map(pod, "spec", "nodeSelector").items() if isinstance(value, str)}
        fits = [node for node in nodes if _open(node) and wanted.items() <= dict(node.labels).items()]
        if fits:
            self._bind(entry, pod, min(fits, key=lambda node: (self._load.get(node.name, 0), node.name)).name)
        else:
            self._waiting[job] = None
            self._refuse(entry, pod, len(nodes), wanted)

    def _bind(self, entry: Entry, pod: JSONMap, node: str) -> None:
        as_map(pod.setdefault("spec", {}))["nodeName"] = node
        since = self._c.store.now()
        done: JSONMap = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": since}
        _set_scheduled(pod, done)
        self._c.store.update(POD, pod)
        words = f"Successfully assigned {entry.namespace}/{entry.name} to {node}"
        self._c.recorder.write("default-scheduler", POD, self._c.pods.view(entry).metadata, normal("Scheduled", words))

    def _refuse(self, entry: Entry, pod: JSONMap, nodes: int, wanted: Mapping[str, str]) -> None:
        cause = "node(s) didn't match Pod's node affinity/selector" if wanted else "node(s) were unschedulable"
        words = f"0/{nodes} nodes are available: {nodes} {cause}." if nodes else "no nodes available to schedule pods"
        known = dig_map(pod, "status", "conditions", 0)
        if known.get("message") != words:
            refusal: JSONMap = {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": words,
                "lastProbeTime": None,
                "lastTransitionTime": self._c.store.now(),
            }
            _set_scheduled(pod, refusal)
            self._c.store.update(POD, pod)
            meta = self._c.pods.view(entry).metadata
            self._c.recorder.write("default-scheduler", POD, meta, warning("FailedScheduling", words))

    def _count(self, change: Change) -> None:
        before = self._node(change.old) if change.old else ""
        after = "" if change.type.value == "DELETED" else self._node(change.entry)
        if before != after:
            self._load[before] = self._load.get(before, 0) - 1
            self._load[after] = self._load.get(after, 0) + 1

    def _node(self, entry: Entry) -> str:
        return entry.fields.get("spec.nodeName", "")


def _open(node: Entry) -> bool:
    return not node.deleting and node.fields.get("spec.unschedulable", "") != "true"


def _set_scheduled(pod: JSONMap, condition: JSONMap) -> None:
    as_map(pod.setdefault("status", {}))["conditions"] = [condition]


def make_nodes(context: Context) -> None:
    """Give a cluster that has no nodes its simulated ones."""
    if context.store.list(NODE):
        return
    for number in range(1, context.settings.nodes + 1):
        context.store.create(NODE, _node(number, context.store.now()))


_LABELS = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "node-role.kubernetes.io/worker": ""}


def _node(number: int, now: str) -> JSONMap:
    name = f"node-{number}"
    resources: JSONMap = {"cpu": "32", "memory": "128Gi", "pods": "1000", "ephemeral-storage": "200Gi"}
    ready: JSONMap = {
        "type": "Ready",
        "status": "True",
        "reason": "KubeletReady",
        "message": "kubelet is posting ready status",
        "lastHeartbeatTime": now,
        "lastTransitionTime": now,
    }
    info: JSONMap = {
        "architecture": "amd64",
        "operatingSystem": "linux",
        "kubeletVersion": "v1.34.2",
        "containerRuntimeVersion": "sandbox://1",
        "osImage": "Sym sandbox",
        "kernelVersion": "0",
        "bootID": name,
        "machineID": name,
        "systemUUID": name,
        "kubeProxyVersion": "",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {**_LABELS, "kubernetes.io/hostname": name},
        },
        "spec": {},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": node_ip(number)},
                {"type": "Hostname", "address": name},
            ],
            "capacity": dict(resources),
            "allocatable": dict(resources),
            "conditions": [ready],
            "nodeInfo": info,
        },
    }


def node_ip(number: int) -> str:
    """The address of a simulated node."""
    return f"172.18.{number // 250}.{number % 250 + 2}"


def address_of(node: JSONMap) -> str:
    """The internal address that a Node object names."""
    return dig_str(dig(node, "status", "addresses", 0), "address") or "172.18.0.1"
