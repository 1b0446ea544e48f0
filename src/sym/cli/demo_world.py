"""The demo's clusters: one meta cluster and its members, simulated in this process, each behind HTTPS on a free port.

The demo itself, the controllers and kubectl reach them in the same way, through the kubeconfig file written here.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from sym.aio.env import Env
from sym.cli.demo_tour import CONTEXT, World
from sym.kube.api import Api
from sym.kube.http import HttpClient
from sym.kube.kubeconfig import load_operator
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
async def reached(clusters: Sequence[Served], folder: Path, env: Env, settings: Settings) -> AsyncIterator[World]:
    """The clusters as everybody else reaches them: through `folder`/kubeconfig.yaml. The first is the meta cluster."""
    path = folder / KUBECONFIG
    write(path, kubeconfig([each.admin for each in clusters], clusters[0].ca, CONTEXT))
    apis: list[Api] = []
    try:
        for each in clusters:
            name = each.cluster.name
            client = HttpClient(load_operator(str(path), name), settings.kube, env)
            apis.append(Api(client, META if name == CONTEXT else name, settings.kube))
        yield World(apis[0], {api.cluster: api for api in apis[1:]}, path)
    finally:
        for api in apis:
            await api.aclose()
