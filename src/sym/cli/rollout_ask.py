"""`sym rollout confirm|skip|abort|retry`: what a person says to the rollout under way, through the AppSet's `/status`.

RBAC on `appsets/status` decides who may; `sym manifests --confirmations` makes the server prove the name.
"""

from collections.abc import Callable

import click

from sym.cli.rollout_asks import Person, abort, confirmation, retry, skip
from sym.cli.rollout_call import AppSetCommand, Call, Desk
from sym.cli.rollout_change import Change, Seen
from sym.cli.rollout_write import caller, settle

_reason = click.option("--reason", default="", metavar="TEXT", help="Why; is kept with your name.")


@click.command("confirm", cls=AppSetCommand)
@click.option("--gate", default="", help="Only if the rollout waits at this gate.")
@_reason
@click.pass_obj
def confirm_command(call: Call, gate: str, reason: str) -> None:
    """Let a rollout go past the gate that it waits at.

    Refused while it waits at none: nobody can confirm what has not been seen to run.
    """
    call.run(lambda desk: say(desk, reason, lambda seen, person: confirmation(seen, gate, person)))


@click.command("skip", cls=AppSetCommand)
@click.option("--cluster", required=True, help="The cluster that cannot be reached.")
@_reason
@click.pass_obj
def skip_command(call: Call, cluster: str, reason: str) -> None:
    """Let a rollout go past a cluster that cannot be reached; when it is back, it changes in a wave of its own."""
    call.run(lambda desk: say(desk, reason, lambda seen, person: skip(seen, cluster, person)))


@click.command("abort", cls=AppSetCommand)
@_reason
@click.pass_obj
def abort_command(call: Call, reason: str) -> None:
    """Stop a rollout and take back what it has changed; spec stays as it is."""
    call.run(lambda desk: say(desk, reason, abort))


@click.command("retry", cls=AppSetCommand)
@_reason
@click.pass_obj
def retry_command(call: Call, reason: str) -> None:
    """Begin a rollout again that has failed, was rolled back or aborted."""
    call.run(lambda desk: say(desk, reason, retry))


async def say(desk: Desk, reason: str, words: Callable[[Seen, Person], Change]) -> None:
    """Look, decide, write. Raises Refused, KubeError."""
    person = await caller(desk, reason)
    await settle(desk, lambda seen: words(seen, person()))
