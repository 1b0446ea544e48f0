"""`sym rollout undo`: the spec gets a former content again, as the user who calls."""

from collections.abc import Callable

import click

from sym.aio.env import Env, SystemEnv
from sym.cli.rollout_asks import Person, now
from sym.cli.rollout_call import AppSetCommand, Call, Desk, Refused
from sym.cli.rollout_change import Change, No, Seen
from sym.cli.rollout_former import goal, proved, undone
from sym.cli.rollout_history import revisions_of
from sym.cli.rollout_write import caller, look, settle
from sym.kube.errors import KubeError
from sym.plan.content import content_hash


@click.command("undo", cls=AppSetCommand)
@click.option("--to-revision", type=click.IntRange(min=1), help="Default: the newest other one that ran everywhere.")
@click.option("--now", "at_once", is_flag=True, help="Without waves and gates, even while paused.")
@click.option("--reason", default="", metavar="TEXT", help="Why; with --now it is kept with your name.")
@click.pass_obj
def undo_command(call: Call, to_revision: int | None, at_once: bool, reason: str) -> None:
    """Give the spec the content of a former revision. Counts and the strategy stay as they are."""
    call.run(lambda desk: undo(desk, to_revision, SystemEnv(), reason=reason, at_once=at_once))


async def undo(desk: Desk, number: int | None, env: Env, *, reason: str = "", at_once: bool = False) -> None:
    """Go back to a former content; `at_once`: and ask that it goes there without waves and gates. Raises Refused,
    KubeError."""
    person = await caller(desk, reason, env) if at_once else None
    seen = await look(desk)
    revisions = await revisions_of(desk, seen.app)
    try:
        revision = goal(seen, revisions, number)
    except No as error:
        raise Refused(f"{desk.where}: {error}") from None

    def edit(seen: Seen) -> Change:
        if at_once:
            proved(seen, revision, revisions)
        return undone(seen, revision)

    after = await settle(desk, edit)
    if person is not None:
        await _hurry(desk, content_hash(after.app.spec, desk.name), person)


async def _hurry(desk: Desk, meant: str, person: Callable[[], Person]) -> None:
    """Ask that the spec's content goes everywhere at once, while it is the one that is `meant`."""

    def ask(seen: Seen) -> Change:
        if content_hash(seen.app.spec, desk.name) != meant:
            raise No("somebody has changed its content meanwhile: nothing more was asked for")
        return now(seen, meant, person())

    try:
        await settle(desk, ask)
    except KubeError:
        # Whoever just repeated the command would go back one more revision; this one gets a new number meanwhile.
        click.echo(
            "the spec has changed, but it goes by its waves: ask again with --now and --to-revision N, "
            "N being the number that `sym rollout history` marks with *",
            err=True,
        )
        raise
