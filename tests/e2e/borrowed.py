"""A simulated cluster behind HTTPS whose controllers and scheduler are Kubernetes' own, as processes of their own.

Simulated stay its API, its nodes and, unless kwok plays them, its kubelets.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from sym.aio.env import SystemEnv
from sym.kube.requests import JSON_TYPE
from sym.model.codec import JSON, JSONMap, dig, dig_list, dig_map
from sym.sandbox.access import ADMIN, Access
from sym.sandbox.ca import Authority
from sym.sandbox.cluster import SandboxCluster
from sym.sandbox.kubeconfig import Context, kubeconfig, write
from sym.sandbox.server import HttpsServer
from sym.settings import SandboxSettings, WorkloadSettings
from tests.sandbox.raw import ask
from tests.wait import until_async
from tools.realfleet.build import Binaries
from tools.realfleet.processes import Process

PATIENCE = 60.0  # seconds: bounds a failing test
TAIL = 40
MANAGER, SCHEDULER, KWOK = "kube-controller-manager", "kube-scheduler", "kwok"
CONTROLLERS = (
    "deployment-controller",
    "replicaset-controller",
    "endpointslice-controller",
    "namespace-controller",
    "garbage-collector-controller",
    "job-controller",
)
REPLACED = frozenset({"deployment", "replicaset", "job", "endpoints", "namespace", "garbage", "scheduler"})
"""The simulated controllers whose work the real ones do."""
TROUBLE = (
    "unable to decode",
    "Failed to watch",
    "failed to list",
    "could not find the requested resource",
    "does not serve",
    "an error on the server",
    "panic",
)
"""What a program says of a server that it does not understand."""


class Round(Struct, frozen=True, kw_only=True):
    """How the programs are run: whether they hold leases, and whether kwok plays the kubelets."""

    elect: bool = False
    kwok: bool = False


class Borrowed:
    """A cluster at which the real programs work."""

    def __init__(self, cluster: SandboxCluster, folder: Path, how: Round) -> None:
        self.cluster = cluster
        self.folder = folder
        self.how = how
        self.processes: list[Process] = []

    def start(self, place: Binaries, name: str, *flags: str) -> None:
        """Start one of the programs."""
        config = self.folder / "kubeconfig"
        process = Process(name, [place[name], f"--kubeconfig={config}", *flags], self.folder / f"{name}.log")
        process.start()
        self.processes.append(process)

    async def end(self) -> None:
        """End what was started: asked at first."""
        for process in self.processes:
            process.signal(signal.SIGTERM)
        try:
            await until_async(self._all_ended, 10.0, "the programs have not ended")
        finally:
            for process in self.processes:
                process.kill()

    async def _all_ended(self) -> bool:
        return all(process.ended for process in self.processes)

    def trouble(self) -> list[str]:
        """The lines of the logs in which a program complains about the server."""
        lines = [line for process in self.processes for line in process.log.read_text().splitlines()]
        return [line for line in lines if any(word in line for word in TROUBLE)]

    def last_words(self) -> str:
        """The ends of the logs."""
        ends = ((process.name, process.log.read_text().splitlines()[-TAIL:]) for process in self.processes)
        return "\n".join(f"--- {name}\n" + "\n".join(lines) for name, lines in ends)

    # the API

    def ask(self, method: str, path: str, body: JSON = None, media: str = JSON_TYPE) -> tuple[int, JSONMap]:
        """Status and body of one answer; a query may follow the path."""
        return ask(self.cluster, method, path, body, media)

    def create(self, path: str, body: JSONMap) -> JSONMap:
        """A new object."""
        code, made = self.ask("POST", path, body)
        assert code == 201, made
        return made

    def get(self, path: str) -> JSONMap:
        """The object at a path, or nothing."""
        code, found = self.ask("GET", path)
        return found if code == 200 else {}

    def list(self, path: str) -> list[JSONMap]:
        """All objects at a path."""
        return [dig_map(item) for item in dig_list(self.get(path), "items")]

    async def until(self, path: str, *steps: str | int, is_: JSON) -> None:
        """Wait until a field of the object at `path` has this value."""
        await self._wait(lambda: dig(self.get(path), *steps) == is_, f"{steps} is {is_}", path)

    async def until_only(self, path: str, count: int) -> None:
        """Wait until so many objects are at `path`."""
        await self._wait(lambda: len(self.list(path)) == count, f"{count} objects are there", path)

    async def until_gone(self, path: str) -> None:
        """Wait until there is no object at `path`."""
        await self._wait(lambda: self.ask("GET", path)[0] == 404, "it is gone", path)

    async def _wait(self, fits: Callable[[], bool], what: str, path: str) -> None:
        async def looked() -> bool:
            for process in self.processes:
                process.check()
            return fits()

        await until_async(looked, PATIENCE, lambda: f"{path}: {what}\n{self.get(path)}\n{self.last_words()}")


@asynccontextmanager
async def borrowed(place: Binaries, folder: Path, how: Round) -> AsyncIterator[Borrowed]:
    """A cluster whose programs from `place` work; their logs are in `folder`."""
    authority = Authority()
    access = Access(authority)
    workloads = WorkloadSettings(speed=50.0, absent=REPLACED | {"kubelet"} if how.kwok else REPLACED)
    cluster = SandboxCluster("one", SystemEnv(), SandboxSettings(workloads=workloads))
    async with HttpsServer(cluster, authority, access) as server, asyncio.TaskGroup() as group:
        context = Context(name="one", server=server.address.url, credential=access.with_certificate(ADMIN))
        write(folder / "kubeconfig", kubeconfig([context], authority.certificate))
        working = group.create_task(cluster.run())
        made = Borrowed(cluster, folder, how)
        common = ("--secure-port=0", f"--leader-elect={str(how.elect).lower()}")
        try:
            made.start(place, MANAGER, *common, f"--controllers={','.join(CONTROLLERS)}")
            made.start(place, SCHEDULER, *common)
            if how.kwok:
                made.start(place, KWOK, "--manage-all-nodes=true")
            yield made
        finally:
            await made.end()
            working.cancel()
