"""What fleet health says of a Cluster: whether it is connected, and if not, what somebody has to do about it.

Only the conditions are written here; the rest of Cluster.status belongs to the cluster controller. Source: semantics.md
4 and 8.
"""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from sym.model import names
from sym.model.cluster import Cluster, ClusterStatus
from sym.model.conditions import FALSE, TRUE, Condition, find_condition, set_condition
from sym.plan.types import Health, MemberState

NOT_REGISTERED = "ClusterNotRegistered"
_ADVICE = {
    Health.CONNECTING: "{why}; nothing is to be done unless this lasts",
    Health.UNREACHABLE: "{why}; check that its API server runs and that the server's address in the registration"
    " {where} is right. What runs there keeps running",
    Health.DEGRADED: "{why}; look after its API server, and after the rights that the registration {where} has there",
    Health.CREDENTIAL_PROBLEM: "{why}; correct the kubeconfig in the registration {where} (sym cluster join {name})",
    Health.MAINTAINING: "{why}; take the key status out of the registration {where} to connect again",
}
_FALTERING = frozenset({Health.UNREACHABLE.value, Health.DEGRADED.value})
"""Each failed request may tell another error; as long as it is the same verdict, the first sentence stands."""
_STANDING = frozenset({"", NOT_REGISTERED, Health.MAINTAINING.value})
"""What was not known from a connection: the beginning of one is news."""


class ClusterView(Struct, frozen=True, kw_only=True):
    """A Cluster and what the fleet knows of the member of its name. `registered`: a registration of that name is there,
    whether or not anything came of it yet."""

    cluster: Cluster
    state: MemberState | None
    registered: bool


def cluster_status(view: ClusterView, now: datetime) -> ClusterStatus:
    """The status as it shall stand: exactly the one that stands unless the verdict or the generation changed."""
    cluster, old = view.cluster, view.cluster.status
    reason, message = _verdict(view)
    before = find_condition(old.conditions, names.READY)
    generation = cluster.metadata.generation
    if before is not None and before.observed_generation == generation and _same(before, reason, message):
        return old
    told = {
        names.READY: reason == Health.READY,
        names.RECONCILING: reason in (Health.CONNECTING, Health.UNREACHABLE, Health.DEGRADED),
        names.STALLED: reason == Health.CREDENTIAL_PROBLEM,
    }
    conditions = old.conditions
    for type_, holds in told.items():
        condition = Condition(
            type=type_,
            status=TRUE if holds else FALSE,
            observed_generation=generation,
            reason=reason,
            message=message if holds or type_ == names.READY else "",
        )
        conditions = set_condition(conditions, condition, now)
    return replace(old, conditions=conditions)


def _same(before: Condition, reason: str, message: str) -> bool:
    """Whether what stands says so already. A restart of Sym connects anew, which alone changes nothing."""
    if reason == Health.CONNECTING and before.reason not in _STANDING:
        return True
    return before.reason == reason and (before.message == message or reason in _FALTERING)


def _verdict(view: ClusterView) -> tuple[str, str]:
    """Reason and sentence."""
    name, state = view.cluster.metadata.name, view.state
    where = f"{names.META_NAMESPACE}/{name}"
    if state is None and not view.registered:
        return NOT_REGISTERED, (
            f"no registration has this name: run `sym cluster join {name} --kubeconfig FILE`, or create the Secret"
            f" {where} with the label {names.CLUSTER_OWNER}={names.CLUSTER_OWNER_VALUE} and the kubeconfig under the"
            f" key {names.KUBECONFIG_KEY}"
        )
    if state is not None and state.usable:
        return Health.READY.value, "; ".join(filter(None, ("it is connected and its caches are filled", state.reason)))
    health = Health.CONNECTING if state is None or state.health is Health.READY else state.health
    why = (state.reason if state is not None else "") or "it is being connected to"
    return health.value, _ADVICE[health].format(why=why, where=where, name=name)
