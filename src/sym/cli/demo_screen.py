"""Where the demo's board goes: a tree that redraws itself on a terminal, lines of change everywhere else."""

import contextlib
from collections.abc import Iterator
from typing import Protocol

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from sym.cli.demo_view import ICONS, Board, Row, changes

_COLORS = {"✔": "green", "✖": "red", "⚠": "yellow"}


class Screen(Protocol):
    """Shows boards, and sentences between them."""

    def show(self, board: Board) -> None:
        """Show the newest look at an AppSet."""
        ...

    def say(self, text: str) -> None:
        """Print a line that stays."""
        ...


class Lines:
    """For pipes and logs: nothing is drawn over."""

    def __init__(self) -> None:
        self._last: dict[str, Board] = {}

    def show(self, board: Board) -> None:
        """Print what changed."""
        for line in changes(self._last.get(board.name), board):
            self.say(line)
        self._last[board.name] = board

    def say(self, text: str) -> None:
        """Print a line."""
        click.echo(text)


class Drawing:
    """For terminals: one tree per AppSet, drawn over the last one."""

    def __init__(self, console: Console, live: Live) -> None:
        self._console = console
        self._live = live
        self._boards: dict[str, Board] = {}

    def show(self, board: Board) -> None:
        """Draw the tree anew."""
        if self._boards.get(board.name) == board:
            return
        self._boards[board.name] = board
        grid = Table.grid()
        for shown in self._boards.values():
            grid.add_row(tree(shown))
        self._live.update(grid, refresh=True)

    def say(self, text: str) -> None:
        """Print a line above the tree."""
        self._console.print(text, highlight=False, markup=False)


@contextlib.contextmanager
def screen() -> Iterator[Screen]:
    """The screen that fits stdout."""
    console = Console()
    if not console.is_terminal:
        yield Lines()
        return
    with Live(console=console, auto_refresh=False, transient=False) as live:
        yield Drawing(console, live)


def tree(board: Board) -> Tree:
    """The board as a tree: the AppSet, its clusters, their podSets."""
    root = Tree(Text(board.headline), guide_style="dim")
    clusters: dict[str, list[Row]] = {}
    for row in board.rows:
        clusters.setdefault(row.cluster, []).append(row)
    for name, rows in clusters.items():
        branch = root.add(Text(f"cluster {name}"))
        table = Table.grid(padding=(0, 2))
        for row in rows:
            icon = ICONS.get(row.state, "◌")
            word = Text(f"{icon} {row.state}", style=_COLORS.get(icon, "cyan"))
            table.add_row(row.pod_set, row.group, row.version, f"{row.ready}/{row.desired} ready", word)
        branch.add(table)
    if board.message:
        root.add(Text(board.message, style="dim"))
    return root
