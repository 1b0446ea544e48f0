"""Namespace, Node, Service, Secret, Endpoints, EndpointSlice, Event: defaults, and what admission and strategies add.

Functions change the map they are given, which is always a fresh one.
"""

import base64
from typing import Final

from sym.model.codec import JSONMap, dig, dig_list, dig_map, dig_str
from sym.sandbox.builtin.pods import maps

_NOT_READY: Final = "node.kubernetes.io/not-ready"


def default_namespace(document: JSONMap) -> None:
    """Its name as a label."""
    metadata = dig_map(document, "metadata")
    labels = dig_map(metadata, "labels")
    labels["kubernetes.io/metadata.name"] = metadata.get("name")
    metadata["labels"] = labels


def admit_namespace(document: JSONMap, old: JSONMap | None) -> None:
    """Active, with the finalizer that empties it."""
    if old is None:
        document["spec"] = {"finalizers": ["kubernetes"]}
        document["status"] = {"phase": "Active"}


def default_service(document: JSONMap) -> None:
    """What can be told without an address pool; the API gives the addresses and node ports."""
    spec = dig_map(document, "spec")
    spec.setdefault("sessionAffinity", "None")
    if spec["sessionAffinity"] == "ClientIP":
        spec.setdefault("sessionAffinityConfig", {"clientIP": {"timeoutSeconds": 10800}})
    kind = spec.setdefault("type", "ClusterIP")
    for port in maps(spec, "ports"):
        port.setdefault("protocol", "TCP")
        if port.get("targetPort") in {None, 0, ""}:
            port["targetPort"] = port.get("port")
    if kind in {"NodePort", "LoadBalancer"}:
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if kind == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    if kind != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")


def admit_service(document: JSONMap, old: JSONMap | None) -> None:
    """Address families, and an address where the client names one or wants none."""
    spec = dig_map(document, "spec")
    if old is None:
        document["status"] = {"loadBalancer": {}}
    if spec.get("type") == "ExternalName":
        return
    for field in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy") if old is not None else ():
        if field not in spec and field in dig_map(old, "spec"):
            spec[field] = dig(old, "spec", field)
    if "clusterIP" in spec:
        spec.setdefault("clusterIPs", [spec["clusterIP"]])
    if spec.get("clusterIP") == "None" and not dig_map(spec, "selector"):
        spec.setdefault("ipFamilies", ["IPv4", "IPv6"])
        spec.setdefault("ipFamilyPolicy", "RequireDualStack")
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")


def default_secret(document: JSONMap) -> None:
    """Opaque; `stringData` moves into `data`."""
    document.setdefault("type", "Opaque")
    texts = document.pop("stringData", None)
    if isinstance(texts, dict):
        data = dig_map(document, "data")
        data.update({name: base64.b64encode(str(text).encode()).decode() for name, text in texts.items()})
        document["data"] = data


def admit_node(document: JSONMap, old: JSONMap | None) -> None:
    """A node that nobody has vouched for yet takes no pods."""
    spec = dig_map(document, "spec")
    taints = maps(spec, "taints")
    if old is None and not any(taint.get("key") == _NOT_READY for taint in taints):
        document["spec"] = {**spec, "taints": [*taints, {"key": _NOT_READY, "effect": "NoSchedule"}]}


def default_endpoints(document: JSONMap) -> None:
    """TCP."""
    for subset in maps(document, "subsets"):
        for port in maps(subset, "ports"):
            port.setdefault("protocol", "TCP")


def default_endpoint_slice(document: JSONMap) -> None:
    """TCP, without a name."""
    for port in maps(document, "ports"):
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


def admit_event(document: JSONMap, _: JSONMap | None) -> None:
    """The texts that the server always writes."""
    for field in ("reportingComponent", "reportingInstance"):
        document.setdefault(field, "")


def service_has_address(document: JSONMap) -> bool:
    """Whether the API has to give the Service an address of the cluster."""
    spec = dig_map(document, "spec")
    return spec.get("type") != "ExternalName" and not dig_list(spec, "clusterIPs") and not dig_str(spec, "clusterIP")
