"""Helm releases by a whole controller process in virtual time: what is done when, under which lock, what is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sym.kube.helm.types import ReleaseName, Wanted
from sym.model import names
from sym.model.codec import JSONMap, dig, dig_map
from sym.model.conditions import find_condition
from sym.model.kinds import APPSET, DEPLOYMENT, LEASE, SECRET
from sym.net.errors import ChartNotFound, ChartUnreachable
from tests.helm_by_hand import HelmByHand, record
from tests.make import BJ4, BJ5, appset, pod_set, two_clusters
from tests.world import World, installed, until

pytestmark = pytest.mark.anyio

BLUE = "bbcc-gz01b-blue"
CHART: JSONMap = {"deployType": "helm", "chart": {"chartUrl": {"url": "dmall/springBoot"}}}


def app(version: str = "v1", replicas: int = 2, *, name: str = BLUE, app_name: str = "bbcc") -> JSONMap:
    """An AppSet of one release."""
    return appset({BJ4: [pod_set(name, replicas, version)]}, name=app_name, podSpec=CHART)


@asynccontextmanager
async def helming() -> AsyncIterator[tuple[World, HelmByHand]]:
    """A world whose controllers, to be started, have a Helm."""
    async with installed() as world:
        helm = HelmByHand(world.apis)
        world.helm = helm.kit
        yield world, helm


async def statuses(world: World, helm: HelmByHand, release: str = BLUE) -> list[str]:
    """How the revisions of a release stand, the oldest first."""
    return [each.status for each in await helm.records(world.apis[BJ4], release)]


async def stalled(world: World, name: str = "bbcc") -> tuple[str, str]:
    """Reason and message of the AppSet's Stalled; empty while it is not."""
    found = find_condition((await world.app(name)).status.conditions, names.STALLED)
    return (found.reason, found.message) if found is not None and found.true else ("", "")


async def test_a_release_runs_and_rests_and_goes() -> None:
    async with helming() as (world, helm), world.controller(helm=True):
        await world.apply(app())
        await world.until_running()
        assert helm.calls == [f"install {BLUE}"]
        told = (await world.app()).status.aggr_status.pod_sets[0]
        assert told.release is not None
        assert (told.release.chart, told.release.status, told.version) == ("springBoot", "deployed", "v1")
        writes = [write for write in world.writes if "/leases/" not in write.path]
        await asyncio.sleep(3600)
        assert [write for write in world.writes if "/leases/" not in write.path] == writes
        await world.apply(app("v2", 3))
        await world.until_running()
        assert helm.calls == [f"install {BLUE}", f"upgrade {BLUE}", f"upgrade {BLUE}"]  # the count, then the content
        assert await statuses(world, helm) == ["superseded", "superseded", "deployed"]
        await world.remove(world.meta, APPSET, "default", "bbcc")
        await until(lambda: world.is_gone("bbcc"), "the AppSet is gone")
        assert helm.calls[3:] == [f"uninstall {BLUE}"]
        assert await statuses(world, helm) == []
        assert await world.none(BJ4, DEPLOYMENT)


async def test_a_controller_that_is_started_anew_writes_nothing_and_asks_nothing_of_helm() -> None:
    async with helming() as (world, helm):
        async with world.controller(helm=True, identity="first"):
            await world.apply(app())
            await world.until_running()
        writes = [write for write in world.writes if "/leases" not in write.path]
        async with world.controller(helm=True, identity="second"):
            await asyncio.sleep(600)
            assert [write for write in world.writes if "/leases" not in write.path] == writes
            assert await world.state() == "Running"
        assert helm.calls == [f"install {BLUE}"]


async def test_what_others_did_to_the_objects_is_taken_back_without_helm() -> None:
    async with helming() as (world, helm), world.controller(helm=True):
        await world.apply(app())
        await world.until_running()
        marks = dig_map(await world.raw(BJ4, DEPLOYMENT, BLUE), "metadata", "annotations")
        assert names.APP_ID in marks
        edit: JSONMap = {"metadata": {"namespace": "default", "name": BLUE}, "spec": {"replicas": 7}}
        await world.apis[BJ4].patch(DEPLOYMENT, edit, "person")

        async def back() -> bool:
            return dig(await world.raw(BJ4, DEPLOYMENT, BLUE), "spec", "replicas") == 2

        await until(back, "the count is taken back")
        await world.remove(world.apis[BJ4], DEPLOYMENT, "default", BLUE)
        await until(lambda: world.some(BJ4, DEPLOYMENT), "the Deployment is back")
        await world.until_running()
        assert helm.calls == [f"install {BLUE}"]


async def test_helm_holds_up_nobody_else() -> None:
    async with helming() as (world, helm), world.controller(helm=True):
        helm.seconds = 200.0
        await world.apply(app())
        await until(lambda: world.some(BJ4, SECRET), "Helm is at it")
        await world.apply(appset({BJ4: [pod_set("other-blue")]}, name="other"))
        await world.until_running("other", 30.0)

        async def installing() -> bool:
            return await world.state() == "Installing"

        await until(installing, "it is told")
        assert await statuses(world, helm) == ["pending-install"]
        await world.until_running(seconds=300.0)


async def test_no_operation_outlives_its_lock() -> None:
    async with helming() as (world, helm), world.controller(helm=True):
        helm.seconds = 250.0
        await world.apply(app())
        await until(lambda: world.some(BJ4, SECRET), "Helm is at it")
        lease = await world.apis[BJ4].get_raw(LEASE, names.MEMBER_NAMESPACE, names.WORKER_LEASE)
        taken: JSONMap = {**lease, "spec": {**dig_map(lease, "spec"), "holderIdentity": "member/somebody"}}
        await world.apis[BJ4].update(LEASE, taken, "other")

        async def over() -> bool:
            return helm.ended == [f"install {BLUE}"]

        await until(over, "the operation is ended", 20.0)
        assert await world.none(BJ4, DEPLOYMENT)


def interrupted(number: int, status: str, run: str) -> JSONMap:
    """A record of `bbcc` that a killed process left."""
    labels = {names.APP: "bbcc", names.RELEASE_RUN: run}
    wanted = Wanted(
        release=ReleaseName(namespace="default", name=BLUE),
        chart=Path(),
        values=({"nameOverride": "bbcc"},),
        labels=labels,
    )
    return record(wanted, number, status)


async def test_a_killed_operation_is_noted_as_failed_and_done_again() -> None:
    async with helming() as (world, helm):
        async with world.controller(helm=True, identity="first"):
            await world.apply(app())
            await world.until_running()
        api = world.apis[BJ4]
        (first,) = await helm.records(api, BLUE)
        body = interrupted(2, "pending-upgrade", "killed")
        labels: JSONMap = {**first.metadata.labels, **dig_map(body, "metadata", "labels")}
        await api.create(SECRET, {**body, "metadata": {**dig_map(body, "metadata"), "labels": labels}}, "helm")
        async with world.controller(helm=True, identity="second"):
            await until(lambda: _deployed(world, helm, 3), "it is done again")
            await world.until_running()
            assert await statuses(world, helm) == ["superseded", "failed", "deployed"]
            description = await world.apis[BJ4].get_raw(SECRET, "default", f"sh.helm.release.v1.{BLUE}.v2")
            assert dig(description, "metadata", "labels", "status") == "failed"


async def _deployed(world: World, helm: HelmByHand, number: int) -> bool:
    found = await helm.records(world.apis[BJ4], BLUE)
    return [(each.number, each.status) for each in found[-1:]] == [(number, "deployed")]


async def test_somebody_elses_operation_is_waited_for_and_given_up_after_a_while() -> None:
    async with helming() as (world, helm), world.controller(helm=True):
        await world.apply(app())
        await world.until_running()
        api = world.apis[BJ4]
        (first,) = await helm.records(api, BLUE)
        now = str(int(world.env.now().timestamp()))
        theirs = interrupted(2, "pending-upgrade", first.metadata.labels[names.RELEASE_RUN])
        labels: JSONMap = {**first.metadata.labels, **dig_map(theirs, "metadata", "labels"), "createdAt": now}
        await api.create(SECRET, {**theirs, "metadata": {**dig_map(theirs, "metadata"), "labels": labels}}, "helm")

        async def told() -> bool:
            return (await stalled(world))[0] == "HelmBusy"

        await until(told, "it is told")
        await asyncio.sleep(600)
        assert helm.calls == [f"install {BLUE}"]
        await until(lambda: _deployed(world, helm, 3), "it is given up", 1200.0)


async def test_a_failure_is_told_in_helms_words_and_tried_again_ever_later() -> None:
    async with helming() as (world, helm), world.controller(helm=True):
        helm.refuses = "Helm's own text"
        await world.apply(app())

        async def told() -> bool:
            return await stalled(world) == ("HelmFailed", f"cluster {BJ4}: podSet {BLUE}: Helm's own text")

        await until(told, "it is told")
        assert await statuses(world, helm) == ["failed"]
        await asyncio.sleep(50)
        assert len(helm.calls) == 1
        await asyncio.sleep(300)
        assert 2 <= len(helm.calls) <= 3
        helm.refuses = ""
        await world.apply(app("v2"))
        await world.until_running(seconds=20.0)
        assert (await statuses(world, helm))[-1] == "deployed"
        assert "failed" in await statuses(world, helm)


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [(ChartNotFound("there is no such chart"), "ChartNotFound"), (ChartUnreachable("no answer"), "ChartUnreachable")],
    ids=["missing", "away"],
)
async def test_a_chart_that_cannot_be_had_is_told(trouble: Exception, reason: str) -> None:
    async with helming() as (world, helm), world.controller(helm=True):
        assert isinstance(trouble, ChartNotFound | ChartUnreachable)
        helm.charts.trouble = trouble
        await world.apply(app())

        async def told() -> bool:
            return (await stalled(world))[0] == reason

        await until(told, "it is told")
        assert helm.calls == []
        helm.charts.trouble = None
        await world.until_running(seconds=200.0)


@pytest.mark.parametrize(
    ("rendered", "reason"),
    [
        ("a: 1", "ChartJunk"),
        ("{apiVersion: v1, kind: Namespace, metadata: {name: a}}", "ChartClusterScoped"),
        ("{apiVersion: example.com/v1, kind: Thing, metadata: {name: a}}", "ChartKindNotAllowed"),
        ("{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: kube-system}}", "ChartForeignNamespace"),
    ],
    ids=["junk", "cluster-scoped", "kind", "namespace"],
)
async def test_what_may_not_be_installed_is_refused_before_anything_is_written(rendered: str, reason: str) -> None:
    async with helming() as (world, helm), world.controller(helm=True):
        helm.extra = rendered
        await world.apply(app())

        async def told() -> bool:
            return (await stalled(world))[0] == reason

        await until(told, "it is told")
        assert (helm.calls, await world.names(BJ4, SECRET)) == ([], [])


async def test_without_an_engine_it_is_told_how_to_get_one() -> None:
    async with installed() as world, world.controller(helm=True):
        await world.apply(app())

        async def told() -> bool:
            return (await stalled(world))[0] == "HelmEngineMissing"

        await until(told, "it is told")


async def test_a_worker_without_helm_says_that_it_reads_no_records() -> None:
    async with installed() as world, world.controller():
        await world.apply(app())

        async def told() -> bool:
            return (await stalled(world))[0] == "HelmRecordsUnreadable"

        await until(told, "it is told")


async def test_a_release_goes_only_after_the_rest_is_available() -> None:
    async with helming() as (world, helm), world.controller(helm=True):
        both = appset({BJ4: [pod_set(BLUE), pod_set("bbcc-gz01b-green")]}, podSpec=CHART)
        await world.apply(both)
        await world.until_running()
        await world.apply(app("slow"))
        await asyncio.sleep(2)
        assert "uninstall bbcc-gz01b-green" not in helm.calls
        await world.until_running(seconds=120.0)
        await until(lambda: _none(helm, world), "the green one goes")
        assert helm.calls[-1] == "uninstall bbcc-gz01b-green"


async def _none(helm: HelmByHand, world: World) -> bool:
    return not await helm.records(world.apis[BJ4], "bbcc-gz01b-green")


async def test_a_release_that_changed_hands_is_not_taken_away() -> None:
    async with helming() as (world, helm), world.controller(helm=True):
        await world.apply(app())
        await world.until_running()
        (only,) = await helm.records(world.apis[BJ4], BLUE)
        metadata: JSONMap = {"namespace": "default", "name": only.metadata.name, "labels": {names.APP_ID: "another"}}
        await world.apis[BJ4].patch(SECRET, {"metadata": metadata}, "person")
        await world.remove(world.meta, APPSET, "default", "bbcc")
        await asyncio.sleep(120)
        assert f"uninstall {BLUE}" not in helm.calls
        assert await world.names(BJ4, DEPLOYMENT) == [BLUE]


async def test_a_release_that_somebody_took_away_is_made_again() -> None:
    async with helming() as (world, helm), world.controller(helm=True):
        await world.apply(app())
        await world.until_running()
        await world.remove(world.apis[BJ4], SECRET, "default", f"sh.helm.release.v1.{BLUE}.v1")
        await until(lambda: _deployed(world, helm, 1), "it is there again", 120.0)
        assert helm.calls == [f"install {BLUE}", f"install {BLUE}"]
        await world.until_running()


async def test_pods_of_a_chart_that_does_not_count_are_counted_by_the_worker() -> None:
    async with helming() as (world, helm):
        body = app()
        dig_map(body, "spec")["updateStrategy"] = {"minReadySeconds": 40}
        async with world.controller(helm=True, identity="first"):
            await world.apply(body)
            await until(lambda: _deployed(world, helm, 1), "it is deployed")
            await asyncio.sleep(30)
            assert (await world.app()).status.aggr_status.available == 0
            await world.until_running(seconds=30.0)
        async with world.controller(helm=True, identity="second"):
            await asyncio.sleep(20)
            assert await world.state() == "Running"


async def test_two_clusters_have_releases_of_their_own() -> None:
    async with helming() as (world, helm), world.controller(helm=True):
        spec = dig_map(two_clusters(), "spec")
        await world.apply({**two_clusters(), "spec": {**spec, "podSpec": CHART}})
        await world.until_running()
        assert sorted(helm.calls) == ["install bbcc-gz01a-blue", f"install {BLUE}"]
        assert await world.names(BJ5, DEPLOYMENT) == ["bbcc-gz01a-blue"]
        assert [each.status for each in await helm.records(world.apis[BJ5], "bbcc-gz01a-blue")] == ["deployed"]
