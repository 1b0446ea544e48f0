"""A Helm for virtual time: an engine that keeps records as Helm does and makes one Deployment, and can be told to fail,
to hang, or to die in the middle. Real Helm is held against the same protocol in tests/kube/helm."""

import asyncio
import base64
import gzip
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from sym.clusters.releases import Helm
from sym.kube.api import Api
from sym.kube.connection import Connection
from sym.kube.errors import NotFound
from sym.kube.helm.types import Capabilities, HelmFailed, ReleaseName, Wanted
from sym.kube.requests import ListOptions
from sym.model import names
from sym.model.appset import Chart, HelmRelease
from sym.model.codec import JSON, JSONMap, as_map, dig, dig_str, encode
from sym.model.kinds import DEPLOYMENT, SECRET
from sym.model.meta import Kind, Object
from sym.model.workload import ReleaseRecord
from sym.net.errors import ChartError


class Folder(Struct, frozen=True):
    """A chart."""

    folder: Path = Path("/charts/springBoot")


class Charts:
    """A source of charts that gives the same one for every name, or `trouble`."""

    def __init__(self) -> None:
        self.trouble: ChartError | None = None

    async def get(self, chart: Chart) -> Folder:
        if self.trouble is not None:
            raise self.trouble
        return Folder()

    async def close(self) -> None:
        return


class HelmByHand:
    """See the module. `apis` by the host of a Connection."""

    name = "by hand"

    def __init__(self, apis: Mapping[str, Api]) -> None:
        self._apis = apis
        self.charts = Charts()
        self.calls: list[str] = []
        """What was asked of it, as `upgrade bbcc-gz01b-blue`; renders are left out."""
        self.ended: list[str] = []
        """What ended before it was done."""
        self.extra = ""
        """More YAML that every chart renders."""
        self.refuses: str = ""
        """Helm's text, where it fails after the record was made."""
        self.seconds = 0.0
        """How long it takes between the record and the objects."""
        self.closed = False

    @property
    def kit(self) -> Helm:
        """What a process does Helm's work with."""

        async def engine() -> "HelmByHand":
            return self

        async def charts() -> Charts:
            return self.charts

        return Helm(engine=engine, charts=charts)

    async def render(self, wanted: Wanted, capabilities: Capabilities, deadline: float) -> str:
        return f"{_manifest(wanted)}\n---\n{self.extra}"

    async def install(self, where: Connection, wanted: Wanted, deadline: float) -> HelmRelease:
        return await self._write("install", where, wanted)

    async def upgrade(self, where: Connection, wanted: Wanted, deadline: float) -> HelmRelease:
        return await self._write("upgrade", where, wanted)

    async def uninstall(self, where: Connection, release: ReleaseName, deadline: float) -> None:
        self.calls.append(f"uninstall {release.name}")
        api = self._api(where)
        for record in await self.records(api, release.name):
            await _delete(api, SECRET, record)
        try:
            await _delete(api, DEPLOYMENT, await api.get(DEPLOYMENT, Object, release.namespace, release.name))
        except NotFound:
            return

    async def rollback(self, where: Connection, release: ReleaseName, revision: int, deadline: float) -> None:
        raise HelmFailed("not by hand")

    async def history(self, where: Connection, release: ReleaseName, deadline: float) -> tuple[HelmRelease, ...]:
        return tuple(
            HelmRelease(release=each.release, revision=each.number, status=each.status)
            for each in await self.records(self._api(where), release.name)
        )

    async def status(self, where: Connection, release: ReleaseName, deadline: float) -> HelmRelease | None:
        found = await self.history(where, release, deadline)
        return found[-1] if found else None

    async def pull(self, chart: str, version: str, folder: Path, deadline: float) -> Path:
        raise HelmFailed("not by hand")

    async def close(self) -> None:
        self.closed = True

    async def records(self, api: Api, release: str) -> list[ReleaseRecord]:
        """The records of a release, the oldest first."""
        options = ListOptions(namespace="default", label_selector=f"owner=helm,name={release}")
        found, _ = await api.list_all(SECRET, ReleaseRecord, options)
        return sorted(found, key=lambda each: each.number)

    async def _write(self, verb: str, where: Connection, wanted: Wanted) -> HelmRelease:
        name = wanted.release.name
        self.calls.append(f"{verb} {name}")
        api, before = self._api(where), await self.records(self._api(where), name)
        number = (before[-1].number if before else 0) + 1
        pending = "pending-install" if number == 1 else "pending-upgrade"
        await api.create(SECRET, record(wanted, number, pending), names.HELM)
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.ended.append(f"{verb} {name}")
            raise
        if self.refuses:
            await _say(api, record(wanted, number, "failed", self.refuses))
            raise HelmFailed(self.refuses)
        await api.apply(DEPLOYMENT, rendered(wanted), names.HELM, force=True)
        for each in before:
            if each.status == "deployed":
                await api.patch(SECRET, _superseded(each), names.HELM)
        await _say(api, record(wanted, number, "deployed"))
        return HelmRelease(release=name, revision=number, status="deployed")

    def _api(self, where: Connection) -> Api:
        return self._apis[str(urlsplit(where.server).hostname)]


def record(wanted: Wanted, number: int, status: str, description: str = "done") -> JSONMap:
    """A record as Helm keeps it."""
    name, namespace = wanted.release.name, wanted.release.namespace
    document: JSONMap = {
        "name": name,
        "version": number,
        "manifest": _manifest(wanted),
        "info": {"status": status, "description": description, "first_deployed": "2026-01-01T00:00:00.123456789Z"},
        "chart": {"metadata": {"name": "springBoot", "version": "0.0.1", "appVersion": "1"}},
    }
    packed = base64.b64encode(base64.b64encode(gzip.compress(encode(document)))).decode()
    labels: JSONMap = {**wanted.labels, "owner": "helm", "name": name, "version": str(number), "status": status}
    metadata: JSONMap = {"name": f"sh.helm.release.v1.{name}.v{number}", "namespace": namespace, "labels": labels}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": "helm.sh/release.v1",
        "data": {"release": packed},
    }


def rendered(wanted: Wanted) -> JSONMap:
    """The Deployment, with Helm's marks."""
    made = _deployment(wanted)
    metadata = as_map(made["metadata"])
    marks: JSONMap = {names.HELM_RELEASE: wanted.release.name, names.HELM_NAMESPACE: wanted.release.namespace}
    labels: JSONMap = {**as_map(metadata["labels"]), names.MANAGED_BY: "Helm"}
    return {**made, "metadata": {**metadata, "namespace": "default", "labels": labels, "annotations": marks}}


def _deployment(wanted: Wanted) -> JSONMap:
    values: JSONMap = {}
    for layer in wanted.values:
        values |= layer if isinstance(layer, dict) else {}
    app, replicas = dig_str(values, "nameOverride"), dig(values, "replicaCount")
    labels: JSONMap = {"app": app, "release": wanted.release.name}
    container: JSON = {"name": app, "image": f"dmall/{app}:{dig_str(values, 'container', 'image', 'tag')}"}
    spec: JSONMap = {
        "replicas": replicas,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }
    metadata: JSONMap = {"name": wanted.release.name, "labels": {"app": app}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def _manifest(wanted: Wanted) -> str:
    return encode(_deployment(wanted)).decode()  # JSON is YAML


def _superseded(each: ReleaseRecord) -> JSONMap:
    metadata: JSONMap = {"namespace": "default", "name": each.metadata.name, "labels": {"status": "superseded"}}
    return {"metadata": metadata}


async def _say(api: Api, body: JSONMap) -> None:
    await api.patch(SECRET, {key: body[key] for key in ("metadata", "data")}, names.HELM)


async def _delete(api: Api, kind: Kind, item: Object) -> None:
    meta = item.metadata
    await api.delete(
        kind, namespace=meta.namespace, name=meta.name, uid=meta.uid, resource_version=meta.resource_version
    )
