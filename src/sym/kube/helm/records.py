"""Facts of releases as the `helm` program prints them. Pure.

`helm get all --template` prints one revision with all its facts, each escaped for a URL so that none holds a blank;
`helm history -o json` prints all revisions, with chart and version in one word.
"""

import re
from datetime import datetime
from urllib.parse import unquote_plus

import msgspec
from msgspec import Struct

from sym.model.appset import HelmRelease
from sym.model.codec import decode

_TIME = '.Format "2006-01-02T15:04:05.999999999Z07:00"'
TEMPLATE = (
    "{{with .Release}}{{urlquery .Name}} {{.Version}} {{urlquery .Info.Status}} {{urlquery .Info.Description}}"
    " {{urlquery .Chart.Metadata.Name}} {{urlquery .Chart.Metadata.Version}} {{urlquery .Chart.Metadata.AppVersion}}"
    f" {{{{urlquery (.Info.FirstDeployed{_TIME})}}}} {{{{urlquery (.Info.LastDeployed{_TIME})}}}}{{{{end}}}}"
)
"""For `helm get all --template`."""
_SEMVER = re.compile(r"v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_NANOS = re.compile(r"(\.\d{6})\d+")


class Metadata(Struct, frozen=True, rename="camel"):
    """What a chart says of itself."""

    name: str = ""
    version: str = ""
    app_version: str = ""


class _Chart(Struct, frozen=True):
    metadata: Metadata = Metadata()


class _Info(Struct, frozen=True):
    status: str = ""
    description: str = ""
    first_deployed: str = ""
    last_deployed: str = ""


class _Release(Struct, frozen=True):
    name: str
    version: int
    info: _Info
    chart: _Chart = _Chart()


class _Revision(Struct, frozen=True):
    revision: int
    updated: str = ""
    status: str = ""
    chart: str = ""
    app_version: str = ""
    description: str = ""


def from_json(text: bytes) -> HelmRelease:
    """The release that `helm install` or `upgrade -o json` printed. Raises DecodeError."""
    read = decode(text, _Release)
    return HelmRelease(
        release=read.name,
        chart=read.chart.metadata.name,
        chart_version=read.chart.metadata.version,
        app_version=read.chart.metadata.app_version,
        revision=read.version,
        status=read.info.status,
        description=read.info.description,
        first_deployed=moment(read.info.first_deployed),
        last_deployed=moment(read.info.last_deployed),
    )


def from_template(text: str) -> HelmRelease:
    """The release that `helm get all --template` printed with TEMPLATE. Raises ValueError."""
    words = [unquote_plus(word) for word in text.strip("\n").split(" ")]
    name, revision, status, description, chart, version, app, first, last = words
    return HelmRelease(
        release=name,
        chart=chart,
        chart_version=version,
        app_version=app,
        revision=int(revision),
        status=status,
        description=description,
        first_deployed=moment(first),
        last_deployed=moment(last),
    )


def from_history(text: bytes, release: str) -> tuple[HelmRelease, ...]:
    """The revisions that `helm history -o json` printed, the oldest first. When a release was first deployed only its
    first revision tells. Raises DecodeError."""
    read = sorted(decode(text, list[_Revision]), key=lambda one: one.revision)
    return tuple(_revision(one, release) for one in read)


def moment(text: str) -> datetime | None:
    """A time as Go prints it, with nanoseconds or without; None for one that is not set or no time."""
    try:
        found = msgspec.convert(_NANOS.sub(r"\1", text), datetime)
    except msgspec.ValidationError:
        return None
    return found if found.year > 1 and found.tzinfo is not None else None


def chart_and_version(word: str) -> tuple[str, str]:
    """`web-1.2.3-rc.1` is web and 1.2.3-rc.1: the longest version that stands at the end."""
    for found in re.finditer("-", word):
        if _SEMVER.fullmatch(word, found.end()):
            return word[: found.start()], word[found.end() :]
    chart, dash, version = word.rpartition("-")  # Helm takes "1" and "1.2" as well
    return (chart, version) if dash else (word, "")


def _revision(read: _Revision, release: str) -> HelmRelease:
    chart, version = chart_and_version(read.chart)
    updated = moment(read.updated)
    return HelmRelease(
        release=release,
        chart=chart,
        chart_version=version,
        app_version=read.app_version,
        revision=read.revision,
        status=read.status,
        description=read.description,
        first_deployed=updated if read.revision == 1 else None,
        last_deployed=updated,
    )
