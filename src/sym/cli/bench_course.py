"""One run of `sym bench propagation`, in order: ground, floor, controllers, AppSets, floor again, and the way back."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import click

from sym.aio.env import SystemEnv
from sym.cli import demo_child
from sym.cli.bench import Options
from sym.cli.bench_count import AuditLogs, usage
from sym.cli.bench_floor import MANAGER, Bare, appset, name_of, pod_set, recipe
from sym.cli.bench_ground import Ground, Problem, reached, spread
from sym.cli.bench_report import Floor, Report, Run, report, table
from sym.cli.bench_watch import Timeline
from sym.kube.errors import KubeError
from sym.model.codec import encode
from sym.model.kinds import APPSET
from sym.model.meta import META

_WARM = 90.0  # seconds until the first AppSet runs: controllers start, take their locks, fill their caches
_LINGER = 3.0  # seconds after the last status in which a write that comes late is still counted
INTERRUPTED, FAILED, DONE = 130, 1, 0


class Course:
    """`run` does everything. `code` is the exit code so far."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._env = SystemEnv()
        self.code = INTERRUPTED

    async def run(self) -> None:
        """Measure and print."""
        try:
            async with reached(self._options, self._env) as ground:
                found = await self._on(ground)
        except* (Problem, KubeError, OSError) as group:
            self.code = FAILED
            for error in _leaves(group):
                click.echo(f"Error: {error}", err=True)
        else:
            self.code = DONE
            click.echo(encode(found).decode() if self._options.output == "json" else table(found))

    async def _on(self, ground: Ground) -> Report:
        with tempfile.TemporaryDirectory(prefix="sym-bench-") as folder:
            log = Path(folder) / "sym-controller.log"
            try:
                if self._options.start:
                    await ground.install()
                await ground.prepare()
                return await self._measured(ground, log)
            finally:
                self._say(f"removing namespace {ground.namespace} and what is in it")
                async with self._controllers(log):
                    await ground.clear()

    async def _measured(self, ground: Ground, log: Path) -> Report:
        options, steps = self._options, recipe(ground.namespace, ground.members)
        bare = Bare(ground.apis, steps, options.concurrency)
        await bare.send([name_of("v", 0)])  # connections, and what servers put off until a kind is first used
        before = await self._floor(bare, "a")
        await ground.calm(options.patience)
        async with self._controllers(log) as pids:
            run = await self._propagate(ground, pids)
        await ground.calm(options.patience)
        after = await self._floor(bare, "z")
        return report(run, len(ground.members), options.concurrency, bare.writes, (before, after))

    async def _floor(self, bare: Bare, letter: str) -> Floor:
        self._say("sending the same writes bare")
        return Floor(*await bare.send([name_of(letter, number) for number in range(self._options.appsets)]))

    @asynccontextmanager
    async def _controllers(self, log: Path) -> AsyncIterator[tuple[int, ...]]:
        """The pids of the controllers: our own, started here and ended with the block, or those that were named."""
        options = self._options
        if not options.start:
            yield options.pids
            return
        argv = [*demo_child.command(Path(options.kubeconfig)), "--context", options.meta]
        async with demo_child.running(argv, log) as child:
            yield (*options.pids, child.pid)
            if child.ended:
                raise Problem(child.obituary())

    async def _propagate(self, ground: Ground, pids: tuple[int, ...]) -> Run:
        timeline = Timeline(ground.apis, ground.namespace, self._env)
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(timeline.run(), name="timeline")
            await self._create(ground, timeline, 1, "w")
            await self._done(timeline, _WARM, "are the controllers running, and the members registered by these names?")
            await asyncio.sleep(_LINGER)
            timeline.times.clear()
            logs, before = AuditLogs(self._options.audit), usage(pids)
            self._say(f"creating {self._options.appsets} AppSets")
            await self._create(ground, timeline, self._options.appsets, "r")
            await self._done(timeline, self._options.patience, "look at one with kubectl describe as")
            after = usage(pids)
            await asyncio.sleep(_LINGER)
            watching.cancel()
        counted = logs.writes() if self._options.audit else None
        return Run(times=timeline.times, counted=counted, before=before, after=after)

    async def _create(self, ground: Ground, timeline: Timeline, count: int, letter: str) -> None:
        async def one(number: int) -> None:
            name = name_of(letter, number)
            timeline.expect(name, [(member, pod_set(name, n)) for n, member in enumerate(ground.members)])
            await ground.apis[META].create(APPSET, appset(name, ground.namespace, ground.members), MANAGER)

        await spread(range(count), one, self._options.concurrency)

    async def _done(self, timeline: Timeline, seconds: float, hint: str) -> None:
        try:
            async with asyncio.timeout(seconds):
                await timeline.all_done.wait()
        except TimeoutError:
            raise Problem(f"{timeline.left} AppSets are not Running after {seconds:.0f} s; {hint}") from None

    def _say(self, text: str) -> None:
        click.echo(text, err=True)


def _leaves(group: BaseExceptionGroup[Problem | KubeError | OSError]) -> Iterator[Exception]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
