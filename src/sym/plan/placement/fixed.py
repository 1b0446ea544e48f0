"""The policy `fixed`: every podSet runs where the topology names it, with the count that its `replicas` asks for.

An integer is that many; a percent is of `spec.replicas`; nothing means a share of what is left. Source: semantics.md 3.
"""

from collections.abc import Iterator, Mapping

from sym.model.appset import AppSetSpec, PodSet
from sym.model.validate import REPLICAS_MISMATCH, REPLICAS_REQUIRED
from sym.plan.shares import by_percent, evenly
from sym.plan.types import MemberState


class ReplicasError(ValueError):
    """The counts asked for contradict each other. `reason` is a condition's, the message says what to change."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def fixed(spec: AppSetSpec, members: Mapping[str, MemberState]) -> Mapping[str, int]:
    """Replicas by podSet name. Raises ReplicasError. Members do not matter: a cluster that is away keeps its share."""
    del members
    integers: dict[str, int] = {}
    percents: dict[str, int] = {}
    empty: list[str] = []
    for pod_set in _ordered(spec):
        match pod_set.replicas:
            case int(count):
                integers[pod_set.name] = count
            case None | "":
                empty.append(pod_set.name)
            case percent:
                percents[pod_set.name] = int(percent.removesuffix("%"))
    asked = sum(integers.values())
    if not percents and not empty:
        _agree(spec.replicas, asked)
        return integers
    total = _required(spec.replicas, next(iter((*percents, *empty))))
    shared = dict(zip(percents, by_percent(total, tuple(percents.values())), strict=True))
    left = total - asked - sum(shared.values())
    if left < 0:
        raise ReplicasError(
            REPLICAS_MISMATCH,
            f"spec.replicas is {total}, but the podSets with their own numbers already ask for {total - left}: "
            "raise spec.replicas or lower a podSet's replicas",
        )
    return integers | shared | dict(zip(empty, evenly(left, len(empty)), strict=True))


def _ordered(spec: AppSetSpec) -> Iterator[PodSet]:
    for cluster in spec.cluster_topology.clusters:
        yield from sorted(cluster.pod_sets, key=lambda pod_set: pod_set.name)


def _agree(total: int | None, asked: int) -> None:
    if total is not None and total != asked:
        raise ReplicasError(
            REPLICAS_MISMATCH,
            f"spec.replicas is {total}, but the podSets ask for {asked} in all: change one of the two, "
            "or leave a podSet's replicas empty so that it takes what is left",
        )


def _required(total: int | None, pod_set: str) -> int:
    if total is None:
        raise ReplicasError(
            REPLICAS_REQUIRED,
            f"podSet {pod_set} asks for a share of spec.replicas, which is not set: set spec.replicas",
        )
    return total
