"""What holds where an AppSet says nothing, and which of several settings counts. Pure functions of the spec.

The inner setting wins: podSet, then podSpec or updateStrategy, then the value here.
"""

from typing import TypeVar

from msgspec.structs import replace

from sym.model.appset import Chart, Inject, PodManagementPolicy, PodSet, PodSpec, StatefulSetStrategy, Strategy

T = TypeVar("T")

PROGRESS_DEADLINE_SECONDS = 600
"""Kubernetes' own default for Deployments."""
REVISION_HISTORY_LIMIT = 10
"""Kubernetes' own default for Deployments."""
MAX_SURGE: int | str = "25%"
"""Kubernetes' own default for Deployments."""
MAX_UNAVAILABLE: int | str = "25%"
"""Kubernetes' own default for Deployments."""
STATEFUL_MAX_UNAVAILABLE: int | str = 1
"""Kubernetes' own default for StatefulSets."""
ANALYSIS_COUNT = 1
"""Argo Rollouts' own default."""
ANALYSIS_INTERVAL_SECONDS = 30
"""Twice the usual interval at which Prometheus scrapes."""
POD_MANAGEMENT_POLICY = PodManagementPolicy.ORDERED_READY
"""Kubernetes' own default."""


def first(*values: T | None, default: T) -> T:
    """The first value that is given, from the innermost setting outwards, else `default`."""
    return next((value for value in values if value is not None), default)


def progress_deadline_seconds(strategy: Strategy) -> int:
    """Seconds without progress after which a rollout has failed."""
    return first(strategy.progress_deadline_seconds, default=PROGRESS_DEADLINE_SECONDS)


def max_surge(pod_set: PodSet, strategy: Strategy) -> int | str:
    """Pods over the wanted count that the podSet's workload may have while it changes: a count or a percentage."""
    return first(pod_set.max_surge, strategy.max_surge, default=MAX_SURGE)


def max_unavailable(pod_set: PodSet, strategy: Strategy) -> int | str:
    """Pods under the wanted count that the podSet's workload may have while it changes: a count or a percentage."""
    return first(pod_set.max_unavailable, strategy.max_unavailable, default=MAX_UNAVAILABLE)


def stateful_set_strategy(pod_set: PodSet, strategy: Strategy) -> StatefulSetStrategy | None:
    """How the podSet's StatefulSet is updated, or None."""
    return pod_set.stateful_set_strategy or strategy.stateful_set_strategy


def chart(pod_set: PodSet, pod_spec: PodSpec) -> Chart:
    """The podSet's chart: its own if it gives any part of one."""
    return pod_spec.chart if pod_set.chart.empty else pod_set.chart


def inject(pod_set: PodSet, pod_spec: PodSpec, *, adopted: bool) -> Inject:
    """What to inject into the podSet's pods, every field decided. An adopted workload is left as it is found."""
    inner, outer = pod_set.inject, pod_spec.inject
    return replace(
        outer,
        env=first(inner.env, outer.env, default=not adopted),
        affinity=first(inner.affinity, outer.affinity, default=False),
        spread=first(inner.spread, outer.spread, default=False),
    )
