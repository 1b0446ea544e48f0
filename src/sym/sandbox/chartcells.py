"""The rows of kubectl's tables for what charts bring beside workloads: jobs, claims, networks, budgets, roles. Pure."""

from collections.abc import Mapping
from datetime import datetime

from sym.model.codec import JSON, JSONMap, dig, dig_list, dig_map, dig_str
from sym.sandbox.cellparts import (
    NONE,
    UNKNOWN,
    Row,
    age,
    aged,
    container_cells,
    duration,
    name,
    number,
    parsed,
    selector,
)

_UNSET = "<unset>"
_JOB_STATES = ("Complete", "Failed", "Suspended", "FailureTarget", "SuccessCriteriaMet")


def _job(obj: JSONMap, now: datetime) -> list[JSON]:
    wanted, done = dig(obj, "spec", "completions"), number(obj, "status", "succeeded")
    parallel = number(obj, "spec", "parallelism")
    completions = (
        f"{done}/{wanted}" if wanted is not None else f"{done}/1" + (f" of {parallel}" if parallel > 1 else "")
    )
    begun, ended = (parsed(dig_str(obj, "status", field)) for field in ("startTime", "completionTime"))
    took = duration(((ended or now) - begun).total_seconds()) if begun else ""
    template = dig(obj, "spec", "template")
    return [
        *(name(obj), _job_state(obj), completions, took, aged(obj, now)),
        *(*container_cells(template), selector(dig(obj, "spec", "selector"))),
    ]


def _job_state(obj: JSONMap) -> str:
    holds = {dig_str(one, "type") for one in dig_list(obj, "status", "conditions") if dig_str(one, "status") == "True"}
    going = dig(obj, "metadata", "deletionTimestamp") is not None and not holds & set(_JOB_STATES[:2])
    return "Terminating" if going else next((state for state in _JOB_STATES if state in holds), "Running")


def _cron_job(obj: JSONMap, now: datetime) -> list[JSON]:
    last = dig_str(obj, "status", "lastScheduleTime")
    told = {True: "True", False: "False"}.get(dig(obj, "spec", "suspend") is True, _UNSET)
    job = dig_map(obj, "spec", "jobTemplate", "spec")
    active = len(dig_list(obj, "status", "active"))
    return [
        *(name(obj), dig_str(obj, "spec", "schedule"), dig_str(obj, "spec", "timeZone") or NONE, told, active),
        *(age(last, now) if last else NONE, aged(obj, now)),
        *(*container_cells(job.get("template")), selector(job.get("selector"))),
    ]


def _autoscaler(obj: JSONMap, now: datetime) -> list[JSON]:
    target = dig_map(obj, "spec", "scaleTargetRef")
    metrics = [_metric(metric) for metric in dig_list(obj, "spec", "metrics")]
    shown = ", ".join(metrics[:2]) + (f" + {len(metrics) - 2} more..." if len(metrics) > 2 else "")
    least = dig(obj, "spec", "minReplicas")
    return [
        *(name(obj), f"{dig_str(target, 'kind')}/{dig_str(target, 'name')}", shown or NONE),
        *(_UNSET if least is None else str(least), number(obj, "spec", "maxReplicas")),
        *(number(obj, "status", "currentReplicas"), aged(obj, now)),
    ]


def _metric(metric: JSON) -> str:
    """Nothing measures here, so what is stands as unknown."""
    kind = dig_str(metric, "type")
    source = dig_map(metric, kind[:1].lower() + kind[1:])
    target = dig_map(source, "target")
    if kind in ("Resource", "ContainerResource"):
        share = target.get("averageUtilization")
        wanted = dig_str(target, "averageValue") or ("<auto>" if share is None else f"{share}%")
        return f"{dig_str(source, 'name')}: {UNKNOWN}/{wanted}"
    average = dig_str(target, "averageValue")
    plain = kind == "Pods" or not average
    return f"{UNKNOWN}/{average or dig_str(target, 'value')}" + ("" if plain else " (avg)")


def _ingress(obj: JSONMap, now: datetime) -> list[JSON]:
    rules = dig_list(obj, "spec", "rules")
    hosts = [host for host in (dig_str(rule, "host") for rule in rules) if host]
    shown = ",".join(hosts[:3]) or "*"
    if len(hosts) > 3:
        shown += f" + {len(rules) - 3} more..."
    found = dig_list(obj, "status", "loadBalancer", "ingress")
    places = sorted({dig_str(one, "ip") or dig_str(one, "hostname") for one in found})
    ports = "80, 443" if dig_list(obj, "spec", "tls") else "80"
    return [name(obj), dig_str(obj, "spec", "ingressClassName") or NONE, shown, ",".join(places), ports, aged(obj, now)]


def _ingress_class(obj: JSONMap, now: datetime) -> list[JSON]:
    found = dig_map(obj, "spec", "parameters")
    group = f".{found['apiGroup']}" if found.get("apiGroup") is not None else ""
    shown = f"{dig_str(found, 'kind')}{group}/{dig_str(found, 'name')}" if found else NONE
    return [name(obj), dig_str(obj, "spec", "controller"), shown, aged(obj, now)]


def _network_policy(obj: JSONMap, now: datetime) -> list[JSON]:
    return [name(obj), selector(dig(obj, "spec", "podSelector")), aged(obj, now)]


def _budget(obj: JSONMap, now: datetime) -> list[JSON]:
    bounds = [dig(obj, "spec", field) for field in ("minAvailable", "maxUnavailable")]
    shown: list[JSON] = ["N/A" if bound is None else str(bound) for bound in bounds]
    return [name(obj), *shown, number(obj, "status", "disruptionsAllowed"), aged(obj, now)]


def _claim(obj: JSONMap, now: datetime) -> list[JSON]:
    going = dig(obj, "metadata", "deletionTimestamp") is not None
    phase = "Terminating" if going else dig_str(obj, "status", "phase")
    spec = dig_map(obj, "spec")
    volume = dig_str(spec, "volumeName")
    short = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
    modes = (
        ",".join(short.get(str(mode), str(mode)) for mode in dig_list(obj, "status", "accessModes")) if volume else ""
    )
    capacity = dig_str(obj, "status", "capacity", "storage") if volume else ""
    kind = dig_str(spec, "volumeAttributesClassName") or _UNSET
    return [
        *(name(obj), phase, volume, capacity, modes, dig_str(spec, "storageClassName"), kind),
        *(aged(obj, now), dig_str(spec, "volumeMode") or _UNSET),
    ]


def _role(obj: JSONMap, _: datetime) -> list[JSON]:
    return [name(obj), dig_str(obj, "metadata", "creationTimestamp")]


def _binding(obj: JSONMap, now: datetime) -> list[JSON]:
    named: dict[str, list[str]] = {"User": [], "Group": [], "ServiceAccount": []}
    for subject in dig_list(obj, "subjects"):
        who, space = dig_str(subject, "name"), dig_str(subject, "namespace")
        named.get(dig_str(subject, "kind"), []).append(f"{space}/{who}" if space else who)
    role = f"{dig_str(obj, 'roleRef', 'kind')}/{dig_str(obj, 'roleRef', 'name')}"
    return [name(obj), role, aged(obj, now), *(", ".join(names) for names in named.values())]


ROWS: Mapping[str, Row] = {
    "clusterrolebindings.rbac.authorization.k8s.io": _binding,
    "clusterroles.rbac.authorization.k8s.io": _role,
    "cronjobs.batch": _cron_job,
    "horizontalpodautoscalers.autoscaling": _autoscaler,
    "ingressclasses.networking.k8s.io": _ingress_class,
    "ingresses.networking.k8s.io": _ingress,
    "jobs.batch": _job,
    "networkpolicies.networking.k8s.io": _network_policy,
    "persistentvolumeclaims": _claim,
    "poddisruptionbudgets.policy": _budget,
    "rolebindings.rbac.authorization.k8s.io": _binding,
    "roles.rbac.authorization.k8s.io": _role,
}
