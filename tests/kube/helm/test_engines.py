"""The contract of Helm engines on a sandbox over HTTPS, with each engine that this machine has."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from sym.aio.env import SystemEnv
from sym.kube.connection import Connection
from sym.sandbox.access import ADMIN, Access
from sym.sandbox.ca import Authority
from sym.sandbox.cluster import SandboxCluster
from sym.sandbox.server import HttpsServer
from sym.settings import SandboxSettings, WorkloadSettings
from tests.kube.helm.contract import HelmContract

pytestmark = [pytest.mark.anyio, pytest.mark.real_loop]


@pytest.fixture(scope="module")
async def where() -> AsyncIterator[Connection]:
    """A running sandbox."""
    authority = Authority()
    access = Access(authority)
    cluster = SandboxCluster("one", SystemEnv(), SandboxSettings(workloads=WorkloadSettings(speed=50.0)))
    async with HttpsServer(cluster, authority, access) as server, asyncio.TaskGroup() as group:
        working = group.create_task(cluster.run())
        token = access.with_token(ADMIN).token
        yield Connection(server=server.address.url, ca=authority.certificate, token=token)
        working.cancel()


class TestSandbox(HelmContract):
    lacking = "no matches for kind|error validating data"
