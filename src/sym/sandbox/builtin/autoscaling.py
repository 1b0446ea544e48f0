"""HorizontalPodAutoscaler (autoscaling/v2): defaults and checks. Nothing scales in a sandbox.

Functions change the map they are given, which is always a fresh one.
"""

from typing import Final

from sym.kube.errors import Cause
from sym.model.codec import JSONMap, as_map, dig_map, dig_str
from sym.sandbox.builtin.bounds import one_of
from sym.sandbox.builtin.pods import maps
from sym.sandbox.validation import forbidden, invalid, required

_SOURCES: Final = ("object", "pods", "resource", "containerResource", "external")
_TYPES: Final = ["ContainerResource", "External", "Object", "Pods", "Resource"]
_LONGEST: Final = {"stabilizationWindowSeconds": 3600, "periodSeconds": 1800}


def default_autoscaler(document: JSONMap) -> None:
    """From one replica, by 80 % of the CPU asked for; behaviour that says something is made whole."""
    spec = dig_map(document, "spec")
    document["spec"] = spec
    spec.setdefault("minReplicas", 1)
    if not maps(spec, "metrics"):
        target: JSONMap = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if isinstance(behavior, dict):
        percent: JSONMap = {"type": "Percent", "value": 100, "periodSeconds": 15}
        pods: JSONMap = {"type": "Pods", "value": 4, "periodSeconds": 15}
        up: JSONMap = {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [pods, percent]}
        down: JSONMap = {"selectPolicy": "Max", "policies": [dict(percent)]}
        behavior["scaleUp"] = up | dig_map(behavior, "scaleUp")
        behavior["scaleDown"] = down | dig_map(behavior, "scaleDown")


def admit_autoscaler(document: JSONMap, old: JSONMap | None) -> None:
    """A new one has measured nothing yet."""
    if old is None:
        document["status"] = {"desiredReplicas": 0}
    as_map(document.setdefault("status", {})).setdefault("currentMetrics", None)


def check_autoscaler(document: JSONMap, _: JSONMap | None) -> list[Cause]:
    """What is wrong with an autoscaler."""
    spec = dig_map(document, "spec")
    least, most = _number(spec, "minReplicas"), _number(spec, "maxReplicas")
    causes: list[Cause] = []
    if least < 1:
        causes.append(invalid("spec.minReplicas", least, "must be greater than or equal to 1"))
    if most < 1:
        causes.append(invalid("spec.maxReplicas", most, "must be greater than 0"))
    if most < least:
        causes.append(invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`"))
    causes += _target(dig_map(spec, "scaleTargetRef"), "spec.scaleTargetRef")
    for number, metric in enumerate(maps(spec, "metrics")):
        causes += _metric(metric, f"spec.metrics[{number}]")
    for name in ("scaleUp", "scaleDown") if "behavior" in spec else ():
        causes += _rules(dig_map(spec, "behavior", name), f"spec.behavior.{name}")
    return causes


def _target(reference: JSONMap, path: str) -> list[Cause]:
    causes = [required(f"{path}.{name}") for name in ("kind", "name") if not reference.get(name)]
    version = dig_str(reference, "apiVersion")
    if "/" not in version and version != "v1":
        causes.append(invalid(f"{path}.apiVersion", version, "apiVersion must specify API group"))
    return causes


def _metric(metric: JSONMap, path: str) -> list[Cause]:
    if not metric.get("type"):
        return [required(f"{path}.type", "must specify a metric source type")]
    causes = one_of(metric, "type", _TYPES, path)
    stated = [name for name in _SOURCES if name in metric]
    wanted = dig_str(metric, "type")
    wanted = wanted[:1].lower() + wanted[1:]
    if not causes and wanted not in stated:
        why = f"must populate information for the given metric source (only allowed when type is {metric['type']})"
        causes.append(required(f"{path}.{wanted}", why.partition(" (")[0]))
    causes += [
        forbidden(f"{path}.{name}", "must populate the given metric source only") for name in stated if name != wanted
    ]
    return causes


def _rules(rules: JSONMap, path: str) -> list[Cause]:
    causes = one_of(rules, "selectPolicy", ["Disabled", "Max", "Min"], path)
    causes += _bounded(rules, "stabilizationWindowSeconds", path, 0)
    if not maps(rules, "policies"):
        causes.append(required(f"{path}.policies", "must specify at least one Policy"))
    for number, policy in enumerate(maps(rules, "policies")):
        where = f"{path}.policies[{number}]"
        causes += one_of(policy, "type", ["Percent", "Pods"], where)
        if _number(policy, "value") <= 0:
            causes.append(invalid(f"{where}.value", policy.get("value") or 0, "must be greater than zero"))
        causes += _bounded(policy, "periodSeconds", where, 1)
    return causes


def _bounded(holder: JSONMap, name: str, path: str, least: int) -> list[Cause]:
    value, most = holder.get(name), _LONGEST[name]
    if not isinstance(value, int) or least <= value <= most:
        return []
    below = "must be greater than zero" if least else "must be greater than or equal to zero"
    return [invalid(f"{path}.{name}", value, below if value < least else f"must be less than or equal to {most}")]


def _number(holder: JSONMap, name: str) -> int:
    value = holder.get(name)
    return value if isinstance(value, int) else 0
