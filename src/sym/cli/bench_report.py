"""What `sym bench propagation` found, as a table for people and as JSON for programs. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from sym.cli.bench_count import Usage, Write
from sym.cli.bench_watch import Times

OURS = ("sym-controller/", "sym/")
"""How the user agents of Sym's own processes begin."""


class Row(Struct, rename="camel"):
    """Writes of one kind."""

    agent: str
    verb: str
    resource: str
    code: int
    count: int


class Floor(Struct, rename="camel"):
    """Seconds of the bare writes: the creation of the AppSets, and all that follows."""

    create_seconds: float
    write_seconds: float

    @property
    def seconds(self) -> float:
        """Both."""
        return self.create_seconds + self.write_seconds


class Report(Struct, rename="camel"):
    """All of it. Seconds count from the first create; `cpu_seconds` up to the last aggregated status. What was not
    measured is None."""

    app_sets: int
    members: int
    concurrency: int
    children_seconds: float
    deployments_seconds: float
    status_seconds: float
    p50_seconds: float
    p99_seconds: float
    writes_needed: int
    floor_before: Floor
    floor_after: Floor
    ratio: float
    writes_per_app_set: float | None
    events_per_app_set: float | None
    writes: list[Row]
    cpu_seconds: float | None
    peak_bytes: int | None


class Run(Struct, kw_only=True):
    """What the measured run gave. `counted`: None where no audit log is known."""

    times: Mapping[str, Times]
    counted: Mapping[Write, int] | None
    before: Usage | None
    after: Usage | None


def report(run: Run, members: int, concurrency: int, needed: int, floors: tuple[Floor, Floor]) -> Report:
    """The figures of a run that ended well."""
    times = list(run.times.values())
    began = min(each.began for each in times)
    waits = sorted((each.running or each.began) - each.began for each in times)
    status = _last([each.running for each in times]) - began
    ours = _ours(run.counted, len(times))
    return Report(
        app_sets=len(times),
        members=members,
        concurrency=concurrency,
        children_seconds=_last([each.children for each in times]) - began,
        deployments_seconds=_last([each.deployments for each in times]) - began,
        status_seconds=status,
        p50_seconds=percentile(waits, 50),
        p99_seconds=percentile(waits, 99),
        writes_needed=needed,
        floor_before=floors[0],
        floor_after=floors[1],
        ratio=status / ((floors[0].seconds + floors[1].seconds) / 2),
        writes_per_app_set=ours[0] if ours else None,
        events_per_app_set=ours[1] if ours else None,
        writes=[Row(*write, count) for write, count in sorted((run.counted or {}).items())],
        cpu_seconds=run.after.cpu - run.before.cpu if run.before and run.after else None,
        peak_bytes=run.after.peak_bytes if run.after else None,
    )


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest of the sorted `values` that `percent` of them do not exceed."""
    return values[max(0, -(-len(values) * percent // 100) - 1)]


def table(found: Report) -> str:
    """The report as text."""
    return "\n".join(f"{name:<34} {value}" for name, value in _lines(found))


def _lines(found: Report) -> Iterator[tuple[str, str]]:
    yield "AppSets, members, concurrency", f"{found.app_sets}, {found.members}, {found.concurrency}"
    yield "all children", f"{found.children_seconds:.1f} s"
    yield "all Deployments", f"{found.deployments_seconds:.1f} s"
    yield "all aggregated statuses", f"{found.status_seconds:.1f} s"
    yield "one AppSet, p50 and p99", f"{found.p50_seconds:.2f} s, {found.p99_seconds:.2f} s"
    for when, floor in (("before", found.floor_before), ("after", found.floor_after)):
        count = found.app_sets * (1 + found.writes_needed)
        yield (
            f"floor {when}: create + {found.writes_needed} writes",
            f"{floor.create_seconds:.1f} + {floor.write_seconds:.1f} s ({count / floor.seconds:.0f}/s)",
        )
    yield "time / floor", f"{found.ratio:.2f}"
    cpu, peak = found.cpu_seconds, found.peak_bytes
    yield "CPU of our processes", "not measured (--start or --pid)" if cpu is None else f"{cpu:.2f} s"
    yield "peak memory of our processes", "not measured" if peak is None else f"{peak / 1e6:.0f} MB"
    if found.writes_per_app_set is None or found.events_per_app_set is None:
        yield "writes of ours", "not counted (--audit CONTEXT=FILE of the API servers)"
        return
    yield "writes of ours per AppSet", f"{found.writes_per_app_set:.2f} and {found.events_per_app_set:.2f} Events"
    for row in sorted(found.writes, key=lambda row: (not row.agent.startswith(OURS), row.agent, -row.count)):
        yield f"  {row.agent[:32]}", f"{row.verb} {row.resource} -> {row.code}: {row.count}"


def _ours(counted: Mapping[Write, int] | None, appsets: int) -> tuple[float, float] | None:
    """Writes per AppSet, Events apart; locks are not counted."""
    if counted is None:
        return None
    ours = {write: count for write, count in counted.items() if write.agent.startswith(OURS)}
    events = sum(count for write, count in ours.items() if write.resource == "events")
    locks = sum(count for write, count in ours.items() if write.resource == "leases")
    return (sum(ours.values()) - events - locks) / appsets, events / appsets


def _last(moments: Sequence[float | None]) -> float:
    return max(moment for moment in moments if moment is not None)
