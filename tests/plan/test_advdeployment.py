"""The worker's decisions that stories do not tell."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

import pytest
from msgspec.structs import replace

from sym.model import names
from sym.model.advdeployment import AdvDeploymentStatus
from sym.model.appset import AppStatus, DeployType
from sym.model.codec import JSONMap, convert, dig, dig_map, parse_map, to_map
from sym.model.conditions import find_condition
from sym.model.kinds import ADVDEPLOYMENT, DEPLOYMENT
from sym.model.workload import Autoscaler, AutoscalerSpec, Deployment, Event, ScaleTarget, WorkloadCondition
from sym.plan.advdeployment import plan_advdeployment
from sym.plan.emptying import FRESH, RECHECK
from sym.plan.ownership import Tombstone
from sym.plan.types import Apply, Create, Delete, Emit, Finalize, Gone, Measure, Owner, Plan
from sym.plan.views import AdvDeploymentView
from tests.golden.world import FLEET, START, World
from tests.make import BJ4, BJ5, two_clusters

NOW = START + timedelta(minutes=5)
OWNER = Owner(fleet_id=FLEET, app_id="app-1", namespace="default", name="bbcc")


def running() -> World:
    """A world in which bbcc runs."""
    world = World(BJ4, BJ5)
    world.apply(two_clusters())
    world.settle()
    return world


VIEW = running().worker_view(BJ4)
BLUE = VIEW.workloads[0]


def planned(view: AdvDeploymentView) -> Plan[AdvDeploymentStatus]:
    """The plan, long after anything was created."""
    return plan_advdeployment(view, NOW)


def told(view: AdvDeploymentView) -> AdvDeploymentStatus:
    """The status that is planned."""
    status = planned(view).status
    assert status is not None
    return status


def why(status: AdvDeploymentStatus, type_: str) -> tuple[str, str]:
    """Status and reason of a condition."""
    condition = find_condition(status.conditions, type_)
    assert condition is not None
    return condition.status, condition.reason


def with_deployment(change: Callable[[JSONMap], object]) -> AdvDeploymentView:
    """The view in which the Deployment says something else."""
    body = to_map(BLUE)
    change(body)
    return replace(VIEW, workloads=(convert(body, Deployment),))


def dying(stone: str, others: Mapping[str, str] = MappingProxyType({})) -> AdvDeploymentView:
    """The view in which the AdvDeployment is being deleted."""
    annotations = {**VIEW.adv.metadata.annotations, names.TOMBSTONE: stone, **others}
    meta = replace(VIEW.adv.metadata, deletion_timestamp=NOW, annotations=annotations)
    return replace(VIEW, adv=replace(VIEW.adv, metadata=meta))


STONE = Tombstone(app_id="app-1", epoch=0, uid=VIEW.adv.metadata.uid)


def test_nothing_is_written_where_nothing_has_changed() -> None:
    plan = planned(VIEW)
    assert plan.actions == ()
    assert plan.status is VIEW.adv.status


def test_the_finalizer_comes_before_anything_else() -> None:
    meta = replace(VIEW.adv.metadata, finalizers=())
    (action,) = planned(replace(VIEW, adv=replace(VIEW.adv, metadata=meta), workloads=())).actions
    assert isinstance(action, Apply)
    assert action.kind == ADVDEPLOYMENT
    assert dig(action.body, "metadata", "finalizers") == [names.FINALIZER]


def test_an_advdeployment_without_an_owner_record_is_not_served() -> None:
    meta = replace(VIEW.adv.metadata, annotations={})
    plan = planned(replace(VIEW, adv=replace(VIEW.adv, metadata=meta), workloads=()))
    assert [type(action) for action in plan.actions] == [Emit]
    assert plan.status is not None
    assert why(plan.status, names.STALLED) == ("True", "NoOwner")


def test_a_deploytype_without_a_deployer_stalls() -> None:
    (pod_set,) = VIEW.adv.spec.topology.pod_sets
    other = replace(pod_set, pod_spec=replace(pod_set.pod_spec, deploy_type=DeployType.IN_PLACE_SET))
    spec = replace(VIEW.adv.spec, topology=replace(VIEW.adv.spec.topology, pod_sets=(other,)))
    plan = planned(replace(VIEW, adv=replace(VIEW.adv, spec=spec), workloads=()))
    assert [type(action) for action in plan.actions] == [Emit]
    assert plan.status is not None
    assert why(plan.status, names.STALLED) == ("True", "DeployTypeNotAvailable")


CHANGED: dict[str, Callable[[JSONMap], object]] = {
    "replicas": lambda body: dig_into(body, "spec").update({"replicas": 9}),
    "image": lambda body: dig_into(body, "spec", "template", "spec").update({"containers": []}),
    "label": lambda body: dig_into(body, "metadata", "labels").pop(names.GROUP),
    "revision": lambda body: dig_into(body, "metadata", "annotations").update({names.REVISION: "old"}),
    "surge": lambda body: dig_into(body, "spec", "strategy", "rollingUpdate").update({"maxSurge": 3}),
    "history": lambda body: dig_into(body, "spec").update({"revisionHistoryLimit": 3}),
    "deadline": lambda body: dig_into(body, "spec").update({"progressDeadlineSeconds": 3}),
    "minReadySeconds": lambda body: dig_into(body, "spec").update({"minReadySeconds": 3}),
}


def dig_into(body: JSONMap, *path: str) -> JSONMap:
    """The object at `path`, itself."""
    for step in path:
        inner = body[step]
        assert isinstance(inner, dict)
        body = inner
    return body


@pytest.mark.parametrize("what", CHANGED)
def test_what_others_changed_is_put_right(what: str) -> None:
    (action,) = planned(with_deployment(CHANGED[what])).actions
    assert isinstance(action, Apply)
    assert (action.kind, action.force) == (DEPLOYMENT, False)
    assert dig(action.body, "metadata", "uid") == BLUE.metadata.uid


def test_what_the_server_and_others_added_is_left_alone() -> None:
    def add(body: JSONMap) -> None:
        dig_into(body, "spec", "template", "spec").update({"dnsPolicy": "ClusterFirst", "restartPolicy": "Always"})
        dig_into(body, "spec").update({"paused": True})
        dig_into(body, "metadata", "annotations").update({"deployment.kubernetes.io/revision": "1"})

    assert planned(with_deployment(add)).actions == ()


def test_what_a_real_server_made_of_our_deployment_is_what_we_wrote() -> None:
    """`live` is what kube-apiserver 1.34 gave out for the Deployment that this AppSet led to, defaults and all."""
    data = parse_map((Path(__file__).parent / "data" / "deployment-1.34.json").read_bytes())
    world = World(BJ4)
    world.apply(dig_map(data, "appset"))
    world.settle()
    view = world.worker_view(BJ4)
    live = convert(data["live"], Deployment)
    owners = replace(live.metadata, annotations=view.workloads[0].metadata.annotations)
    plan = planned(replace(view, workloads=(replace(live, metadata=owners),)))
    assert [action for action in plan.actions if not isinstance(action, Emit)] == []


@pytest.mark.parametrize("key", [names.APP_ID, names.FLEET_ID])
def test_a_deployment_of_another_is_never_touched(key: str) -> None:
    def steal(body: JSONMap) -> None:
        dig_into(body, "metadata", "annotations").update({key: "other"})
        dig_into(body, "spec").update({"replicas": 9})

    plan = planned(with_deployment(steal))
    assert [type(action) for action in plan.actions] == [Emit]
    assert plan.status is not None
    assert why(plan.status, names.STALLED) == ("True", "ForeignOwner")
    assert (plan.status.aggr_status.available, plan.status.aggr_status.desired) == (0, 2)


def test_an_adopted_deployment_keeps_its_selector() -> None:
    def adopt(body: JSONMap) -> None:
        dig_into(body, "spec").update({"selector": {"matchLabels": {"app": "bbcc", "old": "1"}}, "replicas": 9})

    (action,) = planned(with_deployment(adopt)).actions
    assert isinstance(action, Apply)
    assert dig(action.body, "spec", "selector", "matchLabels") == {"app": "bbcc", "old": "1"}


def test_a_deleting_deployment_is_waited_for() -> None:
    meta = replace(BLUE.metadata, deletion_timestamp=NOW)
    spec = replace(BLUE.spec, replicas=9)
    assert planned(replace(VIEW, workloads=(replace(BLUE, metadata=meta, spec=spec),))).actions == ()


def test_a_workload_without_a_podset_goes_when_all_others_run() -> None:
    meta = replace(BLUE.metadata, name="bbcc-old", uid="u-old", resource_version="77")
    old = replace(BLUE, metadata=meta)
    (action,) = planned(replace(VIEW, workloads=(BLUE, old))).actions
    assert isinstance(action, Delete)
    assert (action.name, action.uid, action.resource_version, action.owner) == ("bbcc-old", "u-old", "77", OWNER)
    waiting = replace(BLUE, status=replace(BLUE.status, available_replicas=1))
    assert planned(replace(VIEW, workloads=(waiting, old))).actions == ()
    foreign = replace(old, metadata=replace(meta, annotations={}))
    assert planned(replace(VIEW, workloads=(BLUE, foreign))).actions == ()


# --- what is left to others


def ignoring(view: AdvDeploymentView, text: str) -> AdvDeploymentView:
    """The view in which the AdvDeployment leaves fields to others."""
    meta = view.adv.metadata
    annotations = {**meta.annotations, names.IGNORE_FIELDS: text}
    return replace(view, adv=replace(view.adv, metadata=replace(meta, annotations=annotations)))


def owned_by(body: JSONMap, manager: str, fields: JSONMap, subresource: str = "") -> None:
    """Note in a Deployment that `manager` owns `fields`."""
    entry: JSONMap = {"manager": manager, "subresource": subresource, "fieldsV1": fields}
    dig_into(body, "metadata")["managedFields"] = [entry]


def test_a_field_that_is_left_to_others_is_not_put_right() -> None:
    view = ignoring(with_deployment(CHANGED["surge"]), "spec.strategy.rollingUpdate.maxSurge")
    assert planned(view).actions == ()
    assert planned(ignoring(with_deployment(CHANGED["surge"]), "spec.strategy.type")).actions != ()


@pytest.mark.parametrize("others", [True, False])
def test_an_apply_neither_takes_nor_loses_a_field_that_is_left_to_others(others: bool) -> None:
    def change(body: JSONMap) -> None:
        CHANGED["surge"](body)
        CHANGED["deadline"](body)
        if others:
            surge: JSONMap = {"f:spec": {"f:strategy": {"f:rollingUpdate": {"f:maxSurge": {}}}}}
            owned_by(body, "kubectl-edit", surge)

    (action,) = planned(ignoring(with_deployment(change), "spec.strategy.rollingUpdate.maxSurge")).actions
    assert isinstance(action, Apply)
    assert dig(action.body, "spec", "progressDeadlineSeconds") == 600
    rolling = dig_map(action.body, "spec", "strategy", "rollingUpdate")
    assert rolling == ({"maxUnavailable": "25%"} if others else {"maxSurge": 3, "maxUnavailable": "25%"})


def test_what_is_left_to_others_is_given_at_creation() -> None:
    (action,) = planned(replace(ignoring(VIEW, "spec.strategy.rollingUpdate"), workloads=())).actions
    assert isinstance(action, Create)
    assert dig(action.body, "spec", "strategy", "rollingUpdate", "maxSurge") == "25%"


def test_a_list_of_fields_that_cannot_be_read_stalls() -> None:
    plan = planned(ignoring(with_deployment(CHANGED["surge"]), "spec.template"))
    assert [type(action) for action in plan.actions] == [Emit]
    assert plan.status is not None
    assert why(plan.status, names.STALLED) == ("True", "InvalidSpec")


SCALER = convert({"metadata": {"name": "hpa"}, "spec": {"scaleTargetRef": {"kind": "Deployment"}}}, Autoscaler)


def scaler(name: str = BLUE.metadata.name, kind: str = "Deployment") -> Autoscaler:
    """A HorizontalPodAutoscaler."""
    return replace(SCALER, spec=AutoscalerSpec(scale_target_ref=ScaleTarget(kind=kind, name=name)))


def scaled(manager: str = "", subresource: str = "scale") -> AdvDeploymentView:
    """The view in which the Deployment was scaled to 9, and all of its pods run."""

    def change(body: JSONMap) -> None:
        CHANGED["replicas"](body)
        dig_into(body, "status").update(dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), 9))
        if manager:
            owned_by(body, manager, {"f:spec": {"f:replicas": {}}}, subresource)

    return with_deployment(change)


@pytest.mark.parametrize(
    ("view", "autoscaler"),
    [
        (replace(scaled(), autoscalers=(scaler(),)), "HorizontalPodAutoscaler/hpa"),
        (replace(scaled("kube-controller-manager"), autoscalers=(scaler(),)), "HorizontalPodAutoscaler/hpa"),
        (replace(scaled("kube-controller-manager"), autoscalers=None), "kube-controller-manager"),
    ],
)
def test_an_autoscalers_count_is_left_alone_and_is_what_is_desired(view: AdvDeploymentView, autoscaler: str) -> None:
    plan = planned(view)
    assert plan.actions == ()
    assert plan.status is not None
    counts = plan.status.aggr_status
    assert (counts.status, counts.desired, counts.available) == (AppStatus.RUNNING, 9, 9)
    assert counts.pod_sets[0].autoscaler == autoscaler
    assert why(plan.status, names.READY) == ("True", "Running")


@pytest.mark.parametrize(
    "view",
    [
        replace(scaled("kubectl"), autoscalers=()),
        replace(scaled("kube-controller-manager"), autoscalers=()),
        replace(scaled("kubectl", ""), autoscalers=None),
        replace(scaled(), autoscalers=None),
        replace(scaled(), autoscalers=(scaler("other"),)),
        replace(scaled(), autoscalers=(scaler(kind="StatefulSet"),)),
        replace(scaled(), autoscalers=(replace(scaler(), metadata=replace(SCALER.metadata, deletion_timestamp=NOW)),)),
    ],
)
def test_a_count_that_no_autoscaler_owns_is_put_right(view: AdvDeploymentView) -> None:
    """Without force: where another manager owns it, the server refuses, and that is told."""
    (action,) = planned(view).actions
    assert isinstance(action, Apply)
    assert (dig(action.body, "spec", "replicas"), action.force) == (2, False)
    assert told(view).aggr_status.desired == 2


# --- states


@pytest.mark.parametrize(
    ("before", "changes", "state"),
    [
        ("Running", {"available_replicas": 1}, AppStatus.DEGRADED),
        ("Degraded", {"available_replicas": 1}, AppStatus.DEGRADED),
        ("Running", {"updated_replicas": 1, "available_replicas": 1}, AppStatus.UPDATING),
        ("Running", {"replicas": 3}, AppStatus.UPDATING),
        ("Running", {"replicas": 1, "updated_replicas": 1, "available_replicas": 1}, AppStatus.SCALING),
        ("Running", {"observed_generation": 0}, AppStatus.SCALING),
        ("Scaling", {"available_replicas": 1}, AppStatus.SCALING),
        ("Updating", {"available_replicas": 1}, AppStatus.UPDATING),
        ("Installing", {"available_replicas": 1}, AppStatus.INSTALLING),
        ("", {"available_replicas": 1}, AppStatus.INSTALLING),
    ],
)
def test_the_state_of_what_does_not_run_yet(before: str, changes: dict[str, int], state: AppStatus) -> None:
    workload = replace(BLUE, status=replace(BLUE.status, **changes))
    counts = replace(VIEW.adv.status.aggr_status, status=AppStatus(before))
    adv = replace(VIEW.adv, status=replace(VIEW.adv.status, aggr_status=counts))
    status = told(replace(VIEW, adv=adv, workloads=(workload,)))
    assert status.aggr_status.status is state
    assert why(status, names.READY)[0] == "False"


@pytest.mark.parametrize(("revision", "state"), [("older", AppStatus.UPDATING), (None, AppStatus.SCALING)])
def test_new_content_is_an_update_before_its_pods_are_counted(revision: str | None, state: AppStatus) -> None:
    (pod_set,) = VIEW.adv.status.aggr_status.pod_sets
    last = replace(pod_set, revision=revision or pod_set.revision)
    counts = replace(VIEW.adv.status.aggr_status, pod_sets=(last,))
    adv = replace(VIEW.adv, status=replace(VIEW.adv.status, aggr_status=counts))
    workload = replace(BLUE, status=replace(BLUE.status, observed_generation=0))
    assert told(replace(VIEW, adv=adv, workloads=(workload,))).aggr_status.status is state


@pytest.mark.parametrize(
    "condition",
    [
        WorkloadCondition(type="Progressing", status="False", reason="ProgressDeadlineExceeded", message="too slow"),
        WorkloadCondition(type="ReplicaFailure", status="True", reason="FailedCreate", message="quota"),
    ],
)
def test_what_the_workloads_controller_complains_of_stalls(condition: WorkloadCondition) -> None:
    fine = WorkloadCondition(type="Available", status="True")
    workload = replace(BLUE, status=replace(BLUE.status, available_replicas=1, conditions=(fine, condition)))
    status = told(replace(VIEW, workloads=(workload,)))
    assert why(status, names.STALLED) == ("True", condition.reason)
    assert status.aggr_status.status is AppStatus.DEGRADED
    counts = replace(VIEW.adv.status.aggr_status, status=AppStatus.INSTALLING)
    adv = replace(VIEW.adv, status=replace(VIEW.adv.status, aggr_status=counts))
    assert told(replace(VIEW, adv=adv, workloads=(workload,))).aggr_status.status is AppStatus.INSTALLING


def test_a_complaint_about_an_older_generation_is_over() -> None:
    condition = WorkloadCondition(type="Progressing", status="False", reason="ProgressDeadlineExceeded")
    workload = replace(BLUE, status=replace(BLUE.status, observed_generation=0, conditions=(condition,)))
    assert why(told(replace(VIEW, workloads=(workload,))), names.STALLED)[0] == "False"


def test_a_status_follows_the_pods() -> None:
    counts = VIEW.adv.status.aggr_status
    (pod_set,) = counts.pod_sets
    assert (counts.version, counts.owner_resource) == ("v1", ("Deployment:default/bbcc-gz01b-blue",))
    assert (pod_set.have_deploy, pod_set.running, pod_set.cluster_name) == (True, 2, BJ4)
    assert VIEW.adv.status.current_revision == VIEW.adv.status.update_revision == pod_set.revision
    assert (VIEW.adv.status.replicas, VIEW.adv.status.selector) == (2, "app=bbcc")


def test_two_revisions_are_no_revision() -> None:
    (one,) = VIEW.adv.spec.topology.pod_sets
    two = replace(one, name="bbcc-gz02b-blue", revision="other")
    spec = replace(VIEW.adv.spec, topology=replace(VIEW.adv.spec.topology, pod_sets=(one, two)))
    assert told(replace(VIEW, adv=replace(VIEW.adv, spec=spec))).update_revision == ""


def test_warnings_are_told_only_while_something_is_wrong() -> None:
    event = convert({"metadata": {"name": "e"}, "involvedObject": {"name": BLUE.metadata.name}}, Event)
    fine = replace(VIEW, events=(event,))
    assert told(fine).aggr_status.warn_events == ()
    broken = replace(fine, workloads=(replace(BLUE, status=replace(BLUE.status, available_replicas=1)),))
    assert [each.name for each in told(broken).aggr_status.warn_events] == ["e"]
    assert told(broken).aggr_status.pod_sets[0].warn_event


# --- the end


@pytest.mark.parametrize(
    "stone",
    ["", "{}", replace(STONE, uid="x").text, replace(STONE, app_id="x").text, replace(STONE, epoch=-1).text],
)
def test_without_a_valid_tombstone_the_workloads_stay(stone: str) -> None:
    actions = planned(dying(stone)).actions
    assert [type(action) for action in actions] == [Finalize, Emit]
    assert isinstance(actions[1], Emit)
    assert actions[1].reason == "OrphanedNotDeleted"


def test_without_an_owner_record_too() -> None:
    actions = planned(dying(STONE.text, {names.APP_ID: ""})).actions
    assert [type(action) for action in actions] == [Finalize, Emit]


def test_a_tombstone_of_an_older_epoch_is_not_believed() -> None:
    actions = planned(replace(dying(STONE.text), highest_epoch=1)).actions
    assert [type(action) for action in actions] == [Finalize, Emit]


def test_both_finalizers_are_released_and_no_other() -> None:
    view = dying("")
    meta = replace(view.adv.metadata, finalizers=("x", names.ANCESTOR_FINALIZER, names.FINALIZER))
    released = planned(replace(view, adv=replace(view.adv, metadata=meta))).actions[0]
    assert isinstance(released, Finalize)
    assert released.finalizers == ("x",)
    others = replace(view, adv=replace(view.adv, metadata=replace(meta, finalizers=("x",))))
    assert planned(others).actions == ()


def test_with_a_tombstone_the_workloads_go_first() -> None:
    (action,) = planned(dying(STONE.text)).actions
    assert isinstance(action, Delete)
    assert (action.uid, action.owner) == (BLUE.metadata.uid, OWNER)
    foreign = replace(BLUE, metadata=replace(BLUE.metadata, annotations={}))
    assert planned(replace(dying(STONE.text), workloads=(foreign,))).actions == (Measure(cluster=BJ4, owner=OWNER),)


CLEAN = Gone(cluster=BJ4, owner=OWNER, at=NOW, child=True)


@pytest.mark.parametrize(
    ("gone", "expected"),
    [
        (None, Measure),
        (CLEAN, Finalize),
        (replace(CLEAN, at=NOW - FRESH * 2), Measure),
        (replace(CLEAN, owner=replace(OWNER, app_id="x")), Measure),
        (replace(CLEAN, workloads=("Deployment x",)), None),
        (replace(CLEAN, workloads=("Deployment x",), at=NOW - RECHECK * 2), Measure),
    ],
)
def test_only_a_live_look_that_finds_nothing_releases_the_record(gone: Gone | None, expected: type | None) -> None:
    plan = planned(replace(dying(STONE.text), workloads=(), gone=gone))
    assert [type(action) for action in plan.actions] == ([expected] if expected else [])


def test_the_end_is_told_once() -> None:
    view = dying(STONE.text)
    status = told(view)
    assert status.aggr_status.status is AppStatus.DELETING
    again = replace(view, adv=replace(view.adv, status=status), workloads=())
    assert told(again) is status


@pytest.mark.parametrize("replicas", [2, 0])
def test_a_record_that_lost_its_podsets_takes_no_workload_along(replicas: int) -> None:
    """Also where `replicas` was pruned together with them: the master ends a cluster by tombstone, never so."""
    pruned = replace(VIEW.adv.spec, topology=replace(VIEW.adv.spec.topology, pod_sets=()), replicas=replicas)
    view = replace(VIEW, adv=replace(VIEW.adv, spec=pruned))
    assert not [action for action in planned(view).actions if isinstance(action, Delete)]


def test_a_record_whose_counts_do_not_add_up_takes_no_workload_along() -> None:
    old = replace(BLUE, metadata=replace(BLUE.metadata, name="bbcc-old"))
    view = replace(VIEW, workloads=(BLUE, old))
    more = replace(view, adv=replace(view.adv, spec=replace(view.adv.spec, replicas=5)))
    assert not [action for action in planned(more).actions if isinstance(action, Delete)]
    assert [type(action) for action in planned(view).actions] == [Delete]
