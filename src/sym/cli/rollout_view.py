"""The tree of `sym rollout get`: an AppSet as lines of text. Pure.

An icon never stands without its word; the next command is printed as it can be typed; INFO has the worst pod's reason.
"""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from sym.cli.rollout_asks import cluster_of, is_away, signed
from sym.cli.rollout_health import OVER, stand
from sym.model.appset import AppSet, ClusterStatus, PodSet, PodSetStatus, PodStatusInfo, TopologyCluster
from sym.model.names import group_of
from sym.model.rollout import Confirmation, Phase, RolloutRequest, Verb, WavePhase, WaveStatus
from sym.plan.content import revision

ICONS: Mapping[str, str] = {
    "Running": "✔",
    "Ready": "✔",
    "Completed": "✔",
    "Waiting": "◷",
    "Baking": "◷",
    "Paused": "॥",
    "Pending": "•",
    "Blocked": "⚠",
    "Unknown": "?",
    "Failed": "✖",
    "RolledBack": "✖",
    "Aborted": "✖",
    "Degraded": "✖",
    "Stalled": "✖",
}
"""By word; every other one is under way."""
_AWAY, _BAD, _GOING = "⚠", "✖", "◌"
_HEADER = ("CLUSTER", "PODSET", "GROUP", "VERSION", "READY", "STATUS", "INFO")
_GRAVE = ("BackOff", "Err", "Error", "Failed", "Invalid", "OOM", "Unschedulable")
"""What the states of pods contain that will hardly come right by themselves."""


class Look(Struct, frozen=True, kw_only=True):
    """One look at an AppSet. `proved`: the server admits confirmations only under their writer's name. `flags`: what a
    command needs, beside the namespace, to mean the same cluster."""

    app: AppSet
    now: datetime
    proved: bool = False
    flags: str = ""

    def lines(self) -> list[str]:
        """The whole tree."""
        return [*self.head(), "", *table(self.rows()), *_block("WAVES", self.waves()), *_block("ASKED", self.asked())]

    def head(self) -> Iterator[str]:
        """How it stands, the counts, and what to do next."""
        app, counts, rollout = self.app, self.app.status.aggr_status, self.app.status.rollout
        standing = stand(app)
        parts = [f"AppSet {app.metadata.namespace}/{app.metadata.name}", with_icon(standing.word)]
        parts += [f"strategy {_strategy(app)}", *_progress(rollout.waves)]
        parts += [f"rev {rollout.revision}"] if rollout.revision else []
        parts += [counts.version] if counts.version else []
        if rollout.started is not None and rollout.phase not in {None, Phase.COMPLETED}:
            parts.append(f"({age(rollout.started, self.now)})")
        yield "   ".join(parts)
        yield (
            f"DESIRED {counts.desired}  UPDATED {self.updated()}  AVAILABLE {counts.available}"
            f"  UNAVAILABLE {counts.un_available}"
        )
        if standing.message:
            yield standing.message
        if rollout.failures and rollout.phase in OVER:
            last = rollout.failures[-1]
            yield f"{_BAD} {last.wave}: {last.reason}: {last.message}"
        for command in self.next():
            yield f"next: {command}"

    def next(self) -> Iterator[str]:
        """The commands that take it on from where it stands."""
        rollout = self.app.status.rollout
        if self.app.spec.update_strategy.paused:
            yield self._command("resume")
        elif rollout.phase in OVER:
            yield self._command("undo")
            yield self._command("retry")
        elif rollout.phase == Phase.WAITING and rollout.gate and not self._consent(rollout.gate):
            yield self._command("confirm", f"--gate {shlex.quote(rollout.gate)}")
        elif rollout.phase == Phase.BLOCKED:
            for cluster in self._missing():
                yield self._command("skip", f"--cluster {cluster}")

    def updated(self) -> int:
        """Pods that run the content that the spec asks for."""
        spec, name = self.app.spec, self.app.metadata.name
        seen = self._seen()
        return sum(
            status.update
            for place in spec.cluster_topology.clusters
            for pod_set in place.pod_sets
            if (status := seen.get((place.name, pod_set.name))) is not None
            and status.revision == revision(spec, name, place, pod_set)
        )

    def rows(self) -> Iterator[tuple[str, ...]]:
        """The cells of the tree: clusters in order, with their podSets."""
        yield _HEADER
        told = {each.name: each for each in self.app.status.aggr_status.clusters}
        places = [*self.app.spec.cluster_topology.clusters]
        here = {each.name for each in places}
        places += [_dropped(each) for each in told.values() if each.name not in here]
        for number, place in enumerate(places):
            last = number == len(places) - 1
            row = told.get(place.name, ClusterStatus(name=place.name))
            yield from self._cluster(place, row, ("└─ ", "   ") if last else ("├─ ", "│  "))

    def waves(self) -> Iterator[tuple[str, ...]]:
        """The cells of the waves, in order, each with its gate."""
        told = self.app.status.rollout.message
        for wave in self.app.status.rollout.waves:
            consent = self._consent(wave.name)
            gate = "gate" if wave.gate else ""
            gate += f", confirmed {self._signed(consent)}" if consent else ", open" if wave.confirmed else ""
            message = wave.message if wave.message != told else ""
            yield with_icon(wave.phase.value or "Pending"), wave.name, gate, message

    def asked(self) -> Iterator[tuple[str, ...]]:
        """The cells of what people asked for, and of confirmations of gates that are no more."""
        rollout = self.app.status.rollout
        names = {wave.name for wave in rollout.waves}
        for each in rollout.requests:
            yield " ".join(filter(None, (each.verb.value, each.cluster))), self._signed(each)
        for consent in rollout.confirmations:
            if consent.gate not in names or consent.hash != rollout.hash:
                yield f"confirm {consent.gate}", self._signed(consent)

    def _cluster(self, place: TopologyCluster, row: ClusterStatus, marks: tuple[str, str]) -> Iterator[tuple[str, ...]]:
        word = row.status or "Pending"
        icon = _AWAY if is_away(row) else ICONS.get(word, _GOING)
        label, info = f"{marks[0]}{place.name} {icon} {word}", self._age_of(row)
        if not place.pod_sets:
            yield label, "", "", "", "", "", info or row.message
        for pod_set in place.pod_sets:
            status = next((each for each in row.pod_sets if each.name == pod_set.name), PodSetStatus(name=pod_set.name))
            state, why = self._state(place, pod_set, status, row)
            ready = f"{status.available}/{status.desired}"
            group = group_of(pod_set.name, pod_set.meta)
            yield label, pod_set.name, group, status.version or "-", ready, state, info or why
            label, info = marks[1].rstrip(), ""

    def _state(
        self, place: TopologyCluster, pod_set: PodSet, status: PodSetStatus, row: ClusterStatus
    ) -> tuple[str, str]:
        """A podSet's state with its icon, and what is to be known about it."""
        if is_away(row):
            return f"{_AWAY} {row.status}", row.message
        worst = self._worst(place.name, pod_set.name)
        if status.reason:
            return f"{_BAD} {status.reason}", worst or status.message
        wanted = revision(self.app.spec, self.app.metadata.name, place, pod_set)
        if status.revision != wanted and not self._open(pod_set.name):
            return "• Waiting", worst
        whole = status.revision == wanted and status.available == status.desired and not status.un_available
        if whole and status.update + status.held >= status.current:
            release = f"helm rev {status.release.revision}" if status.release is not None else ""
            return with_icon("Ready"), worst or release
        return f"{_GOING} Progressing", worst

    def _worst(self, cluster: str, pod_set: str) -> str:
        """The pod of a podSet that is worst off, and why."""
        pods = [
            each
            for each in self.app.status.aggr_status.pods
            if each.cluster_name == cluster and each.name.startswith(f"{pod_set}-")
        ]
        if not pods:
            return ""
        worst = min(pods, key=_gravity)
        return ": ".join(filter(None, (f"pod {worst.name}", worst.state, worst.message)))

    def _open(self, pod_set: str) -> bool:
        """Whether the podSet's wave has begun."""
        waves = self.app.status.rollout.waves
        mine = next((each for each in waves if pod_set in each.pod_sets), None)
        return not waves or (mine is not None and mine.phase not in {"", WavePhase.PENDING})

    def _missing(self) -> list[str]:
        """Clusters of a blocked wave that cannot be reached."""
        rollout = self.app.status.rollout
        away = [each.name for each in self.app.status.aggr_status.clusters if is_away(each)]
        skipped = {each.cluster for each in rollout.requests if (each.verb, each.hash) == (Verb.SKIP, rollout.hash)}
        held = {
            cluster_of(self.app, pod_set)
            for wave in rollout.waves
            if wave.phase == WavePhase.BLOCKED
            for pod_set in wave.pod_sets
        }
        return [name for name in away if name in held and name not in skipped]

    def _seen(self) -> dict[tuple[str, str], PodSetStatus]:
        rows = self.app.status.aggr_status.clusters
        return {(row.name, each.name): each for row in rows if not is_away(row) for each in row.pod_sets}

    def _age_of(self, row: ClusterStatus) -> str:
        return f"numbers are {age(row.observed_at, self.now)} old: {row.message}" if row.observed_at else ""

    def _consent(self, gate: str) -> Confirmation | None:
        rollout = self.app.status.rollout
        return next((each for each in rollout.confirmations if (each.gate, each.hash) == (gate, rollout.hash)), None)

    def _signed(self, each: Confirmation | RolloutRequest) -> str:
        doubt = "" if self.proved else " (unverified)"
        return f"by {signed(each.user, each.time)}{doubt}" + (f": {each.reason}" if each.reason else "")

    def _command(self, verb: str, more: str = "") -> str:
        meta = self.app.metadata
        return " ".join(filter(None, (f"sym rollout {verb} {meta.name} -n {meta.namespace}", self.flags, more)))


def changes(before: Look | None, after: Look) -> list[str]:
    """The lines that are new since the last look: for pipes and logs, where nothing is drawn over. That time has passed
    alone is nothing new."""
    if before is None:
        return after.lines()
    old = set(Look(app=before.app, now=after.now, proved=before.proved, flags=before.flags).lines())
    return [line for line in after.lines() if line not in old]


def with_icon(word: str) -> str:
    """`✔ Running`."""
    return f"{ICONS.get(word, _GOING)} {word}"


def age(since: datetime, now: datetime) -> str:
    """How long ago, as kubectl says it: `45s`, `12m`, `3h`, `9d`."""
    seconds = max(0, int((now - since).total_seconds()))
    for unit, size, limit in (("s", 1, 120), ("m", 60, 120), ("h", 3600, 48)):
        if seconds < size * limit:
            return f"{seconds // size}{unit}"
    return f"{seconds // 86400}d"


def table(rows: Iterator[tuple[str, ...]] | Sequence[tuple[str, ...]]) -> list[str]:
    """Rows of cells as lines, columns aligned."""
    cells = list(rows)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)] if cells else []
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def _block(title: str, rows: Iterator[tuple[str, ...]]) -> list[str]:
    lines = table(rows)
    return ["", title, *lines] if lines else []


def _strategy(app: AppSet) -> str:
    strategy = app.spec.update_strategy
    return "waves" if strategy.waves else str(strategy.upgrade_type or "all groups together")


def _progress(waves: Sequence[WaveStatus]) -> Iterator[str]:
    """`wave 2/3`: the first one that is not completed."""
    for number, wave in enumerate(waves, 1):
        if wave.phase != WavePhase.COMPLETED:
            yield f"wave {number}/{len(waves)}"
            return


def _dropped(row: ClusterStatus) -> TopologyCluster:
    """A cluster that the topology has no more, with the podSets that are still there."""
    return TopologyCluster(name=row.name, pod_sets=tuple(PodSet(name=each.name) for each in row.pod_sets))


def _gravity(pod: PodStatusInfo) -> tuple[bool, str]:
    return not any(word in pod.state for word in _GRAVE), pod.name
