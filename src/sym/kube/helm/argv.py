"""What each operation says to the `helm` program: flags for Helm 3 and 4, such that both do the same. Pure.

Helm 4 would apply on the server's side, as a field manager that conflicts with others, where Helm 3 patches; and it
would take its choice from the release's last revision. It patches here too. Neither waits for more than hooks, rolls
back by itself or installs CRDs. Values are files in the current folder, so that no message holds a path.
"""

import re
from collections.abc import Iterable, Mapping

from msgspec import Struct

from sym.kube.helm.records import TEMPLATE
from sym.kube.helm.types import Capabilities, ReleaseName, Wanted

OLDEST = (3, 13)
"""The first that puts labels on a release's record."""
_VERSION = re.compile(r"v(\d+)\.(\d+)\.\d+[0-9A-Za-z.+-]*")


class Version(Struct, frozen=True, order=True):
    """Of the helm program."""

    major: int
    minor: int
    text: str = ""

    @property
    def usable(self) -> bool:
        """Whether this module knows how to speak to it."""
        return (self.major, self.minor) >= OLDEST and self.major in (3, 4)


def version_of(said: str) -> Version | None:
    """The version that `helm version --template` printed; None for what no helm prints."""
    found = _VERSION.fullmatch(said.strip())
    return Version(int(found[1]), int(found[2]), found[0]) if found else None


def values_file(number: int) -> str:
    """The name of the file of one layer of values, counted from 0."""
    return f"values-{number}.yaml"


def template(wanted: Wanted, capabilities: Capabilities) -> list[str]:
    """Render; no cluster is asked."""
    flags = [f"--kube-version={capabilities.kube_version}"]
    flags += [f"--api-versions={version}" for version in capabilities.api_versions]
    return _command("template", wanted, ["--skip-tests", *flags])


def install(wanted: Wanted, version: Version, timeout: float) -> list[str]:
    """The first revision."""
    return _command("install", wanted, ["--output=json", *_writing(wanted, timeout), *_patching(version)])


def upgrade(wanted: Wanted, version: Version, timeout: float) -> list[str]:
    """The next revision. Without --reset-values empty values would mean the last ones."""
    flags = ["--output=json", "--reset-values", f"--history-max={wanted.history}"]
    return _command("upgrade", wanted, [*flags, *_writing(wanted, timeout), *_patching(version)])


def rollback(release: ReleaseName, revision: int, version: Version, timeout: float) -> list[str]:
    """A revision like an old one. It takes no old ones away, since it is not told how many are wanted."""
    flags = ["--history-max=0", _timeout(timeout), *_patching(version)]
    return ["rollback", *_namespace(release), *flags, "--", release.name, str(revision)]


def uninstall(release: ReleaseName, timeout: float) -> list[str]:
    """Away with it."""
    return ["uninstall", *_namespace(release), "--ignore-not-found", _timeout(timeout), "--", release.name]


def history(release: ReleaseName) -> list[str]:
    """All revisions."""
    return ["history", *_namespace(release), "--output=json", "--", release.name]


def status(release: ReleaseName) -> list[str]:
    """The newest revision. `helm status` would not name the chart, and Helm 4's asks for each object."""
    return ["get", "all", *_namespace(release), f"--template={TEMPLATE}", "--", release.name]


def pull(chart: str, version: str, folder: str) -> list[str]:
    """The archive of a chart."""
    return ["pull", f"--version={version}", f"--destination={folder}", "--", chart]


def _command(verb: str, wanted: Wanted, flags: Iterable[str]) -> list[str]:
    values = [f"--values={values_file(number)}" for number in range(len(wanted.values))]
    crds = [] if verb == "upgrade" else ["--skip-crds"]
    hooks = [] if wanted.hooks else ["--no-hooks"]
    common = [*_namespace(wanted.release), *values, *crds, *hooks]
    return [verb, *common, *flags, "--", wanted.release.name, str(wanted.chart)]


def _writing(wanted: Wanted, timeout: float) -> list[str]:
    description = [f"--description={wanted.description}"] if wanted.description else []
    return [_timeout(timeout), *description, *_labels(wanted.labels)]


def _labels(labels: Mapping[str, str]) -> list[str]:
    return [f"--labels={key}={value}" for key, value in sorted(labels.items())]


def _namespace(release: ReleaseName) -> list[str]:
    return [f"--namespace={release.namespace}"]


def _timeout(seconds: float) -> str:
    return f"--timeout={max(1, int(seconds))}s"


def _patching(version: Version) -> list[str]:
    return ["--server-side=false"] if version.major >= 4 else []
