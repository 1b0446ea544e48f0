"""A meta cluster and its members, real ones, on this machine: from their start to their end in one block.

All start side by side. One kubeconfig has a context for each. A folder that another fleet uses is refused.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sym import yaml
from sym.model.codec import JSONMap, as_map, dig_list
from sym.sandbox.kubeconfig import kubeconfig, write
from tools.realfleet.build import Binaries
from tools.realfleet.plane import Parts, Plane

META = "meta"
MEMBERS = ("tcc-bj4-dks-test-01", "tcc-bj5-dks-test-01")
"""The members of the document's example."""
MEMBER_PARTS = Parts(nodes=2)


class InUse(Exception):
    """Another fleet lives in the folder. The message says which process to end."""


class Fleet:
    """The clusters by name, and the file that reaches them all."""

    def __init__(self, planes: Sequence[Plane], path: Path) -> None:
        self.planes = {plane.name: plane for plane in planes}
        self.kubeconfig = path

    @property
    def meta(self) -> Plane:
        """The meta cluster."""
        return self.planes[META]

    @property
    def members(self) -> dict[str, Plane]:
        """The members by name."""
        return {name: plane for name, plane in self.planes.items() if name != META}


@contextmanager
def running(folder: Path, binaries: Binaries, members: Sequence[str] = MEMBERS) -> Iterator[Fleet]:
    """A fleet at work. Whatever way the block ends, every process ends with it. Raises NotReady, Ended, InUse."""
    parts = {META: Parts(), **dict.fromkeys(members, MEMBER_PARTS)}
    with planes(folder, binaries, parts) as made:
        path = folder / "kubeconfig.yaml"
        write(path, joined(made))
        yield Fleet(made, path)


@contextmanager
def planes(folder: Path, binaries: Binaries, parts: dict[str, Parts]) -> Iterator[list[Plane]]:
    """Clusters at work, each with its parts."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(folder):
        for old in parts:
            shutil.rmtree(folder / old, ignore_errors=True)  # of a fleet that was killed
        made = [Plane(name, folder / name, binaries, each) for name, each in parts.items()]
        try:
            for step in (Plane.start, Plane.ready, Plane.working):
                for plane in made:
                    step(plane)
            yield made
        finally:
            for plane in made:
                plane.stop()


def joined(planes: Sequence[Plane]) -> str:
    """One kubeconfig with the admin's context of each; each has an authority of its own."""
    parts = [as_map(yaml.load(kubeconfig([plane.context()], plane.ca).encode())) for plane in planes]
    whole: JSONMap = {**parts[0]}
    for section in ("clusters", "users", "contexts"):
        whole[section] = [entry for part in parts for entry in dig_list(part, section)]
    return yaml.dump(whole)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / "fleet.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            raise InUse(
                f"a fleet runs in {folder} already: end it with Ctrl-C where it was started, or `kill {owner}`"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
