"""What comes after a wave's evidence: it bakes, it is measured, and both begin anew when the evidence is lost."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from sym.model.appset import UpdateStrategy
from sym.model.rollout import Analysis, AnalysisStatus, Phase, Wave, WaveSelector
from sym.plan.rollout.course import course
from sym.plan.rollout.walk import ANALYSIS_FAILED, BAKING, INCONCLUSIVE, PROGRESSING
from sym.plan.types import Answer
from tests.plan.rollout.grounds import NAMES, NEW, NOW, A, at_new, begun, entries, ground, later, phases, reason

PLAIN = UpdateStrategy()
AT_A = ("canary-bj4", "blue-bj4", "green-bj4")


def test_baking_asks_for_uninterrupted_evidence() -> None:
    strategy = UpdateStrategy(
        waves=(Wave(name="first", select=WaveSelector(clusters=(A,)), bake_seconds=30), Wave(name="rest"))
    )
    new = entries("v4", *AT_A)
    found = course(ground(strategy, begun(strategy), new))
    assert (reason(found), at_new(found), phases(found)) == (BAKING, set(AT_A), ["Baking", "Pending"])
    assert found.stop is not None
    assert found.stop.wait == 30
    shaken = course(later(ground(strategy, found.status, new, bad=frozenset({"blue-bj4"})), 20))
    assert (reason(shaken), shaken.status.waves[0].evidence) == (PROGRESSING, None)
    again = course(later(ground(strategy, shaken.status, new), 40))
    assert reason(again) == BAKING
    assert at_new(course(later(ground(strategy, again.status, new), 69))) == set(AT_A)
    assert at_new(course(later(ground(strategy, again.status, new), 70))) == set(NAMES)


def test_evidence_is_never_dated_before_it_was_seen() -> None:
    at = replace(ground(PLAIN, begun(PLAIN), entries("v4", *AT_A)), now=NOW + timedelta(milliseconds=300))
    found = course(at)
    assert found.status.waves[0].evidence == NOW + timedelta(seconds=1)
    assert at_new(found) == set(NAMES), "what does not bake waits for no second"


ERRORS = Analysis(name="errors", max=1, count=1)
MEASURED = replace(PLAIN, analysis=(ERRORS,))


def answered(value: float | None) -> dict[str, Answer]:
    """An answer to the measurement after the first wave."""
    return {f"{NEW}/all@bj4/errors": Answer(at=NOW, value=value, message="silence")}


@pytest.mark.parametrize(
    ("value", "why", "opened"),
    [(0.5, PROGRESSING, set(NAMES)), (None, INCONCLUSIVE, set(AT_A)), (7, ANALYSIS_FAILED, set(AT_A))],
)
def test_a_measurement_passes_waits_or_fails(value: float | None, why: str, opened: set[str]) -> None:
    new = entries("v4", *AT_A)
    asks = course(ground(MEASURED, begun(MEASURED), new))
    assert [each.key for each in asks.queries] == [f"{NEW}/all@bj4/errors"]
    found = course(ground(MEASURED, asks.status, new, answers=answered(value)))
    assert (reason(found), at_new(found)) == (why, opened)
    assert (found.status.phase is Phase.FAILED) is (why == ANALYSIS_FAILED)


def test_measurements_begin_anew_after_lost_evidence() -> None:
    new = entries("v4", *AT_A)
    first = course(ground(MEASURED, begun(MEASURED), new, answers=answered(None))).status
    assert first.waves[0].analysis == (AnalysisStatus(name="errors", inconclusive=1, last=NOW, message="silence"),)
    shaken = course(ground(MEASURED, first, new, bad=frozenset({"blue-bj4"}))).status
    assert shaken.waves[0].analysis == ()
