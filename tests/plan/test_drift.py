"""What became of the objects that Helm rendered, on literals."""

from collections.abc import Callable

from msgspec.structs import replace

from sym.model import names
from sym.model.codec import JSONMap, convert, dig, dig_map, to_json, to_map
from sym.model.kinds import CONFIGMAP, DEPLOYMENT, SERVICE, STATEFULSET
from sym.model.workload import (
    Autoscaler,
    AutoscalerSpec,
    ConfigMap,
    Deployment,
    ScaleTarget,
    Service,
    StatefulSet,
)
from sym.plan.ownership import record
from sym.plan.types import (
    Apply,
    Create,
)
from sym.plan.views import AdvDeploymentView
from tests.plan.releases import (
    NAME,
    NONE,
    NOW,
    ONE,
    OWNER,
    TEMPLATE,
    child,
    deployment,
    helm_app,
    installed,
    known,
    of_helm,
    release,
    rendered,
    seen,
    wanted,
)

# --- what became of the objects


def drifted(change: Callable[[JSONMap], object]) -> AdvDeploymentView:
    """The view in which somebody changed the Deployment."""
    body = to_map(deployment())
    change(body)
    return installed(made=(convert(body, Deployment),))


def test_a_deleted_object_is_made_again_as_it_was_rendered() -> None:
    (action,) = of_helm(installed(made=()))
    assert isinstance(action, Create)
    assert (action.kind, action.manager) == (DEPLOYMENT, names.HELM)
    metadata = dig_map(action.body, "metadata")
    assert metadata["name"] == NAME
    assert dig_map(metadata, "labels")[names.MANAGED_BY] == "Helm"
    assert dig_map(metadata, "annotations") == {names.HELM_RELEASE: NAME, names.HELM_NAMESPACE: "default"}
    assert dig(action.body, "spec", "replicas") == 2


def test_what_others_changed_is_applied_again() -> None:
    def scaled(body: JSONMap) -> None:
        dig_map(body, "spec")["replicas"] = 7

    (action,) = of_helm(drifted(scaled))
    assert isinstance(action, Apply)
    assert (action.kind, action.manager, action.force) == (DEPLOYMENT, names.HELM, True)
    assert (dig(action.body, "metadata", "uid"), dig(action.body, "metadata", "resourceVersion")) == ("uid-d", "9")
    assert dig(action.body, "spec", "replicas") == 2
    assert names.APP_ID not in dig_map(action.body, "metadata", "annotations")


def test_a_repair_that_changed_nothing_is_not_repeated() -> None:
    def scaled(body: JSONMap) -> None:
        dig_map(body, "spec")["replicas"] = 7

    view = drifted(scaled)
    tried = replace(known(), repaired={"uid-d": "3"})
    assert of_helm(replace(view, helm={NAME: tried})) == []
    changed_since = replace(known(), repaired={"uid-d": "2"})
    assert [type(each) for each in of_helm(replace(view, helm={NAME: changed_since}))] == [Apply]


def test_fields_that_are_left_to_others_are_left() -> None:
    def scaled(body: JSONMap) -> None:
        dig_map(body, "spec")["replicas"] = 7

    target = ScaleTarget(kind="Deployment", name=NAME)
    autoscaler = Autoscaler(spec=AutoscalerSpec(scale_target_ref=target))
    view = replace(drifted(scaled), autoscalers=(autoscaler,))
    assert of_helm(view) == []
    assert seen(view).desired == 7
    annotations = {**view.adv.metadata.annotations, names.IGNORE_FIELDS: "spec.replicas"}
    ignoring = replace(view.adv, metadata=replace(view.adv.metadata, annotations=annotations))
    assert of_helm(replace(drifted(scaled), adv=ignoring)) == []
    upgraded = replace(child(helm_app(version="v2")), releases=(release(),), helm={NAME: known()})
    upgraded = replace(upgraded, workloads=view.workloads, autoscalers=(autoscaler,))
    assert dig(dig_map(wanted(upgraded).values[-1]), "replicaCount") == 7


def test_our_record_comes_onto_the_workloads() -> None:
    def unmarked(body: JSONMap) -> None:
        for key in record(OWNER):
            del dig_map(body, "metadata", "annotations")[key]

    (action,) = of_helm(drifted(unmarked))
    assert isinstance(action, Apply)
    assert (action.manager, action.force) == (names.WORKER, False)
    assert dig_map(action.body, "metadata", "annotations") == record(OWNER)
    assert "spec" not in action.body


def test_what_is_being_deleted_or_another_releases_is_left() -> None:
    def deleting(body: JSONMap) -> None:
        dig_map(body, "metadata")["deletionTimestamp"] = NOW.isoformat()
        dig_map(body, "spec")["replicas"] = 7

    def others(body: JSONMap) -> None:
        dig_map(body, "metadata", "annotations")[names.HELM_RELEASE] = "other"
        dig_map(body, "spec")["replicas"] = 7

    assert of_helm(drifted(deleting)) == []
    assert of_helm(drifted(others)) == []


def test_other_kinds_are_looked_at_too() -> None:
    marks: JSONMap = {"labels": {"app": "bbcc", names.MANAGED_BY: "Helm"}}
    marks["annotations"] = {names.HELM_RELEASE: NAME, names.HELM_NAMESPACE: "default"}

    def meta(name: str) -> JSONMap:
        return {"name": name, "namespace": "default", "uid": f"uid-{name}", "resourceVersion": "4", **marks}

    ports: JSONMap = {"ports": [{"name": "http", "port": 80, "targetPort": "http", "appProtocol": "h2c"}]}
    service: JSONMap = {"type": "ClusterIP", "clusterIP": "None", "selector": {"app": "bbcc"}, **ports}
    far: JSONMap = {
        **rendered("ConfigMap", "far", "v1", data={}),
        "metadata": {"name": "far", "namespace": "elsewhere"},
    }
    objects = (
        rendered(),
        rendered("ConfigMap", "conf", "v1", data={"a": "1"}),
        rendered("ConfigMap", "bare", "v1", binaryData={}),
        rendered("Service", "bbcc-svc", "v1", spec=service),
        rendered("StatefulSet", "db", spec={"replicas": 1, "template": TEMPLATE}),
        rendered("Ingress", "way", "networking.k8s.io/v1", spec={"rules": []}),
        far,
    )
    live_service: JSONMap = {
        **service,
        "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}],
    }
    annotated: JSONMap = {**marks, "annotations": to_json({**dig_map(marks, "annotations"), **record(OWNER)})}
    stateful = convert(
        {"metadata": {**meta("db"), **annotated}, "spec": {"replicas": 1, "template": TEMPLATE}}, StatefulSet
    )
    view = replace(
        installed(state=known(*objects)),
        config_maps=tuple(
            convert({"metadata": meta(name), "data": data}, ConfigMap) for name, data in (("conf", ONE), ("bare", NONE))
        ),
        services=(convert({"metadata": meta("bbcc-svc"), "spec": live_service}, Service),),
        stateful_sets=(stateful,),
    )
    assert of_helm(view) == []
    edited = convert({"metadata": meta("conf"), "data": {"a": "2"}}, ConfigMap)
    found = of_helm(replace(view, config_maps=(edited, *(view.config_maps or ())[1:])))
    assert [(type(each), each.kind) for each in found if isinstance(each, Apply)] == [(Apply, CONFIGMAP)]
    gone = of_helm(replace(view, services=(), stateful_sets=(), config_maps=None))
    assert [each.kind for each in gone if isinstance(each, Create)] == [SERVICE, STATEFULSET]
