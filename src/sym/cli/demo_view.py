"""What the demo shows: clusters, podSets, ready pods. Pure: from objects that a GET gave, to rows, lines and changes.

On a terminal `demo_screen` draws the same rows as a tree that redraws itself; elsewhere only changes are printed.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from sym.model.appset import AppSet, AppStatus, PodSetStatus
from sym.model.conditions import Condition
from sym.model.names import group_of
from sym.model.workload import Deployment

ICONS: Mapping[str, str] = {
    "Running": "✔",
    "Ready": "✔",
    "Paused": "॥",
    "Degraded": "✖",
    "Stalled": "✖",
    "Unknown": "?",
    "Waiting": "•",
    "Unreachable": "⚠",
    "NotRegistered": "⚠",
}
"""One icon beside each word, never instead of it; everything else is under way (◌)."""


class Row(Struct, frozen=True, kw_only=True):
    """One podSet in one cluster. `ready` counts pods in the member's own Deployment."""

    cluster: str
    pod_set: str
    group: str
    version: str
    ready: int
    desired: int
    there: bool

    @property
    def state(self) -> str:
        """One word on it."""
        if not self.there:
            return "Waiting"
        return "Ready" if self.ready == self.desired else "Progressing"


class Board(Struct, frozen=True, kw_only=True):
    """One AppSet at one look."""

    name: str
    status: str
    desired: int
    available: int
    unavailable: int
    version: str
    message: str
    current: bool
    rows: tuple[Row, ...]

    @property
    def running(self) -> bool:
        """Whether the AppSet says, of its present generation, that all of it runs."""
        return self.current and self.status == AppStatus.RUNNING

    @property
    def headline(self) -> str:
        """The AppSet in one line."""
        icon = ICONS.get(self.status, "◌")
        counts = f"desired {self.desired}  available {self.available}  unavailable {self.unavailable}"
        return f"AppSet {self.name}  {icon} {self.status or 'Pending'}  {counts}  version {self.version or '-'}"


def board(app: AppSet, members: Mapping[str, Sequence[Deployment]]) -> Board:
    """What `app` and the Deployments of its members say together. A member that did not answer is missing."""
    aggregate = app.status.aggr_status
    ready = condition(app, "Ready")
    return Board(
        name=f"{app.metadata.namespace}/{app.metadata.name}",
        status=aggregate.status,
        desired=aggregate.desired,
        available=aggregate.available,
        unavailable=aggregate.un_available,
        version=aggregate.version,
        message=_trouble(app, ready),
        current=app.status.observed_generation == app.metadata.generation,
        rows=tuple(_rows(app, members)),
    )


def condition(app: AppSet, type_: str) -> Condition | None:
    """The AppSet's condition of that type."""
    return next((found for found in app.status.conditions if found.type == type_), None)


def lines(shown: Board) -> list[str]:
    """The board as plain text."""
    rows = [_line(row) for row in shown.rows]
    return [shown.headline, *rows, *([f"  {shown.message}"] if shown.message else [])]


def changes(before: Board | None, after: Board) -> list[str]:
    """What is new since the last look, as lines: for logs and pipes, where nothing is drawn over."""
    if before is None:
        return lines(after)
    old = {(row.cluster, row.pod_set): row for row in before.rows}
    rows = [_line(row) for row in after.rows if old.get((row.cluster, row.pod_set)) != row]
    heads = [after.headline] if after.headline != before.headline else []
    words = [f"  {after.message}"] if after.message and after.message != before.message else []
    return [*rows, *heads, *words]


def _rows(app: AppSet, members: Mapping[str, Sequence[Deployment]]) -> list[Row]:
    aggregate = app.status.aggr_status
    told = {(row.name, found.name): found for row in aggregate.clusters for found in row.pod_sets}
    rows: list[Row] = []
    for cluster in app.spec.cluster_topology.clusters:
        deployments = {found.metadata.name: found for found in members.get(cluster.name, ())}
        for pod_set in cluster.pod_sets:
            status = told.get((cluster.name, pod_set.name), PodSetStatus())
            deployment = deployments.get(pod_set.name)
            rows.append(
                Row(
                    cluster=cluster.name,
                    pod_set=pod_set.name,
                    group=group_of(pod_set.name, pod_set.meta),
                    version=status.version or "-",
                    ready=deployment.status.ready_replicas if deployment else 0,
                    desired=deployment.spec.replicas if deployment else status.desired,
                    there=deployment is not None,
                )
            )
    return rows


def _trouble(app: AppSet, ready: Condition | None) -> str:
    stalled = condition(app, "Stalled")
    if stalled is not None and stalled.status == "True":
        return f"✖ Stalled, {stalled.reason}: {stalled.message}"
    if ready is not None and ready.status != "True" and ready.message:
        return f"{ready.reason}: {ready.message}"
    return ""


def _line(row: Row) -> str:
    icon = ICONS.get(row.state, "◌")
    return (
        f"  {row.cluster:<20} {row.pod_set:<20} {row.group:<7} {row.version:<8}"
        f" {row.ready}/{row.desired} ready  {icon} {row.state}"
    )
