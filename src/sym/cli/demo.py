"""`sym demo`: everything on this machine, from nothing to a running application, with nothing but Python.

Simulated clusters serve real Kubernetes APIs in this process; the controllers run as their own process, as they do in a
real installation. Whatever way the demo ends, the process and the files of the demo go with it.
"""

import asyncio
import contextlib
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
from msgspec import Struct


class Options(Struct, frozen=True, kw_only=True):
    """The flags of `sym demo`."""

    leave: bool
    clusters: int
    speed: float
    folder: Path | None
    keep: bool
    fleet: Path | None
    scenario: str


@click.command("demo")
@click.option("--exit", "leave", is_flag=True, help="End as soon as the application is Running: 0 then, else 1.")
@click.option(
    "--clusters",
    type=click.IntRange(2, 50),
    default=2,
    show_default=True,
    help="Member clusters beside the meta cluster.",
)
@click.option(
    "--speed",
    type=click.FloatRange(0.1, 1000),
    default=10.0,
    show_default=True,
    help="Divides what simulated pods and workloads wait for, as pod start and minReadySeconds.",
)
@click.option(
    "--dir", "folder", type=click.Path(file_okay=False, path_type=Path), help="Keep kubeconfig and logs in this folder."
)
@click.option("--keep-logs", "keep", is_flag=True, help="Leave kubeconfig and logs behind.")
@click.option(
    "--fleet",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Instead of simulated clusters: those of this kubeconfig, on this machine; context `meta` and the members.",
)
@click.option(
    "--scenario", type=click.Choice(("deployment", "helm", "canary")), default="deployment", show_default=True,
    help="Deployments of Sym's; Helm releases (needs helm, or the extra `helm`); a rollout from v3 to v4 with gates.",
)  # fmt: skip
def command(
    leave: bool, clusters: int, speed: float, folder: Path | None, keep: bool, fleet: Path | None, scenario: str
) -> None:
    """Run everything on simulated clusters on this machine."""
    options = Options(
        leave=leave, clusters=clusters, speed=speed, folder=folder, keep=keep, fleet=fleet, scenario=scenario
    )
    sys.exit(start(options))


def start(options: Options) -> int:
    """Run the demo. Returns the exit code."""
    with _folder(options) as folder:
        return asyncio.run(_until_signal(options, folder))


@contextlib.contextmanager
def _folder(options: Options) -> Iterator[Path]:
    """Where kubeconfig and logs go; gone afterwards unless somebody wants to keep it."""
    if options.folder is not None:
        options.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield options.folder.resolve()
        return
    made = Path(tempfile.mkdtemp(prefix="sym-demo-"))
    try:
        yield made
    finally:
        if not options.keep:
            shutil.rmtree(made, ignore_errors=True)


async def _until_signal(options: Options, folder: Path) -> int:
    from sym.aio.tasks import until
    from sym.cli.demo_show import Show

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    show = Show(options, folder)
    await until(stop, show.run())
    return show.code
