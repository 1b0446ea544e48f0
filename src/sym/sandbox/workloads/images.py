"""What the simulated kubelet reads out of an image's name. Pure.

A name or tag that contains `crash` starts and exits again, one with `pull-fail` is never found, one with `slow` takes
long to pull. Everything else runs: for ever, or in a pod that is not restarted always (a Job's, a test's) to its end.
"""

import re
from collections.abc import Sequence
from enum import Enum
from hashlib import sha256
from typing import NamedTuple


class Fate(Enum):
    """What will become of a container of an image."""

    RUNS = "runs"
    CRASHES = "crashes"
    NOT_FOUND = "not found"


def fate(image: str) -> Fate:
    """The fate of a container that runs `image`."""
    if "pull-fail" in image:
        return Fate.NOT_FOUND
    return Fate.CRASHES if "crash" in image else Fate.RUNS


class Ending(NamedTuple):
    """How a container ends that is meant to: with which code, after how many seconds (None: at once when ready)."""

    code: int
    seconds: float | None = None


def ending(image: str, command: Sequence[str]) -> Ending | None:
    """How a container of a pod that runs to completion ends; None: never. Its command may say so (`exit 3`, `false`,
    `sleep 5`), or its image: `fail` ends badly, `hang` never ends."""
    words = " ".join(command)
    seconds = re.search(r"\bsleep (\d+(?:\.\d+)?|inf\w*)", words)
    code = re.search(r"\bexit (\d+)", words)
    if "hang" in image or (seconds and seconds[1].startswith("inf")):
        return None
    failed = "fail" in image or re.search(r"(^|/|\s)false$", words) is not None
    return Ending(int(code[1]) if code else int(failed), float(seconds[1]) if seconds else None)


def slow(image: str) -> bool:
    """Whether `image` takes long to pull."""
    return "slow" in image


def full_name(image: str) -> str:
    """The name as a container runtime reports it: with registry, library and tag."""
    head, _, rest = image.partition("/")
    if not rest:
        named = f"docker.io/library/{image}"
    elif "." in head or ":" in head or head == "localhost":
        named = image
    else:
        named = f"docker.io/{image}"
    last = named.rsplit("/", 1)[-1]
    return named if ":" in last or "@" in last else f"{named}:latest"


def image_id(image: str) -> str:
    """A digest that is always the same for a name; no registry was asked."""
    name = full_name(image)
    return f"{name.partition('@')[0].rsplit(':', 1)[0]}@sha256:{sha256(name.encode()).hexdigest()}"
