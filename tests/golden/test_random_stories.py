"""Whatever people and clusters do, in any order: the rules of the toy world hold, it comes to rest, and resting writes
nothing."""

from collections.abc import Callable, Mapping

from hypothesis import given
from hypothesis import strategies as st

from sym.model.codec import JSONMap, dig_str
from sym.model.kinds import ADVDEPLOYMENT, APPSET, DEPLOYMENT
from sym.model.meta import META
from sym.plan.types import Health
from tests.golden.world import World
from tests.make import BJ4, BJ5, appset, pod_set, stateful, two_clusters

GATE: JSONMap = {"needWaitingForConfirm": True}
APPS: tuple[JSONMap, ...] = (
    two_clusters(),
    two_clusters("v2"),
    two_clusters("broken"),
    two_clusters("v2", 0),
    two_clusters("v3", 3, strategy=GATE),
    two_clusters("v4", strategy={"paused": True}),
    appset({BJ4: [pod_set("bbcc-gz01b-blue", "50%"), pod_set("bbcc-gz01b-green", None)]}, replicas=5),
    appset({BJ5: [pod_set("bbcc-gz01b-blue"), pod_set("bbcc-gz01a-blue")]}),
    appset({BJ4: [pod_set("bbcc-gz01b-blue", "50%")]}),
    stateful("v2"),
    stateful("v3", 2, partition=1),
    stateful("v3", podManagementPolicy="Parallel"),
)
Step = Callable[[World], None]


def applies(number: int) -> Step:
    return lambda world: world.apply(APPS[number])


def turns(cluster: str, health: Health | None) -> Step:
    return lambda world: world.health(cluster, health)


def deletes(cluster: str) -> Step:
    def step(world: World) -> None:
        if (cluster, ADVDEPLOYMENT, "default", "bbcc") in world.objects:
            world.delete(cluster, ADVDEPLOYMENT)

    return step


def passes(rounds: int) -> Step:
    def step(world: World) -> None:
        for _ in range(rounds):
            world.round()

    return step


def replaces(world: World) -> None:
    world.replace(META, APPSET)


CLUSTERS = st.sampled_from([BJ4, BJ5])
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.builds(applies, st.integers(0, len(APPS) - 1)),
    st.builds(
        turns, CLUSTERS, st.sampled_from([Health.READY, Health.UNREACHABLE, Health.CONNECTING, Health.MAINTAINING])
    ),
    st.builds(deletes, CLUSTERS),
    st.builds(passes, st.integers(1, 8)),
    st.just(replaces),
)


def told(steps: list[Step]) -> World:
    """A world in which these things happened, every cluster is reachable again, and all has come to rest."""
    world = World(BJ4, BJ5)
    world.apply(APPS[0])
    for step in steps:
        step(world)
    for cluster in (BJ4, BJ5):
        world.health(cluster, Health.READY)
    world.settle()
    return world


def workloads(world: World) -> Mapping[str, tuple[int, str]]:
    """Replicas and image by Deployment."""
    return {
        f"{each.metadata.name}@{cluster}": (
            each.spec.replicas,
            dig_str(each.spec.template, "spec", "containers", 0, "image"),
        )
        for cluster in (BJ4, BJ5)
        for each in world.deployments(cluster)
    }


@given(st.lists(STEPS, max_size=12))
def test_every_story_ends_as_the_last_spec_says(steps: list[Step]) -> None:
    world = told(steps)
    world.apply(APPS[1])
    world.settle()
    app = world.appset_view().app
    assert app.status.aggr_status.status.value == "Running"
    assert workloads(world) == {
        f"bbcc-gz01b-blue@{BJ4}": (2, "dmall/bbcc:v2"),
        f"bbcc-gz01a-blue@{BJ5}": (2, "dmall/bbcc:v2"),
    }
    writes = world.writes
    for _ in range(5):
        world.round()
    assert world.writes == writes


@given(st.lists(STEPS, max_size=12))
def test_every_story_can_be_ended_without_a_trace(steps: list[Step]) -> None:
    world = told(steps)
    world.delete(META, APPSET)
    world.settle()
    assert not world.objects


@given(st.lists(STEPS, max_size=12))
def test_pods_of_a_member_that_is_away_are_not_touched(steps: list[Step]) -> None:
    world = told(steps)
    world.health(BJ5, Health.UNREACHABLE)
    before = {place: body for place, body in world.of_kind(DEPLOYMENT).items() if place[0] == BJ5}
    world.apply(APPS[8])
    world.settle()
    world.apply(APPS[1])
    world.settle()
    world.delete(META, APPSET)
    world.settle()
    assert {place: body for place, body in world.of_kind(DEPLOYMENT).items() if place[0] == BJ5} == before
    assert not before or (META, APPSET, "default", "bbcc") in world.objects
