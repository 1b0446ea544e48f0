"""A hundred Helm releases over two members: time, CPU and memory from new AppSets to `Running`, and a second pass of a
controller that is started anew, which must write nothing.

Run: `sh dev.sh up` in another terminal, then `.venv/bin/python bench/releases.py .fleet [APPSETS]`. Each AppSet has one
podSet of the chart examples/charts/springBoot per member, with one pod. CPU is user and system time of the controller
with all Helm processes that it waited for; memory the controller's peak, and beside it the peak of the largest Helm.
The floor is Helm itself: the same number of `helm install` of the same chart, one after another, with nobody thinking.
"""

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from sym.aio.env import SystemEnv
from sym.cli import demo_child, demo_install
from sym.cli.bench import Options
from sym.cli.bench_count import AuditLogs, Write, usage
from sym.cli.bench_ground import Ground, reached, spread
from sym.kube.helm.find import find_program
from sym.kube.requests import ListOptions
from sym.model.appset import AppSet
from sym.model.codec import JSONMap
from sym.model.kinds import APPSET, NAMESPACE
from sym.model.meta import META
from sym.settings import HelmSettings

TICKS = os.sysconf("SC_CLK_TCK")
QUIET = 20.0  # seconds that the second pass is watched
OURS = ("sym-controller/", "Helm/")


def app(name: str, namespace: str, members: tuple[str, ...]) -> JSONMap:
    """An AppSet with one release per member."""
    places = [
        {"name": member, "podSets": [{"name": f"{name}-gz0{number}a-green", "replicas": 1, "version": "v1"}]}
        for number, member in enumerate(members, start=1)
    ]
    spec = {
        "podSpec": {"deployType": "helm", "chart": {"chartUrl": {"url": "dmall/springBoot"}}},
        "clusterTopology": {"clusters": places},
    }
    return {
        "apiVersion": APPSET.api_version,
        "kind": APPSET.name,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def spent(pid: int) -> float:
    """CPU seconds of a process and of the children that it waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


def largest_helm(pid: int) -> int:
    """Bytes of the largest Helm process of a controller at this moment."""
    found = [0]
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            text = status.read_text()
            if f"PPid:\t{pid}\n" in text and text.startswith("Name:\thelm"):
                found += [int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("VmHWM:")]
    return max(found)


def ours(logs: AuditLogs) -> dict[Write, int]:
    """Writes of the controllers and their Helm, Leases and Events apart."""
    skipped = ("leases", "events")
    return {
        write: count
        for write, count in logs.writes().items()
        if write.agent.startswith(OURS) and write.resource not in skipped
    }


@contextlib.asynccontextmanager
async def controllers(fleet: Path, folder: Path) -> AsyncIterator[int]:
    """A controller process; its pid."""
    argv = demo_child.command(fleet / "kubeconfig.yaml", f"--charts-repo=dmall={demo_install.charts()}")
    async with demo_child.running(argv, folder / "controller.log") as child:
        yield child.pid


async def running(ground: Ground) -> int:
    """How many AppSets say, of their own generation, that they run."""
    found, _ = await ground.apis[META].list_all(APPSET, AppSet, ListOptions(namespace=ground.namespace))
    return sum(
        each.status.observed_generation == each.metadata.generation and each.status.aggr_status.status == "Running"
        for each in found
    )


async def all_run(ground: Ground, count: int, pid: int) -> int:
    """Wait until all run; the size of the largest Helm that was seen."""
    largest = 0
    while await running(ground) < count:
        largest = max(largest, largest_helm(pid))
        await asyncio.sleep(0.3)
    return largest


def floor(fleet: Path, folder: Path, count: int) -> tuple[float, float]:
    """Seconds and CPU seconds of so many bare installs of the same chart, one after another."""
    helm, before, start = find_program(HelmSettings()), os.times(), time.monotonic()
    assert helm is not None, "there is no helm here"
    values = folder / "values.yaml"
    values.write_text("container: {image: {tag: v1}}\nreplicaCount: 0\n")
    context = next(name for name in ("tcc-bj4-dks-test-01",))
    for number in range(count):
        where = [
            "--kubeconfig",
            str(fleet / "kubeconfig.yaml"),
            "--kube-context",
            context,
            "--namespace",
            "bench-floor",
        ]
        argv = [str(helm), "install", f"floor-{number}", str(demo_install.charts() / "springBoot"), "-f", str(values)]
        subprocess.run([*argv, *where, "--create-namespace"], check=True, capture_output=True)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return time.monotonic() - start, cpu


def lines(found: dict[Write, int]) -> Iterator[str]:
    """A line for each kind of write."""
    for write, count in sorted(found.items()):
        yield f"    {write.agent:28} {write.verb:8} {write.resource:28} {write.code}  {count}"


async def main(fleet: Path, audit: dict[str, Path], count: int) -> None:
    """Measure and print. The fleet is left as it is then: it was made for this."""
    options = Options(
        kubeconfig=str(fleet / "kubeconfig.yaml"), meta="meta", members=(), appsets=count, concurrency=20, start=True,
        pids=(), audit=audit, patience=600.0, output="table",
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        async with reached(options, SystemEnv()) as ground:
            await ground.install()
            for api in ground.apis.values():
                body: JSONMap = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ground.namespace}}
                await api.create(NAMESPACE, body, "bench")
            await first(ground, fleet, folder, count, AuditLogs(audit))
            await second(ground, fleet, folder, count, audit)
            seconds, cpu = await asyncio.to_thread(floor, fleet, folder, 20)
            releases = count * len(ground.members)
            print(f"floor: helm install, one after another: {seconds / 20:.2f} s and {cpu / 20:.2f} s of CPU each,")
            print(f"       {releases} of them {cpu / 20 * releases:.0f} s of CPU")


async def first(ground: Ground, fleet: Path, folder: Path, count: int, logs: AuditLogs) -> None:
    """From new AppSets to `Running`."""
    async with controllers(fleet, folder) as pid:
        await asyncio.sleep(5)  # until it holds its locks
        before, start = spent(pid), time.monotonic()

        async def one(number: int) -> None:
            body = app(f"web-{number:03}", ground.namespace, ground.members)
            await ground.apis[META].apply(APPSET, body, "bench")

        await spread(range(count), one, 20)
        largest = await all_run(ground, count, pid)
        seconds, cpu, peak = time.monotonic() - start, spent(pid) - before, usage((pid,))
        await asyncio.sleep(3)
        found = ours(logs)
        releases = count * len(ground.members)
        print(f"{releases} releases, {count} AppSets over {len(ground.members)} members")
        print(f"time   {seconds:.1f} s, {seconds / releases:.2f} s a release")
        print(f"CPU    {cpu:.1f} s, {cpu / releases:.2f} s a release, Helm's processes among it")
        print(f"memory {(peak.peak_bytes if peak else 0) >> 20} MB, and {largest >> 20} MB the largest Helm")
        print(f"writes {sum(found.values())}, {sum(found.values()) / releases:.1f} a release:", *lines(found), sep="\n")


async def second(ground: Ground, fleet: Path, folder: Path, count: int, audit: dict[str, Path]) -> None:
    """A controller that is started anew finds nothing to do."""
    logs = AuditLogs(audit)
    async with controllers(fleet, folder) as pid:
        before = spent(pid)
        await asyncio.sleep(QUIET)
        found = ours(logs)
        print(
            f"second pass, {QUIET:.0f} s: {sum(found.values())} writes, CPU {spent(pid) - before:.1f} s",
            *lines(found),
            sep="\n",
        )
        assert await running(ground) == count


if __name__ == "__main__":
    place = Path(sys.argv[1]).resolve()
    logs_of = {log.parent.name: log for log in place.glob("*/audit.log")}
    asyncio.run(main(place, logs_of, int(sys.argv[2]) if len(sys.argv) > 2 else 50))
