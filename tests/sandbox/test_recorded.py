"""The sandbox answers every recorded story as the real server did: code, message, and the whole object.

`KNOWN` is the reviewed list of differences. One that has gone fails the test, so the list can only shrink.
"""

import pytest

from sym.model.codec import JSONMap
from tests.sandbox.stories import Player, Story, expected, pieces, stories

FILES = ("apply", "completed", "custom", "definitions", "patches", "refused", "updates")
KNOWN = {
    ("definitions", "definitions", 14): "quantity() is refused by name: the sandbox does not evaluate it",
    ("definitions", "definitions", 52): "how storedVersions goes wrong when versions repeat",
    ("definitions", "definitions", 54): "how storedVersions goes wrong with two storage versions",
    ("definitions", "definitions", 55): "the server names a bad version a second time under spec.version",
    ("patches", "patches", 51): "a copied null becomes an empty string in the server's typed struct",
    ("apply", "pod", 6): "the server appends a diff of its structs",
}


def _all() -> list[tuple[str, Story]]:
    return [(file, story) for file in FILES for story in stories(file)]


@pytest.mark.parametrize(("file", "story"), _all(), ids=lambda value: value.name if isinstance(value, Story) else value)
def test_as_recorded(file: str, story: Story) -> None:
    """Step after step on one object; a failure names the step."""
    player = Player(story)
    before: JSONMap = {}
    for number, step in enumerate(story.steps):
        answer = player.play(step)
        wanted = expected(before, step) if step.code < 300 else None
        same = (answer.code, pieces(answer.message), answer.body) == (step.code, pieces(step.message), wanted)
        known = (file, story.name, number) in KNOWN
        assert same is not known, (file, story.name, number, answer, step.code, step.message, wanted)
        if wanted is not None and not step.dry:
            before = wanted
