"""The walk along the waves: the first that is not done is the open one, and nothing after it changes.

For every wave, in this order: all that it holds is proved to run; it has baked; its measurements are good; its gate is
confirmed. What is not so stops the walk. The evidence of a wave that was passed is asked for again each time, so the
next one opens only while everything before it holds. Source: semantics.md 6.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from sym.model import defaults
from sym.model.conditions import whole_second
from sym.model.rollout import Verb, WavePhase, WaveStatus
from sym.plan.evidence import count
from sym.plan.rollout.cut import SKIPPED, options_of
from sym.plan.rollout.measure import Measured, Subject, measured
from sym.plan.rollout.types import Ground
from sym.plan.types import Query

DEADLINE = "ProgressDeadlineExceeded"
ANALYSIS_FAILED = "AnalysisFailed"
INCONCLUSIVE = "AnalysisInconclusive"
CONFIRM = "WaitingForConfirm"
BAKING = "Baking"
ANALYSING = "Analysing"
BLOCKED = "RolloutBlocked"
PROGRESSING = "Progressing"
_SECOND = timedelta(seconds=1)


class Stop(Struct, frozen=True, kw_only=True):
    """Why the walk goes no further than a wave. `wait`: seconds until it may by time alone."""

    reason: str
    message: str
    wait: float | None = None


class Step(Struct, frozen=True, kw_only=True):
    """A wave as it stands now, and what stops the walk there, if anything does. `passed`: its gate too is behind."""

    wave: WaveStatus
    stop: Stop | None = None
    queries: tuple[Query, ...] = ()


class Walk(Struct, frozen=True, kw_only=True):
    """The waves as they stand, how many are behind, and why not more."""

    waves: tuple[WaveStatus, ...]
    passed: int
    stop: Stop | None = None
    queries: tuple[Query, ...] = ()


def walk(ground: Ground, waves: tuple[WaveStatus, ...]) -> Walk:
    """Go along `waves`, which have what was recorded of them, to the first that stops."""
    told: list[WaveStatus] = []
    for number, wave in enumerate(waves):
        step = _step(ground, wave, waves[number + 1 :])
        told.append(step.wave)
        if step.stop is not None:
            later = (_later(ground, each) for each in waves[number + 1 :])
            return Walk(waves=(*told, *later), passed=number, stop=step.stop, queries=step.queries)
    return Walk(waves=tuple(told), passed=len(waves))


def skipped_clusters(ground: Ground) -> frozenset[str]:
    """The clusters that a person has asked this rollout to go past."""
    requests = ground.record.requests
    return frozenset(each.cluster for each in requests if each.verb is Verb.SKIP and each.hash == ground.hash)


def begun(ground: Ground, wave: WaveStatus) -> bool:
    """Whether anything of a wave has changed, or was allowed to."""
    return wave.phase not in {WavePhase.PENDING, WavePhase("")} or any(
        ground.carries(name) for name in wave.pod_sets if name in ground.asked
    )


def made_up(wave: WaveStatus) -> bool:
    """Whether a wave is that of a cluster which was gone past: it waits for the cluster however long that takes."""
    return wave.group == SKIPPED


def live(ground: Ground, wave: WaveStatus) -> tuple[str, ...]:
    """The podSets of a wave whose evidence it needs: not those of clusters that are gone past, unless the wave is the
    one that was made for such a cluster."""
    past: frozenset[str] = frozenset() if made_up(wave) else skipped_clusters(ground)
    return tuple(name for name in wave.pod_sets if name in ground.asked and ground.cluster(name) not in past)


def unproved(ground: Ground, names: Iterable[str]) -> tuple[str, ...]:
    """Those of some podSets that are not proved to run what the spec asks for."""
    return tuple(name for name in names if not ground.proves(name, ground.asked[name]))


def _later(ground: Ground, wave: WaveStatus) -> WaveStatus:
    """A wave after the open one: what it has shown does not count until its turn comes."""
    if not begun(ground, wave):
        return replace(wave, phase=WavePhase.PENDING, message="")
    phase = WavePhase.PROGRESSING if wave.phase is WavePhase.PENDING else wave.phase
    return replace(wave, phase=phase, evidence=None, analysis=(), message="")


def _step(ground: Ground, wave: WaveStatus, later: tuple[WaveStatus, ...]) -> Step:
    missing = unproved(ground, live(ground, wave))
    wave = _progressed(ground, wave, missing)
    if missing and not _borne(ground, wave, missing):
        return _unfinished(ground, wave, missing)
    wave = replace(wave, evidence=wave.evidence or _up(ground.now), message="")
    if not (wave.phase in {WavePhase.WAITING, WavePhase.COMPLETED} or wave.confirmed):
        step = _matures(ground, wave)
        if step.stop is not None:
            return step
        wave = step.wave
    return _gate(ground, wave, later)


def _matures(ground: Ground, wave: WaveStatus) -> Step:
    """Whether a wave that runs has baked and measured well."""
    options, since = options_of(ground.app.spec.update_strategy, wave.name), wave.evidence or ground.now
    left = (since + timedelta(seconds=options.bake_seconds) - ground.now).total_seconds()
    if options.bake_seconds and left > 0:
        stop = Stop(reason=BAKING, message=f"wave {wave.name} runs and bakes for another {left:.0f} s", wait=left)
        return _stopped(wave, WavePhase.BAKING, stop)
    meta = ground.app.metadata
    subject = Subject(namespace=meta.namespace, name=meta.name, rollout=ground.hash, wave=wave.name, evidence=since)
    found = measured(subject, options.analysis, wave.analysis, ground.answers, ground.now)
    wave = replace(wave, analysis=found.statuses)
    if found.failed:
        stop = Stop(reason=ANALYSIS_FAILED, message=f"wave {wave.name}: {found.failed}")
        return _stopped(wave, WavePhase.FAILED, stop)
    if not found.passed:
        return _analysing(wave, found)
    return Step(wave=wave)


def _analysing(wave: WaveStatus, found: Measured) -> Step:
    reason = INCONCLUSIVE if found.inconclusive else ANALYSING
    stop = Stop(reason=reason, message=f"wave {wave.name}: {found.message}", wait=found.wait)
    return replace(_stopped(wave, WavePhase.ANALYSING, stop), queries=found.queries)


def _stopped(wave: WaveStatus, phase: WavePhase, stop: Stop) -> Step:
    return Step(wave=replace(wave, phase=phase, message=stop.message), stop=stop)


def _gate(ground: Ground, wave: WaveStatus, later: tuple[WaveStatus, ...]) -> Step:
    """A gate holds until it is confirmed, unless nothing is left behind it that it could hold back."""
    done = replace(wave, phase=WavePhase.COMPLETED, message="")
    if not wave.gate or wave.confirmed or not _guards(ground, later):
        return Step(wave=done)
    waited = ground.record.gate == wave.name and ground.record.hash == ground.hash
    if waited and any(each.gate == wave.name and each.hash == ground.hash for each in ground.record.confirmations):
        return Step(wave=replace(done, confirmed=True))
    app = ground.app.metadata
    hint = f"sym rollout confirm {app.name} -n {app.namespace} --gate {wave.name}"
    message = f"waiting for a person at gate {wave.name}: {hint}"
    return _stopped(wave, WavePhase.WAITING, Stop(reason=CONFIRM, message=message))


def _guards(ground: Ground, later: tuple[WaveStatus, ...]) -> bool:
    return any(not ground.carries(name) for wave in later for name in wave.pod_sets if name in ground.asked)


def _progressed(ground: Ground, wave: WaveStatus, missing: tuple[str, ...]) -> WaveStatus:
    """`wave` with the time of its last progress: when it began, got a pod further than ever, or fell back."""
    now, reached = whole_second(ground.now), sum(_reached(ground, name) for name in live(ground, wave))
    wave = replace(wave, started=wave.started or now)
    fell = bool(missing) and wave.evidence is not None and not _borne(ground, wave, missing)
    if fell or ground.resumed or wave.progressed is None:
        return replace(wave, progressed=now, updated=reached, evidence=None if fell else wave.evidence, analysis=())
    if reached > wave.updated:
        return replace(wave, progressed=now, updated=reached)
    return wave


def _reached(ground: Ground, name: str) -> int:
    """How many pods of a podSet are available with the content that the spec asks for."""
    told, asked = ground.told.get(name), ground.asked[name]
    if told is None or told.revision != asked.revision:
        return 0
    return min(told.update + told.held, told.available, count(asked, told))


def _left(ground: Ground, wave: WaveStatus) -> float:
    """Seconds until a wave without progress has failed."""
    seconds = defaults.progress_deadline_seconds(ground.app.spec.update_strategy)
    if ground.held or wave.progressed is None:
        return float(seconds)
    return (wave.progressed + timedelta(seconds=seconds) - ground.now).total_seconds()


def _borne(ground: Ground, wave: WaveStatus, missing: tuple[str, ...]) -> bool:
    """Whether what is missing after the deadline is no more than the wave's maxFailures allows."""
    allowed = options_of(ground.app.spec.update_strategy, wave.name).max_failures
    failed = {ground.cluster(name) for name in missing}
    return 0 < len(failed) <= allowed and _left(ground, wave) <= 0


def _unfinished(ground: Ground, wave: WaveStatus, missing: tuple[str, ...]) -> Step:
    away = {cluster: ground.away[cluster] for name in missing if (cluster := ground.cluster(name)) in ground.away}
    what = "; ".join(away.values()) or f"waiting for {_some(missing)}"
    if away and made_up(wave):
        return _stopped(wave, WavePhase.BLOCKED, Stop(reason=BLOCKED, message=f"wave {wave.name}: {what}"))
    left = _left(ground, wave)
    if left <= 0:
        seconds = defaults.progress_deadline_seconds(ground.app.spec.update_strategy)
        message = f"wave {wave.name} made no progress for {seconds} s: {what}"
        return _stopped(wave, WavePhase.FAILED, Stop(reason=DEADLINE, message=message))
    if away:
        hint = f"sym rollout skip {ground.app.metadata.name} -n {ground.app.metadata.namespace} --cluster {min(away)}"
        stop = Stop(reason=BLOCKED, message=f"wave {wave.name}: {what} (to go past it: {hint})", wait=left)
        return _stopped(wave, WavePhase.BLOCKED, stop)
    stop = Stop(reason=PROGRESSING, message=f"wave {wave.name}: {what}", wait=left)
    return _stopped(wave, WavePhase.PROGRESSING, stop)


def _some(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown


def _up(at: datetime) -> datetime:
    """The next whole second: evidence is never dated before it was seen."""
    cut = whole_second(at)
    return cut if cut == at else cut + _SECOND
