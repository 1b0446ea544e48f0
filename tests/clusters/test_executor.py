"""The one place that writes: every guard of a deletion, and what 404, 409 and 422 mean for each action."""

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from sym.aio.env import LoopEnv
from sym.clusters.executor import Executor
from sym.clusters.expectations import Expectations
from sym.clusters.job import Job
from sym.clusters.member import Tools
from sym.clusters.metrics import FleetMetrics
from sym.clusters.refusals import LookAgain, Refused
from sym.clusters.releases import Place, Releases
from sym.kube.api import Api
from sym.kube.connection import Connection
from sym.kube.errors import FieldConflict, NotFound
from sym.kube.requests import ListOptions
from sym.kube.store import Store
from sym.model import names
from sym.model.codec import JSON, JSONMap, dig, dig_map, encode
from sym.model.crd import crds
from sym.model.kinds import ADVDEPLOYMENT, CONFIGMAP, CRD, DEPLOYMENT, EVENT, NAMESPACE, SERVICE
from sym.model.meta import Kind, Object, Ref
from sym.model.workload import Event
from sym.plan.types import Action, Apply, Create, Delete, Emit, Finalize, Gone, Measure, Owner, Query
from sym.sandbox.cluster import SandboxCluster
from sym.settings import FleetSettings, SandboxSettings, Settings

pytestmark = pytest.mark.anyio

OWNER = Owner(fleet_id="fleet", app_id="app-1", namespace="default", name="bbcc")
BEHALF = Ref("", "default", "bbcc")


def _nothing_watched(kind: Kind, ref: Ref) -> Store[Object] | None:
    return None


def _nobody_listens(place: Place, app: str) -> None:
    return


class Bench:
    """An executor in front of a simulated cluster whose state the test may doubt."""

    name = "bj4"

    def __init__(self, env: LoopEnv, settings: FleetSettings | None = None) -> None:
        self.api = Api(SandboxCluster("bj4", env, SandboxSettings()).client(), "bj4")
        self.metrics = FleetMetrics()
        self.gone: list[Gone] = []
        self.queries: list[Query] = []
        self.why_not = ""
        expectations = Expectations(_nothing_watched, env, 30.0)
        chosen = Settings(fleet=settings or FleetSettings())
        tools = Tools(env=env, settings=chosen, metrics=self.metrics)
        self.releases = Releases(None, tools, _nobody_listens)
        self.executor = Executor(tools, expectations, self.releases, self.gone.append, self.queries.append)
        self.connection: Connection | None = None

    def permit(self) -> bool:
        return True

    def doubt(self) -> str:
        return self.why_not

    async def do(self, action: Action) -> None:
        await self.executor.execute(Job(action=action, target=self, behalf=BEHALF))

    def refused(self, reason: str) -> float:
        return self.metrics.registry.get_sample_value("sym_refused_destructive_total", {"reason": reason}) or 0

    async def make(self, kind: Kind = DEPLOYMENT, name: str = "bbcc-blue", **annotations: str) -> Object:
        """A workload of OWNER; keyword `app_id` or `fleet_id` for somebody else's."""
        record = {
            names.APP_ID: annotations.get("app_id", "app-1"),
            names.FLEET_ID: annotations.get("fleet_id", "fleet"),
        }
        await self.api.create(kind, body(kind, name, record), "test")
        return await self.api.get(kind, Object, "default", name)

    async def child(self, tombstone: str | None = None) -> Object:
        """The AdvDeployment of OWNER, perhaps with a tombstone: `own` for its own uid."""
        for crd in crds():
            await self.api.apply(CRD, crd, "test")
        made = await self.make(ADVDEPLOYMENT, "bbcc")
        if tombstone is None:
            return made
        uid = made.metadata.uid if tombstone == "own" else tombstone
        stone = encode({"appID": "app-1", "epoch": 0, "uid": uid}).decode()
        metadata: JSONMap = {"namespace": "default", "name": "bbcc", "annotations": {names.TOMBSTONE: stone}}
        await self.api.patch(ADVDEPLOYMENT, {"metadata": metadata}, "test")
        return await self.api.get(ADVDEPLOYMENT, Object, "default", "bbcc")

    async def stands(self, kind: Kind = DEPLOYMENT, name: str = "bbcc-blue") -> bool:
        found, _ = await self.api.list_all(kind, Object, ListOptions(namespace="default"))
        return name in [item.metadata.name for item in found]


def body(kind: Kind, name: str, annotations: dict[str, str]) -> JSONMap:
    labels: dict[str, JSON] = {names.APP: "bbcc"}
    template: JSONMap = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "a:v1"}]}}
    spec: JSONMap = (
        {"selector": {"matchLabels": labels}, "template": template} if kind == DEPLOYMENT else {"replicas": 0}
    )
    metadata: JSONMap = {"namespace": "default", "name": name, "labels": labels, "annotations": dict(annotations)}
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "spec": spec}


def deletion(live: Object, kind: Kind = DEPLOYMENT, *, tombstone: bool = False) -> Delete:
    return Delete(
        cluster="bj4",
        kind=kind,
        namespace="default",
        name=live.metadata.name,
        uid=live.metadata.uid,
        resource_version=live.metadata.resource_version,
        owner=OWNER,
        tombstone=tombstone,
        reason="test",
    )


async def refuse(bench: Bench, action: Delete, reason: str) -> None:
    """The deletion is refused for this reason, counted, and the object stands."""
    with pytest.raises(Refused) as refused:
        await bench.do(action)
    assert refused.value.reason == reason
    assert bench.refused(reason) == 1
    assert await bench.stands(action.kind, action.name)


async def test_delete_of_exactly_our_object_is_done(env: LoopEnv) -> None:
    bench = Bench(env)
    await bench.do(deletion(await bench.make()))
    assert not await bench.stands()


async def test_delete_is_refused_while_the_cluster_is_in_doubt(env: LoopEnv) -> None:
    bench = Bench(env)
    live = await bench.make()
    bench.why_not = "its caches are not filled yet"
    await refuse(bench, deletion(live), "NotFresh")


async def test_delete_is_refused_for_another_application(env: LoopEnv) -> None:
    bench = Bench(env)
    await refuse(bench, deletion(await bench.make(app_id="somebody")), "ForeignOwner")


async def test_delete_is_refused_for_an_object_without_owner_record(env: LoopEnv) -> None:
    bench = Bench(env)
    await bench.api.create(DEPLOYMENT, body(DEPLOYMENT, "bbcc-blue", {}), "test")
    live = await bench.api.get(DEPLOYMENT, Object, "default", "bbcc-blue")
    await refuse(bench, deletion(live), "ForeignOwner")


async def test_delete_is_refused_for_an_empty_owner(env: LoopEnv) -> None:
    bench = Bench(env)
    live = await bench.make(app_id="", fleet_id="")
    action = deletion(live)
    await refuse(bench, replace(action, owner=replace(OWNER, app_id="", fleet_id="")), "ForeignOwner")


async def test_delete_is_refused_for_another_fleet(env: LoopEnv) -> None:
    bench = Bench(env)
    await refuse(bench, deletion(await bench.make(fleet_id="theirs")), "ForeignFleet")


async def test_delete_is_refused_for_another_appset_with_the_same_id(env: LoopEnv) -> None:
    """A copied annotation is not enough: the record is valid only with the AppSet's namespace and name."""
    bench = Bench(env)
    action = deletion(await bench.make())
    await refuse(bench, replace(action, owner=replace(OWNER, name="other")), "ForeignOwner")


async def test_delete_of_a_changed_object_looks_again(env: LoopEnv) -> None:
    bench = Bench(env)
    live = await bench.make()
    await bench.api.patch(
        DEPLOYMENT, {"metadata": {"namespace": "default", "name": "bbcc-blue", "labels": {"x": "y"}}}, "person"
    )
    with pytest.raises(LookAgain):
        await bench.do(deletion(live))
    assert await bench.stands()


async def test_delete_of_a_namesake_with_another_uid_looks_again(env: LoopEnv) -> None:
    bench = Bench(env, FleetSettings(deletes_per_cluster=1))
    action = deletion(await bench.make())
    with pytest.raises(LookAgain):
        await bench.do(replace(action, uid="0000"))
    assert await bench.stands()
    await bench.do(action)  # the live look came first: nothing was tried, so the fuse is whole


async def test_delete_of_what_is_gone_is_done(env: LoopEnv) -> None:
    bench = Bench(env)
    action = deletion(await bench.make())
    await bench.do(action)
    await bench.do(action)


@pytest.mark.parametrize("stone", [None, "another-uid", ""])
async def test_delete_of_a_child_needs_its_own_tombstone(env: LoopEnv, stone: str | None) -> None:
    bench = Bench(env)
    await refuse(bench, deletion(await bench.child(stone), ADVDEPLOYMENT, tombstone=True), "NoTombstone")


async def test_delete_of_a_child_with_its_own_tombstone_is_done(env: LoopEnv) -> None:
    bench = Bench(env)
    await bench.do(deletion(await bench.child("own"), ADVDEPLOYMENT, tombstone=True))
    assert not await bench.stands(ADVDEPLOYMENT, "bbcc")


async def test_fuse_more_deletions_per_minute_in_a_cluster_are_refused_until_the_minute_is_over(env: LoopEnv) -> None:
    bench = Bench(env, FleetSettings(deletes_per_cluster=2))
    for number in range(2):
        await bench.do(deletion(await bench.make(name=f"w{number}")))
    live = await bench.make(name="w3")
    await refuse(bench, deletion(live), "FuseCluster")
    await asyncio.sleep(61)
    await bench.do(deletion(live))
    assert not await bench.stands(name="w3")


async def test_fuse_more_deletions_per_minute_for_an_appset_are_refused(env: LoopEnv) -> None:
    bench = Bench(env, FleetSettings(deletes_per_app=1))
    await bench.do(deletion(await bench.make(name="w1")))
    await refuse(bench, deletion(await bench.make(name="w2")), "FuseApp")


def creation(name: str = "bbcc-blue", app_id: str = "app-1", version: str = "v1") -> Create:
    made = body(DEPLOYMENT, name, {names.APP_ID: app_id, names.FLEET_ID: "fleet"})
    dig_map(made, "spec", "template", "spec")["containers"] = [{"name": "a", "image": f"a:{version}"}]
    return Create(cluster="bj4", kind=DEPLOYMENT, body=made, manager=names.WORKER)


async def test_create_never_overwrites_what_is_there(env: LoopEnv) -> None:
    bench = Bench(env)
    await bench.do(creation())
    before = await bench.api.get_raw(DEPLOYMENT, "default", "bbcc-blue")
    with pytest.raises(LookAgain):
        await bench.do(creation(version="v2"))
    assert await bench.api.get_raw(DEPLOYMENT, "default", "bbcc-blue") == before


async def test_create_over_somebody_elses_object_says_so(env: LoopEnv) -> None:
    bench = Bench(env)
    await bench.make(app_id="somebody")
    with pytest.raises(Refused) as refused:
        await bench.do(creation())
    assert refused.value.reason == "ForeignOwner"
    assert "rename" in refused.value.message


def applying(live: Object, replicas: int, **metadata: JSON) -> Apply:
    made = body(DEPLOYMENT, "bbcc-blue", {names.APP_ID: "app-1", names.FLEET_ID: "fleet"})
    made["metadata"] = {**dig_map(made, "metadata"), "uid": live.metadata.uid, **metadata}
    dig_map(made, "spec")["replicas"] = replicas
    return Apply(cluster="bj4", kind=DEPLOYMENT, body=made, manager=names.WORKER)


async def test_apply_after_our_own_create_meets_no_conflict_and_what_it_leaves_out_goes(env: LoopEnv) -> None:
    bench = Bench(env)
    await bench.do(creation())
    live = await bench.api.get(DEPLOYMENT, Object, "default", "bbcc-blue")
    change = applying(live, 5)
    dig_map(change.body, "metadata", "annotations").pop(names.FLEET_ID)
    await bench.do(change)
    now = await bench.api.get_raw(DEPLOYMENT, "default", "bbcc-blue")
    assert dig(now, "spec", "replicas") == 5
    assert names.FLEET_ID not in dig_map(now, "metadata", "annotations")


async def test_apply_without_uid_is_refused(env: LoopEnv) -> None:
    bench = Bench(env)
    live = await bench.make()
    with pytest.raises(Refused) as refused:
        await bench.do(applying(live, 2, uid=""))
    assert refused.value.reason == "NoUid"


async def test_apply_never_brings_back_what_was_deleted(env: LoopEnv) -> None:
    bench = Bench(env)
    live = await bench.make()
    await bench.do(deletion(live))
    with pytest.raises(LookAgain):
        await bench.do(applying(live, 2))
    assert not await bench.stands()


async def test_apply_to_a_namesake_with_another_uid_looks_again(env: LoopEnv) -> None:
    bench = Bench(env)
    live = await bench.make()
    await bench.do(deletion(live))
    await bench.do(creation())
    with pytest.raises(LookAgain):
        await bench.do(applying(live, 2))


async def test_apply_with_a_stale_resource_version_looks_again(env: LoopEnv) -> None:
    bench = Bench(env)
    await bench.do(creation())
    live = await bench.api.get(DEPLOYMENT, Object, "default", "bbcc-blue")
    await bench.do(applying(live, 3))
    with pytest.raises(LookAgain):
        await bench.do(applying(live, 4, resourceVersion=live.metadata.resource_version))


async def test_apply_over_another_managers_field_is_a_field_conflict_that_names_it(env: LoopEnv) -> None:
    bench = Bench(env)
    await bench.do(creation())
    live = await bench.api.get(DEPLOYMENT, Object, "default", "bbcc-blue")
    patch: JSONMap = {"metadata": {"namespace": "default", "name": "bbcc-blue"}, "spec": {"replicas": 7}}
    await bench.api.patch(DEPLOYMENT, patch, "autoscaler")
    with pytest.raises(FieldConflict, match="autoscaler"):
        await bench.do(applying(live, 3))


async def test_finalize_sets_the_finalizers_of_exactly_this_object(env: LoopEnv) -> None:
    bench = Bench(env)
    live = await bench.make()
    action = Finalize(
        cluster="bj4",
        kind=DEPLOYMENT,
        namespace="default",
        name="bbcc-blue",
        uid=live.metadata.uid,
        resource_version=live.metadata.resource_version,
        finalizers=("example.com/keep",),
        manager=names.WORKER,
    )
    await bench.do(action)
    after = await bench.api.get(DEPLOYMENT, Object, "default", "bbcc-blue")
    assert after.metadata.finalizers == ("example.com/keep",)
    with pytest.raises(LookAgain):
        await bench.do(action)  # its resourceVersion is the old one


async def test_measure_finds_what_is_left_by_a_live_look(env: LoopEnv) -> None:
    bench = Bench(env)
    await bench.child()
    await bench.make()
    await bench.make(name="others", app_id="somebody")
    await bench.do(Measure(cluster="bj4", owner=OWNER))
    assert bench.gone[0].child
    assert bench.gone[0].workloads == ("Deployment default/bbcc-blue",)
    assert bench.gone[0].at == env.now()
    assert not bench.gone[0].clean


async def test_measure_says_clean_only_when_neither_child_nor_workload_is_left(env: LoopEnv) -> None:
    bench = Bench(env)
    live = await bench.child("own")
    await bench.do(deletion(live, ADVDEPLOYMENT, tombstone=True))
    await bench.do(Measure(cluster="bj4", owner=OWNER))
    assert bench.gone[0].clean


async def service(bench: Bench, name: str = "bbcc-svc") -> Object:
    """A Service of OWNER's ids."""
    made = body(SERVICE, name, {names.APP_ID: "app-1", names.FLEET_ID: "fleet"})
    metadata: JSONMap = {**dig_map(made, "metadata"), "labels": {names.APP: "bbcc-svc"}}
    await bench.api.create(SERVICE, {**made, "metadata": metadata, "spec": {"clusterIP": "None"}}, "test")
    return await bench.api.get(SERVICE, Object, "default", name)


async def test_measure_finds_the_service_too(env: LoopEnv) -> None:
    bench = Bench(env)
    await bench.child()
    await service(bench)
    await bench.do(Measure(cluster="bj4", owner=OWNER))
    assert bench.gone[0].workloads == ("Service default/bbcc-svc",)


async def test_delete_takes_only_the_service_of_the_apps_own_name(env: LoopEnv) -> None:
    bench = Bench(env)
    await refuse(bench, deletion(await service(bench, "other-svc"), SERVICE), "ForeignOwner")
    await bench.do(deletion(await service(bench), SERVICE))
    assert await bench.stands(SERVICE, "other-svc")
    assert not await bench.stands(SERVICE, "bbcc-svc")


async def test_emit_counts_a_repeated_event_up_instead_of_piling_it_up(env: LoopEnv) -> None:
    bench = Bench(env)
    live = await bench.make(CONFIGMAP, "it")
    action = Emit(
        cluster="bj4",
        kind=CONFIGMAP,
        namespace="default",
        name="it",
        uid=live.metadata.uid,
        type_="Warning",
        reason="Odd",
        note="this is odd",
        manager=names.MASTER,
    )
    for _ in range(3):
        await bench.do(action)
    await bench.do(replace(action, note="this is odder"))
    events, _ = await bench.api.list_all(EVENT, Event, ListOptions(namespace="default"))
    assert sorted((event.message, event.count) for event in events) == [("this is odd", 3), ("this is odder", 1)]
    assert all(event.involved_object.uid == live.metadata.uid for event in events)


async def test_an_event_about_a_lasting_state_stands_for_an_hour(env: LoopEnv) -> None:
    bench = Bench(env)
    live = await bench.make(CONFIGMAP, "it")
    action = Emit(
        cluster="bj4",
        kind=CONFIGMAP,
        namespace="default",
        name="it",
        uid=live.metadata.uid,
        type_="Warning",
        reason="Odd",
        note="this is odd",
        manager=names.MASTER,
        standing=True,
    )
    counts: list[int | None] = []
    for wait in (timedelta(), timedelta(minutes=59), timedelta(minutes=2)):
        await asyncio.sleep(wait.total_seconds())
        await bench.do(action)
        (event,), _ = await bench.api.list_all(EVENT, Event, ListOptions(namespace="default"))
        counts.append(event.count)
    assert counts == [1, 1, 2]


def elsewhere(kind: Kind, name: str) -> Create:
    """The create of an object in a namespace that does not exist."""
    document = body(kind, name, {names.APP_ID: "app-1"})
    document["metadata"] = {**dig_map(document, "metadata"), "namespace": "shop"}
    return Create(cluster="bj4", kind=kind, body=document, manager=names.MASTER)


async def test_a_child_gets_its_namespace(env: LoopEnv) -> None:
    bench = Bench(env)
    await bench.child()
    await bench.do(elsewhere(ADVDEPLOYMENT, "bbcc"))
    assert (await bench.api.get(NAMESPACE, Object, "", "shop")).metadata.name == "shop"
    assert (await bench.api.get(ADVDEPLOYMENT, Object, "shop", "bbcc")).metadata.uid


async def test_nothing_but_a_child_does(env: LoopEnv) -> None:
    bench = Bench(env)
    with pytest.raises(NotFound):
        await bench.do(elsewhere(DEPLOYMENT, "bbcc-blue"))
    with pytest.raises(NotFound):
        await bench.api.get(NAMESPACE, Object, "", "shop")
