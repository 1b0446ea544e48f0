"""Registrations come, change and go at run time; nothing that happens to one touches a workload or another one."""

import asyncio

import pytest

from sym.model import names
from sym.model.kinds import CONFIGMAP, DEPLOYMENT, POD, SECRET
from sym.model.meta import Object
from tests.make import BJ4, BJ5, appset, pod_set, two_clusters
from tests.world import World, installed, kubeconfig, until

pytestmark = pytest.mark.anyio


async def test_a_configmap_registers_too_with_a_warning_that_advises_a_secret() -> None:
    world = World(BJ4)
    async with world.running():
        await world.register_in_configmap(BJ4)
        async with world.controller() as process:
            await until(lambda: process.fleet.state(BJ4).usable, "it is connected")
            await asyncio.sleep(1)
            assert "KubeconfigInConfigMap" in await world.reasons("meta", "ConfigMap", BJ4)


@pytest.mark.parametrize("text", [None, "a: ["], ids=["of an unknown cluster", "broken"])
async def test_a_restart_repeats_no_warning_about_a_registration_that_is_still_the_same(text: str | None) -> None:
    world = World(BJ4)
    world.down.add(BJ4)
    async with world.running():
        await world.register_in_configmap(BJ4, text)
        async with world.controller():
            await asyncio.sleep(60)
        assert "KubeconfigInConfigMap" in await world.reasons("meta", "ConfigMap", BJ4)
        world.writes.clear()
        async with world.controller():
            await asyncio.sleep(60)
        assert [write for write in world.writes if "/leases" not in write.path] == []
        await world.register_in_configmap(BJ4, "a: &x [1]\nb: *x")
        async with world.controller():
            await asyncio.sleep(60)
        assert [write for write in world.writes if "/events" in write.path] != []


async def test_where_both_exist_the_secret_counts() -> None:
    world = World(BJ4)
    async with world.running():
        await world.register_in_configmap(BJ4, "broken")
        async with world.controller() as process:
            await until(lambda: process.fleet.state(BJ4).health == "CredentialProblem", "the ConfigMap is broken")
            await world.register(BJ4)
            await until(lambda: process.fleet.state(BJ4).usable, "the Secret counts")
            await world.unregister(BJ4)
            await until(lambda: process.fleet.state(BJ4).health == "CredentialProblem", "the ConfigMap counts again")


async def test_maintaining_disconnects_and_connects_again_without_a_restart_and_touches_nothing() -> None:
    async with installed() as world, world.controller() as process:
        await world.apply(two_clusters())
        await world.until_running()
        pods = await world.uids(POD)
        for word in ("Maintaining", "false"):
            await world.register(BJ4, status=word)
            await until(lambda: process.fleet.member(BJ4) is None, "it is disconnected")
            assert process.fleet.state(BJ4).health == "Maintaining"
            await asyncio.sleep(60)
            rows = {row.name: row.status for row in (await world.app()).status.aggr_status.clusters}
            assert rows[BJ4] == "Maintaining"
            await world.register(BJ4, status="true")
            await world.until_running()
        assert await world.uids(POD) == pods


async def test_a_removed_registration_touches_no_workload() -> None:
    async with installed() as world, world.controller() as process:
        await world.apply(two_clusters())
        await world.until_running()
        pods = await world.uids(POD)
        await world.unregister(BJ4)
        await until(lambda: BJ4 not in process.fleet.states(), "it is gone")
        await asyncio.sleep(300)
        assert await world.uids(POD) == pods
        app = await world.app()
        rows = {row.name: row.status for row in app.status.aggr_status.clusters}
        assert rows[BJ4] == "NotRegistered"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "kubeconfig"),
        ("a: [", "kubeconfig"),
        (kubeconfig(BJ4, exec={"command": "sh"}), "exec"),
        (kubeconfig(BJ4).replace("https", "http"), "https"),
        ("a" * 70_000, "kubeconfig"),
        ("a: &x [1]\nb: *x", "alias"),
    ],
    ids=["empty", "broken", "exec", "http", "oversized", "alias"],
)
async def test_a_kubeconfig_that_cannot_be_used_is_a_credential_problem_with_the_reason(text: str, words: str) -> None:
    world = World(BJ4, BJ5)
    async with world.running():
        await world.register(BJ4, text)
        await world.register(BJ5)
        async with world.controller() as process:
            await until(lambda: process.fleet.state(BJ5).usable, "the other one is there")
            state = process.fleet.state(BJ4)
            assert state.health == "CredentialProblem"
            assert words in state.reason
            assert "CredentialProblem" in await world.reasons("meta", "Secret", BJ4)


async def test_a_changed_kubeconfig_is_used_only_after_its_cluster_has_answered() -> None:
    world = World(BJ4, "elsewhere")
    world.down.add("elsewhere")
    async with world.running():
        await world.register(BJ4)
        async with world.controller() as process:
            await until(lambda: process.fleet.state(BJ4).usable, "it is connected")
            member = process.fleet.member(BJ4)
            await world.register(BJ4, kubeconfig("elsewhere"))
            await asyncio.sleep(120)
            assert process.fleet.member(BJ4) is member
            assert member is not None
            assert member.doubt() == ""  # the last good client still works
            assert "not in use yet" in process.fleet.state(BJ4).reason


async def test_another_cluster_under_the_same_name_is_refused_until_acknowledged() -> None:
    world = World(BJ4, "elsewhere")
    async with world.running():
        await world.register(BJ4)
        async with world.controller() as process:
            await until(lambda: process.fleet.state(BJ4).usable, "it is connected")
            await world.register(BJ4, kubeconfig("elsewhere"))
            await until(lambda: process.fleet.state(BJ4).health == "CredentialProblem", "it is refused")
            reason = process.fleet.state(BJ4).reason
            assert names.CLUSTER_UID in reason
            await world.acknowledge(BJ4, "elsewhere")
            await until(lambda: process.fleet.state(BJ4).usable, "it is accepted", seconds=120)
            member = process.fleet.member(BJ4)
            assert member is not None
            assert member.uid.value in reason


async def test_a_rebuilt_cluster_is_refused_after_a_restart_too_and_nothing_is_written_to_it() -> None:
    world = World(BJ4, "elsewhere")
    async with world.running():
        await world.register(BJ4)
        async with world.controller() as process:
            await until(lambda: process.fleet.state(BJ4).usable, "it is connected")
            await asyncio.sleep(1)
        await world.register(BJ4, kubeconfig("elsewhere"))
        world.writes.clear()
        async with world.controller() as process:
            await asyncio.sleep(60)
            assert process.fleet.state(BJ4).health == "CredentialProblem"
        assert [write for write in world.writes if write.cluster == "elsewhere"] == []


async def test_the_uid_is_noted_on_the_registration() -> None:
    async with installed(BJ4) as world, world.controller() as process:
        await until(lambda: process.fleet.state(BJ4).usable, "it is connected")
        await asyncio.sleep(1)
        secret = await world.meta.get(SECRET, Object, names.META_NAMESPACE, BJ4)
        member = process.fleet.member(BJ4)
        assert member is not None
        assert secret.metadata.annotations[names.CLUSTER_UID] == member.uid.value


async def test_a_secret_without_our_label_is_no_registration() -> None:
    world = World(BJ4)
    async with world.running():
        await world.meta.create(
            CONFIGMAP,
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": names.META_NAMESPACE}},
            "person",
        )
        async with world.controller() as process:
            await asyncio.sleep(10)
            assert process.fleet.states() == {}


async def test_a_rotated_credential_of_the_same_cluster_keeps_the_caches() -> None:
    async with installed() as world, world.controller() as process:
        await world.apply(two_clusters())
        await world.until_running()
        member = process.fleet.member(BJ4)
        before = world.links[BJ4]
        await world.register(BJ4, kubeconfig(BJ4, token="another"))
        await until(lambda: world.links[BJ4] is not before, "a new client is made")
        await asyncio.sleep(5)
        assert process.fleet.member(BJ4) is member
        assert process.fleet.state(BJ4).usable
        world.writes.clear()
        await world.apply(two_clusters(replicas=3))
        await world.until_running()


async def test_metadata_of_registration_and_its_meta_reach_the_fleet() -> None:
    async with installed(BJ4) as world, world.controller() as process:
        await world.register(BJ4, meta="sym-available-zone: bj4\nldc: gz01")
        await until(lambda: process.fleet.state(BJ4).meta.get("ldc") == "gz01", "the meta is read")
        assert process.fleet.state(BJ4).meta["sym-available-zone"] == "bj4"
        assert process.fleet.state(BJ4).usable


async def test_one_cluster_under_two_names_is_served_under_the_older_one_only() -> None:
    async with installed() as world, world.controller() as process:
        await world.apply(two_clusters())
        await world.until_running()
        pods = await world.uids(POD)
        await asyncio.sleep(5)
        await world.register("again", kubeconfig(BJ5))
        await until(lambda: process.fleet.state("again").health == "CredentialProblem", "the twin is refused")
        assert f"registered as {BJ5!r}" in process.fleet.state("again").reason
        assert process.fleet.state(BJ5).usable
        await world.apply(appset({BJ5: [pod_set("other-a")], "again": [pod_set("other-b")]}, name="other"))
        await asyncio.sleep(60)
        assert pods.items() <= (await world.uids(POD)).items()
        assert await world.names(BJ5, DEPLOYMENT) == ["bbcc-gz01a-blue", "other-a"]
        await world.unregister(BJ5)
        await until(lambda: process.fleet.state("again").usable, "the only name that is left counts")
