"""`sym rollout`: the table of its commands, each imported only when it is asked for."""

from collections.abc import Mapping

import click

from sym.cli.main import Entry, LazyGroup

_SHOW, _ASK, _EDIT = "sym.cli.rollout_show", "sym.cli.rollout_ask", "sym.cli.rollout_edit"

COMMANDS: Mapping[str, Entry] = {
    "abort": Entry(f"{_ASK}:abort_command", "Stop a rollout and take back what it has changed."),
    "confirm": Entry(f"{_ASK}:confirm_command", "Let a rollout go past the gate that it waits at."),
    "get": Entry(f"{_SHOW}:get_command", "Show a rollout as a tree, once or live (-w)."),
    "history": Entry("sym.cli.rollout_history:history_command", "Show the contents that ran before."),
    "pause": Entry(f"{_EDIT}:pause_command", "Stop every change of an AppSet."),
    "restart": Entry(f"{_EDIT}:restart_command", "Make new pods of the same content."),
    "resume": Entry(f"{_EDIT}:resume_command", "Let a paused AppSet go on."),
    "retry": Entry(f"{_ASK}:retry_command", "Begin again after a failure, a rollback or an abort."),
    "set-image": Entry(f"{_EDIT}:set_image_command", "Give containers other images."),
    "skip": Entry(f"{_ASK}:skip_command", "Let a rollout go past a cluster that cannot be reached."),
    "status": Entry(f"{_SHOW}:status_command", "Wait until a rollout is done; the exit code tells how."),
    "undo": Entry("sym.cli.rollout_undo:undo_command", "Go back to a former content."),
}
"""The commands of `sym rollout`."""


class RolloutGroup(LazyGroup):
    """The commands of the table above."""

    table: Mapping[str, Entry] = COMMANDS


@click.group("rollout", cls=RolloutGroup)
def command() -> None:
    """See a rollout and act on it.

    NAME is an AppSet of the meta cluster, as NAME, as/NAME or NAMESPACE/NAME.
    """
