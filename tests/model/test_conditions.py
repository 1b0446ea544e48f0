"""Conditions: one way to set them, and a time that moves only with the status."""

from datetime import UTC, datetime

from sym.model.codec import to_map
from sym.model.conditions import FALSE, TRUE, Condition, find_condition, set_condition

EARLY = datetime(2026, 1, 1, 12, 0, 0, 999999, tzinfo=UTC)
LATE = datetime(2026, 1, 1, 13, 0, 0, tzinfo=UTC)


def test_a_new_condition_stands_at_the_end_since_now_to_the_second() -> None:
    before = set_condition((), Condition(type="Ready", status=FALSE, reason="Installing"), EARLY)
    after = set_condition(before, Condition(type="Stalled", status=FALSE), EARLY)
    assert [each.type for each in after] == ["Ready", "Stalled"]
    assert after[1].last_transition_time == EARLY.replace(microsecond=0)


def test_the_time_moves_only_with_the_status() -> None:
    before = set_condition((), Condition(type="Ready", status=FALSE, message="one"), EARLY)
    before = set_condition(before, Condition(type="Other", status=TRUE), EARLY)
    same = set_condition(before, Condition(type="Ready", status=FALSE, message="two", observed_generation=2), LATE)
    assert [each.type for each in same] == ["Ready", "Other"]
    assert same[0].last_transition_time == EARLY.replace(microsecond=0)
    assert (same[0].message, same[0].observed_generation) == ("two", 2)
    turned = set_condition(same, Condition(type="Ready", status=TRUE), LATE)
    assert turned[0].last_transition_time == LATE


def test_a_condition_without_a_time_gets_one() -> None:
    after = set_condition((Condition(type="Ready", status=TRUE),), Condition(type="Ready", status=TRUE), LATE)
    assert after[0].last_transition_time == LATE


def test_a_condition_is_found_by_its_type() -> None:
    ready = Condition(type="Ready", status=TRUE)
    assert find_condition((ready,), "Ready") is ready
    assert find_condition((ready,), "Stalled") is None
    assert ready.true
    assert not Condition(type="Ready", status="Unknown").true


def test_a_condition_always_says_all_that_metav1_requires() -> None:
    (condition,) = set_condition((), Condition(type="Ready", status=TRUE), LATE)
    assert to_map(condition) == {
        "type": "Ready",
        "status": "True",
        "lastTransitionTime": "2026-01-01T13:00:00Z",
        "reason": "",
        "message": "",
    }
