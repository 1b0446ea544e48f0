"""The worker's decisions about StatefulSets: what is written, what never is, what is told."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sym.model import names
from sym.model.advdeployment import AdvDeploymentStatus, ChildPodSet
from sym.model.appset import AppStatus, PodManagementPolicy, PodSetStatus, StatefulSetStrategy
from sym.model.codec import JSON, JSONMap, convert, dig, dig_list, dig_map, to_map
from sym.model.conditions import find_condition
from sym.model.kinds import STATEFULSET
from sym.model.workload import Deployment, Pod, StatefulSet
from sym.plan.advdeployment import plan_advdeployment
from sym.plan.deployers.statefulset import FIXED
from sym.plan.types import Apply, Create, Delete, Emit
from sym.plan.views import AdvDeploymentView
from tests.golden.world import World
from tests.make import BJ4, BJ5, stateful
from tests.plan.test_advdeployment import NOW, OWNER, dig_into

CLAIM: JSONMap = {
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}


def running(app: JSONMap) -> AdvDeploymentView:
    """What the worker sees where the AppSet runs."""
    world = World(BJ4, BJ5)
    world.apply(app)
    world.settle()
    return world.worker_view(BJ4)


VIEW = running(stateful(volumeClaimTemplates=[CLAIM]))
(BLUE,) = VIEW.stateful_sets
(POD_SET,) = VIEW.adv.spec.topology.pod_sets


def planned(view: AdvDeploymentView) -> tuple[object, ...]:
    """The actions."""
    return plan_advdeployment(view, NOW).actions


def told(view: AdvDeploymentView) -> tuple[AdvDeploymentStatus, PodSetStatus]:
    """The status, and that of its one podSet."""
    status = plan_advdeployment(view, NOW).status
    assert status is not None
    (pod_set,) = status.aggr_status.pod_sets
    return status, pod_set


def stalled(view: AdvDeploymentView) -> tuple[str, str]:
    """Reason and message of what stalls."""
    condition = find_condition(told(view)[0].conditions, names.STALLED)
    assert condition is not None
    return (condition.reason, condition.message) if condition.true else ("", "")


def seen_as(change: Callable[[JSONMap], object]) -> AdvDeploymentView:
    """The view in which the StatefulSet says something else."""
    body = to_map(BLUE)
    change(body)
    return replace(VIEW, stateful_sets=(convert(body, StatefulSet),))


def asked(**fields: object) -> AdvDeploymentView:
    """The view in which the podSet asks for something else."""
    return with_pod_set(replace(POD_SET, **fields))


def with_pod_set(pod_set: ChildPodSet) -> AdvDeploymentView:
    spec = replace(
        VIEW.adv.spec, replicas=pod_set.replicas, topology=replace(VIEW.adv.spec.topology, pod_sets=(pod_set,))
    )
    return replace(VIEW, adv=replace(VIEW.adv, spec=spec))


def test_it_is_created_with_every_bound_written_out() -> None:
    create = next(each for each in planned(replace(VIEW, stateful_sets=())) if isinstance(each, Create))
    spec = dig_map(create.body, "spec")
    assert create.kind == STATEFULSET
    assert {key: each for key, each in spec.items() if key != "template"} == {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "bbcc", names.PODSET: "bbcc-gz01b-blue"}},
        "serviceName": "bbcc-svc",
        "podManagementPolicy": "OrderedReady",
        "volumeClaimTemplates": [CLAIM],
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0, "maxUnavailable": 1}},
        "minReadySeconds": 0,
        "revisionHistoryLimit": 10,
    }
    labels = dig_map(spec, "template", "metadata", "labels")
    assert (labels["app"], labels[names.PODSET]) == ("bbcc", "bbcc-gz01b-blue")
    assert dig(create.body, "metadata", "annotations", names.APP_ID) == OWNER.app_id


def test_nothing_is_written_where_nothing_has_changed() -> None:
    assert planned(VIEW) == ()
    assert told(VIEW)[0] is VIEW.adv.status
    assert VIEW.adv.status.aggr_status.owner_resource == ("StatefulSet:default/bbcc-gz01b-blue",)


CHANGED: dict[str, Callable[[JSONMap], object]] = {
    "replicas": lambda body: dig_into(body, "spec").update({"replicas": 9}),
    "image": lambda body: dig_into(body, "spec", "template", "spec").update({"containers": []}),
    "label": lambda body: dig_into(body, "metadata", "labels").pop(names.GROUP),
    "revision": lambda body: dig_into(body, "metadata", "annotations").update({names.REVISION: "old"}),
    "partition": lambda body: dig_into(body, "spec", "updateStrategy", "rollingUpdate").update({"partition": 2}),
    "maxUnavailable": lambda body: dig_into(body, "spec", "updateStrategy", "rollingUpdate").update(
        {"maxUnavailable": 2}
    ),
    "OnDelete": lambda body: dig_into(body, "spec").update({"updateStrategy": {"type": "OnDelete"}}),
    "history": lambda body: dig_into(body, "spec").update({"revisionHistoryLimit": 3}),
    "minReadySeconds": lambda body: dig_into(body, "spec").update({"minReadySeconds": 3}),
}


@pytest.mark.parametrize("what", CHANGED)
def test_what_others_changed_is_put_right(what: str) -> None:
    (action,) = planned(seen_as(CHANGED[what]))
    assert isinstance(action, Apply)
    assert (action.kind, action.force) == (STATEFULSET, False)
    assert dig(action.body, "metadata", "uid") == BLUE.metadata.uid


def served(body: JSONMap) -> None:
    """What a real server writes into a StatefulSet."""
    claim: JSONMap = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "creationTimestamp": None},
        "spec": {**dig_map(CLAIM, "spec"), "volumeMode": "Filesystem"},
        "status": {"phase": "Pending"},
    }
    dig_into(body, "spec").update(
        {
            "volumeClaimTemplates": [claim],
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
        }
    )


def test_what_the_server_added_is_no_difference() -> None:
    assert planned(seen_as(served)) == ()


def dropped(body: JSONMap) -> None:
    """What a server without MaxUnavailableStatefulSet leaves of the strategy."""
    dig_into(body, "spec", "updateStrategy", "rollingUpdate").pop("maxUnavailable")


def test_a_server_that_knows_no_max_unavailable_is_asked_for_it_once() -> None:
    assert planned(seen_as(dropped)) == ()
    view = replace(asked(stateful_set_strategy=StatefulSetStrategy(max_unavailable="50%")), stateful_sets=())
    create = next(each for each in planned(view) if isinstance(each, Create))
    assert dig(create.body, "metadata", "annotations", names.MAX_UNAVAILABLE) == "50%"
    view = replace(view, stateful_sets=seen_as(dropped).stateful_sets)
    (apply,) = planned(view)
    assert isinstance(apply, Apply)
    assert dig(apply.body, "spec", "updateStrategy", "rollingUpdate", "maxUnavailable") == "50%"

    def noted(body: JSONMap) -> None:
        dropped(body)
        dig_into(body, "metadata", "annotations").update({names.MAX_UNAVAILABLE: "50%"})

    assert planned(replace(view, stateful_sets=seen_as(noted).stateful_sets)) == ()


# --- what never changes

BIGGER: JSONMap = {**CLAIM, "spec": {**dig_map(CLAIM, "spec"), "resources": {"requests": {"storage": "2Gi"}}}}
POD_SPEC = POD_SET.pod_spec
REFUSED = {
    "policy": ("podManagementPolicy", replace(POD_SPEC, pod_management_policy=PodManagementPolicy.PARALLEL)),
    "storage": ("volumeClaimTemplates", replace(POD_SPEC, volume_claim_templates=(BIGGER,))),
    "no claim": ("volumeClaimTemplates", replace(POD_SPEC, volume_claim_templates=())),
    "one more": ("volumeClaimTemplates", replace(POD_SPEC, volume_claim_templates=(CLAIM, BIGGER))),
    "less in it": (
        "volumeClaimTemplates",
        replace(POD_SPEC, volume_claim_templates=({"metadata": {"name": "data"}, "spec": {}},)),
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_change_of_what_never_changes_is_refused_before_anything_is_written(what: str) -> None:
    field, pod_spec = REFUSED[what]
    view = asked(pod_spec=pod_spec, revision="new", replicas=5)
    assert [type(each) for each in planned(view)] == [Emit]
    reason, message = stalled(view)
    assert reason == "ImmutableField"
    assert message.startswith(f"podSet bbcc-gz01b-blue: spec.{field} of a StatefulSet never changes")
    assert f"set spec.podSpec.{field} back, rename the podSet" in message
    assert "kubectl delete sts bbcc-gz01b-blue -n default --cascade=orphan" in message


def test_a_service_name_that_sym_did_not_give_is_refused_too() -> None:
    view = seen_as(lambda body: dig_into(body, "spec").update({"serviceName": "other"}))
    assert [type(each) for each in planned(view)] == [Emit]
    assert "this one: rename the podSet" in stalled(view)[1]


def test_claims_in_other_words_are_the_same() -> None:
    same: JSONMap = {**CLAIM, "spec": {**dig_map(CLAIM, "spec"), "resources": {"requests": {"storage": "1024Mi"}}}}
    view = asked(pod_spec=replace(POD_SPEC, volume_claim_templates=(same,)), revision="new")
    (action,) = planned(replace(view, stateful_sets=seen_as(served).stateful_sets))
    assert isinstance(action, Apply)


def claim(name: str, size: str, class_: str) -> JSONMap:
    """A template of a claim."""
    classed: JSONMap = {"storageClassName": class_} if class_ else {}
    return {"metadata": {"name": name}, "spec": {"resources": {"requests": {"storage": size}}, **classed}}


CLAIMS: st.SearchStrategy[JSONMap] = st.builds(
    claim,
    st.sampled_from(["data", "logs"]),
    st.sampled_from(["1Gi", "2Gi"]),
    st.sampled_from(["", "fast"]),
)


@given(
    st.lists(CLAIMS, max_size=2),
    st.sampled_from([None, *PodManagementPolicy]),
    st.lists(CLAIMS, max_size=2),
    st.sampled_from(["OrderedReady", "Parallel"]),
)
def test_no_write_ever_changes_what_never_changes(
    wanted: list[JSONMap], policy: PodManagementPolicy | None, claims: list[JSONMap], was: str
) -> None:
    """And where nothing of that changes, the write goes out."""
    pod_spec = replace(POD_SPEC, pod_management_policy=policy, volume_claim_templates=tuple(wanted))
    there: list[JSON] = [*claims]
    new: JSONMap = {"volumeClaimTemplates": there, "podManagementPolicy": was}
    view = asked(pod_spec=pod_spec, revision="new")
    view = replace(view, stateful_sets=seen_as(lambda body: dig_into(body, "spec").update(new)).stateful_sets)
    applies = [each for each in planned(view) if isinstance(each, Apply)]
    same = (wanted, policy or "OrderedReady") == (claims, was)
    assert bool(applies) is same
    for each in applies:
        assert (dig_list(each.body, "spec", "volumeClaimTemplates"), dig(each.body, "spec", "podManagementPolicy")) == (
            claims,
            was,
        )


def test_the_fields_that_never_change_are_named() -> None:
    assert [field.name for field in FIXED] == ["serviceName", "podManagementPolicy", "volumeClaimTemplates"]


# --- whose it is


def test_that_of_another_is_never_touched() -> None:
    foreign = replace(BLUE, metadata=replace(BLUE.metadata, annotations={}))
    view = replace(VIEW, stateful_sets=(foreign,))
    assert [type(each) for each in planned(view)] == [Emit]
    reason, message = stalled(view)
    assert reason == "ForeignOwner"
    assert message.endswith("or take the workload over with `sym adopt`")
    assert not told(view)[1].have_deploy


def test_one_that_is_being_deleted_is_waited_for() -> None:
    going = replace(BLUE, metadata=replace(BLUE.metadata, deletion_timestamp=NOW))
    assert planned(replace(VIEW, stateful_sets=(going,))) == ()


@given(st.booleans(), st.booleans(), st.sampled_from(["app-1", "app-2", ""]))
def test_none_is_deleted_without_the_owner_record(label: bool, named: bool, app_id: str) -> None:
    labels = {**BLUE.metadata.labels, names.APP: "bbcc" if label else "other"}
    annotations = {**BLUE.metadata.annotations, names.APP_ID: app_id}
    name = BLUE.metadata.name if named else "bbcc-old"
    other = replace(BLUE, metadata=replace(BLUE.metadata, name=name, labels=labels, annotations=annotations))
    view = replace(VIEW, stateful_sets=(BLUE, other) if not named else (other,))
    deletes = [each for each in planned(view) if isinstance(each, Delete)]
    assert bool(deletes) is (label and not named and app_id == "app-1")


def test_a_changed_deploy_type_leaves_the_old_workload_until_the_new_one_runs() -> None:
    old = convert({"metadata": to_map(BLUE.metadata)}, Deployment)
    view = replace(VIEW, workloads=(old,))
    (action,) = planned(view)
    assert isinstance(action, Delete)
    assert (action.kind.name, action.name) == ("Deployment", "bbcc-gz01b-blue")
    waiting = replace(view, stateful_sets=(replace(BLUE, status=replace(BLUE.status, available_replicas=2)),))
    assert not [each for each in planned(waiting) if isinstance(each, Delete)]


# --- what is told


def partitioned(partition: int | None, updated: int, live: int) -> AdvDeploymentView:
    """The view in which `updated` pods have the new revision, and the StatefulSet has the partition `live`."""

    def change(body: JSONMap) -> None:
        dig_into(body, "spec", "updateStrategy", "rollingUpdate").update({"partition": live})
        dig_into(body, "status").update({"updatedReplicas": updated})

    view = asked(stateful_set_strategy=StatefulSetStrategy(partition=partition))
    return replace(view, stateful_sets=seen_as(change).stateful_sets)


@pytest.mark.parametrize(
    ("partition", "updated", "live", "held", "state"),
    [
        (2, 1, 2, 2, AppStatus.RUNNING),
        (2, 3, 2, 2, AppStatus.RUNNING),
        (9, 0, 9, 3, AppStatus.RUNNING),
        (2, 0, 2, 2, AppStatus.UPDATING),
        (None, 1, 0, 0, AppStatus.UPDATING),
        (0, 1, 2, 0, AppStatus.UPDATING),
        (3, 1, 2, 0, AppStatus.UPDATING),
    ],
)
def test_pods_below_the_partition_are_where_they_shall_be(
    partition: int | None, updated: int, live: int, held: int, state: AppStatus
) -> None:
    """A partition that the StatefulSet does not have yet holds nothing back: its status is of another question."""
    status, pod_set = told(partitioned(partition, updated, live))
    assert (pod_set.held, status.aggr_status.status) == (held, state)


def test_the_podsets_own_strategy_counts() -> None:
    outer = replace(VIEW.adv.spec.update_strategy, stateful_set_strategy=StatefulSetStrategy(partition=1))
    view = replace(VIEW, adv=replace(VIEW.adv, spec=replace(VIEW.adv.spec, update_strategy=outer)))
    (apply,) = planned(view)
    assert isinstance(apply, Apply)
    assert dig(apply.body, "spec", "updateStrategy", "rollingUpdate", "partition") == 1


def pod(revision: str, waiting: str, *, ready: bool = False) -> Pod:
    """A pod of the podSet."""
    state: JSONMap = {"waiting": {"reason": waiting}} if waiting else {}
    status: JSONMap = {
        "phase": "Pending",
        "conditions": [{"type": "Ready", "status": str(ready)}],
        "containerStatuses": [{"name": "bbcc", "ready": ready, "state": state}],
    }
    labels: JSONMap = {"app": "bbcc", names.PODSET: POD_SET.name, names.POD_REVISION: revision}
    return convert({"metadata": {"name": "bbcc-2", "namespace": "default", "labels": labels}, "status": status}, Pod)


def updating(one: Pod, policy: str = "OrderedReady", observed: int = 9) -> AdvDeploymentView:
    """The view in which revision `new` is on its way and the StatefulSet has that pod."""

    def change(body: JSONMap) -> None:
        dig_into(body, "spec").update({"podManagementPolicy": policy})
        dig_into(body, "status").update({"updateRevision": "new", "updatedReplicas": 1, "observedGeneration": observed})

    parallel = replace(POD_SPEC, pod_management_policy=PodManagementPolicy(policy))
    view = asked(pod_spec=parallel)
    return replace(view, stateful_sets=seen_as(change).stateful_sets, pods=(one,))


def test_a_broken_pod_that_kubernetes_waits_for_is_told_with_what_to_do() -> None:
    reason, message = stalled(updating(pod("old", "ImagePullBackOff")))
    assert reason == "BrokenPod"
    assert "pod bbcc-2 of an older revision is not ready (ImagePullBackOff)" in message
    assert message.endswith("delete that pod (kubectl delete pod bbcc-2 -n default)")


@pytest.mark.parametrize(
    "view",
    [
        updating(pod("new", "ImagePullBackOff")),
        updating(pod("old", "ContainerCreating")),
        updating(pod("old", "")),
        updating(pod("old", "Odd", ready=True)),
        updating(pod("old", "ImagePullBackOff"), "Parallel"),
        updating(pod("old", "ImagePullBackOff"), observed=0),
    ],
)
def test_other_pods_are_waited_for(view: AdvDeploymentView) -> None:
    assert stalled(view) == ("", "")
