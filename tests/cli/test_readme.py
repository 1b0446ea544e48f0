"""The README says what is so: its AppSet is a valid one, its commands exist, and it stays short."""

import re
from pathlib import Path

from sym import yaml
from sym.cli.main import COMMANDS
from sym.model.appset import AppSet
from sym.model.codec import convert
from sym.model.validate import validate_appset
from tools import dev

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= 150


def test_its_appset_is_valid() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    app = convert(yaml.load(block.encode()), AppSet)
    assert app.metadata.name == "shop"
    assert validate_appset(app) == ()


def test_its_commands_exist() -> None:
    assert set(re.findall(r"sh dev\.sh (\w+)", README)) <= set(dev.COMMANDS)
    assert set(re.findall(r"^sym (\w+)", README, re.MULTILINE)) <= set(COMMANDS)


def test_every_file_that_it_names_is_there() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
