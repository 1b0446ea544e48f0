"""What a Cluster's conditions say, and when they are written anew."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from sym.model.cluster import Cluster, ClusterStatus
from sym.model.conditions import find_condition
from sym.model.meta import ObjectMeta
from sym.plan.cluster import ClusterView, cluster_status
from sym.plan.types import Health, MemberState

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
CLUSTER = Cluster(metadata=ObjectMeta(namespace="default", name="bj4", uid="1", generation=1))


def seen(
    health: Health | None, *, reason: str = "", synced: bool = True, registered: bool = True, status: ClusterStatus
) -> ClusterView:
    """A Cluster with this status whose member is in this health; None: the fleet knows no such member."""
    state = MemberState(name="bj4", health=health, synced=synced, reason=reason) if health else None
    return ClusterView(cluster=replace(CLUSTER, status=status), state=state, registered=registered)


def said(status: ClusterStatus, type_: str) -> tuple[str, str]:
    """Status and reason of a condition."""
    condition = find_condition(status.conditions, type_)
    assert condition is not None
    return condition.status, condition.reason


def sentence(status: ClusterStatus) -> str:
    """The message of Ready."""
    condition = find_condition(status.conditions, "Ready")
    assert condition is not None
    return condition.message


NEW = ClusterStatus()


@pytest.mark.parametrize(
    ("health", "ready", "reconciling", "stalled", "words"),
    [
        (Health.READY, "True", "False", "False", "it is connected and its caches are filled"),
        (Health.CONNECTING, "False", "True", "False", "nothing is to be done unless this lasts"),
        (Health.UNREACHABLE, "False", "True", "False", "refused; check that its API server runs"),
        (Health.DEGRADED, "False", "True", "False", "refused; look after its API server"),
        (Health.CREDENTIAL_PROBLEM, "False", "False", "True", "correct the kubeconfig in the registration sym-admin/"),
        (Health.MAINTAINING, "False", "False", "False", "take the key status out of the registration sym-admin/bj4"),
    ],
)
def test_every_health_has_its_conditions_and_its_advice(
    health: Health, ready: str, reconciling: str, stalled: str, words: str
) -> None:
    reason = "" if health in {Health.READY, Health.CONNECTING} else "refused"
    status = cluster_status(seen(health, reason=reason, status=NEW), NOW)
    assert said(status, "Ready") == (ready, health)
    assert said(status, "Reconciling") == (reconciling, health)
    assert said(status, "Stalled") == (stalled, health)
    assert words in sentence(status)
    assert cluster_status(seen(health, reason=reason, status=status), LATER) is status


def test_without_a_registration_it_says_how_to_make_one() -> None:
    status = cluster_status(seen(None, registered=False, status=NEW), NOW)
    assert said(status, "Ready") == ("False", "ClusterNotRegistered")
    assert "sym cluster join bj4" in sentence(status)
    assert "Secret sym-admin/bj4 with the label ClusterOwner=sym-admin" in sentence(status)


def test_a_registration_that_nothing_came_of_yet_is_not_missing() -> None:
    assert said(cluster_status(seen(None, status=NEW), NOW), "Ready") == ("False", "Connecting")


def test_a_member_whose_caches_are_not_filled_is_not_ready() -> None:
    status = cluster_status(seen(Health.READY, synced=False, status=NEW), NOW)
    assert said(status, "Ready") == ("False", "Connecting")


@pytest.mark.parametrize("before", [Health.READY, Health.UNREACHABLE, Health.CREDENTIAL_PROBLEM])
def test_connecting_anew_as_after_a_restart_changes_nothing(before: Health) -> None:
    status = cluster_status(seen(before, status=NEW), NOW)
    assert cluster_status(seen(Health.CONNECTING, reason="no answer yet", status=status), LATER) is status
    assert cluster_status(seen(None, status=status), LATER) is status


def test_connecting_after_maintenance_is_news() -> None:
    status = cluster_status(seen(Health.MAINTAINING, status=NEW), NOW)
    assert said(cluster_status(seen(Health.CONNECTING, status=status), LATER), "Ready") == ("False", "Connecting")


def test_another_error_of_the_same_verdict_is_no_news_but_another_fault_of_the_registration_is() -> None:
    away = cluster_status(seen(Health.UNREACHABLE, reason="refused", status=NEW), NOW)
    assert cluster_status(seen(Health.UNREACHABLE, reason="silent", status=away), LATER) is away
    bad = cluster_status(seen(Health.CREDENTIAL_PROBLEM, reason="no yaml", status=NEW), NOW)
    worse = cluster_status(seen(Health.CREDENTIAL_PROBLEM, reason="no https", status=bad), LATER)
    assert "no https" in sentence(worse)
    ready = find_condition(worse.conditions, "Ready")
    assert ready is not None
    assert ready.last_transition_time == NOW


def test_conditions_follow_the_generation_and_leave_the_rest_of_the_status_alone() -> None:
    status = replace(cluster_status(seen(Health.READY, status=NEW), NOW), observed_generation=7)
    meta = replace(CLUSTER.metadata, generation=2)
    view = replace(seen(Health.READY, status=status), cluster=replace(CLUSTER, metadata=meta, status=status))
    after = cluster_status(view, LATER)
    assert {each.observed_generation for each in after.conditions} == {2}
    assert replace(after, conditions=status.conditions) == status
