"""Golden files: what a test tells must be, word for word, what a person has read and agreed to."""

import difflib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "stories"
Golden = Callable[[str, Iterable[str]], None]


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare lines with the golden file of a name. `--update-golden` writes the file and prints what changed; where
    `CI` is set it refuses, because there nobody reads the change."""
    update = request.config.getoption("--update-golden")

    def compare(name: str, lines: Iterable[str]) -> None:
        path = FOLDER / f"{name}.txt"
        old = path.read_text().splitlines() if path.exists() else []
        new = [line.rstrip() for line in lines]
        difference = "\n".join(difflib.unified_diff(old, new, str(path.name), "told now", lineterm="", n=2))
        if not difference:
            return
        if not update:
            pytest.fail(f"the story has changed (sh dev.sh test --update-golden, then read the diff):\n{difference}")
        if os.environ.get("CI"):
            pytest.fail("--update-golden is refused under CI: golden files are changed by people who read them")
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(new) + "\n")
        request.config.get_terminal_writer().write(f"\n{difference}\n")

    return compare
