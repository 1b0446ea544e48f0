"""`sym rollout pause|resume|restart|set-image`: edits of the spec, as the user who calls."""

from collections.abc import Callable

import click

from sym.aio.env import SystemEnv
from sym.cli.rollout_call import AppSetCommand, Call, Desk
from sym.cli.rollout_change import Change, No, Seen
from sym.cli.rollout_edits import paused, restarted
from sym.cli.rollout_images import Choice, Wanted, with_images
from sym.cli.rollout_write import settle


@click.command("pause", cls=AppSetCommand)
@click.pass_obj
def pause_command(call: Call) -> None:
    """Stop every change of an AppSet: waves, counts, places. What runs is still kept running."""
    call.run(lambda desk: edit(desk, lambda seen: paused(seen, pause=True)))


@click.command("resume", cls=AppSetCommand)
@click.pass_obj
def resume_command(call: Call) -> None:
    """Let a paused AppSet go on where it stood."""
    call.run(lambda desk: edit(desk, lambda seen: paused(seen, pause=False)))


@click.command("restart", cls=AppSetCommand)
@click.pass_obj
def restart_command(call: Call) -> None:
    """Make new pods of the same content, in the waves of a rollout."""
    call.run(lambda desk: edit(desk, lambda seen: restarted(seen, SystemEnv().now())))


@click.command("set-image", cls=AppSetCommand)
@click.argument("images", metavar="[CONTAINER=]IMAGE...", nargs=-1, required=True)
@click.option("--group", "groups", multiple=True, help="Only podSets of this group, as canary.")
@click.option("--cluster", "clusters", multiple=True, help="Only podSets in this cluster.")
@click.option("--pod-set", "pod_sets", multiple=True, help="Only this podSet.")
@click.pass_obj
def set_image_command(
    call: Call, images: tuple[str, ...], groups: tuple[str, ...], clusters: tuple[str, ...], pod_sets: tuple[str, ...]
) -> None:
    """Give containers other images: repository:tag, repository@sha256:digest, or :tag alone.

    Without CONTAINER it is the one that runs the app. Where podSets have an image or version of their own, these
    change; --group, --cluster and --pod-set give only some of them one.
    """
    choice = Choice(groups=groups, clusters=clusters, pod_sets=pod_sets)
    try:
        wanted = [Wanted.parse(each) for each in images]
    except No as error:
        raise click.UsageError(str(error)) from None
    call.run(lambda desk: edit(desk, lambda seen: with_images(seen, wanted, choice)))


async def edit(desk: Desk, decide: Callable[[Seen], Change]) -> None:
    """Look, decide, write. Raises Refused, KubeError."""
    await settle(desk, decide)
