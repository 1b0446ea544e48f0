"""`sym rollout get` and `sym rollout status`: looking at a rollout, and waiting for its end."""

import json
import re
import shlex

import click

from sym import yaml
from sym.aio.env import Env, SystemEnv
from sym.cli.rollout_call import AppSetCommand, Call, Desk, Refused
from sym.cli.rollout_health import stand
from sym.cli.rollout_screen import say, screen
from sym.cli.rollout_view import Look, with_icon
from sym.cli.rollout_write import look
from sym.kube.errors import KubeError
from sym.model.appset import AppSet
from sym.model.codec import JSONMap, dig_list, dig_map, dig_str
from sym.model.kinds import APPSET
from sym.model.meta import Kind
from sym.model.names import CONFIRMATIONS

BINDING = Kind(
    "admissionregistration.k8s.io",
    "v1",
    "ValidatingAdmissionPolicyBinding",
    "validatingadmissionpolicybindings",
    namespaced=False,
)
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}
_NO_WAIT = ("-w=false", "--watch=false", "--wait=false")
_WAIT = ("-w", "-w=true", "--watch", "--watch=true", "--wait=true")


def seconds_of(text: str) -> float:
    """From `90s`, `10m`, `1h30m` or seconds; 0 is for ever. Raises BadParameter."""
    if not re.fullmatch(r"([0-9]+[smh])+|[0-9]+", text):
        raise click.BadParameter(f"{text!r} is no duration: write it as 90s, 10m or 1h30m", param_hint="--timeout")
    return sum(float(count) * _UNITS[unit] for count, unit in re.findall(r"([0-9]+)([smh]?)", text))


class StatusCommand(AppSetCommand):
    """Takes the `-w=false` that users of Argo Rollouts have in their scripts."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The same, as --wait and --no-wait."""
        plain = ["--no-wait" if each in _NO_WAIT else "--wait" if each in _WAIT else each for each in args]
        return super().parse_args(ctx, plain)


@click.command("get", cls=AppSetCommand)
@click.option("-w", "--watch", is_flag=True, help="Stay, and show every change.")
@click.option("-o", "--output", type=click.Choice(("json", "yaml", "name")), help="The object instead of the tree.")
@click.option("--no-color", is_flag=True, help="No colours (as with NO_COLOR).")
@click.pass_obj
def get_command(call: Call, watch: bool, output: str | None, no_color: bool) -> None:
    """Show a rollout as a tree: clusters, podSets, waves, who confirmed what, and the next command."""
    if watch and output:
        raise click.UsageError("-w shows the tree: leave out -o, or use kubectl get appsets.workload.dmall.com -w")
    if output:
        call.run(lambda desk: printed(desk, output))
    elif watch:
        call.run(lambda desk: watched(desk, flags_of(call), color=not no_color, env=SystemEnv()), watches=True)
    else:
        call.run(lambda desk: shown(desk, flags_of(call), color=not no_color, env=SystemEnv()))


@click.command("status", cls=StatusCommand)
@click.option("--timeout", default="0", metavar="DURATION", help="How long to wait at most, as 10m; 0: for ever.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until it is done (-w=false as in Argo).")
@click.pass_obj
def status_command(call: Call, timeout: str, wait: bool) -> None:
    """Wait until a rollout is done.

    Exit codes: 0 all runs, 1 it went wrong (or, with --no-wait, is not done), 3 not found, 4 not allowed, 124 not done
    in time. At a gate it goes on waiting, and prints the command that opens it.
    """
    seconds = seconds_of(timeout)
    call.run(lambda desk: waited(desk, flags_of(call), wait=wait, seconds=seconds, env=SystemEnv()), watches=wait)


async def printed(desk: Desk, output: str) -> None:
    """The object in a format of kubectl's."""
    live = (await look(desk)).live
    if output == "name":
        click.echo(f"{APPSET.name.lower()}.{APPSET.group}/{desk.name}")
        return
    meta = {key: value for key, value in dig_map(live, "metadata").items() if key != "managedFields"}
    whole: JSONMap = {**live, "metadata": meta}
    click.echo(json.dumps(whole, indent=4, ensure_ascii=False) if output == "json" else yaml.dump(whole).rstrip())


async def shown(desk: Desk, flags: str, *, color: bool, env: Env) -> None:
    """The tree, once."""
    seen = await look(desk)
    for line in Look(app=seen.app, now=env.now(), proved=await proves(desk), flags=flags).lines():
        say(line, color=color)


async def watched(desk: Desk, flags: str, *, color: bool, env: Env) -> None:
    """The tree at each change, until the AppSet is gone."""
    from sym.cli.rollout_watch import follow

    await look(desk)
    proved = await proves(desk)
    with screen(color=color) as show:

        def take(app: AppSet) -> bool:
            show(Look(app=app, now=env.now(), proved=proved, flags=flags))
            return False

        await follow(desk, take, env)


async def waited(desk: Desk, flags: str, *, wait: bool, seconds: float, env: Env) -> None:
    """How it stands, until it has ended. Raises Refused where that is not well."""
    last = Told(flags)
    last.take((await look(desk)).app, env)
    if wait and not last.ended:
        from sym.cli.rollout_watch import follow

        await follow(desk, lambda app: last.take(app, env), env, seconds)
    if not last.well:
        raise Refused(f"{desk.where}: {last.line}")


class Told:
    """What was said of a rollout so far: each thing once."""

    def __init__(self, flags: str) -> None:
        self._flags = flags
        self._said: set[str] = set()
        self.ended = False
        self.well = False
        self.line = ""

    def take(self, app: AppSet, env: Env) -> bool:
        """Say what is new. Whether it has ended."""
        standing = stand(app)
        self.ended, self.well = standing.ended, standing.well
        self.line = f"{with_icon(standing.word)}: {standing.message}" if standing.message else with_icon(standing.word)
        commands = [] if self.ended else list(Look(app=app, now=env.now(), flags=self._flags).next())
        for line in (self.line, *(f"next: {command}" for command in commands)):
            if line not in self._said:
                say(line)
            self._said.add(line)
        return self.ended


async def proves(desk: Desk) -> bool:
    """Whether the server lets nobody confirm under another name: `sym manifests --confirmations` is in force there.
    A server that does not say so does not prove it."""
    try:
        binding = await desk.api.get_raw(BINDING, "", CONFIRMATIONS)
    except KubeError:
        return False
    actions = dig_list(binding, "spec", "validationActions")
    return dig_str(binding, "spec", "policyName") == CONFIRMATIONS and "Deny" in actions


def flags_of(call: Call) -> str:
    """What the next command needs to reach the same cluster."""
    given = (("--kubeconfig", call.kubeconfig if call.explicit else ""), ("--context", call.context))
    return " ".join(f"{option} {shlex.quote(value)}" for option, value in given if value)
