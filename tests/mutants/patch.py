"""Mutants as files: reads `*.patch` (format in README.md beside this) and applies them to a tree."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent


class BrokenMutantError(Exception):
    """A patch file that cannot be read or does not fit the sources; the sentence says where."""


class Hunk(NamedTuple):
    """One place of one file."""

    path: str
    old: tuple[str, ...]
    new: tuple[str, ...]


class Mutant(NamedTuple):
    """One guard taken out."""

    name: str
    guard: str
    tests: tuple[str, ...]
    hunks: tuple[Hunk, ...]


def all_mutants() -> Iterator[Mutant]:
    """Every mutant of this folder by name. Raises BrokenMutantError."""
    for path in sorted(FOLDER.glob("*.patch")):
        yield parse(path.stem, path.read_text())


def parse(name: str, text: str) -> Mutant:
    """The mutant written in `text`. Raises BrokenMutantError."""
    head, diff = _split(text)
    guards = [line.removeprefix("guard:").strip() for line in head if line.startswith("guard:")]
    tests = tuple(line.removeprefix("test:").strip() for line in head if line.startswith("test:"))
    hunks = tuple(_hunks(name, diff))
    if len(guards) != 1 or not tests or not hunks:
        raise BrokenMutantError(f"{name}: needs one `guard:` line, at least one `test:` line and a diff")
    return Mutant(name, guards[0], tests, hunks)


def apply(mutant: Mutant, root: Path) -> None:
    """Change the files under `root`. Raises BrokenMutantError when a hunk fits nowhere or at several places."""
    for hunk in mutant.hunks:
        path = root / hunk.path
        if not path.is_file():
            raise BrokenMutantError(f"{mutant.name}: there is no {hunk.path}")
        path.write_text(replaced(mutant.name, hunk, path.read_text()))


def replaced(name: str, hunk: Hunk, text: str) -> str:
    """`text` with the hunk's old lines replaced by its new ones. Raises BrokenMutantError."""
    lines, size = text.split("\n"), len(hunk.old)
    places = [start for start in range(len(lines) - size + 1) if tuple(lines[start : start + size]) == hunk.old]
    if len(places) != 1:
        raise BrokenMutantError(
            f"{name}: the lines to change stand {len(places)} times in {hunk.path}, not once:\n" + "\n".join(hunk.old)
        )
    return "\n".join((*lines[: places[0]], *hunk.new, *lines[places[0] + size :]))


def _split(text: str) -> tuple[list[str], list[str]]:
    lines = text.splitlines()
    start = next((number for number, line in enumerate(lines) if line.startswith("--- ")), len(lines))
    return lines[:start], lines[start:]


def _hunks(name: str, diff: list[str]) -> Iterator[Hunk]:
    path, old, new = "", list[str](), list[str]()
    for line in (*diff, "@@"):
        match line[:1]:
            case "@" | "-" | "+" if line.startswith(("@@", "--- ", "+++ ")):
                if old:
                    yield Hunk(path, tuple(old), tuple(new))
                    old, new = [], []
                path = line.removeprefix("+++ b/").strip() if line.startswith("+++ ") else path
            case "-":
                old.append(line[1:])
            case "+":
                new.append(line[1:])
            case " " | "":
                old.append(line[1:])
                new.append(line[1:])
            case _:
                raise BrokenMutantError(f"{name}: not a line of a unified diff: {line!r}")
