"""The arithmetic of replacing pods: how far each ReplicaSet of a Deployment may move now. Pure.

Read after the documented behaviour of Deployments: never fewer available pods than `replicas - maxUnavailable`, never
more pods than `replicas + maxSurge`, percents of surge rounded up and of unavailable rounded down.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sym.sandbox.workloads.views import DeploymentView, ReplicaSetView

MAX_REPLICAS = "deployment.kubernetes.io/max-replicas"


class Bounds(NamedTuple):
    """How many pods a rolling update may have too many, and too few."""

    surge: int
    unavailable: int


def bounds(deployment: DeploymentView) -> Bounds:
    """The bounds in pods. Both 0 would stand still, so then one pod may be missing."""
    spec = deployment.spec
    if spec.strategy.type != "RollingUpdate":
        return Bounds(0, 0)
    given = spec.strategy.rolling_update
    surge = resolve("25%" if given is None or given.max_surge is None else given.max_surge, spec.replicas, up=True)
    missing = "25%" if given is None or given.max_unavailable is None else given.max_unavailable
    unavailable = resolve(missing, spec.replicas, up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return Bounds(surge, min(unavailable, spec.replicas))


def resolve(value: int | str, total: int, *, up: bool) -> int:
    """A count, or a percent of `total` rounded up or down. Something else counts as 0."""
    if isinstance(value, int):
        return value
    number = value.removesuffix("%")
    if not number.isdecimal():
        return 0
    product = int(number) * total
    return -(-product // 100) if up else product // 100


def new_replicas(deployment: DeploymentView, new: int, everything: int) -> int:
    """How many replicas the new ReplicaSet should have, when it has `new` and all of them together `everything`."""
    wanted = deployment.spec.replicas
    if new > wanted or deployment.spec.strategy.type != "RollingUpdate":
        return wanted
    room = max(0, wanted + bounds(deployment).surge - everything)
    return new + min(room, wanted - new)


def shrink_old(deployment: DeploymentView, new: ReplicaSetView, old: Sequence[ReplicaSetView]) -> dict[str, int]:
    """New sizes, by name, of the old ReplicaSets that may shrink now; `old` is sorted by age. Unhealthy pods go first:
    they take nothing from availability."""
    minimum = deployment.spec.replicas - bounds(deployment).unavailable
    sizes = {rs.metadata.name: rs.spec.replicas for rs in old}
    everything = sum(sizes.values()) + new.spec.replicas
    spare = everything - minimum - (new.spec.replicas - new.status.available_replicas)
    if spare <= 0:
        return {}
    for rs in old:
        size = sizes[rs.metadata.name]
        unhealthy = max(0, size - rs.status.available_replicas)
        taken = min(unhealthy, spare, size)
        sizes[rs.metadata.name] -= taken
        spare -= taken
    left = sum(rs.status.available_replicas for rs in (new, *old)) - minimum
    for rs in old:
        taken = min(sizes[rs.metadata.name], max(0, left))
        sizes[rs.metadata.name] -= taken
        left -= taken
    return {rs.metadata.name: sizes[rs.metadata.name] for rs in old if sizes[rs.metadata.name] != rs.spec.replicas}


def share(deployment: DeploymentView, active: Sequence[ReplicaSetView]) -> dict[str, int]:
    """New sizes, by name, when a Deployment is scaled in the middle of a rollout: each in proportion to its own."""
    wanted = deployment.spec.replicas
    allowed = wanted + bounds(deployment).surge if wanted > 0 else 0
    todo = allowed - sum(rs.spec.replicas for rs in active)
    newest_last = sorted(active, key=_age)
    ordered = sorted(newest_last[::-1] if todo > 0 else newest_last, key=lambda rs: -rs.spec.replicas)
    sizes: dict[str, int] = {}
    left = todo
    for rs in ordered:
        part = _part(deployment, rs, allowed)
        part = max(min(part, left), 0) if todo > 0 else min(max(part, left), 0)
        sizes[rs.metadata.name] = rs.spec.replicas + part
        left -= part
    for name, size in tuple(sizes.items()):  # what rounding left over: the largest first
        change = left if todo > 0 else max(left, -size)
        sizes[name] = size + change
        left -= change
    return sizes


def _part(deployment: DeploymentView, rs: ReplicaSetView, allowed: int) -> int:
    """What one ReplicaSet would gain or lose if it kept its part of the whole."""
    if deployment.spec.replicas == 0:
        return -rs.spec.replicas
    noted = rs.metadata.annotations.get(MAX_REPLICAS, "")
    before = int(noted) if noted.isdecimal() and int(noted) else deployment.status.replicas or 1
    return (2 * rs.spec.replicas * allowed + before) // (2 * before) - rs.spec.replicas


def _age(rs: ReplicaSetView) -> tuple[float, str]:
    created = rs.metadata.creation_timestamp
    return (created.timestamp() if created else 0.0, rs.metadata.name)
