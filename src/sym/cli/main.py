"""`sym` (also `kubectl-sym`): the table of commands, each imported only when it is asked for.

A call of one command pays for its own imports alone: listing the commands imports nothing but click, and the help lines
stand in the table, so that `sym --help` is as cheap as `sym --version`.
"""

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

import click


class Entry(NamedTuple):
    """Where a command lives (`module:attribute`, a click command) and its line in the list of commands."""

    target: str
    help: str


COMMANDS: Mapping[str, Entry] = {
    "adopt": Entry("sym.cli.adopt:command", "Take over what belongs to a former AppSet, or to none."),
    "apply": Entry("sym.cli.plan:apply", "Apply AppSets, if need be only as they were planned."),
    "bench": Entry("sym.cli.bench:command", "Measure Sym on real or simulated clusters."),
    "crds": Entry("sym.cli.crds:command", "Print the CRDs of AppSet, AdvDeployment and Cluster."),
    "diff": Entry("sym.cli.plan:diff", "Show how objects would differ in every cluster."),
    "demo": Entry("sym.cli.demo:command", "Run everything on simulated clusters on this machine."),
    "manifests": Entry("sym.cli.manifests:command", "Print the RBAC and the Deployment that a cluster needs for Sym."),
    "rollout": Entry("sym.cli.rollout:command", "See a rollout and act on it: confirm, pause, undo and others."),
    "plan": Entry("sym.cli.plan:plan", "Show what an AppSet would do: waves, changes, pods that restart."),
    "controller": Entry("sym.cli.controller:command", "Run the controllers (the same as sym-controller controller)."),
    "version": Entry("sym.cli.version:command", "Print the version of Sym and of Python."),
}
"""The commands of `sym`. A new command is a line here and a module that is imported when it is called."""


class LazyGroup(click.Group):
    """A click group whose commands are found in a table and imported on first use."""

    table: Mapping[str, Entry] = COMMANDS

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the table and of what was added by hand, sorted."""
        return sorted({*self.table, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command named `cmd_name`, imported now; None where nobody knows the name."""
        entry = self.table.get(cmd_name)
        return load(entry.target) if entry else super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, self.table[name].help) for name in self.list_commands(ctx) if name in self.table]
            )


def load(target: str) -> click.Command:
    """The click command at `module:attribute`. Raises TypeError where something else stands there."""
    module, _, attribute = target.partition(":")
    found: object = getattr(import_module(module), attribute)
    if not isinstance(found, click.Command):
        raise TypeError(f"{target} is a {type(found).__name__}, not a click command")
    return found


def installed_version() -> str:
    """The version of the installed distribution, or `unknown` where Sym runs from bare sources."""
    try:
        return version("sym")
    except PackageNotFoundError:
        return "unknown"


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "SYM", "max_content_width": 110},
)
@click.version_option(version=installed_version(), prog_name="sym")
def main() -> None:
    """Run applications over many Kubernetes clusters."""
