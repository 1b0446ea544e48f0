"""Grounds of rollouts as literals: six podSets of three groups in two clusters, which all run v3 and shall run v4."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from sym.model.advdeployment import ChildPodSet
from sym.model.appset import AppSet, AppSetSpec, PodSetStatus, UpdateStrategy
from sym.model.meta import ObjectMeta
from sym.model.rollout import Phase, RolloutStatus
from sym.model.waves import Candidate
from sym.plan.rollout.course import Course, course
from sym.plan.rollout.types import Entries, Ground
from sym.plan.types import Answer

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
A, B = "bj4", "bj5"
OLD, NEW = "h3", "h4"
BEFORE = RolloutStatus(phase=Phase.COMPLETED, hash=OLD, finished=OLD)
"""The record of the rollout to v3."""
MEMBERS = tuple(
    Candidate(
        name=f"{group}-{cluster}", cluster=cluster, group=group, unit=f"unit-{cluster}", labels={"sym-group": group}
    )
    for cluster in (A, B)
    for group in ("canary", "blue", "green")
)
NAMES = tuple(each.name for each in MEMBERS)


def entry(name: str, version: str, replicas: int = 2) -> ChildPodSet:
    """A podSet at a version, which is its revision too."""
    return ChildPodSet(name=name, replicas=replicas, revision=version, version=version, meta={"sym-group": name[:-4]})


def entries(version: str, *names: str) -> dict[str, ChildPodSet]:
    """All podSets, or some, at a version."""
    return {name: entry(name, version) for name in names or NAMES}


def app(strategy: UpdateStrategy) -> AppSet:
    """An AppSet with this strategy; what it runs stands in the ground alone."""
    return AppSet(metadata=ObjectMeta(name="bbcc", namespace="default"), spec=AppSetSpec(update_strategy=strategy))


def told(entry_: ChildPodSet, ready: int | None = None) -> PodSetStatus:
    """What a worker says of a podSet that runs an entry, with so many pods available."""
    count = entry_.replicas if ready is None else ready
    return PodSetStatus(
        name=entry_.name,
        desired=entry_.replicas,
        available=count,
        update=count,
        current=count,
        revision=entry_.revision,
    )


def ground(
    strategy: UpdateStrategy,
    record: RolloutStatus,
    running: Entries | None = None,
    *,
    bad: frozenset[str] = frozenset(),
    away: Mapping[str, str] | None = None,
    answers: Mapping[str, Answer] | None = None,
) -> Ground:
    """A rollout from v3 to v4. `running` are the podSets that run something else than v3; those in `bad` are not proved
    to run anything."""
    there = entries("v3") | dict(running or {})
    gone = dict(away or {})

    def proves(name: str, each: ChildPodSet) -> bool:
        cluster = next(one.cluster for one in MEMBERS if one.name == name)
        return name not in bad and cluster not in gone and there[name].revision == each.revision

    return Ground(
        app=app(strategy),
        hash=NEW,
        now=NOW,
        record=record,
        members=MEMBERS,
        where={each.name: each.cluster for each in MEMBERS},
        metas={A: {}, B: {}},
        asked=entries("v4"),
        running=there,
        back=entries("v3"),
        finished=OLD,
        away=gone,
        proves=proves,
        told={name: told(each, 0 if name in bad else None) for name, each in there.items()},
        answers=answers or {},
        known=True,
        former=False,
        held=False,
        resumed=False,
    )


def begun(strategy: UpdateStrategy, **changes: object) -> RolloutStatus:
    """The record of a rollout that was just written down."""
    status = course(ground(strategy, BEFORE)).status
    return replace(status, **changes)


def at_new(found: Course) -> set[str]:
    """The podSets that may have the new content."""
    return {name for name, each in found.entries.items() if each is not None and each.version == "v4"}


def phases(found: Course) -> list[str]:
    """The waves' phases."""
    return [wave.phase.value for wave in found.status.waves]


def reason(found: Course) -> str:
    """Why it goes no further."""
    return found.stop.reason if found.stop is not None else ""


def later(ground_: Ground, seconds: int) -> Ground:
    """The same ground after a while."""
    return replace(ground_, now=NOW + timedelta(seconds=seconds))
