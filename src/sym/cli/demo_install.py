"""What an installation of Sym does to clusters, done over their APIs: CRDs, namespaces, registrations, applications.

Nothing here knows that the clusters are simulated. Relies on `kube.api`; the examples come with the package.
"""

import asyncio
from collections.abc import Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click

import sym
from sym import yaml
from sym.kube.api import Api
from sym.kube.errors import AlreadyExists
from sym.model import names
from sym.model.codec import JSON, JSONMap, as_map, dig_list, dig_str
from sym.model.crd import crds
from sym.model.kinds import APPSET, CRD, NAMESPACE, SECRET

MANAGER = "sym-demo"


async def install(meta: Api, members: Sequence[Api]) -> None:
    """CRDs and namespaces in every cluster, as `sym crds | kubectl apply --server-side -f -` would."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_prepare(meta, names.META_NAMESPACE), name="install-meta")
        for member in members:
            group.create_task(_prepare(member, names.MEMBER_NAMESPACE), name=f"install-{member.cluster}")


async def register(meta: Api, kubeconfigs: Mapping[str, str]) -> None:
    """One Secret per member, by name: its kubeconfig as YAML."""
    for name, kubeconfig in kubeconfigs.items():
        body: JSONMap = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": name,
                "namespace": names.META_NAMESPACE,
                "labels": {names.CLUSTER_OWNER: names.CLUSTER_OWNER_VALUE},
            },
            "type": "Opaque",
            "stringData": {names.KUBECONFIG_KEY: kubeconfig},
        }
        await meta.create(SECRET, body, MANAGER)


async def apply(meta: Api, app: JSONMap) -> JSONMap:
    """`kubectl apply --server-side` of an AppSet. Returns it as the server has it."""
    return await meta.apply(APPSET, app, MANAGER)


def example(name: str) -> JSONMap:
    """The object in `examples/NAME`. Raises ClickException where neither the package nor the checkout has it."""
    for folder in _folders():
        found = folder / name
        if found.is_file():
            return as_map(yaml.load(found.read_bytes()))
    raise click.ClickException(f"examples/{name} is missing from this installation of Sym; install it again")


def charts() -> Path:
    """The folder of the example charts. Raises ClickException where neither the package nor the checkout has it."""
    for folder in _folders():
        found = Path(str(folder)) / "charts"
        if found.is_dir():
            return found
    raise click.ClickException("examples/charts is missing from this installation of Sym; install it again")


def at_version(app: JSONMap, version: str) -> JSONMap:
    """The AppSet with another version in every podSet."""
    clusters: list[JSON] = []
    for cluster in dig_list(app, "spec", "clusterTopology", "clusters"):
        pod_sets: list[JSON] = [{**as_map(pod_set), "version": version} for pod_set in dig_list(cluster, "podSets")]
        clusters.append({**as_map(cluster), "podSets": pod_sets})
    return _with_clusters(app, clusters)


def spread_to(app: JSONMap, members: Sequence[str]) -> JSONMap:
    """The AppSet with a podSet in each of `members` that it does not yet run in."""
    present = dig_list(app, "spec", "clusterTopology", "clusters")
    known = {dig_str(cluster, "name") for cluster in present}
    name = str(as_map(app["metadata"])["name"])
    more: list[JSON] = [
        {"name": member, "podSets": [{"name": f"{name}-gz{number:02}c-blue", "version": "v1"}]}
        for number, member in enumerate(members, start=1)
        if member not in known
    ]
    return _with_clusters(app, [*present, *more])


def _with_clusters(app: JSONMap, clusters: list[JSON]) -> JSONMap:
    spec = as_map(app["spec"])
    return {**app, "spec": {**spec, "clusterTopology": {**as_map(spec["clusterTopology"]), "clusters": clusters}}}


def _folders() -> list[Traversable]:
    """Where examples are: in an installed wheel beside the code, in a checkout beside `src`."""
    return [files(sym) / "examples", Path(str(sym.__file__)).resolve().parents[2] / "examples"]


async def _prepare(api: Api, namespace: str) -> None:
    for crd in crds():
        await api.apply(CRD, crd, MANAGER, force=True)
    try:
        await api.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}, MANAGER)
    except AlreadyExists:
        return
