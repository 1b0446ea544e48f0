"""kubectl logs against simulated containers: what is shown, cut and refused."""

import asyncio
from datetime import timedelta

import pytest

from sym.model.codec import JSON
from sym.model.kinds import POD
from sym.sandbox.failures import Refusal
from sym.sandbox.workloads.logs import Log, open_log, options
from tests.sandbox.workloads.cluster import Cluster, cluster

pytestmark = pytest.mark.anyio


def log(c: Cluster, name: str = "solo", **query: str) -> Log:
    return open_log(c.store, c.workloads.kubelet, c.env, ("default", name), options(name, query, c.env.now()))


def lines(c: Cluster, name: str = "solo", **query: str) -> list[str]:
    return log(c, name, **query).text().decode().splitlines()


def refused(c: Cluster, name: str = "solo", **query: str) -> tuple[int, str]:
    with pytest.raises(Refusal) as caught:
        log(c, name, **query)
    return caught.value.code, caught.value.message


async def test_lines_follow_from_the_start_and_options_cut_them() -> None:
    async with cluster() as c:
        c.pod()
        await asyncio.sleep(22)  # started at 1 s; alive at 6, 11, 16 and 21 s
        assert lines(c) == [
            "main: started shop:v1 in pod solo on node-1",
            *(f"main: alive, beat {beat}" for beat in (1, 2, 3, 4)),
        ]
        assert lines(c, tailLines="2") == ["main: alive, beat 3", "main: alive, beat 4"]
        assert lines(c, tailLines="0") == []
        assert lines(c, sinceSeconds="7") == ["main: alive, beat 3", "main: alive, beat 4"]
        since = (c.env.now() - timedelta(seconds=2)).isoformat()
        assert lines(c, sinceTime=since) == ["main: alive, beat 4"]
        assert log(c, limitBytes="8").text() == b"main: st"
        assert lines(c, timestamps="true", tailLines="1") == ["2026-01-01T00:00:21.000000000Z main: alive, beat 4"]


async def test_following_goes_on_until_the_container_ends() -> None:
    async with cluster() as c:
        c.pod()
        await asyncio.sleep(3)
        got = bytearray()

        async def follow() -> None:
            async for piece in log(c, follow="true").follow():
                got.extend(piece)

        async with asyncio.TaskGroup() as group:
            group.create_task(follow())
            await asyncio.sleep(11)
            assert got.decode().splitlines()[1:] == ["main: alive, beat 1", "main: alive, beat 2"]
            c.store.remove(POD, "default", "solo")
        assert got.decode().splitlines()[-1] == "main: stopped"


async def test_the_last_life_of_a_crashed_container() -> None:
    async with cluster() as c:
        c.pod(image="shop:crash")
        await asyncio.sleep(1.5)
        assert refused(c, previous="true") == (400, 'previous terminated container "main" in pod "solo" not found')
        await asyncio.sleep(2)
        assert lines(c, previous="true")[-1] == "main: fatal: simulated crash, because the image is named shop:crash"


async def test_refusals_use_a_real_servers_words() -> None:
    async with cluster() as c:
        c.pod("stuck", nodeSelector={"disk": "ssd"})
        c.pod("broken", image="shop:pull-fail")
        two: JSON = [{"name": "a", "image": "x"}, {"name": "b", "image": "x"}]
        c.pod("pair", containers=two, initContainers=[{"name": "i", "image": "x"}])
        await asyncio.sleep(0.5)
        assert refused(c, "nobody") == (404, 'pods "nobody" not found')
        assert refused(c, "stuck") == (400, "pod stuck does not have a host assigned")
        waiting = 'container "main" in pod "broken" is waiting to start: '
        assert refused(c, "broken") == (400, waiting + "ContainerCreating")
        words = (
            "a container name must be specified for pod pair, choose one of: [a b] or one of the init containers: [i]"
        )
        assert refused(c, "pair") == (400, words)
        assert refused(c, "pair", container="z") == (400, "container z is not valid for pod pair")
        await asyncio.sleep(5)
        assert refused(c, "broken") == (400, waiting + "trying and failing to pull image")
        assert lines(c, "pair", container="i")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"tailLines": "-3"}, "tailLines: Invalid value: -3"),
        ({"tailLines": "x"}, 'parsing "x": invalid syntax'),
        ({"limitBytes": "0"}, "limitBytes: Invalid value: 0"),
        ({"sinceTime": "noon"}, 'parsing time "noon"'),
        ({"sinceSeconds": "0"}, "sinceSeconds: Invalid value: 0"),
    ],
)
async def test_options_that_make_no_sense_are_refused(query: dict[str, str], words: str) -> None:
    async with cluster() as c:
        with pytest.raises(Refusal, match=words):
            options("pod", query, c.env.now())
