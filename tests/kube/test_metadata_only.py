"""Lists and watches of metadata alone: what is in the objects never comes, on a server that gives it and on one that
does not know how."""

import asyncio

import pytest

from sym.aio.env import LoopEnv
from sym.kube.api import Api
from sym.kube.errors import Junk
from sym.kube.frames import Reader
from sym.kube.requests import ListOptions
from sym.kube.store import Event, Store
from sym.kube.watch import Reflector
from sym.model.codec import JSONMap, encode
from sym.model.kinds import NAMESPACE, SECRET
from sym.model.meta import Object
from sym.sandbox.cluster import SandboxCluster
from sym.settings import KubeSettings, SandboxSettings

pytestmark = pytest.mark.anyio
OPTIONS = ListOptions(namespace="d", label_selector="owner=helm", metadata_only=True)


class Open(Object, frozen=True):
    """A Secret whose data is read."""

    data: dict[str, str] = {}


def secret(name: str, **labels: str) -> JSONMap:
    """A Secret."""
    return {"metadata": {"name": name, "namespace": "d", "labels": dict(labels)}, "data": {"release": "Zm9v"}}


@pytest.mark.parametrize("streams", [True, False], ids=["streamed", "paged"])
async def test_only_metadata_comes(streams: bool) -> None:
    env = LoopEnv(0)
    cluster = SandboxCluster("c", env, SandboxSettings())
    api = Api(cluster.client(), "c")
    await api.create(NAMESPACE, {"metadata": {"name": "d"}}, "t")
    await api.create(SECRET, secret("a", owner="helm"), "t")
    await api.create(SECRET, secret("other"), "t")
    store = Store[Open]("c", {})

    def take(event: Event[Open]) -> None:
        store.handle(event)

    reflector: Reflector[Open] = Reflector(api, SECRET, Open, OPTIONS, KubeSettings(stream_lists=streams), env)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(reflector.run(take))
        await asyncio.sleep(1)
        await api.create(SECRET, secret("b", owner="helm"), "t")
        await asyncio.sleep(1)
        task.cancel()
    assert [(each.metadata.name, each.data) for each in store.view.values()] == [("a", {}), ("b", {})]
    items, _ = await api.list_all(SECRET, Open, OPTIONS)
    assert [(each.metadata.name, each.data) for each in items] == [("a", {}), ("b", {})]
    whole, _ = await api.list_all(SECRET, Open, ListOptions(namespace="d", label_selector="owner=helm"))
    assert [each.data for each in whole] == [{"release": "Zm9v"}] * 2


def test_what_was_not_asked_for_is_no_list() -> None:
    listed: JSONMap = {"metadata": {"resourceVersion": "1"}, "items": []}
    partial = encode({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList", **listed})
    whole = encode({"apiVersion": "v1", "kind": "SecretList", **listed})
    asked: Reader[Object] = Reader(SECRET, Object, metadata_only=True)
    assert [asked.page(body).items for body in (partial, whole)] == [(), ()]
    with pytest.raises(Junk, match="another kind"):
        Reader(SECRET, Object).page(partial)
    event = encode({"type": "ADDED", "object": {"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata"}})
    with pytest.raises(Junk, match="another kind"):
        Reader(SECRET, Object).event(event)
    with pytest.raises(Junk, match="without name"):  # the kind is right, and is looked at first
        asked.event(event)
