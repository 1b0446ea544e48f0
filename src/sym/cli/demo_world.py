"""The demo's clusters: one meta cluster and its members, simulated in this process, each behind HTTPS on a free port.

The demo itself, the controllers and kubectl reach them in the same way, through the kubeconfig file written here. A
fleet that runs already (`lent`) is reached through its own.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from sym import yaml
from sym.aio.env import Env
from sym.cli.demo_tour import CONTEXT, World
from sym.kube.api import Api
from sym.kube.http import HttpClient
from sym.kube.kubeconfig import load_operator, load_registered
from sym.model.codec import JSON, JSONMap, as_map, dig_list, dig_map, dig_str
from sym.model.meta import META
from sym.sandbox.access import ADMIN, Access, Credential
from sym.sandbox.ca import Authority
from sym.sandbox.call import User
from sym.sandbox.cluster import SandboxCluster
from sym.sandbox.kubeconfig import Context, kubeconfig, write
from sym.sandbox.server import HttpsServer
from sym.settings import Settings

CONTROLLER = User(name="sym-controller", groups=("system:authenticated",))
"""Whom the registered kubeconfigs speak for."""
KUBECONFIG = "kubeconfig.yaml"


class Stage(NamedTuple):
    """Clusters that can be played on: reached, where each is, and the kubeconfig under which each member is known."""

    world: World
    addresses: Mapping[str, str]
    registrations: Mapping[str, str]


class Served:
    """A simulated cluster that listens, and who may speak to it."""

    def __init__(self, cluster: SandboxCluster, server: HttpsServer, authority: Authority, access: Access) -> None:
        self._authority = authority
        self._server = server
        self.cluster = cluster
        self.admin = self._context(cluster.name, access.with_certificate(ADMIN))
        self._registered = self._context(cluster.name, access.with_token(CONTROLLER))

    @property
    def ca(self) -> bytes:
        """The certificate of the authority that signed everything, PEM."""
        return self._authority.certificate

    def registration(self) -> str:
        """The kubeconfig under which a controller is to know this cluster."""
        return kubeconfig([self._registered], self.ca)

    def _context(self, name: str, credential: Credential) -> Context:
        return Context(name=name, server=self._server.address.url, credential=credential, namespace="default")


@contextlib.asynccontextmanager
async def served(names: Sequence[str], env: Env, settings: Settings) -> AsyncIterator[list[Served]]:
    """The clusters, at work and listening until the block ends."""
    authority = Authority()
    async with contextlib.AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        made: list[Served] = []
        working: list[asyncio.Task[None]] = []
        for name in names:
            cluster, access = SandboxCluster(name, env, settings.sandbox), Access(authority)
            working.append(group.create_task(cluster.run(), name=f"cluster-{name}"))
            server = await stack.enter_async_context(HttpsServer(cluster, authority, access))
            made.append(Served(cluster, server, authority, access))
        try:
            yield made
        finally:
            for task in working:
                task.cancel()


@contextlib.asynccontextmanager
async def simulated(names: Sequence[str], folder: Path, env: Env, settings: Settings) -> AsyncIterator[Stage]:
    """Clusters made for the occasion; the first is the meta cluster."""
    async with (
        served(names, env, settings) as clusters,
        reached(clusters, folder, env, settings) as world,
    ):
        yield Stage(
            world=world,
            addresses={each.cluster.name: each.admin.server for each in clusters},
            registrations={each.cluster.name: each.registration() for each in clusters[1:]},
        )


@contextlib.asynccontextmanager
async def lent(path: Path, env: Env, settings: Settings) -> AsyncIterator[Stage]:
    """Clusters that run on this machine already: the context `meta` and the members beside it in the kubeconfig at
    `path`. Raises BadKubeconfig, and ClickException for clusters elsewhere: a demo has no business there."""
    document = _read(path)
    names = [dig_str(each, "name") for each in dig_list(document, "contexts")]
    members = [name for name in names if name != CONTEXT]
    if CONTEXT not in names or not members:
        raise click.ClickException(f"{path} needs a context named {CONTEXT} and one for each member")
    found = {name: load_operator(str(path), name) for name in names}
    for name, connection in found.items():
        if not connection.loopback:
            raise click.ClickException(
                f"{path}: context {name} is at {connection.host}: the demo writes only to clusters on this machine"
            )
    registrations = {name: registration(document, name) for name in members}
    async with _reach(path, [CONTEXT, *members], env, settings) as world:
        addresses = {name: connection.server for name, connection in found.items()}
        yield Stage(world=world, addresses=addresses, registrations=registrations)


def registration(document: JSONMap, context: str) -> str:
    """One context of a kubeconfig by itself, fit to be registered. Raises BadKubeconfig where it is not."""
    chosen = dig_map(_named(document, "contexts", context), "context")
    parts: dict[str, JSON] = {
        "clusters": [_named(document, "clusters", dig_str(chosen, "cluster"))],
        "users": [_named(document, "users", dig_str(chosen, "user"))],
        "contexts": [{"name": context, "context": chosen}],
    }
    text = yaml.dump({"apiVersion": "v1", "kind": "Config", **parts, "current-context": context})
    load_registered(text.encode())
    return text


@contextlib.asynccontextmanager
async def reached(clusters: Sequence[Served], folder: Path, env: Env, settings: Settings) -> AsyncIterator[World]:
    """The clusters as everybody else reaches them: through `folder`/kubeconfig.yaml. The first is the meta cluster."""
    path = folder / KUBECONFIG
    write(path, kubeconfig([each.admin for each in clusters], clusters[0].ca, CONTEXT))
    async with _reach(path, [each.cluster.name for each in clusters], env, settings) as world:
        yield world


@contextlib.asynccontextmanager
async def _reach(path: Path, names: Sequence[str], env: Env, settings: Settings) -> AsyncIterator[World]:
    """The contexts `names` of a kubeconfig; the first is the meta cluster's."""
    apis: list[Api] = []
    try:
        for name in names:
            client = HttpClient(load_operator(str(path), name), settings.kube, env)
            apis.append(Api(client, META if name == CONTEXT else name, settings.kube))
        yield World(apis[0], {api.cluster: api for api in apis[1:]}, path)
    finally:
        for api in apis:
            await api.aclose()


def _read(path: Path) -> JSONMap:
    return as_map(yaml.load(path.read_bytes()))


def _named(document: JSONMap, section: str, name: str) -> JSONMap:
    found = [as_map(each) for each in dig_list(document, section) if dig_str(each, "name") == name]
    return found[0] if found else {}
