"""What people may say to a rollout: to confirm its gate, skip a cluster, abort, retry, go back now. Pure.

Each function looks at the AppSet as it was read and gives the change of `/status`, or the sentence that there is
nothing to do, or raises `No`. The planner (`sym.plan.rollout`) reads the entries; what it would not act on is refused
here. Source: semantics.md 6.
"""

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from sym.cli.rollout_change import Change, No, Seen, added
from sym.cli.rollout_health import OVER
from sym.model.appset import AppSet, ClusterStatus
from sym.model.codec import to_map
from sym.model.conditions import whole_second
from sym.model.rollout import Confirmation, Phase, RolloutRequest, Verb, WavePhase
from sym.model.shapes import MAX_CONFIRMATIONS, MAX_REQUESTS
from sym.plan.content import content_hash
from sym.plan.types import Health

_AWAY = (
    "NotRegistered",
    Health.UNREACHABLE,
    Health.CREDENTIAL_PROBLEM,
    Health.MAINTAINING,
    Health.CONNECTING,
)


class Person(Struct, frozen=True, kw_only=True):
    """Who says it, when and why."""

    user: str
    time: datetime
    reason: str = ""


def confirmation(seen: Seen, gate: str, person: Person) -> Change:
    """Consent to go past the gate that is waited at; `gate` empty: whichever it is. Raises No."""
    app, rollout = seen.app, seen.app.status.rollout
    _current(app)
    wanted = gate or rollout.gate
    for each in rollout.confirmations:
        if wanted and (each.gate, each.hash) == (wanted, rollout.hash):
            return Change(said=f"gate {wanted} is already confirmed by {signed(each.user, each.time)}")
    if not rollout.gate:
        raise No(f"the rollout waits at no gate now ({standing(app)}): nothing can be confirmed before it does")
    if gate and gate != rollout.gate:
        raise No(f"the rollout does not wait at gate {gate}: it waits at {rollout.gate}")
    if len(rollout.confirmations) >= MAX_CONFIRMATIONS:
        raise No(
            f"the AppSet has {len(rollout.confirmations)} confirmations already, as many as there can be: "
            "the controller takes away those of former content, see whether it runs"
        )
    made = Confirmation(
        gate=wanted, hash=rollout.hash, user=person.user, time=whole_second(person.time), reason=person.reason
    )
    return added(seen, "confirmations", to_map(made), f"gate {wanted} confirmed by {person.user}")


def skip(seen: Seen, cluster: str, person: Person) -> Change:
    """Going past a cluster that cannot be reached. Raises No."""
    app = seen.app
    known = app.spec.cluster_topology.names
    if cluster not in known:
        raise No(f"cluster {cluster} is not in spec.clusterTopology, which has {', '.join(known) or 'no cluster'}")
    _under_way(app, "skipped")
    pending = {name: wave for wave, names in _places(app) for name in names if wave != WavePhase.COMPLETED}
    if cluster not in pending:
        raise No(f"cluster {cluster} is in no wave that is still to be completed: there is nothing to skip")
    row = next((each for each in app.status.aggr_status.clusters if each.name == cluster), ClusterStatus(name=cluster))
    if not is_away(row):
        raise No(
            f"cluster {cluster} can be reached, it is {row.status or 'not told of yet'}: "
            "only a cluster that is away can be skipped"
        )
    return _asked(seen, Verb.SKIP, cluster, person, f"cluster {cluster} is skipped")


def abort(seen: Seen, person: Person) -> Change:
    """Stopping the rollout and taking back what it has changed. Raises No."""
    _under_way(seen.app, "aborted")
    return _asked(seen, Verb.ABORT, "", person, "the rollout is aborted: what it has changed goes back")


def retry(seen: Seen, person: Person) -> Change:
    """Beginning again after a failure, a rollback or an abort. Raises No."""
    _current(seen.app)
    if seen.app.status.rollout.phase not in OVER:
        raise No(
            f"only a rollout that failed, was rolled back or aborted can be retried: this one is {standing(seen.app)}"
        )
    return _asked(seen, Verb.RETRY, "", person, "the rollout begins again")


def now(seen: Seen, hash_: str, person: Person) -> Change:
    """Going to the content `hash_`, which ran everywhere before, without waves and gates. Raises No."""
    return _asked(seen, Verb.NOW, "", person, "it goes there at once, without waves and gates", hash_)


def is_away(row: ClusterStatus) -> bool:
    """Whether a cluster's row says that it cannot be reached. `Degraded` alone may mean the application there."""
    return row.status in _AWAY or row.observed_at is not None


def standing(app: AppSet) -> str:
    """How the rollout stands, in a word or two."""
    rollout = app.status.rollout
    if rollout.phase is None:
        return "none was ever begun" if not rollout.finished else Phase.COMPLETED.value
    return f"{rollout.phase.value} at gate {rollout.gate}" if rollout.gate else rollout.phase.value


def signed(user: str, at: datetime | None) -> str:
    """`jane at 2026-11-27T11:55:00Z`."""
    when = f" at {at.isoformat().replace('+00:00', 'Z')}" if at is not None else ""
    return f"{user or 'somebody'}{when}"


def cluster_of(app: AppSet, pod_set: str) -> str:
    """The cluster of a podSet, empty where the topology has it no more."""
    places = app.spec.cluster_topology.clusters
    return next((place.name for place in places if any(each.name == pod_set for each in place.pod_sets)), "")


def _places(app: AppSet) -> Iterator[tuple[WavePhase, set[str]]]:
    for wave in app.status.rollout.waves:
        yield wave.phase, {cluster_of(app, pod_set) for pod_set in wave.pod_sets}


def _asked(seen: Seen, verb: Verb, cluster: str, person: Person, said: str, hash_: str = "") -> Change:
    """The entry that asks, unless it is there."""
    rollout = seen.app.status.rollout
    meant = hash_ or rollout.hash
    for each in rollout.requests:
        if (each.verb, each.cluster, each.hash) == (verb, cluster, meant):
            return Change(said=f"{verb.value} is already asked for by {signed(each.user, each.time)}")
    if len(rollout.requests) >= MAX_REQUESTS:
        raise No(
            f"the AppSet has {len(rollout.requests)} requests already, as many as there can be: "
            "the controller takes away what it has done, see whether it runs"
        )
    made = RolloutRequest(
        verb=verb,
        cluster=cluster,
        hash=meant,
        user=person.user,
        time=whole_second(person.time),
        reason=person.reason,
    )
    return added(seen, "requests", to_map(made), said)


def _under_way(app: AppSet, done: str) -> None:
    _current(app)
    rollout = app.status.rollout
    if rollout.phase in {None, Phase.COMPLETED, Phase.ROLLED_BACK, Phase.ABORTED}:
        raise No(f"no rollout is under way ({standing(app)}): nothing can be {done}")


def _current(app: AppSet) -> None:
    """Refuse where the status tells of another content than the spec asks for: what is said now would be for that."""
    rollout, meta = app.status.rollout, app.metadata
    if app.deleting:
        raise No("it is being deleted")
    if rollout.hash and rollout.hash != content_hash(app.spec, meta.name):
        raise No(
            "its content has changed, and the controller has not taken that up yet: "
            f"the status is of generation {app.status.observed_generation}, the spec of {meta.generation}; try again"
        )
