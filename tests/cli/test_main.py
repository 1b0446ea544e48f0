"""The command table: cheap to list, and everything in it can be loaded."""

import json
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from sym.cli.main import COMMANDS, LazyGroup, load, main

HEAVY = {"aiohttp", "asyncio", "cryptography", "msgspec", "prometheus_client", "rich", "structlog", "yaml"}


def modules_after(code: str) -> set[str]:
    """The top-level modules that a fresh Python has after running `code`."""
    script = f"import json, sys\n{code}\nprint('\\n' + json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("argv", [["--help"], ["--version"], ["version"], ["rollout", "--help"]])
def test_listing_commands_imports_nothing_heavy(argv: list[str]) -> None:
    call = f"from sym.cli.main import main\nmain({argv!r}, standalone_mode=False)"
    assert modules_after(call) & HEAVY == set()


def test_asking_for_help_on_the_demo_does_not_start_the_world() -> None:
    found = modules_after("from sym.cli.main import main\nmain(['demo', '--help'], standalone_mode=False)")
    assert found & {"aiohttp", "cryptography", "rich", "yaml"} == set()


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_entry_is_a_command_of_that_name(name: str) -> None:
    command = load(COMMANDS[name].target)
    assert command.name == name
    assert COMMANDS[name].help


def test_the_list_shows_every_entry() -> None:
    shown = CliRunner().invoke(main, ["--help"])
    assert shown.exit_code == 0
    for name, entry in COMMANDS.items():
        assert f"  {name}" in shown.output
        assert entry.help.split(maxsplit=1)[0] in shown.output


def test_an_unknown_command_is_a_usage_error() -> None:
    shown = CliRunner().invoke(main, ["nonsense"])
    assert shown.exit_code == 2
    assert "No such command 'nonsense'" in shown.output


def test_a_wrong_entry_is_named() -> None:
    with pytest.raises(TypeError, match=r"sym\.cli\.main:COMMANDS is a dict, not a click command"):
        load("sym.cli.main:COMMANDS")


def test_the_group_is_lazy() -> None:
    assert isinstance(main, LazyGroup)
    assert isinstance(main, click.Group)
