"""The forecast: the planner played over copies. What it says is what then happens."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sym.model.advdeployment import AdvDeployment
from sym.model.codec import JSON, JSONMap, convert, dig_list, dig_map
from sym.model.kinds import ADVDEPLOYMENT, APPSET
from sym.model.meta import META
from sym.plan.forecast import AT_LAST, AT_ONCE, Forecast, PodSetChange, forecast
from sym.plan.types import Action, Apply, Create, Delete, Health
from tests.golden.world import World
from tests.make import BJ4, BJ5, appset, pod_set, two_clusters

GATES: JSONMap = {"upgradeType": "canary", "canaryClusters": [BJ4], "needWaitingForConfirm": True}


def running(app: JSONMap) -> World:
    """A world in which `app` runs."""
    world = World(BJ4, BJ5)
    world.apply(app)
    world.settle()
    return world


def told(world: World) -> Forecast:
    """The forecast of what the world would do."""
    return forecast(world.appset_view(), world.now)


def shown(found: Forecast) -> list[tuple[str, bool, list[tuple[str, str]]]]:
    """The stages: name, gate, podSets with what happens to them."""
    return [(each.name, each.gate, [(one.name, one.verb) for one in each.changes]) for each in found.stages]


def test_a_first_installation_goes_everywhere_at_once() -> None:
    world = World(BJ4, BJ5)
    world.apply(two_clusters(strategy=GATES))
    found = told(world)
    both = [("bbcc-gz01b-blue", "create"), ("bbcc-gz01a-blue", "create")]
    assert (shown(found), found.stands, found.emptied) == ([(AT_ONCE, False, both)], "", ())
    assert {each.restarts for each in found.changes} == {0}


def test_content_goes_wave_by_wave_and_gates_are_told() -> None:
    world = running(two_clusters(strategy=GATES))
    world.apply(two_clusters("v2", 3, strategy=GATES))
    found = told(world)
    assert shown(found) == [
        (AT_ONCE, False, [("bbcc-gz01b-blue", "scale"), ("bbcc-gz01a-blue", "scale")]),
        ("blue@tcc-bj4", True, [("bbcc-gz01b-blue", "update")]),
        ("blue@tcc-bj5", False, [("bbcc-gz01a-blue", "update")]),
    ]
    assert found.stages[1].changes == (
        PodSetChange(cluster=BJ4, name="bbcc-gz01b-blue", before="v1", after="v2", had=3, has=3, content=True),
    )
    assert [each.restarts for each in found.changes] == [0, 0, 3, 3]


def test_what_is_dropped_goes_last() -> None:
    world = running(two_clusters())
    world.apply(appset({BJ4: [pod_set("bbcc-gz01b-blue", 2, "v2")]}))
    found = told(world)
    assert shown(found) == [
        ("all@tcc-bj4", False, [("bbcc-gz01b-blue", "update")]),
        (AT_LAST, False, [("bbcc-gz01a-blue", "delete")]),
    ]
    assert (found.emptied, found.stands) == ((BJ5,), "")


def test_what_stands_in_the_way_is_told() -> None:
    world = running(two_clusters())
    world.health(BJ5, Health.UNREACHABLE)
    world.apply(two_clusters("v2"))
    found = told(world)
    assert shown(found) == [("all@tcc-bj4", False, [("bbcc-gz01b-blue", "update")])]
    assert found.stands.startswith("wave all@tcc-bj5: cluster tcc-bj5 is Unreachable")


def test_what_takes_time_is_gone_through() -> None:
    analysis: JSON = [{"name": "errors", "http": {"url": "https://x", "jsonPath": "$"}, "min": 1, "count": 3}]
    waves: JSON = [
        {"name": "first", "select": {"clusters": [BJ4]}, "bakeSeconds": 600},
        {"name": "rest", "analysis": [{"name": "most", "http": {"url": "https://x", "jsonPath": "$"}, "max": 1}]},
    ]
    world = running(two_clusters())
    world.apply(two_clusters("v2", strategy={"waves": waves, "analysis": analysis}))
    found = told(world)
    assert [each.name for each in found.stages] == ["first", "rest"]
    assert found.stands == ""


def test_nothing_to_do_is_nothing() -> None:
    world = running(two_clusters())
    assert told(world) == Forecast(children=told(world).children)
    world.apply(two_clusters("v2", strategy={"paused": True}))
    assert told(world).stages == ()
    assert told(world).stands.startswith("paused by spec.updateStrategy.paused")


def test_an_appset_that_cannot_be_followed_says_why() -> None:
    world = running(two_clusters())
    world.edit(lambda spec: spec.update({"replicas": 9}))
    assert told(world).stands.startswith("spec.replicas is 9")


def test_former_contents_that_go_change_nothing_else() -> None:
    def bounded(version: str) -> JSONMap:
        app = two_clusters(version)
        return {**app, "spec": {**dig_map(app, "spec"), "revisionHistoryLimit": 1}}

    world = running(bounded("v1"))
    for version in ("v2", "v3"):
        world.apply(bounded(version))
        world.settle()
    world.apply(bounded("v4"))
    found = told(world)
    assert [each.name for each in found.stages] == ["all@tcc-bj4", "all@tcc-bj5"]
    assert found.stands == ""


def test_what_has_no_end_is_told_so() -> None:
    world = running(two_clusters())
    world.apply(two_clusters("v2"))
    found = forecast(world.appset_view(), world.now, most=2)
    assert found.stands == "it does not come to an end within 2 steps"


# what it says is what happens


class Watched(World):
    """A world that notes what happens to podSets, and confirms gates."""

    def __init__(self, *members: str) -> None:
        super().__init__(*members)
        self.changes: list[tuple[str, str, str, int, int]] = []

    def _do(self, who: str, action: Action) -> None:
        if isinstance(action, Create | Apply) and action.kind == ADVDEPLOYMENT and "spec" in action.body:
            old = self.objects.get((action.cluster, ADVDEPLOYMENT, "default", "bbcc"))
            self.changes += _differences(old, action.body)
        if isinstance(action, Delete) and action.kind == ADVDEPLOYMENT:
            self.changes += _differences(self.objects[action.cluster, ADVDEPLOYMENT, "default", "bbcc"], None)
        super()._do(who, action)

    def to_the_end(self) -> None:
        """Until nothing happens any more, whoever has to confirm it."""
        while True:
            self.settle(200)
            place = (META, APPSET, "default", "bbcc")
            body = self.objects[place]
            rollout = dig_map(body, "status", "rollout")
            if rollout.get("phase") != "Waiting":
                return
            consent: JSONMap = {"gate": rollout["gate"], "hash": rollout["hash"]}
            rollout["confirmations"] = [*dig_list(rollout, "confirmations"), consent]
            self.put(META, APPSET, "bbcc", body)


def _differences(old: JSONMap | None, new: JSONMap | None) -> Iterator[tuple[str, str, str, int, int]]:
    before, after = _pod_sets(old), _pod_sets(new)
    for name in before.keys() | after.keys():
        one, other = before.get(name, ("", 0)), after.get(name, ("", 0))
        if one != other:
            yield name, one[0], other[0], one[1], other[1]


def _pod_sets(child: JSONMap | None) -> dict[str, tuple[str, int]]:
    if child is None:
        return {}
    found = convert({"metadata": {}, "spec": child["spec"]}, AdvDeployment)
    return {each.name: (each.version, each.replicas) for each in found.spec.topology.pod_sets}


GROUPS = ("canary", "blue", "green", "svc")


@st.composite
def apps(draw: st.DrawFn) -> JSONMap:
    """An AppSet over one or two clusters."""
    clusters: dict[str, list[JSONMap]] = {}
    for cluster, unit in ((BJ4, "gz01b"), (BJ5, "gz01a")):
        groups = draw(st.lists(st.sampled_from(GROUPS), unique=True, max_size=3))
        version = draw(st.sampled_from(("v1", "v2")))
        clusters[cluster] = [pod_set(f"bbcc-{unit}-{each}", draw(st.integers(0, 2)), version) for each in groups]
    kept = {name: pod_sets for name, pod_sets in clusters.items() if pod_sets}
    strategy: JSONMap = {"needWaitingForConfirm": draw(st.booleans())}
    upgrade = draw(st.sampled_from(("", "canary", "blue", "green")))
    strategy |= {"upgradeType": upgrade} if upgrade else {}
    canaries: JSON = [name for name in kept if draw(st.booleans())]
    return appset(kept or {BJ4: [pod_set("bbcc-gz01b-blue", 1)]}, strategy={**strategy, "canaryClusters": canaries})


@settings(max_examples=60, deadline=timedelta(seconds=5))
@given(first=apps(), second=apps())
def test_what_it_says_is_what_then_happens(first: JSONMap, second: JSONMap) -> None:
    world = Watched(BJ4, BJ5)
    world.apply(first)
    world.to_the_end()
    world.apply(second)
    found = told(world)
    world.changes.clear()
    world.to_the_end()
    said = [(each.name, each.before, each.after, each.had, each.has) for each in found.changes]
    assert _by_name(said) == _by_name(world.changes)
    assert found.stands == ""


def _by_name(changes: list[tuple[str, str, str, int, int]]) -> dict[str, list[tuple[str, str, int, int]]]:
    """What happens to each podSet, in order."""
    found: dict[str, list[tuple[str, str, int, int]]] = {}
    for name, before, after, had, has in changes:
        found.setdefault(name, []).append((before, after, had, has))
    return found


@pytest.mark.parametrize("health", [Health.CREDENTIAL_PROBLEM, Health.MAINTAINING])
def test_a_cluster_that_is_away_keeps_a_first_installation_from_its_end(health: Health) -> None:
    world = World(BJ4, BJ5)
    world.apply(two_clusters())
    view = world.appset_view()
    away = replace(view.members[BJ5], health=health, synced=False)
    found = forecast(replace(view, members={**view.members, BJ5: away}), world.now)
    assert [each.cluster for each in found.changes] == [BJ4]
    assert BJ5 in found.stands
