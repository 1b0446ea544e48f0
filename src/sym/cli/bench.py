"""`sym bench`: what Sym costs and how fast it is on the clusters that somebody has, measured at their API servers.

Method and figures are in `bench/README.md`. The modules `bench_*` do the work and are imported only when it begins.
"""

import asyncio
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import click
from msgspec import Struct

from sym.cli.main import Entry, LazyGroup


class Options(Struct, frozen=True, kw_only=True):
    """The flags of `sym bench propagation`. `audit`: the audit log of each context's API server, where it is known."""

    kubeconfig: str
    meta: str
    members: tuple[str, ...]
    appsets: int
    concurrency: int
    start: bool
    pids: tuple[int, ...]
    audit: Mapping[str, Path]
    patience: float
    output: str


class _Group(LazyGroup):
    table: Mapping[str, Entry] = {
        "propagation": Entry("sym.cli.bench:propagation", "From new AppSets to their aggregated status."),
    }


@click.group("bench", cls=_Group)
def command() -> None:
    """Measure Sym on real or simulated clusters."""


@click.command("propagation")
@click.option("--kubeconfig", default="", help="File whose contexts are the clusters; default: as kubectl's.")
@click.option("--meta", default="meta", show_default=True, help="Context of the meta cluster.")
@click.option("--members", default="", metavar="NAME[,NAME]", help="Contexts of the members; default: all others.")
@click.option("--appsets", type=click.IntRange(1, 20000), default=300, show_default=True, help="AppSets to create.")
@click.option(
    "--concurrency", type=click.IntRange(1, 200), default=20, show_default=True, help="Requests of ours under way."
)
@click.option(
    "--start", is_flag=True, help="Install CRDs, register the members and run controllers of its own; else use yours."
)
@click.option("--pid", "pids", type=int, multiple=True, help="A process of yours whose CPU and memory are told.")
@click.option("--audit", multiple=True, metavar="CONTEXT=FILE", help="Audit log of an API server: counts the writes.")
@click.option("--timeout", "patience", type=click.FloatRange(1), default=600.0, show_default=True, help="Seconds.")
@click.option("--output", "-o", type=click.Choice(["table", "json"]), default="table", show_default=True)
def propagation(
    kubeconfig: str, meta: str, members: str, appsets: int, concurrency: int, start: bool, pids: tuple[int, ...],
    audit: tuple[str, ...], patience: float, output: str,
) -> None:  # fmt: skip
    """Create AppSets and wait for their status.

    One podSet without replicas per member. Before and after, the same writes are sent bare: the floor. Everything
    happens in a namespace of its own, which is removed afterwards.
    """
    options = Options(
        kubeconfig=kubeconfig,
        meta=meta,
        members=tuple(filter(None, members.split(","))),
        appsets=appsets,
        concurrency=concurrency,
        start=start,
        pids=pids,
        audit=audit_logs(audit),
        patience=patience,
        output=output,
    )
    from sym.aio import loops

    sys.exit(loops.run(_until_signal(options)))


def audit_logs(pairs: tuple[str, ...]) -> Mapping[str, Path]:
    """`CONTEXT=FILE` each, as a mapping. Raises UsageError."""
    found: dict[str, Path] = {}
    for pair in pairs:
        context, _, file = pair.partition("=")
        if not context or not file or not Path(file).is_file():
            raise click.UsageError(f"--audit {pair!r}: expected CONTEXT=FILE with a file that is there")
        found[context] = Path(file)
    return found


async def _until_signal(options: Options) -> int:
    from sym.aio.tasks import until
    from sym.cli.bench_course import Course

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    course = Course(options)
    await until(stop, course.run())
    return course.code
