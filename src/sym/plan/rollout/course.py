"""What a rollout does now: which content each podSet may have, and what there is to tell.

A rollout is recorded in the status, waves and all, before anything of it is written; a failure or an abort is recorded
before anything goes back. So a restart at any moment finds what it needs, and no gate is lost. Source: semantics.md 6.
"""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from sym.model.advdeployment import ChildPodSet
from sym.model.conditions import whole_second
from sym.model.rollout import AutoRollback, Confirmation, Phase, RolloutFailure, RolloutStatus, Verb
from sym.model.shapes import MAX_FAILURES
from sym.plan.child import held, refreshed
from sym.plan.rollout import walk as going
from sym.plan.rollout.back import targeted, way_back
from sym.plan.rollout.types import Ground
from sym.plan.rollout.walk import Stop, Walk, live, walk
from sym.plan.rollout.waves import current, kin, same
from sym.plan.types import Query

FAILURES = frozenset({going.DEADLINE, going.ANALYSIS_FAILED})
BACKWARD = frozenset({Phase.ROLLED_BACK, Phase.ABORTED})
STUCK = BACKWARD | {Phase.FAILED}
UNKNOWN = "what last ran everywhere is not known, so nothing can go back by itself: give a new spec"
ITSELF = "it is itself what last ran everywhere, so there is nothing to go back to: give a new spec"
_PHASES: Mapping[str, Phase] = {going.CONFIRM: Phase.WAITING, going.BLOCKED: Phase.BLOCKED}


class Course(Struct, frozen=True, kw_only=True):
    """What may stand for each podSet (None: nothing yet), the record as it shall be, and why it goes no further.
    `free`: no wave holds anything up; `urgent`: it goes on even while paused."""

    entries: Mapping[str, ChildPodSet | None]
    status: RolloutStatus
    stop: Stop | None = None
    queries: tuple[Query, ...] = ()
    free: bool = False
    urgent: bool = False


def free(ground: Ground, status: RolloutStatus, *, urgent: bool = False) -> Course:
    """All podSets get what the spec asks for."""
    entries = {name: admit(ground, name) for name in ground.asked}
    return Course(entries=entries, status=status, free=True, urgent=urgent)


def admit(ground: Ground, name: str) -> ChildPodSet:
    """The entry that the spec asks for; of what runs it already, the injected values stay."""
    asked = ground.asked[name]
    return refreshed(ground.running[name], asked) if ground.carries(name) else asked


def hold(ground: Ground, name: str) -> ChildPodSet | None:
    """What runs, with the count that is wanted now."""
    running = ground.running.get(name)
    if running is None or ground.carries(name):
        return admit(ground, name) if running is not None else None
    return held(running, ground.asked[name])


def course(ground: Ground) -> Course:
    """What the rollout to `ground.hash` does now."""
    record = ground.record
    verbs = {each.verb for each in record.requests if each.hash == ground.hash}
    mine = record.hash == ground.hash
    if Verb.NOW in verbs and ground.former:
        return free(ground, _now(ground), urgent=True)
    if Verb.RETRY in verbs and mine and record.phase in STUCK:
        return _course(replace(ground, record=_anew(record)))
    if mine and record.phase in BACKWARD:
        return _back(ground, record.phase or "")
    if Verb.ABORT in verbs and mine:
        return _abort(ground)
    return _course(ground)


def _course(ground: Ground) -> Course:
    waves = current(ground)
    went = walk(ground, waves)
    recorded = ground.record.hash == ground.hash and same(waves, ground.record.waves) and ground.known
    status = _status(ground, went)
    stop = went.stop
    if stop is not None and stop.reason in FAILURES:
        status, stop = _failed(ground, status, stop, went.waves[went.passed].name)
    if stop is None:  # all of it runs, recorded or not
        return free(ground, status)
    if status.phase in BACKWARD or not recorded:
        waiting = {name for wave in went.waves for name in wave.pod_sets}
        entries = {name: hold(ground, name) if name in waiting else admit(ground, name) for name in ground.asked}
        return Course(entries=entries, status=status, stop=stop)
    return Course(entries=_entries(ground, went), status=status, stop=stop, queries=went.queries)


def _entries(ground: Ground, went: Walk) -> Mapping[str, ChildPodSet | None]:
    """What may stand now: the content up to the open wave, and where it is added to a group that is past."""
    waiting = {name for wave in went.waves for name in wave.pod_sets}
    opened = {name for wave in went.waves[: went.passed + 1] for name in live(ground, wave)}
    past = {kin(ground.asked[name]) for wave in went.waves[: went.passed] for name in live(ground, wave)}
    return {
        name: admit(ground, name)
        if name not in waiting or name in opened or (name not in ground.running and kin(asked) in past)
        else hold(ground, name)
        for name, asked in ground.asked.items()
    }


def _status(ground: Ground, went: Walk) -> RolloutStatus:
    record, stop = ground.record, went.stop
    mine = record.hash == ground.hash
    phase = _PHASES.get(stop.reason, Phase.PROGRESSING) if stop else Phase.PROGRESSING
    gate = _gate(record if mine else RolloutStatus(), went)
    fresh = gate != record.gate or not mine
    return RolloutStatus(
        phase=phase,
        hash=ground.hash,
        finished=ground.finished or record.finished,
        gate=gate,
        message=stop.message if stop else "every wave is done",
        started=record.started if mine and record.started else whole_second(ground.now),
        waves=went.waves,
        failures=record.failures,
        confirmations=_consents(ground, early=gate if fresh else ""),
        requests=tuple(
            each for each in record.requests if each.hash == ground.hash and each.verb in {Verb.SKIP, Verb.NOW}
        ),
    )


def _consents(ground: Ground, *, early: str) -> tuple[Confirmation, ...]:
    """The consents to this content. One that was given before its gate was reached is none."""
    return tuple(each for each in ground.record.confirmations if each.hash == ground.hash and each.gate != early)


def _gate(record: RolloutStatus, went: Walk) -> str:
    """The gate that is waited at. Once it was told it stays, though evidence before it may be missing for a while."""
    if went.stop is not None and went.stop.reason == going.CONFIRM:
        return went.waves[went.passed].name
    open_ = any(wave.name == record.gate and wave.gate and not wave.confirmed for wave in went.waves)
    return record.gate if open_ and went.stop is not None else ""


def _failed(ground: Ground, status: RolloutStatus, stop: Stop, wave: str) -> tuple[RolloutStatus, Stop]:
    """A wave failed: what stands as it is, what goes back, and the note of it."""
    extent = ground.app.spec.update_strategy.auto_rollback
    failures = _noted(ground, status.failures, wave, stop)
    blind = _blind(ground)
    if extent is None or blind:
        message = f"{stop.message}; {blind}" if extent is not None else stop.message
        status = replace(status, phase=Phase.FAILED, failures=failures, message=message)
        return status, replace(stop, message=message)
    what = "the wave goes" if extent is AutoRollback.WAVE else "all that has changed goes"
    message = f"{stop.message}; {what} back to what last ran everywhere"
    waves = targeted(ground, status.waves, wave, extent)
    status = replace(status, phase=Phase.ROLLED_BACK, gate="", waves=waves, failures=failures, message=message)
    return status, Stop(reason=Phase.ROLLED_BACK, message=message)


def _blind(ground: Ground) -> str:
    """Why nothing can go back; empty if it can."""
    if ground.finished is None:
        return UNKNOWN
    return ITSELF if ground.finished == ground.hash else ""


def _noted(ground: Ground, failures: tuple[RolloutFailure, ...], wave: str, stop: Stop) -> tuple[RolloutFailure, ...]:
    """`failures` with this one, told once."""
    one = RolloutFailure(
        wave=wave, hash=ground.hash, reason=stop.reason, message=stop.message, time=whole_second(ground.now)
    )
    if any((each.wave, each.hash, each.reason) == (one.wave, one.hash, one.reason) for each in failures):
        return failures
    return (*failures, one)[-MAX_FAILURES:]


def _abort(ground: Ground) -> Course:
    """Record what a person has asked for. What goes back goes once that is recorded."""
    asked = next(each for each in ground.record.requests if each.verb is Verb.ABORT and each.hash == ground.hash)
    why = f": {asked.reason}" if asked.reason else ""
    told = (f"aborted by {asked.user or 'somebody'}{why}", _blind(ground))
    message = "; ".join(filter(None, told))
    waves = targeted(ground, ground.record.waves, "", AutoRollback.ALL)
    status = replace(
        ground.record, phase=Phase.ABORTED, gate="", message=message, waves=waves, confirmations=(), requests=()
    )
    entries = {name: hold(ground, name) for name in ground.asked}
    return Course(entries=entries, status=status, stop=Stop(reason=Phase.ABORTED, message=message))


def _back(ground: Ground, phase: str) -> Course:
    waves, olds = way_back(ground)
    entries = {
        name: _as_before(ground, name, olds[name]) if name in olds else hold(ground, name) for name in ground.asked
    }
    status = replace(ground.record, waves=waves, gate="", requests=())
    app = ground.app.metadata
    hint = f"correct the spec, or try again: sym rollout retry {app.name} -n {app.namespace}"
    return Course(entries=entries, status=status, stop=Stop(reason=phase, message=f"{status.message} ({hint})"))


def _as_before(ground: Ground, name: str, old: ChildPodSet) -> ChildPodSet:
    """The old entry with the counts of now; of what runs it, the injected values stay."""
    running = ground.running.get(name)
    return refreshed(running, old) if running is not None and running.revision == old.revision else old


def _anew(record: RolloutStatus) -> RolloutStatus:
    """The record of a rollout that begins again: nothing was confirmed, and nobody asks for anything."""
    return replace(record, phase=None, gate="", waves=(), started=None, confirmations=(), requests=())


def _now(ground: Ground) -> RolloutStatus:
    """The record of a rollout without waves, which a person has asked for."""
    record = ground.record
    mine = record.hash == ground.hash
    return RolloutStatus(
        phase=Phase.PROGRESSING,
        hash=ground.hash,
        finished=ground.finished or record.finished,
        message="back to a content that ran everywhere before, without waves and gates (undo --now)",
        started=record.started if mine and record.started else whole_second(ground.now),
        requests=tuple(each for each in record.requests if each.hash == ground.hash and each.verb is Verb.NOW),
    )
