"""One performance of the demo: clusters, installation, controllers, tour, and whatever may go wrong, in order.

`demo` parses flags and signals and imports this module only then.
"""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from sym.aio.env import SystemEnv
from sym.cli import demo_child, demo_install
from sym.cli.demo import Options
from sym.cli.demo_screen import Screen, screen
from sym.cli.demo_tour import CONTEXT, FIRST, WITH_HELM, Tour, Unfinished, World
from sym.cli.demo_world import Stage, lent, simulated
from sym.kube.errors import KubeError
from sym.settings import SandboxSettings, Settings, WorkloadSettings

NAMES = ("tcc-bj4-dks-test-01", "tcc-bj5-dks-test-01")
"""The members of the document's example."""
LOG = "sym-controller.log"
PLAIN, HELM, CANARY = "deployment", "helm", "canary"
INTERRUPTED, FAILED, DONE = 130, 1, 0


class Show:
    """`run` plays it. `code` is the exit code so far: what Ctrl-C would end it with."""

    def __init__(self, options: Options, folder: Path) -> None:
        self._options = options
        self._folder = folder
        self._env = SystemEnv()
        self._settings = Settings(sandbox=SandboxSettings(workloads=WorkloadSettings(speed=options.speed)))
        self.code = INTERRUPTED

    async def run(self) -> None:
        """Everything, on the screen that fits."""
        with screen() as out:
            try:
                await self._clusters(out)
            except* (Unfinished, KubeError) as group:
                self.code = FAILED
                for error in _leaves(group):
                    out.say(f"the demo stopped: {error}")

    async def _clusters(self, out: Screen) -> None:
        async with self._stage() as (world, addresses, registrations):
            for name, address in addresses.items():
                out.say(f"cluster {name} at {address}")
            await demo_install.install(world.meta, [*world.members.values()])
            await demo_install.register(world.meta, registrations)
            await self._controllers(world, out)

    def _stage(self) -> AbstractAsyncContextManager[Stage]:
        if self._options.fleet is not None:
            return lent(self._options.fleet, self._env, self._settings)
        names = [CONTEXT, *member_names(self._options.clusters)]
        return simulated(names, self._folder, self._env, self._settings)

    async def _controllers(self, world: World, out: Screen) -> None:
        log = self._folder / LOG
        flags = (f"--charts-repo=dmall={demo_install.charts()}",) if self._options.scenario == HELM else ()
        async with demo_child.running(demo_child.command(world.kubeconfig, *flags), log) as child:
            out.say(f"kubeconfig {world.kubeconfig}")
            out.say(f"controllers: {' '.join(child.argv)} (pid {child.pid}, log {log})")
            await self._tour(Tour(world, child, out))

    async def _tour(self, tour: Tour) -> None:
        scenario = self._options.scenario
        if scenario == CANARY:
            await tour.roll()
        else:
            await tour.install(WITH_HELM if scenario == HELM else FIRST)
        self.code = DONE
        if self._options.leave:
            return
        if scenario == PLAIN:
            await tour.change()
        tour.suggest()
        await tour.stay()


def member_names(count: int) -> list[str]:
    """The names of `count` members: the example's two, then more of their kind."""
    return [*NAMES, *(f"tcc-bj{number}-dks-test-01" for number in range(6, 4 + count))]


def _leaves(group: BaseExceptionGroup[Unfinished | KubeError]) -> Iterator[Exception]:
    """The errors themselves, out of all groups around them."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
