"""Watches of the API core in virtual time: resume, bookmarks, time-outs, slow readers, selectors, CRDs that change."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from sym.aio.env import LoopEnv
from sym.kube.errors import NotFound, Unreachable
from sym.kube.requests import Request, Target, create, delete, object_path, patch
from sym.model.codec import JSON, JSONMap, dig, dig_str, parse_map
from sym.model.crd import crds
from sym.model.kinds import APPSET, CONFIGMAP, CRD
from sym.sandbox.client import InProcessClient
from sym.sandbox.cluster import SandboxCluster
from sym.settings import ApiServerSettings, SandboxSettings

pytestmark = pytest.mark.anyio


@pytest.fixture
async def cluster(env: LoopEnv) -> SandboxCluster:
    """A cluster in which nothing works."""
    return SandboxCluster("one", env, SandboxSettings())


def _watch(namespace: str = "default", **query: str) -> Request:
    pairs = (("watch", "true"), *query.items())
    return Request(method="GET", path=object_path(CONFIGMAP, namespace), query=pairs)


async def _make(client: InProcessClient, name: str, **labels: str) -> str:
    body: JSONMap = {"metadata": {"name": name, "labels": {**labels}}}
    answer = await client.send(create(CONFIGMAP, body, namespace="default", manager="test"))
    return dig_str(parse_map(answer.body), "metadata", "resourceVersion")


async def _frames(client: InProcessClient, request: Request) -> list[tuple[JSON, JSON]]:
    async with client.stream(request) as lines:
        return [_short(line) async for line in lines]


def _short(line: bytes) -> tuple[JSON, JSON]:
    frame = parse_map(line)
    return frame["type"], dig(frame, "object", "metadata", "name")


async def _next(lines: AsyncIterator[bytes]) -> tuple[JSON, JSON]:
    return _short(await anext(lines))


async def test_a_watch_goes_on_from_its_version_without_loss_or_repetition(cluster: SandboxCluster) -> None:
    client = cluster.client()
    version = await _make(client, "a")
    await _make(client, "b")
    async with client.stream(_watch(resourceVersion=version)) as lines:
        assert await _next(lines) == ("ADDED", "b")
        await _make(client, "c")
        assert await _next(lines) == ("ADDED", "c")


async def test_a_watch_without_a_version_tells_the_state_first(cluster: SandboxCluster) -> None:
    client = cluster.client()
    await _make(client, "a")
    assert await _frames(client, _watch(timeoutSeconds="5")) == [("ADDED", "a")]


async def test_a_watch_ends_at_its_time_out(cluster: SandboxCluster, env: LoopEnv) -> None:
    begun = env.monotonic()
    assert (
        await _frames(cluster.client(), _watch(resourceVersion=str(cluster.store.version), timeoutSeconds="300")) == []
    )
    assert env.monotonic() - begun == pytest.approx(300)


async def test_a_watch_without_a_time_out_ends_within_the_hour(cluster: SandboxCluster, env: LoopEnv) -> None:
    begun = env.monotonic()
    await _frames(cluster.client(), _watch(resourceVersion=str(cluster.store.version)))
    assert 1800 <= env.monotonic() - begun <= 3600


async def test_bookmarks_name_the_newest_version_and_only_come_when_asked_for(cluster: SandboxCluster) -> None:
    client = cluster.client()
    start = str(cluster.store.version)
    asked = _watch(resourceVersion=start, timeoutSeconds="70", allowWatchBookmarks="true")
    async with client.stream(asked) as lines:
        cluster.store.create(CONFIGMAP, {"metadata": {"name": "elsewhere", "namespace": "other"}})
        frames = [parse_map(line) async for line in lines]
    assert [frame["type"] for frame in frames] == ["BOOKMARK", "BOOKMARK"]  # after a minute, and before the end
    assert dig(frames[0], "object", "kind") == "ConfigMap"
    assert dig(frames[0], "object", "metadata", "resourceVersion") == str(cluster.store.version)
    assert await _frames(client, _watch(resourceVersion=start, timeoutSeconds="70")) == []
    short = _watch(resourceVersion=str(cluster.store.version), timeoutSeconds="50", allowWatchBookmarks="true")
    assert await _frames(client, short) == []  # nothing to say yet


async def test_a_version_that_was_forgotten_is_410_and_the_watch_ends(cluster: SandboxCluster) -> None:
    client = cluster.client()
    version = await _make(client, "a")
    await _make(client, "b")
    cluster.store.compact()
    async with client.stream(_watch(resourceVersion=version)) as lines:
        (line,) = [line async for line in lines]
    frame = parse_map(line)
    assert (frame["type"], dig(frame, "object", "code"), dig(frame, "object", "reason")) == ("ERROR", 410, "Expired")


async def test_a_version_from_the_future_is_silence_until_then(cluster: SandboxCluster) -> None:
    """As kube-apiserver 1.34 has it, see tests/contract."""
    client = cluster.client()
    then = str(cluster.store.version + 1)
    async with client.stream(_watch(resourceVersion=then, timeoutSeconds="5")) as lines:
        await _make(client, "at")
        await _make(client, "after")
        assert [_short(line) async for line in lines] == [("ADDED", "after")]


async def test_a_streamed_beginning_cannot_be_of_the_future(cluster: SandboxCluster) -> None:
    streamed = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "resourceVersion": "999999"}
    async with cluster.client().stream(_watch(**streamed)) as lines:
        (line,) = [line async for line in lines]
    assert dig(parse_map(line), "object", "details", "causes", 0, "reason") == "ResourceVersionTooLarge"


async def test_a_reader_that_does_not_keep_up_is_cut_off(env: LoopEnv) -> None:
    cluster = SandboxCluster("one", env, SandboxSettings(api=ApiServerSettings(watch_backlog=3)))
    client = cluster.client()
    async with client.stream(_watch(resourceVersion=str(cluster.store.version))) as lines:
        for number in range(5):
            await _make(client, f"n{number}")
        assert [_short(line)[1] async for line in lines] == ["n0", "n1", "n2"]


async def test_what_enters_or_leaves_a_selection_is_added_or_deleted(cluster: SandboxCluster) -> None:
    client = cluster.client()
    await _make(client, "a", app="x")
    async with client.stream(_watch(resourceVersion=str(cluster.store.version), labelSelector="app=y")) as lines:
        for label in ("y", "y2", "y"):
            body: JSONMap = {"metadata": {"labels": {"app": label}}}
            await client.send(patch(Target(CONFIGMAP, "default", "a"), body, "test"))
        await client.send(_delete(cluster, "a"))
        assert [await _next(lines) for _ in range(4)] == [
            ("ADDED", "a"),
            ("DELETED", "a"),
            ("ADDED", "a"),
            ("DELETED", "a"),
        ]


async def test_other_namespaces_are_not_told(cluster: SandboxCluster) -> None:
    client = cluster.client()
    async with client.stream(_watch(resourceVersion=str(cluster.store.version))) as lines:
        cluster.store.create(CONFIGMAP, {"metadata": {"name": "x", "namespace": "kube-system"}})
        await _make(client, "mine")
        assert await _next(lines) == ("ADDED", "mine")


async def test_watchers_share_one_frame(cluster: SandboxCluster) -> None:
    client = cluster.client()
    start = str(cluster.store.version)
    async with client.stream(_watch(resourceVersion=start)) as one, client.stream(_watch(resourceVersion=start)) as two:
        await _make(client, "a")
        assert await anext(one) == await anext(two)
    assert cluster.store.since(CONFIGMAP, int(start))[0].frame


async def test_a_closed_client_breaks_its_watches(cluster: SandboxCluster) -> None:
    client = cluster.client()
    async with client.stream(_watch(resourceVersion=str(cluster.store.version))) as lines:
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(_expect_unreachable(lines))
            await asyncio.sleep(1)
            await client.aclose()
        assert reading.result()
    with pytest.raises(Unreachable):
        await client.send(_watch())


async def test_a_watch_of_custom_resources_ends_when_their_crd_changes(cluster: SandboxCluster) -> None:
    client = cluster.client()
    definition = next(item for item in crds() if dig_str(item, "spec", "names", "plural") == APPSET.plural)
    await client.send(create(CRD, definition, namespace="", manager="test"))
    asked = Request(method="GET", path=object_path(APPSET), query=(("watch", "true"), ("resourceVersion", "0")))
    async with client.stream(asked) as lines:
        labels: JSONMap = {"metadata": {"labels": {"a": "b"}}}
        await client.send(patch(Target(CRD, "", APPSET.qualified), labels, "test"))
        names: JSONMap = {"spec": {"names": {"shortNames": ["as", "app"]}}}
        await client.send(patch(Target(CRD, "", APPSET.qualified), names, "test"))
        assert [line async for line in lines] == []


async def test_a_watch_that_is_left_no_longer_hears_the_store(cluster: SandboxCluster) -> None:
    client = cluster.client()
    async with client.stream(_watch(resourceVersion=str(cluster.store.version))):
        heard = cluster.store.listeners(CONFIGMAP)
    assert cluster.store.listeners(CONFIGMAP) == heard - 1


async def _expect_unreachable(lines: AsyncIterator[bytes]) -> bool:
    with pytest.raises(Unreachable):
        await anext(lines)
    return True


def _delete(cluster: SandboxCluster, name: str) -> Request:
    entry = cluster.store.get(CONFIGMAP, "default", name)
    if entry is None:
        raise NotFound(name)
    version = str(entry.version)
    return delete(CONFIGMAP, namespace="default", name=name, uid=entry.uid, resource_version=version)
