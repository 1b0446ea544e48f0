"""Measurements after a wave: counted once each, never before the evidence, and no answer is no pass."""

from datetime import timedelta

import pytest

from sym.model.meta import META
from sym.model.rollout import Analysis, AnalysisStatus
from sym.plan.rollout.measure import Measured, Subject, measured
from sym.plan.types import Answer, Query
from tests.plan.rollout.grounds import NOW

SUBJECT = Subject(namespace="default", name="bbcc", rollout="h4", wave="blue@bj4", evidence=NOW)
ERRORS = Analysis(name="errors", max=0.01, interval_seconds=10)
KEY = "h4/blue@bj4/errors"


def after(seconds: float) -> timedelta:
    """A while after the evidence."""
    return timedelta(seconds=seconds)


def look(
    analysis: Analysis, seconds: float, before: AnalysisStatus | None = None, answer: Answer | None = None
) -> Measured:
    """Where one measurement stands so many seconds after the evidence."""
    known = (before,) if before is not None else ()
    return measured(SUBJECT, (analysis,), known, {KEY: answer} if answer else {}, NOW + after(seconds))


def test_nothing_to_measure_passes() -> None:
    assert measured(SUBJECT, (), (), {}, NOW) == Measured()


def test_the_first_is_asked_for_after_the_delay_and_the_next_after_the_interval() -> None:
    slow = Analysis(name="errors", max=1, initial_delay_seconds=5, interval_seconds=10, count=2)
    early = look(slow, 2)
    assert (early.queries, early.wait, early.passed) == ((), 3, False)
    query = Query(cluster=META, namespace="default", name="bbcc", key=KEY, analysis=slow)
    assert look(slow, 5).queries == (query,)
    once = look(slow, 6, answer=Answer(at=NOW + after(6), value=0.5))
    assert (once.statuses[0].good, once.queries, once.wait, once.passed) == (1, (), 10, False)
    assert once.message == "analysis errors: 1 of 2 good measurements: errors is 0.5 (at most 1 is good)"
    again = look(slow, 17, once.statuses[0], Answer(at=NOW + after(16), value=1))
    assert (again.statuses[0].good, again.passed) == (2, True)


def test_without_an_interval_30_seconds_count() -> None:
    plain = Analysis(name="errors", min=1, count=2)
    assert look(plain, 0, answer=Answer(at=NOW, value=1)).wait == 30


def test_an_answer_counts_once_and_never_from_before_the_evidence() -> None:
    answer = Answer(at=NOW + after(1), value=0)
    first = look(ERRORS, 1, answer=answer)
    assert first.statuses[0].good == 1
    assert look(ERRORS, 2, first.statuses[0], answer).statuses == first.statuses
    stale = look(ERRORS, 2, answer=Answer(at=NOW - after(1), value=0))
    assert (stale.statuses[0].good, stale.passed) == (0, False)


@pytest.mark.parametrize(
    ("analysis", "value", "good"),
    [
        (Analysis(name="errors", max=2), 2, True),
        (Analysis(name="errors", max=2), 2.1, False),
        (Analysis(name="errors", min=2), 2, True),
        (Analysis(name="errors", min=2), 1.9, False),
        (Analysis(name="errors", min=1, max=2), 1.5, True),
        (Analysis(name="errors", min=1, max=2), 0, False),
    ],
)
def test_bounds_belong_to_what_is_good(analysis: Analysis, value: float, good: bool) -> None:
    status = look(analysis, 1, answer=Answer(at=NOW, value=value)).statuses[0]
    assert (status.good, status.bad) == ((1, 0) if good else (0, 1))


def test_one_bad_too_many_fails_and_nothing_more_is_asked() -> None:
    patient = Analysis(name="errors", max=1, min=0, failure_limit=1)
    one = look(patient, 1, answer=Answer(at=NOW, value=7))
    assert (one.failed, one.statuses[0].bad) == ("", 1)
    two = look(patient, 60, one.statuses[0], Answer(at=NOW + after(31), value=7))
    assert (two.failed, two.queries) == ("errors is 7 (at least 0 and at most 1 is good)", ())


def test_no_answer_is_inconclusive_until_there_is_one() -> None:
    silent = look(ERRORS, 1, answer=Answer(at=NOW, message="prometheus.local did not answer"))
    assert (silent.inconclusive, silent.passed, silent.failed) == (True, False, "")
    assert silent.message.endswith("prometheus.local did not answer")
    spoke = look(ERRORS, 20, silent.statuses[0], Answer(at=NOW + after(11), value=0))
    assert (spoke.inconclusive, spoke.passed, spoke.statuses[0].inconclusive) == (False, True, 0)
