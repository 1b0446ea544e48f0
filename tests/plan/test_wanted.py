"""What may be written now: gates hold content, never counts; what is dropped goes last; injected values stay."""

from collections.abc import Callable

from msgspec.structs import replace

from sym.model import names
from sym.model.advdeployment import ChildPodSet
from sym.model.appset import AppSet, AppSetStatus, ClusterTopology, Inject, TopologyCluster
from sym.model.codec import JSON, JSONMap, convert, dig_map, encode, parse_map
from sym.model.kinds import ADVDEPLOYMENT, APPSET, CONTROLLER_REVISION, DEPLOYMENT
from sym.plan.child import held, refreshed
from sym.plan.content import content_hash, revision
from sym.plan.ownership import Mark
from sym.plan.types import Health, MemberState, Owner
from sym.plan.views import AppSetView
from sym.plan.wanted import Wanted, first_installation, wanted
from tests.golden.world import FLEET, START, World
from tests.make import BJ4, BJ5, appset, pod_set, two_clusters

V1 = ChildPodSet(name="a-blue", replicas=2, revision="r1", meta={"zone": "old"}, version="v1")
V2 = ChildPodSet(name="a-blue", replicas=5, revision="r2", meta={"zone": "new"}, version="v2", max_surge=1)
BOTH = ("bbcc-gz01b-blue", "bbcc-gz01a-blue")
GATE: JSONMap = {"needWaitingForConfirm": True}


def test_held_and_refreshed_differ_in_the_strategy_only() -> None:
    assert replace(held(V1, V2), max_surge=1) == refreshed(V1, V2)


def running(app: JSONMap) -> World:
    """A world in which `app` runs."""
    world = World(BJ4, BJ5)
    world.apply(app)
    world.settle()
    return world


def decide(view: AppSetView) -> Wanted:
    """What is wanted in a view."""
    mark = Mark.of(view.app)
    assert mark is not None
    return wanted(view, owner_of_app(mark.app_id), mark, START)


def owner_of_app(app_id: str) -> Owner:
    """The owner of what belongs to the AppSet bbcc."""
    return Owner(fleet_id=FLEET, app_id=app_id, namespace="default", name="bbcc")


def edited(world: World, change: Callable[[JSONMap], None]) -> Wanted:
    """What is wanted after a change of the spec."""
    world.edit(change)
    return decide(world.appset_view())


def test_new_content_is_recorded_before_it_is_written_and_then_goes_wave_by_wave() -> None:
    world = running(two_clusters())
    assert edited(world, lambda spec: spec.update(dig_map(two_clusters("v2"), "spec"))).withheld == BOTH
    for _ in range(2):  # the revision, then its record
        world.round_of_the_master()
    assert decide(world.appset_view()).withheld == BOTH[1:]


def test_a_first_installation_waits_at_no_gate_until_its_content_changes() -> None:
    world = World(BJ4, BJ5)
    world.apply(two_clusters(strategy=GATE))
    world.round_of_the_master()
    view = world.appset_view()
    mark = Mark.of(view.app)
    assert mark is not None
    owner = owner_of_app(mark.app_id)
    assert first_installation(view, owner, mark)
    assert not first_installation(replace(view, revisions=None), owner, mark)
    world.apply(two_clusters("v2", strategy=GATE))
    assert not first_installation(world.appset_view(), owner, mark)


def test_nothing_is_a_first_installation_once_a_revision_stands() -> None:
    world = running(two_clusters(strategy=GATE))
    view = world.appset_view()
    mark = Mark.of(view.app)
    assert mark is not None
    lost = replace(view, app=replace(view.app, status=AppSetStatus()))
    assert not first_installation(lost, owner_of_app(mark.app_id), mark)
    assert first_installation(replace(lost, revisions=()), owner_of_app(mark.app_id), mark)


def test_what_ran_everywhere_last_passes_the_gate_again() -> None:
    world = running(two_clusters(strategy=GATE))
    world.forget(BJ4, ADVDEPLOYMENT)
    want = decide(world.appset_view())
    assert want.withheld == ()
    assert [each.name for each in want.children[BJ4].spec.topology.pod_sets] == ["bbcc-gz01b-blue"]


def test_a_podset_added_behind_a_gate_starts_if_its_group_runs_its_revision() -> None:
    world = running(two_clusters(strategy=GATE))
    more = [pod_set("bbcc-gz01b-blue"), pod_set("bbcc-gz02b-blue"), pod_set("bbcc-gz02b-green")]
    spec = dig_map(appset({BJ4: more, BJ5: [pod_set("bbcc-gz01a-blue")]}, strategy=GATE), "spec")
    want = edited(world, lambda old: old.update(spec))
    assert want.withheld == ("bbcc-gz02b-green",)
    assert [each.name for each in want.children[BJ4].spec.topology.pod_sets] == ["bbcc-gz01b-blue", "bbcc-gz02b-blue"]


def test_a_dropped_podset_stays_until_all_else_runs() -> None:
    world = running(two_clusters())
    spec = dig_map(appset({BJ4: [], BJ5: [pod_set("bbcc-gz01a-blue", 5)]}), "spec")
    want = edited(world, lambda old: old.update(spec))
    assert want.leaving == ("bbcc-gz01b-blue",)
    assert (want.desired, want.counts[BJ4], want.settled) == (5, 2, False)


def test_a_changed_cluster_meta_alone_changes_nothing() -> None:
    world = running(two_clusters())
    view = world.appset_view()
    members = {name: replace(member, meta={names.ZONE: "elsewhere"}) for name, member in view.members.items()}
    want = decide(replace(view, members=members))
    assert all(child.spec == view.children[name].spec for name, child in want.children.items())
    assert want.settled


def test_metadata_of_cluster_topology_and_podset_in_this_order() -> None:
    member = MemberState(name=BJ4, health=Health.READY, synced=True, meta={"a": "1", "b": "1", "c": "1"})
    body = appset({BJ4: [pod_set("bbcc-blue", meta={"c": "3"})]})
    app = convert(body, AppSet)
    place = replace(app.spec.cluster_topology.clusters[0], meta={"b": "2", "c": "2"})
    topology = replace(app.spec.cluster_topology, clusters=(place,))
    app = replace(app, spec=replace(app.spec, cluster_topology=topology))
    view = AppSetView(app=app, members={BJ4: member}, children={}, fleet_id=FLEET, new_app_id="x")
    mark = Mark(app_id="x", install_hash=content_hash(app.spec, "bbcc"))
    entry = wanted(view, owner_of_app("x"), mark, START).children[BJ4].spec.topology.pod_sets[0]
    assert entry.meta == {"a": "1", "b": "2", "c": "3", names.CLUSTER_INFO: BJ4}
    assert entry.inject == Inject(env=True, affinity=False, spread=False)


def test_the_service_name_becomes_a_label() -> None:
    app = convert(appset({BJ4: [pod_set("bbcc-blue")]}, serviceName="inner.bbcc", labels={"team": "x"}), AppSet)
    view = AppSetView(app=app, members={}, children={}, fleet_id=FLEET, new_app_id="x")
    mark = Mark(app_id="x", install_hash=content_hash(app.spec, "bbcc"))
    child = wanted(view, owner_of_app("x"), mark, START).children[BJ4]
    assert child.labels == {
        "team": "x",
        "app": "bbcc",
        names.SERVICE_DOMAIN: "inner.bbcc",
        names.CLUSTER_INFO: BJ4,
    }


def empty_maps(value: JSON, path: str = "") -> list[str]:
    """Where `value` holds an empty map, templates aside."""
    if value == {}:
        return [path]
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, each in pairs if key != "template" for found in empty_maps(each, f"{path}.{key}")]


def test_a_child_is_applied_without_empty_maps() -> None:
    """A kube-apiserver 1.34 makes null of a map whose owned fields an apply takes out, and then refuses the object:
    without this a taken out minReadySeconds stopped every later write."""
    world = running(two_clusters(strategy={"minReadySeconds": 1}))
    world.apply(two_clusters())
    world.settle()
    view = world.appset_view()
    for child in decide(view).children.values():
        for body in (child.apply(view.children[child.cluster]).body, child.create().body):
            assert empty_maps(body) == []


def test_no_child_is_wanted_without_a_podset() -> None:
    """Its worker could not tell it from a record that lost them."""
    world = running(two_clusters())
    both = [pod_set("bbcc-gz01b-blue"), pod_set("bbcc-gz01a-blue")]
    world.apply(appset({BJ4: [], BJ5: both}))
    first = decide(world.appset_view())
    assert (set(first.children), set(first.leaving)) == ({BJ4, BJ5}, {"bbcc-gz01b-blue"})
    assert first.occupied == {BJ4, BJ5}
    world.settle()
    later = decide(world.appset_view())
    assert (set(later.children), set(later.leaving)) == ({BJ5}, set[str]())
    assert later.occupied == {BJ5}


def test_a_cluster_whose_only_podset_waits_at_a_gate_is_not_emptied() -> None:
    world = running(appset({BJ4: [pod_set("bbcc-gz01b-blue")]}, strategy=GATE))
    clusters = {BJ4: [pod_set("bbcc-gz01b-blue")], BJ5: [pod_set("bbcc-gz01a-green", version="v2")]}
    world.apply(appset(clusters, strategy=GATE))
    want = decide(world.appset_view())
    assert (set(want.children), set(want.withheld)) == ({BJ4}, {"bbcc-gz01a-green"})
    assert want.occupied == {BJ4, BJ5}


def of_an_older_sym(app: JSONMap) -> World:
    """A world in which `app` runs, under hashes that leave out the meta of topology entries."""
    world = running(app)
    spec = world.appset_view().app.spec
    bare = replace(
        spec,
        cluster_topology=ClusterTopology(
            clusters=tuple(replace(place, meta={}) for place in spec.cluster_topology.clusters)
        ),
    )
    hashes = [(content_hash(spec, "bbcc"), content_hash(bare, "bbcc"))]
    for place in spec.cluster_topology.clusters:
        hashes += [
            (revision(spec, "bbcc", place, each), revision(spec, "bbcc", TopologyCluster(), each))
            for each in place.pod_sets
        ]
    for where, body in list(world.objects.items()):
        if where[1] == CONTROLLER_REVISION:
            del world.objects[where]
            continue
        text = encode(body).decode()
        for new, old in hashes:
            assert new != old
            text = text.replace(new, old)
        world.objects[where] = parse_map(text)
        if where[1] == APPSET:
            dig_map(world.objects[where], "status")["rollout"] = {"finished": hashes[0][1]}
    world.log.clear()
    return world


def with_meta(zone: str) -> JSONMap:
    """An AppSet whose topology entry has meta, with a gate."""
    app = appset({BJ4: [pod_set("bbcc-gz01b-blue")]}, strategy=GATE)
    dig_map(app, "spec", "clusterTopology", "clusters", 0)["meta"] = {"zone": zone}
    return app


def test_a_new_sym_neither_restarts_nor_holds_what_an_older_one_rolled_out() -> None:
    world = of_an_older_sym(with_meta("a"))
    before = world.of_kind(DEPLOYMENT), world.of_kind(ADVDEPLOYMENT)
    world.settle()
    assert (world.of_kind(DEPLOYMENT), world.of_kind(ADVDEPLOYMENT)) == before
    status = world.appset_view().app.status
    assert status.rollout.finished == content_hash(world.appset_view().app.spec, "bbcc")
    assert not [line for line in world.log if "status" in line and " Ready " not in line]
    want = decide(world.appset_view())
    assert (want.settled, want.withheld) == (True, ())


def test_a_changed_meta_of_the_topology_entry_is_new_content() -> None:
    for world in (running(with_meta("a")), of_an_older_sym(with_meta("a"))):
        world.apply(with_meta("b"))
        assert decide(world.appset_view()).withheld == ("bbcc-gz01b-blue",)
