"""What the fleet tells Prometheus (names of ecosystem.md 1.5): member health, requests, informers, refusals.

One instance per process, on the process's own registry; no pod or object name is ever a label.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge


class FleetMetrics:
    """The instruments of `clusters`."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.up = Gauge(
            "sym_cluster_up",
            "1 while the cluster is Ready and its caches are filled.",
            ["cluster"],
            registry=self.registry,
        )
        self.lag = Gauge(
            "sym_cluster_sync_lag_seconds",
            "Seconds since the cluster's API last answered.",
            ["cluster"],
            registry=self.registry,
        )
        self.objects = Gauge(
            "sym_informer_objects", "Objects in the cache.", ["cluster", "kind"], registry=self.registry
        )
        self.restarts = Counter(
            "sym_informer_restarts",
            "Lists and watches that were interrupted and begun again, by the kind of error.",
            ["cluster", "kind", "reason"],
            registry=self.registry,
        )
        self.requests = Counter(
            "rest_client_requests",
            "Requests to API servers by code, method and host.",
            ["code", "method", "host"],
            registry=self.registry,
        )
        self.refused = Counter(
            "sym_refused_destructive",
            "Deletions that the executor refused, by reason.",
            ["reason"],
            registry=self.registry,
        )
        self.actions = Counter(
            "sym_actions",
            "Actions executed, by cluster, kind of action and result.",
            ["cluster", "action", "result"],
            registry=self.registry,
        )
        self.helm = _helm(self.registry)

    def forget(self, cluster: str, kinds: tuple[str, ...] = ()) -> None:
        """A removed cluster shows no stale rows."""
        for gauge in (self.up, self.lag):
            _drop(gauge, cluster)
        for kind in kinds:
            _drop(self.objects, cluster, kind)
        for counter in (self.restarts, self.actions, self.helm):
            _drop_rows(counter, cluster)


def _helm(registry: CollectorRegistry) -> Counter:
    return Counter(
        "sym_helm_operations",
        "Helm operations, by cluster, kind of operation and result.",
        ["cluster", "operation", "result"],
        registry=registry,
    )


def _drop(gauge: Gauge, *labels: str) -> None:
    try:
        gauge.remove(*labels)
    except KeyError:  # it never reported
        return


def _drop_rows(counter: Counter, cluster: str) -> None:
    """Forget every row of a cluster, whatever its other labels are."""
    samples = [sample for family in counter.collect() for sample in family.samples]
    for row in {tuple(sample.labels.values()) for sample in samples if sample.labels["cluster"] == cluster}:
        counter.remove(*row)
