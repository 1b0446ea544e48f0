"""Endpoints and EndpointSlices: which pods stand behind a Service.

Services without selector are left alone: somebody else keeps their endpoints. Named target ports are looked up in each
pod; pods that lack the name are left out.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sym.model.codec import JSON, JSONMap, as_map, dig, dig_list, dig_map, dig_str
from sym.model.kinds import POD, SERVICE
from sym.model.meta import Kind
from sym.sandbox.store import Change, ChangeType, Entry
from sym.sandbox.workloads.context import Context
from sym.sandbox.workloads.engine import Job
from sym.sandbox.workloads.objects import same, suffix

ENDPOINTS = Kind("", "v1", "Endpoints", "endpoints")
SLICE = Kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")
SLICE_SIZE = 100
"""Endpoints in one slice at most, as the real controller has it."""
_SERVICE_LABEL = "kubernetes.io/service-name"
_MANAGED = {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}


class Port(NamedTuple):
    """A port behind a Service, resolved."""

    name: str
    number: int
    protocol: str

    def to_map(self) -> JSONMap:
        """As Endpoints and slices have it."""
        named: JSONMap = {"name": self.name} if self.name else {}
        return {**named, "port": self.number, "protocol": self.protocol}


class Backend(NamedTuple):
    """A pod that a Service selects and that has an address."""

    entry: Entry
    address: str
    node: str
    ready: bool
    ports: tuple[Port, ...]


class EndpointsController:
    """Keeps the endpoints of Services."""

    name = "endpoints"

    def __init__(self, context: Context) -> None:
        self._c = context
        self._selectors: dict[tuple[str, str], Mapping[str, str]] = {}

    def jobs(self, change: Change) -> Iterable[Job]:
        """A Service, and the Services that select a pod as it is or was."""
        entry = change.entry
        if same(change.kind, SERVICE):
            self._learn(change)
            yield Job(self.name, entry.namespace, entry.name)
        elif same(change.kind, POD):
            labels = [entry.labels, *([change.old.labels] if change.old else [])]
            for (namespace, name), selector in self._selectors.items():
                if namespace == entry.namespace and any(selector.items() <= known.items() for known in labels):
                    yield Job(self.name, namespace, name)

    def sync(self, job: Job) -> None:
        """Write the endpoints of one Service; without the Service, remove them."""
        selector = self._selectors.get((job.namespace, job.name))
        entry = self._c.store.get(SERVICE, job.namespace, job.name)
        if entry is None or entry.deleting:
            if self._c.store.get(ENDPOINTS, job.namespace, job.name) is not None:
                self._c.store.remove(ENDPOINTS, job.namespace, job.name)
        elif selector:
            service = entry.object()
            found = [backend for backend in self._backends(service, selector) if backend is not None]
            self._write_endpoints(service, found)
            self._write_slices(entry, found)

    def _learn(self, change: Change) -> None:
        key = (change.entry.namespace, change.entry.name)
        selector = dig_map(change.entry.object(), "spec", "selector")
        if change.type is ChangeType.DELETED or not selector:
            self._selectors.pop(key, None)
        else:
            self._selectors[key] = {name: value for name, value in selector.items() if isinstance(value, str)}

    def _backends(self, service: JSONMap, selector: Mapping[str, str]) -> Iterable[Backend | None]:
        for entry in self._c.store.list(POD, dig_str(service, "metadata", "namespace")):
            if selector.items() <= entry.labels.items():
                pod = self._c.pods.view(entry)
                if pod.status.pod_ip and not pod.finished:
                    ports = _ports(service, entry)
                    yield Backend(entry, pod.status.pod_ip, pod.spec.node_name, pod.ready, ports)

    def _write_endpoints(self, service: JSONMap, found: list[Backend]) -> None:
        groups: dict[tuple[Port, ...], tuple[list[JSON], list[JSON]]] = {}
        unready = dig(service, "spec", "publishNotReadyAddresses") is True
        for backend in found:
            if not backend.entry.deleting:
                up, down = groups.setdefault(backend.ports, ([], []))
                (up if backend.ready or unready else down).append(_address(backend))
        subsets: list[JSON] = []
        for ports, (up, down) in groups.items():
            subset: JSONMap = {"ports": [port.to_map() for port in ports]} if ports else {}
            subset |= {"addresses": up} if up else {}
            subsets.append({**subset, "notReadyAddresses": down} if down else subset)
        meta = dig_map(service, "metadata")
        labels = {**dig_map(meta, "labels"), "endpoints.kubernetes.io/managed-by": "endpoint-controller"}
        body: JSONMap = {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {"name": meta["name"], "namespace": meta["namespace"], "labels": labels},
            **({"subsets": subsets} if subsets else {}),
        }
        self._put(ENDPOINTS, body)

    def _write_slices(self, service: Entry, found: list[Backend]) -> None:
        old = [slice_ for slice_ in self._c.store.owned(SLICE, service.uid) if not slice_.deleting]
        chunks = [found[start : start + SLICE_SIZE] for start in range(0, len(found), SLICE_SIZE)] or [[]]
        for number, chunk in enumerate(chunks):
            name = old[number].name if number < len(old) else f"{service.name}-{suffix(self._c.env.random())}"
            self._put(SLICE, _slice(service, name, chunk))
        for slice_ in old[len(chunks) :]:
            self._c.store.remove(SLICE, slice_.namespace, slice_.name)

    def _put(self, kind: Kind, body: JSONMap) -> None:
        """Create the object, or make the one that is there say the same."""
        meta = as_map(body["metadata"])
        entry = self._c.store.get(kind, dig_str(meta, "namespace"), dig_str(meta, "name"))
        if entry is None:
            self._c.store.create(kind, body)
            return
        known = as_map(entry.object()["metadata"])
        self._c.store.update(kind, {**body, "metadata": {**known, **meta}})


def _slice(service: Entry, name: str, chunk: list[Backend]) -> JSONMap:
    owner: JSONMap = {
        "apiVersion": "v1",
        "kind": "Service",
        "name": service.name,
        "uid": service.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    ports = chunk[0].ports if chunk else ()
    return {
        "apiVersion": SLICE.api_version,
        "kind": SLICE.name,
        "metadata": {
            "name": name,
            "generateName": f"{service.name}-",
            "namespace": service.namespace,
            "labels": {**service.labels, **_MANAGED, _SERVICE_LABEL: service.name},
            "ownerReferences": [owner],
        },
        "addressType": "IPv4",
        "endpoints": [_endpoint(backend) for backend in chunk],
        "ports": [port.to_map() for port in ports],
    }


def _endpoint(backend: Backend) -> JSONMap:
    going = backend.entry.deleting
    return {
        "addresses": [backend.address],
        "conditions": {"ready": backend.ready and not going, "serving": backend.ready, "terminating": going},
        "nodeName": backend.node,
        "targetRef": _target(backend.entry),
    }


def _address(backend: Backend) -> JSONMap:
    return {"ip": backend.address, "nodeName": backend.node, "targetRef": _target(backend.entry)}


def _target(pod: Entry) -> JSONMap:
    return {"kind": "Pod", "name": pod.name, "namespace": pod.namespace, "uid": pod.uid}


def _ports(service: JSONMap, pod: Entry) -> tuple[Port, ...]:
    named: dict[str, int] = {}
    for container in dig_list(pod.object(), "spec", "containers"):
        for port in dig_list(container, "ports"):
            if isinstance(number := dig(port, "containerPort"), int):
                named[dig_str(port, "name")] = number
    found: list[Port] = []
    for port in dig_list(service, "spec", "ports"):
        target = dig(port, "targetPort") or dig(port, "port")
        number = named.get(target) if isinstance(target, str) else target
        if isinstance(number, int):
            found.append(Port(dig_str(port, "name"), number, dig_str(port, "protocol") or "TCP"))
    return tuple(found)
