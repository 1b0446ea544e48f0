"""The Helm story on a real cluster and on a simulated one: every step comes to the same, with either Helm."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sym.aio.env import SystemEnv
from sym.sandbox.access import ADMIN, Access
from sym.sandbox.ca import Authority
from sym.sandbox.cluster import SandboxCluster
from sym.sandbox.kubeconfig import Context, kubeconfig, write
from sym.sandbox.server import HttpsServer
from sym.settings import SandboxSettings, WorkloadSettings
from tests.helm_story import Came, Helm, play
from tests.kube.helm import engines
from tools.realfleet.build import Binaries
from tools.realfleet.fleet import planes
from tools.realfleet.plane import Parts, Plane

pytestmark = [pytest.mark.anyio, pytest.mark.real_loop, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def plane(programs: Binaries, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """A real cluster with controllers, scheduler and kwok."""
    with planes(tmp_path_factory.mktemp("story"), programs, {"story": Parts(nodes=2)}) as (made,):
        yield made


@pytest.fixture
async def simulated(tmp_path: Path) -> AsyncIterator[Path]:
    """The kubeconfig of a simulated cluster at work."""
    authority = Authority()
    access = Access(authority)
    cluster = SandboxCluster("one", SystemEnv(), SandboxSettings(workloads=WorkloadSettings(speed=20.0)))
    async with HttpsServer(cluster, authority, access) as server, asyncio.TaskGroup() as group:
        context = Context(name="one", server=server.address.url, credential=access.with_token(ADMIN))
        write(tmp_path / "kubeconfig", kubeconfig([context], authority.certificate))
        working = group.create_task(cluster.run())
        yield tmp_path / "kubeconfig"
        working.cancel()


async def _told(name: str, kubeconfig_: Path, home: Path) -> list[Came]:
    """The whole story in a namespace of its own."""
    return await play(Helm(name, engines.PROGRAMS[name], kubeconfig_, "default", home))


@pytest.mark.parametrize("name", engines.PROGRAM_NAMES)
async def test_both_servers_come_to_the_same(name: str, plane: Plane, simulated: Path, tmp_path: Path) -> None:
    for home in ("real", "ours"):
        (tmp_path / home).mkdir()
    async with asyncio.TaskGroup() as group:
        real = group.create_task(_told(name, plane.kubeconfig, tmp_path / "real"))
        ours = group.create_task(_told(name, simulated, tmp_path / "ours"))
    pairs = zip(ours.result(), real.result(), strict=True)
    assert [pair for pair in pairs if pair[0] != pair[1]] == []
