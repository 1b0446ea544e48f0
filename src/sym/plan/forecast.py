"""What an AppSet would do, step by step: the planner itself, played over copies on which everything goes well.

Nothing is written. Every child reaches what it is told, every gate is confirmed when it is waited at, every measurement
is good; what the planner does then is the forecast, so it cannot differ from what the controller does. Pure.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from sym.model import names
from sym.model.advdeployment import AdvAggrStatus, AdvDeployment, AdvDeploymentStatus, ChildPodSet
from sym.model.appset import AppSet, AppStatus, PodSetStatus
from sym.model.codec import JSONMap, convert, dig_list, dig_map
from sym.model.kinds import ADVDEPLOYMENT, APPSET, CONTROLLER_REVISION
from sym.model.meta import Object
from sym.model.rollout import Analysis, Confirmation, Phase, RolloutStatus
from sym.model.workload import ControllerRevision
from sym.plan.appset import plan_appset
from sym.plan.content import version_of
from sym.plan.types import Action, Answer, Apply, Create, Delete, Gone, Measure, Query
from sym.plan.views import AppSetView

T = TypeVar("T", bound=Object)
MOST = 2000
"""Steps: a hundred waves take a few hundred."""
AT_ONCE = "at once"
AT_LAST = "at last"


class PodSetChange(Struct, frozen=True, kw_only=True):
    """What happens to one podSet. `before` and `after` are versions, `had` and `has` counts; empty and 0 where there is
    none. `content`: its pods are made anew."""

    cluster: str
    name: str
    before: str = ""
    after: str = ""
    had: int = 0
    has: int = 0
    content: bool = False

    @property
    def verb(self) -> str:
        """What it is, in a word."""
        if not self.after:
            return "delete"
        if not self.before:
            return "create"
        return "update" if self.content else "scale"

    @property
    def restarts(self) -> int:
        """How many pods are made anew in place of others."""
        return min(self.had, self.has) if self.content and self.before and self.after else 0


class Stage(Struct, frozen=True, kw_only=True):
    """What happens together: a wave, by its name, or what waits for none. `gate`: a person is waited for after it."""

    name: str
    gate: bool = False
    changes: tuple[PodSetChange, ...] = ()


class Forecast(Struct, frozen=True, kw_only=True):
    """What would happen, in order. `emptied`: clusters that lose all of it. `stands`: why it does not come to its end;
    empty if it does. `children`: the AdvDeployments at the end, by cluster."""

    stages: tuple[Stage, ...] = ()
    emptied: tuple[str, ...] = ()
    stands: str = ""
    children: Mapping[str, AdvDeployment] = {}

    @property
    def changes(self) -> tuple[PodSetChange, ...]:
        """All of it."""
        return tuple(each for stage in self.stages for each in stage.changes)


def forecast(view: AppSetView, now: datetime, most: int = MOST) -> Forecast:
    """What the planner does with `view` if everything goes well."""
    play = _Play(view, now)
    for _ in range(most):
        if not play.step():
            return play.told()
    return play.told(f"it does not come to an end within {most} steps")


class _Play:
    """The copies, and what was done to them."""

    def __init__(self, view: AppSetView, now: datetime) -> None:
        children = {name: _proving(each, each.metadata.generation) for name, each in view.children.items()}
        self._view = replace(view, children=children)
        self._now = now
        self._stages: dict[str, list[PodSetChange]] = {}
        self._gates: set[str] = set()
        self._emptied: list[str] = []
        self._stands = ""
        self._serial = 0

    def told(self, stands: str = "") -> Forecast:
        """All of it."""
        stages = tuple(
            Stage(name=name, gate=name in self._gates, changes=tuple(changes))
            for name, changes in self._stages.items()
            if changes or name in self._gates
        )
        return Forecast(
            stages=stages,
            emptied=tuple(self._emptied),
            stands=stands or self._stands,
            children=self._view.children,
        )

    def step(self) -> bool:
        """One plan, carried out. False: there is nothing more to do."""
        before = self._view
        plan = plan_appset(before, self._now)
        app = before.app if plan.status is None else replace(before.app, status=plan.status)
        self._view = replace(before, app=_agreed(app))
        done = [self._do(action) for action in plan.actions]
        if any(done) or self._view.app.status != before.app.status:
            return True
        if plan.requeue_after is not None and self._waits():
            self._now += timedelta(seconds=plan.requeue_after)
            return True
        self._stands = "" if _runs(self._view.app) else "; ".join(plan.reasons)
        return False

    def _waits(self) -> bool:
        """Whether a wave bakes or is measured: what passes with time alone."""
        return any(wave.phase.value in {"Baking", "Analysing"} for wave in self._view.app.status.rollout.waves)

    def _do(self, action: Action) -> bool:
        """Carry out one action. Returns whether it changed anything."""
        match action:
            case Create() | Apply():
                return self._write(action)
            case Delete(cluster=cluster, kind=kind, name=name) if kind == ADVDEPLOYMENT:
                self._end(cluster)
            case Delete(name=name):
                kept = tuple(each for each in self._view.revisions or () if each.metadata.name != name)
                self._view = replace(self._view, revisions=kept)
            case Measure(cluster=cluster, owner=owner):
                gone = Gone(cluster=cluster, owner=owner, at=self._now)
                self._view = replace(self._view, gone={**self._view.gone, cluster: gone})
            case Query(key=key, analysis=analysis):
                answer = Answer(at=self._now, value=_good(analysis))
                self._view = replace(self._view, answers={**self._view.answers, key: answer})
            case _:
                return False
        return True

    def _write(self, action: Create | Apply) -> bool:
        body = action.body
        self._serial += 1
        if action.kind == APPSET:
            self._view = replace(self._view, app=_merged(self._view.app, body, self._serial))
        elif action.kind == CONTROLLER_REVISION:
            made = _merged(convert(body, ControllerRevision), body, self._serial)
            others = (each for each in self._view.revisions or () if each.metadata.name != made.metadata.name)
            self._view = replace(self._view, revisions=(*others, made))
        else:
            self._child(action.cluster, body)
        return True

    def _child(self, cluster: str, body: JSONMap) -> None:
        old = self._view.children.get(cluster)
        if "spec" not in body and old is not None:  # a tombstone comes or goes
            self._put(cluster, _merged(_without_tombstone(old), body, self._serial))
            return
        made = convert({"metadata": {}, **body}, AdvDeployment)
        base = replace(old, spec=made.spec) if old is not None else made
        child = _merged(base, body, self._serial)
        for change in _changes(cluster, old, child):
            self._note(change)
        self._put(cluster, _proving(child, self._serial))

    def _end(self, cluster: str) -> None:
        old = self._view.children[cluster]
        for each in old.spec.topology.pod_sets:
            self._note(PodSetChange(cluster=cluster, name=each.name, before=_version(each, old), had=each.replicas))
        self._emptied.append(cluster)
        children = {name: each for name, each in self._view.children.items() if name != cluster}
        self._view = replace(self._view, children=children)

    def _put(self, cluster: str, child: AdvDeployment) -> None:
        self._view = replace(self._view, children={**self._view.children, cluster: child})

    def _note(self, change: PodSetChange) -> None:
        waves = self._view.app.status.rollout.waves
        self._gates |= {wave.name for wave in waves if wave.gate}
        own = next((wave.name for wave in waves if change.name in wave.pod_sets), "")
        waited = change.content or not change.before
        stage = own if own and waited else AT_ONCE if change.after else AT_LAST
        self._stages.setdefault(stage, []).append(change)


def _agreed(app: AppSet) -> AppSet:
    """`app` after a person has confirmed what it waits at."""
    rollout = app.status.rollout
    if rollout.phase is not Phase.WAITING or not rollout.gate:
        return app
    given = Confirmation(gate=rollout.gate, hash=rollout.hash, user="forecast")
    agreed: RolloutStatus = replace(rollout, confirmations=(*rollout.confirmations, given))
    return replace(app, status=replace(app.status, rollout=agreed))


def _runs(app: AppSet) -> bool:
    return app.status.aggr_status.status in {AppStatus.RUNNING, AppStatus.PAUSED} and app.status.rollout.phase in {
        Phase.COMPLETED,
        None,
    }


def _good(analysis: Analysis) -> float:
    """A number within the bounds."""
    if analysis.min is not None:
        return analysis.min
    return analysis.max if analysis.max is not None else 0.0


def _merged(thing: T, body: JSONMap, serial: int) -> T:
    """`thing` after an apply of `body`'s metadata."""
    meta, said = thing.metadata, dig_map(body, "metadata")
    annotations = {**meta.annotations, **_texts(dig_map(said, "annotations"))}
    merged = replace(
        meta,
        resource_version=str(serial),
        uid=meta.uid or f"forecast-{serial}",
        labels={**meta.labels, **_texts(dig_map(said, "labels"))},
        annotations=annotations,
        finalizers=tuple(dict.fromkeys((*meta.finalizers, *map(str, dig_list(said, "finalizers"))))),
    )
    return replace(thing, metadata=merged)


def _texts(found: JSONMap) -> dict[str, str]:
    return {key: str(value) for key, value in found.items()}


def _without_tombstone(child: AdvDeployment) -> AdvDeployment:
    annotations = {key: each for key, each in child.metadata.annotations.items() if key != names.TOMBSTONE}
    return replace(child, metadata=replace(child.metadata, annotations=annotations))


def _changes(cluster: str, old: AdvDeployment | None, new: AdvDeployment) -> Iterator[PodSetChange]:
    """What a write of a child does to its podSets."""
    had = {each.name: each for each in old.spec.topology.pod_sets} if old is not None else {}
    has = {each.name: each for each in new.spec.topology.pod_sets}
    for name in (*has, *(name for name in had if name not in has)):
        before, after = had.get(name), has.get(name)
        change = PodSetChange(
            cluster=cluster,
            name=name,
            before=_version(before, new) if before else "",
            after=_version(after, new) if after else "",
            had=before.replicas if before else 0,
            has=after.replicas if after else 0,
            content=before is not None and after is not None and before.revision != after.revision,
        )
        if change.content or not (before and after) or change.had != change.has:
            yield change


def _version(entry: ChildPodSet, child: AdvDeployment) -> str:
    """What a podSet runs, for people."""
    template = entry.pod_spec.template
    return entry.version or (version_of(template, child.metadata.name) if template else "") or entry.revision


def _proving(child: AdvDeployment, serial: int) -> AdvDeployment:
    """The child as its worker tells of it once all of it runs."""
    told = tuple(
        PodSetStatus(
            name=each.name, desired=each.replicas, available=each.replicas, ready=each.replicas, update=each.replicas,
            current=each.replicas, revision=each.revision, generation=1, observed_generation=1, have_deploy=True,
            version=_version(each, child),
        )
        for each in child.spec.topology.pod_sets
    )  # fmt: skip
    count = sum(each.desired for each in told)
    counts = AdvAggrStatus(status=AppStatus.RUNNING, desired=count, available=count, pod_sets=told)
    meta = replace(child.metadata, generation=serial)
    return replace(child, metadata=meta, status=AdvDeploymentStatus(observed_generation=serial, aggr_status=counts))
