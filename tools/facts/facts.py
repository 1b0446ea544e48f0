"""Takes from a running kube-apiserver the facts that the sandbox answers with, and writes src/sym/sandbox/data/.

    python tools/facts/facts.py --server https://127.0.0.1:6443 --token-file FILE

Names, types, list-map keys, discovery entries and printer columns are facts; sentences are not ours to carry, so every
description is left out. Only what `SERVED` names is taken. Relies on the standard library only. The answers of one
server version always give the same bytes.
"""

import argparse
import json
import lzma
import ssl
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"
Map: TypeAlias = "dict[str, JSON]"

TARGET = Path(__file__).resolve().parents[2] / "src/sym/sandbox/data"

SERVED: dict[str, tuple[str, ...]] = {
    "api/v1": (
        "configmaps",
        "endpoints",
        "events",
        "namespaces namespaces/status namespaces/finalize",
        "nodes nodes/status",
        "persistentvolumeclaims persistentvolumeclaims/status",
        "pods pods/status pods/log pods/exec pods/eviction pods/binding",
        "secrets",
        "serviceaccounts",
        "services services/status",
    ),
    "apis/apiextensions.k8s.io/v1": ("customresourcedefinitions customresourcedefinitions/status",),
    "apis/apps/v1": (
        "controllerrevisions",
        "deployments deployments/scale deployments/status",
        "replicasets replicasets/scale replicasets/status",
        "statefulsets statefulsets/scale statefulsets/status",
    ),
    "apis/authorization.k8s.io/v1": ("selfsubjectaccessreviews",),
    "apis/autoscaling/v2": ("horizontalpodautoscalers horizontalpodautoscalers/status",),
    "apis/batch/v1": ("cronjobs cronjobs/status", "jobs jobs/status"),
    "apis/coordination.k8s.io/v1": ("leases",),
    "apis/discovery.k8s.io/v1": ("endpointslices",),
    "apis/events.k8s.io/v1": ("events",),
    "apis/networking.k8s.io/v1": ("ingresses ingresses/status", "ingressclasses", "networkpolicies"),
    "apis/policy/v1": ("poddisruptionbudgets poddisruptionbudgets/status",),
    "apis/rbac.authorization.k8s.io/v1": ("clusterrolebindings", "clusterroles", "rolebindings", "roles"),
}
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"


class Server:
    """One API server, read with a bearer token."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token
        self._context = ssl.create_default_context()
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE

    def get(self, path: str, accept: str = "application/json") -> Map:
        """The JSON object at `path`."""
        headers = {"Authorization": f"Bearer {self._token}", "Accept": accept}
        request = urllib.request.Request(self._url + path, headers=headers)  # noqa: S310  # the operator names the server
        with urllib.request.urlopen(request, context=self._context, timeout=30) as answer:  # noqa: S310  # likewise
            found: Map = json.load(answer)
        return found


def main() -> None:
    """Reads the server and writes the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", required=True)
    parser.add_argument("--token-file", type=Path, required=True)
    options = parser.parse_args()
    server = Server(options.server, options.token_file.read_text().strip())
    TARGET.mkdir(parents=True, exist_ok=True)
    _write("discovery", _discovery(server))
    for place in SERVED:
        _write("openapi-" + place.replace("/", "_"), _document(server, place))


def _discovery(server: Server) -> Map:
    facts: Map = {"version": server.get("/version"), "legacy": {}, "columns": {}}
    for name, path in (("core", "/api"), ("groups", "/apis")):
        groups = [_group(group) for group in _maps(server.get(path, AGGREGATED)["items"])]
        facts[name] = [group for group in groups if group["versions"]]
    for place in SERVED:
        listing = server.get(f"/{place}")
        resources = [item for item in _maps(listing["resources"]) if item["name"] in _names(place)]
        _map(facts["legacy"])[place] = [_bare(item) for item in resources]
        for item in resources:
            if "list" in _list(item["verbs"]):
                _map(facts["columns"])[f"{place}/{item['name']}"] = _columns(server, f"/{place}/{item['name']}")
    return facts


def _group(group: Map) -> Map:
    name = _map(group["metadata"]).get("name", "")
    versions: list[JSON] = []
    for version in _maps(group["versions"]):
        place = f"apis/{name}/{version['version']}" if name else f"api/{version['version']}"
        kept: list[JSON] = []
        for resource in _maps(version["resources"]):
            if resource["resource"] not in _names(place):
                continue
            subs = _maps(resource.get("subresources", []))
            subs = [sub for sub in subs if f"{resource['resource']}/{sub['subresource']}" in _names(place)]
            bare = {key: value for key, value in resource.items() if key != "subresources"}
            kept.append(bare | {"subresources": list(subs)} if subs else bare)
        if kept:
            versions.append(_map(_bare(version)) | {"resources": kept})
    return {"metadata": {"name": name} if name else {}, "versions": versions}


def _columns(server: Server, path: str) -> JSON:
    kept = ("name", "type", "format", "priority")
    columns = _maps(server.get(path + "?limit=1", TABLE)["columnDefinitions"])
    return [{key: column[key] for key in kept} for column in columns]


def _document(server: Server, place: str) -> Map:
    whole = server.get(f"/openapi/v3/{place}")
    kept = {path: _bare(entry) for path, entry in _map(whole["paths"]).items() if _is_served(place, path)}
    schemas = _map(_map(whole["components"])["schemas"])
    wanted = {name for name, schema in schemas.items() if _is_object(place, _map(schema))}
    wanted |= set(_refs(kept))
    while missing := {ref for name in wanted for ref in _refs(schemas[name])} - wanted:
        wanted |= missing
    components: Map = {"schemas": {name: _bare(schemas[name]) for name in sorted(wanted)}}
    return {"openapi": whole["openapi"], "info": whole["info"], "paths": kept, "components": components}


def _is_served(place: str, path: str) -> bool:
    parts = [part for part in path.removeprefix(f"/{place}").split("/") if part]
    if parts[:1] == ["watch"]:
        return False
    if parts[:2] == ["namespaces", "{namespace}"] and len(parts) > 2:
        parts = parts[2:]
    resource = "/".join(part for part in parts if not part.startswith("{"))
    return resource in _names(place)


def _is_object(place: str, schema: Map) -> bool:
    """Whether a schema is of a kind that this group serves: resources can be created that no path's schema names."""
    group, _, version = place.removeprefix("apis/").removeprefix("api/").rpartition("/")
    kinds = [kind for kind in _maps(schema.get("x-kubernetes-group-version-kind", [])) if kind["group"] == group]
    served = {item.removesuffix("s").lower() for item in _names(place)} | {item.lower() for item in _names(place)}
    return any(kind["version"] == version and str(kind["kind"]).lower() in served for kind in kinds)


def _names(place: str) -> set[str]:
    return {name for line in SERVED.get(place, ()) for name in line.split()}


def _bare(value: JSON) -> JSON:
    """`value` without its sentences. A property that happens to be called description is a schema, so it stays."""
    if isinstance(value, dict):
        dropped = ("description", "externalDocs", "summary")
        return {key: _bare(item) for key, item in value.items() if not (key in dropped and not _is_schema(item))}
    return [_bare(item) for item in value] if isinstance(value, list) else value


def _is_schema(value: JSON) -> bool:
    return isinstance(value, dict) and bool({"type", "allOf", "$ref"} & value.keys())


def _refs(value: JSON) -> Iterator[str]:
    if isinstance(value, dict):
        ref = value.get("$ref")
        if isinstance(ref, str):
            yield ref.rpartition("/")[2]
        for item in value.values():
            yield from _refs(item)
    elif isinstance(value, list):
        for item in value:
            yield from _refs(item)


def _map(value: JSON) -> Map:
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, got {value!r}")
    return value


def _list(value: JSON) -> list[JSON]:
    if not isinstance(value, list):
        raise TypeError(f"expected a list, got {value!r}")
    return value


def _maps(value: JSON) -> list[Map]:
    return [_map(item) for item in _list(value)]


def _write(name: str, value: Map) -> None:
    data = json.dumps(value, separators=(",", ":")).encode()
    packed = lzma.compress(data, format=lzma.FORMAT_XZ, check=lzma.CHECK_CRC32, preset=9 | lzma.PRESET_EXTREME)
    (TARGET / f"{name}.json.xz").write_bytes(packed)


if __name__ == "__main__":
    main()
