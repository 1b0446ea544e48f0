"""Discovery: what a cluster serves, in the old form (a document per version) and the aggregated one.

Pure on `Served`.
"""

import re
from collections.abc import Iterable

from sym.model.codec import JSON, JSONMap
from sym.sandbox.resources import Resource, Served

AGGREGATED = ("apidiscovery.k8s.io/v2", "apidiscovery.k8s.io/v2beta1")
_STAGE = {"": 3, "beta": 2, "alpha": 1}
_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")
_SUBRESOURCES: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "scale": ("autoscaling", "v1", "Scale", ("get", "patch", "update")),
    "binding": ("", "v1", "Binding", ("create",)),
    "exec": ("", "v1", "PodExecOptions", ("create", "get")),
    "log": ("", "v1", "", ("get",)),
    "finalize": ("", "v1", "", ("update",)),
    "status": ("", "", "", ("get", "patch", "update")),
}
"""Subresource -> group, version, kind (empty: the parent's) and verbs"""


def wanted(accept: str) -> str:
    """The aggregated form's version that an Accept header asks for first; empty for the old form."""
    for part in accept.split(","):
        pieces = {name: value for name, _, value in (piece.strip().partition("=") for piece in part.split(";")[1:])}
        if not part.strip().startswith(("application/json", "*/*")):
            continue
        found = f"{pieces.get('g', '')}/{pieces.get('v', '')}"
        if pieces.get("as") == "APIGroupDiscoveryList" and found in AGGREGATED:
            return found
        if "as" not in pieces:
            return ""
    return ""


def aggregated(served: Served, api_version: str, *, core: bool) -> JSONMap:
    """The APIGroupDiscoveryList of /api or /apis."""
    items: list[JSON] = []
    for group, versions in served.groups().items():
        if (group == "") is core:
            meta: JSONMap = {"name": group} if group else {}
            listed: list[JSON] = [_version(name, versions[name]) for name in ordered(versions)]
            items.append({"metadata": meta, "versions": listed})
    return {"kind": "APIGroupDiscoveryList", "apiVersion": api_version, "metadata": {}, "items": items}


def ordered(versions: Iterable[str]) -> list[str]:
    """Versions by Kubernetes' priority: v2, v1, v1beta1, v1alpha1, others by name."""
    return sorted(versions, key=_priority)


def core_versions(address: str) -> JSONMap:
    """The old document of /api."""
    where: list[JSON] = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": where}


def group_list(served: Served) -> JSONMap:
    """The old document of /apis."""
    groups: list[JSON] = [group(served, name) for name in served.groups() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def group(served: Served, name: str) -> JSONMap:
    """One group's entry; without versions where the group is not served."""
    versions: list[JSON] = [
        {"groupVersion": f"{name}/{version}", "version": version} for version in ordered(served.groups().get(name, {}))
    ]
    preferred = versions[0] if versions else {}
    return {"name": name, "versions": versions, "preferredVersion": preferred}


def resource_list(served: Served, group_name: str, version: str) -> JSONMap | None:
    """The old document of one version; None where it is not served."""
    found = served.groups().get(group_name, {}).get(version)
    if found is None:
        return None
    rows: list[JSON] = []
    for resource in found:
        rows += [_row(resource), *(_subrow(resource, name) for name in resource.subresources)]
    spelled = f"{group_name}/{version}" if group_name else version
    head: JSONMap = {"kind": "APIResourceList", "apiVersion": "v1"} if group_name else {"kind": "APIResourceList"}
    return {**head, "groupVersion": spelled, "resources": rows}


def _priority(version: str) -> tuple[int, int, int, str]:
    match = _VERSION.fullmatch(version)
    if match is None:
        return (0, 0, 0, version)
    return (-_STAGE[match[2] or ""], -int(match[1]), -int(match[3] or 0), version)


def _version(name: str, resources: list[Resource]) -> JSONMap:
    listed: list[JSON] = [_entry(resource) for resource in resources]
    return {"version": name, "resources": listed, "freshness": "Current"}


def _entry(resource: Resource) -> JSONMap:
    kind = resource.kind
    found: JSONMap = {
        "resource": kind.plural,
        "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.name},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": [*resource.verbs],
    }
    found |= {"shortNames": [*resource.short_names]} if resource.short_names else {}
    found |= {"categories": [*resource.categories]} if resource.categories else {}
    subresources: list[JSON] = [_subentry(resource, name) for name in resource.subresources]
    return {**found, "subresources": subresources} if subresources else found


def _subentry(resource: Resource, name: str) -> JSONMap:
    group_name, version, kind, verbs = _SUBRESOURCES[name]
    shown = {"group": group_name, "version": version, "kind": kind}
    if not kind:
        shown = {"group": resource.kind.group, "version": resource.kind.version, "kind": resource.kind.name}
    return {"subresource": name, "responseKind": {**shown}, "verbs": [*verbs]}


def _row(resource: Resource) -> JSONMap:
    found: JSONMap = {
        "name": resource.kind.plural,
        "singularName": resource.singular,
        "namespaced": resource.kind.namespaced,
        "kind": resource.kind.name,
        "verbs": [*resource.verbs],
    }
    found |= {"shortNames": [*resource.short_names]} if resource.short_names else {}
    return {**found, "categories": [*resource.categories]} if resource.categories else found


def _subrow(resource: Resource, name: str) -> JSONMap:
    group_name, version, kind, verbs = _SUBRESOURCES[name]
    found: JSONMap = {
        "name": f"{resource.kind.plural}/{name}",
        "singularName": "",
        "namespaced": resource.kind.namespaced,
        "kind": kind or resource.kind.name,
        "verbs": [*verbs],
    }
    return found | ({"group": group_name, "version": version} if group_name else {})
