"""Words and conditions."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sym.model.appset import AggrStatus, AppSet, AppSetStatus, AppStatus, WarnEvent
from sym.model.meta import ObjectMeta
from sym.plan.verdict import PRECEDENCE, SETTLE, Verdict, first, settling, timeless
from tests.golden.world import START

GOING = Verdict(status=AppStatus.INSTALLING, reason="Installing", message="going on")


def told(verdict: Verdict) -> dict[str, str]:
    """The conditions by type."""
    return {each.type: each.status for each in verdict.conditions((), 3, START)}


def test_every_state_has_its_rank() -> None:
    assert set(PRECEDENCE) == set(AppStatus)


@given(st.lists(st.sampled_from(AppStatus)))
def test_the_first_of_the_order_counts(states: list[AppStatus]) -> None:
    state = first(states)
    assert state in (states or [AppStatus.RUNNING])
    assert all(PRECEDENCE.index(state) <= PRECEDENCE.index(other) for other in states)


@pytest.mark.parametrize(
    ("verdict", "true"),
    [
        (GOING, {"Reconciling"}),
        (replace(GOING, ready=True), {"Ready"}),
        (replace(GOING, stalled=True), {"Stalled"}),
        (replace(GOING, paused=True), {"Paused"}),
        (replace(GOING, paused=True, ready=True), {"Paused", "Ready"}),
        (replace(GOING, paused=True, stalled=True), {"Paused", "Stalled"}),
    ],
)
def test_conditions(verdict: Verdict, true: set[str]) -> None:
    assert told(verdict) == {
        name: "True" if name in true else "False" for name in ("Ready", "Reconciling", "Stalled", "Paused")
    }


def test_conditions_say_why_and_about_which_generation() -> None:
    conditions = {each.type: each for each in GOING.conditions((), 3, START)}
    assert {each.observed_generation for each in conditions.values()} == {3}
    assert {each.reason for each in conditions.values()} == {"Installing"}
    assert [name for name, each in conditions.items() if each.message] == ["Ready", "Reconciling"]


@pytest.mark.parametrize(
    ("observed", "verdict", "age", "left"),
    [
        (-1, GOING, 0.0, SETTLE.total_seconds()),
        (-1, GOING, 2.0, SETTLE.total_seconds() - 2),
        (-1, GOING, 60.0, None),
        (0, GOING, 0.0, None),
        (-1, replace(GOING, ready=True), 0.0, None),
        (-1, replace(GOING, stalled=True), 0.0, None),
    ],
)
def test_the_first_status_may_wait_a_little(observed: int, verdict: Verdict, age: float, left: float | None) -> None:
    app = AppSet(metadata=ObjectMeta(creation_timestamp=START))
    assert settling(app, observed, verdict, START + timedelta(seconds=age)) == left


def test_what_has_no_age_is_told_at_once() -> None:
    assert settling(AppSet(), -1, GOING, START) is None


def test_what_a_clock_ahead_of_ours_created_is_told_at_once() -> None:
    ahead = START + timedelta(hours=1)
    assert settling(AppSet(metadata=ObjectMeta(creation_timestamp=ahead)), -1, GOING, START) is None


def test_times_alone_make_no_difference() -> None:
    def status(seen: float, count: int) -> AppSetStatus:
        event = WarnEvent(name="e", count=count, last_seen=START + timedelta(seconds=seen))
        at = START + timedelta(seconds=seen)
        return AppSetStatus(last_update_time=at, aggr_status=AggrStatus(warn_events=(event,)))

    assert timeless(status(0, 1)) == timeless(status(9, 1))
    assert timeless(status(0, 1)) != timeless(status(0, 2))
