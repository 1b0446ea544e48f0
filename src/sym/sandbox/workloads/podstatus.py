"""The status of a simulated pod, built from its containers. Pure but for the time that is handed in."""

from collections.abc import Sequence
from typing import NamedTuple

from sym.model.codec import JSON, JSONMap, as_map, dig, dig_list, dig_map, dig_str
from sym.sandbox.workloads.containers import Container

_OVER = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}
"""Why a pod of one of these phases is not ready."""


class Host(NamedTuple):
    """Where a pod runs, and its addresses."""

    node: str
    host_ip: str
    pod_ip: str
    started: str


def pod_status(pod: JSONMap, host: Host, inits: Sequence[Container], mains: Sequence[Container], now: str) -> JSONMap:
    """The whole status. Transition times are taken over from the pod's present conditions where nothing turned."""
    initialized = all((init.done and not init.failed) or (init.sidecar and init.ready) for init in inits)
    unready = [container.name for container in mains if not container.ready]
    words = f"containers with unready status: [{' '.join(unready)}]"
    why: tuple[str, ...] = () if not unready else ("ContainersNotReady", words)
    waiting = [init.name for init in inits if not init.done and not init.sidecar]
    not_yet: tuple[str, ...] = (
        () if initialized else ("ContainersNotInitialized", f"containers with incomplete status: [{' '.join(waiting)}]")
    )
    begun = any(container.life for container in (*inits, *mains))
    phase = _phase(pod, inits, mains)
    if phase in _OVER:
        why = (_OVER[phase],)
        not_yet = why if phase == "Succeeded" else not_yet
    wanted: list[tuple[str, bool, tuple[str, ...]]] = [
        ("PodReadyToStartContainers", begun and phase not in _OVER, ()),
        ("Initialized", initialized, not_yet),
        ("Ready", not unready and initialized, why),
        ("ContainersReady", not unready and initialized, why),
        ("PodScheduled", True, ()),
    ]
    known = {dig_str(found, "type"): as_map(found) for found in dig_list(pod, "status", "conditions")}
    status: JSONMap = {
        "phase": phase,
        "conditions": [_condition(type_, up, words, known.get(type_), now) for type_, up, words in wanted],
        "hostIP": host.host_ip,
        "hostIPs": [{"ip": host.host_ip}],
        "startTime": host.started,
        "qosClass": qos_class(pod),
    }
    if begun:
        status["podIP"] = host.pod_ip
        status["podIPs"] = [{"ip": host.pod_ip}]
    if inits:
        status["initContainerStatuses"] = [init.status() for init in inits]
    status["containerStatuses"] = [container.status() for container in mains]
    return status


def qos_class(pod: JSONMap) -> str:
    """BestEffort, Burstable or Guaranteed, from requests and limits."""
    resources = [dig_map(container, "resources") for container in dig_list(pod, "spec", "containers")]
    if not any(dig_map(found, "requests") or dig_map(found, "limits") for found in resources):
        return "BestEffort"
    guaranteed = all(
        {"cpu", "memory"} <= set(dig_map(found, "limits"))
        and (dig_map(found, "requests") or dig_map(found, "limits")) == dig_map(found, "limits")
        for found in resources
    )
    return "Guaranteed" if guaranteed else "Burstable"


def _phase(pod: JSONMap, inits: Sequence[Container], mains: Sequence[Container]) -> str:
    if any(init.failed for init in inits):
        return "Failed"
    if mains and all(container.done for container in mains):
        return "Failed" if any(container.failed for container in mains) else "Succeeded"
    started = all(container.life is not None for container in mains)
    return "Running" if started and dig(pod, "spec", "nodeName") else "Pending"


def _condition(type_: str, up: bool, why: tuple[str, ...], known: JSONMap | None, now: str) -> JSONMap:
    status = "True" if up else "False"
    since: JSON = known.get("lastTransitionTime") if known is not None and known.get("status") == status else now
    shown: JSONMap = {"type": type_, "status": status, "lastProbeTime": None, "lastTransitionTime": since or now}
    shown |= dict(zip(("reason", "message"), why, strict=False))
    return shown
