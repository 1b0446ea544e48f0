"""The master's decisions that stories do not tell: guards, restored marks, what a status says and when."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from sym.model import names
from sym.model.advdeployment import AdvDeployment
from sym.model.appset import AppSetStatus, AppStatus, PodStatusInfo, WarnEvent
from sym.model.codec import JSONMap, dig, dig_map
from sym.model.conditions import Condition, find_condition
from sym.model.kinds import APPSET, CONTROLLER_REVISION
from sym.model.meta import META
from sym.plan.appset import plan_appset
from sym.plan.types import Apply, Create, Emit, Finalize, Health, MemberState, Plan
from sym.plan.views import AppSetView
from tests.golden.world import FLEET, START, World
from tests.make import BJ4, BJ5, appset, pod_set, two_clusters

NOW = START + timedelta(minutes=5)


def running(app: JSONMap | None = None) -> World:
    """A world in which an AppSet runs."""
    world = World(BJ4, BJ5)
    world.apply(app or two_clusters())
    world.settle()
    return world


VIEW = running().appset_view()


def planned(view: AppSetView) -> Plan[AppSetStatus]:
    """The plan, long after anything was created."""
    return plan_appset(view, NOW)


def told(view: AppSetView) -> AppSetStatus:
    """The status that is planned."""
    status = planned(view).status
    assert status is not None
    return status


def why(status: AppSetStatus, type_: str = names.READY) -> tuple[str, str]:
    """Status and reason of a condition."""
    condition = find_condition(status.conditions, type_)
    assert condition is not None
    return condition.status, condition.reason


def with_member(view: AppSetView, cluster: str, health: Health, *, synced: bool = False) -> AppSetView:
    """The view with another state of a member."""
    state = MemberState(name=cluster, health=health, synced=synced, seen=START)
    return replace(view, members={**view.members, cluster: state})


def with_child(view: AppSetView, cluster: str, change: Callable[[AdvDeployment], AdvDeployment]) -> AppSetView:
    """The view with another child."""
    return replace(view, children={**view.children, cluster: change(view.children[cluster])})


def saying(state: AppStatus) -> Callable[[AdvDeployment], AdvDeployment]:
    """A child whose worker says this state."""

    def change(child: AdvDeployment) -> AdvDeployment:
        counts = replace(child.status.aggr_status, status=state)
        return replace(child, status=replace(child.status, aggr_status=counts))

    return change


def test_nothing_is_written_where_nothing_has_changed() -> None:
    plan = planned(VIEW)
    assert plan.actions == ()
    assert plan.status is VIEW.app.status


def test_an_invalid_appset_is_not_even_marked() -> None:
    world = World(BJ4)
    world.apply(appset({BJ4: [pod_set("a-blue"), pod_set("a-blue")]}))
    plan = planned(world.appset_view())
    assert [type(action) for action in plan.actions] == [Emit]
    assert plan.status is not None
    assert why(plan.status, names.STALLED) == ("True", "InvalidSpec")
    assert plan.status.aggr_status.status is AppStatus.INSTALLING


def test_what_runs_keeps_running_under_an_invalid_spec() -> None:
    world = running()
    world.edit(lambda spec: dig_map(spec, "podSpec").update({"deployType": "magic"}))
    plan = planned(world.appset_view())
    assert [type(action) for action in plan.actions] == [Emit]
    assert plan.status is not None
    assert plan.status.aggr_status.status is AppStatus.UPDATING
    assert (plan.status.aggr_status.available, plan.status.aggr_status.desired) == (4, 4)


def test_a_share_of_nothing_stalls() -> None:
    world = running(appset({BJ4: [pod_set("bbcc-blue", "50%")]}, replicas=4))
    world.edit(lambda spec: spec.pop("replicas"))
    status = told(world.appset_view())
    assert why(status, names.STALLED) == ("True", "ReplicasRequired")
    assert status.aggr_status.status is AppStatus.SCALING
    view = with_member(world.appset_view(), BJ4, Health.UNREACHABLE)
    assert told(view).aggr_status.status is AppStatus.UNKNOWN


@pytest.mark.parametrize("health", [Health.CONNECTING, Health.READY])
def test_a_cluster_that_is_only_being_connected_to_changes_no_status(health: Health) -> None:
    """After a restart of Sym all clusters look like this for a moment."""
    plan = planned(with_member(VIEW, BJ4, health))
    assert plan.actions == ()
    assert plan.status is VIEW.app.status


def test_a_new_generation_is_told_even_while_a_cluster_is_being_connected_to() -> None:
    world = running()
    world.edit(lambda spec: spec.update({"labels": {"a": "b"}}))
    status = told(with_member(world.appset_view(), BJ4, Health.CONNECTING))
    assert why(status) == ("False", "ClusterUnreachable")
    assert [row.status for row in status.aggr_status.clusters] == ["Connecting", "Running"]


@pytest.mark.parametrize("health", [Health.UNREACHABLE, Health.DEGRADED, Health.CREDENTIAL_PROBLEM, Health.MAINTAINING])
def test_a_cluster_in_trouble_is_a_row_with_its_state_and_age(health: Health) -> None:
    status = told(with_member(VIEW, BJ4, health))
    row, other = status.aggr_status.clusters
    assert (row.status, row.observed_at, row.available) == (health, START, 2)
    assert (other.status, other.observed_at) == ("Running", None)
    assert status.aggr_status.status is AppStatus.UNKNOWN
    assert (status.aggr_status.desired, status.aggr_status.available, status.replicas) == (4, 2, 2)
    assert why(status) == ("False", "ClusterUnreachable")


def test_the_age_of_a_row_does_not_move_while_the_cluster_is_away() -> None:
    first = with_member(VIEW, BJ4, Health.UNREACHABLE)
    view = replace(first, app=replace(first.app, status=told(first)))
    later = MemberState(name=BJ4, health=Health.UNREACHABLE, seen=START + timedelta(seconds=9))
    assert planned(replace(view, members={**view.members, BJ4: later})).status is view.app.status


def test_an_unregistered_cluster_has_its_own_reason() -> None:
    view = replace(VIEW, members={BJ5: VIEW.members[BJ5]}, children={BJ5: VIEW.children[BJ5]})
    status = told(view)
    assert why(status) == ("False", "ClusterNotRegistered")
    assert status.aggr_status.clusters[0].status == "NotRegistered"
    assert planned(view).actions == ()


@pytest.mark.parametrize("state", [AppStatus.DEGRADED, AppStatus.SCALING, AppStatus.UPDATING, AppStatus.INSTALLING])
def test_a_childs_state_is_the_apps(state: AppStatus) -> None:
    status = told(with_child(VIEW, BJ4, saying(state)))
    assert status.aggr_status.status is state
    assert why(status) == ("False", state)


def failing(reason: str, message: str, generation: int = 0) -> Callable[[AdvDeployment], AdvDeployment]:
    """A child whose worker says that something fails; `generation` of the child, where it is newer than that word."""

    def change(child: AdvDeployment) -> AdvDeployment:
        ready = Condition(type=names.READY, status="False", reason=reason, message=message)
        made = saying(AppStatus.UPDATING)(replace(child, status=replace(child.status, conditions=(ready,))))
        return replace(made, metadata=replace(made.metadata, generation=generation or made.metadata.generation))

    return change


def test_what_a_cluster_tries_again_is_told() -> None:
    both = with_child(VIEW, BJ4, failing("ServerError", "Deployment a: etcd is ill"))
    both = with_child(both, BJ5, failing("ServerError", f"cluster {BJ5!r}, Deployment b: etcd is ill"))
    status = told(both)
    ready = find_condition(status.conditions, names.READY)
    assert ready is not None
    assert (ready.status, ready.reason) == ("False", "ServerError")
    assert ready.message == f"cluster {BJ4}: Deployment a: etcd is ill; cluster {BJ5!r}, Deployment b: etcd is ill"
    assert why(status, names.RECONCILING) == ("True", "ServerError")
    assert next(row.message for row in status.aggr_status.clusters) == "Deployment a: etcd is ill"


def test_what_a_cluster_tries_again_stands_beside_what_is_away() -> None:
    view = with_member(with_child(VIEW, BJ4, failing("ServerError", "it fails")), BJ5, Health.UNREACHABLE)
    ready = find_condition(told(view).conditions, names.READY)
    assert ready is not None
    assert ready.reason == "ClusterUnreachable"
    assert ready.message.startswith(f"cluster {BJ5} is Unreachable")
    assert ready.message.endswith(f"; cluster {BJ4}: it fails")


@pytest.mark.parametrize(
    "change", [failing("Updating", "1 of 2 pods are available"), failing("ServerError", "it fails", generation=9)]
)
def test_mere_progress_and_old_words_are_not_told_as_trouble(
    change: Callable[[AdvDeployment], AdvDeployment],
) -> None:
    ready = find_condition(told(with_child(VIEW, BJ4, change)).conditions, names.READY)
    assert ready is not None
    assert ready.message == "waiting until the clusters run what the spec asks"


def test_a_state_that_nobody_knows_is_a_change() -> None:
    assert told(with_child(VIEW, BJ4, saying(AppStatus("New")))).aggr_status.status is AppStatus.UPDATING


def test_running_needs_proof_not_only_the_word() -> None:
    def fewer(child: AdvDeployment) -> AdvDeployment:
        (pod_set,) = child.status.aggr_status.pod_sets
        counts = replace(child.status.aggr_status, pod_sets=(replace(pod_set, available=1),))
        return replace(child, status=replace(child.status, aggr_status=counts))

    status = told(with_child(VIEW, BJ4, fewer))
    assert status.aggr_status.status is AppStatus.UPDATING
    assert why(status)[0] == "False"


def test_a_child_that_its_worker_has_not_seen_proves_nothing() -> None:
    def newer(child: AdvDeployment) -> AdvDeployment:
        return replace(child, metadata=replace(child.metadata, generation=9))

    assert told(with_child(VIEW, BJ4, newer)).aggr_status.status is AppStatus.SCALING


@pytest.mark.parametrize("changes", [{"revision": "older"}, {"update": 1}])
def test_a_child_whose_new_content_was_not_seen_yet_is_updating_not_scaling(changes: dict[str, str | int]) -> None:
    def newer(child: AdvDeployment) -> AdvDeployment:
        (pod_set,) = child.status.aggr_status.pod_sets
        counts = replace(child.status.aggr_status, pod_sets=(replace(pod_set, **changes),))
        status = replace(child.status, aggr_status=counts)
        return replace(child, metadata=replace(child.metadata, generation=9), status=status)

    assert told(with_child(VIEW, BJ4, newer)).aggr_status.status is AppStatus.UPDATING


def test_pods_that_move_between_groups_are_a_ratio() -> None:
    clusters = {BJ4: [pod_set("bbcc-gz01b-blue", 3), pod_set("bbcc-gz01b-green", 1)]}
    world = running(appset(clusters))
    world.apply(appset({BJ4: [pod_set("bbcc-gz01b-blue", 1), pod_set("bbcc-gz01b-green", 3)]}))
    assert told(world.appset_view()).aggr_status.status is AppStatus.WORK_RATIOING


def test_a_label_that_is_no_longer_wanted_is_taken_back() -> None:
    world = running(appset({BJ4: [pod_set("bbcc-blue")]}, labels={"team": "x"}))
    world.edit(lambda spec: spec.pop("labels"))
    (action,) = planned(world.appset_view()).actions
    assert isinstance(action, Apply)
    assert "team" not in dig_map(action.body, "metadata", "labels")


def test_fields_left_to_others_are_named_on_the_children() -> None:
    world = running()
    world.annotate(names.IGNORE_FIELDS, "spec.paused")
    actions = planned(world.appset_view()).actions
    assert [
        dig(each.body, "metadata", "annotations", names.IGNORE_FIELDS) for each in actions if isinstance(each, Apply)
    ] == [
        "spec.paused",
        "spec.paused",
    ]
    world.settle()
    assert planned(world.appset_view()).actions == ()
    world.annotate(names.IGNORE_FIELDS, "")
    taken = [each for each in planned(world.appset_view()).actions if isinstance(each, Apply)]
    assert len(taken) == 2
    assert all(names.IGNORE_FIELDS not in dig_map(each.body, "metadata", "annotations") for each in taken)
    world.annotate(names.IGNORE_FIELDS, "spec.template")
    status = told(world.appset_view())
    assert why(status, names.STALLED) == ("True", "InvalidSpec")
    assert "'spec.template': this is what Sym rolls out" in status.conditions[0].message


def test_a_deleting_child_is_waited_for() -> None:
    def dying(child: AdvDeployment) -> AdvDeployment:
        return replace(child, metadata=replace(child.metadata, deletion_timestamp=NOW))

    plan = planned(with_child(VIEW, BJ4, dying))
    assert plan.actions == ()


def test_every_write_names_the_object_that_was_read() -> None:
    world = running()
    world.apply(two_clusters("v2"))
    world.round_of_the_master()
    view = world.appset_view()
    actions = planned(view).actions
    assert actions
    for action in actions:
        assert isinstance(action, Apply)
        meta = view.children[action.cluster].metadata
        assert dig(action.body, "metadata", "uid") == meta.uid
        assert dig(action.body, "metadata", "resourceVersion") == meta.resource_version
        assert not action.force


def test_no_child_is_written_before_its_cluster_stands_in_the_mark() -> None:
    world = World(BJ4)
    world.apply(two_clusters())
    world.round()
    joined = with_member(world.appset_view(), BJ5, Health.READY, synced=True)
    plan = planned(joined)
    assert [(type(action), action.cluster) for action in plan.actions] == [(Apply, META), (Create, BJ4)]


def test_the_mark_is_repaired_even_while_paused() -> None:
    world = running(two_clusters(strategy={"paused": True}))
    world.replace(META, APPSET)
    mark, revision = planned(world.appset_view()).actions
    assert isinstance(mark, Apply)
    assert mark.kind == APPSET
    assert isinstance(revision, Create)
    assert revision.kind == CONTROLLER_REVISION


def test_paused_and_complete_is_ready() -> None:
    world = running()
    world.edit(lambda spec: spec.update({"updateStrategy": {"paused": True}}))
    status = told(world.appset_view())
    assert status.aggr_status.status is AppStatus.PAUSED
    assert (why(status)[0], why(status, names.PAUSED)[0]) == ("True", "True")


def test_a_paused_first_installation_writes_no_child() -> None:
    world = World(BJ4, BJ5)
    world.apply(two_clusters(strategy={"paused": True}))
    world.round()
    assert planned(world.appset_view()).actions == ()


def test_deletion_ends_with_the_finalizers_of_others_in_place() -> None:
    world = World(BJ4, BJ5)
    world.apply(two_clusters())
    view = world.appset_view()
    finalizers = ("other", names.FINALIZER, names.ANCESTOR_FINALIZER)
    meta = replace(view.app.metadata, deletion_timestamp=NOW, finalizers=finalizers)
    (action,) = planned(replace(view, app=replace(view.app, metadata=meta))).actions
    assert isinstance(action, Finalize)
    assert action.finalizers == ("other",)
    plan = planned(replace(view, app=replace(view.app, metadata=replace(meta, finalizers=("other",)))))
    assert (plan.actions, plan.status) == ((), None)


def test_a_pause_stops_no_deletion() -> None:
    world = running(two_clusters(strategy={"paused": True}))
    world.delete(META, APPSET)
    world.settle()
    assert not world.objects


def test_pods_and_warnings_of_all_clusters_have_their_clusters_name() -> None:
    def troubled(child: AdvDeployment) -> AdvDeployment:
        pods = tuple(PodStatusInfo(name=f"p{number}") for number in range(40))
        events = tuple(WarnEvent(name=f"e{number}") for number in range(15))
        counts = replace(child.status.aggr_status, pods=pods, warn_events=events)
        return replace(child, status=replace(child.status, aggr_status=counts))

    counts = told(with_child(with_child(VIEW, BJ4, troubled), BJ5, troubled)).aggr_status
    assert (len(counts.pods), len(counts.warn_events)) == (50, 20)
    assert {each.cluster_name for each in counts.pods} == {BJ4, BJ5}
    assert {each.cluster_name for each in counts.warn_events} == {BJ4, BJ5}


def test_the_id_is_copied_to_the_status_and_confirmations_are_not_touched() -> None:
    status = VIEW.app.status
    assert status.app_id == VIEW.app.metadata.annotations[names.APP_ID]
    assert status.rollout.finished == VIEW.app.metadata.annotations[names.INSTALL_HASH]
    assert VIEW.fleet_id == FLEET


def test_even_a_status_that_is_held_back_has_the_id_and_the_clusters_at_once() -> None:
    world = World(BJ4, BJ5)
    world.apply(two_clusters())
    world.round()
    view = world.appset_view()
    held = plan_appset(view, START + timedelta(seconds=2))
    assert any(isinstance(action, Create) for action in held.actions)
    assert held.status is not None
    assert held.status.observed_generation == -1
    assert held.status.app_id == view.app.metadata.annotations[names.APP_ID]
    assert [row.name for row in held.status.aggr_status.clusters] == [BJ4, BJ5]


def test_an_event_is_told_once() -> None:
    world = running()
    world.edit(lambda spec: dig_map(spec, "podSpec").update({"deployType": "magic"}))
    view = world.appset_view()
    again = replace(view, app=replace(view.app, status=told(view)))
    assert [action for action in planned(again).actions if isinstance(action, Emit)] == []
