"""Helm 3 and 4 on a simulated cluster over HTTPS. The same story on a real one, side by side: tests/e2e."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sym.aio.env import SystemEnv
from sym.kube.requests import create
from sym.model.kinds import NAMESPACE
from sym.sandbox.access import ADMIN, Access
from sym.sandbox.ca import Authority
from sym.sandbox.cluster import SandboxCluster
from sym.sandbox.kubeconfig import Context, kubeconfig, write
from sym.sandbox.server import HttpsServer
from sym.settings import SandboxSettings, WorkloadSettings
from tests.helm_story import Helm, play, wrong
from tests.kube.helm import engines

pytestmark = [pytest.mark.anyio, pytest.mark.real_loop, pytest.mark.timeout(180)]


@pytest.fixture
async def config(tmp_path: Path) -> AsyncIterator[Path]:
    """The kubeconfig of a cluster at work, with a namespace `story`."""
    authority = Authority()
    access = Access(authority)
    cluster = SandboxCluster("one", SystemEnv(), SandboxSettings(workloads=WorkloadSettings(speed=20.0)))
    async with HttpsServer(cluster, authority, access) as server, asyncio.TaskGroup() as group:
        context = Context(name="one", server=server.address.url, credential=access.with_token(ADMIN))
        write(tmp_path / "kubeconfig", kubeconfig([context], authority.certificate))
        await cluster.client().send(create(NAMESPACE, {"metadata": {"name": "story"}}, namespace="", manager="test"))
        working = group.create_task(cluster.run())
        yield tmp_path / "kubeconfig"
        working.cancel()


@pytest.mark.parametrize("name", engines.PROGRAM_NAMES)
async def test_helm_does_everything(name: str, config: Path, tmp_path: Path) -> None:
    if name not in engines.PROGRAMS:
        pytest.skip(engines.WHY.format(name))
    came = await play(Helm(name, engines.PROGRAMS[name], config, "story", tmp_path))
    assert wrong(came) == []
