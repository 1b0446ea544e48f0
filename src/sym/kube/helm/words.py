"""Helm's own words, made fit for a condition: what went wrong, without colours, paths of ours or credentials. Pure."""

import re
from collections.abc import Iterable, Mapping

LONGEST = 2000
"""Characters of a message; a condition's may have 32,768, and nobody reads more than the first lines."""
_HEAD = 1200
"""Of a longer one this much of its beginning; the cause that Go's errors wrap stands at the end."""
_ERROR = "Error: "
_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)?")
_LOG = re.compile(r"^(level=|WARNING: |[IWEF]\d{4} |time=)")
_MISSING = re.compile(r"^(\w+: )*(uninstall: Release not loaded: \S+: )?release: not found$")
_LATE = re.compile(r"timed out waiting for the condition|context deadline exceeded|context canceled")


def complaint(text: str, hidden: Iterable[str] = (), instead: Mapping[str, str] | None = None) -> str:
    """What Helm complains of in what it wrote to stderr: the text after the last `Error: `, else all but its log lines.
    `hidden` are credentials, `instead` says what stands for a path."""
    lines = _ANSI.sub("", text).splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith(_ERROR)]
    told = lines[starts[-1] :] if starts else [line for line in lines if not _LOG.match(line)] or lines[-1:]
    return clean("\n".join(told).removeprefix(_ERROR), hidden, instead)


def clean(text: str, hidden: Iterable[str] = (), instead: Mapping[str, str] | None = None) -> str:
    """`text` without control characters, without what is hidden, and not too long."""
    for secret in hidden:
        text = text.replace(secret, "***")
    for path, name in (instead or {}).items():
        text = text.replace(path, name)
    lines = ("".join(char if char.isprintable() else " " for char in line).rstrip() for line in text.splitlines())
    text = "\n".join(line for line in lines if line)
    return text if len(text) <= LONGEST else f"{text[:_HEAD]} … {text[_HEAD + 3 - LONGEST :]}"


def says_missing(complaint_: str) -> bool:
    """Whether Helm complains that there is no such release."""
    return _MISSING.match(complaint_) is not None


def says_timed_out(complaint_: str) -> bool:
    """Whether Helm complains that it waited as long as it may."""
    return _LATE.search(complaint_) is not None


def says_out_of_memory(text: str) -> bool:
    """Whether Go's runtime ended the program because it got no memory."""
    return ("fatal error: " in text and "out of memory" in text) or "fatal error: failed to reserve" in text
