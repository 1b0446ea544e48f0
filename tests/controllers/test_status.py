"""When a status is written: at its pace, and progress gives way to the work that makes it, but not for ever."""

import asyncio

import pytest
from msgspec.structs import replace

from sym.aio.env import LoopEnv
from sym.controllers.status import Pace, only_progress
from sym.model.appset import AggrStatus, AppSetStatus, AppStatus
from sym.model.conditions import Condition
from sym.model.kinds import APPSET
from sym.model.meta import META, Ref
from sym.model.rollout import RolloutStatus, WavePhase, WaveStatus
from sym.plan.verdict import Verdict
from sym.settings import ControllerSettings

pytestmark = pytest.mark.anyio
REF = Ref(META, "default", "bbcc")


def status(env: LoopEnv, verdict: Verdict) -> AppSetStatus:
    return AppSetStatus(
        observed_generation=1,
        conditions=verdict.conditions((), 1, env.now()),
        aggr_status=AggrStatus(status=verdict.status),
    )


GOING = Verdict(status=AppStatus.INSTALLING, reason="Installing")
DONE = Verdict(status=AppStatus.RUNNING, reason="Running", ready=True)
STUCK = Verdict(status=AppStatus.INSTALLING, reason="ImagePull", stalled=True)
AWAY = Verdict(status=AppStatus.UPDATING, reason="ClusterUnreachable")
PAUSED = Verdict(status=AppStatus.PAUSED, reason="Paused", paused=True)


async def test_only_what_goes_on_can_wait(env: LoopEnv) -> None:
    assert only_progress(status(env, GOING), AppSetStatus())
    assert only_progress(status(env, GOING), status(env, GOING))
    assert only_progress(status(env, GOING), status(env, AWAY))


@pytest.mark.parametrize("verdict", [DONE, STUCK, AWAY, PAUSED], ids=lambda verdict: str(verdict.reason))
async def test_news_does_not_wait(env: LoopEnv, verdict: Verdict) -> None:
    assert not only_progress(status(env, verdict), status(env, GOING))


async def test_pods_of_a_wave_are_progress_and_the_next_point_of_a_rollout_is_news(env: LoopEnv) -> None:
    rolling = Verdict(status=AppStatus.UPDATING, reason="Progressing")
    wave = WaveStatus(name="all@one", phase=WavePhase.PROGRESSING)
    before = replace(status(env, rolling), rollout=RolloutStatus(hash="h", waves=(wave,)))

    def later(**changes: object) -> AppSetStatus:
        rollout = replace(before.rollout, message="1 of 2", waves=(replace(wave, **changes),))
        return replace(before, rollout=rollout)

    assert only_progress(later(updated=1, progressed=env.now(), message="1 of 2"), before)
    assert not only_progress(later(phase=WavePhase.COMPLETED), before)
    assert not only_progress(later(evidence=env.now()), before)
    assert not only_progress(replace(before, rollout=replace(before.rollout, gate="all@one")), before)


@pytest.mark.parametrize("before", [DONE, STUCK], ids=["ready", "stalled"])
async def test_a_word_that_is_not_true_any_more_is_taken_back_at_once(env: LoopEnv, before: Verdict) -> None:
    assert not only_progress(status(env, GOING), status(env, before))


async def test_a_status_without_conditions_is_no_progress() -> None:
    assert not only_progress(AppSetStatus(app_id="x"), AppSetStatus())
    ready = Condition(type="Ready", status="False", reason="Installing")
    assert not only_progress(AppSetStatus(conditions=(ready,)), AppSetStatus())


async def test_patience_counts_from_the_first_time_and_ends_with_a_write(env: LoopEnv) -> None:
    pace = Pace(env, ControllerSettings(progress_seconds=20.0))
    assert pace.patience(APPSET, REF) == 20.0
    await asyncio.sleep(15.0)
    assert pace.patience(APPSET, REF) == pytest.approx(5.0)
    await asyncio.sleep(6.0)
    assert pace.patience(APPSET, REF) <= 0
    pace.wrote(APPSET, REF)
    assert pace.patience(APPSET, REF) == 20.0
