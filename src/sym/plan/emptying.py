"""How a cluster gets rid of an app: tombstone, delete, and a live look that finds nothing.

What is not there is never taken for gone: only a dated answer to `Measure` confirms. A cluster that cannot be reached
waits and blocks no other. Source: semantics.md 4 and 7.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TypeAlias

from msgspec import Struct

from sym.model import names
from sym.model.advdeployment import AdvDeployment
from sym.model.kinds import ADVDEPLOYMENT
from sym.plan.child import wanted_child
from sym.plan.ownership import EPOCH, Tombstone, body_for, own_child
from sym.plan.types import Action, Apply, Delete, Health, Measure, MemberState, Owner
from sym.plan.views import AppSetView

FRESH = timedelta(seconds=30)
"""How old a live look may be to count. It is asked for when needed, so an older one answers an older question."""

RECHECK = timedelta(seconds=1)
"""After how long to look again where something was left: pods and workloads take their time to end."""

TOMBSTONES = names.MASTER + "-tombstone"
"""The field manager of tombstones: apart from the master's other fields, so that one is applied without the others."""

CONFIRMED = "confirmed"
Step: TypeAlias = tuple[str, tuple[Action, ...]]
"""What a cluster is waiting for, in a sentence (or CONFIRMED), and what to do about it."""


class Emptying(Struct, frozen=True, kw_only=True):
    """How far the emptying of some clusters is. `waiting` says for each that is not confirmed what it waits for."""

    confirmed: frozenset[str] = frozenset()
    waiting: Mapping[str, str] = {}
    actions: tuple[Action, ...] = ()


def empty(view: AppSetView, owner: Owner, clusters: Iterable[str], now: datetime) -> Emptying:
    """The next step of emptying each of `clusters` of what belongs to `owner`."""
    steps = {cluster: _step(view, owner, cluster, now) for cluster in sorted(clusters)}
    return Emptying(
        confirmed=frozenset(cluster for cluster, (word, _) in steps.items() if word == CONFIRMED),
        waiting={cluster: word for cluster, (word, _) in steps.items() if word != CONFIRMED},
        actions=tuple(action for _, actions in steps.values() for action in actions),
    )


def without_tombstone(cluster: str, child: AdvDeployment) -> Apply:
    """Take back the tombstone of a child that is wanted after all."""
    return Apply(cluster=cluster, kind=ADVDEPLOYMENT, body=body_for(ADVDEPLOYMENT, child), manager=TOMBSTONES)


def unusable(cluster: str, member: MemberState | None) -> str:
    """Why nothing can be known of or done in a cluster, in a sentence; empty if it can."""
    if member is None:
        return f"cluster {cluster} is not registered: register it (sym cluster join) or take it out of the topology"
    if member.usable:
        return ""
    if member.health is Health.READY:
        return f"cluster {cluster} is being read: not all of it is known yet"
    return f"cluster {cluster} is {member.health}" + (f": {member.reason}" if member.reason else "")


def _step(view: AppSetView, owner: Owner, cluster: str, now: datetime) -> Step:
    if trouble := unusable(cluster, view.members.get(cluster)):
        return trouble, ()
    child = own_child(view, owner, cluster)
    if child is None:
        return _look(view, owner, cluster, now)
    stone = Tombstone.on(child)
    if stone is None or not stone.valid(child, owner.app_id, EPOCH):
        stone = Tombstone(app_id=owner.app_id, epoch=EPOCH, uid=child.metadata.uid)
        body = body_for(ADVDEPLOYMENT, child, annotations={names.TOMBSTONE: stone.text})
        return _ending(cluster), (Apply(cluster=cluster, kind=ADVDEPLOYMENT, body=body, manager=TOMBSTONES),)
    if child.deleting:
        return _ending(cluster), ()
    delete = Delete(
        cluster=cluster,
        kind=ADVDEPLOYMENT,
        namespace=owner.namespace,
        name=owner.name,
        uid=child.metadata.uid,
        resource_version=child.metadata.resource_version,
        owner=owner,
        tombstone=True,
        reason="the AppSet is being deleted"
        if view.app.deleting
        else "the AppSet places nothing in this cluster any more",
    )
    return _ending(cluster), (delete,)


def _look(view: AppSetView, owner: Owner, cluster: str, now: datetime) -> Step:
    """There is no child in the cache. A live look must say the same, and that no workload is left without one."""
    gone = view.gone.get(cluster)
    if gone is None or gone.owner != owner or now - gone.at > (FRESH if gone.clean else RECHECK):
        return _ending(cluster), (Measure(cluster=cluster, owner=owner),)
    if gone.clean:
        return CONFIRMED, ()
    if gone.child:
        return _ending(cluster), ()
    record = wanted_child(view.app, owner, cluster, ())
    return f"{cluster}: still there without a record: {', '.join(gone.workloads)}", (record.create(),)


def _ending(cluster: str) -> str:
    """One sentence for all steps that end by themselves: a status does not follow every step."""
    return f"cluster {cluster}: ending what runs there"
