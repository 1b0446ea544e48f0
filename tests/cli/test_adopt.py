"""`sym adopt`: what belonged to a former AppSet, or to nobody, becomes an AppSet's, and no pod restarts."""

from collections.abc import Callable, Sequence

import click
import pytest

from sym.cli.adopt import adopt, look
from sym.clusters.registration import Registration
from sym.kube.api import Api
from sym.kube.errors import BadKubeconfig
from sym.model import names
from sym.model.advdeployment import AdvDeployment
from sym.model.codec import JSONMap, dig, dig_list, dig_map, dig_str
from sym.model.conditions import find_condition
from sym.model.kinds import ADVDEPLOYMENT, APPSET, DEPLOYMENT, POD
from tests.make import BJ4, BJ5, appset, pod_set, stateful, two_clusters
from tests.safety.house import House, at_rest, house
from tests.world import META_NAME, until

pytestmark = pytest.mark.anyio

WEB = "web-blue"


async def run(world: House, name: str = "bbcc", *, clusters: Sequence[str] = (), yes: bool = True) -> None:
    """`sym adopt default/NAME`."""
    await adopt(world.meta, ("default", name), _member(world), clusters, lambda: yes)


def _member(world: House) -> Callable[[Registration], Api]:
    def member(registration: Registration) -> Api:
        return Api(world.clusters[registration.name].client(), registration.name)

    return member


async def says(world: House, reason: str, name: str = "bbcc") -> bool:
    """Whether the AppSet's condition Ready gives that reason."""
    ready = find_condition((await world.app(name)).status.conditions, names.READY)
    return ready is not None and ready.reason == reason


async def recreated(world: House) -> None:
    """The AppSet is lost and applied anew by hand."""
    world.clusters[META_NAME].store.remove(APPSET, "default", "bbcc")
    await world.apply(two_clusters())
    await until(lambda: says(world, "ForeignOwner"), "the AppSet says whose its children are")


async def test_an_appset_recreated_by_hand_gets_its_pods_back(capsys: pytest.CaptureFixture[str]) -> None:
    async with at_rest() as world, world.controller():
        async with world.unharmed():
            await recreated(world)
            await run(world)
            await world.until_running()
        shown = capsys.readouterr().out
        for member, workload in ((BJ4, "bbcc-gz01b-blue"), (BJ5, "bbcc-gz01a-blue")):
            for what in (f"Deployment {workload}", "AdvDeployment bbcc"):
                assert f"cluster {member}: {what}: take over: it belongs to another app-id" in shown
        await run(world)
        assert "nothing has to be taken over" in capsys.readouterr().out
        await world.apply(two_clusters("v2"))
        await world.until_running()
        assert (await world.app()).status.aggr_status.version == "v2"


async def test_statefulsets_and_their_service_come_back_too() -> None:
    async with house() as world, world.controller():
        await world.apply(stateful())
        await world.until_running()
        pods = await world.uids(POD)
        world.clusters[META_NAME].store.remove(APPSET, "default", "bbcc")
        await world.apply(stateful())
        await until(lambda: says(world, "ForeignOwner"), "the AppSet says whose its children are")
        await run(world)
        await world.until_running()
        assert await world.uids(POD) == pods


async def test_only_a_cluster_that_was_named(capsys: pytest.CaptureFixture[str]) -> None:
    async with at_rest() as world, world.controller():
        await recreated(world)
        await run(world, clusters=(BJ5,))
        assert f"cluster {BJ4}" not in capsys.readouterr().out
        app = await world.app()
        child = await world.apis[BJ4].get(ADVDEPLOYMENT, AdvDeployment, "default", "bbcc")
        assert child.metadata.annotations[names.APP_ID] != app.metadata.annotations[names.APP_ID]


async def test_nothing_changes_without_consent() -> None:
    async with at_rest() as world, world.controller():
        await recreated(world)
        before = [await world.raw(member, ADVDEPLOYMENT, "bbcc") for member in (BJ4, BJ5)]
        with pytest.raises(click.ClickException, match="nothing was changed"):
            await run(world, yes=False)
        assert [await world.raw(member, ADVDEPLOYMENT, "bbcc") for member in (BJ4, BJ5)] == before


async def test_what_has_changed_since_it_was_shown_is_not_written_over() -> None:
    async with at_rest() as world, world.controller():
        await recreated(world)

        def meanwhile() -> bool:
            entry = world.clusters[BJ4].store.get(DEPLOYMENT, "default", "bbcc-gz01b-blue")
            assert entry is not None
            workload = entry.object()
            labels: JSONMap = {**dig_map(workload, "metadata", "labels"), "new": "1"}
            metadata: JSONMap = {**dig_map(workload, "metadata"), "labels": labels}
            world.clusters[BJ4].store.update(DEPLOYMENT, {**workload, "metadata": metadata})
            return True

        with pytest.raises(click.ClickException, match="it has changed since it was shown"):
            await adopt(world.meta, ("default", "bbcc"), _member(world), (), meanwhile)


async def test_clusters_that_cannot_be_looked_at_are_told_and_the_others_are_done(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with at_rest() as world, world.controller():
        await recreated(world)

        def member(registration: Registration) -> Api:
            if registration.name == BJ4:
                raise BadKubeconfig("it is broken")
            return _member(world)(registration)

        with pytest.raises(click.ClickException, match=f"not all clusters could be looked at: {BJ4}"):
            await adopt(world.meta, ("default", "bbcc"), member, (), lambda: True)
        shown = capsys.readouterr().out
        assert f"cluster {BJ4}: left out: it is broken" in shown
        assert f"cluster {BJ5}: AdvDeployment bbcc: taken over" in shown


# --- workloads that never were an AppSet's


def stranger() -> JSONMap:
    """A Deployment as a person would write it."""
    template: JSONMap = {
        "metadata": {"labels": {"run": "web"}},
        "spec": {"containers": [{"name": "web", "image": "dmall/web:v1"}], "terminationGracePeriodSeconds": 3},
    }
    return {
        "apiVersion": DEPLOYMENT.api_version,
        "kind": DEPLOYMENT.name,
        "metadata": {"namespace": "default", "name": WEB, "labels": {"team": "x", "app": "old"}},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"run": "web"}}, "template": template},
    }


def web(version: str = "v1") -> JSONMap:
    """An AppSet with a podSet of its name."""
    return appset({BJ4: [pod_set(WEB, 2, version)]}, name="web")


async def test_a_deployment_of_nobody_keeps_its_pods_until_the_content_changes() -> None:
    async with house() as world, world.controller():
        await world.apis[BJ4].create(DEPLOYMENT, stranger(), "kubectl-create")
        await until(lambda: _available(world), "it runs")
        pods = await world.uids(POD)
        selector = dig(await world.raw(BJ4, DEPLOYMENT, WEB), "spec", "selector")
        await world.apply(web())
        await until(lambda: says(world, "ForeignOwner", "web"), "the AppSet says whose it is")
        await run(world, "web")
        await world.until_running("web")
        live = await world.raw(BJ4, DEPLOYMENT, WEB)
        assert await world.uids(POD) == pods
        assert dig_str(live, "metadata", "annotations", names.ADOPTED)
        assert dig_map(live, "metadata", "labels").items() >= {"app": "web", "team": "x"}.items()
        assert dig(live, "spec", "template", "metadata", "labels") == {"run": "web"}
        assert (await world.app("web")).status.aggr_status.version == "v1"
        for version in ("v2", "v1"):
            await world.apply(web(version))
            await world.until_running("web")
            live = await world.raw(BJ4, DEPLOYMENT, WEB)
            assert dig(live, "spec", "template", "spec", "containers", 0, "image") == f"dmall/web:{version}"
            assert dig(live, "spec", "selector") == selector
            assert dig(live, "spec", "template", "metadata", "labels", "run") == "web"
            assert dig_list(live, "spec", "template", "spec", "containers", 0, "env") == []
            assert names.ADOPTED not in dig_map(live, "metadata", "annotations")
        assert not pods.items() & (await world.uids(POD)).items()


async def _available(world: House) -> bool:
    return await world.available(BJ4, WEB) == 2


async def test_what_another_appset_or_a_controller_owns_is_refused() -> None:
    async with at_rest() as world, world.controller():
        body = appset({BJ4: [pod_set("bbcc-gz01b-blue")]}, name="thief")
        await world.apply(body)
        await until(lambda: says(world, "ForeignOwner", "thief"), "the AppSet says whose it is")
        async with world.unharmed():
            with pytest.raises(click.ClickException, match="nothing was changed"):
                await run(world, "thief")
        found = await look(world.meta, ("default", "thief"), _member(world), (), {})
        (line,) = found.lines()
        assert line.startswith(f"cluster {BJ4}: Deployment bbcc-gz01b-blue: cannot be taken over: ")
        assert line.endswith("it belongs to AppSet bbcc: rename the podSet")
