"""The cells of kubectl's columns: one row for an object of a built-in kind, in the order of facts.columns.

Pure. Spellings (`<none>`, `3d4h`, `1/2`) are those of a real server, which prints these tables for kubectl.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias

from sym.model.codec import JSON, JSONMap, dig, dig_list, dig_map, dig_str
from sym.sandbox.events import NEWER, kept

Row: TypeAlias = Callable[[JSONMap, datetime], list[JSON]]
_STEP = re.compile(r"""\[(\d+)\]|\['([^']+)'\]|\.((?:\\\.|[^.\[])+)|\[\?\(@\.(\w+)==["']([^"']*)["']\)\]""")
NONE = "<none>"
_ENDED: Mapping[str, JSONMap] = {
    "Succeeded": {"reason": "Succeeded", "message": "The pod has completed successfully."},
    "Failed": {"reason": "Failed", "message": "The pod failed."},
}
"""What a row says of a pod in one of these phases."""
UNKNOWN = "<unknown>"


def age(stamp: str, now: datetime) -> str:
    """How long ago, in kubectl's short form; `<unknown>` for no time."""
    moment = parsed(stamp)
    return duration((now - moment).total_seconds()) if moment else UNKNOWN


def parsed(stamp: str) -> datetime | None:
    """A moment as the API writes it, aware; None for anything else."""
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def duration(seconds: float) -> str:
    """`42s`, `3m20s`, `15m`, `5h4m`, `2d3h`, `8d`, `2y`: as kubectl prints an age."""
    whole = int(seconds)
    if whole < 0:
        return "0s" if whole >= -2 else "<invalid>"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    steps = (
        (whole < 120, f"{whole}s"),
        (minutes < 10, _two(minutes, "m", whole % 60, "s")),
        (minutes < 180, f"{minutes}m"),
        (hours < 8, _two(hours, "h", minutes % 60, "m")),
        (hours < 48, f"{hours}h"),
        (days < 8, _two(days, "d", hours % 24, "h")),
        (days < 730, f"{days}d"),
        (days < 2920, _two(days // 365, "y", days % 365, "d")),
    )
    return next((text for fits, text in steps if fits), f"{days // 365}y")


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


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"


def _name(obj: JSONMap) -> str:
    return dig_str(obj, "metadata", "name")


def _age(obj: JSONMap, now: datetime) -> str:
    return age(dig_str(obj, "metadata", "creationTimestamp"), now)


def _number(obj: JSONMap, *path: str) -> int:
    value = dig(obj, *path)
    return value if isinstance(value, int) else 0


def _pairs(found: Mapping[str, JSON]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(found.items())) or NONE


def _selector(obj: JSONMap) -> str:
    parts = [f"{key}={value}" for key, value in sorted(dig_map(obj, "spec", "selector", "matchLabels").items())]
    for item in dig_list(obj, "spec", "selector", "matchExpressions"):
        values = ",".join(str(value) for value in dig_list(item, "values"))
        operator, key = dig_str(item, "operator"), dig_str(item, "key")
        spelled = {"Exists": key, "DoesNotExist": f"!{key}"}
        parts.append(spelled.get(operator, f"{key} {operator.lower()} ({values})"))
    return ",".join(parts) or NONE


def _containers(obj: JSONMap) -> list[JSON]:
    found = dig_list(obj, "spec", "template", "spec", "containers")
    names, images = (",".join(dig_str(item, field) for item in found) for field in ("name", "image"))
    return [names or NONE, images or NONE]


def _plain(obj: JSONMap, now: datetime) -> list[JSON]:
    return [_name(obj), _age(obj, now)]


def _config_map(obj: JSONMap, now: datetime) -> list[JSON]:
    return [_name(obj), len(dig_map(obj, "data")) + len(dig_map(obj, "binaryData")), _age(obj, now)]


def _secret(obj: JSONMap, now: datetime) -> list[JSON]:
    return [_name(obj), dig_str(obj, "type"), len(dig_map(obj, "data")), _age(obj, now)]


def _service_account(obj: JSONMap, now: datetime) -> list[JSON]:
    return [_name(obj), len(dig_list(obj, "secrets")), _age(obj, now)]


def _namespace(obj: JSONMap, now: datetime) -> list[JSON]:
    return [_name(obj), dig_str(obj, "status", "phase"), _age(obj, now)]


def _lease(obj: JSONMap, now: datetime) -> list[JSON]:
    return [_name(obj), dig_str(obj, "spec", "holderIdentity"), _age(obj, now)]


def _definition(obj: JSONMap, _: datetime) -> list[JSON]:
    return [_name(obj), dig_str(obj, "metadata", "creationTimestamp")]


def _deployment(obj: JSONMap, now: datetime) -> list[JSON]:
    ready = f"{_number(obj, 'status', 'readyReplicas')}/{_number(obj, 'spec', 'replicas')}"
    updated, available = (_number(obj, "status", field) for field in ("updatedReplicas", "availableReplicas"))
    return [_name(obj), ready, updated, available, _age(obj, now), *_containers(obj), _selector(obj)]


def _replica_set(obj: JSONMap, now: datetime) -> list[JSON]:
    counts: list[JSON] = [
        _number(obj, "spec", "replicas"),
        _number(obj, "status", "replicas"),
        _number(obj, "status", "readyReplicas"),
    ]
    return [_name(obj), *counts, _age(obj, now), *_containers(obj), _selector(obj)]


def _stateful_set(obj: JSONMap, now: datetime) -> list[JSON]:
    ready = f"{_number(obj, 'status', 'readyReplicas')}/{_number(obj, 'spec', 'replicas')}"
    return [_name(obj), ready, _age(obj, now), *_containers(obj)]


def _revision(obj: JSONMap, now: datetime) -> list[JSON]:
    owners = [item for item in dig_list(obj, "metadata", "ownerReferences") if dig(item, "controller") is True]
    owner = f"{dig_str(owners[0], 'kind').lower()}/{dig_str(owners[0], 'name')}" if owners else NONE
    return [_name(obj), owner, _number(obj, "revision"), _age(obj, now)]


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
    selector = _pairs(dig_map(obj, "spec", "selector"))
    return [_name(obj), kind, address, external, ",".join(ports) or NONE, _age(obj, now), selector]


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
    return [_name(obj), state, ",".join(roles) or NONE, _age(obj, now), version, *addresses, *details]


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
        max(1, _number(obj, "count"), _number(obj, "series", "count")),
        _name(obj),
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
    return [_name(obj), _few(found), _age(obj, now)]


def _slice(obj: JSONMap, now: datetime) -> list[JSON]:
    ports = [str(dig(port, "port")) for port in dig_list(obj, "ports")]
    found = [str(address) for item in dig_list(obj, "endpoints") for address in dig_list(item, "addresses")]
    return [_name(obj), dig_str(obj, "addressType"), _few(ports) if ports else "<unset>", _few(found), _age(obj, now)]


def _few(found: list[str]) -> str:
    shown = ",".join(found[:3]) or NONE
    return f"{shown} + {len(found) - 3} more..." if len(found) > 3 else shown


def _pod(obj: JSONMap, now: datetime) -> list[JSON]:
    containers = dig_list(obj, "status", "containerStatuses")
    ready = sum(1 for item in containers if dig(item, "ready") is True)
    restarts = sum(_number(item, "restartCount") for item in containers if isinstance(item, dict))
    ends = [dig_str(item, "lastState", "terminated", "finishedAt") for item in containers]
    last = max((stamp for stamp in ends if stamp), default="")
    shown = f"{restarts} ({age(last, now)} ago)" if restarts and last else str(restarts)
    total = len(dig_list(obj, "spec", "containers"))
    address = dig_str(obj, "status", "podIP") or NONE
    node = dig_str(obj, "spec", "nodeName") or NONE
    nominated = dig_str(obj, "status", "nominatedNodeName") or NONE
    return [_name(obj), f"{ready}/{total}", _pod_reason(obj), shown, _age(obj, now), address, node, nominated, NONE]


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
