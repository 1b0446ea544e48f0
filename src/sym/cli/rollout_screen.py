"""Where looks at a rollout go: drawn over one another on a terminal, lines of change everywhere else.

rich is imported for a terminal alone.
"""

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping

import click

from sym.cli.rollout_view import Look, changes

Show = Callable[[Look], None]
_COLORS: Mapping[str, str] = {"✔": "green", "✖": "red", "⚠": "yellow", "◷": "cyan", "◌": "cyan", "॥": "yellow"}
_WORD = re.compile(f"([{''.join(_COLORS)}]) (\\w+)")


def say(line: str, *, color: bool = True) -> None:
    """Print a line; on a terminal its icons have colours, unless that is not wanted."""
    click.echo(tinted(line) if color and _colored() else clean(line))


@contextlib.contextmanager
def screen(*, color: bool = True) -> Iterator[Show]:
    """What shows looks, until the block ends."""
    if not sys.stdout.isatty():
        yield _Lines()
        return
    from rich.console import Console, Group
    from rich.live import Live
    from rich.text import Text

    tint = tinted if color and _colored() else clean

    def drawn(look: Look) -> Group:
        """The tree. A narrow terminal cuts its rows off, but what stands above it is told in full."""
        head = [Text.from_ansi(tint(line)) for line in look.head()]
        rows = [
            Text.from_ansi(tint(line), no_wrap=True, overflow="ellipsis", end="\n")
            for line in look.lines()[len(head) :]
        ]
        return Group(*head, *rows)

    with Live(console=Console(no_color=not color), auto_refresh=False, vertical_overflow="visible") as live:
        yield lambda look: live.update(drawn(look), refresh=True)


class _Lines:
    """For pipes and logs."""

    def __init__(self) -> None:
        self._last: Look | None = None

    def __call__(self, look: Look) -> None:
        for line in changes(self._last, look):
            say(line, color=False)
        self._last = look


def clean(line: str) -> str:
    """Without control characters: servers and people put words in here, and a terminal would obey them."""
    return "".join(char if char.isprintable() else " " for char in line)


def tinted(line: str) -> str:
    """The line with its icons and their words in colour."""
    return _WORD.sub(lambda found: click.style(found.group(), fg=_COLORS[found.group(1)]), clean(line))


def _colored() -> bool:
    return not os.environ.get("NO_COLOR")
