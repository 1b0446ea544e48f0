"""How a cluster is emptied: no step is skipped, nothing missing is taken for gone."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from sym.model import names
from sym.model.codec import dig
from sym.plan.emptying import FRESH, RECHECK, Emptying, empty, unusable
from sym.plan.ownership import Tombstone
from sym.plan.types import Apply, Create, Delete, Gone, Health, Measure, MemberState, Owner
from sym.plan.views import AppSetView
from tests.golden.world import FLEET, START, World
from tests.make import BJ4, BJ5, two_clusters

NOW = START + timedelta(minutes=5)


def view() -> AppSetView:
    """A view in which both clusters run."""
    world = World(BJ4, BJ5)
    world.apply(two_clusters())
    world.settle()
    return world.appset_view()


VIEW = view()
OWNER = Owner(fleet_id=FLEET, app_id="app-1", namespace="default", name="bbcc")
CHILD = VIEW.children[BJ4]
STONE = Tombstone(app_id="app-1", epoch=0, uid=CHILD.metadata.uid)
EMPTY = replace(VIEW, children={})
CLEAN = Gone(cluster=BJ4, owner=OWNER, at=NOW)


def buried(stone: Tombstone, *, deleting: bool = False) -> AppSetView:
    """The view in which the child bears a tombstone."""
    annotations = {**CHILD.metadata.annotations, names.TOMBSTONE: stone.text}
    meta = replace(CHILD.metadata, annotations=annotations, deletion_timestamp=NOW if deleting else None)
    return replace(VIEW, children={BJ4: replace(CHILD, metadata=meta)})


def emptied(seen: AppSetView) -> Emptying:
    """The next step in one cluster."""
    return empty(seen, OWNER, [BJ4], NOW)


@pytest.mark.parametrize("health", [None, *(each for each in Health if each is not Health.READY)])
def test_a_cluster_that_cannot_be_used_waits(health: Health | None) -> None:
    members = {} if health is None else {BJ4: MemberState(name=BJ4, health=health, synced=True, reason="why")}
    step = emptied(replace(EMPTY, members=members, gone={BJ4: CLEAN}))
    assert not step.actions
    assert not step.confirmed
    assert step.waiting.keys() == {BJ4}


def test_a_cache_that_is_not_filled_says_nothing() -> None:
    members = {BJ4: MemberState(name=BJ4, health=Health.READY, synced=False)}
    step = emptied(replace(EMPTY, members=members, gone={BJ4: CLEAN}))
    assert (step.actions, step.confirmed) == ((), frozenset())
    assert "not all of it is known" in unusable(BJ4, members[BJ4])


def test_first_comes_the_tombstone() -> None:
    (action,) = emptied(VIEW).actions
    assert isinstance(action, Apply)
    assert dig(action.body, "metadata", "uid") == CHILD.metadata.uid
    assert dig(action.body, "metadata", "annotations") == {names.TOMBSTONE: STONE.text}
    assert "spec" not in action.body


@pytest.mark.parametrize(
    "stone", [replace(STONE, uid="other"), replace(STONE, app_id="other"), replace(STONE, epoch=-1)]
)
def test_a_tombstone_that_means_something_else_is_written_anew(stone: Tombstone) -> None:
    for deleting in (False, True):
        (action,) = emptied(buried(stone, deleting=deleting)).actions
        assert isinstance(action, Apply)


def test_then_the_delete_of_exactly_this_object() -> None:
    (action,) = emptied(buried(STONE)).actions
    assert isinstance(action, Delete)
    assert (action.uid, action.resource_version) == (CHILD.metadata.uid, CHILD.metadata.resource_version)
    assert (action.owner, action.tombstone) == (OWNER, True)


def test_then_the_worker_has_its_time() -> None:
    step = emptied(buried(STONE, deleting=True))
    assert (step.actions, step.confirmed) == ((), frozenset())


def test_a_child_that_is_not_in_the_cache_is_looked_for() -> None:
    assert emptied(EMPTY).actions == (Measure(cluster=BJ4, owner=OWNER),)


def test_a_foreign_child_is_left_alone() -> None:
    other = replace(OWNER, app_id="other")
    assert empty(VIEW, other, [BJ4], NOW).actions == (Measure(cluster=BJ4, owner=other),)


def test_only_a_live_look_confirms() -> None:
    step = emptied(replace(EMPTY, gone={BJ4: CLEAN}))
    assert (step.confirmed, step.waiting, step.actions) == (frozenset({BJ4}), {}, ())


@pytest.mark.parametrize(
    "answer",
    [
        replace(CLEAN, at=NOW - FRESH - timedelta(seconds=1)),
        replace(CLEAN, owner=replace(OWNER, app_id="other")),
        replace(CLEAN, child=True, at=NOW - RECHECK * 2),
        replace(CLEAN, workloads=("Deployment x",), at=NOW - RECHECK * 2),
    ],
)
def test_an_old_answer_and_one_about_another_are_asked_again(answer: Gone) -> None:
    assert emptied(replace(EMPTY, gone={BJ4: answer})).actions == (Measure(cluster=BJ4, owner=OWNER),)


def test_a_child_that_only_the_server_still_has_is_waited_for() -> None:
    step = emptied(replace(EMPTY, gone={BJ4: replace(CLEAN, child=True)}))
    assert (step.actions, step.confirmed) == ((), frozenset())


def test_workloads_without_a_record_get_one_that_asks_for_nothing() -> None:
    step = emptied(replace(EMPTY, gone={BJ4: replace(CLEAN, workloads=("Deployment default/x",))}))
    (action,) = step.actions
    assert isinstance(action, Create)
    assert dig(action.body, "spec", "topology") in (None, {})
    assert "Deployment default/x" in step.waiting[BJ4]
