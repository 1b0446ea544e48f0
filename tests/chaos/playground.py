"""Simulated clusters over HTTPS in a thread of their own, and the controllers as an OS process that can be killed.

The demo's own parts put them up, so the process meets exactly what it meets in the demo. `Traffic` counts what the API
servers were asked to change, by user agent, at the servers; `Trap` kills at a given write. Relies on `sandbox.audit`.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from sym.aio.env import SystemEnv
from sym.cli import demo_child, demo_install
from sym.cli.demo_tour import CONTEXT, World
from sym.cli.demo_world import reached, served
from sym.sandbox.audit import Record
from sym.settings import SandboxSettings, Settings, WorkloadSettings
from tests.make import BJ4, BJ5

T = TypeVar("T")
SPEED = 50.0
AGENT = "sym-controller/"
HELM_AGENT = "Helm/"
PATIENCE = 60.0  # seconds: bounds a failing test
LOCKS = ("--lease-duration", "1", "--renew-deadline", "0.8", "--retry-period", "0.2")
"""A killed holder's locks are free after a second instead of fifteen; the same flags that an operator has."""


def ours(record: Record) -> bool:
    """Whether the controllers asked for a change, locks apart."""
    return record.write and record.agent.startswith(AGENT) and record.place.resource != "leases"


def helms(record: Record) -> bool:
    """Whether a Helm asked for a change."""
    return record.write and record.agent.startswith(HELM_AGENT)


@dataclass
class Trap:
    """Kills at the `n`-th write from now on that `counts`: before its answer leaves, or (`late`) right after."""

    n: int
    late: bool
    kill: Callable[[], None]
    counts: Callable[[Record], bool] = ours
    fired: bool = False

    def __str__(self) -> str:
        return f"write {self.n}, {'after' if self.late else 'before'} its answer"


@dataclass
class Traffic:
    """What the servers were asked to change by the controllers. Filled by the sandbox's thread."""

    writes: list[Record] = field(default_factory=list[Record])
    locks: int = 0
    """How often a lock was written."""
    asked: list[Record] = field(default_factory=list[Record])
    """The same with the writes of locks among them."""
    helm: list[Record] = field(default_factory=list[Record])
    """What Helm was answered to its writes, in any cluster."""
    trap: Trap | None = None
    last: float = field(default_factory=time.monotonic)

    def hear(self, record: Record) -> None:
        """Note a request; spring the trap."""
        if record.write and record.agent.startswith(AGENT):
            self.asked.append(record)
        self.locks += record.write and record.place.resource == "leases"
        if ours(record):
            self.writes.append(record)
        if helms(record):
            self.helm.append(record)
        if ours(record) or helms(record):
            self.last = time.monotonic()
        self._spring(record)

    def _spring(self, record: Record) -> None:
        if (trap := self.trap) is not None and not trap.fired and trap.counts(record):
            trap.n -= 1
            if trap.n == 0:
                trap.fired = True
                if trap.late:
                    asyncio.get_running_loop().call_soon(trap.kill)
                else:
                    trap.kill()

    def quiet(self, seconds: float) -> bool:
        """Whether nothing was asked for so long."""
        return time.monotonic() - self.last >= seconds


class Playground:
    """The clusters `meta`, BJ4 and BJ5 with Sym installed, as in a real installation, but for the controllers."""

    def __init__(self, portal: BlockingPortal, traffic: Traffic, world: World) -> None:
        self._portal = portal
        self._world = world
        self.traffic = traffic
        self.kubeconfig = world.kubeconfig

    def do(self, work: Callable[[World], Awaitable[T]]) -> T:
        """Do something through the clusters' APIs, as a person would."""
        return self._portal.call(work, self._world)


@contextmanager
def playground(folder: Path, members: tuple[str, ...] = (BJ4, BJ5)) -> Iterator[Playground]:
    """A playground, from its start to its end. It lives in a thread with a loop of its own."""
    traffic = Traffic()
    clusters = _clusters(folder, members, traffic)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(clusters) as world:
        yield Playground(portal, traffic, world)


@asynccontextmanager
async def _clusters(folder: Path, members: tuple[str, ...], traffic: Traffic) -> AsyncIterator[World]:
    env, settings = SystemEnv(), Settings(sandbox=SandboxSettings(workloads=WorkloadSettings(speed=SPEED)))
    async with served((CONTEXT, *members), env, settings) as clusters:
        for each in clusters:
            each.cluster.api.listeners.append(traffic.hear)
        async with reached(clusters, folder, env, settings) as world:
            await demo_install.install(world.meta, list(world.members.values()))
            await demo_install.register(world.meta, {each.cluster.name: each.registration() for each in clusters[1:]})
            yield world


class Controller:
    """`sym-controller controller …` as its own process, started as often as wanted."""

    def __init__(self, kubeconfig: Path, log: Path, *flags: str) -> None:
        self._argv = [*demo_child.command(kubeconfig), *LOCKS, *flags]
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                self._argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )

    def kill(self) -> None:
        """SIGKILL by its pid. May be called from any thread, as the two below."""
        self._send(signal.SIGKILL)

    def children(self) -> frozenset[int]:
        """The pids of the processes that it has started and that live."""
        assert self._process is not None
        return frozenset(pid for pid, parent in _parents() if parent == self._process.pid)

    def pause(self) -> None:
        """SIGSTOP."""
        self._send(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        self._send(signal.SIGCONT)

    def restart(self) -> None:
        """Start it anew once the killed one is gone."""
        self.end()
        self.start()

    def end(self) -> None:
        """Wait for its end, which is forced if it does not come."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)

    def _send(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def last_words(self) -> str:
        """The end of its log."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-30:])


def _parents() -> Iterator[tuple[int, int]]:
    """Pid and parent of each process of this machine."""
    for place in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            yield int(place.parent.name), int(place.read_text().rpartition(")")[2].split()[1])
