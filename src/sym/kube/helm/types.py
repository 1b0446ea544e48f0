"""What every Helm engine can do, and what is said to and by it.

An engine is the `helm` program in a subprocess, or the Helm library in a worker process of its own. Both get a chart as
a folder that was checked before, values as data, and a deadline; cancelling the task that awaits a call ends the work
itself before the cancellation is passed on, so that nobody writes for us after we stopped holding the lock. Nothing
here ever holds a credential in a message.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, TypeAlias

from msgspec import Struct

from sym.kube.connection import Connection
from sym.model.appset import HelmRelease
from sym.model.codec import JSONMap

Values: TypeAlias = JSONMap | str
"""One layer of values: data, or YAML text as a person wrote it (Helm's own scalar rules read it)."""


class ReleaseName(Struct, frozen=True, kw_only=True):
    """A release in one cluster."""

    namespace: str
    name: str


class Wanted(Struct, frozen=True, kw_only=True):
    """A release as it shall be. `chart` is the folder of the chart; of `values` the later layer wins. `labels` go onto
    the release's record (its Secret) beside Helm's own. `history` is how many revisions are kept. `hooks`: whether the
    chart's hooks run; its tests never do, and what is in its crds/ is never installed."""

    release: ReleaseName
    chart: Path
    values: tuple[Values, ...] = ()
    labels: Mapping[str, str] = {}
    description: str = ""
    history: int = 10
    hooks: bool = True


class Capabilities(Struct, frozen=True, kw_only=True):
    """What a chart may ask of the cluster that it is rendered for."""

    kube_version: str
    api_versions: tuple[str, ...] = ()


class HelmError(Exception):
    """The root. `message` is Helm's own text where there is one, fit for a condition: no credential, at most 2,000
    characters."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class HelmEngineMissing(HelmError):
    """There is no engine, or it does not start: the sentence says how to get one."""


class HelmFailed(HelmError):
    """Helm said no: the chart, the values or the cluster is at fault."""


class HelmTimedOut(HelmError):
    """The deadline passed, or a limit of the subprocess was hit; Helm has ended."""


class HelmEngine(Protocol):
    """Does Helm's work in one cluster at a time per call; many calls may run at once, but never two for one release.
    Every call takes `deadline` in seconds and raises HelmError."""

    @property
    def name(self) -> str:
        """Which engine it is, with its version, as `helm v3.19.5`."""
        ...

    async def render(self, wanted: Wanted, capabilities: Capabilities, deadline: float) -> str:
        """The YAML of all that would be written, hooks among it; no cluster is asked."""
        ...

    async def install(self, where: Connection, wanted: Wanted, deadline: float) -> HelmRelease:
        """Make the release's first revision. Does not wait until pods are ready."""
        ...

    async def upgrade(self, where: Connection, wanted: Wanted, deadline: float) -> HelmRelease:
        """Make the release's next revision from exactly these values (none are reused)."""
        ...

    async def rollback(self, where: Connection, release: ReleaseName, revision: int, deadline: float) -> None:
        """Make a new revision that is like an old one."""
        ...

    async def uninstall(self, where: Connection, release: ReleaseName, deadline: float) -> None:
        """Take away the release, its objects and its history. Nothing to do where it is gone already."""
        ...

    async def history(self, where: Connection, release: ReleaseName, deadline: float) -> tuple[HelmRelease, ...]:
        """All revisions that are kept, the oldest first; none where there is no such release."""
        ...

    async def status(self, where: Connection, release: ReleaseName, deadline: float) -> HelmRelease | None:
        """The newest revision, or None where there is no such release."""
        ...

    async def pull(self, chart: str, version: str, folder: Path, deadline: float) -> Path:
        """Fetch the archive of an `oci://` chart into `folder`; the path of the .tgz."""
        ...

    async def close(self) -> None:
        """End every process of the engine."""
        ...
