"""`sym-controller controller` (alias `ctl`): the controllers as a process. Flags win over SYM_* variables.

Exit codes: 0 after a signal, 1 when the process cannot go on, 2 for flags that make no sense.
"""

import asyncio
import os
import platform
import signal
import socket
import sys
from collections.abc import Mapping
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import click
from msgspec.structs import replace

from sym.cli.main import installed_version
from sym.settings import AnalysisSettings, ChartSettings, ControllerSettings, HelmSettings, KubeSettings, Settings

if TYPE_CHECKING:
    from sym.aio.env import Env
    from sym.clusters.releases import Helm
    from sym.controllers.process import Options
    from sym.kube.connection import Connection

_DEFAULTS = ControllerSettings()
_ENGINES: Mapping[str, Literal["auto", "cli", "sdk"]] = {"cli": "cli", "sdk": "sdk"}


def in_pod() -> bool:
    """Whether this process runs in a pod of a cluster."""
    return "KUBERNETES_SERVICE_HOST" in os.environ


@click.command("controller")
@click.option("--enable-master/--no-enable-master", envvar="SYM_ENABLE_MASTER", help="AppSets to AdvDeployments.")
@click.option("--enable-worker/--no-enable-worker", envvar="SYM_ENABLE_WORKER", help="AdvDeployments to workloads.")
@click.option(
    "--worker-clusters",
    envvar="SYM_WORKER_CLUSTERS",
    default="self",
    show_default=True,
    metavar="self|all|NAME[,NAME]",
    help="Clusters that the worker serves: its own, all registered ones, or these.",
)
@click.option("-c", "--kubeconfig", envvar="SYM_KUBECONFIG", default="", help="File; default: the pod's own account.")
@click.option("--context", envvar="SYM_CONTEXT", default="", help="Context of the file; default: its current one.")
@click.option(
    "--threadiness", envvar="SYM_THREADINESS", type=click.IntRange(1, 256), default=_DEFAULTS.threadiness,
    show_default=True, help="Reconciles at once, per controller.",
)  # fmt: skip
@click.option("--http-addr", envvar="SYM_HTTP_ADDR", default="", help="HOST:PORT of /live, /ready, /metrics.")
@click.option(
    "--leader-election", envvar="SYM_LEADER_ELECTION", type=bool, default=True, show_default=True,
    help="Whether the master waits for its lock; false only where one process is certain.",
)  # fmt: skip
@click.option(
    "--lease-duration", envvar="SYM_LEASE_DURATION", type=click.IntRange(1, 3600),
    default=round(_DEFAULTS.lease_duration), show_default=True,
    help="Seconds without a renewal after which others take over a lock.",
)  # fmt: skip
@click.option(
    "--renew-deadline", envvar="SYM_RENEW_DEADLINE", type=click.FloatRange(0.1, 3600), default=_DEFAULTS.renew_deadline,
    show_default=True, help="Seconds without a renewal after which a holder stops by itself.",
)  # fmt: skip
@click.option(
    "--retry-period", envvar="SYM_RETRY_PERIOD", type=click.FloatRange(0.05, 600), default=_DEFAULTS.retry_period,
    show_default=True, help="Seconds between two tries to take or renew a lock.",
)  # fmt: skip
@click.option(
    "--helm-engine", envvar="SYM_HELM_ENGINE", type=click.Choice(("auto", "cli", "sdk", "off")), default="auto",
    show_default=True, help="What installs charts: the helm program, Helm's library, whichever there is, or nothing.",
)  # fmt: skip
@click.option("--helm-program", envvar="SYM_HELM_PROGRAM", default="", metavar="FILE", help="Default: helm on PATH.")
@click.option(
    "--helm-kinds", envvar="SYM_HELM_KINDS", default="", metavar="KIND[.GROUP][,…]",
    help="Kinds that charts may hold besides the usual ones.",
)  # fmt: skip
@click.option(
    "--helm-timeout", envvar="SYM_HELM_TIMEOUT", type=click.FloatRange(10, 3600), default=HelmSettings().deadline,
    show_default=True, help="Seconds for one operation of Helm's, hooks included.",
)  # fmt: skip
@click.option("--helm-hooks/--no-helm-hooks", envvar="SYM_HELM_HOOKS", default=True, help="Whether hooks run.")
@click.option(
    "--charts-repo", "charts_repos", envvar="SYM_CHARTS_REPO", multiple=True, metavar="ALIAS=URL|FOLDER",
    help="A chart repository: https://, oci:// or a folder; again for more.",
)  # fmt: skip
@click.option(
    "--charts-private-host", "charts_hosts", envvar="SYM_CHARTS_PRIVATE_HOST", multiple=True, metavar="HOST",
    help="A host of charts that may have a private address; again for more.",
)  # fmt: skip
@click.option(
    "--charts-ca-file", envvar="SYM_CHARTS_CA_FILE", default="", metavar="FILE",
    help="PEM of authorities that chart repositories may have certificates of, beside the system's.",
)  # fmt: skip
@click.option(
    "--analysis-private-host", "analysis_hosts", envvar="SYM_ANALYSIS_PRIVATE_HOST", multiple=True, metavar="HOST",
    help="A host of measurements (Prometheus) that may have a private address; again for more.",
)  # fmt: skip
@click.option(
    "--analysis-ca-file", envvar="SYM_ANALYSIS_CA_FILE", default="", metavar="FILE",
    help="PEM of authorities that sources of measurements may have certificates of, beside the system's.",
)  # fmt: skip
@click.option(
    "-v", "verbosity", envvar="SYM_VERBOSITY", type=click.IntRange(0, 10), default=2, show_default=True,
    help="How much is logged: 0 errors, 2 what happens, 4 and more details.",
)  # fmt: skip
def command(
    enable_master: bool, enable_worker: bool, worker_clusters: str, kubeconfig: str, context: str,
    threadiness: int, http_addr: str, leader_election: bool, lease_duration: int, renew_deadline: float,
    retry_period: float, helm_engine: str, helm_program: str, helm_kinds: str, helm_timeout: float, helm_hooks: bool,
    charts_repos: tuple[str, ...], charts_hosts: tuple[str, ...], charts_ca_file: str,
    analysis_hosts: tuple[str, ...], analysis_ca_file: str, verbosity: int,
) -> None:  # fmt: skip
    """Run the controllers until SIGTERM or Ctrl-C."""
    from sym.cli.logs import configure
    from sym.controllers.process import Options

    if not (enable_master or enable_worker):
        raise click.UsageError("nothing to do: give --enable-master, --enable-worker or both")
    times = lock_times(lease_duration, renew_deadline, retry_period)
    configure(verbosity)
    host, port = address(http_addr or (_DEFAULTS.pod_http_addr if in_pod() else _DEFAULTS.http_addr))
    options = Options(
        master=enable_master,
        worker=enable_worker,
        worker_clusters=worker_clusters.strip(),
        leader_election=leader_election,
        identity=identity(),
        helm=enable_worker and helm_engine != "off",
    )
    settings = Settings(
        kube=KubeSettings(user_agent=f"sym-controller/{installed_version()}"),
        controller=replace(times, threadiness=threadiness),
        helm=HelmSettings(
            engine=_ENGINES.get(helm_engine, "auto"),
            program=helm_program,
            deadline=helm_timeout,
            hooks=helm_hooks,
            kinds=tuple(kind.strip() for kind in helm_kinds.split(",") if kind.strip()),
        ),
        charts=ChartSettings(
            repos=dict(map(chart_repo, charts_repos)),
            private_hosts=frozenset(charts_hosts),
            ca_file=charts_ca_file,
        ),
        analysis=AnalysisSettings(private_hosts=frozenset(analysis_hosts), ca_file=analysis_ca_file),
    )
    sys.exit(run(options, settings, (host, port), kubeconfig, context))


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(version=installed_version(), prog_name="sym-controller")
def main() -> None:
    """The controllers of Sym."""


@main.command("version")
def version() -> None:
    """Print the version of Sym and of Python."""
    click.echo(f"sym-controller {installed_version()} (Python {platform.python_version()})")


main.add_command(command)
main.add_command(command, "ctl")


def address(text: str) -> tuple[str, int]:
    """`HOST:PORT` or `:PORT` as a pair. Raises UsageError."""
    host, _, port = text.rpartition(":")
    if not port.isdigit() or not 0 <= int(port) < 65536:
        raise click.UsageError(f"--http-addr {text!r}: expected HOST:PORT, as 127.0.0.1:8080 or :8080")
    return host.strip("[]") or str(IPv4Address(0)), int(port)  # `:PORT` has always meant every interface


def chart_repo(text: str) -> tuple[str, str]:
    """`ALIAS=URL` or `ALIAS=FOLDER` as a pair. Raises UsageError."""
    alias, _, place = text.partition("=")
    if not alias or not place:
        raise click.UsageError(
            f"--charts-repo {text!r}: expected ALIAS=URL or ALIAS=FOLDER, as dmall=https://HOST/charts"
        )
    return alias, place if "://" in place else str(Path(place).resolve())


def lock_times(lease_duration: int, renew_deadline: float, retry_period: float) -> ControllerSettings:
    """The settings with these times of locks. Raises UsageError where a holder would not stop before others begin."""
    if not retry_period * 1.2 < renew_deadline < lease_duration:
        raise click.UsageError(
            f"--renew-deadline {renew_deadline:g} must lie between 1.2 times --retry-period {retry_period:g} and"
            f" --lease-duration {lease_duration}: a holder tries again before it gives up, and gives up before others"
            " take over"
        )
    return replace(
        _DEFAULTS, lease_duration=float(lease_duration), renew_deadline=renew_deadline, retry_period=retry_period
    )


def identity() -> str:
    """Who we are in locks: host, process and something that no restart repeats."""
    return f"{socket.gethostname()}_{os.getpid()}_{os.urandom(4).hex()}"


def run(options: "Options", settings: Settings, listen: tuple[str, int], kubeconfig: str, context: str) -> int:
    """Run the process; its exit code."""
    from sym.aio import loops
    from sym.kube.errors import KubeError
    from sym.kube.kubeconfig import in_cluster, load_operator
    from sym.net.errors import ChartError

    try:
        own = in_cluster() if in_pod() and not kubeconfig else load_operator(kubeconfig, context)
        loops.run(_run(options, settings, listen, own))
    except KubeError as error:
        click.echo(f"Error: {error.message}", err=True)
        return 1
    except ChartError as error:
        click.echo(f"Error: {error.message}", err=True)
        return 1
    except OSError as error:
        click.echo(f"Error: {error}", err=True)
        return 1
    return 0


async def _run(options: "Options", settings: Settings, listen: tuple[str, int], own: "Connection") -> None:
    from sym.aio.env import SystemEnv
    from sym.cli.watchdog import watch
    from sym.clusters.member import Tools
    from sym.clusters.metrics import FleetMetrics
    from sym.controllers.process import Home, Process
    from sym.kube.http import HttpClient
    from sym.net.analysis import Gauge
    from sym.net.serve import serving

    tools = Tools(env=SystemEnv(), settings=settings, metrics=FleetMetrics())

    def connect(connection: "Connection") -> HttpClient:
        return HttpClient(connection, settings.kube, tools.env)

    helm = _helm(settings, tools.env) if options.helm else None
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    ask = Gauge(settings.analysis).measure
    process = Process(
        Home(client=connect(own), host=own.host, connect=connect, connection=own, helm=helm, ask=ask), options, tools
    )
    watch(process.overdue, settings.controller.watchdog_seconds)
    try:
        async with serving(*listen, process.routes):
            await process.run(stop)
    except BaseExceptionGroup as group:
        raise _only(group) from group


def _helm(settings: Settings, env: "Env") -> "Helm":
    """With what Helm's work is done, looked for when the first release needs it. Raises ChartRefused for an alias that
    means nothing."""
    from sym.clusters.releases import Helm
    from sym.kube.helm.find import find_engine
    from sym.net.charts import ChartStore, meaning

    async def charts() -> ChartStore:
        return await asyncio.to_thread(ChartStore, settings.charts, env)

    for alias, place in settings.charts.repos.items():
        meaning(alias, place)
    return Helm(engine=lambda: find_engine(settings.helm), charts=charts)


def _only(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The single failure inside nested groups; the group itself where there are several."""
    if len(group.exceptions) != 1:
        return group
    inner = group.exceptions[0]
    return _only(cast("BaseExceptionGroup[BaseException]", inner)) if isinstance(inner, BaseExceptionGroup) else inner
