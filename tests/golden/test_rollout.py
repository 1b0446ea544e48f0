"""The rollout stories: each a script in tests/golden/rollout, written by hand from semantics.md 6, played in fixed and
in random order. No option writes one of these: what is told now stands in the failure.
"""

import difflib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.golden.stage import Stage

FOLDER = Path(__file__).parent / "rollout"
STORIES = sorted(path.stem for path in FOLDER.glob("*.txt"))
SEEDS = (None, 1, 2, 3)


def steps(story: str) -> Iterator[tuple[str, list[str]]]:
    """What is done, and what shall be seen then."""
    lines = [line for line in (FOLDER / f"{story}.txt").read_text().splitlines() if line and not line.startswith("#")]
    at = 0
    while at < len(lines):
        end = next((each for each in range(at + 1, len(lines)) if lines[each].startswith(">")), len(lines))
        yield lines[at].removeprefix("> "), lines[at + 1 : end]
        at = end


def in_order(expected: list[str], seen: list[str]) -> list[str]:
    """`seen` with each group of facts whose order does not matter in the order of `expected`."""
    sorted_: list[str] = []
    at = 0
    while at < len(expected):
        end = next(
            (each for each in range(at + 1, len(expected)) if not expected[each].startswith("& ")), len(expected)
        )
        group = [expected[at], *(each.removeprefix("& ") for each in expected[at + 1 : end])]
        mine = seen[at:end]
        sorted_ += group if sorted(mine) == sorted(group) else mine
        at = end
    return [*sorted_, *seen[at:]]


def plain(facts: list[str]) -> list[str]:
    """The facts without marks."""
    return [each.removeprefix("& ") for each in facts]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("story", STORIES)
def test_a_rollout_goes_as_the_documents_say(story: str, seed: int | None) -> None:
    stage = Stage(seed)
    told: list[str] = []
    wanted: list[str] = []
    for done, expected in steps(story):
        stage.perform(done)
        seen = stage.rest() if expected else []
        told += [f"> {done}", *in_order(expected, seen)]
        wanted += [f"> {done}", *plain(expected)]
    difference = "\n".join(difflib.unified_diff(wanted, told, story, "told now", lineterm="", n=3))
    assert not difference, f"\n{difference}"


def test_there_are_stories() -> None:
    assert len(STORIES) >= 25
