"""The measurements after a wave: which are due, and what those that were made say.

An answer counts once, and only if it was given after the wave's evidence. A source without a number is inconclusive:
it neither passes nor fails, the rollout waits.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from sym.model import defaults
from sym.model.meta import META
from sym.model.rollout import Analysis, AnalysisStatus
from sym.plan.types import Answer, Query


class Measured(Struct, frozen=True, kw_only=True):
    """How far the measurements of a wave are. `failed`: why one of them fails the wave; `message`: what is waited for;
    `wait`: seconds until something is due, None if nothing is."""

    statuses: tuple[AnalysisStatus, ...] = ()
    queries: tuple[Query, ...] = ()
    passed: bool = True
    failed: str = ""
    inconclusive: bool = False
    message: str = ""
    wait: float | None = None


class Subject(Struct, frozen=True, kw_only=True):
    """What is measured: a wave of an AppSet's rollout, since its evidence."""

    namespace: str
    name: str
    rollout: str
    wave: str
    evidence: datetime

    def key(self, analysis: Analysis) -> str:
        """The key of the answers to one of its analyses."""
        return f"{self.rollout}/{self.wave}/{analysis.name}"


def measured(
    subject: Subject,
    analyses: tuple[Analysis, ...],
    before: tuple[AnalysisStatus, ...],
    answers: Mapping[str, Answer],
    now: datetime,
) -> Measured:
    """Where the measurements of `subject` stand at `now`."""
    known = {each.name: each for each in before}
    statuses = [
        _counted(subject, each, known.get(each.name, AnalysisStatus(name=each.name)), answers) for each in analyses
    ]
    pairs = list(zip(analyses, statuses, strict=True))
    open_ = [(each, status) for each, status in pairs if status.good < needed(each)]
    failed = next((status.message for each, status in pairs if status.bad > each.failure_limit), "")
    waits = {each.name: _wait(subject, each, status, now) for each, status in open_}
    return Measured(
        statuses=tuple(statuses),
        queries=() if failed else tuple(_queries(subject, [each for each, _ in open_ if waits[each.name] <= 0])),
        passed=not open_,
        failed=failed,
        inconclusive=any(status.inconclusive for _, status in open_),
        message="; ".join(_progress(each, status) for each, status in open_),
        wait=min((seconds for seconds in waits.values() if seconds > 0), default=None),
    )


def needed(analysis: Analysis) -> int:
    """How many good measurements an analysis asks for."""
    return defaults.first(analysis.count, default=defaults.ANALYSIS_COUNT)


def _wait(subject: Subject, analysis: Analysis, status: AnalysisStatus, now: datetime) -> float:
    interval = defaults.first(analysis.interval_seconds, default=defaults.ANALYSIS_INTERVAL_SECONDS)
    first = subject.evidence + timedelta(seconds=analysis.initial_delay_seconds)
    due = max(first, status.last + timedelta(seconds=interval)) if status.last else first
    return (due - now).total_seconds()


def _queries(subject: Subject, analyses: list[Analysis]) -> Iterator[Query]:
    for each in analyses:
        key = subject.key(each)
        yield Query(cluster=META, namespace=subject.namespace, name=subject.name, key=key, analysis=each)


def _counted(
    subject: Subject, analysis: Analysis, status: AnalysisStatus, answers: Mapping[str, Answer]
) -> AnalysisStatus:
    """`status` with the newest answer counted in, if it has not been."""
    answer = answers.get(subject.key(analysis))
    if answer is None or answer.at < subject.evidence or (status.last is not None and answer.at <= status.last):
        return status
    status = replace(status, last=answer.at)
    if answer.value is None:
        return replace(status, inconclusive=status.inconclusive + 1, message=answer.message)
    status = replace(status, inconclusive=0, message=f"{analysis.name} is {answer.value:g}{_bounds(analysis)}")
    least, most = analysis.min, analysis.max
    good = (least is None or answer.value >= least) and (most is None or answer.value <= most)
    return replace(status, good=status.good + 1) if good else replace(status, bad=status.bad + 1)


def _bounds(analysis: Analysis) -> str:
    least = [] if analysis.min is None else [f"at least {analysis.min:g}"]
    most = [] if analysis.max is None else [f"at most {analysis.max:g}"]
    return f" ({' and '.join(least + most)} is good)"


def _progress(analysis: Analysis, status: AnalysisStatus) -> str:
    told = f": {status.message}" if status.message else ""
    return f"analysis {analysis.name}: {status.good} of {needed(analysis)} good measurements{told}"
