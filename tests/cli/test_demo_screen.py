"""Where boards go: lines of change into pipes, a tree onto terminals."""

import io

import pytest
from rich.console import Console
from rich.live import Live

from sym.cli.demo_screen import Drawing, Lines, screen, tree
from sym.cli.demo_view import Board, Row


def board(ready: int, message: str = "") -> Board:
    """A board with one row."""
    row = Row(cluster="one", pod_set="web-blue", group="blue", version="v1", ready=ready, desired=2, there=True)
    return Board(
        name="shop/web", status="Installing", desired=2, available=ready, unavailable=2 - ready, version="v1",
        message=message, current=True, rows=(row,),
    )  # fmt: skip


def test_pipes_get_changes_only(capsys: pytest.CaptureFixture[str]) -> None:
    with screen() as out:
        assert isinstance(out, Lines)
        for ready in (0, 0, 1):
            out.show(board(ready))
        out.say("done [not markup]")
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in shown] == ["AppSet", "one", "one", "AppSet", "done"]
    assert shown[-1] == "done [not markup]"


def test_a_tree_has_clusters_and_their_pod_sets() -> None:
    console = Console(file=io.StringIO(), width=100)
    console.print(tree(board(1, "waiting for [brackets]")))
    assert isinstance(console.file, io.StringIO)
    assert [line.strip() for line in console.file.getvalue().splitlines()] == [
        "AppSet shop/web  ◌ Installing  desired 2  available 1  unavailable 1  version v1",
        "├── cluster one",
        "│   └── web-blue  blue  v1  1/2 ready  ◌ Progressing",
        "└── waiting for [brackets]",
    ]


def test_a_terminal_draws_every_app_and_keeps_what_was_said() -> None:
    file = io.StringIO()
    console = Console(file=file, width=100, force_terminal=True)
    with Live(console=console, auto_refresh=False) as live:
        drawing = Drawing(console, live)
        drawing.show(board(1))
        drawing.say("said [bold]plainly")
        drawing.show(board(2))
    assert "said [bold]plainly" in file.getvalue()
    assert "2/2 ready" in file.getvalue()
    assert "[green]" not in file.getvalue()
