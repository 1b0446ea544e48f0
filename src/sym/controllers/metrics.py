"""What controllers and their queues tell Prometheus, under controller-runtime's and client-go's names.

One instance per process, on the registry it shares with `clusters.metrics`.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily

from sym.aio.env import Env
from sym.model.appset import AppSet

_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

Unfinished = Callable[[], dict[str, list[float]]]


class ControllerMetrics:
    """The instruments of `controllers`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=registry)

        def histogram(name: str, text: str, *labels: str) -> Histogram:
            return Histogram(name, text, labels, registry=registry, buckets=_BUCKETS)

        self.registry = registry
        self._total = counter(
            "controller_runtime_reconcile", "Reconciles by controller and result.", "controller", "result"
        )
        self._errors = counter("controller_runtime_reconcile_errors", "Failed reconciles.", "controller")
        self._panics = counter("controller_runtime_reconcile_panics", "Reconciles that ended in a bug.", "controller")
        self._time = histogram("controller_runtime_reconcile_time_seconds", "Length of reconciles.", "controller")
        self._active = Gauge(
            "controller_runtime_active_workers", "Workers that reconcile now.", ["controller"], registry=registry
        )
        self.leader = Gauge(
            "leader_election_master_status", "1 while this process holds the lock.", ["name"], registry=registry
        )
        self.depth = Gauge("workqueue_depth", "Keys that wait.", ["name"], registry=registry)
        self.adds = counter("workqueue_adds", "Keys added.", "name")
        self.retries = counter("workqueue_retries", "Keys that came back because their work failed.", "name")
        self.waits = histogram("workqueue_queue_duration_seconds", "How long keys waited.", "name")
        self.lag = histogram(
            "sym_loop_lag_seconds", "How much later than asked for the event loop came back to a waiting task."
        )
        self.works = histogram("workqueue_work_duration_seconds", "How long keys were worked on.", "name")

    @contextmanager
    def active(self, controller: str) -> Iterator[None]:
        """Counts a worker as busy."""
        gauge = self._active.labels(controller)
        gauge.inc()
        try:
            yield
        finally:
            gauge.dec()

    def reconciled(self, controller: str, result: str, seconds: float) -> None:
        """A reconcile ended."""
        self._total.labels(controller, result).inc()
        self._time.labels(controller).observe(seconds)
        if result == "error":
            self._errors.labels(controller).inc()

    def panicked(self, controller: str) -> None:
        """A reconcile ended in something nobody foresaw."""
        self._panics.labels(controller).inc()

    def watch_apps(self, apps: Callable[[], Iterable[AppSet]]) -> None:
        """Show the AppSets that `apps` gives at that moment: what is gone is shown no more."""
        self.registry.register(_Apps(apps))

    async def watch_loop(self, env: Env, seconds: float) -> None:
        """Look every `seconds` at how late the event loop is, until cancelled."""
        while True:
            due = env.monotonic() + seconds
            await asyncio.sleep(seconds)
            self.lag.observe(max(env.monotonic() - due, 0.0))

    def watch_work(self, unfinished: Unfinished) -> None:
        """Show work in progress; `unfinished` gives the seconds that each key has taken so far, by queue."""
        self.registry.register(_InProgress(unfinished))


class QueueFace:
    """`queue.QueueMetrics` for the queue of one controller."""

    def __init__(self, metrics: ControllerMetrics, name: str) -> None:
        self._depth = metrics.depth.labels(name)
        self._adds = metrics.adds.labels(name)
        self._retries = metrics.retries.labels(name)
        self._waits = metrics.waits.labels(name)
        self._works = metrics.works.labels(name)

    def depth(self, value: int) -> None:
        """See QueueMetrics."""
        self._depth.set(value)

    def added(self) -> None:
        """See QueueMetrics."""
        self._adds.inc()

    def retried(self) -> None:
        """See QueueMetrics."""
        self._retries.inc()

    def waited(self, seconds: float) -> None:
        """See QueueMetrics."""
        self._waits.observe(seconds)

    def worked(self, seconds: float) -> None:
        """See QueueMetrics."""
        self._works.observe(seconds)


class _Apps:
    """Computed when asked: the state and the pods of every AppSet, as its status tells them."""

    def __init__(self, apps: Callable[[], Iterable[AppSet]]) -> None:
        self._apps = apps

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """One row per AppSet, one per AppSet and kind of count."""
        info = GaugeMetricFamily(
            "sym_appset_info", "1 for every AppSet.", labels=["namespace", "name", "phase", "strategy"]
        )
        replicas = GaugeMetricFamily(
            "sym_appset_replicas", "Pods of an AppSet by state.", labels=["namespace", "name", "state"]
        )
        for app in self._apps():
            where, counts = [app.metadata.namespace, app.metadata.name], app.status.aggr_status
            strategy = app.spec.update_strategy.upgrade_type
            info.add_metric([*where, str(counts.status), str(strategy) if strategy else "all"], 1)
            told = {
                "desired": counts.desired,
                "current": app.status.replicas,
                "updated": sum(each.update for each in counts.pod_sets),
                "available": counts.available,
                "unavailable": counts.un_available,
            }
            for state, count in told.items():
                replicas.add_metric([*where, state], count)
        return (info, replicas)


class _InProgress:
    """Computed when asked: how long the keys in work have been there."""

    def __init__(self, unfinished: Unfinished) -> None:
        self._unfinished = unfinished

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The two gauges of client-go."""
        total = GaugeMetricFamily("workqueue_unfinished_work_seconds", "Work in progress, summed.", labels=["name"])
        longest = GaugeMetricFamily(
            "workqueue_longest_running_processor_seconds", "The longest work in progress.", labels=["name"]
        )
        for name, seconds in self._unfinished().items():
            total.add_metric([name], sum(seconds))
            longest.add_metric([name], max(seconds, default=0.0))
        return (total, longest)
