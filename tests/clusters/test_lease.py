"""The lock: one holder at a time, given back on a stop, taken over only after the holder stood still."""

import asyncio

import pytest

from sym.aio.env import LoopEnv
from sym.clusters.lease import Lock, LockName
from sym.kube.api import Api
from sym.model.kinds import LEASE
from sym.model.workload import Lease
from sym.sandbox.cluster import SandboxCluster
from sym.sandbox.faults import FaultyClient, Script
from sym.settings import ControllerSettings, KubeSettings, SandboxSettings

pytestmark = pytest.mark.anyio


class Candidate:
    """A process that wants the lock and notes when it worked."""

    def __init__(self, cluster: SandboxCluster, identity: str, log: list[tuple[float, str, str]]) -> None:
        self.link = FaultyClient(cluster.client(), Script(), KubeSettings())
        self.api = Api(self.link, "")
        name = LockName(namespace="sym-system", name="sym-worker", identity=identity, manager="test")
        self.lock = Lock(lambda: self.api, name, ControllerSettings(), cluster.env)
        self.lingers = 0.0
        self._identity = identity
        self._log = log

    async def run(self) -> None:
        await self.lock.hold(self._work)

    async def _work(self) -> None:
        now = asyncio.get_running_loop().time
        self._log.append((now(), self._identity, "begin"))
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(self.lingers)
            self._log.append((now(), self._identity, "end"))

    async def lease(self) -> Lease:
        return await self.api.get(LEASE, Lease, "sym-system", "sym-worker")


class Contest:
    """Candidates `one` and `two` for one lock."""

    def __init__(self, env: LoopEnv) -> None:
        cluster = SandboxCluster("c", env, SandboxSettings())
        self.log: list[tuple[float, str, str]] = []
        self.one, self.two = Candidate(cluster, "hosted/one", self.log), Candidate(cluster, "member/two", self.log)

    def at(self, who: str, what: str) -> float:
        return next(at for at, name, event in self.log if (name, event) == (who, what))


async def test_the_first_takes_it_in_a_namespace_that_it_makes_and_the_second_waits(env: LoopEnv) -> None:
    contest = Contest(env)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(contest.one.run())
        await asyncio.sleep(1)
        second = group.create_task(contest.two.run())
        await asyncio.sleep(300)
        assert contest.log == [(contest.log[0][0], "hosted/one", "begin")]
        assert contest.one.lock.valid()
        assert not contest.two.lock.valid()
        lease = await contest.one.lease()
        assert lease.spec.holder_identity == "hosted/one"
        assert lease.spec.lease_transitions == 0
        first.cancel()
        second.cancel()


async def test_it_is_given_back_on_a_stop_and_taken_at_once(env: LoopEnv) -> None:
    contest = Contest(env)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(contest.one.run())
        await asyncio.sleep(5)
        second = group.create_task(contest.two.run())
        await asyncio.sleep(5)
        first.cancel()
        await asyncio.sleep(4)
        assert contest.two.lock.valid()
        lease = await contest.two.lease()
        assert (lease.spec.holder_identity, lease.spec.lease_transitions) == ("member/two", 1)
        second.cancel()


async def test_a_holder_that_is_cut_off_stops_working_before_another_begins(env: LoopEnv) -> None:
    contest = Contest(env)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(contest.one.run())
        await asyncio.sleep(5)
        second = group.create_task(contest.two.run())
        await asyncio.sleep(5)
        contest.one.link.cut()
        await asyncio.sleep(30)
        assert contest.at("hosted/one", "end") < contest.at("member/two", "begin")
        assert contest.at("hosted/one", "end") <= 10 + 10.1
        assert contest.at("member/two", "begin") <= 10 + 15 + 2 * 2.5
        first.cancel()
        second.cancel()


async def test_a_holder_whose_calls_hang_stops_at_its_deadline_all_the_same(env: LoopEnv) -> None:
    contest = Contest(env)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(contest.one.run())
        await asyncio.sleep(5)
        contest.one.link.black_hole()
        await asyncio.sleep(11)
        assert contest.at("hosted/one", "end") <= 5 + 10.1
        assert not contest.one.lock.valid()
        contest.one.link.heal()
        first.cancel()


async def test_a_lease_renewed_within_its_duration_is_never_taken(env: LoopEnv) -> None:
    """By our own clock: however old the holder's stamps look."""
    contest = Contest(env)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(contest.one.run())
        await asyncio.sleep(5)
        second = group.create_task(contest.two.run())
        for _ in range(20):
            await asyncio.sleep(10)
            await contest.one.api.patch(
                LEASE,
                {
                    "metadata": {"namespace": "sym-system", "name": "sym-worker"},
                    "spec": {"renewTime": "2001-01-01T00:00:00.000000Z"},
                },
                "person",
            )
        assert not contest.two.lock.held.value
        first.cancel()
        second.cancel()


async def test_valid_ends_at_the_renew_deadline_even_before_the_work_is_cancelled(env: LoopEnv) -> None:
    contest = Contest(env)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(contest.one.run())
        await asyncio.sleep(4)
        contest.one.link.cut()
        await asyncio.sleep(7)
        assert contest.one.lock.valid()
        await asyncio.sleep(3.5)
        assert not contest.one.lock.valid()
        first.cancel()


async def test_a_holder_that_slept_past_its_deadline_may_not_act_when_it_wakes(env: LoopEnv) -> None:
    contest = Contest(env)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(contest.one.run())
        await asyncio.sleep(5)
        assert contest.one.lock.valid()
        env.suspend(11)
        acting = contest.one.lock.valid()
        assert not acting
        await asyncio.sleep(3)
        assert [event for _, _, event in contest.log] == ["begin", "end", "begin"]
        assert contest.one.lock.valid()
        first.cancel()


async def test_one_that_slept_lets_the_holder_be_whose_lease_was_renewed_meanwhile(env: LoopEnv) -> None:
    contest = Contest(env)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(contest.one.run())
        await asyncio.sleep(5)
        second = group.create_task(contest.two.run())
        await asyncio.sleep(5)
        first.cancel()
        await asyncio.sleep(4)
        assert contest.two.lock.valid()
        again = group.create_task(contest.one.run())
        await asyncio.sleep(5)
        env.suspend(60)
        await asyncio.sleep(60)
        assert contest.at("hosted/one", "end") < contest.at("member/two", "begin")
        assert contest.one.lock.valid() is not contest.two.lock.valid()
        again.cancel()
        second.cancel()


async def test_work_that_does_not_end_in_time_is_told(env: LoopEnv) -> None:
    contest = Contest(env)
    contest.one.lingers = 20.0
    async with asyncio.TaskGroup() as group:
        first = group.create_task(contest.one.run())
        await asyncio.sleep(5)
        contest.one.link.cut()
        await asyncio.sleep(12)
        overstayed = [contest.one.lock.overstayed]
        for wait in (5, 15):
            await asyncio.sleep(wait)
            overstayed.append(contest.one.lock.overstayed)
        assert overstayed == [False, True, False]
        contest.one.lingers = 0.0
        first.cancel()
