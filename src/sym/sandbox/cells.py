"""The cells of kubectl's columns: one row for an object of a built-in kind, in the order of facts.columns.

Pure. Spellings (`<none>`, `3d4h`, `1/2`) are those of a real server, which prints these tables for kubectl.
"""

import re
from collections.abc import Mapping
from datetime import datetime

from sym.model.codec import JSON, JSONMap, dig, dig_list, dig_map, dig_str
from sym.sandbox import chartcells
from sym.sandbox.cellparts import NONE, UNKNOWN, Row, age, aged, container_cells, name, number, pairs, selector
from sym.sandbox.events import NEWER, kept

_STEP = re.compile(r"""\[(\d+)\]|\['([^']+)'\]|\.((?:\\\.|[^.\[])+)|\[\?\(@\.(\w+)==["']([^"']*)["']\)\]""")
_ENDED: Mapping[str, JSONMap] = {
    "Succeeded": {"reason": "Succeeded", "message": "The pod has completed successfully."},
    "Failed": {"reason": "Failed", "message": "The pod failed."},
}
"""What a row says of a pod in one of these phases."""


def at_path(obj: JSONMap, path: str) -> JSON:
    """The value at a printer column's simple JSONPath (`.a.b`, `.a[0].b`, `.metadata.labels.x\\.y`,
    `.a[?(@.type=="T")].b`); None if absent."""
    found: JSON = obj
    for index, quoted, plain, field, wanted in _STEP.findall(path):
        if field:
            items: list[JSON] = found if isinstance(found, list) else []
            found = next((item for item in items if dig(item, field) == wanted), None)
        else:
            found = dig(found, int(index) if index else (quoted or plain).replace("\\.", "."))
    return found


def builtin_row(qualified: str, obj: JSONMap, now: datetime) -> list[JSON]:
    """The cells of an object of a built-in kind; name and age where nothing better is known."""
    return _ROWS.get(qualified, _plain)(obj, now)


def _plain(obj: JSONMap, now: datetime) -> list[JSON]:
    return [name(obj), aged(obj, now)]


def _config_map(obj: JSONMap, now: datetime) -> list[JSON]:
    return [name(obj), len(dig_map(obj, "data")) + len(dig_map(obj, "binaryData")), aged(obj, now)]


def _secret(obj: JSONMap, now: datetime) -> list[JSON]:
    return [name(obj), dig_str(obj, "type"), len(dig_map(obj, "data")), aged(obj, now)]


def _service_account(obj: JSONMap, now: datetime) -> list[JSON]:
    return [name(obj), len(dig_list(obj, "secrets")), aged(obj, now)]


def _namespace(obj: JSONMap, now: datetime) -> list[JSON]:
    return [name(obj), dig_str(obj, "status", "phase"), aged(obj, now)]


def _lease(obj: JSONMap, now: datetime) -> list[JSON]:
    return [name(obj), dig_str(obj, "spec", "holderIdentity"), aged(obj, now)]


def _definition(obj: JSONMap, _: datetime) -> list[JSON]:
    return [name(obj), dig_str(obj, "metadata", "creationTimestamp")]


def _deployment(obj: JSONMap, now: datetime) -> list[JSON]:
    ready = f"{number(obj, 'status', 'readyReplicas')}/{number(obj, 'spec', 'replicas')}"
    updated, available = (number(obj, "status", field) for field in ("updatedReplicas", "availableReplicas"))
    return [
        name(obj),
        ready,
        updated,
        available,
        aged(obj, now),
        *container_cells(dig(obj, "spec", "template")),
        selector(dig(obj, "spec", "selector")),
    ]


def _replica_set(obj: JSONMap, now: datetime) -> list[JSON]:
    counts: list[JSON] = [
        number(obj, "spec", "replicas"),
        number(obj, "status", "replicas"),
        number(obj, "status", "readyReplicas"),
    ]
    return [
        name(obj),
        *counts,
        aged(obj, now),
        *container_cells(dig(obj, "spec", "template")),
        selector(dig(obj, "spec", "selector")),
    ]


def _stateful_set(obj: JSONMap, now: datetime) -> list[JSON]:
    ready = f"{number(obj, 'status', 'readyReplicas')}/{number(obj, 'spec', 'replicas')}"
    return [name(obj), ready, aged(obj, now), *container_cells(dig(obj, "spec", "template"))]


def _revision(obj: JSONMap, now: datetime) -> list[JSON]:
    owners = [item for item in dig_list(obj, "metadata", "ownerReferences") if dig(item, "controller") is True]
    owner = f"{dig_str(owners[0], 'kind').lower()}/{dig_str(owners[0], 'name')}" if owners else NONE
    return [name(obj), owner, number(obj, "revision"), aged(obj, now)]


def _service(obj: JSONMap, now: datetime) -> list[JSON]:
    ports: list[str] = []
    for port in dig_list(obj, "spec", "ports"):
        node = f":{dig(port, 'nodePort')}" if dig(port, "nodePort") else ""
        ports.append(f"{dig(port, 'port')}{node}/{dig_str(port, 'protocol') or 'TCP'}")
    outside = [
        dig_str(item, "ip") or dig_str(item, "hostname") for item in dig_list(obj, "status", "loadBalancer", "ingress")
    ]
    outside += [item for item in dig_list(obj, "spec", "externalIPs") if isinstance(item, str)]
    kind = dig_str(obj, "spec", "type") or "ClusterIP"
    external = ",".join(outside) or ("<pending>" if kind == "LoadBalancer" else NONE)
    address = dig_str(obj, "spec", "clusterIP") or NONE
    selector = pairs(dig_map(obj, "spec", "selector"))
    return [name(obj), kind, address, external, ",".join(ports) or NONE, aged(obj, now), selector]


def _node(obj: JSONMap, now: datetime) -> list[JSON]:
    ready = next((item for item in dig_list(obj, "status", "conditions") if dig_str(item, "type") == "Ready"), None)
    state = {"True": "Ready", "": "Unknown"}.get(dig_str(ready, "status"), "NotReady")
    if dig(obj, "spec", "unschedulable") is True:
        state += ",SchedulingDisabled"
    prefix = "node-role.kubernetes.io/"
    roles = [key.removeprefix(prefix) for key in sorted(dig_map(obj, "metadata", "labels")) if key.startswith(prefix)]
    found = {dig_str(item, "type"): dig_str(item, "address") for item in dig_list(obj, "status", "addresses")}
    info = dig_map(obj, "status", "nodeInfo")
    details = [dig_str(info, name) or UNKNOWN for name in ("osImage", "kernelVersion", "containerRuntimeVersion")]
    version = dig_str(info, "kubeletVersion")
    addresses = [found.get("InternalIP", NONE), found.get("ExternalIP", NONE)]
    return [name(obj), state, ",".join(roles) or NONE, aged(obj, now), version, *addresses, *details]


def _event(obj: JSONMap, now: datetime) -> list[JSON]:
    first = dig_str(obj, "firstTimestamp") or dig_str(obj, "eventTime")
    last = dig_str(obj, "lastTimestamp") or dig_str(obj, "series", "lastObservedTime") or first
    about = dig_map(obj, "involvedObject")
    source = _joined(dig_str(obj, "source", "component"), dig_str(obj, "source", "host"))
    return [
        age(last, now),
        dig_str(obj, "type"),
        dig_str(obj, "reason"),
        f"{dig_str(about, 'kind').lower()}/{dig_str(about, 'name')}",
        dig_str(about, "fieldPath"),
        source or _joined(dig_str(obj, "reportingComponent"), dig_str(obj, "reportingInstance")),
        dig_str(obj, "message").strip(),
        age(first, now),
        max(1, number(obj, "count"), number(obj, "series", "count")),
        name(obj),
    ]


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _newer_event(obj: JSONMap, now: datetime) -> list[JSON]:
    return _event(kept(NEWER, obj), now)


def _endpoints(obj: JSONMap, now: datetime) -> list[JSON]:
    found: list[str] = []
    for subset in dig_list(obj, "subsets"):
        for address in dig_list(subset, "addresses"):
            found += [f"{dig_str(address, 'ip')}:{dig(port, 'port')}" for port in dig_list(subset, "ports")]
    return [name(obj), _few(found), aged(obj, now)]


def _slice(obj: JSONMap, now: datetime) -> list[JSON]:
    ports = [str(dig(port, "port")) for port in dig_list(obj, "ports")]
    found = [str(address) for item in dig_list(obj, "endpoints") for address in dig_list(item, "addresses")]
    return [name(obj), dig_str(obj, "addressType"), _few(ports) if ports else "<unset>", _few(found), aged(obj, now)]


def _few(found: list[str]) -> str:
    shown = ",".join(found[:3]) or NONE
    return f"{shown} + {len(found) - 3} more..." if len(found) > 3 else shown


def _pod(obj: JSONMap, now: datetime) -> list[JSON]:
    containers = dig_list(obj, "status", "containerStatuses")
    ready = sum(1 for item in containers if dig(item, "ready") is True)
    restarts = sum(number(item, "restartCount") for item in containers if isinstance(item, dict))
    ends = [dig_str(item, "lastState", "terminated", "finishedAt") for item in containers]
    last = max((stamp for stamp in ends if stamp), default="")
    shown = f"{restarts} ({age(last, now)} ago)" if restarts and last else str(restarts)
    total = len(dig_list(obj, "spec", "containers"))
    address = dig_str(obj, "status", "podIP") or NONE
    node = dig_str(obj, "spec", "nodeName") or NONE
    nominated = dig_str(obj, "status", "nominatedNodeName") or NONE
    return [name(obj), f"{ready}/{total}", _pod_reason(obj), shown, aged(obj, now), address, node, nominated, NONE]


def ended(kind: str, obj: JSONMap) -> list[JSON]:
    """The conditions of a row: what clients may leave out of a listing because it has ended."""
    told = _ENDED.get(dig_str(obj, "status", "phase")) if kind == "pods" else None
    return [{"type": "Completed", "status": "True", **told}] if told else []


def _pod_reason(obj: JSONMap) -> str:
    reason = dig_str(obj, "status", "reason") or dig_str(obj, "status", "phase")
    for item in dig_list(obj, "status", "containerStatuses"):
        waiting, ended = dig_str(item, "state", "waiting", "reason"), dig_map(item, "state", "terminated")
        if waiting:
            reason = waiting
        elif ended:
            reason = dig_str(ended, "reason") or f"ExitCode:{dig(ended, 'exitCode')}"
    return "Terminating" if dig(obj, "metadata", "deletionTimestamp") else reason


_ROWS: Mapping[str, Row] = {
    **chartcells.ROWS,
    "configmaps": _config_map,
    "controllerrevisions.apps": _revision,
    "customresourcedefinitions.apiextensions.k8s.io": _definition,
    "deployments.apps": _deployment,
    "endpoints": _endpoints,
    "endpointslices.discovery.k8s.io": _slice,
    "events": _event,
    "events.events.k8s.io": _newer_event,
    "leases.coordination.k8s.io": _lease,
    "namespaces": _namespace,
    "nodes": _node,
    "pods": _pod,
    "replicasets.apps": _replica_set,
    "secrets": _secret,
    "serviceaccounts": _service_account,
    "services": _service,
    "statefulsets.apps": _stateful_set,
}
