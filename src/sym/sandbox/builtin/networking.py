"""Ingress, IngressClass, NetworkPolicy, PodDisruptionBudget: defaults and checks.

Functions change the map they are given, which is always a fresh one.
"""

from typing import Final

from sym.kube.errors import Cause
from sym.model.codec import JSON, JSONMap, dig, dig_map, dig_str
from sym.sandbox import naming
from sym.sandbox.builtin.bounds import not_negative, one_of, share
from sym.sandbox.builtin.pods import maps
from sym.sandbox.builtin.selectors import selector_causes
from sym.sandbox.validation import invalid, required, unsupported

_PATH_TYPES: Final = ["Exact", "ImplementationSpecific", "Prefix"]


def admit_ingress(document: JSONMap, old: JSONMap | None) -> None:
    """Nobody balances a new one's load yet."""
    if old is None:
        document["status"] = {"loadBalancer": {}}


def default_ingress_class(document: JSONMap) -> None:
    """Parameters are cluster-wide."""
    parameters = dig(document, "spec", "parameters")
    if isinstance(parameters, dict):
        parameters.setdefault("scope", "Cluster")


def default_network_policy(document: JSONMap) -> None:
    """TCP; what comes in, and what goes out where the policy speaks of it."""
    spec = dig_map(document, "spec")
    document["spec"] = spec
    spec.setdefault("podSelector", {})
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    for direction in ("ingress", "egress"):
        for rule in maps(spec, direction):
            for port in maps(rule, "ports"):
                port.setdefault("protocol", "TCP")


def admit_budget(document: JSONMap, old: JSONMap | None) -> None:
    """A new budget has counted nothing yet."""
    if old is None:
        counts: JSONMap = dict.fromkeys(("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"), 0)
        document["status"] = counts


def check_budget(document: JSONMap, _: JSONMap | None) -> list[Cause]:
    """What is wrong with a PodDisruptionBudget."""
    spec = dig_map(document, "spec")
    causes: list[Cause] = []
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    if least is not None and most is not None:
        shown: JSONMap = {name: value for name, value in spec.items() if value is not None}
        causes.append(invalid("spec", shown, "minAvailable and maxUnavailable cannot be both set"))
    causes += share(least, "spec.minAvailable") if least is not None else []
    causes += share(most, "spec.maxUnavailable") if most is not None else []
    causes += one_of(spec, "unhealthyPodEvictionPolicy", ["AlwaysAllow", "IfHealthyBudget"], "spec")
    return causes + selector_causes(spec.get("selector"), "spec.selector")


def check_ingress(document: JSONMap, _: JSONMap | None) -> list[Cause]:
    """What is wrong with an Ingress."""
    spec = dig_map(document, "spec")
    causes: list[Cause] = []
    if not spec.get("rules") and spec.get("defaultBackend") is None:
        causes.append(invalid("spec", None, "either `defaultBackend` or `rules` must be specified"))
    name = spec.get("ingressClassName")
    causes += [invalid("spec.ingressClassName", name, error) for error in naming.subdomain(str(name)) if name]
    if spec.get("defaultBackend") is not None:
        causes += _backend(dig_map(spec, "defaultBackend"), "spec.defaultBackend")
    for number, rule in enumerate(maps(spec, "rules")):
        causes += _rule(rule, f"spec.rules[{number}]")
    return causes


def _rule(rule: JSONMap, path: str) -> list[Cause]:
    host = dig_str(rule, "host").removeprefix("*.")
    causes = [invalid(f"{path}.host", host, error) for error in naming.subdomain(host) if host]
    paths = maps(dig_map(rule, "http"), "paths")
    if "http" in rule and not paths:
        causes.append(required(f"{path}.http.paths"))
    for number, one in enumerate(paths):
        causes += _path(one, f"{path}.http.paths[{number}]")
    return causes


def _path(one: JSONMap, where: str) -> list[Cause]:
    kind, path = one.get("pathType"), dig_str(one, "path")
    causes: list[Cause] = []
    if kind is None:
        return [required(f"{where}.pathType", "pathType must be specified")]
    if kind not in _PATH_TYPES:
        causes.append(unsupported(f"{where}.pathType", kind, _PATH_TYPES))
    elif not path.startswith("/") and (path or kind != "ImplementationSpecific"):
        causes.append(invalid(f"{where}.path", path, "must be an absolute path"))
    return causes + _backend(dig_map(one, "backend"), f"{where}.backend")


def _backend(backend: JSONMap, path: str) -> list[Cause]:
    service: JSON = backend.get("service")
    if service is None and backend.get("resource") is None:
        return [required(path, "resource or service backend is required")]
    if service is None:
        return []
    name = dig_str(service, "name")
    causes = [required(f"{path}.service.name")] if not name else []
    causes += [invalid(f"{path}.service.name", name, error) for error in naming.label_1035(name) if name]
    if not dig(service, "port", "name") and not dig(service, "port", "number"):
        causes.append(required(path, "port name or number is required"))
    return causes


def check_ingress_class(document: JSONMap, old: JSONMap | None) -> list[Cause]:
    """What is wrong with an IngressClass."""
    name = dig_str(document, "spec", "controller")
    if old is not None:
        kept = dig(old, "spec", "controller") == name
        return [] if kept else [invalid("spec.controller", name, "field is immutable")]
    return [] if name else [required("spec.controller")]


def check_network_policy(document: JSONMap, _: JSONMap | None) -> list[Cause]:
    """What is wrong with a NetworkPolicy."""
    spec = dig_map(document, "spec")
    causes = selector_causes(spec.get("podSelector"), "spec.podSelector")
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for number, rule in enumerate(maps(spec, direction)):
            where = f"spec.{direction}[{number}]"
            for place, port in enumerate(maps(rule, "ports")):
                causes += one_of(port, "protocol", ["SCTP", "TCP", "UDP"], f"{where}.ports[{place}]")
                causes += not_negative(port, "endPort", path=f"{where}.ports[{place}]")
            for place, peer in enumerate(maps(rule, peers)):
                if not peer:
                    causes.append(required(f"{where}.{peers}[{place}]", "must specify a peer"))
    return causes
