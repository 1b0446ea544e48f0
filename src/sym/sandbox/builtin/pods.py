"""Pods and pod templates: defaults. The checks are in podchecks.py.

Functions change the map they are given, which is always the fresh one that `settle` made.
"""

from typing import Final

from sym.model.codec import JSON, JSONMap, dig, dig_list, dig_map, dig_str

FILE_MODE: Final = 0o644
_TOLERATED: Final = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")


def default_pod(document: JSONMap) -> None:
    """A Pod: what limits name is requested too, and its address is the first of its addresses."""
    if "status" in document:
        _agree(_map(document, "status"))
    spec = _map(document, "spec")
    default_pod_spec(spec)
    spec.setdefault("enableServiceLinks", True)
    for container in [*maps(spec, "initContainers"), *maps(spec, "containers")]:
        _request_limits(container)


def _agree(status: JSONMap) -> None:
    """Make podIP and podIPs say the same; where they differ, podIP counts."""
    address, first = status.get("podIP"), dig(status, "podIPs", 0, "ip")
    if address and address != first:
        status["podIPs"] = [{"ip": address}]
    elif first:
        status["podIP"] = first


def admit_pod(document: JSONMap, old: JSONMap | None) -> None:
    """What admission and the kind's strategy add to a Pod (the sandbox has no token volume to mount)."""
    spec = _map(document, "spec")
    _tolerate(spec)
    if old is not None:
        return
    spec.setdefault("serviceAccountName", "default")
    spec["serviceAccount"] = spec["serviceAccountName"]
    spec.setdefault("priority", 0)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    document["status"] = {"phase": "Pending", "qosClass": quality(spec)}


def default_template(document: JSONMap) -> None:
    """The pod template under `spec` of a workload."""
    default_pod_spec(_map(_map(_map(document, "spec"), "template"), "spec"))


def default_pod_spec(spec: JSONMap) -> None:
    """The part that pods and templates share."""
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    grace = spec["terminationGracePeriodSeconds"]
    if isinstance(grace, int) and grace < 0:
        spec["terminationGracePeriodSeconds"] = 1
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("securityContext", {})
    spec.setdefault("schedulerName", "default-scheduler")
    if "serviceAccount" in spec or "serviceAccountName" in spec:
        spec.setdefault("serviceAccountName", spec.get("serviceAccount"))
        spec["serviceAccount"] = spec["serviceAccountName"]
    for container in [*maps(spec, "initContainers"), *maps(spec, "containers")]:
        _default_container(container, host_network=spec.get("hostNetwork") is True)
    for volume in maps(spec, "volumes"):
        _default_volume(volume)


def quality(spec: JSONMap) -> str:
    """The pod's quality of service: Guaranteed, Burstable or BestEffort."""
    containers = [*maps(spec, "initContainers"), *maps(spec, "containers")]
    limits = [_compute(container, "limits") for container in containers]
    requests = [_compute(container, "requests") for container in containers]
    if not any(limits) and not any(requests):
        return "BestEffort"
    whole = all(limit.keys() == {"cpu", "memory"} for limit in limits)
    return "Guaranteed" if whole and limits == requests else "Burstable"


def maps(parent: JSONMap, name: str) -> list[JSONMap]:
    """The objects of a list under `parent`."""
    return [item for item in dig_list(parent, name) if isinstance(item, dict)]


def _default_container(container: JSONMap, *, host_network: bool) -> None:
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    container.setdefault("imagePullPolicy", _pull_policy(dig_str(container, "image")))
    container.setdefault("resources", {})
    for port in maps(container, "ports"):
        port.setdefault("protocol", "TCP")
        if host_network and "containerPort" in port:
            port.setdefault("hostPort", port["containerPort"])
    for name in _PROBES:
        probe = container.get(name)
        if isinstance(probe, dict):
            _default_probe(probe)
    for hook in ("postStart", "preStop"):
        _default_request(dig(container, "lifecycle", hook, "httpGet"))
    for variable in maps(container, "env"):
        _default_field(variable.get("valueFrom"))


def _pull_policy(image: str) -> str:
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return "Always" if not digest and tag in {"", "latest"} else "IfNotPresent"


def _default_probe(probe: JSONMap) -> None:
    probe.setdefault("timeoutSeconds", 1)
    probe.setdefault("periodSeconds", 10)
    probe.setdefault("successThreshold", 1)
    probe.setdefault("failureThreshold", 3)
    _default_request(probe.get("httpGet"))
    grpc = probe.get("grpc")
    if isinstance(grpc, dict):
        grpc.setdefault("service", "")


def _default_request(request: JSON) -> None:
    if isinstance(request, dict):
        request.setdefault("path", "/")
        request.setdefault("scheme", "HTTP")


def _default_field(source: JSON) -> None:
    reference = dig(source, "fieldRef")
    if isinstance(reference, dict):
        reference.setdefault("apiVersion", "v1")


def _default_volume(volume: JSONMap) -> None:
    if volume.keys() <= {"name"}:
        volume["emptyDir"] = {}
    for name in ("secret", "configMap", "downwardAPI", "projected"):
        source = volume.get(name)
        if isinstance(source, dict):
            source.setdefault("defaultMode", FILE_MODE)
    for item in dig_list(volume, "downwardAPI", "items"):
        _default_field(item)
    for source in dig_list(volume, "projected", "sources"):
        _default_projection(source)
    path = volume.get("hostPath")
    if isinstance(path, dict):
        path.setdefault("type", "")


def _default_projection(source: JSON) -> None:
    token = dig(source, "serviceAccountToken")
    if isinstance(token, dict):
        token.setdefault("expirationSeconds", 3600)
    for item in dig_list(source, "downwardAPI", "items"):
        _default_field(item)


def _tolerate(spec: JSONMap) -> None:
    """Taints that every pod stands for five minutes, unless it says otherwise."""
    tolerations = maps(spec, "tolerations")
    for key in _TOLERATED:
        if any(one.get("key") in {key, None} and one.get("effect") in {"NoExecute", None} for one in tolerations):
            continue
        added: JSONMap = {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
        tolerations.append(added)
    spec["tolerations"] = list(tolerations)


def _request_limits(container: JSONMap) -> None:
    limits = dig_map(container, "resources", "limits")
    if limits:
        requests = {**limits, **dig_map(container, "resources", "requests")}
        container["resources"] = {**dig_map(container, "resources"), "requests": requests}


def _compute(container: JSONMap, kind: str) -> JSONMap:
    amounts = dig_map(container, "resources", kind)
    return {name: amount for name, amount in amounts.items() if name in {"cpu", "memory"} and amount not in {"0", 0}}


def _map(parent: JSONMap, name: str) -> JSONMap:
    found = parent.get(name)
    if not isinstance(found, dict):
        found = parent[name] = {}
    return found
