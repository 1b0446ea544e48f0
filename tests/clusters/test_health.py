"""The verdict on a member: thresholds, kinds of illness, recovery."""

import pytest

from sym.clusters.health import HealthTracker, verdict
from sym.kube.errors import (
    BadKubeconfig,
    Forbidden,
    Junk,
    ServerError,
    TimedOut,
    TooManyRequests,
    Unauthorized,
    Unreachable,
    Untrusted,
)
from sym.plan.types import Health
from sym.settings import FleetSettings


def well() -> HealthTracker:
    tracker = HealthTracker(FleetSettings())
    tracker.success()
    return tracker


def verdict_of(tracker: HealthTracker) -> Health:
    return tracker.health


@pytest.mark.parametrize(
    ("error", "health"),
    [
        (Unreachable("x"), Health.UNREACHABLE),
        (TimedOut("x"), Health.UNREACHABLE),
        (TimeoutError(), Health.UNREACHABLE),
        (Unauthorized("x"), Health.CREDENTIAL_PROBLEM),
        (Forbidden("x"), Health.CREDENTIAL_PROBLEM),
        (Untrusted("x"), Health.CREDENTIAL_PROBLEM),
        (BadKubeconfig("x"), Health.CREDENTIAL_PROBLEM),
        (TooManyRequests("x"), Health.DEGRADED),
        (ServerError("x"), Health.DEGRADED),
        (Junk("x"), Health.DEGRADED),
    ],
)
def test_the_kind_of_failure_decides_the_kind_of_illness(error: Exception, health: Health) -> None:
    assert verdict(error) is health


def test_a_member_that_was_well_is_ill_after_three_failures_over_thirty_seconds() -> None:
    tracker = well()
    for now in (0.0, 10.0, 20.0):
        assert not tracker.failure(Unreachable("no route"), now)
    assert verdict_of(tracker) is Health.READY
    assert tracker.failure(Unreachable("no route"), 30.0)
    assert verdict_of(tracker) is Health.UNREACHABLE
    assert tracker.reason == "no route"


def test_few_failures_over_a_long_time_are_no_verdict() -> None:
    tracker = well()
    tracker.failure(Unreachable("x"), 0.0)
    tracker.failure(Unreachable("x"), 100.0)
    assert verdict_of(tracker) is Health.READY


def test_one_success_forgets_failures_and_makes_it_well() -> None:
    tracker = well()
    tracker.failure(Unreachable("x"), 0.0)
    tracker.failure(Unreachable("x"), 20.0)
    tracker.success()
    tracker.failure(Unreachable("x"), 40.0)
    tracker.failure(Unreachable("x"), 50.0)
    assert verdict_of(tracker) is Health.READY


def test_a_member_that_never_answered_shows_its_first_failure_at_once() -> None:
    tracker = HealthTracker(FleetSettings())
    assert verdict_of(tracker) is Health.CONNECTING
    assert tracker.failure(Unauthorized("no"), 0.0)
    assert verdict_of(tracker) is Health.CREDENTIAL_PROBLEM
    assert tracker.success()
    assert (tracker.health, tracker.reason) == (Health.READY, "")
