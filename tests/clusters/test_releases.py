"""Helm operations one by one: what is looked at, live, before Helm is called or a record is touched."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

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
from sym.kube.helm.record import BadRecord
from sym.kube.helm.types import ReleaseName, Wanted
from sym.kube.store import Store
from sym.model import names
from sym.model.appset import Chart
from sym.model.codec import JSONMap, dig
from sym.model.kinds import SECRET
from sym.model.meta import Kind, Object, Ref
from sym.model.workload import ReleaseRecord
from sym.plan.types import Action, Gone, HelmLook, HelmRecover, HelmState, HelmUninstall, HelmUpgrade, Owner, Query
from sym.sandbox.cluster import SandboxCluster
from sym.settings import FleetSettings, SandboxSettings, Settings
from tests.helm_by_hand import HelmByHand, record

pytestmark = pytest.mark.anyio

OWNER = Owner(fleet_id="fleet", app_id="app-1", namespace="default", name="bbcc")
NAME = "bbcc-blue"
LABELS = {names.APP: "bbcc", names.APP_ID: "app-1", names.FLEET_ID: "fleet"}
PLACE = Place("bj4", "default", NAME)


def _nothing_watched(kind: Kind, ref: Ref) -> Store[Object] | None:
    return None


class Bench:
    """An executor and its releases in front of a simulated cluster."""

    name = "bj4"

    def __init__(self, env: LoopEnv, settings: FleetSettings | None = None) -> None:
        self.api = Api(SandboxCluster("bj4", env, SandboxSettings()).client(), "bj4")
        self.connection: Connection | None = Connection(server="https://bj4:6443")
        self.helm = HelmByHand({"bj4": self.api})
        self.ended: list[Place] = []
        self._heard = asyncio.Event()
        self.gone: list[Gone] = []
        self.queries: list[Query] = []
        self.why_not = ""
        self.holds = True
        tools = Tools(env=env, settings=Settings(fleet=settings or FleetSettings()), metrics=FleetMetrics())
        self.releases = Releases(self.helm.kit, tools, self._hear)
        expectations = Expectations(_nothing_watched, env, 30.0)
        self.executor = Executor(tools, expectations, self.releases, self.gone.append, self.queries.append)

    def doubt(self) -> str:
        return self.why_not

    def permit(self) -> bool:
        return self.holds

    async def do(self, action: Action) -> HelmState:
        """Do it, and wait until Helm has ended; what is known then."""
        await self.executor.execute(Job(action=action, target=self, behalf=Ref("bj4", "default", "bbcc")))
        return await self.over()

    async def over(self) -> HelmState:
        """Wait until Helm has ended; what is known then."""
        while self.known.busy:
            self._heard.clear()
            await self._heard.wait()
        return self.known

    @property
    def known(self) -> HelmState:
        return self.releases.state(PLACE, None)

    async def put(self, number: int, status: str, *, name: str = NAME, **labels: str) -> ReleaseRecord:
        """A record."""
        wanted = Wanted(
            release=ReleaseName(namespace="default", name=name),
            chart=Path(),
            values=({"nameOverride": "bbcc", "replicaCount": 1},),
            labels={**LABELS, **labels},
        )
        await self.api.create(SECRET, record(wanted, number, status), "helm")
        return (await self.helm.records(self.api, name))[-1]

    def _hear(self, place: Place, app: str) -> None:
        assert app == "bbcc"
        self.ended.append(place)
        self._heard.set()


@asynccontextmanager
async def bench(env: LoopEnv, settings: FleetSettings | None = None) -> AsyncIterator[Bench]:
    """A bench at work."""
    made = Bench(env, settings)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(made.releases.live())
        await asyncio.sleep(0)
        yield made
        task.cancel()


def upgrade(after: int = 0, **changes: str) -> HelmUpgrade:
    """Make the release."""
    values: tuple[JSONMap | str, ...] = ({"nameOverride": "bbcc", "replicaCount": 1},)
    return HelmUpgrade(
        cluster="bj4", owner=OWNER, name=NAME, chart=Chart(), values=values, labels={**LABELS, **changes},
        digest="d", after=after, history=10, reason="test",
    )  # fmt: skip


def uninstall(live: ReleaseRecord) -> HelmUninstall:
    """Take it away."""
    meta = live.metadata
    return HelmUninstall(
        cluster="bj4", owner=OWNER, name=NAME, secret=meta.name, uid=meta.uid,
        resource_version=meta.resource_version, reason="test",
    )  # fmt: skip


def recover(live: ReleaseRecord) -> HelmRecover:
    """Note it as failed."""
    meta = live.metadata
    return HelmRecover(
        cluster="bj4", owner=OWNER, name=NAME, secret=meta.name, uid=meta.uid,
        resource_version=meta.resource_version, reason="test",
    )  # fmt: skip


async def test_an_upgrade_leaves_what_is_known_of_it(env: LoopEnv) -> None:
    async with bench(env) as b:
        known = await b.do(upgrade())
        assert (b.helm.calls, known.after, known.number, known.reason) == ([f"install {NAME}"], 1, 1, "")
        assert known.facts is not None
        assert known.facts.status == "deployed"
        assert [dig(each, "kind") for each in known.objects or ()] == ["Deployment"]
        assert b.ended[-1] == PLACE
        known = await b.do(upgrade(after=1))
        assert (b.helm.calls[-1], known.after) == (f"upgrade {NAME}", 2)


async def test_helm_is_not_called_where_the_release_has_moved_on(env: LoopEnv) -> None:
    async with bench(env) as b:
        await b.put(1, "deployed")
        await b.put(2, "deployed")
        known = await b.do(upgrade(after=1))
        assert (b.helm.calls, known.reason, known.after) == ([], "", 2)


async def test_helm_is_not_called_for_a_release_that_is_somebody_elses_by_now(env: LoopEnv) -> None:
    async with bench(env) as b:
        await b.put(1, "deployed", **{names.APP_ID: "app-2"})
        known = await b.do(upgrade(after=1))
        assert (b.helm.calls, known.reason) == ([], "ForeignOwner")


async def test_one_operation_at_a_time(env: LoopEnv) -> None:
    async with bench(env) as b:
        b.helm.seconds = 10.0
        await b.executor.execute(Job(action=upgrade(), target=b, behalf=Ref("bj4", "default", "bbcc")))
        with pytest.raises(LookAgain):
            await b.do(upgrade())
        live = await b.put(9, "pending-upgrade")
        with pytest.raises(LookAgain):
            await b.do(recover(live))
        await b.over()


async def test_an_operation_ends_with_its_lock(env: LoopEnv) -> None:
    async with bench(env) as b:
        b.helm.seconds = 100.0
        await b.executor.execute(Job(action=upgrade(), target=b, behalf=Ref("bj4", "default", "bbcc")))
        await asyncio.sleep(1)
        b.holds = False
        await asyncio.sleep(1)
        assert (b.helm.ended, b.known.busy, b.known.reason) == ([f"install {NAME}"], False, "")
        b.holds = True


async def test_what_only_the_api_reaches_helm_does_not(env: LoopEnv) -> None:
    async with bench(env) as b:
        b.connection = None
        known = await b.do(upgrade())
        assert known.reason == "NoConnection"
        assert b.helm.calls == []
    assert b.helm.closed


async def test_an_uninstall_of_exactly_our_release_is_done(env: LoopEnv) -> None:
    async with bench(env) as b:
        await b.do(upgrade())
        (live,) = await b.helm.records(b.api, NAME)
        known = await b.do(uninstall(live))
        assert (b.helm.calls[-1], known.gone, known.after) == (f"uninstall {NAME}", True, 0)


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ({names.APP_ID: "app-2"}, "ForeignOwner"),
        ({names.APP: "other"}, "ForeignOwner"),
        ({names.FLEET_ID: "other"}, "ForeignFleet"),
    ],
    ids=["app", "name", "fleet"],
)
async def test_an_uninstall_is_refused_where_the_record_is_not_ours(
    env: LoopEnv, labels: dict[str, str], reason: str
) -> None:
    async with bench(env) as b:
        live = await b.put(1, "deployed", **labels)
        with pytest.raises(Refused) as refused:
            await b.do(uninstall(live))
        assert (refused.value.reason, b.helm.calls) == (reason, [])


async def test_an_uninstall_is_refused_for_another_release_an_empty_owner_and_in_doubt(env: LoopEnv) -> None:
    async with bench(env) as b:
        other = await b.put(1, "deployed", name="bbcc-green")
        with pytest.raises(Refused, match="no record of release"):
            await b.do(uninstall(other))
        live = await b.put(1, "deployed")
        for owner in (replace(OWNER, app_id=""), replace(OWNER, fleet_id="")):
            with pytest.raises(Refused):
                await b.do(replace(uninstall(live), owner=owner))
        b.why_not = "its caches are old"
        with pytest.raises(Refused, match="its caches are old"):
            await b.do(uninstall(live))
        assert b.helm.calls == []


async def test_an_uninstall_looks_again_where_the_record_changed_or_went(env: LoopEnv) -> None:
    async with bench(env) as b:
        live = await b.put(1, "deployed")
        for stale in (replace(uninstall(live), uid="x"), replace(uninstall(live), resource_version="1")):
            with pytest.raises(LookAgain):
                await b.do(stale)
        with pytest.raises(LookAgain):
            await b.do(replace(uninstall(live), secret="gone"))
        assert b.helm.calls == []


async def test_more_uninstalls_than_the_fuse_allows_are_refused(env: LoopEnv) -> None:
    async with bench(env, FleetSettings(deletes_per_app=1)) as b:
        await b.do(upgrade())
        (live,) = await b.helm.records(b.api, NAME)
        await b.do(uninstall(live))
        again = await b.put(1, "deployed")
        with pytest.raises(Refused, match="fuse"):
            await b.do(uninstall(again))


async def test_a_recovery_changes_nothing_but_the_word(env: LoopEnv) -> None:
    async with bench(env) as b:
        live = await b.put(3, "pending-upgrade")
        await b.do(recover(live))
        (after,) = await b.helm.records(b.api, NAME)
        assert (after.status, after.number) == ("failed", 3)
        look = HelmLook(cluster="bj4", owner=OWNER, name=NAME, secret=after.metadata.name, number=3)
        known = await b.do(look)
        assert known.facts is not None
        assert (known.facts.status, known.facts.chart) == ("failed", "springBoot")
        assert "interrupted" in known.facts.description
        with pytest.raises(LookAgain):  # it is not the record that was looked at any more
            await b.do(recover(live))
        with pytest.raises(LookAgain):
            await b.do(replace(recover(live), secret="gone"))
        with pytest.raises(LookAgain):
            await b.do(replace(look, secret="gone"))


async def test_a_record_that_cannot_be_read_is_known_as_such(env: LoopEnv) -> None:
    async with bench(env) as b:
        live = await b.put(1, "pending-install")
        metadata: JSONMap = {"namespace": "default", "name": live.metadata.name}
        await b.api.patch(SECRET, {"metadata": metadata, "data": {"release": "bm90IGl0"}}, "t")
        known = await b.do(HelmLook(cluster="bj4", owner=OWNER, name=NAME, secret=live.metadata.name, number=1))
        assert (known.number, known.facts, known.objects) == (1, None, None)
        (changed,) = await b.helm.records(b.api, NAME)
        with pytest.raises(BadRecord):
            await b.do(recover(changed))


async def test_a_repair_is_remembered_for_its_revision(env: LoopEnv) -> None:
    async with bench(env) as b:
        await b.do(upgrade())
        b.releases.repaired(PLACE, "uid", "7")
        assert b.known.repaired == {"uid": "7"}
        await b.do(upgrade(after=1))
        assert b.known.repaired == {}
        b.helm.seconds = 10.0
        await b.executor.execute(Job(action=upgrade(after=2), target=b, behalf=Ref("bj4", "default", "bbcc")))
        b.releases.forget(PLACE)
        assert b.known.busy
        await b.over()
        b.releases.forget(PLACE)
        assert b.known == HelmState()


async def test_an_old_pending_record_is_abandoned(env: LoopEnv) -> None:
    async with bench(env) as b:
        now = str(int(env.now().timestamp()))
        live = await b.put(1, "pending-install", modifiedAt=now)
        assert not b.releases.state(PLACE, live).abandoned
        await asyncio.sleep(3 * 300 + 5)
        assert b.releases.state(PLACE, live).abandoned
        unknown = replace(live, metadata=replace(live.metadata, labels={}))
        assert not b.releases.state(PLACE, unknown).abandoned


async def test_nothing_is_begun_before_and_after_its_time(env: LoopEnv) -> None:
    idle = Bench(env)
    with pytest.raises(LookAgain):
        idle.releases.upgrade(idle, upgrade())
    assert idle.helm.calls == []
