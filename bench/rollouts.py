"""Fifty AppSets that roll at once over two real members: how long after a wave's evidence the next one is written, and
whether the order of changes was right each time, read from the members' own histories; then again, a hundred rollouts,
while processes of the members are held for random moments.

Run: `sh dev.sh up` in another terminal, then `.venv/bin/python bench/rollouts.py .fleet [APPSETS [ROUNDS]]`. Each of
the AppSets is the document's example (three groups in each of two members, ten pods) without gates. Evidence is the
worker's last status of the AppSet's child in any member, the next write the master's next change of its children, both
at the servers: from the answer to the one until the other came in, by the audit logs.
"""

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from statistics import quantiles

from msgspec import Struct

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sym.aio.env import LoopEnv, SystemEnv
from sym.cli import demo_child
from sym.cli.bench import Options
from sym.cli.bench_count import usage
from sym.cli.bench_ground import Ground, reached, spread
from sym.kube.requests import ListOptions
from sym.model.appset import AppSet
from sym.model.codec import DecodeError, JSONMap, as_map, decode
from sym.model.kinds import APPSET, NAMESPACE
from sym.model.meta import META
from tests.oracle.fleet import servers
from tests.oracle.history import Histories, histories, out_of_order
from tests.rollouts import example, waves

HELD = ("kube-apiserver", "kube-controller-manager", "kwok")
LONGEST = 1.5  # seconds that a process is held


class _Object(Struct, rename="camel"):
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""


class _Event(Struct, rename="camel"):
    verb: str = ""
    stage: str = ""
    user_agent: str = ""
    object_ref: _Object | None = None
    request_received_timestamp: datetime | None = None
    stage_timestamp: datetime | None = None


class Step(Struct, frozen=True):
    """A write of ours to a child: when the request came in and when it was answered. `status`: it was the worker's."""

    came: datetime
    answered: datetime
    status: bool


def steps(logs: Mapping[str, Path], since: Mapping[str, int], namespace: str) -> dict[str, list[Step]]:
    """By AppSet, in the order in which they came in."""
    found: dict[str, list[Step]] = {}
    for name, path in logs.items():
        with path.open("rb") as log:
            log.seek(since[name])
            for line in log:
                with contextlib.suppress(DecodeError):
                    event = decode(line, _Event)
                    about = event.object_ref
                    ours = event.user_agent.startswith("sym-controller/") and event.stage == "ResponseComplete"
                    if not ours or about is None or event.verb != "patch" or about.namespace != namespace:
                        continue
                    came, answered = event.request_received_timestamp, event.stage_timestamp
                    if about.resource == "advdeployments" and came and answered:
                        one = Step(came, answered, about.subresource == "status")
                        found.setdefault(about.name, []).append(one)
    return {name: sorted(each, key=lambda step: step.came) for name, each in found.items()}


def reactions(found: Mapping[str, list[Step]]) -> Iterator[float]:
    """Seconds from each evidence to the write that followed it: from the second wave of each AppSet on."""
    for each in found.values():
        evidence: datetime | None = None
        for step in each:
            if step.status:
                evidence = step.answered
            elif evidence is not None:
                yield (step.came - evidence).total_seconds()
                evidence = None


async def all_run(ground: Ground, version: str, count: int) -> None:
    """Wait until all say that they run one version everywhere."""
    while True:
        found, _ = await ground.apis[META].list_all(APPSET, AppSet, ListOptions(namespace=ground.namespace))
        done = sum(
            each.status.observed_generation == each.metadata.generation
            and (each.status.aggr_status.status, each.status.aggr_status.version) == ("Running", version)
            for each in found
        )
        if done >= count:
            return
        await asyncio.sleep(0.5)


def body(name: str, version: str, namespace: str) -> JSONMap:
    """One AppSet."""
    app = example(name, version, needWaitingForConfirm=False, minReadySeconds=0)
    return {**app, "metadata": {**as_map(app["metadata"]), "namespace": namespace}}


async def to(ground: Ground, version: str, count: int) -> float:
    """Give all of them a version, and wait. Seconds."""

    async def one(number: int) -> None:
        await ground.apis[META].apply(APPSET, body(f"shop{number:03}", version, ground.namespace), "bench", force=True)

    began = time.monotonic()
    await spread(range(count), one, 20)
    await all_run(ground, version, count)
    return time.monotonic() - began


def wrong(history: Histories, ground: Ground, version: str, count: int) -> list[str]:
    """What was out of order."""
    moments = history.of(ground.namespace)
    found: list[str] = []
    for number in range(count):
        name = f"shop{number:03}"
        mine = [each for each in moments if each.name.startswith(name)]
        found += out_of_order(mine, waves(name), version)
    return found


@contextlib.contextmanager
def disturbed(fleet: Path, members: tuple[str, ...], seed: int) -> Iterator[list[int]]:
    """Holds processes of the members for random moments while the block lasts. Counts how many."""
    dice, over, count = LoopEnv(seed).random(), threading.Event(), [0]

    def work() -> None:
        while not over.wait(dice.uniform(0.1, 1.0)):
            pid = next(iter(pids(fleet, dice.choice(members), dice.choice(HELD))), None)
            if pid is None:
                continue
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                try:
                    time.sleep(dice.uniform(0.05, LONGEST))
                finally:
                    os.kill(pid, signal.SIGCONT)
                count[0] += 1

    thread = threading.Thread(target=work, name="disturbance")
    thread.start()
    try:
        yield count
    finally:
        over.set()
        thread.join()


def pids(fleet: Path, member: str, program: str) -> Iterator[int]:
    """The processes of one program of a member."""
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            argv = place.read_bytes().decode(errors="replace").split("\0")
            if Path(argv[0]).name == program and any(f"{fleet}/{member}/" in each for each in argv):
                yield int(place.parent.name)


async def main(fleet: Path, audit: dict[str, Path], count: int, rounds: int) -> None:
    """Measure and print. The fleet is left as it is then: it was made for this."""
    options = Options(
        kubeconfig=str(fleet / "kubeconfig.yaml"), meta="meta", members=(), appsets=count, concurrency=20, start=True,
        pids=(), audit=audit, patience=600.0, output="table",
    )  # fmt: skip
    reach = servers(fleet / "kubeconfig.yaml")
    with tempfile.TemporaryDirectory() as made:
        async with reached(options, SystemEnv()) as ground:
            await ground.install()
            for api in ground.apis.values():
                space: JSONMap = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ground.namespace}}
                await api.create(NAMESPACE, space, "bench")
            argv = demo_child.command(fleet / "kubeconfig.yaml")
            async with demo_child.running(argv, Path(made) / "controller.log") as child:
                await asyncio.sleep(5)
                print(f"{count} AppSets installed in {await to(ground, 'v3', count):.1f} s")
                with histories({name: reach[name] for name in ground.members}) as history:
                    await asyncio.sleep(3)
                    await calm(ground, history, audit, count, child.pid)
                    for number in range(rounds):
                        await wild(ground, history, fleet, count, number)


async def calm(ground: Ground, history: Histories, audit: dict[str, Path], count: int, pid: int) -> None:
    """All at once, undisturbed: the time from evidence to the next write."""
    since, before = {name: path.stat().st_size for name, path in audit.items()}, usage((pid,))
    seconds = await to(ground, "v4", count)
    await asyncio.sleep(2)
    after = usage((pid,))
    found = sorted(reactions(steps(audit, since, ground.namespace)))
    hundredth = quantiles(found, n=100)
    cpu = after.cpu - before.cpu if after and before else 0.0
    print(f"{count} rollouts of 6 waves at once: {seconds:.1f} s, CPU {cpu:.1f} s")
    print(
        f"evidence to next write: {len(found)} of them, p50 {hundredth[49]:.3f} s, p99 {hundredth[98]:.3f} s,"
        f" worst {found[-1]:.3f} s"
    )
    report(wrong(history, ground, "v4", count), count)


async def wild(ground: Ground, history: Histories, fleet: Path, count: int, number: int) -> None:
    """All at once again, under random delays of the members."""
    version = f"v{5 + number}"
    with disturbed(fleet, ground.members, number) as held:
        seconds = await to(ground, version, count)
    await asyncio.sleep(2)
    print(f"{count} rollouts with {held[0]} processes held for up to {LONGEST} s: {seconds:.1f} s")
    report(wrong(history, ground, version, count), count)


def report(found: list[str], count: int) -> None:
    """Whether the order was right."""
    print(f"order right {count - len({each.split()[0] for each in found})} times of {count}", *found[:10], sep="\n  ")


if __name__ == "__main__":
    place = Path(sys.argv[1]).resolve()
    logs_of = {log.parent.name: log for log in place.glob("*/audit.log")}
    numbers = [int(each) for each in sys.argv[2:4]]
    asyncio.run(main(place, logs_of, *numbers, *(50, 2)[len(numbers) :]))
