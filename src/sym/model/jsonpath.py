"""The small part of JSONPath by which one value of a document is named: `$`, `.name`, `['name']`, `[n]`. Pure.

What would name several values (`*`, `..`, slices, filters) is refused: a measurement is one number.
"""

import re
from typing import TypeAlias

from sym.model.codec import JSON

Step: TypeAlias = str | int
_STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_-]*)|\['([^']+)'\]|\[\"([^\"]+)\"\]|\[(-?\d{1,9})\]")


class JsonPathError(ValueError):
    """A text is no path that Sym understands. The message says where it stops being one."""


def parse_json_path(text: str) -> tuple[Step, ...]:
    """The steps from the document to the value. Raises JsonPathError."""
    if not text.startswith("$"):
        raise JsonPathError(f"{text!r} must begin with $, the document: as $.data.errors")
    steps: list[Step] = []
    at = 1
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None:
            raise JsonPathError(
                f"{text!r} is not understood from {text[at:]!r} on: give .name, ['name'] or [0], which name one value"
            )
        name = found[1] or found[2] or found[3]
        steps.append(name or int(found[4]))
        at = found.end()
    return tuple(steps)


def look_up(document: JSON, steps: tuple[Step, ...]) -> JSON:
    """The value; None where there is none."""
    for step in steps:
        match document, step:
            case dict(), str():
                document = document.get(step)
            case list(), int() if -len(document) <= step < len(document):
                document = document[step]
            case _:
                return None
    return document
